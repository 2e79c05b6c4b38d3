"""Whose shore a map shows: what was guessed is said, and kinds that were asked for alone are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from pipeline.mapping.map_scene import MapOptions, map_scene
from tests.pipeline.test_answers import LAND, WATER
from tests.tiles.products.small_products import write_raster
from tiles.bands import L2A_STACK

SIZE = 160
PLAIN: dict[str, Any] = {"device": "cpu", "precision": "fp32", "runtime": "torch"}


def write_beach(path: Path, *, east: float) -> Path:
    """A beach near Póvoa de Varzim, Portugal, the Atlantic in its west, and a pond; where the crop begins, in UTM 29.

    Natural Earth draws the shore there at 519,200 m east.
    """
    cols = np.mgrid[:SIZE, :SIZE][1] + 0.5
    share = np.clip(80 - cols, 0, 1)
    share[60:80, 115:135] = 1
    dn = (1000 + WATER[:, None, None] * share + LAND[:, None, None] * (1 - share)).round().astype(np.uint16)
    x_0, y_0 = 500_000 + 399_960 - east, 5_200_020 - 4_580_800  # small products lie at one place
    crs = f"+proj=tmerc +lat_0=0 +lon_0=-9 +k=0.9996 +x_0={x_0} +y_0={y_0} +datum=WGS84"
    return write_raster(path, dn, descriptions=L2A_STACK, crs=crs)


def read(folder: Path, layer: str) -> gpd.GeoDataFrame:
    return gpd.read_file(folder / "coastline.gpkg", layer=layer)


@pytest.fixture(scope="module")
def beach(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_beach(tmp_path_factory.mktemp("scene") / "beach.tif", east=520_200)


def test_a_beach_in_a_small_crop_is_sea_and_a_guess_is_said(beach: Path, tmp_path: Path) -> None:
    result = map_scene(beach, tmp_path, options=MapOptions(**PLAIN))
    lines = read(result.folder, "coastline")
    assert lines.loc[lines["length_m"].idxmax(), "kind"] == "sea"
    assert sorted(set(lines["kind"])) == ["lake", "sea"]
    assert any("was taken for sea" in note for note in result.notes)


def test_a_water_far_from_the_ocean_is_not_guessed(tmp_path: Path) -> None:
    path = write_beach(tmp_path / "inland.tif", east=524_000)
    result = map_scene(path, tmp_path / "maps", options=MapOptions(**PLAIN))
    assert sorted(set(read(result.folder, "coastline")["kind"])) == ["lake", "open"]
    assert not any("was taken for sea" in note for note in result.notes)


def test_only_the_kinds_that_were_asked_for_are_written(beach: Path, tmp_path: Path) -> None:
    result = map_scene(beach, tmp_path, options=MapOptions(**PLAIN, only=frozenset({"sea"})))
    for layer in ("coastline", "water", "land"):
        assert set(read(result.folder, layer)["kind"]) == {"sea"}, layer
