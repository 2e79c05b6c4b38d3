"""A simulated coast: four tiles and two dates that show one shoreline, and a truth that agrees with their pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import contourpy
import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from scipy.spatial import cKDTree

from tests.stac_schemas import list_faults, require_all_valid, require_valid
from tiles.bands import L2A_STACK
from tiles.errors import OptionError, ProductWriteError, SceneError
from tiles.products.name import parse_product_name
from tiles.products.open import open_scene
from tiles.simulate.coast.simulate_coast import CoastOptions, SimulatedCoast, simulate_coast

_OPTIONS = CoastOptions(extent_px=300, dates=2, cloud_cover=0.25, hidden=(0.0, 0.25))
_HIDING = [3, 8, 9, 10]


@pytest.fixture(scope="module")
def coast(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCoast:
    return simulate_coast(tmp_path_factory.mktemp("coast") / "coast", seed=3, options=_OPTIONS)


@dataclass(frozen=True)
class _Item:
    path: Path
    document: dict[str, Any]

    @property
    def tile(self) -> str:
        return str(self.document["properties"]["grid:code"][5:])

    @property
    def day(self) -> str:
        return str(self.document["properties"]["datetime"])

    def read(self, name: str) -> np.ndarray:
        with rasterio.open(self.path.parent / f"{name}.tif") as src:
            return np.asarray(src.read(1))


def _list_items(coast: SimulatedCoast) -> list[_Item]:
    return [_Item(path, json.loads(path.read_text())) for path in coast.items]


def _by_tile(coast: SimulatedCoast) -> Iterator[list[_Item]]:
    items = _list_items(coast)
    for tile in coast.tiles:
        yield sorted((item for item in items if item.tile == tile.name), key=lambda item: item.day)


def test_every_item_opens_as_a_scene_that_says_it_is_simulated(coast: SimulatedCoast) -> None:
    assert len(coast.items) == 8
    for item in _list_items(coast):
        scene = open_scene(item.path)
        assert scene.band_names == L2A_STACK
        assert scene.simulated
        assert scene.level == "L2A"
        assert scene.baseline == "05.11"
        assert set(scene.radiometry.offsets.values()) == {-1000.0}
        assert scene.radiometry.doubts == ()
        assert scene.classification is not None
        named = parse_product_name(item.document["properties"]["s2:product_uri"])
        assert named is not None
        assert named.tile == item.tile
        (tile,) = (tile for tile in coast.tiles if tile.name == item.tile)
        assert scene.grid == tile.grid
        assert open_scene(item.path.parent).id == scene.id


def test_the_item_collection_and_the_catalogue_lead_to_the_same_files(coast: SimulatedCoast) -> None:
    collection = json.loads(coast.item_collection.read_text())
    assert collection["type"] == "FeatureCollection"
    catalogue = pystac.Catalog.from_file(str(coast.catalogue))
    items = {item.id: item for item in catalogue.get_items(recursive=True)}
    assert {feature["id"] for feature in collection["features"]} == set(items)
    for feature in collection["features"]:
        item = items[feature["id"]]
        assert not item.assets["red"].href.startswith("/")
        for key, asset in feature["assets"].items():
            path = asset["href"].removeprefix("file://")
            assert Path(path).samefile(str(item.assets[key].get_absolute_href()))
    dates = {feature["properties"]["datetime"] for feature in collection["features"]}
    assert len(dates) == 2
    names = require_all_valid(coast.item_collection.parent / "scenes")
    assert len(names) == len(items)


def test_all_that_is_written_is_valid_and_its_links_lead_somewhere(coast: SimulatedCoast) -> None:
    folder = coast.catalogue.parent
    for name in ("catalog.json", "collection.json"):
        require_valid(folder / name)
    for feature in json.loads(coast.item_collection.read_text())["features"]:
        assert not list(list_faults(feature))
        (link,) = feature["links"]
        assert Path(unquote(urlsplit(link["href"]).path)).samefile(folder / "collection.json")


def test_a_tile_shows_the_same_ground_as_its_neighbour_but_not_the_same_noise(coast: SimulatedCoast) -> None:
    first = {items[0].tile: items[0] for items in _by_tile(coast)}
    north_west, _, south_west, _ = coast.tiles
    top = south_west.grid.bounds.top
    rows = round((north_west.grid.bounds.top - top) / 10)
    for name, step in (("B03", 1), ("B08", 1), ("B11", 2), ("SCL", 2)):
        upper = first[north_west.name].read(name)[rows // step :]
        lower = first[south_west.name].read(name)[: len(upper)]
        shift = round((south_west.grid.bounds.left - north_west.grid.bounds.left) / 10 / step)
        upper, lower = upper[:, max(shift, 0) :], lower[:, max(-shift, 0) :]
        width = min(upper.shape[1], lower.shape[1])
        upper, lower = upper[:, :width].astype(float), lower[:, :width].astype(float)
        assert upper.size > 1000
        if name == "SCL":
            assert (upper == lower).mean() > 0.999
        else:
            assert np.corrcoef(upper.ravel(), lower.ravel())[0, 1] > 0.99
            difference = upper - lower
            assert 1 < difference.std() < 0.15 * upper.std()
            assert abs(difference.mean()) < 3


def test_tiles_of_two_zones_show_the_same_ground(coast: SimulatedCoast) -> None:
    first = {items[0].tile: items[0] for items in _by_tile(coast)}
    west, east = coast.tiles[0], coast.tiles[1]
    warped = np.zeros(east.grid.shape, np.float32)
    reproject(
        first[west.name].read("B08").astype(np.float32),
        warped,
        src_transform=west.grid.transform,
        src_crs=west.grid.crs,
        src_nodata=0,
        dst_transform=east.grid.transform,
        dst_crs=east.grid.crs,
        dst_nodata=0,
        resampling=Resampling.cubic,
    )
    own = first[east.name].read("B08").astype(float)
    both = (warped > 0) & (own > 0)
    assert both.sum() > 1000
    assert np.corrcoef(warped[both], own[both])[0, 1] > 0.99


def test_the_shoreline_runs_where_half_of_each_tiles_pixels_is_water(coast: SimulatedCoast) -> None:
    shore = pyogrio.read_dataframe(coast.truth / "shoreline.gpkg", layer="shoreline_lonlat")
    for tile in coast.tiles:
        with rasterio.open(coast.truth / f"{tile.name}_water_fraction.tif") as src:
            fraction = src.read(1) * src.scales[0]
            assert src.transform == tile.grid.transform
        xy = np.concatenate([np.asarray(line.coords) for line in shore.to_crs(tile.square.crs).geometry])
        generator = contourpy.contour_generator(z=fraction)
        contour = np.concatenate(generator.lines(0.5))
        points = np.column_stack([
            tile.grid.transform.c + 10 * (contour[:, 0] + 0.5), tile.grid.transform.f - 10 * (contour[:, 1] + 0.5)
        ])  # fmt: skip
        distance, _ = cKDTree(_densify(xy)).query(points)
        assert np.median(distance) < 1.0
        left, bottom, right, top = tile.grid.bounds
        inside = (xy[:, 0] > left + 20) & (xy[:, 0] < right - 20) & (xy[:, 1] > bottom + 20) & (xy[:, 1] < top - 20)
        assert inside.sum() > 50
        back, _ = cKDTree(_densify(points)).query(xy[inside])
        assert np.median(back) < 1.0


def _densify(xy: np.ndarray) -> np.ndarray:
    """Points between neighbours that are less than 20 m apart; a pair that is further apart belongs to two lines."""
    step = np.hypot(*np.diff(xy, axis=0).T)
    parts = [xy]
    parts += [xy[:-1][step < 20] + share * np.diff(xy, axis=0)[step < 20] for share in np.arange(0.05, 1, 0.05)]
    return np.concatenate(parts)


def test_both_crs_of_the_truth_hold_the_same_lines_with_land_on_the_left(coast: SimulatedCoast) -> None:
    plane = pyogrio.read_dataframe(coast.truth / "shoreline.gpkg", layer="shoreline")
    degrees = pyogrio.read_dataframe(coast.truth / "shoreline.gpkg", layer="shoreline_lonlat")
    assert plane.length_m.is_monotonic_decreasing
    np.testing.assert_allclose(plane.length_m, plane.length, atol=1e-6)
    lon, lat = np.asarray(degrees.geometry[0].coords).T[:2]
    there = Transformer.from_crs("EPSG:4326", coast.plane.crs.to_wkt(), always_xy=True).transform(lon, lat)
    np.testing.assert_allclose(np.column_stack(there), np.asarray(plane.geometry[0].coords)[:, :2], atol=1e-3)
    tile = coast.tiles[0]
    with rasterio.open(coast.truth / f"{tile.name}_water_fraction.tif") as src:
        fraction = src.read(1) * src.scales[0]
    line = np.asarray(degrees.to_crs(tile.square.crs).geometry[0].coords)[:, :2]
    middle, along = (line[1:] + line[:-1]) / 2, np.diff(line, axis=0)
    unit = along / np.hypot(*along.T)[:, None]
    left = middle + 15 * np.column_stack([-unit[:, 1], unit[:, 0]])
    right = middle - 15 * np.column_stack([-unit[:, 1], unit[:, 0]])
    wet = [_sample(fraction, tile.grid.transform, points) for points in (left, right)]
    both = ~np.isnan(wet[0]) & ~np.isnan(wet[1])
    assert np.mean(wet[0][both] < wet[1][both]) > 0.9


def _sample(field: np.ndarray, transform: Affine, xy: np.ndarray) -> np.ndarray:
    cols, rows = (np.floor(axis).astype(int) for axis in ~transform @ (xy[:, 0], xy[:, 1]))
    inside = (rows >= 0) & (rows < field.shape[0]) & (cols >= 0) & (cols < field.shape[1])
    out = np.full(len(xy), np.nan)
    out[inside] = field[rows[inside], cols[inside]]
    return out


def test_clouds_move_between_dates(coast: SimulatedCoast) -> None:
    for items in _by_tile(coast):
        classes = [item.read("SCL") for item in items]
        data = (classes[0] > 0) & (classes[1] > 0)
        one, two = (np.isin(some[data], [8, 9]).astype(float) for some in classes)
        assert one.sum() + two.sum() > 0
        assert (one != two).mean() > 0.02


def test_what_the_truth_calls_clear_the_classification_calls_clear(coast: SimulatedCoast) -> None:
    with rasterio.open(coast.truth / "clear.tif") as src:
        clear, tiles = src.read()
        transform = src.transform
    assert set(np.unique(tiles)) == {0, 1, 2, 4} | ({3} & set(np.unique(tiles)))
    assert (clear[tiles == 0] == 0).all()
    assert (clear == 0)[tiles > 0].any()
    assert (clear == 2).any()
    for tile, items in zip(coast.tiles, _by_tile(coast), strict=True):
        seen = np.sum([~np.isin(item.read("SCL"), [0, *_HIDING]) for item in items], axis=0)
        rows, cols = np.indices(seen.shape)
        x, y = tile.grid.transform.c + 20 * (cols + 0.5), tile.grid.transform.f - 20 * (rows + 0.5)
        to_plane = Transformer.from_crs(tile.square.crs, coast.plane.crs.to_wkt(), always_xy=True)
        there = _sample(clear, transform, np.column_stack([np.ravel(part) for part in to_plane.transform(x, y)]))
        assert np.mean(there == seen.ravel()) > 0.95


def test_beyond_the_swath_all_bands_are_nodata_and_nowhere_else(coast: SimulatedCoast) -> None:
    early, late = zip(*_by_tile(coast), strict=True)
    for item in early:
        assert all((item.read(name) > 0).all() for name in (*L2A_STACK, "SCL"))
    share = [(item.read("SCL") == 0).mean() for item in late]
    assert max(share) > 0
    for item in late:
        missing = item.read("B11") == 0
        np.testing.assert_array_equal(missing, item.read("SCL") == 0)
        stated = item.document["properties"]["s2:nodata_pixel_percentage"]
        assert stated == pytest.approx(100 * missing.mean(), abs=1e-3)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    options = CoastOptions(extent_px=120, dates=1, cloud_cover=0.2, hidden=(0.0, 1.0), swath_edges=0)
    one, two = (simulate_coast(tmp_path / name, seed=5, options=options) for name in "ab")
    assert _hash(one) == _hash(two)
    assert len(_hash(one)) > 4 * 13


def _hash(coast: SimulatedCoast) -> dict[str, str]:
    """All but the item collection, which names its own place, and the GeoPackage, which names the time."""
    files = [path for path in coast.folder.rglob("*") if path.suffix in {".tif", ".json"} and path.name != "items.json"]
    return {
        str(path.relative_to(coast.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)
    }


def test_a_coast_without_an_offset_has_none(tmp_path: Path) -> None:
    options = CoastOptions(extent_px=120, dates=1, cloud_cover=0.0, swath_edges=0, baseline="02.14", overwrite=True)
    (tmp_path / "coast").mkdir()
    coast = simulate_coast(tmp_path / "coast", seed=5, options=options)
    scene = open_scene(coast.items[0])
    assert set(scene.radiometry.offsets.values()) == {0.0}
    assert scene.cloud_percent == 0


def test_what_cannot_be_made_is_said_and_leaves_nothing(tmp_path: Path, coast: SimulatedCoast) -> None:
    with pytest.raises(SceneError, match="exists already"):
        simulate_coast(coast.folder, seed=3, options=_OPTIONS)
    with pytest.raises(SceneError, match="hide"):
        simulate_coast(tmp_path / "coast", seed=3, options=CoastOptions(extent_px=120, hidden=(0.999, 1.0)))
    (tmp_path / "file").write_text("")
    with pytest.raises(SceneError, match="exists already"):
        simulate_coast(tmp_path / "file", seed=5, options=CoastOptions(overwrite=True))
    with pytest.raises(ProductWriteError, match="Could not write"):
        simulate_coast(tmp_path / "file" / "coast", seed=5, options=CoastOptions(extent_px=120, hidden=(0.0, 1.0)))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dates": 0}, "1 to 24 dates"),
        ({"cloud_cover": 20}, "Divide percent"),
        ({"kind": "moon"}, "no kind of landscape"),
        ({"kind": "land"}, "no kind of landscape"),
        ({"hidden": (0.5, 0.2)}, "least and the most"),
        ({"swath_edges": 4}, "0 to 3 dates"),
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        CoastOptions(**wrong)
