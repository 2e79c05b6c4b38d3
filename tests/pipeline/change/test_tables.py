"""Features and tables of a comparison: columns, words, order, and the same in every file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.change.bodies import Changes
from pipeline.change.fields import CHANGE_LAYERS, SHIFT
from pipeline.change.shift import BODY, MOVED, NO_SHORE, STEADY
from pipeline.change.source import DatedCoast
from pipeline.change.tables import build_change_frame, build_shift_frame, write_tables
from pipeline.errors import OutputError
from tests.pipeline.change.change_values import PLANE, STRIP, change, make_pieces, make_shifts

OLD = DatedCoast(path=Path("old"), id="a", files=(), acquired=datetime(2020, 5, 6, 11, tzinfo=UTC))
NEW = DatedCoast(path=Path("new"), id="b", files=())


def make_changes(*, inland: int = 0) -> Changes:
    return change(make_pieces(STRIP), make_shifts(inland=inland))


def test_land_gained_has_the_fields_of_its_layer() -> None:
    frame = build_change_frame(make_changes(), PLANE, OLD, NEW)
    assert list(frame.columns) == [*(field.name for field in CHANGE_LAYERS[0].fields), "geometry"]
    row = frame.iloc[0]
    assert (row["id"], row["kind"], row["waters"], row["shore_m"]) == (1, "shore", "coast", 200.0)
    assert row["area_m2"] == pytest.approx(4000 / 0.9996**2, rel=1e-4)
    assert (row["old"], row["old_time"], row["new"], row["new_time"]) == ("a", "2020-05-06T11:00:00Z", "b", None)
    assert build_change_frame(make_changes(inland=20), PLANE, OLD, NEW)["waters"].tolist() == ["inland"]


def test_a_body_has_no_waters() -> None:
    body = change(make_pieces(STRIP, old_m=0.0), make_shifts())
    assert build_change_frame(body, PLANE, OLD, NEW)["waters"].tolist() == [None]


def test_pieces_of_shore_come_from_north_to_south_and_name_what_they_are() -> None:
    shifts = replace(
        make_shifts(count=4, inland=1),
        state=np.array([STEADY, MOVED, NO_SHORE, BODY], np.uint8),
        xy=np.array([[500_000, 10], [500_010, 30], [500_005, 30], [500_000, 20]], float),
    )
    frame = build_shift_frame(shifts, PLANE, OLD, NEW)
    assert list(frame.columns) == [*(field.name for field in SHIFT.fields), "geometry"]
    assert frame["id"].tolist() == [1, 2, 3, 4]
    assert frame["state"].tolist() == ["no shore", "moved", "body", "steady"]
    assert frame["waters"].tolist() == ["coast", "coast", "coast", "inland"]
    assert frame["lon"].tolist()[2] == pytest.approx(-3.0, abs=1e-7)
    assert list(frame.geometry[1].coords)[1] == (500_010, 30)


def test_tables_hold_both_kinds_of_polygons_and_the_same_in_both_files(tmp_path: Path) -> None:
    polygons = build_change_frame(make_changes(), PLANE, OLD, NEW)
    frames = {"gained": polygons, "lost": polygons, "shift": build_shift_frame(make_shifts(), PLANE, OLD, NEW)}
    write_tables(tmp_path, frames)
    table = pd.read_csv(tmp_path / "change.csv")
    assert table["change"].tolist() == ["gained", "lost"]
    assert next(iter(table.columns)) == "change"
    assert "geometry" not in table
    samples = pd.read_parquet(tmp_path / "shift.parquet")
    assert len(samples) == 20
    assert samples["old_time"].tolist()[0] == "2020-05-06T11:00:00Z"
    for name in ("change", "shift"):
        one, other = pd.read_csv(tmp_path / f"{name}.csv"), pd.read_parquet(tmp_path / f"{name}.parquet")
        assert list(other.columns) == pq.read_schema(tmp_path / f"{name}.parquet").names == list(one.columns)
        assert list(one.columns) == list(other.columns)
        assert one["id"].tolist() == other["id"].tolist()
    with pytest.raises(OutputError, match=r"change\.csv"):
        write_tables(tmp_path / "nowhere", frames)


@pytest.mark.parametrize(
    ("old", "new", "datum"),
    [
        ("instantaneous", "instantaneous", "instantaneous"),
        ("composite", "instantaneous", "composite to instantaneous"),
        ("composite", None, "composite to unknown"),
        (None, None, None),
    ],
)
def test_pieces_of_shore_say_what_their_lines_are(old: str | None, new: str | None, datum: str | None) -> None:
    first, second = replace(OLD, datum=old, tide_m=0.25), replace(NEW, datum=new)
    frame = build_shift_frame(make_shifts(count=2), PLANE, first, second)
    assert frame["datum"].tolist() == [datum] * 2
    assert frame["old_tide_m"].tolist() == [0.25] * 2
    assert frame["new_tide_m"].isna().all()
