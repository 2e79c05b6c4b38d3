"""What ``strandline mosaic`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from rich.console import Console

from pipeline.mosaic.build_mosaic import MosaicOptions, MosaicResult, build_mosaic
from workflows.runs.console import open_console, print_event, show_progress, split_words
from workflows.runs.view import add_page

__all__ = ["join_scenes", "open_cluster", "read_mosaic_options", "run_mosaic"]


def run_mosaic(folder: str, out: str, said: Mapping[str, Any], *, quiet: bool) -> None:
    """Make a mosaic and say so on standard error; what went wrong is raised.

    Args:
        folder: Mapped scenes, or the URL of a store of such.
        out: Folder for the mosaic, or its URL in a store.
        said: All that the command line read; no workers at all means this process alone.
        quiet: Say nothing unless something is wrong.
    """
    kind = said.get("progress", "bar")
    console = open_console(quiet=quiet or kind == "none")
    options = read_mosaic_options(said)
    # In a store nothing is added to a mosaic that stands, so its page goes up with it.
    finish = partial(add_page, console=open_console(quiet=True), already_made=False) if said["view"] else None
    with open_cluster(said) as client:
        build = partial(build_mosaic, folder, out, options=options, client=client, finish=finish)
        result = join_scenes(build, console, kind)
    if said["view"] and not result.address:
        add_page(result.folder, console, already_made=result.already_made)
    if kind == "json":
        print_event("finished", folder=result.where)


def read_mosaic_options(said: Mapping[str, Any]) -> MosaicOptions:
    """The choices of a mosaic among what the command line read.

    Args:
        said: By the names of ``MosaicOptions``; lists as text with commas.

    Raises:
        OptionError: A choice is out of its range.
    """
    only = frozenset(split_words(said["only"] or ""))
    return MosaicOptions.pick(said, formats=split_words(said["formats"]), only=only)


def join_scenes(build: Callable[..., MosaicResult], console: Console, kind: str) -> MosaicResult:
    """Build a mosaic, show how it goes, and say what came of it.

    Args:
        build: Builds it, told how far it is by ``progress``.
        console: Where to say it.
        kind: Of progress: ``bar``, ``json`` or ``none``.
    """
    began = time.perf_counter()
    with show_progress(console, kind) as progress:
        result = build(progress=progress)
    for note in result.notes:
        console.out(f"Note: {note}")
    if result.already_made:
        console.out(f"Already made: {result.where}")
    else:
        seconds = time.perf_counter() - began
        console.out(f"Joined {result.scenes} scenes in {seconds:.1f} s, {result.lines} lines: {result.where}")
    return result


def open_cluster(said: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """The client of a cluster; ``None`` where all is done in this process.

    Args:
        said: All that the command line read.
    """
    if said["workers"] == 0 and said["scheduler"] is None and said["scheduler_file"] is None:
        return nullcontext()
    from pipeline.cluster.client import ClusterOptions, open_client

    return open_client(ClusterOptions.pick(said))
