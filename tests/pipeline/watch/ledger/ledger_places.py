"""What the ledgers of tests are written with: a clock that is moved by hand, holders, sightings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import Sighting

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
HERE, THERE = "here:1:1:aaaa", "there:2:2:bbbb"
"""Two holders of hosts that this one cannot see."""


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def sight(name: str = "a", *, day: int = 0, baseline: str | None = "05.09", **other: Any) -> Sighting:  # noqa: ANN401
    product = other.pop("product", f"{name} N{baseline}")
    acquired = NOON + timedelta(days=day)
    return Sighting(acquisition=name, product=product, acquired=acquired, baseline=baseline, **other)


def open_at(place: str, clock: Clock, *, lease_s: float = 180.0) -> Ledger:
    return open_ledger(place, clock=clock, lease_s=lease_s)
