"""Join one part of a coast: one mosaic of its scenes, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pyogrio

from pipeline.coast.job import CoastJob
from pipeline.coast.plan_coast import CoastPart
from pipeline.coast.record import MAPS, PartOutcome, remove_mosaic
from pipeline.errors import NothingClearError
from pipeline.mosaic.build_mosaic import MosaicOptions
from pipeline.record.result import ITEM_NAME, read_fingerprint

__all__ = ["Build", "join_part"]

Build = Callable[[Path, Path, MosaicOptions, Collection[str]], object]
"""Builds a mosaic: of the maps in a folder, into a folder, with choices, of the scenes of these names."""


def join_part(job: CoastJob, out: Path, part: CoastPart, empty: Collection[str], build: Build) -> PartOutcome:
    """Join the scenes of a part that were mapped.

    Args:
        job: What is asked.
        out: Folder for all of it.
        part: Which.
        empty: Names of scenes that show nothing of the area.
        build: Builds the mosaic; what scenes it lacks, the mosaic says.

    Returns:
        What became of it; where there is nothing to join, nothing is built.

    Raises:
        StrandlineError: Whatever is wrong with the maps or the disk.
    """
    folder, wanted = out / part.name, [name for name in part.scenes if name not in empty]
    mapped = [name for name in wanted if read_fingerprint(out / MAPS / name) is not None]
    lacking = tuple(sorted(set(wanted) - set(mapped)))
    outcome = PartOutcome(name=part.name, dates=part.dates, state="no scene", planned=len(part.scenes), lacking=lacking)
    if not wanted:
        remove_mosaic(folder)  # of scenes that a changed plan no longer holds
        return outcome
    if not mapped:
        return replace(outcome, state="not mapped")
    # The record of the coast guards what was asked: other scenes are no reason to keep an older mosaic.
    try:
        build(out / MAPS, folder, job.mosaic.replace(dates=part.dates, overwrite=True), wanted)
    except NothingClearError:
        return replace(outcome, state="nothing clear", joined=tuple(sorted(mapped)))
    properties = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))["properties"]
    return replace(
        outcome,
        state="made",
        joined=tuple(properties["strandline:scenes"]),
        first=properties["start_datetime"],
        last=properties["end_datetime"],
        lines=pyogrio.read_info(folder / "coastline.gpkg", layer="coastline")["features"],
    )
