"""A mosaic's lines as features: lengths, areas, uncertainty and sources, each beside a number found by other means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from pipeline.mosaic.features import CoastContext, build_frames
from pipeline.mosaic.lines import LineBatch
from pipeline.record.mapped_scene import MappedScene
from tests.pipeline.mapped_folder import make_grid

GEOD = pyproj.Geod(ellps="WGS84")
GRID = make_grid(epsg=32631, left=500_000, top=5_500_000, width=4, height=4)
DATES = (datetime(2024, 6, 1, 10, tzinfo=UTC), datetime(2024, 7, 2, 11, tzinfo=UTC), None)
SCENES = tuple(
    MappedScene(id=f"scene{number}", folder=Path(), grid=GRID, acquired=date) for number, date in enumerate(DATES)
)
SOURCES = [(), (0,), (0, 1), (2,)]

ISLAND = [(3.0, 50.0), (3.01, 50.0), (3.01, 50.01), (3.0, 50.01), (3.0, 50.0)]
LAKE = ISLAND[::-1]
SHORE = [(4.0, 50.0), (4.0, 50.01), (4.0, 50.03)]


def make_context(**changes: object) -> CoastContext:
    values = {
        "crs": pyproj.CRS("OGC:CRS84"),
        "scenes": SCENES,
        "sources": SOURCES,
        "model": "a-model 1.0",
        "pixel_m": 10.0,
    }
    return CoastContext(**(values | changes))


def make_batch(*lines: list[tuple[float, float]], **changes: object) -> LineBatch:
    lonlat = np.array([vertex for line in lines for vertex in line])
    count = len(lonlat)
    values = {
        "lonlat": lonlat,
        "xy": lonlat,
        "slope": np.full(count, 0.05, np.float32),
        "error": np.full(count, 0.1, np.float32),
        "source": np.ones(count, np.int64),
        "observations": np.full(count, 3, np.uint16),
        "kind": np.zeros(count, np.uint8),
        "start": np.concatenate(([0], np.cumsum([len(line) for line in lines]))),
        "closed": np.array([line[0] == line[-1] for line in lines]),
        "reasons": np.zeros((len(lines), 2), np.uint8),
        "first_line": 1,
    }
    return LineBatch(**(values | changes))


def list_texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in column]


def test_shape_length_and_area_are_those_of_the_ellipsoid() -> None:
    lines = build_frames(make_batch(ISLAND, LAKE, SHORE, first_line=7), make_context())["coastline"]
    assert lines["shape"].tolist() == ["island", "water body", "open"]
    assert lines["line"].tolist() == [7, 8, 9]
    assert lines["closed"].tolist() == [True, True, False]
    area = GEOD.geometry_area_perimeter(shapely.Polygon(ISLAND))[0]
    assert lines["area_m2"].tolist() == pytest.approx([area, area, 0.0])
    lengths = [GEOD.geometry_length(shapely.LineString(line)) for line in (ISLAND, LAKE, SHORE)]
    assert lines["length_m"].tolist() == pytest.approx(lengths)
    assert lines.geometry[2].equals(shapely.LineString(SHORE))
    assert lines["model"].tolist() == ["a-model 1.0"] * 3


def test_a_closed_line_is_kept_from_its_area_on_and_an_open_one_always() -> None:
    batch = make_batch(ISLAND, LAKE, SHORE)
    area = build_frames(batch, make_context())["coastline"]["area_m2"].max()
    at_limit = build_frames(batch, make_context(min_area_m2=area))
    assert at_limit["coastline"]["line"].tolist() == [1, 2, 3]
    above = build_frames(batch, make_context(min_area_m2=area * 1.001))
    assert above["coastline"]["line"].tolist() == [3]
    assert above["sources"]["line"].tolist() == [3]


def test_a_short_open_line_that_ends_where_data_do_is_left_out() -> None:
    batch = make_batch(ISLAND, SHORE, SHORE, SHORE, reasons=np.array([[0, 0], [1, 0], [4, 4], [0, 3]], np.uint8))
    length = build_frames(batch, make_context())["coastline"]["length_m"][1]
    at_limit = build_frames(batch, make_context(min_length_m=length))
    assert at_limit["coastline"]["line"].tolist() == [1, 2, 3, 4]
    above = build_frames(batch, make_context(min_length_m=length * 1.001))
    assert above["coastline"]["line"].tolist() == [1, 3]
    assert set(above["sources"]["line"]) == {1, 3}


def test_uncertainty_is_the_error_over_the_slope_capped_at_ten_pixels() -> None:
    slope = np.array([0.05, 0.0, 0.02], np.float32)  # 2 m, capped at 100 m, 5 m
    frames = build_frames(make_batch(SHORE, slope=slope), make_context())
    for frame in frames.values():
        assert frame["uncertainty_max_m"][0] == pytest.approx(100.0)
        # Each vertex weighs as the way to the next: 1 and 2 parts, the last none.
        assert frame["uncertainty_mean_m"][0] == pytest.approx((2 * 1 + 100 * 2) / 3, rel=1e-4)
    error = np.zeros(3, np.float32)
    certain = build_frames(make_batch(SHORE, slope=slope, error=error), make_context())["coastline"]
    assert (certain["uncertainty_mean_m"][0], certain["uncertainty_max_m"][0]) == (0.0, 0.0)


def test_a_line_of_no_length_has_the_plain_mean() -> None:
    batch = make_batch([SHORE[0], SHORE[0]], slope=np.array([0.05, 0.02], np.float32), closed=np.zeros(1, bool))
    assert build_frames(batch, make_context())["coastline"]["uncertainty_mean_m"][0] == pytest.approx(3.5)


def test_ends_say_why_and_observations_are_counted_a_line() -> None:
    batch = make_batch(
        SHORE,
        ISLAND,
        SHORE,
        reasons=np.array([[1, 2], [0, 0], [3, 0]], np.uint8),
        observations=np.array([4, 1, 4, 5, 6, 7, 8, 9, 2, 2, 3], np.uint16),
    )
    lines = build_frames(batch, make_context())["coastline"]
    assert list_texts(lines["start_reason"]) == ["cloud", None, "area edge"]
    assert list_texts(lines["end_reason"]) == ["nodata", None, None]
    assert lines["observations_min"].tolist() == [1, 5, 2]
    assert lines["observations_mean"].tolist() == pytest.approx([3.0, 7.0, 7 / 3])


def test_pieces_are_cut_where_the_scenes_change() -> None:
    source = np.array([1, 1, 2, 2, 2, 3, 3, 3])
    frames = build_frames(make_batch(ISLAND, SHORE, source=source, first_line=5), make_context())
    pieces = frames["sources"]
    assert pieces["line"].tolist() == [5, 5, 6]
    assert pieces["piece"].tolist() == [0, 1, 0]
    assert pieces["items"].tolist() == ["scene0", "scene0,scene1", "scene2"]
    assert pieces["observations"].tolist() == [1, 2, 1]
    # The edge belongs to the vertex at which it begins; pieces share the vertex between them.
    assert [len(shape.coords) for shape in pieces.geometry] == [3, 3, 3]
    assert pieces.geometry[0].coords[-1] == pieces.geometry[1].coords[0] == (3.01, 50.01)
    whole = frames["coastline"]["length_m"]
    assert pieces["length_m"][:2].sum() == pytest.approx(whole[0])
    assert pieces["length_m"][2] == pytest.approx(whole[1])
    assert frames["coastline"]["scenes"].tolist() == [2, 1]


def test_first_and_last_are_the_times_of_the_scenes_that_have_one() -> None:
    source = np.array([2, 2, 2, 3, 3, 3])
    for frame in build_frames(make_batch(SHORE, SHORE, source=source), make_context()).values():
        assert list_texts(frame["first"]) == ["2024-06-01T10:00:00Z", None]
        assert list_texts(frame["last"]) == ["2024-07-02T11:00:00Z", None]


def test_a_piece_of_unknown_source_names_no_item() -> None:
    pieces = build_frames(make_batch(SHORE, source=np.zeros(3, np.int64)), make_context())["sources"]
    assert list_texts(pieces["items"]) == [None]
    assert pieces["observations"].tolist() == [0]


@pytest.mark.parametrize("side", [1, -1])
def test_lines_over_180_degrees_are_cut_there_in_degrees_alone(side: int) -> None:
    crossing = [(side * 179.9, 10.0), (side * 180.1, 10.0)]
    batch = make_batch(SHORE, crossing)
    lines = build_frames(batch, make_context())["coastline"]
    assert lines["line"].tolist() == [1, 2, 2]
    assert sorted(tuple(round(x, 6) for x in shape.bounds[::2]) for shape in lines.geometry[1:]) == [
        (-180.0, -179.9),
        (179.9, 180.0),
    ]
    projected = build_frames(batch, make_context(crs=pyproj.CRS("EPSG:3035")))["coastline"]
    assert len(projected) == 2


def test_lines_of_one_date_are_instantaneous_and_of_several_composite() -> None:
    scenes = [replace(scene, tide_m=height) for scene, height in zip(SCENES, (0.5, 1.5, None), strict=True)]
    batch = make_batch(SHORE, SHORE, SHORE, source=np.repeat([1, 2, 3], 3))
    for frame in build_frames(batch, make_context(scenes=scenes)).values():
        assert list(frame["datum"]) == ["instantaneous", "composite", "instantaneous"]
        assert list(frame["tide_m"])[:2] == [0.5, 1.0]
        assert np.isnan(frame["tide_m"].iloc[2])
