"""Look for scenes of an area, and judge each: to be mapped, or skipped and why."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import shapely

from pipeline.search.area import SearchArea
from pipeline.search.duplicates import Acquisition
from pipeline.search.errors import EmptySearchError
from pipeline.search.item_facts import describe_acquisition, read_cloud, read_footprint, read_product_name
from pipeline.search.plan import Plan
from pipeline.search.search_scenes import SearchOptions, search_scenes
from pipeline.watch.areas.coverage import compute_coverage
from pipeline.watch.areas.schedule import is_in_season
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts, Lane, Row, Sighting, SkipKind
from tiles.products.name import parse_product_name

__all__ = ["SearchOutcome", "list_notes", "list_sightings", "look_for_backfill", "look_for_scenes", "read_tile"]

_MARGIN = timedelta(days=1)
"""A round is known by when it ended, and what it searched ended the day before, where it ran over midnight."""

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """What a search came to.

    Attributes:
        dates: Days that were searched.
        counts: In the ledger.
        set_aside: Items that are no scenes, by id, and why.
        silent: Of several hosts those that did not answer: the days must be searched again.
    """

    dates: str
    counts: Counts
    set_aside: Mapping[str, str]
    silent: tuple[str, ...] = ()


def look_for_scenes(ledger: Ledger, area: AreaSettings, *, now: datetime, since: date | None = None) -> SearchOutcome:
    """Search, judge, and write down what was found.

    Args:
        ledger: For what is known, and what is new.
        area: Where, from whom, under which conditions.
        now: With a time zone.
        since: First day, in place of what follows from earlier rounds.

    Raises:
        HostError: The source does not answer.
        SearchError: The source makes no sense.
        LedgerError: The ledger is away.
    """
    last = _resolve_last(ledger, area.name, now=now)
    return _look(ledger, area, area.resolve_dates(now, last=last, since=since), lane="new")


def look_for_backfill(ledger: Ledger, area: AreaSettings, *, now: datetime) -> SearchOutcome | None:
    """Search the years before once; again where the area asks for other ones, or under other conditions.

    Args:
        ledger: For what is known, and what is new.
        area: Where, from whom, which years.
        now: With a time zone.

    Returns:
        What came of it; ``None`` where there is nothing to search.

    Raises:
        HostError: The source does not answer.
        SearchError: The source makes no sense.
        LedgerError: The ledger is away.
    """
    if area.backfill is None:
        return None
    days = f"{area.backfill.since} to {area.backfill.until or 'now'} ({_name_conditions(area)})"
    noted = ledger.read_rounds().get(area.name)
    if noted is not None and noted.backfilled == days:
        return None
    outcome = _look(ledger, area, area.backfill.resolve_dates(now), lane="backfill")
    if not outcome.silent:  # what only a silent host has is looked for again in the next round
        ledger.note_backfill(area.name, days)
    return outcome


def _name_conditions(area: AreaSettings) -> str:
    """A few letters for all that decides what a search finds and what of it is mapped."""
    parts = (
        area.source,
        area.collection,
        area.any_platform,
        area.resolve_area().geometry.wkt,
        area.max_cloud,
        area.min_coverage,
        *area.seasons,
    )
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:8]


def _look(ledger: Ledger, area: AreaSettings, dates: str, *, lane: Lane) -> SearchOutcome:
    try:
        plan = search_scenes(SearchOptions(**area.to_search_choices(dates)))
    except EmptySearchError:
        return SearchOutcome(dates=dates, counts=Counts(), set_aside={})
    known = ledger.rows(area.name, items=False)
    sightings = list_sightings(plan, area, known=known, ledger=ledger)
    counts = ledger.record(area.name, sightings, lane=lane)
    others = {entry.id: entry.reason for entry in plan.set_aside if entry.kind != "superseded"}
    return SearchOutcome(dates=dates, counts=counts, set_aside=others, silent=plan.silent)


def list_sightings(
    plan: Plan, area: AreaSettings, *, known: Sequence[Row] = (), ledger: Ledger | None = None
) -> list[Sighting]:
    """Judge what a search found.

    Args:
        plan: The search's.
        area: Its conditions.
        known: Rows of the area.
        ledger: Asked for items, where an acquisition came in two halves.
    """
    place = area.resolve_area()
    shown = [describe_acquisition(item) for item in plan.items]
    names = _name_acquisitions(plan.items, shown, area.name, ledger)
    assessed = (_assess_item(*one, area, place) for one in zip(plan.items, shown, names, strict=True))
    mentioned = {row.product for row in known} | {str(event.get("product")) for row in known for event in row.history}
    superseded = (entry for entry in plan.set_aside if entry.kind == "superseded")
    duplicates = (_describe_duplicate(entry.id, entry.reason) for entry in superseded)
    return [
        *(one for one in assessed if one is not None),
        *(one for one in duplicates if one is not None and one.product not in mentioned),
    ]


def read_tile(acquisition: str) -> str:
    """The tile in the name of an acquisition.

    Args:
        acquisition: As the ledger has it.
    """
    return acquisition.split("_")[1] if acquisition.count("_") >= 2 else _UNKNOWN


def _resolve_last(ledger: Ledger, area: str, *, now: datetime) -> datetime | None:
    """When a round last went well; one that lies ahead comes from a clock that was wrong, and says nothing."""
    noted = ledger.read_rounds().get(area)
    last = noted.last_success if noted else None
    return None if last is None or last > now else last - _MARGIN


def _assess_item(
    item: Mapping[str, Any], acquisition: Acquisition, name: str, area: AreaSettings, place: SearchArea
) -> Sighting | None:
    """What the ledger keeps of an item; nothing where it states no time, which a search sets aside."""
    if acquisition.acquired is None:
        return None
    skip, reason = _find_reason(item, acquisition, area, place)
    return Sighting(
        acquisition=name,
        product=read_product_name(item),
        acquired=acquisition.acquired,
        baseline=acquisition.baseline,
        generated=acquisition.generated,
        item=item,
        skip=skip,
        reason=reason,
    )


def _find_reason(
    item: Mapping[str, Any], acquisition: Acquisition, area: AreaSettings, place: SearchArea
) -> tuple[SkipKind | None, str]:
    """Why a scene is not to be mapped; what is said of none of them is no reason."""
    if acquisition.acquired is not None and not is_in_season(acquisition.acquired, area.seasons):
        return "season", f"{acquisition.acquired:%m-%d} is outside {', '.join(map(str, area.seasons))}"
    cloud = read_cloud(item)
    if cloud is not None and cloud > area.max_cloud:
        return "cloud", f"cloud {cloud:.4g}% over {area.max_cloud:g}%"
    footprint = read_footprint(item)
    if footprint is not None:
        coverage = compute_coverage(footprint, place)
        if coverage < area.min_coverage:
            return "coverage", f"shows {coverage:.3g}% of the area, under {area.min_coverage:g}%"
    return None, ""


def _name_acquisitions(
    items: Sequence[Mapping[str, Any]], shown: Sequence[Acquisition], area: str, ledger: Ledger | None
) -> list[str]:
    """Name what was taken; two halves of one datatake and tile, downlinked apart, get names of their own."""
    bases = [_name_datatake(item, one) for item, one in zip(items, shown, strict=True)]
    halves = {base for base in bases if bases.count(base) > 1}
    taken = {row.acquisition: row for row in ledger.rows(area)} if halves and ledger is not None else {}
    names: list[str] = []
    for base, one in zip(bases, shown, strict=True):
        names.append(base if base not in halves else _name_half(base, one, taken, names))
    return names


def _name_half(base: str, one: Acquisition, taken: Mapping[str, Row], used: Sequence[str]) -> str:
    """The name under which this half is known by its footprint; else the next that is free."""
    names = [base, *(f"{base}_{number}" for number in range(2, 10))]
    shared = {name: _share(one, taken[name]) for name in names if name in taken and name not in used}
    best = max(shared, key=lambda name: shared[name], default=None)
    if best is not None and shared[best] > 0.5:
        return best
    return next(name for name in names if name not in used and name not in taken)


def _share(one: Acquisition, row: Row) -> float:
    other = read_footprint(row.item)
    if one.footprint is None or other is None or one.footprint.area == 0:
        return 0.0
    return float(shapely.intersection(one.footprint, other).area / one.footprint.area)


def _name_datatake(item: Mapping[str, Any], one: Acquisition) -> str:
    """Platform, tile and start of sensing; products of all baselines of one acquisition have the same.

    The time stands in the product's name, where there is one: the ``datetime`` of an item is that of a granule, and
    differs by seconds between baselines.
    """
    name = parse_product_name(read_product_name(item))
    begun = name.acquired if name is not None and name.acquired is not None else one.acquired
    moment = f"{begun:%Y%m%dT%H%M%S}" if begun is not None else _UNKNOWN
    platform = re.sub(r"[^a-z0-9]", "", (one.platform or _UNKNOWN).lower())
    if one.tile is None:  # nothing says what it shows: it stands for itself
        return f"{platform}_{_UNKNOWN}_{moment}_{one.id}"
    return f"{platform}_{one.tile}_{moment}"


def _describe_duplicate(product: str, reason: str) -> Sighting | None:
    """An older product of an acquisition whose newer one was found with it: a row of its own, never mapped."""
    name = parse_product_name(product)
    if name is None or name.acquired is None:
        return None
    return Sighting(
        acquisition=f"duplicate_{product}",
        product=product,
        acquired=name.acquired,
        baseline=name.baseline,
        skip="duplicate",
        reason=reason,
    )


def list_notes(search: SearchOutcome) -> Iterator[str]:
    """What the operator should know of a search.

    Args:
        search: What the search came to.
    """
    if search.set_aside:
        name, reason = next(iter(search.set_aside.items()))
        yield f"{len(search.set_aside)} items were set aside, {name} among them: {reason}."
