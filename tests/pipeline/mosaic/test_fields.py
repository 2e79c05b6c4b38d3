"""The layers of a mosaic: the frames have their fields, and a shapefile can hold them."""

from __future__ import annotations

from pipeline.mosaic.features import build_frames
from pipeline.mosaic.fields import COASTLINE, LAND, MOSAIC_LAYERS, SOURCES, WATER
from tests.pipeline.mosaic.test_features import SHORE, make_batch, make_context


def test_frames_have_the_fields_of_their_layers_but_for_the_number() -> None:
    frames = build_frames(make_batch(SHORE), make_context())
    assert [layer.name for layer in MOSAIC_LAYERS] == ["coastline", "sources", "water", "land"]
    assert list(frames) == ["coastline", "sources"]
    for layer in (COASTLINE, SOURCES):
        columns = set(frames[layer.name].columns) - {"geometry"}
        assert columns | {"id"} == {field.name for field in layer.fields}


def test_layers_are_lines_and_polygons_and_their_short_names_fit_a_shapefile() -> None:
    assert (COASTLINE.geometry, SOURCES.geometry) == ("LineString", "LineString")
    assert (WATER.geometry, LAND.geometry) == ("Polygon", "Polygon")
    for layer in MOSAIC_LAYERS:
        short = [field.short for field in layer.fields]
        assert len(set(short)) == len(short)
        assert max(map(len, short)) <= 10
