"""What items, coordinates and attributes say of a cube's dates, and what follows for the offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from pipeline.cubes.layout import find_layout
from pipeline.cubes.statements import Statements, find_level, find_statements
from tests.pipeline.cubes.cube_sources import NAMES, make_cube, make_items, make_pixels
from tiles.errors import SceneError
from tiles.products.stac_item import StacItem, parse_stac_item

BANDS = ("B02", "B03")


def make_item(*, band_offset: float | None = None, **properties: object) -> StacItem:
    layers = [{"scale": 0.0001} | ({} if band_offset is None else {"offset": band_offset})]
    assets = {name: {"href": "x.tif", "raster:bands": layers} for name in BANDS}
    document = {"type": "Feature", "id": "one", "properties": properties, "assets": assets}
    return parse_stac_item(document, where="a test")


def make_statements(*items: StacItem, **changes: object) -> Statements:
    values: dict[str, Any] = {"items": (items,), "names": ("a date",), "add_offset": {}, "applied": {}}
    return Statements(**(values | changes))


def shift_cube(cube: xr.Dataset, hours: float) -> xr.Dataset:
    return cube.assign_coords(time=cube.time + np.timedelta64(int(hours * 3600), "s"))


@pytest.mark.parametrize(
    ("baselines", "before"),
    [(("03.01",), True), (("04.00",), False), (("03.01", "05.11"), False), (("03.01", None), False), ((), False)],
)
def test_a_date_is_before_offsets_where_all_of_its_items_say_so(
    baselines: tuple[str | None, ...], before: bool
) -> None:
    items = [make_item(**({"s2:processing_baseline": baseline} if baseline else {})) for baseline in baselines]
    assert make_statements(*items).is_before_offsets(0) is before


def test_the_offset_of_dn_is_what_the_item_states() -> None:
    raw = make_statements(make_item(**{"s2:processing_baseline": "05.11"}))
    offsets, source = raw.state_offset(0, BANDS, 10_000) or ({}, "")
    assert offsets == {"B02": -1000.0, "B03": -1000.0}
    assert source.startswith("processing baseline 05.11")
    old = make_statements(make_item(**{"s2:processing_baseline": "03.01"}))
    assert (old.state_offset(0, BANDS, 10_000) or ({},))[0] == {"B02": 0.0, "B03": 0.0}
    assert make_statements(make_item()).state_offset(0, BANDS, 10_000) is None


def test_raster_bands_state_an_offset_a_band_and_the_baseline_one_for_all() -> None:
    stated = make_statements(make_item(band_offset=-0.2))
    assert stated.state_offset(0, BANDS, 10_000) == (dict.fromkeys(BANDS, -2000.0), "raster:bands of the item")
    flagged = make_item(band_offset=-0.2, **{"earthsearch:boa_offset_applied": True})
    assert make_statements(flagged).state_offset(0, BANDS, 10_000) == (
        dict.fromkeys(BANDS, 0.0),
        "boa_offset_applied of the item",
    )


def test_reflectance_that_nobody_is_known_to_have_scaled_hears_no_item() -> None:
    item = make_item(band_offset=-0.1)
    assert make_statements(item).state_offset(0, BANDS, 1) is None
    # What the loader has added already is taken off what should be added.
    applied = make_statements(item, applied={"B02": -0.1, "B03": 0.0})
    assert applied.state_offset(0, BANDS, 1) == ({"B02": 0.0, "B03": -0.1}, "raster:bands of the item")


def test_items_of_one_date_must_agree() -> None:
    old, new = make_item(**{"s2:processing_baseline": "03.01"}), make_item(**{"s2:processing_baseline": "05.11"})
    assert make_statements(new, new).state_offset(0, BANDS, 10_000) is not None
    for items in ((old, new), (new, make_item())):
        with pytest.raises(SceneError, match="Expected the items of a date to agree on their offset"):
            make_statements(*items).state_offset(0, BANDS, 10_000)


def test_a_loader_that_decoded_is_believed_then_the_add_offset_that_it_left() -> None:
    decoded = make_statements(is_decoded=True, applied={"B02": -0.1})
    assert decoded.state_offset(0, BANDS, 1) == (
        dict.fromkeys(BANDS, 0.0),
        "add_offset, which the loader applied",
    )
    assert make_statements(is_decoded=True, applied={"B02": 0.0}).state_offset(0, BANDS, 1) is None
    left = make_statements(add_offset={"B02": -0.1})
    assert left.state_offset(0, BANDS, 10_000) == ({"B02": -1000.0, "B03": 0.0}, "add_offset")
    assert left.state_offset(0, BANDS, 1) == ({"B02": -0.1, "B03": 0.0}, "add_offset")
    scaled = make_statements(add_offset={"B02": -0.1}, scale=0.0001)
    assert scaled.state_offset(0, BANDS, 1) is None  # values are reflectance, and the scale stands there unused
    assert scaled.state_offset(0, BANDS, 10_000) is not None


@pytest.mark.parametrize(("hours", "matches"), [(0, True), (17.9, True), (18, True), (18.1, False), (-18.1, False)])
def test_an_item_belongs_to_a_date_within_18_hours(hours: float, matches: bool) -> None:
    cube = make_cube(make_pixels((4, 4)))
    layout = find_layout(shift_cube(cube, hours))
    items = make_items(cube, baselines=["05.11"])
    if matches:
        assert [len(step) for step in find_statements(layout, items).items] == [1]
    else:
        with pytest.raises(SceneError, match="Expected an item for each date of the cube, found none for 2024-0"):
            find_statements(layout, items)


def test_items_go_to_the_nearest_date_and_dates_that_come_twice_share_them() -> None:
    cube = make_cube(make_pixels((4, 4), steps=3))
    items = make_items(cube, baselines=["03.01", "05.11", "05.11"])
    twice = xr.concat([cube, cube.isel(time=[0])], dim="time")
    statements = find_statements(find_layout(twice), reversed(items))
    assert [[item.baseline for item in step] for step in statements.items] == [
        ["03.01"],
        ["05.11"],
        ["05.11"],
        ["03.01"],
    ]


def test_of_a_cube_without_dates_all_items_are_heard() -> None:
    cube = make_cube(make_pixels((4, 4), steps=2))
    items = make_items(cube, baselines=["05.11", "05.11"])
    assert [len(step) for step in find_statements(find_layout(cube.isel(time=0)), items).items] == [2]


def test_dates_that_are_no_dates_match_no_item() -> None:
    cube = make_cube(make_pixels((4, 4), steps=2))
    items = make_items(cube, baselines=["05.11", "05.11"])
    numbered = cube.assign_coords(time=[1, 2])
    with pytest.raises(SceneError, match="Expected dates along time to match items with, found int64"):
        find_statements(find_layout(numbered), items)


def test_scale_and_marker_are_what_attributes_say() -> None:
    dn = make_pixels((4, 4))
    plain = find_statements(find_layout(make_cube(dn)), None)
    assert (plain.scale, plain.nodata, plain.is_decoded, plain.items) == (None, None, False, ((),))
    assert plain.add_offset == dict.fromkeys(NAMES, 0.0)
    stated = find_statements(find_layout(make_cube(dn, scale_factor=0.0001, add_offset=-0.1)), None)
    assert (stated.scale, stated.scale_source) == (0.0001, "scale_factor of the cube")
    assert stated.add_offset == dict.fromkeys(NAMES, -0.1)
    assert stated.applied == {}
    for trivial in (0.0, 1.0):
        assert find_statements(find_layout(make_cube(dn, scale_factor=trivial)), None).scale is None


def test_bands_of_two_scales_have_their_own() -> None:
    cube = make_cube(make_pixels((4, 4)), scale_factor=0.0001)
    cube["B08"].attrs["scale_factor"] = 0.0002
    statements = find_statements(find_layout(cube), None)
    assert (statements.get_scale("B02"), statements.get_scale("B08")) == (0.0001, 0.0002)


def test_what_a_loader_decoded_stands_in_the_encoding() -> None:
    cube = make_cube(make_pixels((4, 4)) * 0.0001)
    for name in NAMES:
        cube[name].encoding |= {"scale_factor": 0.0001, "add_offset": -0.1, "_FillValue": 0}
    statements = find_statements(find_layout(cube), None)
    assert statements.is_decoded
    assert statements.applied == dict.fromkeys(NAMES, -0.1)
    assert statements.nodata == 0
    cube["B08"].encoding["_FillValue"] = 7
    assert find_statements(find_layout(cube), None).nodata is None  # two markers, so none for all


def test_whole_numbers_are_not_decoded_whatever_their_encoding_says() -> None:
    cube = make_cube(make_pixels((4, 4)))
    for name in NAMES:
        cube[name].encoding |= {"scale_factor": 0.0001}
    assert not find_statements(find_layout(cube), None).is_decoded


def test_properties_among_the_coordinates_are_read_date_by_date() -> None:
    cube = make_cube(make_pixels((4, 4), steps=3))
    baselines = np.array(["03.01", "", "05.11"], dtype=object)
    level = {"processing:level": ((), "L2A")}
    hinted = cube.assign_coords({"s2:processing_baseline": ("time", baselines)})
    statements = find_statements(find_layout(hinted), None)
    assert [[item.baseline for item in step] for step in statements.items] == [["03.01"], [], ["05.11"]]
    assert find_level(statements) == "unknown"
    assert find_level(find_statements(find_layout(hinted.assign_coords(level)), None)) == "L2A"


@pytest.mark.parametrize("entry", [{"scale": 0.0001, "offset": -0.1, "nodata": 0}, [{"offset": -0.1, "nodata": 0}]])
def test_raster_bands_that_stackstac_left_say_offset_and_marker(entry: object) -> None:
    cube = make_cube(make_pixels((4, 4)) * 1.0)
    for name in NAMES:
        cube[name].attrs["raster:bands"] = entry
    statements = find_statements(find_layout(cube), None)
    assert statements.applied == dict.fromkeys(NAMES, -0.1)
    assert statements.nodata == 0
    assert statements.scale == (0.0001 if isinstance(entry, dict) else None)
    assert (statements.items[0][0].assets["B02"].offset, statements.scale_source) == (
        -0.1,
        "raster:bands of the items",
    )


def test_levels_that_differ_are_unknown() -> None:
    l2a, l1c = make_item(**{"processing:level": "L2A"}), make_item(**{"processing:level": "L1C"})
    assert find_level(make_statements(l2a, l2a)) == "L2A"
    assert find_level(make_statements(l2a, l1c)) == "unknown"
    assert find_level(make_statements()) == "unknown"


def test_cubes_of_other_missions_are_refused_or_taken_by_an_option() -> None:
    layout = find_layout(make_cube(make_pixels((4, 4), steps=2)))
    item = {"type": "Feature", "id": "one", "properties": {"platform": "landsat-9"}, "assets": {"B02": {"href": "x"}}}
    item["properties"] = {"platform": "landsat-9", "datetime": layout.name_step(0)}
    hinted = find_layout(make_cube(make_pixels((4, 4), steps=2)).assign_coords(platform=((), "landsat-9")))
    for cube, items in ((layout, [item]), (hinted, None)):
        with pytest.raises(SceneError, match=r"not of Sentinel-2 \(platform landsat-9\)"):
            find_statements(cube, items)
    assert find_statements(hinted, None, any_platform=True).items[0][0].other_mission == "platform landsat-9"
