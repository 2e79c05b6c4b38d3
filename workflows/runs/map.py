"""What ``strandline map`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.mapping.map_scene import MapOptions, MapResult, map_scene
from tiles.masks import parse_cloud_classes
from tiles.products.open import StackOptions
from workflows.runs.console import show_progress

__all__ = ["read_options", "read_stack", "run_map"]


def run_map(
    scene: str, out: Path, *, choices: Mapping[str, Any], stack: Mapping[str, Any], quiet: bool, debug: bool
) -> None:
    """Map a scene and say so on standard error; what went wrong is raised.

    Args:
        scene: What the user gave.
        out: Folder for results.
        choices: Options as the command line read them.
        stack: What the user says about a stack: ``bands`` (comma-separated), ``scale``, ``offset``.
        quiet: Say nothing unless something is wrong.
        debug: Show the time of each stage.
    """
    console = Console(stderr=True, quiet=quiet, highlight=False)
    options = read_options(choices)
    began = time.perf_counter()
    with show_progress(console) as progress:
        result = map_scene(scene, out, options=options, stack=read_stack(stack), progress=progress)
    for note in result.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    _report(console, result, time.perf_counter() - began)
    if debug:
        _report_stages(console, result)


def read_options(choices: Mapping[str, Any]) -> MapOptions:
    """Validate what the command line read.

    Args:
        choices: By the names of ``MapOptions``; lists as text with commas.

    Raises:
        OptionError: A choice is out of its range.
    """
    cloud_classes = parse_cloud_classes(choices["cloud_classes"])
    formats = tuple(word.strip() for word in choices["formats"].split(",") if word.strip())
    return MapOptions(**{**choices, "cloud_classes": cloud_classes, "formats": formats})


def read_stack(stack: Mapping[str, Any]) -> StackOptions | None:
    """What the user says about stacks; ``None`` where nothing was said.

    Args:
        stack: ``bands`` (comma-separated), ``scale``, ``offset``.
    """
    if all(value is None for value in stack.values()):
        return None
    bands = tuple(word.strip() for word in stack["bands"].split(",")) if stack["bands"] else None
    return StackOptions(bands=bands, scale=stack["scale"], offset=stack["offset"])


def _report(console: Console, result: MapResult, seconds: float) -> None:
    if result.already_made:
        console.print(f"Already mapped: {result.folder}", soft_wrap=True)
    else:
        console.print(f"Mapped {result.scene.id} in {seconds:.1f} s: {result.folder}", soft_wrap=True)


def _report_stages(console: Console, result: MapResult) -> None:
    for stage, seconds in result.stages_s.items():
        console.print(f"{seconds:9.2f} s  {stage}")
