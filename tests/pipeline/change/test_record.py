"""``change.json`` and the item of a comparison: what they state where dates state everything, and where not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.change.alerts import list_alerts
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Box
from pipeline.change.record import ChangeRecord, read_change, write_change, write_change_item
from pipeline.change.source import DatedCoast
from pipeline.change.summary import compute_summary
from pipeline.checksums import Basis
from pipeline.record.result import read_fingerprint
from pipeline.register.registration import Registration
from tests.pipeline.change.change_values import PLANE
from tests.pipeline.change.test_summary import make_comparison

FIRST, LAST = datetime(2020, 5, 6, 11, tzinfo=UTC), datetime(2020, 5, 9, 23, tzinfo=UTC)


@pytest.fixture
def record(tmp_path: Path) -> ChangeRecord:
    file = tmp_path / "in.tif"
    file.write_bytes(b"pixels")
    old = DatedCoast(path=tmp_path, id="a", files=(file,), acquired=FIRST, model="m 1", probability_rmse=0.1)
    options = ChangeOptions(alert_m=20)
    return ChangeRecord(
        old=old,
        new=replace(old, id="b", files=(), acquired=LAST, model=""),
        summary=compute_summary(make_comparison(), options=options),
        alerts=tuple(list_alerts("gained", make_comparison(), options)),
        options=options,
        basis=Basis(kind="change", inputs={}, choices={}),
        registration=Registration(offset=(3.0, -1.0), offset_m=(3.0, -1.0), sigma_m=1.04, chips=12),
        tides=(0.5, -1.25),
        notes=("A note.",),
    )


def write(record: ChangeRecord, folder: Path) -> dict[str, Any]:
    """The item of a comparison of one square kilometre."""
    box = Box(left=500_000, bottom=5_600_000, right=501_000, top=5_601_000)
    path = write_change_item(folder, "a-b", record, extents=(box,), plane=PLANE)
    item: dict[str, Any] = json.loads(path.read_text())
    return item


def test_the_document_comes_back(record: ChangeRecord, tmp_path: Path) -> None:
    write_change(tmp_path, record)
    document = read_change(tmp_path)
    assert document == json.loads(json.dumps(record.to_dict()))
    assert document["days"] == 3.5
    assert document["old"] == {
        "id": "a",
        "href": tmp_path.as_uri(),
        "datetime": "2020-05-06T11:00:00Z",
        "model": "m 1",
        "threshold": 0.5,
        "probability_rmse": 0.1,
        "tide_height_m": 0.5,
    }
    assert (document["new"]["model"], document["new"]["tide_height_m"]) == (None, -1.25)
    assert document["registration"] == {
        "dx_m": 3.0,
        "dy_m": -1.0,
        "sigma_m": 1.04,
        "taken_out": True,
        "squares": 12,
        "on": "stable land in texture.tif",
        "why_not": None,
    }
    assert document["tide"]["given"]
    assert "stood at 0.5 m on the old date and at -1.25 m on the new one" in document["tide"]["meaning"]
    assert [alert["id"] for alert in document["alerts"]] == [1]


def test_without_tides_or_times_the_document_says_so(record: ChangeRecord) -> None:
    document = replace(record, tides=None, old=replace(record.old, acquired=None)).to_dict()
    assert document["days"] is None
    assert replace(record, new=replace(record.new, acquired=None)).to_dict()["days"] is None
    assert document["tide"]["given"] is False
    assert "was not given" in document["tide"]["meaning"]
    assert (document["old"]["tide_height_m"], document["old"]["datetime"]) == (None, None)


def test_a_composite_is_not_called_instantaneous(record: ChangeRecord) -> None:
    document = replace(record, old=replace(record.old, datum="composite")).to_dict()
    assert "composite" in document["tide"]["meaning"]
    assert "instantaneous" not in document["tide"]["meaning"]


def test_the_item_names_inputs_outputs_times_and_place(record: ChangeRecord, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("change.csv", "change.png", ".hidden"):
        (folder / name).write_text("x")
    item = write(record, folder)
    assert {key: asset["roles"] for key, asset in item["assets"].items()} == {
        "change_csv": ["data"],
        "change_png": ["overview"],
    }
    properties = item["properties"]
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2020-05-06T11:00:00Z",
        "2020-05-09T23:00:00Z",
    )
    assert properties["strandline:alerts"] == 1
    digest, href = hashlib.sha256(b"pixels").hexdigest(), (tmp_path / "in.tif").as_uri()
    assert properties["strandline:inputs"] == [{"href": href, "file:checksum": f"1220{digest}"}]
    west, south, east, north = item["bbox"]
    assert (west, south) == pytest.approx((-3.0, 50.5517), abs=1e-3)
    assert (east - west, north - south) == pytest.approx((0.0141, 0.009), abs=1e-4)
    assert properties["description"].startswith("Contains modified Copernicus")
    assert read_fingerprint(folder) == record.basis.fingerprint


def test_a_date_without_a_time_opens_the_interval(record: ChangeRecord, tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    item = write(replace(record, new=replace(record.new, acquired=None, simulated=True)), tmp_path)
    assert item["properties"]["start_datetime"] == "2015-06-23T00:00:00Z"
    assert datetime.fromisoformat(item["properties"]["end_datetime"]) >= before
    assert item["properties"]["strandline:simulated"] is True
    assert item["properties"]["description"].startswith("Simulated")


def test_a_date_is_named_where_readers_find_it(record: ChangeRecord, tmp_path: Path) -> None:
    (tmp_path / "in 1.tif").write_bytes(b"pixels")
    away = replace(record.old, home="s3://coasts/maps/a", files=(tmp_path / "in 1.tif",))
    item = write(replace(record, old=away), tmp_path)
    assert [source["href"] for source in item["properties"]["strandline:inputs"]] == ["s3://coasts/maps/a/in%201.tif"]
    assert replace(record, old=away).to_dict()["old"]["href"] == "s3://coasts/maps/a"
    assert record.to_dict()["old"]["href"] == tmp_path.as_uri(), "without a home, where it lies"
