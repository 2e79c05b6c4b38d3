"""What the program answers today: when an answer moves here, its number in ``pipeline.checksums.ANSWERS`` goes up.

A result stands over releases as long as that number does. The figures have room for the rounding of other processors
alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pipeline.change.compute_change import compute_change
from pipeline.checksums import ANSWERS
from pipeline.mapping.map_scene import MapOptions, map_scene
from pipeline.mosaic.build_mosaic import build_mosaic
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from tests.tiles.products.small_products import write_raster
from tiles.bands import L2A_STACK

WATER = np.array([420, 410, 380, 300, 260, 240, 240, 220, 210, 200, 130, 110])
LAND = np.array([600, 700, 900, 1000, 1500, 2300, 2600, 2700, 2800, 2800, 2300, 1600])
SIZE = 160


def write_bay(folder: Path, day: str, shore: float) -> Path:
    """A straight coast, slightly turned, with water to its left up to a column (pixels)."""
    rows, cols = np.mgrid[:SIZE, :SIZE] + 0.5
    share = np.clip(shore + rows / 20 - cols + 0.5, 0, 1)
    dn = (1000 + WATER[:, None, None] * share + LAND[:, None, None] * (1 - share)).round().astype(np.uint16)
    path = folder / f"S2A_MSIL2A_{day}T105021_N0511_R051_T33TVM_{day}T142251.tif"
    return write_raster(path, dn, descriptions=L2A_STACK)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    options = MapOptions(device="cpu", precision="fp32", runtime="torch")
    for day, shore in (("20200301", 70.0), ("20210301", 73.0), ("20220301", 76.0)):
        map_scene(write_bay(folder, day, shore), folder / "maps", options=options)
    return folder / "maps"


def test_a_map(maps: Path) -> None:
    first = sorted(maps.iterdir())[0]
    with rasterio.open(first / "probability.tif") as dataset:
        probability = dataset.read(1)[dataset.read(1) <= 250] / 250
    area = float((probability >= 0.5).sum())
    assert (ANSWERS["map"], area) == (3, pytest.approx(11868, abs=6))


def test_a_mosaic(maps: Path, tmp_path: Path) -> None:
    result = build_mosaic(maps, tmp_path / "mosaic")
    with rasterio.open(tmp_path / "mosaic" / "33TVM" / "water.tif") as dataset:
        water = int((dataset.read(1) == 1).sum())
    assert (ANSWERS["mosaic"], result.lines, water) == (4, 1, pytest.approx(12320, abs=2))


def test_a_change(maps: Path, tmp_path: Path) -> None:
    first, _, last = sorted(maps.iterdir())
    summary = compute_change(first, last, tmp_path / "change").summary
    assert (ANSWERS["change"], summary.mean_shift_m) == (2, pytest.approx(-60, abs=0.5))
    assert summary.lost_m2 == pytest.approx(93_084, rel=0.002)


def test_a_time_series(maps: Path, tmp_path: Path) -> None:
    compute_timeseries(maps, tmp_path / "series", options=TimeseriesOptions(spacing_m=200))
    document = json.loads((tmp_path / "series" / "timeseries.json").read_text())
    rate = document["summary"]["area_rate_m_per_year"]
    assert (ANSWERS["timeseries"], rate["rate"]) == (2, pytest.approx(-29.9153, abs=0.02))
    assert (rate["low"], rate["high"]) == pytest.approx((-29.9157, -29.9149), abs=0.02)
