"""Layers in the shape that a user wants, each thing alone and all together."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.errors import OptionError
from pipeline.export.dissolve import dissolve_by_kind
from pipeline.export.finish import finish_layers
from pipeline.export.options import VectorOptions
from pipeline.export.points import build_points, make_point_layer
from pipeline.output.fields import LAYERS, conform_layer
from tests.pipeline.export.drawn_map import draw_map
from tests.pipeline.mapped_folder import make_grid
from tests.pipeline.vector_layers import SCENE, build_layers

MAP = tuple(LAYERS.values())
GEOD = pyproj.Geod(ellps="WGS84")


def test_where_nothing_is_asked_nothing_is_done() -> None:
    layers = build_layers()
    finished = finish_layers(layers, MAP, VectorOptions())
    assert all(finished.frames[name] is layers[name] for name in layers)
    assert (finished.layers, finished.notes, finished.facts) == (MAP, (), {})
    assert VectorOptions().vector_parameters() == {}


def test_all_at_once() -> None:
    options = VectorOptions(crs="epsg:3035", smooth_m=60, dissolve=True, points_every_m=50)
    assert options.vector_parameters() == {
        "crs": "EPSG:3035",
        "smooth_m": 60,
        "dissolve": True,
        "points_every_m": 50,
    }
    before = draw_map(5)
    finished = finish_layers(before, MAP, options)
    assert [layer.name for layer in finished.layers] == ["coastline", "water", "land", "points"]
    for layer in finished.layers:
        frame = finished.frames[layer.name]
        assert frame.crs.to_epsg() == 3035
        assert list(conform_layer(frame, layer).columns) == [*(field.name for field in layer.fields), "geometry"]
        assert frame.geometry.is_valid.all()
    assert finished.facts["displacement_max_m"] > finished.facts["displacement_mean_m"] > 0
    assert finished.notes[0].startswith("Smoothed over 60 m: the lines moved by ")
    # Points lie on the lines that were smoothed.
    lines = finished.frames["coastline"].geometry.union_all()
    assert shapely.distance(finished.frames["points"].geometry.to_numpy(), lines).max() < 0.01


def test_points_are_equally_far_apart_and_say_what_their_line_says() -> None:
    lines = build_layers()["coastline"]
    points = build_points(lines, 100.0)
    assert len(points) == sum(int(length // 100) + (length % 100 > 0) for length in lines["length_m"])
    for number, group in points.groupby("line"):
        steps = GEOD.inv(group["lon"][:-1], group["lat"][:-1], group["lon"][1:], group["lat"][1:])[2]
        radius = 800 if lines["kind"][number - 1] == "sea" else 200
        assert steps == pytest.approx(2 * radius * np.sin(50 / radius), rel=1e-3)  # chords of circles
        assert group["along_m"].tolist() == [100.0 * n for n in range(len(group))]
        assert shapely.distance(group.geometry.to_numpy(), lines.geometry[number - 1]).max() < 1e-6
        assert group["kind"].unique().tolist() == [lines["kind"][number - 1]]
    assert points["id"].tolist() == [*range(1, len(points) + 1)]
    assert points["scene"].unique().tolist() == [SCENE]
    degrees = points.to_crs("EPSG:4326").geometry
    assert np.abs(np.stack((degrees.x - points["lon"], degrees.y - points["lat"]))).max() < 1e-9
    assert {"closed", "length_m", "start_reason"}.isdisjoint(
        field.name for field in make_point_layer(LAYERS["coastline"]).fields
    )


def test_an_open_line_has_a_point_at_its_start_and_parts_go_on() -> None:
    whole = shapely.LineString([(600000, 5600000), (600250, 5600000)])
    cut = shapely.MultiLineString([[(600000, 5600000), (600130, 5600000)], [(600130, 5600000), (600250, 5600000)]])
    short = shapely.LineString([(600000, 5700000), (600001, 5700000)])
    lines = gpd.GeoDataFrame({"id": [7, 8, 9]}, geometry=[whole, cut, short], crs="EPSG:32630")
    points = build_points(lines, 100.0)
    assert points["line"].tolist() == [7, 7, 7, 8, 8, 8, 9]
    x = points.geometry.x.to_numpy() - 600000
    assert x[:3] == pytest.approx([0, 100, 200], abs=0.1)
    assert x[3:6] == pytest.approx(x[:3])
    assert len(build_points(lines.iloc[:0], 10.0)) == 0


def test_one_feature_a_kind() -> None:
    layers = build_layers()
    lines = dissolve_by_kind(layers["coastline"], LAYERS["coastline"])
    assert lines["kind"].tolist() == ["lake", "sea"]
    lake = lines.iloc[0]
    of_lakes = layers["coastline"].iloc[3:]
    assert lake["length_m"] == pytest.approx(of_lakes["length_m"].sum())
    assert lake["uncertainty_mean_m"] == pytest.approx((8 + 16 + 32) / 3)
    assert (lake["uncertainty_max_m"], lake["certainty"], lake["scene"]) == (80.0, "poor", SCENE)
    assert len(lake.geometry.geoms) == 3
    assert all(shapely.equals_exact(a, b) for a, b in zip(lake.geometry.geoms, of_lakes.geometry, strict=True))
    land = dissolve_by_kind(layers["land"], LAYERS["land"])
    assert land["area_m2"].tolist() == pytest.approx([layers["land"]["area_m2"].sum()])
    assert land.geometry[0].is_valid
    assert len(dissolve_by_kind(layers["land"].iloc[:0], LAYERS["land"])) == 0


def test_pieces_of_a_mosaic_become_whole() -> None:
    squares = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10), shapely.box(40, 0, 50, 10)]
    pieces = build_layers()["land"].set_geometry(gpd.GeoSeries(squares, crs=32630))
    whole = dissolve_by_kind(pieces, LAYERS["land"]).geometry[0]
    assert whole.geom_type == "MultiPolygon"
    assert sorted(part.area for part in whole.geoms) == [100, 200]


def test_what_cannot_be_is_said_before_any_work() -> None:
    grid = make_grid(epsg=32630, left=600000, top=5600000, width=100, height=100)
    VectorOptions(smooth_m=199, crs="EPSG:27700").require_possible(grid)
    with pytest.raises(OptionError, match=r"Expected up to 20 pixels, which are 200 m here, found 202"):
        VectorOptions(smooth_m=202).require_possible(grid)
    with pytest.raises(OptionError, match="no shift of datum leads there"):
        VectorOptions(crs="EPSG:26718").require_possible(grid)
    for wrong in ({"smooth_m": -1}, {"points_every_m": 0}, {"crs": "here"}):
        with pytest.raises(OptionError):
            VectorOptions(**wrong)
