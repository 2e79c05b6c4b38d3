"""How a watcher stands, as read from a ledger that was written through its own interface."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import AreasError
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import BackOff, LedgerError
from pipeline.watch.locks import hold_area
from pipeline.watch.status import Replacement, read_watch_status
from pipeline.watch.values import AreaFolders
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, open_at, sight

AREAS = """
defaults: {schedule: 6h}
areas:
  - {name: wadden, aoi: "8.55,53.85,8.85,54.05"}
  - {name: nazare, aoi: "-9.13,39.53,-9.03,39.64"}
notifications:
  - {kind: webhook, url: "https://example.org/hook", headers: {Authorization: "Bearer ${HOOK_TOKEN}"}}
"""
SECRET = "tok/en+with=signs"  # noqa: S105
HOLDER = "there:2:2:bbbb"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchSettings:
    monkeypatch.setenv("HOOK_TOKEN", SECRET)
    (tmp_path / "areas.yaml").write_text(AREAS)
    return read_areas(tmp_path / "areas.yaml")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(settings: WatchSettings, clock: Clock) -> Ledger:
    return open_at(settings.ledger, clock)


def test_before_the_first_round(settings: WatchSettings) -> None:
    found = read_watch_status(settings, now=NOON + timedelta(minutes=1))
    assert (found.begun, found.ledger) == (False, settings.ledger)
    assert [area.area for area in found.areas] == ["wadden", "nazare"]
    for area in found.areas:
        assert (area.round, area.last_scene, area.backlog, area.overdue) == ("never", None, 0, False)
        assert area.next_run == NOON + timedelta(hours=6)
    assert not Path(settings.ledger).exists()


def test_what_became_of_each_scene(settings: WatchSettings, ledger: Ledger, clock: Clock) -> None:
    sightings = [sight("a", day=0), sight("b", day=1), sight("c", day=2), sight("d", day=3)]
    clouded = sight("e", day=4, skip="cloud", reason="91 % of cloud, at most 60 are wanted")
    ledger.record("nazare", [*sightings, clouded])
    first, second, third = ledger.claim("nazare", limit=3, holder=HOLDER)
    mapped = ledger.mark_mapped(first, HOLDER, fingerprint="f", folder="/maps/a")
    clock.move(minutes=5)
    ledger.mark_published(mapped, HOLDER, to="s3://coast/a")
    ledger.mark_failed(second, HOLDER, error=f"401: Bearer {SECRET} is old", may_pass=True, back_off=BackOff())
    ledger.mark_failed(third, HOLDER, error="no band B08", may_pass=False)

    (area,) = read_watch_status(settings, area="nazare", scenes=True, now=clock.now).areas
    assert (area.states, area.skips) == ({"failed": 2, "published": 1, "seen": 1, "skipped": 1}, {"cloud": 1})
    assert area.backlog == 2  # the one that is new, the one that is tried again
    assert (area.last_scene, area.last_acquired) == ("e N05.09", NOON + timedelta(days=4))
    assert area.last_success == NOON + timedelta(minutes=5)
    waiting, final = area.failures
    assert (waiting.product, waiting.tries, waiting.next_try) == ("b N05.09", 1, clock.now + timedelta(minutes=1))
    assert (final.product, final.error, final.next_try) == ("c N05.09", "no band B08", None)
    assert waiting.error == "401: Bearer ${HOOK_TOKEN} is old"
    assert [scene.acquisition for scene in area.scenes] == ["e", "d", "c", "b", "a"]
    assert (area.scenes[0].skip, area.scenes[0].reason) == ("cloud", "91 % of cloud, at most 60 are wanted")
    assert (area.scenes[4].published_to, area.scenes[4].fingerprint) == ("s3://coast/a", "f")
    assert SECRET not in repr(area)


def test_older_product_is_told(settings: WatchSettings, ledger: Ledger, clock: Clock) -> None:
    ledger.record("wadden", [sight("a")])
    clock.move(days=1)
    ledger.record("wadden", [sight("a", baseline="05.11")])
    area = read_watch_status(settings, scenes=True, now=clock.now).areas[0]
    (scene,) = area.scenes
    assert scene.product == "a N05.11"
    assert scene.replaced == (Replacement(at=clock.now, product="a N05.09", state="seen", by="a N05.11"),)


def test_rounds(settings: WatchSettings, ledger: Ledger, clock: Clock) -> None:
    due = NOON + timedelta(hours=6)
    ledger.note_round("wadden", began=NOON, ended=NOON, next_run=due)
    ledger.note_round("nazare", began=NOON, ended=NOON, error=f"no answer to {SECRET}", next_run=due)
    wadden, nazare = read_watch_status(settings, now=due - timedelta(minutes=1)).areas
    assert (wadden.round, wadden.next_run, wadden.overdue) == ("well", due, False)
    assert (nazare.round, nazare.round_error, nazare.rounds_failed) == ("failed", "no answer to ${HOOK_TOKEN}", 1)

    late = due + timedelta(minutes=3)
    soon = due + timedelta(minutes=1)
    assert [area.overdue for area in read_watch_status(settings, now=soon).areas] == [False, False]
    assert [area.overdue for area in read_watch_status(settings, now=late).areas] == [True, True]
    ledger.note_round("wadden", began=late, ended=None)
    assert read_watch_status(settings, now=late).areas[0].round == "cut off"  # nobody is at it
    with hold_area(AreaFolders(work=Path(settings.work), area="wadden")):
        wadden, nazare = read_watch_status(settings, now=late).areas
    assert (wadden.round, wadden.overdue) == ("under way", False)
    assert (nazare.round, nazare.overdue) == ("failed", True)


def test_round_whose_process_is_dead_was_cut_off(settings: WatchSettings, ledger: Ledger, clock: Clock) -> None:
    alive = Holder.of_this_process()
    dead = replace(alive, started="1")  # this number belonged to another process
    ledger.note_round("wadden", began=NOON, ended=None, next_run=NOON)
    for holder, state in ((dead, "cut off"), (alive, "under way")):
        ledger.record("wadden", [sight()])
        ledger.claim("wadden", limit=1, holder=holder)
        assert read_watch_status(settings, now=clock.now).areas[0].round == state


def test_area_that_left_the_file_comes_last(settings: WatchSettings, ledger: Ledger, clock: Clock) -> None:
    ledger.record("elsewhere", [sight("a")])
    ledger.note_round("elsewhere", began=NOON, ended=NOON, next_run=NOON + timedelta(hours=1))
    found = read_watch_status(settings, now=datetime(2030, 1, 1, tzinfo=UTC)).areas
    assert [(area.area, area.in_file) for area in found] == [("wadden", True), ("nazare", True), ("elsewhere", False)]
    assert (found[2].backlog, found[2].next_run, found[2].overdue) == (1, None, False)
    with pytest.raises(AreasError, match="wadden, nazare, elsewhere, found 'nowhere'"):
        read_watch_status(settings, area="nowhere")


def test_a_page_is_named_where_it_stands(settings: WatchSettings, tmp_path: Path) -> None:
    text = AREAS.replace('05"}', '05", destination: "memory://maps"}')
    (tmp_path / "areas.yaml").write_text(text)
    settings = read_areas(tmp_path / "areas.yaml")
    assert [area.page for area in read_watch_status(settings, now=NOON).areas] == ["", ""]
    here = AreaFolders(work=Path(settings.work), area="wadden").home / "view.html"  # a store is not of this machine
    there = Path(settings.get_area("nazare").destination) / "view.html"
    for page in (here, there):
        page.parent.mkdir(parents=True)
        page.touch()
    assert [area.page for area in read_watch_status(settings, now=NOON).areas] == [str(here), str(there)]


def test_ledger_that_is_none(settings: WatchSettings) -> None:
    Path(settings.ledger).write_text("not a database, and long enough to be taken for a header of one" * 20)
    with pytest.raises(LedgerError, match="not an SQLite database"):
        read_watch_status(settings)
