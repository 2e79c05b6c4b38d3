"""Whether a lease has run out, judged by clocks that differ from host to host, and jump.

A lease that seems to have run out is only doubted at first. It has run out where it is still not renewed half a lease
later; its holder, while it lives, renews it three times a lease, which ends the doubt. So one jump of one clock,
forward or back, takes no work from the living and keeps none with the dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["CLOCKS_DIFFER", "LeaseLook", "judge_lease"]

CLOCKS_DIFFER = timedelta(minutes=5)
"""Clocks of two hosts may differ by so much without one of them having jumped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    """What a look at a lease showed.

    Attributes:
        has_run_out: Whether the work may be taken over.
        doubted_at: Since when the lease is doubted; to be kept until the next look.
    """

    has_run_out: bool
    doubted_at: datetime | None


def judge_lease(
    *, renewed_at: datetime, lease_until: datetime, doubted_at: datetime | None, now: datetime
) -> LeaseLook:
    """Look at a lease.

    Args:
        renewed_at: When it was last renewed, by its holder's clock.
        lease_until: Until when it runs, by its holder's clock.
        doubted_at: As the last look left it; ``None`` where it was renewed since.
        now: By the clock of who looks.
    """
    # A lease that begins in the future is one of a clock that has gone back since.
    seems_so = now >= lease_until or now < renewed_at - CLOCKS_DIFFER
    if not seems_so:
        return LeaseLook(has_run_out=False, doubted_at=None)
    if doubted_at is None or doubted_at > now:
        return LeaseLook(has_run_out=False, doubted_at=now)
    return LeaseLook(has_run_out=now - doubted_at >= (lease_until - renewed_at) / 2, doubted_at=doubted_at)
