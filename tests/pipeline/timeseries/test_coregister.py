"""Images of some dates lie apart: they are moved back, the shore's own motion stays, and the record says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.record.mapped_scene import MappedScene
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from pipeline.timeseries.coregister import register_scenes
from pipeline.timeseries.record import read_series_record
from tests.pipeline.mapped_folder import make_grid
from tests.pipeline.mosaic.mapped_dates import LEFT, TOP, Field, write_dates
from tests.pipeline.register import textured_dates
from tests.pipeline.register.textured_dates import Date, write_image
from tiles.progress import ignore_progress

RETREAT_M, EVERY, SIZE = 6.0, 182.625, 400
OFF = {2: (12.0, -7.0), 3: (-15.0, 3.0)}
"""Metres east and north by which the images of dates lie off."""


def shore(date: int) -> float:
    return 900.0 + RETREAT_M * date


def field(date: int) -> Field:
    """Water in the west, up to a straight shore."""
    return lambda x, _y: np.asarray(shore(date) + OFF.get(date, (0.0, 0.0))[0] - x)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = write_dates(
        tmp_path_factory.mktemp("area") / "maps", [field(date) for date in range(5)], every_days=EVERY, size=SIZE
    )
    grid = make_grid(epsg=32630, left=LEFT, top=TOP, width=SIZE, height=SIZE)
    for date in range(5):
        east, north = OFF.get(date, (0.0, 0.0))
        place = shore(date) + LEFT - textured_dates.LEFT
        write_image(
            out / f"scene{date:02d}",
            Date(east_m=east, north_m=north, shore_m=place, light=1 - date / 20),
            grid,
        )
    (out / "scene04" / "texture.tif").unlink()
    return out


def follow(maps: Path, out: Path, **choices: object) -> pd.DataFrame:
    compute_timeseries(maps, out, options=TimeseriesOptions(spacing_m=400, **choices))
    return pd.read_parquet(out / "positions.parquet").pivot_table(
        index="scenes", columns="transect", values="position_m"
    )


def test_positions_follow_the_shore_and_not_the_image(maps: Path, tmp_path: Path) -> None:
    position = follow(maps, tmp_path / "with")
    wanted = -RETREAT_M * np.arange(5)
    moved = position.mean(axis=1).to_numpy()
    assert moved - moved[0] == pytest.approx(wanted, abs=0.7)
    record = read_series_record(tmp_path / "with")
    found = [date["registration"][0] for date in record["dates"]]
    assert [one["taken_out"] for one in found] == [False, False, True, True, False]
    for date, (east, north) in OFF.items():
        assert (found[date]["dx_m"], found[date]["dy_m"]) == pytest.approx((east, north), abs=1)
    assert found[0]["why_not"].startswith("the reference")
    assert found[4]["why_not"] == "no texture.tif in its map"
    assert record["notes"][1] == "1 of 5 images could not be registered: their place is good to 2 m."
    assert record["notes"][0].startswith("2 of 5 images lay beside the clearest of their tile, by 15.")
    table = pd.read_parquet(tmp_path / "with" / "positions.parquet").groupby("scenes")["uncertainty_m"].mean()
    own = table["scene00"]
    assert table["scene01"] == pytest.approx(np.hypot(own, found[1]["sigma_m"]), abs=0.15)
    assert table["scene04"] == pytest.approx(np.hypot(own, 2.0), abs=0.15)


def test_what_is_not_asked_for_is_not_done(maps: Path, tmp_path: Path) -> None:
    moved = follow(maps, tmp_path / "without", coregister=False, registration_m=3.0).mean(axis=1).to_numpy()
    assert abs(moved[2] - moved[1]) == pytest.approx(RETREAT_M + OFF[2][0], abs=0.5)
    record = read_series_record(tmp_path / "without")
    assert {date["registration"][0]["why_not"] for date in record["dates"]} == {"not asked for (--no-coregister)"}
    assert {date["registration"][0]["sigma_m"] for date in record["dates"]} == {3.0}
    assert [note for note in record["notes"] if "regist" in note or "beside" in note] == []


def test_a_date_alone_is_its_own_reference(maps: Path, tmp_path: Path) -> None:
    shutil.copytree(maps / "scene02", tmp_path / "maps" / "scene02")
    compute_timeseries(tmp_path / "maps", tmp_path / "out", options=TimeseriesOptions(spacing_m=400))
    (date,) = read_series_record(tmp_path / "out")["dates"]
    assert (date["registration"][0]["dx_m"], date["registration"][0]["sigma_m"]) == (None, 0.0)


def test_stacks_of_other_extents_are_of_one_place_and_another_place_is_not(tmp_path: Path) -> None:
    extents = {"wide": (0, 450, 0.0), "off": (10, 430, -12.0), "part": (20, 400, 8.0), "elsewhere": (5_000, 400, 0.0)}
    scenes = []
    for name, (col, size, east) in extents.items():
        grid = textured_dates.make_grid(size, col=col)
        write_image(tmp_path / name, Date(east_m=east), grid)
        scenes.append(MappedScene(id=name, folder=tmp_path / name, grid=grid))
    found = register_scenes(
        scenes, count_clear=lambda scene: scene.grid.width, options=TimeseriesOptions(), progress=ignore_progress
    )
    assert [found[name].reason[:13] for name in ("wide", "elsewhere")] == ["the reference"] * 2
    for name in ("off", "part"):
        assert found[name].offset_m == pytest.approx((extents[name][2], 0), abs=1)
