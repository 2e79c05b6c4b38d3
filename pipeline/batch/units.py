"""What a worker does: map a scene, or some rows of one; and how its errors are to be understood."""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.batch.sources import SceneSource
from pipeline.batch.strips import compute_part, join_rows, remove_scratch
from pipeline.errors import output_errors
from pipeline.mapping.map_scene import MapOptions, map_scene
from pipeline.mapping.plan_scene import plan_scene
from pipeline.publish.outlet import Outlet, open_outlet
from strandline import StrandlineError
from tiles.errors import AreaOutsideSceneError, NoValidPixelsError, SceneError, UnnamedBandsError
from tiles.products.open import StackOptions

__all__ = ["Kind", "SceneUnit", "UnitResult", "compute_unit_part", "describe_failure", "map_unit", "write_item_file"]

Kind = Literal["mapped", "already mapped", "empty", "failed", "duplicate", "no scene"]
"""What may become of a scene; ``empty``: it has no data in the area of interest."""

_CACHE_MB = "128"
"""GDAL's cache of blocks, by default a share of the machine's memory; each is read once, so it need not be big."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneUnit:
    """A scene as a worker needs it.

    Attributes:
        source: As ``tiles.products.open.open_scene`` takes it.
        out: Folder for results, absolute.
        options: Choices.
        stack: What metadata does not say, for stacks.
        store: URL of the store to which the results go from there; empty: they stay.
    """

    source: str
    out: str
    options: MapOptions
    stack: StackOptions | None = None
    store: str = ""

    def open_place(self) -> Outlet:
        """Open the place of the results."""
        return open_outlet(self.store, scratch=Path(self.out)) if self.store else Outlet(folder=Path(self.out))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitResult:
    """What a worker tells of a scene that it mapped.

    Attributes:
        folder: Where the outputs are.
        already_made: Nothing was to be done.
        seconds: Wall time.
        notes: What the user should be told, a sentence each.
        worker: Host and process, for the record.
        peak_rss_mib: Most memory that the process ever had.
    """

    folder: str
    already_made: bool
    seconds: float
    notes: tuple[str, ...]
    worker: str
    peak_rss_mib: int


def map_unit(unit: SceneUnit) -> UnitResult:
    """Map a scene; rows of it that workers kept before are used.

    Args:
        unit: The scene.

    Raises:
        StrandlineError: Whatever is wrong with it.
    """
    began = time.perf_counter()
    _prepare(unit.options.threads or 1)
    result = map_scene(unit.source, unit.open_place(), options=unit.options, stack=unit.stack, row_source=join_rows)
    remove_scratch(result.folder)
    gc.collect()  # figures hold themselves, some 10 MB a scene, until Python happens to look
    return UnitResult(
        folder=str(result.folder),
        already_made=result.already_made,
        seconds=time.perf_counter() - began,
        notes=result.notes,
        worker=f"{platform.node()}:{os.getpid()}",
        peak_rss_mib=_read_peak_mib(),
    )


def _read_peak_mib() -> int:
    """The most memory that this process ever had, in MiB."""
    try:
        import resource  # noqa: PLC0415 (Windows has none)
    except ImportError:
        import psutil  # noqa: PLC0415 (comes with Dask)

        return int(psutil.Process().memory_info().peak_wset) >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> 20 if sys.platform == "darwin" else peak >> 10  # macOS counts bytes


def compute_unit_part(unit: SceneUnit, part: int, parts: int) -> int:
    """Compute and keep some rows of a scene; see ``pipeline.batch.strips``.

    Args:
        unit: The scene.
        part: Which part, from 0.
        parts: How many there are.

    Raises:
        StrandlineError: Whatever is wrong with it.
    """
    _prepare(unit.options.threads or 1)
    job = plan_scene(unit.source, unit.out, options=unit.options, stack=unit.stack)
    if unit.open_place().is_there(job.scene.id, job.basis, overwrite=unit.options.overwrite):
        return 0
    return compute_part(job, part=part, parts=parts)


def describe_failure(error: BaseException, scene: SceneSource, *, tries: int) -> tuple[Kind, str]:
    """What an error means for a scene, and the reason in one line for a person.

    Args:
        error: What mapping it ended with.
        scene: What was mapped.
        tries: How often it was begun.
    """
    reason = " ".join(str(error).split()) or "no reason given"
    if isinstance(error, (NoValidPixelsError, AreaOutsideSceneError)):
        return "empty", reason
    is_foreign = isinstance(error, SceneError) and not isinstance(error, UnnamedBandsError)
    if is_foreign and not scene.is_product:
        return "no scene", reason
    if type(error).__name__ == "KilledWorker":  # Dask need not be here to read an old record
        return "failed", (
            f"The worker died while it was mapped, {tries} times: killed for its memory, perhaps, or by hand. Give "
            "workers more memory (fewer --workers), or look into their logs."
        )
    return "failed", reason if isinstance(error, StrandlineError) else f"{type(error).__name__}: {reason}"


def write_item_file(folder: Path, scene: SceneSource) -> str:
    """Keep an item of a plan as a file from which workers open it.

    Args:
        folder: For such files.
        scene: With its item.

    Returns:
        The file; where it holds this item already it is left as it is.

    Raises:
        OutputError: It cannot be written.
    """
    path, begun = folder / f"{scene.id}.json", folder / f".{scene.id}.begun"
    text = json.dumps(scene.item, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    with output_errors(path):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            begun.write_text(text, encoding="utf-8")
            begun.replace(path)
    return str(path)


def _prepare(threads: int) -> None:
    """Keep to this worker's share of the cores and of memory, so that workers on one machine do not fight."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch = sys.modules.get("torch")  # half a gigabyte a worker, which not every runtime needs
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    os.environ.setdefault("GDAL_CACHEMAX", _CACHE_MB)
    os.environ.setdefault("GDAL_NUM_THREADS", str(threads))
