"""What ``strandline map`` does once its options are read: validate, run, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pipeline.mapping.map_scene import MapOptions, MapResult, map_scene
from tiles.masks import parse_cloud_classes, parse_mask_classes
from tiles.products.open import StackOptions
from workflows.runs.console import open_console, print_event, show_progress, split_words

__all__ = ["read_options", "read_stack", "run_map"]


def run_map(scene: str, out: str, said: Mapping[str, Any], *, quiet: bool, debug: bool) -> None:
    """Map a scene and say so on standard error; what went wrong is raised.

    Args:
        scene: What the user gave.
        out: Folder for results, or the URL of a store.
        said: All that the command line read.
        quiet: Say nothing unless something is wrong.
        debug: Show the time of each stage.
    """
    kind = said.get("progress", "bar")
    console = open_console(quiet=quiet or kind == "none")
    options = read_options(said)
    began = time.perf_counter()
    with show_progress(console, kind) as progress:
        result = map_scene(scene, out, options=options, stack=read_stack(said), progress=progress)
    for note in result.notes:
        console.out(f"Note: {note}")
    _report(console, result, time.perf_counter() - began)
    if debug:
        _report_stages(console, result)
    if kind == "json":
        print_event("finished", folder=result.where)


def read_options(said: Mapping[str, Any]) -> MapOptions:
    """The choices of a map among what the command line read.

    Args:
        said: By the names of ``MapOptions``; lists as text with commas.

    Raises:
        OptionError: A choice is out of its range.
    """
    lists: dict[str, Any] = {}
    if "cloud_classes" in said:
        lists["cloud_classes"] = parse_cloud_classes(said["cloud_classes"])
    if said.get("only"):
        lists["only"] = frozenset(split_words(said["only"]))
    if "mask_classes" in said:
        lists["mask_classes"] = parse_mask_classes(said["mask_classes"])
    if "formats" in said:
        lists["formats"] = split_words(said["formats"])
    return MapOptions.pick(said, **lists)


def read_stack(said: Mapping[str, Any]) -> StackOptions | None:
    """What the user says about stacks; ``None`` where nothing was said.

    Args:
        said: ``bands`` (comma-separated), ``scale``, ``offset``, ``nodata``, ``any_platform``, and whatever else.
    """
    words = [said.get(name) for name in StackOptions.model_fields]
    if all(word is None or word is False for word in words):  # an offset of 0 is said
        return None
    return StackOptions.pick(said, bands=split_words(said["bands"]) if said.get("bands") else None)


def _report(console: Console, result: MapResult, seconds: float) -> None:
    shares = (
        f"{result.valid_percent:.1f}% of it shows ground, {result.obscured_percent:.1f}% is hidden by cloud, "
        f"{result.nodata_percent:.1f}% holds no data."
    )
    console.out(shares)
    if result.already_made:
        console.out(f"Already mapped: {result.where}")
    else:
        console.out(f"Mapped {result.scene.id} in {seconds:.1f} s: {result.where}")


def _report_stages(console: Console, result: MapResult) -> None:
    for stage, seconds in result.stages_s.items():
        console.print(f"{seconds:9.2f} s  {stage}")
