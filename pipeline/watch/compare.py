"""Publish mapped scenes of an area, each compared with the coast before it; older products give way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publish.publish import publish_result
from pipeline.publish.target import resolve_destination
from pipeline.record.result import read_fingerprint
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.notify.events import Event, make_event_id
from pipeline.watch.search import read_tile
from pipeline.watch.values import AreaFolders
from strandline import StrandlineError

if TYPE_CHECKING:
    from pipeline.change.compute_change import ChangeResult

__all__ = ["CHANGES", "PublishedScene", "Publisher", "find_folder", "find_predecessor"]

CHANGES = "changes"
"""Folder at the destination for comparisons, one a scene."""

_MOST_TOLD = 10
"""Shores of one scene of which people are told; where there are more, the comparison has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScene:
    """A scene that was published.

    Attributes:
        row: As the ledger has it now.
        href: Its item at the destination.
        change: Its comparison with the coast before; ``None``: there was none to compare with, or none is asked for.
        notes: What the operator should know, a sentence each.
    """

    row: Row
    href: str
    change: ChangeResult | None
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
        older = list(_list_older(row, folder.name))
        done = publish_result(
            folder, self._area.destination, replaces=older, keep_free=int(self._settings.limits.keep_free)
        )
        change, notes = self._compare(row, folder, older)
        scene = PublishedScene(row=row, href=done.href, change=change, notes=tuple(notes))
        return scene, tuple(self._list_events(scene))

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

    def _compare(self, row: Row, folder: Path, older: Sequence[str]) -> tuple[ChangeResult | None, list[str]]:
        """Compare with the coast before; what is wrong there keeps no scene from being published."""
        if self._area.compare is None:
            return None, []
        before = find_predecessor(row, self._ledger.rows(self._area.name, states=["published"], items=False))
        known = find_folder(before, self._area) if before is not None else None
        if known is None:
            return None, []
        from pipeline.change.compute_change import ChangeError, ChangeOptions, compute_change  # noqa: PLC0415 (seconds)
        from pipeline.tides import TideError  # noqa: PLC0415

        limits = self._area.compare
        options = ChangeOptions(alert_m=limits.alert_m, alert_area_m2=limits.alert_area_m2, overwrite=True)
        out, notes = self._folders.changes / folder.name, []
        try:
            try:
                tides = self._area.tides.to_choices() if self._area.tides else {}
                change = compute_change(known, folder, out, options=options.replace(**tides))
            except (ChangeError, TideError) as error:
                if self._area.tides is None:
                    raise
                change = compute_change(known, folder, out, options=options)
                notes = [f"{row.product} was compared without the tide: {self._settings.hide(str(error))}"]
            publish_result(change.folder, f"{self._area.destination}/{CHANGES}", replaces=older)
        except StrandlineError as error:
            return None, [f"{row.product} was not compared with {known.name}: {self._settings.hide(str(error))}"]
        return change, notes

    def _list_events(self, scene: PublishedScene) -> Iterator[Event]:
        row, area = scene.row, self._area.name
        facts = {"product": row.product, "acquired": row.acquired.isoformat(), "item": scene.href}
        version = (row.acquisition, row.product, row.fingerprint)
        yield Event(
            kind="published",
            area=area,
            title=f"{area}: {row.acquired:%Y-%m-%d} is published",
            text=f"{row.product}, acquired {row.acquired:%Y-%m-%d %H:%M} UTC, is mapped and published.",
            facts=facts,
            id=make_event_id("published", area, *version),
        )
        if scene.change is not None:
            yield from _make_alerts(scene, scene.change, facts)


def find_predecessor(row: Row, published: Iterable[Row]) -> Row | None:
    """The scene to compare with: the one before it on the same tile.

    Args:
        row: The scene.
        published: Scenes of its area that are published.
    """
    tile = read_tile(row.acquisition)
    before = [
        other
        for other in published
        if other.id != row.id and other.acquired < row.acquired and read_tile(other.acquisition) == tile
    ]
    return max(before, key=lambda other: (other.acquired, other.id), default=None)


def find_folder(row: Row, area: AreaSettings) -> Path | None:
    """Where the map of a published scene can be read: the working copy, else what is published on this machine.

    Args:
        row: The scene.
        area: Its area.

    Returns:
        A folder whose result is whole; ``None`` where there is none.
    """
    places = [Path(row.folder)] if row.folder else []
    names = [place.name for place in places] or list(_list_older(row, ""))[-1:]
    target = resolve_destination(area.destination).folder
    places += [target / name for name in names] if target is not None else []
    return next((place for place in places if read_fingerprint(place) is not None), None)


def _list_older(row: Row, name: str) -> Iterator[str]:
    """Names of all maps that were made of this acquisition but for one, the oldest first."""
    made = (Path(str(event["folder"])).name for event in row.history if event.get("what") == "mapped")
    yield from dict.fromkeys(other for other in made if other != name)


def _make_alerts(scene: PublishedScene, change: ChangeResult, facts: dict[str, str]) -> Iterator[Event]:
    """An event a shore, those that gained or lost most first."""
    summary, row = change.summary, scene.row
    version = (row.acquisition, row.product, row.fingerprint)
    ordered = sorted(change.alerts, key=lambda alert: -alert.area_m2)
    for number, alert in enumerate(ordered[:_MOST_TOLD], 1):
        which = f" (shore {number} of {len(ordered)})" if len(ordered) > 1 else ""
        yield Event(
            kind="alert",
            area=row.area,
            title=f"{row.area}: the coast moved, {row.acquired:%Y-%m-%d}{which}",
            text=f"At {alert.lat:.5f}, {alert.lon:.5f}, land was {alert.layer} since the date before: {alert.why}. "
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
