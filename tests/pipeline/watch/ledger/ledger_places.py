"""What the ledgers of tests are written with: a clock that is moved by hand, holders, sightings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import Row, Sighting

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


def claim_one(ledger: Ledger, holder: str = HERE) -> Row:
    (row,) = ledger.claim("coast", limit=1, holder=holder)
    return row


def publish_one(ledger: Ledger) -> Row:
    row = ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
    return ledger.mark_published(row, HERE, to="s3://coast")


def fail_one(ledger: Ledger, *, may_pass: bool = False, error: str = "no band B08") -> Row:
    return ledger.mark_failed(claim_one(ledger), HERE, error=error, may_pass=may_pass)


def read_row(ledger: Ledger) -> Row:
    """The one row of the coast."""
    (row,) = ledger.rows("coast")
    return row


def list_events(row: Row) -> list[str]:
    """What happened to a scene, oldest first."""
    return [event["what"] for event in row.history]
