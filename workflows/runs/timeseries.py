"""What ``strandline timeseries`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.timeseries.compute_timeseries import TimeseriesOptions, TimeseriesResult, compute_timeseries
from pipeline.timeseries.record import read_series_record
from workflows.runs.console import open_console, show_progress

__all__ = ["run_timeseries"]


def run_timeseries(area: Path, out: Path, said: Mapping[str, Any], *, quiet: bool) -> None:
    """Compute a time series and say what came of it on standard error; what went wrong is raised.

    Args:
        area: Mapped scenes.
        out: Folder for the results.
        said: All that the command line read; transects that are ``auto`` are cast.
        quiet: Say nothing unless something is wrong.
    """
    options = TimeseriesOptions.pick(said, transects=None if said["transects"] == "auto" else Path(said["transects"]))
    console = open_console(quiet=quiet)
    began = time.perf_counter()
    with show_progress(console) as progress:
        result = compute_timeseries(area, out, options=options, progress=progress)
    for note in result.notes:
        console.out(f"Note: {note}")
    if result.already_made:
        console.out(f"Already made: {result.folder}")
    else:
        words = _describe(result)
        console.out(f"{words} ({time.perf_counter() - began:.1f} s): {result.folder}")


def _describe(result: TimeseriesResult) -> str:
    record = read_series_record(result.folder)
    summary = record["summary_corrected"] or record["summary"]
    words = (
        f"{result.dates} dates on {result.transects} transects, {summary['transects_with_rate']} with a rate"
        f" ({summary['retreating']} retreat, {summary['advancing']} advance, "
        f"{summary['too_slow_to_tell']} too slow to tell)"
    )
    if "rate_m_per_year" in summary:
        corrected = "corrected for the tide" if record["summary_corrected"] else "not corrected for the tide"
        words += f"; median {summary['rate_m_per_year']['median']:+.2f} m/year, {corrected}"
    return words
