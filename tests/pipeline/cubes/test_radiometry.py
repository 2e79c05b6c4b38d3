"""However the same reflectance is stored, and whoever says how, the answer is the same; where nobody says it, none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from pipeline.cubes.segment import segment
from pipeline.errors import UnfitSceneError
from tests.pipeline.cubes.cube_sources import NAMES, make_cube, make_items, make_pixels
from tests.pipeline.tiny_models import write_model
from tiles.errors import SceneError

SHAPE = (40, 46)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture(autouse=True)
def no_silent_warnings() -> Iterator[None]:
    """A warning that a test does not expect is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def segment_both(cube: xr.Dataset, **choices: Any) -> xr.Dataset:  # noqa: ANN401
    """In memory and lazily: decisions must not differ."""
    eager = segment(cube, **choices)
    lazy = segment(cube.chunk({"y": 17}), **choices)
    assert lazy.attrs["strandline_offset_dn"] == eager.attrs["strandline_offset_dn"]
    assert lazy.attrs["strandline_scale"] == eager.attrs["strandline_scale"]
    assert lazy.attrs["strandline_offset_source"] == eager.attrs["strandline_offset_source"]
    np.testing.assert_allclose(lazy.probability, eager.probability, atol=1e-5)
    return eager


def with_attrs(cube: xr.Dataset, *, encoding: bool = False, **attrs: object) -> xr.Dataset:
    cube = cube.copy()
    for name in NAMES:
        (cube[name].encoding if encoding else cube[name].attrs).update(attrs)
    return cube


def as_fractions(dn: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Reflectance, NaN where there is no data."""
    return np.where(dn == 0, np.nan, (dn.astype(np.float64) - 1000) / 10000)


def store(way: str, dn: np.ndarray[Any, Any]) -> tuple[xr.Dataset, dict[str, Any]]:
    """A cube of these pixels as someone stores them, and what must be said of it."""
    plain = make_cube(dn)
    marked = np.where(dn == 0, -9999, dn.astype(np.int32))
    gaps = np.where(dn == 0, np.nan, dn.astype(np.float32))
    raster = {"scale": 1e-4, "offset": -0.1, "nodata": 0}
    return {
        "offset": (plain, {"offset": -1000}),
        "an offset a date": (plain, {"offset": [-1000] * len(dn)}),
        "everything said": (plain, {"offset": -1000, "scale": 1e-4, "nodata": 0}),
        "items": (plain, {"items": make_items(plain, baselines=["05.11"] * len(dn))}),
        "items as JSON": (
            plain,
            {"items": [item.to_dict() for item in make_items(plain, baselines=["05.11"] * len(dn))]},
        ),
        "offset taken off by the host": (
            make_cube(np.where(dn == 0, -9999, dn.astype(np.int32) - 1000), nodata=-9999),
            {"items": make_items(plain, baselines=["05.11"] * len(dn), **{"earthsearch:boa_offset_applied": True})},
        ),
        "another marker": (make_cube(marked, _FillValue=-9999), {"offset": -1000}),
        "odc's marker": (make_cube(marked, nodata=-9999), {"offset": -1000}),
        "a marker that is said": (make_cube(marked), {"offset": -1000, "nodata": -9999}),
        "a marker in the encoding": (with_attrs(make_cube(marked), encoding=True, _FillValue=-9999), {"offset": -1000}),
        "NaN": (make_cube(gaps), {"offset": -1000}),
        "NaN as rioxarray masks": (with_attrs(make_cube(gaps), encoding=True, _FillValue=0.0), {"offset": -1000}),
        "CF, not applied": (make_cube(dn, scale_factor=1e-4, add_offset=-0.1, _FillValue=0), {}),
        "CF, applied": (
            with_attrs(
                make_cube(as_fractions(dn)), encoding=True, scale_factor=1e-4, add_offset=-0.1, _FillValue=np.uint16(0)
            ),
            {},
        ),
        "fractions": (make_cube(as_fractions(dn)), {"offset": 0}),
        "fractions, said": (make_cube(as_fractions(dn).astype(np.float32)), {"scale": 1, "offset": 0}),
        "percent": (make_cube(as_fractions(dn) * 100), {"scale": 0.01, "offset": 0}),
        "fractions with the offset in": (make_cube(as_fractions(dn) + 0.1), {"offset": -0.1}),
        "properties among the coordinates": (
            plain.assign_coords({"s2:processing_baseline": ("time", ["05.11"] * len(dn))}),
            {},
        ),
        "one property for all dates": (plain.assign_coords({"s2:processing_baseline": "05.11"}), {}),
        "raster:bands beside DN": (with_attrs(plain, **{"raster:bands": [raster]}), {}),
        "raster:bands beside floating-point DN": (
            with_attrs(make_cube(gaps), **{"raster:bands": [raster]}).assign_coords({"raster:bands": "beside"}),
            {},
        ),
        "a scale and a marker of one band alone": (
            make_cube(dn, nodata=0).assign(
                B04=xr.where(plain.B04 == 0, -9999, plain.B04.astype(np.int32) * 2)
                .transpose("time", "y", "x")
                .assign_attrs(scale_factor=5e-5, add_offset=-0.1, _FillValue=-9999)
            ),
            {"items": make_items(plain, baselines=["05.11"] * len(dn))},
        ),
        "scales along bands, as rioxarray leaves them": (
            xr.DataArray(
                dn * np.array([1, 1, 2, 1], dtype=np.uint16)[:, None, None],
                dims=("time", "band", "y", "x"),
                coords=plain.assign_coords(band=list(NAMES)).coords,
                attrs={"scales": (1e-4, 1e-4, 5e-5, 1e-4), "offsets": (-0.1,) * 4, "_FillValue": 0},
            ),
            {},
        ),
        "a mask beside the bands": (
            make_cube(np.where(dn == 0, 1234, dn)).assign(dataMask=(plain.B02 != 0).astype(np.uint8)),
            {"offset": -1000},
        ),
    }[way]


WAYS = (
    "an offset a date", "everything said", "items", "items as JSON", "offset taken off by the host", "another marker",
    "odc's marker", "a marker that is said", "a marker in the encoding", "NaN", "NaN as rioxarray masks",
    "CF, not applied", "CF, applied", "fractions", "fractions, said", "percent", "fractions with the offset in",
    "properties among the coordinates", "one property for all dates", "raster:bands beside DN",
    "raster:bands beside floating-point DN", "a scale and a marker of one band alone",
    "scales along bands, as rioxarray leaves them", "a mask beside the bands",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_same_pixels_give_the_same_answer_however_they_are_stored(model: str, way: str) -> None:
    dn = make_pixels(SHAPE, steps=2)
    expected = segment(make_cube(dn), model=model, offset=-1000)
    cube, choices = store(way, dn)
    result = segment_both(cube, model=model, **choices)
    np.testing.assert_allclose(result.probability, expected.probability, rtol=0, atol=2e-5)
    assert np.isnan(result.probability).sum() == (dn[:, 0] == 0).sum()


def test_each_date_has_the_offset_of_its_own_baseline(model: str) -> None:
    dn = make_pixels(SHAPE, steps=3)
    expected = segment(make_cube(dn), model=model, offset=-1000)
    mixed = dn.astype(np.int32)
    mixed[1] = np.where(dn[1] == 0, 0, mixed[1] - 1000)
    assert mixed.min() >= 0
    cube = make_cube(mixed.astype(np.uint16))
    items = make_items(cube, baselines=["05.11", "02.14", "04.00"])
    result = segment_both(cube, model=model, items=items[::-1])
    assert result.attrs["strandline_offset_dn"] == [-1000, 0, -1000]
    np.testing.assert_allclose(result.probability, expected.probability, rtol=0, atol=1e-5)
    assert "processing baseline 02.14" in result.attrs["strandline_offset_source"]


def test_what_a_loader_added_by_mistake_is_taken_back(model: str) -> None:
    """Earth Search says -0.1 in raster:bands of items whose offset it took off already; stackstac believes that."""
    dn = make_pixels(SHAPE)
    right = as_fractions(dn)
    said = {"raster:bands": {"scale": 1e-4, "offset": -0.1, "nodata": 0}}
    cube = make_cube(right - 0.1)
    for name in NAMES:
        cube[name].attrs |= said
    stack = cube.to_dataarray("band").transpose("time", "band", "y", "x")
    hints = np.empty(len(NAMES), dtype=object)
    hints[:] = [dict(said["raster:bands"]) for _ in NAMES]
    stack = stack.assign_coords({"raster:bands": ("band", hints), "s2:processing_baseline": "05.11"})
    stack = stack.assign_coords({"earthsearch:boa_offset_applied": True})
    result = segment(stack, model=model)
    assert result.attrs["strandline_offset_dn"] == [0.1]
    expected = segment(make_cube(dn), model=model, offset=-1000)
    np.testing.assert_allclose(result.probability, expected.probability, rtol=0, atol=2e-5)


def test_an_offset_that_was_taken_off_twice_is_noticed(model: str) -> None:
    cube = make_cube(as_fractions(make_pixels((60, 60))) - 0.1)
    with pytest.warns(UserWarning, match="taken off twice"):
        segment(cube, model=model, offset=0)


INFRARED = ("B03", "B04", "B08", "B11")


@pytest.mark.parametrize(("shift", "offset"), [(0, -1000), (-900, 0)])
def test_where_nobody_says_it_the_pixels_are_asked_and_a_warning_says_so(model: str, shift: int, offset: int) -> None:
    dn = make_pixels((60, 60), names=INFRARED)
    cube = make_cube(np.where(dn == 0, 0, dn.astype(np.int32) + shift).astype(np.uint16), names=INFRARED)
    with pytest.warns(
        UserWarning, match="No metadata says whether an offset of 1000 DN is in the values of 2024-06-01"
    ):
        result = segment_both(cube, model=model)
    assert result.attrs["strandline_offset_dn"] == [offset]
    assert result.attrs["strandline_offset_source"].startswith("pixels (")
    assert f"Give items= or offset={offset}" in result.attrs["strandline_notes"]


def bright(steps: int = 1) -> xr.Dataset:
    return make_cube(np.full((steps, 4, 40, 40), 4000, dtype=np.uint16))


def lone(value: float) -> xr.Dataset:
    return make_cube(np.full((1, 4, 30, 30), value))


REFUSED = {
    "pixels that cannot tell": (bright(), {}, "Expected to know whether the radiometric offset .* 2024-06-01"),
    "too many dates": (bright(9), {}, "9 dates are too many"),
    "neither fractions nor DN": (lone(30.0), {}, "found values up to 30"),
    "nothing but NaN": (lone(np.nan), {}, "no valid pixels where it was looked"),
    "8 bits": (make_cube(np.full((1, 4, 30, 30), 9, dtype=np.uint8)), {}, "a cube of 8 bits"),
    "offset in reflectance": (bright(), {"offset": -0.1, "scale": 1e-4}, "-0.1 in reflectance is -1000 in DN"),
    "scale of nothing": (bright(), {"scale": 0.0}, "scale above 0"),
    "offsets for other dates": (bright(2), {"offset": [0, 0, 0]}, "each of 2 dates, found 3"),
    "items of other dates": (
        bright(2),
        {"items": make_items(bright(), baselines=["05.11"])},
        "an item for each date of the cube, found none for 2024-06-06",
    ),
    "items that contradict each other": (
        bright(),
        {"items": make_items(bright(), baselines=["05.11"]) + make_items(bright(), baselines=["02.14"])},
        "the items of 2024-06-01.* to agree on their offset",
    ),
    "no items": (bright(), {"items": ["item"]}, "Expected a STAC item"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_known_is_refused(model: str, case: str) -> None:
    cube, choices, message = REFUSED[case]
    for way in (cube, cube.chunk({"y": 16})):
        with pytest.raises(SceneError, match=message):
            segment(way, model=model, **choices)


def test_top_of_atmosphere_is_refused(model: str) -> None:
    cube = bright()
    with pytest.raises(UnfitSceneError, match="is L1C"):
        segment(cube, model=model, items=make_items(cube, baselines=["05.11"], **{"s2:product_type": "S2MSI1C"}))
    with pytest.raises(UnfitSceneError, match="is L1C"):
        segment(cube.assign(B10=cube.B02), model=model, offset=-1000)


def test_dark_water_that_was_clipped_to_the_marker_is_no_gap(model: str) -> None:
    dn = make_pixels((30, 30)).astype(np.int32) - 1000
    dn[0, 1, 10:20] = 0  # one band clipped at 0, data in the others
    dn[0, :, 0] = 0
    cube = make_cube(dn.clip(0).astype(np.uint16))
    taken_off = make_items(cube, baselines=["05.11"], **{"earthsearch:boa_offset_applied": True})
    result = segment(cube, model=model, items=taken_off)
    assert not np.isnan(result.probability.values[0, 12]).all()
    assert np.isnan(result.probability.values[0, 0]).all()
    masked = make_cube(np.where(cube.to_dataarray("band").transpose("time", "band", "y", "x") == 0, np.nan, dn))
    masked = with_attrs(masked, encoding=True, _FillValue=0.0)  # as rioxarray's masked=True leaves it
    again = segment(masked, model=model, items=taken_off)
    np.testing.assert_allclose(again.probability, result.probability, rtol=0, atol=1e-5)


def test_a_real_stack_without_metadata_is_judged_by_its_pixels(shared: Path, model: str) -> None:
    import rioxarray

    cube = rioxarray.open_rasterio(shared / "scenes/parana/20230511.tif")
    with pytest.warns(UserWarning, match="the pixels say that it is"):
        result = segment(cube, model=model)
    assert result.attrs["strandline_offset_dn"] == [-1000]


@pytest.mark.parametrize(
    ("fill", "nodata"), [(-9999, {}), (-10000, {}), (65535, {"nodata": 0}), (-32768, {"nodata": 0})]
)
def test_fill_that_nobody_names_is_no_ground_and_no_offset_taken_off_twice(
    model: str, fill: int, nodata: dict[str, int]
) -> None:
    dn = make_pixels(SHAPE)
    expected = segment(make_cube(dn), model=model, offset=-1000)
    cube = make_cube(np.where(dn == 0, fill, dn.astype(np.int32)), **nodata)
    with pytest.warns(UserWarning, match=rf"{fill} stands in all bands .* nodata") as told:
        result = segment(cube, model=model, offset=-1000)
    assert len(told) == 1
    np.testing.assert_array_equal(result.probability, expected.probability)
    lazy = segment(cube.chunk(x=20), model=model, offset=-1000)  # nothing of it is looked at beforehand
    np.testing.assert_array_equal(lazy.probability, expected.probability)
