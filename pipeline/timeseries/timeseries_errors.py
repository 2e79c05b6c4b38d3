"""Errors of time series: no transects, no dates, a tide that nobody tells."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["TideError", "TimeseriesError"]


class TimeseriesError(StrandlineError, ValueError):
    """Maps, transects and choices do not make a time series."""

    exit_code = 2


class TideError(StrandlineError, ValueError):
    """Heights of the tide cannot be read or computed."""

    exit_code = 2
