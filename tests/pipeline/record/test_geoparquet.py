"""Items of many kinds become one index; what fits nowhere costs only itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

pytest.importorskip("rustac")

from pipeline.record.geoparquet import IndexDraft


def make_item(name: str, lon: float = 1.0, **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "geometry": {"type": "Point", "coordinates": [lon, 50.0]},
        "bbox": [lon, 50.0, lon, 50.0],
        "properties": {"datetime": "2024-06-01T10:00:00Z", **properties},
        "links": [],
        "assets": {},
    }


def test_batches_with_other_columns_become_one_table(tmp_path: Path) -> None:
    with IndexDraft() as draft:
        assert draft.add([make_item("a", threshold=0.5)]) == []
        assert draft.add([make_item("b", 3.0, notes="cloudy"), make_item("c", 2.0)]) == []
        assert draft.write(tmp_path / "items.parquet")
        assert draft.dropped == ()
    table = pyarrow.parquet.read_table(tmp_path / "items.parquet").to_pydict()
    assert table["id"] == ["a", "b", "c"]
    assert table["threshold"] == [0.5, None, None]
    assert table["notes"] == [None, "cloudy", None]
    geo = json.loads(pyarrow.parquet.read_metadata(tmp_path / "items.parquet").metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["Point"]
    assert geo["columns"]["geometry"]["bbox"] == [1.0, 50.0, 3.0, 50.0]


def test_a_column_of_two_kinds_is_dropped_and_named(tmp_path: Path) -> None:
    with IndexDraft() as draft:
        draft.add([make_item("a", value=1.5)])
        draft.add([make_item("b", value={"x": 1})])
        assert draft.write(tmp_path / "items.parquet")
        assert draft.dropped == ("value",)
    names = pyarrow.parquet.read_schema(tmp_path / "items.parquet").names
    assert "value" not in names
    assert "id" in names


def test_the_same_items_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with IndexDraft() as draft:
            draft.add([make_item("a", b=1, a="x"), make_item("c")])
            draft.write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_item_that_fits_no_table_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    broken = make_item("broken")
    broken["geometry"] = {"type": "Polyhedron", "coordinates": []}
    with IndexDraft() as draft:
        ((name, reason),) = draft.add([make_item("a"), broken, make_item("c")])
        assert draft.write(tmp_path / "items.parquet")
    assert (name, "\n" in reason) == ("broken", False)
    assert sorted(pyarrow.parquet.read_table(tmp_path / "items.parquet")["id"].to_pylist()) == ["a", "c"]


def test_no_item_no_file(tmp_path: Path) -> None:
    with IndexDraft() as draft:
        assert draft.add([]) == []
        assert not draft.write(tmp_path / "items.parquet")
    assert list(tmp_path.iterdir()) == []
