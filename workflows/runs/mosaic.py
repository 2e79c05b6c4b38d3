"""What ``strandline mosaic`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from workflows.runs.console import open_console, print_event, show_progress, split_words
from workflows.runs.view import add_page

__all__ = ["run_mosaic"]


def run_mosaic(folder: Path, out: Path, said: Mapping[str, Any], *, quiet: bool) -> None:
    """Make a mosaic and say so on standard error; what went wrong is raised.

    Args:
        folder: Mapped scenes.
        out: Folder for the mosaic.
        said: All that the command line read; no workers at all means this process alone.
        quiet: Say nothing unless something is wrong.
    """
    from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic

    only = frozenset(split_words(said["only"] or ""))
    options = MosaicOptions.pick(said, formats=split_words(said["formats"]), only=only)
    kind = said.get("progress", "bar")
    console = open_console(quiet=quiet or kind == "none")
    began = time.perf_counter()
    with _open_cluster(said) as client, show_progress(console, kind) as progress:
        result = build_mosaic(folder, out, options=options, client=client, progress=progress)
    for note in result.notes:
        console.out(f"Note: {note}")
    if result.already_made:
        console.out(f"Already made: {result.folder}")
    else:
        seconds = time.perf_counter() - began
        console.out(f"Joined {result.scenes} scenes in {seconds:.1f} s, {result.lines} lines: {result.folder}")
    if said["view"]:
        add_page(result.folder, console, already_made=result.already_made)
    if kind == "json":
        print_event("finished", folder=str(result.folder))


def _open_cluster(said: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """The client of a cluster; ``None`` where all is done in this process."""
    if said["workers"] == 0 and said["scheduler"] is None and said["scheduler_file"] is None:
        return nullcontext()
    from pipeline.cluster.client import ClusterOptions, open_client

    return open_client(ClusterOptions.pick(said))
