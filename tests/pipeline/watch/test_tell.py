"""What failed and what went well again is told once, also where the disk is full or the ledger is away."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import BackOff, Failure, Round
from pipeline.watch.notify.events import Event, make_event_id
from pipeline.watch.outbox import Outbox
from pipeline.watch.tell import LedgerOutage, hand_over_failures, make_recovered, put_or_send
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, Clock, open_at, sight

ALL = ["failure", "alert", "published", "recovered"]


class Listener:
    """A channel that keeps what it is told, unless it is down."""

    def __init__(self, folder: Path, name: str = "log") -> None:
        self.down, self._told = folder / f"{name}.down", folder / f"{name}.jsonl"
        script = f"test ! -e {self.down} && cat >> {self._told}"
        self.channel = {"kind": "command", "name": name, "argv": ["sh", "-c", script], "events": ALL}

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._told.read_text().splitlines()] if self._told.exists() else []

    @property
    def titles(self) -> list[str]:
        return [event["title"] for event in self.told]


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


@pytest.fixture
def settings(tmp_path: Path, listener: Listener) -> WatchSettings:
    return _make_settings(tmp_path, listener)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_at(str(tmp_path / "ledger.db"), Clock())


def _make_settings(folder: Path, *listeners: Listener) -> WatchSettings:
    area = {"name": "coast", "aoi": "8.5,53.8,8.6,53.9", "destination": str(folder / "published")}
    channels = [one.channel for one in listeners]
    return WatchSettings.model_validate({"areas": [area], "work": str(folder / "work"), "notifications": channels})


def _make_outbox(settings: WatchSettings) -> Outbox:
    return Outbox(Path(settings.work) / "outbox", settings.notifications)


def _make_full_outbox(tmp_path: Path, settings: WatchSettings) -> Outbox:
    """Its folder cannot be made."""
    (tmp_path / "full").touch()
    return Outbox(tmp_path / "full" / "outbox", settings.notifications)


def _event(name: str) -> Event:
    return Event(kind="failure", area="coast", title=name, text="It failed.", id=make_event_id(name))


def _make_round(**changes: Any) -> Round:  # noqa: ANN401
    usual = {"ended": NOON, "last_success": None, "error": "no host", "failures_in_a_row": 1, "next_run": None}
    return Round(area="coast", began=NOON, **{**usual, **changes})


def test_what_is_kept_is_told_later(settings: WatchSettings, listener: Listener) -> None:
    outbox = _make_outbox(settings)
    assert put_or_send(outbox, [_event("first"), _event("second")], settings, now=NOON)
    assert (len(outbox), listener.told) == (2, [])


def test_what_the_disk_does_not_take_is_told_at_once(
    tmp_path: Path, settings: WatchSettings, listener: Listener
) -> None:
    assert put_or_send(_make_full_outbox(tmp_path, settings), [_event("first"), _event("second")], settings, now=NOON)
    assert listener.titles == ["first", "second"]


def test_one_event_that_is_neither_kept_nor_told_makes_it_unsure_and_stops_no_other(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    only_first = listener.channel | {"argv": ["sh", "-c", f"grep -v first >> {tmp_path}/log.jsonl"]}
    listener.channel = only_first
    settings = _make_settings(tmp_path, listener)
    outbox = _make_full_outbox(tmp_path, settings)
    assert not put_or_send(outbox, [_event("first"), _event("second")], settings, now=NOON)
    assert listener.titles == ["second"]


def test_told_is_told_to_all_who_listen(tmp_path: Path, listener: Listener) -> None:
    silent = Listener(tmp_path, "silent")
    silent.down.touch()
    settings = _make_settings(tmp_path, listener, silent)
    assert not put_or_send(_make_full_outbox(tmp_path, settings), [_event("first")], settings, now=NOON)
    assert (listener.titles, silent.titles) == (["first"], [])


def test_a_failure_of_a_round_is_handed_over_once_and_only_from_its_area(
    settings: WatchSettings, ledger: Ledger, listener: Listener
) -> None:
    for area in ("coast", "elsewhere"):
        ledger.note_round(area, began=NOON, ended=NOON, error=f"no host for {area}")
    outbox = _make_outbox(settings)
    for _ in range(2):
        hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    assert [failure.area for failure in ledger.untold()] == ["elsewhere"]
    outbox.send(now=NOON)
    (told,) = listener.told
    assert told["title"] == "coast: the round failed"
    assert told["text"] == "no host for coast"
    assert told["facts"].keys() == {"at", "failure_ids"}


@pytest.mark.parametrize(
    ("tries", "most", "title"),
    [
        (1, 1, "coast: a failed for good"),
        (2, 2, "coast: a failed for good after 2 tries"),
        (1, 2, "coast: a failed, and will be tried again"),
    ],
)
def test_a_failure_of_a_scene_says_after_how_many_tries(
    tries: int, most: int, title: str, settings: WatchSettings, listener: Listener
) -> None:
    clock = Clock()
    ledger = open_at(settings.work + ".db", clock)
    ledger.record("coast", [sight("a", product="a")])
    outbox = _make_outbox(settings)
    for _ in range(tries):
        (row,) = ledger.claim("coast", limit=1, holder=HERE)
        ledger.mark_failed(row, HERE, error="no band B08", may_pass=True, back_off=BackOff(tries=most))
        clock.move(hours=1)
        hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
        outbox.send(now=NOON)
    told = listener.told[-1]
    assert (told["title"], len(listener.told)) == (title, tries)
    (scene,) = told["facts"]["scenes"]
    assert (scene["product"], scene["tries"], scene["error"]) == ("a", tries, "no band B08")


def test_scenes_of_a_round_are_one_message_and_their_recovery_another(
    settings: WatchSettings, listener: Listener
) -> None:
    ledger = open_at(settings.work + ".db", Clock())
    ledger.record("coast", [sight(f"s{number:02}", product=f"s{number:02}") for number in range(14)])
    outbox = _make_outbox(settings)
    for number, row in enumerate(ledger.claim("coast", limit=13, holder=HERE)):
        ledger.mark_failed(row, HERE, error="no band B08", may_pass=number > 0)
    for _ in range(2):
        hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
        outbox.send(now=NOON)
    (told,) = listener.told
    assert told["title"] == "coast: 12 scenes failed, and will be tried again; s00 failed for good"
    assert told["facts"]["count"] == len(told["facts"]["scenes"]) == len(told["facts"]["failure_ids"]) == 13
    lines = told["text"].splitlines()
    assert (len(lines), lines[-1]) == (11, "… and 3 more: strandline status has all.")
    assert ledger.retry("coast") == 13
    for row in ledger.claim("coast", limit=14, holder=HERE):
        made = ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps")
        ledger.mark_published(made, HERE, to="/public")
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    outbox.send(now=NOON)
    assert listener.titles[1:] == ["coast: 13 scenes went well after all"]
    assert all(line.endswith("(before: no band B08)") for line in listener.told[1]["text"].splitlines()[:10])


def test_who_is_killed_before_a_message_is_noted_tells_it_once(
    settings: WatchSettings, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_at(settings.work + ".db", Clock())
    ledger.record("coast", [sight("a", product="a"), sight("b", product="b", day=1)])
    outbox = _make_outbox(settings)

    def fail_next() -> None:
        (row,) = ledger.claim("coast", limit=1, holder=HERE)
        ledger.mark_failed(row, HERE, error="no band B08", may_pass=True)

    def die(_ids: object) -> None:
        raise KeyboardInterrupt

    fail_next()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "mark_told", die)
        with pytest.raises(KeyboardInterrupt):
            hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    fail_next()
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    outbox.send(now=NOON)
    assert sorted(listener.titles) == [f"coast: {name} failed, and will be tried again" for name in "ab"]
    assert ledger.untold() == []


def test_of_two_watchers_that_find_some_scenes_each_tells_its_own(
    settings: WatchSettings, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_at(settings.work + ".db", Clock())
    ledger.record("coast", [sight("a", product="a"), sight("b", product="b", day=1)])
    for row in ledger.claim("coast", limit=2, holder=HERE):
        ledger.mark_failed(row, HERE, error="no band B08", may_pass=True)
    found = ledger.untold()
    ledger.mark_told([failure.id for failure in found if failure.product == "a"])  # by the other one
    monkeypatch.setattr(ledger, "untold", lambda: found)
    outbox = _make_outbox(settings)
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    outbox.send(now=NOON)
    assert listener.titles == ["coast: b failed, and will be tried again"]


def test_a_second_failed_round_in_a_row_says_nothing_of_tries(
    settings: WatchSettings, ledger: Ledger, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(id="f" * 16, area="coast", product=None, error="no host", tries=5, at=NOON, kind="round")
    monkeypatch.setattr(ledger, "untold", lambda: [failure])
    monkeypatch.setattr(ledger, "mark_told", frozenset)
    outbox = _make_outbox(settings)
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    outbox.send(now=NOON)
    assert listener.titles == ["coast: the round failed"]


def test_of_two_watchers_that_find_a_failure_one_tells_it(
    settings: WatchSettings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.note_round("coast", began=NOON, ended=NOON, error="no host")
    found = ledger.untold()
    ledger.mark_told([failure.id for failure in found])  # the other one, a moment after both had looked
    monkeypatch.setattr(ledger, "untold", lambda: found)
    outbox = _make_outbox(settings)
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    assert len(outbox) == 0


def test_a_failure_that_is_neither_kept_nor_told_stays_untold(
    tmp_path: Path, settings: WatchSettings, ledger: Ledger, listener: Listener
) -> None:
    ledger.note_round("coast", began=NOON, ended=NOON, error="no host")
    outbox = _make_full_outbox(tmp_path, settings)
    listener.down.touch()
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    assert len(ledger.untold()) == 1
    listener.down.unlink()
    hand_over_failures(ledger, outbox, settings, "coast", now=NOON)
    assert ledger.untold() == []
    assert listener.titles == ["coast: the round failed"]


@pytest.mark.parametrize("noted", [None, _make_round(failures_in_a_row=0, error=None)])
def test_nothing_is_told_of_a_round_that_went_well_after_one_that_had(noted: Round | None) -> None:
    assert make_recovered(noted, "coast") is None


def test_a_round_that_goes_well_after_failures_says_how_many_and_the_last() -> None:
    event = make_recovered(_make_round(failures_in_a_row=3), "coast")
    assert event is not None
    assert (event.kind, event.area, event.facts) == ("recovered", "coast", {"failures": 3})
    assert event.title == "coast: rounds go well again"
    assert event.text == "A round went well after 3 that failed. The last failure was: no host"


def test_a_recovery_is_told_from_others_by_the_success_before_it() -> None:
    hour = timedelta(hours=1)
    rounds = [_make_round(last_success=success) for success in (None, NOON - hour, NOON - hour, NOON)]
    first, second, again, later = (
        str(event and event.id) for event in (make_recovered(one, "coast") for one in rounds)
    )
    assert second == again
    assert len({first, second, later}) == 3
    assert make_recovered(rounds[1], "elsewhere") != make_recovered(rounds[1], "coast")


def _away(settings: WatchSettings) -> list[str]:
    return sorted(path.name for path in Path(settings.work).glob("ledger.*"))


def test_a_ledger_that_is_away_is_told_by_the_first_who_finds_it(settings: WatchSettings, listener: Listener) -> None:
    for _ in range(3):
        LedgerOutage(settings).begin("no answer from the database")
    (told,) = listener.told
    assert (told["kind"], told["area"], told["text"]) == ("failure", "all", "no answer from the database")
    assert told["title"] == "The ledger is away, and nothing is mapped until it is back"
    assert _away(settings) == ["ledger.away", "ledger.away.told"]


@pytest.mark.parametrize("place", ["work", "not/there/yet"])
def test_it_is_told_whether_the_work_folder_is_there_or_not(
    place: str, tmp_path: Path, settings: WatchSettings, listener: Listener
) -> None:
    (tmp_path / "work").mkdir()
    LedgerOutage(settings.model_copy(update={"work": str(tmp_path / place)})).begin("no answer")
    assert [event["kind"] for event in listener.told] == ["failure"]


def test_its_return_is_told_once_and_says_since_when_it_was_away(settings: WatchSettings, listener: Listener) -> None:
    LedgerOutage(settings).begin("no answer")
    began = NOON.timestamp()
    os.utime(Path(settings.work) / "ledger.away", (began, began))
    LedgerOutage(settings).begin("no answer, still")
    for _ in range(2):
        LedgerOutage(settings).end()
    _, back = listener.told
    assert (back["kind"], back["title"], back["text"]) == (
        "recovered",
        "The ledger is back",
        "Rounds go on where they were.",
    )
    assert back["facts"] == {"since": NOON.isoformat()}
    assert _away(settings) == []


def test_an_outage_that_not_all_heard_of_is_told_again_under_the_same_id(tmp_path: Path, listener: Listener) -> None:
    silent = Listener(tmp_path, "silent")
    silent.down.touch()
    settings = _make_settings(tmp_path, listener, silent)
    LedgerOutage(settings).begin("no answer")
    began = (NOON - timedelta(hours=1)).timestamp()
    os.utime(Path(settings.work) / "ledger.away", (began, began))
    LedgerOutage(settings).begin("no answer")
    silent.down.unlink()
    LedgerOutage(settings).begin("no answer")
    LedgerOutage(settings).begin("no answer")
    (heard,) = silent.told
    assert len(listener.told) == 3
    assert [event["id"] for event in listener.told[1:]] == [heard["id"]] * 2
    assert heard["facts"] == {"since": datetime.fromtimestamp(began, UTC).isoformat()}


def test_an_outage_that_nobody_heard_of_ends_in_silence(settings: WatchSettings, listener: Listener) -> None:
    listener.down.touch()
    LedgerOutage(settings).begin("no answer")
    listener.down.unlink()
    assert _away(settings) == ["ledger.away"]
    LedgerOutage(settings).end()
    assert (listener.told, _away(settings)) == ([], [])


def test_a_return_that_could_not_be_told_is_told_later(settings: WatchSettings, listener: Listener) -> None:
    LedgerOutage(settings).begin("no answer")
    listener.down.touch()
    LedgerOutage(settings).end()
    assert _away(settings) == ["ledger.away", "ledger.away.told"]
    listener.down.unlink()
    LedgerOutage(settings).end()
    assert [event["kind"] for event in listener.told] == ["failure", "recovered"]
    assert _away(settings) == []


def test_where_the_ledger_was_never_away_nothing_is_told(settings: WatchSettings, listener: Listener) -> None:
    LedgerOutage(settings).end()
    assert listener.told == []
    assert not Path(settings.work).exists()


def test_a_work_folder_that_cannot_be_made_stops_nobody(settings: WatchSettings, listener: Listener) -> None:
    Path(settings.work).touch()
    LedgerOutage(settings).begin("no answer")
    LedgerOutage(settings).end()
    assert listener.told == []
    assert Path(settings.work).read_bytes() == b""
