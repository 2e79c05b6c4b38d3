"""One round of a watcher over one area: search, prune, map, compare, publish, measure, tell.

It is a plain function: a scheduler calls it, or cron does. The ledger says what is done, so a round that was stopped,
killed or cut off from the network is gone on with by the next, on this machine or another.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.publish.folder import Folder, require_room
from pipeline.publish.publish import open_destination
from pipeline.publish.target import resolve_destination
from pipeline.record.result import read_fingerprint
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.compare import Publisher
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import Counts, LedgerError, LostClaimError, Row, utc_now
from pipeline.watch.locks import hold_area, wait_for_machine
from pipeline.watch.outbox import Outbox
from pipeline.watch.prune import prune_area
from pipeline.watch.search import SearchOutcome, list_notes, look_for_backfill, look_for_scenes
from pipeline.watch.silence import check_silence
from pipeline.watch.tell import LedgerOutage, hand_over_failures, make_recovered, put_or_send
from pipeline.watch.values import (
    AreaFolders,
    Level,
    Mapped,
    Report,
    RoundReport,
    Step,
    compute_back_off,
    run_plainly,
    say_nothing,
)
from strandline import StrandlineError
from tiles.products.name import make_scene_id

__all__ = ["RoundReport", "run_round"]

_LOG = logging.getLogger(__name__)
_SWEEP_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    step: Step
    report: Report
    clock: Callable[[], datetime]


def run_round(
    settings: WatchSettings,
    name: str,
    *,
    since: date | None = None,
    step: Step = run_plainly,
    report: Report = say_nothing,
    clock: Callable[[], datetime] = utc_now,
) -> RoundReport:
    """Do one round of an area.

    Args:
        settings: Of the watcher.
        name: Of the area.
        since: First day of the search, in place of what follows from earlier rounds.
        step: Runs the steps of the round.
        report: Told what happens.
        clock: Gives the time of now, with a time zone.

    Returns:
        What came of it; what went wrong with the round as a whole is in it, written down and told.

    Raises:
        AreasError: There is no area of that name.
    """
    try:
        return _run_round(settings, name, since=since, tools=_Tools(step=step, report=report, clock=clock))
    finally:
        _write_numbers(settings, name, report=report, clock=clock)


def _write_numbers(settings: WatchSettings, name: str, *, report: Report, clock: Callable[[], datetime]) -> None:
    """Numbers for Prometheus; that they cannot be written is no reason for a round to fail."""
    if settings.metrics is None:
        return
    from pipeline.watch.metrics import write_metrics  # noqa: PLC0415 (for those who ask for it)

    try:
        write_metrics(settings, now=clock())
    except (StrandlineError, OSError) as error:
        text = f"{name}: the metrics were not written: {settings.hide(str(error))}"
        report({"event": "note", "area": name, "text": text, "level": "warning"})


def _run_round(settings: WatchSettings, name: str, *, since: date | None, tools: _Tools) -> RoundReport:
    report, clock = tools.report, tools.clock
    area = settings.get_area(name)
    folders = AreaFolders(work=Path(settings.work), area=name)
    began = clock()
    outage = LedgerOutage(settings)
    try:
        with hold_area(folders) as held:
            if not held:
                return RoundReport(area=name, began=began, ended=clock(), busy=True)
            ledger = open_ledger(settings.reveal_ledger_url(), clock=clock)
            outcome = _Round(settings, area, ledger, tools).run(since, began)
            outage.end()  # not before: a ledger on a full disk opens, and takes a word or two
            return outcome
    except LedgerError as error:
        reason = settings.hide(str(error))
        outage.begin(reason)
        report({"event": "round failed", "area": name, "text": f"{name}: {reason}", "level": "error"})
        return RoundReport(area=name, began=began, ended=clock(), error=reason)
    except OutputError as error:  # not even a lock can be written
        reason = settings.hide(str(error))
        report({"event": "round failed", "area": name, "text": f"{name}: {reason}", "level": "error"})
        return RoundReport(area=name, began=began, ended=clock(), error=reason)


@dataclass(slots=True, kw_only=True)
class _Tally:
    found: Counts | None = None
    mapped: int = 0
    published: int = 0
    failed: int = 0
    alerts: int = 0
    silent: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


class _Round:
    """One round; its steps in the order in which they run."""

    def __init__(self, settings: WatchSettings, area: AreaSettings, ledger: Ledger, tools: _Tools) -> None:
        self._settings, self._area, self._ledger = settings, area, ledger
        self._step, self._report, self._clock = tools.step, tools.report, tools.clock
        self._folders = AreaFolders(work=Path(settings.work), area=area.name)
        self._outbox = Outbox(self._folders.outbox, settings.notifications)
        self._holder = _make_holder(self._folders)
        self._publisher = Publisher(settings, area, ledger, self._holder)
        self._tally = _Tally()
        self._began_s = time.monotonic()

    def run(self, since: date | None, began: datetime) -> RoundReport:
        self._ledger.release(self._holder)  # what a round of this process lost sight of, as the ledger went away
        before = self._ledger.read_rounds().get(self._area.name)
        self._ledger.note_round(self._area.name, began=began, ended=None)
        error = self._work(since)
        if error is None and (event := make_recovered(before, self._area.name)):
            put_or_send(self._outbox, [event], self._settings, now=self._clock())
        ended = self._clock()
        due = self._area.timetable.next_after(ended)
        self._ledger.note_round(self._area.name, began=began, ended=ended, error=error, next_run=due)
        self._step("tell", self._send_notifications)
        standing = self._ledger.summarise().get(self._area.name)
        round_report = RoundReport(
            area=self._area.name,
            began=began,
            ended=self._clock(),
            error=error,
            found=self._tally.found,
            mapped=self._tally.mapped,
            published=self._tally.published,
            failed=self._tally.failed,
            alerts=self._tally.alerts,
            backlog=standing.backlog if standing else 0,
            notes=tuple(self._tally.notes),
            seconds=time.monotonic() - self._began_s,
        )
        self._say("round failed" if error else "round", round_report.line(), level="error" if error else "info")
        return round_report

    def _work(self, since: date | None) -> str | None:
        """All that may fail; returns why the round failed as a whole."""
        errors: list[str] = []
        self._try(errors, lambda: self._step("search", lambda: self._search(since)))
        searched = not errors
        if self._tally.silent:  # what only they have is not lost: the next round searches these days again
            errors.append(
                f"Not all hosts answered, {' and '.join(self._tally.silent)} did not: the days are searched again."
            )
        if searched:  # the years before are no reason to keep back what is new
            self._try(errors, lambda: self._step("backfill", self._backfill))
        # Before room is asked for: where there is none, this is what makes some.
        self._try(errors, lambda: self._step("prune", self._prune))
        self._try(errors, lambda: self._step("withdraw", self._withdraw))
        if self._try(errors, self._require_room):
            self._try(errors, lambda: self._map_and_publish(searched=searched))
        return " ".join(errors) or None

    def _try(self, errors: list[str], work: Callable[[], None]) -> bool:
        """Do what may fail without taking the rest of the round along; only a ledger that is away ends it."""
        try:
            work()
        except LedgerError:
            raise
        except StrandlineError as error:
            errors.append(self._settings.hide(str(error)))
            return False
        except Exception as error:  # ours, and it must be told like any other
            _LOG.exception("The round of %s failed.", self._area.name)
            errors.append(self._settings.hide(f"{type(error).__name__}: {' '.join(str(error).split())}."))
            return False
        return True

    def _search(self, since: date | None) -> None:
        search = look_for_scenes(self._ledger, self._area, now=self._clock(), since=since)
        self._tally.found, self._tally.silent = search.counts, search.silent
        self._say_searched(search)
        if not search.silent:
            self._check_silence(search.dates)

    def _backfill(self) -> None:
        search = look_for_backfill(self._ledger, self._area, now=self._clock())
        if search is not None:
            self._say_searched(search)

    def _say_searched(self, search: SearchOutcome) -> None:
        for note in list_notes(search):
            self._note(note)
        counts = search.counts
        self._say(
            "searched",
            f"{self._area.name}: {search.dates} searched; {counts.new} new, {counts.replaced} replaced, "
            f"{counts.skipped} skipped, {counts.again} known",
        )

    def _check_silence(self, dates: str) -> None:
        standing = self._ledger.summarise().get(self._area.name)
        event = check_silence(
            self._area.name,
            self._folders.silence_mark,
            last=standing.last_acquired if standing else None,
            begun=datetime.fromisoformat(dates.split("/", maxsplit=1)[0]).replace(tzinfo=UTC),
            now=self._clock(),
            limit=self._area.stale_after,
        )
        if event is not None:
            put_or_send(self._outbox, [event], self._settings, now=self._clock())
            self._note(f"{event.title}. {event.text}")

    def _withdraw(self) -> None:
        """Take back what was published of scenes that somebody excluded since."""
        rows = self._ledger.list_to_withdraw(self._area.name)
        for row in rows:
            with suppress(OSError):
                self._folders.stale_mark.touch()
            for note in self._publisher.withdraw(row):
                self._note(note)
            self._say("withdrawn", f"{row.product}: taken back ({row.reason})")
        if rows and self._area.transects is not None:
            self._step("measure", self._measure)

    def _require_room(self) -> None:
        keep_free = int(self._settings.limits.keep_free)
        require_room(self._folders.home, keep_free=keep_free)
        target = resolve_destination(self._area.destination).folder
        if target is not None:
            require_room(target, keep_free=keep_free)

    def _map_and_publish(self, *, searched: bool) -> None:
        """Take scenes in hand, map and publish them; what is left in hand goes back as it was.

        Where the source does not answer, its pixels hardly will: then only what is mapped already is published.
        """
        self._sweep()
        alone = wait_for_machine(self._folders.work) if self._settings.dask.scheduler is None else nullcontext()
        try:
            with alone, self._ledger.keep_renewed(self._holder):
                limit = self._settings.limits.scenes_per_round
                backfill = self._area.backfill
                rows = self._ledger.claim(
                    self._area.name,
                    limit=limit,
                    holder=self._holder,
                    newest_first=backfill is not None and backfill.order == "newest",
                )
                ready = [row for row in rows if _is_ready(row)]
                rest = [row for row in rows if not _is_ready(row)]
                done = self._step("map", lambda: self._map(rest)) if rest and searched else Mapped()
                self._tally.mapped, self._tally.failed = done.mapped, self._tally.failed + done.failed
                ready = sorted([*ready, *done.rows], key=lambda row: (row.acquired, row.id))
                if ready:
                    self._step("publish", lambda: self._publish(ready))
                if done.trouble is not None:
                    raise done.trouble
        finally:
            with suppress(LedgerError):
                self._ledger.release(self._holder)
        if self._tally.published and self._area.transects is not None:
            self._step("measure", self._measure)
        self._list()

    def _map(self, rows: Sequence[Row]) -> Mapped:
        from pipeline.watch.map import map_rows  # noqa: PLC0415 (torch: seconds and a GB, for rounds that find something)

        self._say("mapping", f"{self._area.name}: {len(rows)} scene(s) to map")
        return map_rows(
            rows,
            settings=self._settings,
            area=self._area,
            ledger=self._ledger,
            holder=self._holder,
            report=self._report,
        )

    def _publish(self, rows: Sequence[Row]) -> None:
        with suppress(OSError):  # before the first, so that a killed round is known to have left the catalogue behind
            self._folders.stale_mark.touch()
        for row in rows:
            try:
                self._publish_one(row)
            except LostClaimError as error:
                self._note(str(error))
            except LedgerError:
                raise
            except StrandlineError as error:
                self._fail(row, self._settings.hide(str(error)))

    def _publish_one(self, row: Row) -> None:
        scene, events = self._publisher.publish(row)
        put_or_send(self._outbox, events, self._settings, now=self._clock())
        try:
            scene = self._publisher.mark(scene)
        except LostClaimError:
            for event in events:
                self._outbox.drop(event)
            raise
        self._tally.published += 1
        self._tally.alerts += bool(scene.change and scene.change.alerts)
        for note in scene.notes:
            self._note(note)
        moved = f"; {len(scene.change.alerts)} alert(s)" if scene.change and scene.change.alerts else ""
        self._say("published", f"{row.product}: published{moved}")

    def _fail(self, row: Row, reason: str) -> None:
        back_off = compute_back_off(self._area.retries)
        self._ledger.mark_failed(row, self._holder, error=reason, may_pass=True, back_off=back_off)
        self._tally.failed += 1
        self._say("failed", f"{row.product}: not published ({reason})", level="warning")

    def _measure(self) -> None:
        from pipeline.watch.measure import update_measures  # noqa: PLC0415 (seconds)

        try:
            rows = self._ledger.rows(self._area.name, items=False)
            standing = {name for row in rows if row.published_to and not row.is_excluded for name in row.maps}
            words = update_measures(self._area, self._folders, published=standing)
        except LedgerError:
            raise
        except StrandlineError as error:
            self._note(f"The time series of {self._area.name} failed: {self._settings.hide(str(error))}")
            return
        if words is not None:
            self._say("measured", words)

    def _draw(self) -> None:
        from pipeline.watch.look import update_page  # noqa: PLC0415 (seconds)

        try:
            update_page(self._area, self._folders, self._ledger, hide=self._settings.hide)
        except LedgerError:
            raise
        except StrandlineError as error:
            self._note_no_page(str(error))
        except Exception as error:  # ours, or a library's: nobody goes without a catalogue for want of a page
            _LOG.exception("The page of %s was not drawn.", self._area.name)
            self._note_no_page(f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}.")

    def _note_no_page(self, reason: str) -> None:
        self._note(f"The page of {self._area.name} was not drawn: {self._settings.hide(reason)}")

    def _sweep(self) -> None:
        """Clear away what killed processes left: here each time, at the destination now and then."""
        for left in (self._folders.changes, self._folders.measures):
            Folder(path=left).sweep()
        # A map that was begun is gone on with, unless a newer product has come, or the scene was given up.
        waiting = self._ledger.rows(self._area.name, states=["seen", "working", "failed", "mapped"])
        Folder(path=self._folders.scenes).sweep(keep={make_scene_id(str(row.item["id"])) for row in waiting})
        mark, now = self._folders.sweep_mark, self._clock()
        with suppress(OSError):
            age = abs(now.timestamp() - mark.stat().st_mtime) if mark.exists() else None
            if age is not None and age < _SWEEP_EVERY.total_seconds():
                return
        open_destination(self._area.destination).sweep()
        with suppress(OSError):
            mark.touch()

    def _list(self) -> None:
        """Write the catalogue again, where something was published since, by this round or one that was killed."""
        mark = self._folders.stale_mark
        if mark.exists() or self._tally.published:
            if self._area.view:
                self._draw()
            open_destination(self._area.destination).write_catalogue()
            mark.unlink(missing_ok=True)

    def _prune(self) -> None:
        limits = self._settings.limits
        work, published = prune_area(self._area, limits, self._folders, self._ledger, now=self._clock())
        if published:
            open_destination(self._area.destination).write_catalogue()
        if work or published:
            self._say(
                "pruned", f"{self._area.name}: {work} working copies and {published} published results were removed"
            )

    def _send_notifications(self) -> None:
        hand_over_failures(self._ledger, self._outbox, self._settings, self._area.name, now=self._clock())
        for delivery in self._outbox.send(now=self._clock()):
            self._say("not told", f"{delivery.channel} does not answer: {delivery.reason}", level="warning")

    def _note(self, text: str) -> None:
        self._tally.notes.append(text)
        self._say("note", text)

    def _say(self, event: str, text: str, *, level: Level = "info") -> None:
        self._report({"event": event, "area": self._area.name, "text": text, "level": level})


def _make_holder(folders: AreaFolders) -> Holder:
    """The same for all rounds of a process over an area: they are one at a time."""
    token = hashlib.sha256(str(folders.home.absolute()).encode()).hexdigest()[:8]
    return replace(Holder.of_this_process(), token=token)


def _is_ready(row: Row) -> bool:
    """Whether its map stands where this machine can see it, so that only publishing is left."""
    return (
        row.folder is not None
        and row.fingerprint is not None
        and read_fingerprint(Path(row.folder)) == (row.fingerprint)
    )
