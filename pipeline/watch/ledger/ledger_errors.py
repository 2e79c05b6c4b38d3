"""Errors of the ledger: a database that does not answer or is not one, work that another watcher has taken over."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["LedgerError", "LostClaimError"]


class LedgerError(StrandlineError, OSError):
    """The ledger cannot be read or written."""

    exit_code = 5


class LostClaimError(LedgerError):
    """A scene is no longer in the hands of who wants to write what became of it."""
