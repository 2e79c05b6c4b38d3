"""A scene that several workers map is, to the byte, the one that a single worker maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.batch.units import SceneUnit, compute_unit_part, map_unit
from pipeline.errors import StaleResultError
from pipeline.mapping.map_scene import map_scene
from pipeline.mapping.options import MapOptions
from tests.pipeline.small_scenes import compare_results, simulate_scenes
from tests.pipeline.tiny_models import write_model

OPTIONS = MapOptions(tile_size=64, formats=("gpkg", "geojson"), precision="fp32")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_scenes(tmp_path_factory.mktemp("scene"), 1)[0]


@pytest.fixture(scope="module")
def whole(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    map_unit(SceneUnit(source=str(scene), out=str(out), options=OPTIONS))
    return out / scene.stem


def unit_of(scene: Path, out: Path, options: MapOptions = OPTIONS) -> SceneUnit:
    return SceneUnit(source=str(scene), out=str(out), options=options)


def kept_rows(out: Path) -> list[Path]:
    return sorted(out.rglob("*.npz"))


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_in_any_number_and_order_give_the_same_bytes(
    scene: Path, whole: Path, tmp_path: Path, parts: int
) -> None:
    unit = unit_of(scene, tmp_path)
    computed = [compute_unit_part(unit, part, parts) for part in reversed(range(parts))]
    assert sum(computed) == len(kept_rows(tmp_path)) == 5  # rows of 64 in 240, cut where the files' blocks end
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    map_unit(unit)
    assert compare_results(whole, tmp_path / scene.stem) == []
    assert [path.name for path in tmp_path.iterdir()] == [scene.stem]


def test_what_is_missing_or_cut_short_is_computed_where_the_parts_are_joined(
    scene: Path, whole: Path, tmp_path: Path
) -> None:
    unit = unit_of(scene, tmp_path)
    compute_unit_part(unit, 0, 1)
    missing, short, *_ = kept_rows(tmp_path)
    missing.unlink()
    short.write_bytes(short.read_bytes()[: short.stat().st_size // 2])
    map_unit(unit)
    assert compare_results(whole, tmp_path / scene.stem) == []


def test_a_part_goes_on_where_it_was_killed(scene: Path, tmp_path: Path) -> None:
    unit = unit_of(scene, tmp_path)
    compute_unit_part(unit, 0, 1)
    first, _, third, *_ = kept_rows(tmp_path)
    first.unlink()
    third.unlink()
    assert compute_unit_part(unit, 0, 1) == 2
    assert compute_unit_part(unit, 0, 1) == 0


def test_parts_of_other_choices_are_not_used(scene: Path, whole: Path, tmp_path: Path) -> None:
    other = OPTIONS.model_copy(update={"cloud_classes": frozenset[int]()})
    compute_unit_part(unit_of(scene, tmp_path, other), 0, 1)
    map_unit(unit_of(scene, tmp_path))
    assert compare_results(whole, tmp_path / scene.stem) == []


@pytest.mark.parametrize("tile_size", [48, 96])
def test_parts_of_a_machine_that_cuts_other_tiles_are_not_mixed_with_ours(
    scene: Path, whole: Path, tmp_path: Path, tile_size: int
) -> None:
    """The size of tiles follows memory and cores, which are not the same on all machines of a cluster."""
    other = OPTIONS.model_copy(update={"tile_size": tile_size})
    compute_unit_part(unit_of(scene, tmp_path, other), 0, 2)
    assert kept_rows(tmp_path)
    compute_unit_part(unit_of(scene, tmp_path), 1, 2)
    map_unit(unit_of(scene, tmp_path))
    assert compare_results(whole, tmp_path / scene.stem) == []


def test_a_scene_that_is_mapped_needs_no_parts(scene: Path, tmp_path: Path) -> None:
    map_scene(scene, tmp_path, options=OPTIONS)
    assert compute_unit_part(unit_of(scene, tmp_path), 0, 2) == 0
    other = OPTIONS.model_copy(update={"threshold": 0.6})
    with pytest.raises(StaleResultError):
        compute_unit_part(unit_of(scene, tmp_path, other), 0, 2)


def test_tiles_that_are_blended_are_left_together(scene: Path, tmp_path: Path) -> None:
    from models.networks.unet import UNetConfig

    model = write_model(tmp_path / "blending.safetensors", UNetConfig(depth=1, width=4, norm="group"))
    options = OPTIONS.model_copy(update={"model": str(model)})
    unit = unit_of(scene, tmp_path / "out", options)
    assert compute_unit_part(unit, 0, 2) == 0
    map_unit(unit)
    map_scene(scene, tmp_path / "plain", options=options)
    assert compare_results(tmp_path / "plain" / scene.stem, tmp_path / "out" / scene.stem) == []
