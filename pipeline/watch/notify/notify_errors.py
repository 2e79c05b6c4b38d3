"""The error of a notification that did not arrive."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["NotToldError"]


class NotToldError(StrandlineError, OSError):
    """A channel did not take an event; the event is sent again later."""

    exit_code = 4
