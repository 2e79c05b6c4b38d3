"""Find products that show one acquisition twice, and decide which of them stays.

An acquisition reaches its users again after each reprocessing, and sometimes twice from one. It also reaches them in
two halves, where it was downlinked to two stations: those show different ground, and both are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import shapely
from shapely.geometry.base import BaseGeometry

from pipeline.search.plan import PlanVerdict

__all__ = ["Acquisition", "Resolution", "resolve_duplicates"]

_SAME_DATATAKE = timedelta(minutes=1)
_SAME_FOOTPRINT = 0.95
_SAME_GROUND = 0.5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """What is known of a product, as far as it tells one acquisition from another.

    Attributes:
        id: Tells it from all others.
        tile: MGRS tile, such as ``33TVM``.
        platform: ``sentinel-2a`` ...
        acquired: Time of sensing, with a time zone.
        baseline: Processing baseline, such as ``05.11``.
        generated: When it was made, with a time zone.
        footprint: Where it has data, in degrees; continuous where it crosses the antimeridian.
    """

    id: str
    tile: str | None = None
    platform: str | None = None
    acquired: datetime | None = None
    baseline: str | None = None
    generated: datetime | None = None
    footprint: BaseGeometry | None = None

    def __post_init__(self) -> None:
        if self.footprint is not None and not self.footprint.is_valid:
            # Hosts' footprints may cross themselves; their area is compared, and that needs valid ones.
            object.__setattr__(self, "footprint", shapely.make_valid(self.footprint))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What stays, and what does not.

    Attributes:
        kept: In the order in which they were given.
        set_aside: Sorted by id.
    """

    kept: tuple[Acquisition, ...]
    set_aside: tuple[PlanVerdict, ...]


def resolve_duplicates(acquisitions: Iterable[Acquisition]) -> Resolution:
    """Decide which products of one acquisition stay; the order in which they come does not matter.

    Products of one tile and platform, each sensed within a minute of another, show one acquisition. Of these, one of
    an older processing baseline goes where newer ones show its ground; one of the same baseline goes where a later one
    has nearly the same footprint. What cannot be told apart for want of facts stays: nothing is lost on a guess.

    Args:
        acquisitions: Products with ids of their own.
    """
    given = tuple(acquisitions)
    known = [item for item in given if item.tile is not None and item.acquired is not None]
    set_aside: list[PlanVerdict] = []
    for group in _group_acquisitions(known):
        set_aside += _resolve_group(group)
    gone = {entry.id for entry in set_aside}
    return Resolution(
        kept=tuple(item for item in given if item.id not in gone),
        set_aside=tuple(sorted(set_aside, key=lambda entry: entry.id)),
    )


def _group_acquisitions(acquisitions: Sequence[Acquisition]) -> list[list[Acquisition]]:
    def key(item: Acquisition) -> tuple[str, str]:
        return item.tile or "", item.platform or ""

    groups: list[list[Acquisition]] = []
    ordered = sorted(acquisitions, key=lambda item: (*key(item), item.acquired or _EPOCH, item.id))
    for _, members in groupby(ordered, key=key):
        groups.append([])
        for item in members:
            # From one to the next, not from the first: else a group would change once its first has gone.
            before = groups[-1][-1].acquired if groups[-1] else item.acquired
            if before is not None and item.acquired is not None and item.acquired - before > _SAME_DATATAKE:
                groups.append([])
            groups[-1].append(item)
    return groups


def _resolve_group(group: Sequence[Acquisition]) -> list[PlanVerdict]:
    """The newest first; each is held against those that stay before it."""
    kept: list[Acquisition] = []
    set_aside: list[PlanVerdict] = []
    for item in sorted(group, key=_rank_by_age, reverse=True):
        reason = _find_newer_baseline(item, kept) or _find_twin(item, kept)
        if reason is None:
            kept.append(item)
        else:
            set_aside.append(PlanVerdict(id=item.id, kind="superseded", reason=reason))
    return set_aside


def _rank_by_age(item: Acquisition) -> tuple[tuple[int, ...], datetime, str]:
    return _as_numbers(item.baseline), item.generated or _EPOCH, item.id


def _as_numbers(baseline: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", baseline or ""))


def _find_newer_baseline(item: Acquisition, kept: Sequence[Acquisition]) -> str | None:
    if item.baseline is None:
        return None
    newer = [other for other in kept if _as_numbers(other.baseline) > _as_numbers(item.baseline)]
    if not newer or not _is_covered(item, newer):
        return None
    return f"superseded by {newer[0].id} (processing baseline {item.baseline} before {newer[0].baseline})"


def _is_covered(item: Acquisition, newer: Sequence[Acquisition]) -> bool:
    """Whether newer products show most of its ground; taken for granted where a footprint is not known."""
    footprints = [other.footprint for other in newer]
    if item.footprint is None or item.footprint.area == 0 or any(footprint is None for footprint in footprints):
        return True
    shared = shapely.intersection(item.footprint, shapely.union_all(footprints)).area
    return bool(shared >= _SAME_GROUND * item.footprint.area)


def _find_twin(item: Acquisition, kept: Sequence[Acquisition]) -> str | None:
    for other in kept:
        if _as_numbers(other.baseline) == _as_numbers(item.baseline) and _overlap(item, other) > _SAME_FOOTPRINT:
            return f"superseded by {other.id} (same acquisition and footprint, generated later)"
    return None


def _overlap(one: Acquisition, other: Acquisition) -> float:
    """Intersection over union of two footprints; 0 where one is not known."""
    if one.footprint is None or other.footprint is None:
        return 0.0
    union = shapely.union(one.footprint, other.footprint).area
    return float(shapely.intersection(one.footprint, other.footprint).area / union) if union else 0.0
