"""What ``strandline export`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows.runs.console import open_console, split_words

__all__ = ["run_export"]


def run_export(folder: Path, out: Path | None, said: Mapping[str, Any], *, quiet: bool) -> None:
    """Export a result, or all of a batch, and say so on standard error; what went wrong is raised.

    Args:
        folder: Of a map, a mosaic or a batch.
        out: Where to; ``None``: beside what is there.
        said: All that the command line read.
        quiet: Say nothing unless something is wrong.
    """
    from pipeline.export.export_result import ExportOptions, export_result, list_exportable

    options = ExportOptions.pick(said, formats=split_words(said["formats"]))
    console = open_console(quiet=quiet)
    for source in list_exportable(folder):
        began = time.perf_counter()
        place = out if out is None or source == folder else out / source.name
        result = export_result(source, options=options, out=place)
        for note in result.notes:
            console.out(f"Note: {note}")
        if result.already_made:
            console.out(f"Already exported: {result.folder}")
        else:
            seconds = time.perf_counter() - began
            console.out(f"Wrote {', '.join(result.files)} in {seconds:.1f} s: {result.folder}")
