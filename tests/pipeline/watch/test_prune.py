"""What is old goes from the disk of a watcher; what waits, and what the next date is compared with, stays."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.areas.file import Limits
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.prune import prune_area
from pipeline.watch.values import AreaFolders
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, Clock, open_at, sight

DAY = timedelta(days=1)
OLD = NOON - 31 * DAY
WORK, PUBLISHED = {"prune_work_after": "30d"}, {"prune_published_after": "30d"}


class Place:
    """An area with a ledger, working copies and a destination."""

    def __init__(self, folder: Path) -> None:
        self.destination = folder / "published"
        self.area = AreaSettings.model_validate(
            {"name": "coast", "aoi": "8.5,53.8,8.6,53.9", "destination": str(self.destination)}
        )
        self.folders = AreaFolders(work=folder / "work", area="coast")
        self.ledger: Ledger = open_at(str(folder / "ledger.db"), Clock())

    def add(self, name: str, *, day: int = 0, created: datetime = OLD, publish: bool = True) -> None:
        """A scene that was mapped, and perhaps published; its tile is the second part of its name."""
        self.ledger.record("coast", [sight(name, day=day, product=name)])
        (row,) = self.ledger.claim("coast", limit=1, holder=HERE)
        folder = make_result(self.folders.scenes, name, created)
        row = self.ledger.mark_mapped(row, HERE, fingerprint="f", folder=folder)
        if publish:
            self.ledger.mark_published(row, HERE, to=str(self.destination))
        make_result(self.folders.changes, name, created)

    def prune(self, *, now: datetime = NOON, **limits: Any) -> tuple[int, int]:  # noqa: ANN401
        return prune_area(self.area, Limits(**limits), self.folders, self.ledger, now=now)

    def read_rows(self) -> dict[str, Row]:
        return {row.product: row for row in self.ledger.rows("coast")}


def make_result(parent: Path, name: str, created: datetime) -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    properties = {"strandline:fingerprint": "f" * 64, "created": created.isoformat()}
    (folder / "item.json").write_text(json.dumps({"id": name, "properties": properties, "assets": {}}))
    return folder


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_limits_all_stays(place: Place) -> None:
    for day in (0, 1):
        place.add(f"S2A_32UPF_{day}", day=day, created=NOON - 3650 * DAY)
    make_result(place.destination, "S2A_32UPF_0", NOON - 3650 * DAY)
    assert place.prune() == (0, 0)
    assert len(list_names(place.folders.scenes)) == len(list_names(place.folders.changes)) == 2
    assert list_names(place.destination) == ["S2A_32UPF_0"]


def test_the_latest_of_each_tile_stays_whatever_the_order_of_the_ledger(place: Place) -> None:
    place.add("S2A_32UPF_b", day=2)
    place.add("S2A_32UPF_c", day=1)
    place.add("S2A_32UPF_a", day=0)
    place.add("S2A_32UPE_a", day=0)
    assert place.prune(**WORK) == (2, 0)
    assert list_names(place.folders.scenes) == list_names(place.folders.changes) == ["S2A_32UPE_a", "S2A_32UPF_b"]


def test_of_two_dates_at_one_moment_the_first_stays(place: Place) -> None:
    for name in ("S2A_32UPF_a", "S2B_32UPF_b"):
        place.add(name)
    assert place.prune(**WORK) == (1, 0)
    assert list_names(place.folders.scenes) == ["S2A_32UPF_a"]


def test_what_is_not_published_yet_stays(place: Place) -> None:
    place.add("S2A_32UPF_a", day=0, publish=False)
    place.add("S2A_32UPF_b", day=1)
    place.add("S2A_32UPF_c", day=2)
    assert place.prune(**WORK) == (1, 0)
    assert list_names(place.folders.scenes) == ["S2A_32UPF_a", "S2A_32UPF_c"]
    assert place.read_rows()["S2A_32UPF_a"].folder is not None


def test_a_scene_without_a_map_keeps_nothing_and_hinders_nothing(place: Place) -> None:
    place.add("S2A_32UPF_a", day=0)
    place.add("S2A_32UPF_b", day=1)
    place.ledger.record("coast", [sight("S2A_32UPF_c", day=2, product="S2A_32UPF_c")])
    assert place.prune(**WORK) == (1, 0)
    assert list_names(place.folders.scenes) == ["S2A_32UPF_b"]
    assert place.read_rows()["S2A_32UPF_c"].pruned_at is None


@pytest.mark.parametrize(("age", "gone"), [(timedelta(0), 0), (timedelta(seconds=1), 1)])
def test_at_its_age_a_working_copy_stays_and_a_second_later_it_goes(place: Place, age: timedelta, gone: int) -> None:
    place.add("S2A_32UPF_a", day=0, created=NOON - 30 * DAY - age)
    place.add("S2A_32UPF_b", day=1)
    assert place.prune(**WORK) == (gone, 0)
    assert len(list_names(place.folders.scenes)) == len(list_names(place.folders.changes)) == 2 - gone


def test_the_ledger_hears_once_of_what_is_gone_and_of_nothing_else(place: Place) -> None:
    for day in (0, 1):
        place.add(f"S2A_32UPF_{day}", day=day)
    for _ in range(2):
        place.prune(**WORK)
    first, second = place.read_rows().values()
    assert (first.state, first.folder, first.pruned_at) == ("published", None, NOON)
    assert [event["what"] for event in first.history].count("pruned") == 1
    assert (second.state, second.pruned_at) == ("published", None)
    assert Path(str(second.folder)).is_dir()


def test_a_map_that_is_gone_before_it_was_published_is_not_called_pruned(place: Place) -> None:
    place.add("S2A_32UPF_a", publish=False)
    (place.folders.scenes / "S2A_32UPF_a" / "item.json").unlink()
    (place.folders.scenes / "S2A_32UPF_a").rmdir()
    assert place.prune(**WORK) == (0, 0)
    (row,) = place.read_rows().values()
    assert (row.state, row.pruned_at) == ("mapped", None)


def test_other_areas_of_the_ledger_are_left_alone(place: Place) -> None:
    place.add("S2A_32UPF_a", day=0)
    place.add("S2A_32UPF_b", day=1)
    place.ledger.record("elsewhere", [sight("S2A_32UPF_x", product="S2A_32UPF_x")])
    (row,) = place.ledger.claim("elsewhere", limit=1, holder=HERE)
    row = place.ledger.mark_mapped(row, HERE, fingerprint="f", folder="/nowhere/at/all")
    place.ledger.mark_published(row, HERE, to="there")
    place.prune(**WORK)
    (other,) = place.ledger.rows("elsewhere")
    assert (other.folder, other.pruned_at) == ("/nowhere/at/all", None)


def test_published_results_and_comparisons_go_at_their_own_age(place: Place) -> None:
    changes = place.destination / "changes"
    for name, created in (("old", NOON - 30 * DAY - timedelta(seconds=1)), ("new", NOON - 30 * DAY)):
        make_result(place.destination, name, created)
        make_result(changes, name, created)
    place.add("S2A_32UPF_a", day=0)
    place.add("S2A_32UPF_b", day=1)
    assert place.prune(**PUBLISHED) == (0, 1)
    assert list_names(place.destination) == ["changes", "new"]
    assert list_names(changes) == ["new"]
    assert list_names(place.folders.scenes) == ["S2A_32UPF_a", "S2A_32UPF_b"]


def test_published_results_go_even_where_they_are_the_latest(place: Place) -> None:
    place.add("S2A_32UPF_a")
    make_result(place.destination, "S2A_32UPF_a", OLD)
    assert place.prune(**WORK, **PUBLISHED) == (0, 1)
    assert list_names(place.folders.scenes) == ["S2A_32UPF_a"]
    assert "S2A_32UPF_a" not in list_names(place.destination)
