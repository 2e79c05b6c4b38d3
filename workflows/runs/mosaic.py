"""What ``strandline mosaic`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from workflows.runs.console import show_progress

__all__ = ["run_mosaic"]


def run_mosaic(folder: Path, out: Path, *, choices: Mapping[str, Any], cluster: Mapping[str, Any], quiet: bool) -> None:
    """Make a mosaic and say so on standard error; what went wrong is raised.

    Args:
        folder: Mapped scenes.
        out: Folder for the mosaic.
        choices: Of ``MosaicOptions``.
        cluster: Of ``ClusterOptions``; no workers at all means this process alone.
        quiet: Say nothing unless something is wrong.
    """
    from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic

    options = MosaicOptions(**choices)
    console = Console(stderr=True, quiet=quiet, highlight=False)
    began = time.perf_counter()
    with _open_cluster(cluster) as client, show_progress(console) as progress:
        result = build_mosaic(folder, out, options=options, client=client, progress=progress)
    for note in result.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    if result.already_made:
        console.print(f"Already made: {result.folder}", soft_wrap=True)
    else:
        seconds = time.perf_counter() - began
        console.print(
            f"Joined {result.scenes} scenes in {seconds:.1f} s, {result.lines} lines: {result.folder}", soft_wrap=True
        )


def _open_cluster(cluster: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """The client of a cluster; ``None`` where all is done in this process."""
    if cluster["workers"] == 0 and cluster["scheduler"] is None and cluster["scheduler_file"] is None:
        return nullcontext()
    from pipeline.cluster.client import ClusterOptions, open_client

    return open_client(ClusterOptions(**cluster))
