"""What a mapped cube says of itself, read back by CF's and rioxarray's rules."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import rioxarray  # noqa: F401 (gives .rio)
import xarray as xr

from models.card import ModelCard
from models.runtimes.registry import DEFAULT_MODEL, resolve_card
from pipeline.cubes.chunks import ModelKey
from pipeline.cubes.layout import CubeLayout, find_layout
from pipeline.cubes.radiometry import CubeRadiometry
from pipeline.cubes.record import CubeRecord, describe_result
from strandline import __version__
from tests.pipeline.cubes.cube_sources import make_cube, make_pixels
from tiles.scene import Radiometry

STEPS = (
    Radiometry(quantification=10_000, offsets={"B02": -1000.0, "B03": -900.0}, source="items", nodata=0),
    Radiometry(quantification=10_000, offsets={"B02": 0.0, "B03": 0.0}, source="pixels", nodata=0),
    Radiometry(quantification=10_000, offsets={"B02": 0.0, "B03": 0.0}, source="items", nodata=0),
)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return resolve_card(DEFAULT_MODEL)


def describe(cube: xr.Dataset, card: ModelCard, *, steps: tuple[Radiometry, ...] = STEPS) -> xr.Dataset:
    layout = find_layout(cube)
    record = CubeRecord(
        layout=dataclasses.replace(layout, notes=("Assumed.",)),
        radiometry=CubeRadiometry(steps=steps, scale_source="scale=", warnings=("Doubtful.",)),
        model=ModelKey(source="a", sha256="f00", inputs=("B03", "B08"), device="cpu", precision="fp32"),
        card=card,
        precision="bf16",
        threshold=0.4,
        cloud_classes=frozenset({10, 3}),
        cloud_buffer_m=50.0,
        absent=("No B11.",),
    )
    return describe_result(make_result(layout), record)


def make_result(layout: CubeLayout) -> xr.Dataset:
    shape = layout.grid.shape
    arrays = {"water": (layout.dims, np.zeros(shape, np.uint8)), "probability": (layout.dims, np.zeros(shape, "f4"))}
    turned = xr.Dataset(arrays).isel({dim: slice(None, None, -1) for dim in layout.flipped})
    return turned.assign_coords(dict(layout.coords))


def test_flags_are_named_by_value(card: ModelCard) -> None:
    result = describe(make_cube(make_pixels((4, 6))), card)
    water = result["water"].attrs
    assert dict(zip(water["flag_values"].tolist(), water["flag_meanings"].split(), strict=True)) == {
        0: "land",
        1: "water",
        2: "obscured",
    }
    assert (water["_FillValue"], water["_FillValue"].dtype) == (255, np.uint8)
    assert result["probability"].attrs["valid_range"] == [0, 1]


def test_the_record_says_how_values_were_understood(card: ModelCard) -> None:
    attrs = describe(make_cube(make_pixels((4, 6))), card).attrs
    assert attrs["strandline_scale"] == 0.0001
    assert attrs["strandline_scale_source"] == "scale="
    assert attrs["strandline_offset_dn"] == [-1000.0, 0.0, 0.0]  # the lowest of each date's bands
    assert attrs["strandline_offset_source"] == "items; pixels"
    assert attrs["strandline_nodata"] == 0
    assert attrs["strandline_notes"] == "Assumed. No B11. Doubtful."
    assert (attrs["strandline_cloud_classes"], attrs["strandline_cloud_buffer_m"]) == ("3 10", 50.0)
    assert attrs["strandline_bands"] == "B03 B08"
    assert (attrs["strandline_threshold"], attrs["strandline_precision"]) == (0.4, "bf16")
    assert attrs["strandline_model_sha256"] == "f00"
    assert attrs["source"] == f"Strandline {__version__}, model {card.name} {card.version}"
    without = describe(make_cube(make_pixels((4, 6))), card, steps=(dataclasses.replace(STEPS[0], nodata=None),))
    assert without.attrs["strandline_nodata"] == "NaN"


def test_the_cubes_own_grid_mapping_is_kept(card: ModelCard) -> None:
    cube = make_cube(make_pixels((4, 6)))
    mapping = cube.spatial_ref.attrs["spatial_ref"]
    # A number beside it is no mapping, nor is one along the rows that has the words.
    named = cube.drop_vars("spatial_ref").assign_coords(
        orbit=((), 51), row=("y", np.arange(4), {"crs_wkt": mapping}), utm=((), 7, {"crs_wkt": mapping})
    )
    result = describe(named, card)
    assert "spatial_ref" not in result.coords
    assert result.coords["utm"] == 7
    assert {variable.encoding["grid_mapping"] for variable in result.data_vars.values()} == {"utm"}


@pytest.mark.parametrize("north_up", [True, False])
@pytest.mark.parametrize("eastward", [True, False])
def test_a_grid_mapping_is_written_where_the_cube_has_none(card: ModelCard, north_up: bool, eastward: bool) -> None:
    cube = make_cube(make_pixels((4, 6))).drop_vars("spatial_ref").assign_attrs(crs="EPSG:32630")
    turned = cube.isel(y=slice(None, None, 1 if north_up else -1), x=slice(None, None, 1 if eastward else -1))
    result = describe(turned, card)
    assert {variable.encoding["grid_mapping"] for variable in result.data_vars.values()} == {"spatial_ref"}
    # rioxarray derives the transform from the coordinates: GDAL's six numbers must be the same.
    numbers = [float(word) for word in result.spatial_ref.attrs["GeoTransform"].split()]
    assert numbers == list(result.drop_vars("spatial_ref").rio.transform(recalc=True).to_gdal())
    assert numbers[0] == (600_000 if eastward else 600_060)
    assert numbers[3] == (5_000_000 if north_up else 4_999_960)
    assert result.rio.crs.to_epsg() == 32630
