"""Publish mapped scenes of an area, each compared with the coast before it; older products give way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publish.publish import open_destination, publish_result
from pipeline.record.result import ITEM_NAME
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.neighbours import CHANGES, Comparer, find_successor
from pipeline.watch.notify.events import Event, make_event_id
from pipeline.watch.values import AreaFolders

if TYPE_CHECKING:
    from pipeline.change.compute_change import ChangeResult

__all__ = ["PublishedScene", "Publisher"]

_MOST_TOLD = 10
"""Shores of one scene of which people are told; where there are more, the comparison has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScene:
    """A scene that was published.

    Attributes:
        row: As the ledger has it now.
        href: Its item at the destination.
        change: Its comparison with the coast before; ``None``: there was none to compare with, or none is asked for.
        later: The date after it, which was published before it: this one came late.
        later_change: The comparison of that date with this one, in place of an earlier one.
        notes: What the operator should know, a sentence each.
    """

    row: Row
    href: str
    change: ChangeResult | None = None
    later: Row | None = None
    later_change: ChangeResult | None = None
    notes: tuple[str, ...] = ()


class Publisher:
    """Publishes the scenes of one area, in the order in which they were acquired."""

    def __init__(self, settings: WatchSettings, area: AreaSettings, ledger: Ledger, holder: Holder) -> None:
        """Keep what is needed.

        Args:
            settings: Of the watcher.
            area: Where to, and whether scenes are compared.
            ledger: Where it is written down.
            holder: Who has the scenes in hand.
        """
        self._settings, self._area, self._ledger, self._holder = settings, area, ledger, holder
        self._folders = AreaFolders(work=Path(settings.work), area=area.name)
        self._comparer = Comparer(settings, area)

    def publish(self, row: Row) -> tuple[PublishedScene, tuple[Event, ...]]:
        """Bring a scene to its destination. Doing it again changes nothing.

        Args:
            row: In hand, with a map that stands.

        Returns:
            What was published, and what is to be told of it once ``mark`` has written it down.

        Raises:
            OutputError: The destination does not take it.
        """
        folder = Path(row.folder or "")
        older = [name for name in row.maps if name != folder.name]
        done = publish_result(
            folder, self._area.destination, replaces=older, keep_free=int(self._settings.limits.keep_free)
        )
        scene = PublishedScene(row=row, href=done.href)
        scene = self._compare(scene)
        return scene, tuple(self._list_events(scene))

    def _compare(self, scene: PublishedScene) -> PublishedScene:
        """Compare with the date before; and the date after, where this one came late, with this one."""
        if self._area.compare is None:
            return scene
        row = scene.row
        published = self._ledger.rows(self._area.name, states=["published"], items=False)
        change, notes = self._comparer.compare(row, published)
        later, again = find_successor(row, published), None
        if later is not None:
            again, more = self._comparer.compare(later, [*published, row])
            notes += more
        return replace(scene, change=change, later=later, later_change=again, notes=tuple(notes))

    def mark(self, scene: PublishedScene) -> PublishedScene:
        """Write down that a scene is published.

        Args:
            scene: As ``publish`` gave it.

        Raises:
            LostClaimError: Another watcher has taken it over.
            LedgerError: The ledger is away.
        """
        row = self._ledger.mark_published(scene.row, self._holder, to=self._area.destination)
        return replace(scene, row=row)

    def withdraw(self, row: Row) -> tuple[str, ...]:
        """Take back all that was published of a scene that was excluded; the next date is compared without it.

        Args:
            row: As the ledger lists it.

        Returns:
            What the operator should know, a sentence each.

        Raises:
            OutputError: Something cannot be removed.
            LedgerError: The ledger is away.
        """
        home = self._area.destination
        for place in (home, f"{home}/{CHANGES}", str(self._folders.scenes), str(self._folders.changes)):
            opened = open_destination(place)
            for name in row.maps:
                opened.remove_result(name)
        notes: list[str] = []
        if self._area.compare is not None:
            published = self._ledger.rows(self._area.name, states=["published"], items=False)
            later = find_successor(row, published)
            if later is not None:
                _, notes = self._comparer.compare(later, published)
        self._ledger.mark_withdrawn(row)
        return tuple(notes)

    def _list_events(self, scene: PublishedScene) -> Iterator[Event]:
        row, area = scene.row, self._area.name
        facts = {"product": row.product, "acquired": row.acquired.isoformat(), "item": scene.href}
        yield Event(
            kind="published",
            area=area,
            title=f"{area}: {row.acquired:%Y-%m-%d} is published",
            text=f"{row.product}, acquired {row.acquired:%Y-%m-%d %H:%M} UTC, is mapped and published.",
            facts=facts,
            id=make_event_id("published", area, *_name_version(row)),
        )
        if row.lane != "new":  # nobody is alarmed about the past
            return
        if scene.change is not None:
            yield from _make_alerts(row, scene.change, facts)
        # A newer product of a date moves no coast: of the date after it all was told.
        is_known = any(event.get("what") == "published" for event in row.history)
        if scene.later is not None and scene.later_change is not None and not is_known:
            name = scene.later_change.folder.name
            href = open_destination(self._area.destination).name_address(f"{name}/{ITEM_NAME}")
            facts = {"product": scene.later.product, "acquired": scene.later.acquired.isoformat(), "item": href}
            yield from _make_alerts(scene.later, scene.later_change, {**facts, "late": row.product}, late=row)


def _name_version(row: Row) -> tuple[str, str, str | None]:
    """What tells a map from those before it, of the same acquisition."""
    return row.acquisition, row.product, row.fingerprint


def _make_alerts(row: Row, change: ChangeResult, facts: dict[str, str], *, late: Row | None = None) -> Iterator[Event]:
    """An event a shore, those that gained or lost most first.

    Args:
        row: The later of the two dates.
        change: What was found.
        facts: Of the later date.
        late: The earlier of the two, where it came late and the later one was compared before.
    """
    summary = change.summary
    version = (*_name_version(row), *(_name_version(late) if late is not None else ()))
    since = "the date before" if late is None else f"{late.acquired:%Y-%m-%d}, a date that came late"
    ordered = sorted(change.alerts, key=lambda alert: -alert.area_m2)
    for number, alert in enumerate(ordered[:_MOST_TOLD], 1):
        which = f" (shore {number} of {len(ordered)})" if len(ordered) > 1 else ""
        yield Event(
            kind="alert",
            area=row.area,
            title=f"{row.area}: the coast moved, {row.acquired:%Y-%m-%d}{which}",
            text=f"At {alert.lat:.5f}, {alert.lon:.5f}, land was {alert.layer} since {since}: {alert.why}. "
            f"In all {summary.gained_m2:,.0f} m² were gained and {summary.lost_m2:,.0f} m² lost along "
            f"{summary.moved_km:.1f} km of shore.",
            facts={
                **facts,
                "shores": len(ordered),
                "layer": alert.layer,
                "feature": alert.id,
                "area_m2": round(alert.area_m2),
                "shift_m": alert.max_shift_m,
                "least_shift_m": alert.least_shift_m,
                "latitude": round(alert.lat, 6),
                "longitude": round(alert.lon, 6),
                "gained_m2": round(summary.gained_m2),
                "lost_m2": round(summary.lost_m2),
                "comparison": change.folder.name,
            },
            id=make_event_id("alert", row.area, *version, alert.layer, alert.id),
        )
