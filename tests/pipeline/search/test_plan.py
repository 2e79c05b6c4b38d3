from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import OutputError
from pipeline.search.errors import PlanError
from pipeline.search.plan import Plan, PlanQuery, PlanSource, PlanVerdict, format_plan, read_plan, write_plan
from tests.pipeline.stac_items import make_item


def make_plan(*items: dict[str, Any]) -> Plan:
    return Plan(
        source=PlanSource(href="https://stac.test", kind="api", host="earth-search", offset_rule="raw DN"),
        query=PlanQuery(aoi="10,54,11,55", dates="2024-06", max_cloud=20, area={"type": "Polygon", "coordinates": []}),
        notes=("Größer als nötig.",),
        items=items or (make_item("one"), make_item("two", when="2024-06-11T00:00:00Z")),
        set_aside=(PlanVerdict(id="three", reason="cloud 80% over 20%"),),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    write_plan(make_plan(), path)
    return path


def test_plan_comes_back_as_it_was(path: Path) -> None:
    plan = read_plan(path)
    assert format_plan(plan) == path.read_text() == format_plan(make_plan())
    assert [item["id"] for item in plan.items] == ["one", "two"]
    assert "Größer als nötig." in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text())["items"][0]["assets"] == make_item("one")["assets"]


def test_an_item_is_a_line_that_can_be_taken_out(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"id": "one"' not in line))
    assert [item["id"] for item in read_plan(path).items] == ["two"]


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def rename(values: dict[str, Any], old: str, new: str) -> None:
    values[new] = values.pop(old)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda v: rename(v, "set_aside", "setaside"), r"there is no key setaside \(did you mean set_aside\?\)"),
        (lambda v: rename(v, "items", "item"), r"items is missing.*item \(did you mean items\?\)"),
        (lambda v: rename(v["query"], "max_cloud", "maxcloud"), r"no key query\.maxcloud \(did you mean max_cloud\?\)"),
        (lambda v: v["query"].update(max_cloud=120), r"query\.max_cloud: Input should be less than .* 100, found 120"),
        (lambda v: v["source"].update(kind="apis"), r"source\.kind: .*'api', .*found 'apis'"),
        (lambda v: v.update(strandline_plan=2), "reads plans of version 1, found 2"),
        (lambda v: v.pop("strandline_plan"), "key strandline_plan, found the keys source"),
        (lambda v: v["items"].append(v["items"][0]), "one stands in items 2 times"),
        (lambda v: v["items"][1].update(assets={}), r"assets with bands .* found none in items\[1\] \(two\)"),
        (lambda v: v["items"][1].pop("assets"), r"items\[1\] \(two\) has no assets \(put the item back whole"),
        (
            lambda v: rename(v["items"][1], "assets", "asets"),
            r"items\[1\] \(two\) has no assets \(is asets misspelt\?\)",
        ),
        (lambda v: v["items"][0].update(id=7), r"items\[0\] needs an id that is a text, found 7"),
        (lambda v: v["items"].insert(0, "one"), r"items\[0\]: .*dictionary, found 'one'"),
        (lambda v: v["set_aside"][0].update(why="x"), r"no key set_aside\[0\]\.why \(known here: id, kind, reason\)"),
    ],
)
def test_wrong_edits_are_named_in_one_line(path: Path, change: Callable[[dict[str, Any]], object], match: str) -> None:
    edit(path, change)
    with pytest.raises(PlanError, match=match) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_comma_that_is_left_when_the_last_item_goes_is_shown_by_its_place(path: Path) -> None:
    lines = path.read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if '"id": "two"' in line)
    del lines[at]
    path.write_text("\n".join(lines))
    with pytest.raises(PlanError, match=rf"no JSON at line {at + 1}, column \d+ .* the line before: the last entry"):
        read_plan(path)


def test_key_that_stands_twice_would_lose_a_value(path: Path) -> None:
    path.write_text(path.read_text().replace('"notes":', '"items": [],\n  "notes":'))
    with pytest.raises(PlanError, match="the key items stands twice"):
        read_plan(path)


def test_what_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="could not read it"):
        read_plan(tmp_path / "nothing.json")
    (tmp_path / "item.json").write_text(json.dumps(make_item("one")))
    with pytest.raises(PlanError, match="found a STAC Feature"):
        read_plan(tmp_path / "item.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(PlanError, match="found a list"):
        read_plan(tmp_path / "list.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match="could not read it"):
        read_plan(tmp_path / "bytes.json")


def test_ids_that_would_share_a_folder_are_refused() -> None:
    with pytest.raises(ValidationError, match="a_b stands in items 2 times"):
        make_plan(make_item("a b"), make_item("a_b"))


def test_plan_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_plan(make_plan(), None)
    assert capsys.readouterr().out == format_plan(make_plan())


def test_a_plan_that_cannot_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_text()

    def fail(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"plan\.json .*No space left"):
        write_plan(make_plan(make_item("other")), path)
    assert path.read_text() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


def test_a_plan_that_an_editor_gave_a_byte_order_mark_is_read(path: Path) -> None:
    plan = read_plan(path)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_plan(path) == plan
