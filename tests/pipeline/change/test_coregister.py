"""Two dates whose images lie apart: what is the images' is taken out, and what is the shore's is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from pipeline.change.compute_change import ChangeOptions, ChangeResult, compute_change
from tests.pipeline.mapped_folder import Ground, write_mapped
from tests.pipeline.register.textured_dates import LEFT, Date, make_grid, write_image

_TO_PLANE = Transformer.from_crs("OGC:CRS84", "EPSG:32630", always_xy=True)


def write_date(out: Path, name: str, date: Date, *, texture: bool = True) -> Path:
    """Map a date: water in the west."""

    def measure(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        x = np.asarray(_TO_PLANE.transform(lon.ravel(), lat.ravel())[0]).reshape(lon.shape)
        return date.shore_m + date.east_m - (x - LEFT)

    properties = {"strandline:probability_rmse": 0.02}
    folder = write_mapped(out, name, make_grid(), Ground(distance_m=measure), properties=properties)
    if texture:
        write_image(folder, date)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_date(tmp_path_factory.mktemp("maps"), "first", Date())


def compare(old: Path, new: Path, out: Path, **choices: object) -> tuple[ChangeResult, dict[str, object]]:
    result = compute_change(old, new, out, options=ChangeOptions(**choices))
    document = json.loads((out / "change.json").read_text())
    item = json.loads((out / "item.json").read_text())
    assert item["properties"]["strandline:registration"] == document["registration"]
    return result, document["registration"]


def test_an_image_that_is_off_is_moved_back(first: Path, tmp_path: Path) -> None:
    second = write_date(tmp_path, "second", Date(east_m=15, north_m=7, light=0.9))
    result, registration = compare(first, second, tmp_path / "with")
    assert result.summary.mean_shift_m == pytest.approx(0, abs=1)
    assert result.summary.moved_km == 0
    assert (registration["dx_m"], registration["dy_m"]) == pytest.approx((15, 7), abs=1)
    assert registration["taken_out"] is True
    assert any("15." in note or "14." in note for note in result.notes if note.startswith("The new image lay"))
    without, registration = compare(first, second, tmp_path / "without", coregister=False)
    assert without.summary.mean_shift_m == pytest.approx(-15, abs=0.5)
    assert (registration["dx_m"], registration["sigma_m"]) == (None, 2.0)
    assert registration["why_not"] == "not asked for (--no-coregister)"
    assert not [note for note in without.notes if note.startswith("The new image lay")]


def test_a_shore_that_moves_all_along_is_not_taken_for_the_image(first: Path, tmp_path: Path) -> None:
    second = write_date(tmp_path, "second", Date(shore_m=1_020, east_m=-7, light=1.1))
    result, _ = compare(first, second, tmp_path / "change")
    assert result.summary.mean_shift_m == pytest.approx(-20, abs=1)


def test_dates_that_lie_right_are_not_touched_and_the_budget_is_what_was_measured(first: Path, tmp_path: Path) -> None:
    second = write_date(tmp_path, "second", Date(shore_m=1_010, light=0.9))
    (with_, measured), (without, _) = (
        compare(first, second, tmp_path / str(on), coregister=on) for on in (True, False)
    )
    assert measured["taken_out"] is False
    assert with_.summary.mean_shift_m == without.summary.mean_shift_m == pytest.approx(-10, abs=0.2)
    own = (without.summary.uncertainty_m or 0) ** 2 - 2.0**2  # of the lines alone
    assert own > 0
    assert with_.summary.uncertainty_m == pytest.approx(np.sqrt(own + 1.0), abs=0.1)


def test_a_date_that_keeps_no_brightness_is_taken_as_it_lies(first: Path, tmp_path: Path) -> None:
    second = write_date(tmp_path, "second", Date(east_m=15), texture=False)
    result, registration = compare(first, second, tmp_path / "change", registration_m=3.0)
    assert result.summary.mean_shift_m == pytest.approx(-15, abs=0.5)
    assert registration["sigma_m"] == 3.0
    assert registration["why_not"] == "the new date is no map of one scene with a texture.tif beside its rasters"


def test_a_texture_of_another_map_does_not_count(first: Path, tmp_path: Path) -> None:
    second = write_date(tmp_path, "second", Date(), texture=False)
    write_image(tmp_path / "other", Date(), make_grid(200))
    (tmp_path / "other" / "texture.tif").rename(second / "texture.tif")
    _, registration = compare(first, second, tmp_path / "change")
    assert str(registration["why_not"]).startswith("the new date is no map")
