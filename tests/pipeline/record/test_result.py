"""What all results share: whether one stands, how its files and grid are described, and its item."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from affine import Affine
from rasterio.crs import CRS

from pipeline.checksums import Basis
from pipeline.errors import OutputError, StaleResultError
from pipeline.record.result import (
    ITEM_NAME,
    UNDATED,
    ResultItem,
    describe_file,
    describe_projection,
    is_result_there,
    name_schemas,
    read_fingerprint,
    read_sensing_time,
    write_json,
)
from tiles.grid import Grid

BASIS = Basis(kind="timeseries", inputs={"a": "1" * 64}, choices={"threshold": 0.5})
FIRST, LAST = datetime(2020, 5, 6, tzinfo=UTC), datetime(2021, 5, 6, tzinfo=UTC)


def write(folder: Path, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The item of a result in a folder."""
    values: dict[str, Any] = {
        "id": "one",
        "title": "A result",
        "geometry": {"type": "Point", "coordinates": [0.0, 0.0]},
        "bbox": [0.0, 0.0, 0.0, 0.0],
        "times": (LAST, FIRST),
        "simulated": False,
        "basis": BASIS,
        "properties": {"notes": [], "proj:code": "EPSG:32630"},
    }
    item: dict[str, Any] = json.loads(ResultItem(**values | changes).write(folder).read_text())
    return item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("12345")
    (tmp_path / "b.png").write_text("1")
    (tmp_path / ".begun").write_text("1")
    (tmp_path / "inner").mkdir()
    write(tmp_path)
    return tmp_path


def test_a_result_stands_where_all_its_files_are_whole(folder: Path) -> None:
    assert read_fingerprint(folder) == BASIS.fingerprint
    (folder / "a.csv").write_text("1234")
    assert read_fingerprint(folder) is None
    (folder / "a.csv").unlink()
    assert read_fingerprint(folder) is None
    (folder / ITEM_NAME).write_text("[]")
    assert read_fingerprint(folder) is None
    assert read_fingerprint(folder / "inner") is None


def test_the_very_result_is_there_and_another_is_replaced_when_asked(folder: Path) -> None:
    other = replace(BASIS, choices={"threshold": 0.4})
    assert is_result_there(folder, BASIS, overwrite=False)
    assert not is_result_there(folder, other, overwrite=True)
    assert not is_result_there(folder / "inner", BASIS, overwrite=False)
    with pytest.raises(StaleResultError, match=r"differs in threshold \(0.5, now 0.4\): pass --overwrite"):
        is_result_there(folder, other, overwrite=False)
    (folder / "a.csv").unlink()
    with pytest.raises(StaleResultError, match="differs in an output that is missing or was changed: pass"):
        is_result_there(folder, BASIS, overwrite=False)


def test_an_item_names_files_but_for_itself_and_hidden_ones(folder: Path) -> None:
    item = write(folder)
    assert sorted(item["assets"]) == ["a_csv", "b_png"]
    assert item["assets"]["a_csv"] == {
        "href": "./a.csv",
        "type": "text/csv",
        "file:size": 5,
        "file:checksum": f"1220{hashlib.sha256(b'12345').hexdigest()}",
        "roles": ["data"],
    }
    assert item["assets"]["b_png"]["roles"] == ["overview"]
    assert write(folder, assets={})["assets"] == {}


def test_properties_without_a_prefix_become_ours(folder: Path) -> None:
    properties = write(folder)["properties"]
    assert (properties["strandline:notes"], properties["proj:code"]) == ([], "EPSG:32630")
    assert properties["strandline:fingerprint"] == BASIS.fingerprint
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2020-05-06T00:00:00Z",
        "2021-05-06T00:00:00Z",
    )


@pytest.mark.parametrize("times", [(), (None,), (FIRST, None)])
def test_without_a_time_the_interval_is_as_wide_as_can_be_and_is_no_date(
    folder: Path, times: tuple[datetime | None, ...]
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    properties = write(folder, times=times, simulated=True)["properties"]
    assert properties["start_datetime"] == "2015-06-23T00:00:00Z"
    assert before <= datetime.fromisoformat(properties["end_datetime"]) <= datetime.now(UTC)
    assert properties["description"] == "Simulated scenes: they show no place on Earth."
    assert properties[UNDATED] is True
    assert read_sensing_time(properties) is None
    assert read_sensing_time({name: properties[name] for name in properties if name != UNDATED}) is None


def test_a_record_with_dates_gives_the_last_of_them(folder: Path) -> None:
    properties = write(folder)["properties"]
    assert properties[UNDATED] is False
    assert read_sensing_time(properties) == LAST
    assert read_sensing_time({"datetime": "2020-05-06T00:00:00", "end_datetime": "2021-01-01T00:00:00Z"}) == FIRST
    assert read_sensing_time({}) is None


def test_files_of_unknown_kind_are_bytes_and_hrefs_count_from_the_item(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "x.shx").write_text("1")
    asset = describe_file(inner / "x.shx", tmp_path, title="Part", nodata=3)
    assert (asset.href, asset.media_type, asset.title) == ("./inner/x.shx", "application/octet-stream", "Part")
    assert asset.extra_fields["nodata"] == 3


def test_a_grid_is_described_by_its_code_or_else_by_its_text() -> None:
    grid = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 600, 0, -10, 900), width=3, height=2)
    assert describe_projection(grid) == {
        "proj:code": "EPSG:32630",
        "proj:shape": [2, 3],
        "proj:transform": [10, 0, 600, 0, -10, 900],
        "proj:bbox": [600, 880, 630, 900],
    }
    own = CRS.from_proj4("+proj=laea +lat_0=51.2345 +lon_0=1.2345 +datum=WGS84 +units=m")
    described = describe_projection(Grid(crs=own, transform=grid.transform, width=3, height=2))
    assert described["proj:code"] is None
    assert described["proj:wkt2"] == own.to_wkt()


def test_schemas_have_addresses() -> None:
    assert name_schemas("file/v2.1.0") == ["https://stac-extensions.github.io/file/v2.1.0/schema.json"]


def test_a_record_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"é": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "é": 1\n}\n'
    with pytest.raises(OutputError, match=r"a\.json"):
        write_json(tmp_path / "nowhere" / "a.json", {})
