"""A scene that is cut into panels gives, to the byte, the map that it gives uncut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.batch.units import SceneUnit, compute_unit_part, map_unit
from pipeline.mapping import panels
from pipeline.mapping.map_scene import map_scene
from pipeline.mapping.options import MapOptions
from pipeline.mapping.panels import PanelJoiner
from pipeline.shore.locate_shore import LocatedRows
from tests.pipeline.small_scenes import compare_results, simulate_scenes

OPTIONS = MapOptions(tile_size=64, precision="fp32", runtime="openvino")  # PyTorch rounds by the shape of a tile


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_scenes(tmp_path_factory.mktemp("scene"), 1)[0]  # 240 pixels a side


@pytest.fixture(scope="module")
def whole(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return map_scene(scene, tmp_path_factory.mktemp("whole"), options=OPTIONS).folder


@pytest.fixture
def _three_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "WIDEST_PX", 100)
    monkeypatch.setattr(panels, "PANEL_PX", 90)


@pytest.mark.usefixtures("_three_panels")
def test_panels_change_no_byte(scene: Path, whole: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    cut = map_scene(scene, tmp_path, options=OPTIONS, progress=lambda _, share: shares.append(share)).folder
    assert compare_results(whole, cut) == []
    mapped = shares[: shares.index(1.0) + 1]
    assert mapped == sorted(mapped)


@pytest.mark.usefixtures("_three_panels")
def test_workers_share_panels(scene: Path, whole: Path, tmp_path: Path) -> None:
    unit = SceneUnit(source=str(scene), out=str(tmp_path), options=OPTIONS)
    assert sum(compute_unit_part(unit, part, 4) for part in range(4)) == 15  # three panels of five rows
    map_unit(unit)
    assert compare_results(whole, tmp_path / scene.stem) == []


def test_what_waits_on_the_disk_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    share = rng.choice(np.array([0, 1, np.nan, 0.25, 0.5], np.float32), (40, 30)) + np.float32(0)
    error = np.where(rng.random(share.shape) < 0.2, rng.random(share.shape), 0).astype(np.float32)
    state = rng.integers(0, 3, share.shape).astype(np.uint8)

    def take(rows: slice, cols: slice) -> LocatedRows:
        return LocatedRows(
            row_off=rows.start, share=share[rows, cols], error=error[rows, cols], state=state[rows, cols]
        )

    with PanelJoiner(tmp_path, [None] * 3) as joiner:  # type: ignore[list-item]
        for number, cols in enumerate((slice(0, 7), slice(7, 20))):
            for rows in (slice(0, 16), slice(16, 40)):
                assert joiner.join(number, take(rows, cols)) is None
        assert list(tmp_path.iterdir()) == []  # files without a name: nothing stays when a process is killed
        for rows in (slice(0, 25), slice(25, 40)):
            whole = joiner.join(2, take(rows, slice(20, 30)))
            assert whole is not None
            assert whole.row_off == rows.start
            np.testing.assert_array_equal(whole.share, share[rows])
            np.testing.assert_array_equal(whole.error, error[rows])
            np.testing.assert_array_equal(whole.state, state[rows])
