"""A quick look at pixels: what counts as missing in it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio

from tiles.products import dn_samples
from tiles.products.dn_samples import read_dn_samples


def write_band(path: Path, size: int, wet: float, missing: float) -> None:
    """A band of ``size`` pixels a side over one extent: no data right of a slanted edge, else around ``wet``."""
    rows, cols = (np.mgrid[:size, :size] + 0.5) / size
    dn = np.where(cols + 0.3 * rows > 1 - missing, 0, wet + 40 * np.sin(rows * 9)).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": size, "height": size, "tiled": True}
    transform = rasterio.transform.from_bounds(0, 0, 24_000, 24_000, size, size)
    with rasterio.open(path, "w", crs="EPSG:32630", transform=transform, **profile) as file:
        file.write(dn, 1)


@pytest.mark.parametrize("sizes", [(1920, 960), (960, 960), (1920, 600)])
def test_the_edge_of_the_swath_is_missing_at_every_resolution(tmp_path: Path, sizes: tuple[int, int]) -> None:
    # Samples of 10 m and 20 m bands are equally many, but not of the same ground.
    for name, size in zip(("B02", "B03", "B06"), (sizes[0], sizes[0], sizes[1]), strict=True):
        write_band(tmp_path / f"{name}.tif", size, wet=1040, missing=0.4)
    files = {name: (str(tmp_path / f"{name}.tif"), 1) for name in ("B02", "B03", "B06")}
    found = read_dn_samples(files, nodata=0)
    assert set(found) == {"B02", "B03", "B06"}
    for dn in found.values():
        assert len(dn) > 1000
        assert dn.min() >= 1000


def test_dark_water_clipped_to_nought_stays_where_another_band_saw_it(tmp_path: Path) -> None:
    write_band(tmp_path / "B02.tif", 400, wet=300, missing=0.0)
    write_band(tmp_path / "B03.tif", 400, wet=40, missing=0.3)
    found = read_dn_samples({name: (str(tmp_path / f"{name}.tif"), 1) for name in ("B02", "B03")}, nodata=0)
    assert (found["B03"] == 0).any()
    assert len(found["B02"]) == len(found["B03"])


def plan(size: tuple[int, int], blocks: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    dataset: Any = SimpleNamespace(height=size[0], width=size[1], block_shapes=[blocks])
    return [(w.row_off, w.col_off, w.height, w.width) for w in dn_samples._plan_windows(dataset)]


def test_sixteen_windows_are_spread_over_a_band_at_the_starts_of_its_blocks() -> None:
    windows = plan((5490, 5490), (512, 256))
    assert len(windows) == 16
    assert sorted({row for row, *_ in windows}) == [0, 1536, 3072, 5120]
    assert sorted({col for _, col, *_ in windows}) == [0, 1536, 3328, 5120]
    assert {(height, width) for *_, height, width in windows} == {(192, 192)}


def test_nine_windows_do_where_blocks_are_large() -> None:
    windows = plan((10980, 10980), (1024, 1024))
    assert len(windows) == 9
    assert sorted({row for row, *_ in windows}) == [0, 5120, 10240]
    assert {(height, width) for *_, height, width in windows} == {(512, 512)}
    assert len(plan((10980, 10980), (513, 513))) == 9
    assert len(plan((10980, 10980), (1024, 512))) == len(plan((10980, 10980), (512, 1024))) == 16


def test_strips_and_small_bands_are_not_pulled_to_an_edge() -> None:
    windows = plan((700, 1200), (1, 1200))
    assert sorted({col for _, col, *_ in windows}) == [0, 336, 672, 1008]
    assert sorted({row for row, *_ in windows}) == [0, 169, 338, 508]
    assert {window[2:] for window in plan((100, 9000), (64, 64))} == {(100, 192)}


@pytest.mark.parametrize(("pixels", "whole"), [(700_000, True), (700_001, False)])
def test_a_small_band_is_read_whole(pixels: int, whole: bool) -> None:
    asked: list[Any] = []
    band: Any = SimpleNamespace(
        width=1, height=pixels, driver="GTiff", block_shapes=[(256, 256)], overviews=lambda index: []
    )
    dn = dn_samples._read_places(band, 3, lambda **choices: asked.append(choices) or np.zeros((2, 2)))
    assert [bool(choices) for choices in asked] == ([False] if whole else [True] * 16)
    assert dn.shape == (4 * len(asked),)


@pytest.mark.parametrize(("driver", "shape"), [("GTiff", (533, 800)), ("JP2OpenJPEG", None)])
def test_overviews_are_used_where_they_are_real(driver: str, shape: tuple[int, int] | None) -> None:
    asked: list[Any] = []
    band: Any = SimpleNamespace(
        width=2400, height=1599, driver=driver, block_shapes=[(256, 256)], overviews=lambda index: [2, 4]
    )
    dn_samples._read_places(band, 1, lambda **choices: asked.append(choices.get("out_shape")) or np.zeros((1, 1)))
    assert asked == ([shape] if shape else [None] * 16)
