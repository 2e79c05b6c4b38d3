"""``strandline map`` end to end, on a simulated product and on real scenes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import geopandas
import numpy as np
import pystac
import pytest
import rasterio
from numpy.typing import NDArray
from rio_cogeo.cogeo import cog_validate

from pipeline.evaluation.map_accuracy import compute_accuracy
from tests.workflows.conftest import Run
from tiles.masks import CLOUD_CLASSES
from tiles.simulate.product.simulate import SimulatedProduct

ROOT = Path(__file__).resolve().parents[3]


def read(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def only_result(out: Path) -> Path:
    (folder,) = out.iterdir()
    return folder


def map_scene_at(run: Run, scene: Path, out: Path, *options: object) -> Path:
    ran = run("map", scene, "--out", out, "--quiet", *options)
    assert ran.code == 0, ran.err
    return only_result(out)


@pytest.fixture(scope="module")
def mapped(product: SimulatedProduct, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product mapped with all formats, by the console script itself."""
    out = tmp_path_factory.mktemp("mapped")
    formats = "gpkg,shp,fgb,parquet,geojson"
    command = [Path(sys.executable).with_name("strandline"), "map", product.path, "--out", out, "--formats", formats]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return only_result(out)


def test_every_output_is_there_and_on_the_grid_of_the_scene(mapped: Path, product: SimulatedProduct) -> None:
    assert mapped.name == product.path.stem
    names = {path.name for path in mapped.iterdir()}
    assert {"water.tif", "probability.tif", "coastline.gpkg", "preview.png", "item.json"} <= names
    assert {"coastline.shp", "water.shp", "land.shp", "coastline.fgb", "coastline.parquet"} <= names
    with rasterio.open(next(product.path.rglob("*_B03_10m.jp2"))) as band:
        for name in ("water.tif", "probability.tif"):
            assert cog_validate(mapped / name, quiet=True) == (True, [], [])
            with rasterio.open(mapped / name) as found:
                assert (found.crs, found.transform, found.shape) == (band.crs, band.transform, band.shape)
    assert set(np.unique(read(mapped / "water.tif"))) <= {0, 1, 2, 255}


def test_the_map_is_right_where_the_truth_is_known(mapped: Path, product: SimulatedProduct) -> None:
    accuracy = compute_accuracy(mapped, product.truth)
    assert accuracy.pixels.iou > 0.95
    assert accuracy.mapped_to_true.median < 5
    assert accuracy.loose_ends == 0


def test_the_item_is_valid_and_names_its_inputs(mapped: Path, product: SimulatedProduct) -> None:
    item = pystac.Item.from_file(str(mapped / "item.json"))
    assert item.assets
    for asset in item.assets.values():
        assert (mapped / url2pathname(urlsplit(asset.href).path)).exists()
    text = (mapped / "item.json").read_text()
    assert "BOA_ADD_OFFSET" in text
    assert "_B08_10m.jp2" in text
    assert str(product.path.parent) not in text.replace(str(product.path), "")


def test_a_second_run_does_nothing(run: Run, mapped: Path, product: SimulatedProduct) -> None:
    before = (mapped / "water.tif").stat().st_mtime_ns
    ran = run("map", product.path, "--out", mapped.parent, "--formats", "gpkg,shp,fgb,parquet,geojson")
    assert ran.code == 0
    assert "already mapped" in (ran.out + ran.err).lower()
    assert (mapped / "water.tif").stat().st_mtime_ns == before


def test_other_choices_need_overwrite(run: Run, mapped: Path, product: SimulatedProduct, tmp_path: Path) -> None:
    shutil.copytree(mapped, tmp_path / mapped.name)
    ran = run("map", product.path, "--out", tmp_path, "--threshold", "0.6")
    assert ran.code != 0
    assert "--overwrite" in ran.err
    assert run("map", product.path, "--out", tmp_path, "--threshold", "0.6", "--overwrite", "-q").code == 0
    assert (read(tmp_path / mapped.name / "water.tif") == 1).sum() < (read(mapped / "water.tif") == 1).sum()
    properties = [
        json.loads((folder / "item.json").read_text())["properties"] for folder in (mapped, tmp_path / mapped.name)
    ]
    assert [one.get("version") for one in properties] == [None, "2"]


def test_results_do_not_depend_on_tile_size(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    folders = [
        map_scene_at(run, product.path, tmp_path / str(size), "--tile-size", size, "--precision", "fp32")
        for size in (512, 100, 61)
    ]
    first, *others = folders
    lines = geopandas.read_file(first / "coastline.gpkg", layer="coastline")
    for other in others:
        np.testing.assert_array_equal(read(first / "water.tif"), read(other / "water.tif"))
        steps = np.abs(read(first / "probability.tif").astype(int) - read(other / "probability.tif"))
        assert steps.max() <= 1
        found = geopandas.read_file(other / "coastline.gpkg", layer="coastline")
        assert len(found) == len(lines)
        assert (found.geometry.hausdorff_distance(lines.geometry) < 0.01).all()


def test_two_runs_are_byte_identical(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    one = map_scene_at(run, product.path, tmp_path / "one")
    two = map_scene_at(run, product.path, tmp_path / "two")
    for name in ("water.tif", "probability.tif"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_zip_is_read_in_place(run: Run, product: SimulatedProduct, mapped: Path, tmp_path: Path) -> None:
    archive = tmp_path / f"{product.path.stem}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(product.path.rglob("*")):
            file.write(path, Path(product.path.name) / path.relative_to(product.path))
    result = map_scene_at(run, archive, tmp_path / "out")
    np.testing.assert_array_equal(read(result / "water.tif"), read(mapped / "water.tif"))


def test_cloud_is_neither_land_nor_water(run: Run, product: SimulatedProduct, mapped: Path, tmp_path: Path) -> None:
    classes = read(next(product.path.rglob("*_SCL_20m.jp2"))).repeat(2, axis=0).repeat(2, axis=1)
    water = read(mapped / "water.tif")
    hidden = np.isin(classes, list(CLOUD_CLASSES)) & (water != 255)
    assert hidden.any(), "the product should have clouds"
    assert (water[hidden] == 2).all()
    plain = map_scene_at(run, product.path, tmp_path / "plain", "--cloud-buffer", "0", "--doubtful", "keep")
    np.testing.assert_array_equal(read(plain / "water.tif") == 2, hidden)
    bare = map_scene_at(run, product.path, tmp_path / "bare", "--cloud-classes", "none", "--doubtful", "keep")
    assert not (read(bare / "water.tif") == 2).any()


def test_an_area_is_a_crop_of_the_map(run: Run, product: SimulatedProduct, mapped: Path, tmp_path: Path) -> None:
    from rasterio.warp import transform_bounds
    from rasterio.windows import from_bounds

    with rasterio.open(mapped / "water.tif") as whole:
        left, bottom, right, top = whole.bounds
        inner = (left + 605, bottom + 405, right - 705, top - 795)
        box = ",".join(f"{v:.9f}" for v in transform_bounds(whole.crs, "EPSG:4326", *inner))
        result = map_scene_at(run, product.path, tmp_path, "--aoi", box, "--precision", "auto")
        with rasterio.open(result / "water.tif") as part:
            window = from_bounds(*part.bounds, whole.transform).round_offsets().round_lengths()
            assert part.width < whole.width
            assert part.transform.c % 10 == whole.transform.c % 10
            np.testing.assert_array_equal(part.read(1), whole.read(1, window=window))


def test_a_program_is_told_how_far_a_map_is_and_where(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    ran = run("map", product.path, "--out", tmp_path, "--progress", "json")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert told[-1] == {"event": "finished", "folder": str(only_result(tmp_path))}
    assert list(dict.fromkeys(event["stage"] for event in told[:-1])) == ["mapping", "writing"]
    assert "of it shows ground" in ran.err
    again = run("map", product.path, "--out", tmp_path, "--progress", "none")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_a_map_stops_where_the_program_that_began_it_is_gone(product: SimulatedProduct, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workflows.cli", "map", str(product.path), "--out", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--tile-size", "32"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "STRANDLINE_STOP": "stdin"},
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.begun-*/*")) and process.poll() is None and time.monotonic() < deadline:
        os.sched_yield()
    _, words = process.communicate(timeout=60)  # closes its standard input
    assert (process.returncode, words) == (130, b"strandline: Stopped. Nothing half-written was left.\n")
    assert [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []


def test_killed_half_way_leaves_nothing_that_looks_finished(
    product: SimulatedProduct, run: Run, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "workflows.cli", "map", str(product.path), "--out", str(tmp_path)]
    process = subprocess.Popen([*command, "--tile-size", "32"], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.begun-*/*")) and process.poll() is None and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    result = map_scene_at(run, product.path, tmp_path / "fresh")
    assert run("map", product.path, "--out", tmp_path, "--quiet").code == 0
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {product.path.stem, "fresh"}
    np.testing.assert_array_equal(read(result / "water.tif"), read(tmp_path / product.path.stem / "water.tif"))


REAL = {
    "sundarbans": "scenes/sundarbans_20200127_L2A_12band.tif",
    "ammersee": "scenes/ammersee_starnberg_20230322_L2A_12band_60m.tif",
    "chiemsee": "scenes/chiemsee_20230207_L2A_12band_60m.tif",
    "chile": "scenes/terramesh/*433D_629L*.tif",
    "desert": "stac/29RKH",
}


@pytest.mark.parametrize("name", REAL)
def test_real_scenes_map_without_complaint(run: Run, shared: Path, tmp_path: Path, name: str) -> None:
    scene = next(shared.glob(REAL[name]))
    result = map_scene_at(run, scene, tmp_path)
    water = read(result / "water.tif")
    share = (water == 1).sum() / np.isin(water, (0, 1)).sum()
    assert json.loads((result / "item.json").read_text())["properties"]
    if name == "desert":
        assert share < 1e-4
    else:
        assert 0.01 < share < 0.9
