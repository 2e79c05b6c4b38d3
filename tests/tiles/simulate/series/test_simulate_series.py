"""A simulated series: one coast on many dates, whose true shoreline lies exactly as far off as was asked for."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry as Geometry

from tests.stac_schemas import require_valid
from tiles.bands import L2A_STACK
from tiles.errors import GridError, OptionError, SceneError
from tiles.grid import Window
from tiles.products.open import open_scene
from tiles.simulate.product.sun import compute_sun_angles
from tiles.simulate.series.coast import draw_series_coast
from tiles.simulate.series.dates import plan_dates
from tiles.simulate.series.shore import MovedTerrain, Waterline, compute_normal_share, trace_waterline
from tiles.simulate.series.simulate_series import SeriesOptions, SimulatedSeries, Span, simulate_series
from tiles.simulate.world.landscape import compute_shoreline, compute_stack
from tiles.simulate.world.world import World, WorldOptions

_SIDE, _MARGIN = 240, 48
_REACH_M = 60.0
_SHIFTS = (0.0, 5.0, 40.0, -20.0)
_OPTIONS = SeriesOptions(
    size=132, span=Span(first=date(2023, 12, 20)), shifts=_SHIFTS, cloud_cover=(0.0, 0.0, 0.9, 0.0), reprocessed=(1,)
)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> SimulatedSeries:
    return simulate_series(tmp_path_factory.mktemp("series") / "series", seed=4, options=_OPTIONS)


@pytest.fixture(scope="module")
def beach() -> tuple[World, Waterline]:
    world = draw_series_coast(7, kind="beach", extent_px=_SIDE, block_px=120, works=False)
    side = _SIDE + 2 * _MARGIN
    return world, trace_waterline(world, Window(-_MARGIN, -_MARGIN, side, side), reach_m=_REACH_M)


@pytest.mark.parametrize("seed", [8, 9])
def test_a_beach_is_no_cliff_that_lies_in_its_own_shadow(seed: int) -> None:
    world = draw_series_coast(seed, kind="beach", extent_px=288, block_px=288, works=False)
    seen = world.without_noise().render(Window(0, 0, 288, 288))
    sand = world.cover.shores[0][1]
    inland = distance_transform_edt(seen.water_fraction == 0)
    lit = compute_stack(seen)[-2][(inland > 3) & (inland < 8)] / world.cover.palette.mean[sand, -2]
    assert np.median(lit) > 0.7  # cliffs of 150 and 300 m gave 0.16 and 0.5


def _read_lines(path: Path) -> Geometry:
    return shapely.union_all(shapely.from_wkb(pyogrio.raw.read(path, layer="shoreline")[2]))


def _sample(lines: Geometry, *, every_m: float, inside: Geometry) -> NDArray[Any]:
    parts = shapely.get_parts(lines)
    points = np.concatenate(
        [shapely.line_interpolate_point(part, np.arange(0, part.length, every_m)) for part in parts]
    )
    return points[shapely.within(points, inside)]


def test_the_written_shoreline_lies_as_far_from_the_drawn_one_as_was_asked_for(series: SimulatedSeries) -> None:
    drawn = _read_lines(series.drawn_shoreline)
    # What lies nearer to the edge than the shift has its nearest neighbour outside of the scene.
    inside = shapely.buffer(shapely.box(*series.bounds), -60)
    for place in series.dates:
        moved = _read_lines(place.shoreline)
        for one, other in ((moved, drawn), (drawn, moved)):
            points = _sample(one, every_m=3, inside=inside)
            assert len(points) > 200
            away = shapely.distance(points, other)
            assert np.abs(away - abs(place.shift_m)).max() < 0.2


def test_retreat_is_landward_and_turns_land_into_water(series: SimulatedSeries) -> None:
    fractions = {}
    for place in series.dates:
        with rasterio.open(place.truth / "water_fraction.tif") as src:
            fractions[place.shift_m] = src.read(1) / 250
    shore_m = shapely.length(_read_lines(series.drawn_shoreline))
    for shift, fraction in fractions.items():
        gained = (fraction - fractions[0.0]).sum() * 100
        # The strip between a line and its offset: as long as the line, up to how much that bends.
        assert gained == pytest.approx(shift * shore_m, rel=0.12, abs=60)
    assert (fractions[40.0] >= fractions[0.0]).all()
    assert (fractions[-20.0] <= fractions[0.0]).all()


def test_a_shift_of_nothing_is_the_shoreline_as_drawn(series: SimulatedSeries) -> None:
    drawn, moved = _read_lines(series.drawn_shoreline), _read_lines(series.dates[0].shoreline)
    assert shapely.hausdorff_distance(drawn, moved) < 0.2


@settings(max_examples=5, deadline=None)
@given(shift_m=st.floats(-_REACH_M, _REACH_M))
def test_any_shift_is_a_normal_offset_of_a_beach(beach: tuple[World, Waterline], shift_m: float) -> None:
    world, waterline = beach
    terrain = MovedTerrain(waterline, shift_m=shift_m)
    window = Window(0, 0, _SIDE, _SIDE)
    lines = compute_shoreline(world.with_ground(terrain), window)
    assert len(lines) == 1
    points = lines[0] * 10
    away = waterline.compute_distance(points, reach_m=200)
    assert np.abs(away - abs(shift_m)).max() < 0.05
    assert compute_normal_share(waterline, shift_m=shift_m, window=window) == 1


@settings(max_examples=5, deadline=None)
@given(col=st.integers(0, 8), row=st.integers(0, 8), shift_m=st.floats(-_REACH_M, _REACH_M))
def test_windows_of_a_moved_terrain_agree_to_the_last_bit(
    beach: tuple[World, Waterline], col: int, row: int, shift_m: float
) -> None:
    terrain = MovedTerrain(beach[1], shift_m=shift_m)
    whole = terrain.compute_block(Window(0, 0, _SIDE, _SIDE))
    part = Window(col * 12, row * 12, 132, 120)
    block = terrain.compute_block(part)
    rows, cols = slice(part.row_off, part.row_stop), slice(part.col_off, part.col_stop)
    assert (block.water_fraction == whole.water_fraction[rows, cols]).all()
    assert (block.nodes == whole.nodes[rows.start : rows.stop + 1, cols.start : cols.stop + 1]).all()


def test_where_offsets_have_corners_the_record_says_so() -> None:
    world = World(WorldOptions(seed=1, kind="archipelago", extent_px=96))
    waterline = trace_waterline(world, Window(-36, -36, 168, 168), reach_m=30)
    window = Window(0, 0, 96, 96)
    shares = [compute_normal_share(waterline, shift_m=shift, window=window) for shift in (2.0, 30.0)]
    assert 1 >= shares[0] > shares[1] > 0
    lines = compute_shoreline(world.with_ground(MovedTerrain(waterline, shift_m=20)), window)
    away = waterline.compute_distance(np.concatenate(lines) * 10, reach_m=200)
    assert np.quantile(np.abs(away - 20), 0.99) < 0.2  # what is left of the land is far enough away all the same


def test_a_terrain_does_not_guess_beyond_what_it_knows(beach: tuple[World, Waterline]) -> None:
    terrain = MovedTerrain(beach[1], shift_m=1.0)
    with pytest.raises(GridError, match="known in"):
        terrain.compute_block(Window(-60, 0, 120, 120))
    with pytest.raises(GridError, match="60 m at most"):
        MovedTerrain(beach[1], shift_m=61.0)


def test_every_date_opens_as_a_scene_with_a_light_of_its_own(series: SimulatedSeries) -> None:
    assert [place.number for place in series.dates] == [0, 1, 2, 3]
    items = [json.loads(place.item.read_text()) for place in series.dates]
    assert [item["properties"]["platform"][-1] for item in items] == ["a", "b", "a", "b"]
    for place, item in zip(series.dates, items, strict=True):
        scene = open_scene(place.item)
        assert scene.simulated
        assert scene.band_names == L2A_STACK
        assert scene.baseline == "04.00"
        assert tuple(scene.grid.bounds) == series.bounds
        assert place.acquired.date() == date(2023, 12, 20) + timedelta(days=15 * place.number)
        west, south, east, north = item["bbox"]
        zenith, azimuth = compute_sun_angles(lon=(west + east) / 2, lat=(south + north) / 2, when=place.acquired)
        assert item["properties"]["view:sun_elevation"] == pytest.approx(90 - zenith, abs=1)
        assert item["properties"]["view:sun_azimuth"] == pytest.approx(azimuth, abs=2)
        assert item["properties"]["eo:cloud_cover"] == place.cloud_percent
    assert [place.cloud_percent > 50 for place in series.dates] == [False, False, True, False]
    pixels = {hashlib.sha256((place.item.parent / "B08.tif").read_bytes()).hexdigest() for place in series.dates}
    assert len(pixels) == 4


def test_a_reprocessed_product_is_the_same_acquisition_from_a_newer_baseline(series: SimulatedSeries) -> None:
    assert [place.reprocessed is not None for place in series.dates] == [False, True, False, False]
    first = series.dates[1]
    assert first.reprocessed is not None
    old, new = (json.loads(path.read_text()) for path in (first.item, first.reprocessed))
    assert old["id"] != new["id"]
    for same in ("datetime", "platform", "grid:code", "eo:cloud_cover"):
        assert old["properties"][same] == new["properties"][same]
    assert (old["properties"]["s2:processing_baseline"], new["properties"]["s2:processing_baseline"]) == (
        "04.00",
        "05.10",
    )
    assert new["properties"]["s2:generation_time"] > old["properties"]["s2:generation_time"]


def test_the_record_and_the_catalogue_name_every_scene(series: SimulatedSeries) -> None:
    record = json.loads(series.record.read_text())
    assert [place["shift_m"] for place in record["dates"]] == list(_SHIFTS)
    assert [place["shift_is_normal_on"] for place in record["dates"]] == [1.0] * 4
    for place in record["dates"]:
        assert (series.folder / place["item"]).is_file()
        assert (series.folder / place["truth"] / "shoreline.gpkg").is_file()
    named = {place["id"] for place in record["dates"]} | {record["dates"][1]["reprocessed"]}
    collection = json.loads(series.item_collection.read_text())
    assert {item["id"] for item in collection["features"]} == named
    for name in ("catalog.json", "collection.json", *(place["item"] for place in record["dates"])):
        require_valid(series.folder / name)
    for item in collection["features"]:
        for asset in item["assets"].values():
            assert Path(asset["href"].removeprefix("file://")).is_file()


def test_the_same_seed_gives_the_same_pixels(tmp_path: Path) -> None:
    options = SeriesOptions(size=120, span=Span(dates=1), cloud_cover=0.4)
    digests = []
    for name in ("one", "two"):
        made = simulate_series(tmp_path / name, seed=9, options=options)
        files = sorted(path for path in made.folder.rglob("*") if path.suffix in (".tif", ".json"))
        digests.append(
            {
                path.relative_to(made.folder): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in files
                if path.name != "items.json"  # whose references are absolute
            }
        )
    assert digests[0] == digests[1]


def test_a_rate_moves_the_shore_from_the_first_date_on() -> None:
    options = SeriesOptions(span=Span(first=date(2022, 1, 5), every_days=15, dates=24), retreat_m_per_year=3)
    dates = plan_dates(3, options)
    years = [
        (place.acquisition.sensing - dates[0].acquisition.sensing).total_seconds() / 86400 / 365.25 for place in dates
    ]
    assert [place.shift_m for place in dates] == pytest.approx([3 * year for year in years], abs=1e-4)
    covers = [place.cloud_cover for place in dates]
    assert covers[0] == covers[-1] == 0
    assert max(covers) > 0.7
    assert len({place.acquisition.product for place in dates}) == 24
    assert len({place.acquisition.relative_orbit for place in dates}) == 1
    orbits = [place.acquisition.orbit for place in dates if place.acquisition.spacecraft == "S2A"]
    assert set(np.diff(orbits)) == {3 * 143}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"size": 100}, "120 to 6000"),
        ({"shifts": ()}, "shifts"),
        ({"shifts": (1.0,), "retreat_m_per_year": 3.0}, "both"),
        ({"shifts": (0.0, 900.0)}, "500 m"),
        ({"shifts": (0.0, float("nan"))}, "500 m"),
        ({"cloud_cover": 40.0}, "Divide percent"),
        ({"cloud_cover": (0.5,)}, "each of 24 dates"),
        ({"kind": "land"}, "land"),
        ({"reprocessed": (24,)}, "0 to 23"),
        ({"reprocessed": (0,), "newer_baseline": "04.00"}, "newer than"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(OptionError, match=word):
        SeriesOptions(**wrong)


@pytest.mark.parametrize(("wrong", "word"), [({"dates": 0}, "1 to 200"), ({"every_days": 0}, "1 to 3660")])
def test_spans_that_cannot_be_are_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(SceneError, match=word):
        Span(**wrong)


def test_a_series_is_not_overwritten_unasked(series: SimulatedSeries) -> None:
    with pytest.raises(SceneError, match="exists already"):
        simulate_series(series.folder, seed=4, options=_OPTIONS)
