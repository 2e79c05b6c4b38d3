"""Bring a coast to a store and back: what stands there is not made again, on whichever machine a run goes on.

A coast is worked on in a folder. Of one that goes to a store, what stands there is brought down before the work, and
what came of it up after each step; the plan and the record go along, and mosaics stand there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pipeline.batch.record import RECORD_NAME as BATCH_NAME
from pipeline.coast.record import MAPS, RECORD_NAME
from pipeline.publish.outlet import Outlet
from pipeline.record.result import PAGE_NAME

__all__ = ["fetch_coast", "upload_coast", "upload_maps", "upload_plan"]

_PLANS: Final = (RECORD_NAME, "plan.json", "scenes.txt")
"""The record goes first: a plan without one is of no coast that another machine could go on with."""

_OF_MAPS: Final = (BATCH_NAME, "summary.json", PAGE_NAME)


def fetch_coast(place: Outlet) -> tuple[str, ...]:
    """Bring down what stands of a coast: its plan and record, its maps, its mosaics; what is there already stays.

    Args:
        place: Of the coast.

    Returns:
        Names of the mosaics that stand in the store.

    Raises:
        OutputError: The store cannot be read, or the folder not be written.
    """
    for name in _PLANS:
        if not (place.folder / name).exists():
            place.fetch_file(name)
    maps = place.enter(MAPS)
    if not (maps.folder / BATCH_NAME).exists():
        maps.fetch_file(BATCH_NAME)
    maps.fetch_results()
    return place.fetch_results()


def upload_plan(place: Outlet) -> None:
    """Bring up what is asked and the plan of it, so that any machine goes on with the same.

    Args:
        place: Of the coast.

    Raises:
        OutputError: As ``upload_maps``.
    """
    _upload_files(place, _PLANS)


def upload_maps(place: Outlet) -> None:
    """Bring up what was mapped.

    Args:
        place: Of the coast.

    Raises:
        OutputError: The store did not take it; what is not there goes up in the next run.
    """
    maps = place.enter(MAPS)
    maps.upload_results()
    _upload_files(maps, _OF_MAPS)
    if maps.store is not None:
        maps.store.write_catalogue()


def upload_coast(place: Outlet, *, stood: Collection[str] = ()) -> None:
    """Bring up the mosaics, then what lists them, and last the record of the coast.

    Args:
        place: Of the coast.
        stood: Names of mosaics that stood in the store before; what was removed here since, goes there too.

    Raises:
        OutputError: As ``upload_maps``.
    """
    place.upload_results()
    _upload_files(place, (PAGE_NAME,))
    if place.store is not None:
        for name in stood:
            if not (place.folder / name).exists():
                place.store.remove_result(name)
        place.store.write_catalogue()
    _upload_files(place, (RECORD_NAME,))


def _upload_files(place: Outlet, names: tuple[str, ...]) -> None:
    for name in names:
        if (place.folder / name).is_file():
            place.deliver_file(name)
