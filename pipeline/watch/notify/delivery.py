"""An event that a channel did not take, and why."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["DeliveryError", "find_reason"]


class DeliveryError(StrandlineError, OSError):
    """A channel did not take an event; the event is sent again later."""

    exit_code = 4


def find_reason(error: BaseException) -> str:
    """The reason of a failure as one line: that of the system, such as "Connection refused", where it gives one.

    Args:
        error: Whatever a channel's library raised.
    """
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
