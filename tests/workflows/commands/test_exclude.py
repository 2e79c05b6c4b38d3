"""``strandline exclude`` as it is typed: what it changes, what it says, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.watch.areas.file import read_areas
from pipeline.watch.ledger.ledger import open_ledger
from tests.pipeline.stac_items import make_item, write_items
from tests.pipeline.watch.ledger.ledger_places import HERE, publish_one, sight
from tests.workflows.conftest import Run

AREAS = """
areas:
  - {name: east, aoi: "10.1,54.1,10.9,54.9", source: items.json, since: 2024-06-01}
  - {name: west, aoi: "10.1,54.1,10.9,54.9", source: items.json, since: 2024-06-01}
limits: {keep_free: 0}
"""


@pytest.fixture
def areas(tmp_path: Path) -> Path:
    """Two areas; one has a published scene and one under cloud, the other knows the first as seen alone."""
    path = tmp_path / "areas.yaml"
    path.write_text(AREAS)
    write_items(tmp_path / "items.json", [make_item("a N05.09", cloud=99.0)])
    ledger = open_ledger(read_areas(path).ledger)
    ledger.record("coast", [sight()])
    publish_one(ledger)
    with ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE strandline_scenes SET area = 'east'")
    ledger.record("east", [sight("b", day=1, skip="cloud", reason="cloud 90%")])
    ledger.record("west", [sight()])
    return path


def test_a_scene_is_excluded_listed_and_let_in_again(run: Run, areas: Path) -> None:
    ran = run("exclude", "a N05.09", "--why", "haze over the bay", "--areas", areas)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "east: a N05.09 is excluded; the next round takes back what is published of it.",
        "west: a N05.09 is excluded.",
    ]
    ran = run("exclude", "b", "--why", "a bridge", "--areas", areas, "--area", "east")
    assert ran.out == "east: b N05.09 is excluded.\n"
    listed = run("exclude", "--list", "--areas", areas).out.splitlines()
    assert [line.split(", excluded ")[0] for line in listed] == ["east: a N05.09", "east: b N05.09", "west: a N05.09"]
    assert listed[0].endswith(": haze over the bay")
    assert "Skipped for excluded: 2" in run("status", areas, "--area", "east").out
    assert open_ledger(read_areas(areas).ledger).claim("west", limit=9, holder=HERE) == []
    ran = run("exclude", "a", "b", "--undo", "--areas", areas)
    assert ran.out.splitlines() == [
        "east: a N05.09 is let in again, and mapped in the next round.",
        "west: a N05.09 is let in again, and mapped in the next round.",
        "east: b N05.09 is let in again, and skipped for cloud as before.",
    ]
    assert run("exclude", "--list", "--areas", areas).out == "Nothing is excluded.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a",), "Expected --why TEXT, or --undo"),
        (("a", "--why", " "), "Expected --why TEXT, or --undo"),
        (("a", "--why", "x", "--undo"), "Expected --why TEXT, or --undo"),
        ((), "Expected scenes to exclude, found none"),
        (("a", "--list"), "Expected --list alone"),
        (("c", "--why", "x"), "Expected a scene of east, west, found no c in the ledger"),
        (("a", "--undo"), "Expected an excluded scene of east, west, found no a"),
        (("a", "--why", "x", "--area", "north"), "Expected one of the areas east, west, found 'north'"),
    ],
)
def test_what_makes_no_sense_is_one_line(run: Run, areas: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = run("exclude", *arguments, "--areas", areas)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert run("exclude", "--list", "--areas", areas).out == "Nothing is excluded.\n"


def test_a_watcher_that_never_ran_has_nothing_to_exclude(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "areas.yaml"
    path.write_text(AREAS)
    ran = run("exclude", "a", "--why", "x", "--areas", path)
    assert ran.code == 5
    assert "run strandline watch first" in ran.err
    assert {one.name for one in tmp_path.iterdir()} == {"areas.yaml"}
