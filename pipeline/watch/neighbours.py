"""Compare a date of an area with the date before it on the same tile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publish.publish import open_destination, publish_result
from pipeline.publish.target import resolve_destination
from pipeline.record.links import make_whole_href
from pipeline.record.result import read_fingerprint
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings, CompareSettings
from pipeline.watch.ledger.values import Row
from pipeline.watch.search import read_tile
from pipeline.watch.values import AreaFolders
from strandline import StrandlineError

if TYPE_CHECKING:
    from pipeline.change.compute_change import ChangeResult

__all__ = ["CHANGES", "Comparer", "find_folder", "find_predecessor", "find_successor"]

CHANGES = "changes"
"""Folder at the destination for comparisons, one a scene."""


class Comparer:
    """Compares dates of one area, and publishes what comes of it."""

    def __init__(self, settings: WatchSettings, area: AreaSettings) -> None:
        """Keep what is needed.

        Args:
            settings: Of the watcher.
            area: Where maps stand, and what is told of a coast that moved.
        """
        self._area, self._hide = area, settings.hide
        self._folders = AreaFolders(work=Path(settings.work), area=area.name)

    def compare(self, row: Row, published: Sequence[Row]) -> tuple[ChangeResult | None, list[str]]:
        """Compare a scene with the date before it; a comparison of before gives way, also where there is none now.

        Args:
            row: The scene, whose map stands.
            published: Scenes of its area that are published, or are just about to be.

        Returns:
            What was found, ``None`` where there was nothing to compare with; and what the operator should know: what
            is wrong with a comparison keeps no scene from being published.
        """
        folder, before = find_folder(row, self._area), find_predecessor(row, published)
        known = find_folder(before, self._area) if before is not None else None
        if folder is None:
            return None, []
        try:
            if known is None:
                self._remove(folder.name)
                return None, []
            change, notes = self._compute(known, folder, product=row.product)
            older = [name for name in row.maps if name != folder.name]
            publish_result(change.folder, f"{self._area.destination}/{CHANGES}", replaces=older)
        except StrandlineError as error:
            against = known.name if known is not None else "the date before"
            return None, [f"{row.product} was not compared with {against}: {self._hide(str(error))}"]
        return change, notes

    def _remove(self, name: str) -> None:
        for place in (f"{self._area.destination}/{CHANGES}", str(self._folders.changes)):
            open_destination(place).remove_result(name)

    def _compute(self, known: Path, folder: Path, *, product: str) -> tuple[ChangeResult, list[str]]:
        from pipeline.change.compute_change import ChangeError, ChangeOptions, compute_change  # noqa: PLC0415 (seconds)
        from pipeline.tides import TideError  # noqa: PLC0415

        limits = self._area.compare or CompareSettings()
        options = ChangeOptions(alert_m=limits.alert_m, alert_area_m2=limits.alert_area_m2, overwrite=True)
        out, place = self._folders.changes / folder.name, open_destination(self._area.destination)
        homes = (make_whole_href(place.name_address(known.name)), make_whole_href(place.name_address(folder.name)))
        try:
            tides = self._area.tides.to_choices() if self._area.tides else {}
            return compute_change(known, folder, out, options=options.replace(**tides), homes=homes), []
        except (ChangeError, TideError) as error:
            if self._area.tides is None:
                raise
            change = compute_change(known, folder, out, options=options, homes=homes)
            return change, [f"{product} was compared without the tide: {self._hide(str(error))}"]


def find_predecessor(row: Row, published: Iterable[Row]) -> Row | None:
    """The scene to compare with: the one before it on the same tile.

    Args:
        row: The scene.
        published: Scenes of its area that are published.
    """
    before = [other for other in _list_others(row, published) if other.acquired < row.acquired]
    return max(before, key=lambda other: (other.acquired, other.id), default=None)


def find_successor(row: Row, published: Iterable[Row]) -> Row | None:
    """The scene that is to be compared with this one: the one after it on the same tile.

    Args:
        row: The scene.
        published: Scenes of its area that are published.
    """
    after = [other for other in _list_others(row, published) if other.acquired > row.acquired]
    return min(after, key=lambda other: (other.acquired, other.id), default=None)


def _list_others(row: Row, published: Iterable[Row]) -> list[Row]:
    tile = read_tile(row.acquisition)
    return [other for other in published if other.id != row.id and read_tile(other.acquisition) == tile]


def find_folder(row: Row, area: AreaSettings) -> Path | None:
    """Where the map of a scene can be read: the working copy, else what is published on this machine.

    Args:
        row: The scene.
        area: Its area.

    Returns:
        A folder whose result is whole; ``None`` where there is none.
    """
    places = [Path(row.folder)] if row.folder else []
    names = [place.name for place in places] or list(row.maps[-1:])
    target = resolve_destination(area.destination).folder
    places += [target / name for name in names] if target is not None else []
    return next((place for place in places if read_fingerprint(place) is not None), None)
