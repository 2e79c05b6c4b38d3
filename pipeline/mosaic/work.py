"""What a worker does for one cell of a mosaic: compute its statistics into the store, and later trace it.

Each piece of work can be done again at any time with the same result; a cell is done where its mark stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.atomic import write_whole
from pipeline.mosaic.chains import CellChains, write_chains
from pipeline.mosaic.lattice import CELL_PX, Cell
from pipeline.mosaic.statistics import Layer, Statistic, Statistics, compute_statistics, order_layers, read_layer
from pipeline.mosaic.store import ERROR_SCALE, SURFACE_SCALE, Store
from pipeline.mosaic.tracer import trace_cell
from pipeline.mosaic.waters import write_samples
from pipeline.output.rasters import compute_probability_dn
from tiles import masks
from tiles.grid import Window

__all__ = ["CellJob", "compute_cell", "read_sources", "trace_stored_cell"]

_STACK_BYTES = 96 << 20
"""Bytes of probabilities that are held at a time; more dates are worked on in flatter strips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellJob:
    """What all cells of a lattice share.

    Attributes:
        store: Where the statistics go.
        folder: Where marks, tables of sources and traced lines go.
        threshold: Probability from which a pixel is water.
        statistic: What the coastline is drawn on.
    """

    store: Store
    folder: Path
    threshold: float
    statistic: Statistic

    @property
    def level(self) -> float:
        """Value of the surface at the coastline: half of the observations, or the threshold."""
        return 0.5 if self.statistic == "frequency" else self.threshold

    def find_mark(self, cell: Cell) -> Path:
        """The file that says that a cell's statistics are whole; it holds its table of sources."""
        return self.folder / f"cell_{cell.row}_{cell.col}.json"

    def find_samples(self, cell: Cell) -> Path:
        """The file of what the middles of a cell's coarse cells show."""
        return self.folder / f"samples_{cell.row}_{cell.col}.npz"

    def find_chains(self, cell: Cell) -> Path:
        """The file of what was traced in a cell."""
        return self.folder / f"chains_{cell.row}_{cell.col}.npz"


def compute_cell(job: CellJob, cell: Cell, layers: Sequence[Layer]) -> int:
    """Compute a cell's statistics into the store; nothing where that is done.

    Args:
        job: What all cells share.
        cell: Which.
        layers: The scenes that may reach into it.

    Returns:
        Number of its pixels that were seen at least once.

    Raises:
        RasterReadError: A map cannot be read.
        OutputError: The store cannot be written.
    """
    mark = job.find_mark(cell)
    if mark.exists():
        return int(json.loads(mark.read_text(encoding="utf-8"))["seen"])
    rows = max(64, min(CELL_PX, _STACK_BYTES // (8 * CELL_PX * max(1, len(layers)))))
    # Rows that fit the memory for one strip of all dates; a cell is worked on strip by strip, and stored at once.
    ordered = order_layers(layers, job.store.lattice)
    sets: dict[tuple[int, ...], int] = {}
    stored: dict[str, NDArray[Any]] = {}
    for first in range(0, CELL_PX, rows):
        strip = _slice_rows(cell.window, first, min(rows, CELL_PX - first))
        read = partial(read_layer, lattice=job.store.lattice, window=strip)
        statistics = compute_statistics(ordered, read, threshold=job.threshold, shape=strip.shape)
        numbers = _encode_strip(statistics, job, sets)
        for name, values in numbers.items():
            whole = stored.setdefault(name, np.empty((CELL_PX, CELL_PX), dtype=values.dtype))
            whole[first : first + strip.height] = values
    job.store.write(cell, stored)
    seen = stored["state"] == masks.VALID
    count = int(seen.sum())
    if count:
        wet = stored["surface"] >= round(job.level / SURFACE_SCALE)
        write_samples(job.find_samples(cell), cell, job.store.lattice, wet=wet, seen=seen)
    write_whole(mark, json.dumps({"seen": count, "sources": list(sets)}))
    return count


def _slice_rows(window: Window, first: int, height: int) -> Window:
    return Window(window.col_off, window.row_off + first, window.width, height)


def _encode_strip(statistics: Statistics, job: CellJob, sets: dict[tuple[int, ...], int]) -> dict[str, NDArray[Any]]:
    """Stored numbers of a strip; sets of scenes that were not met before are added to ``sets``."""
    surface = statistics.get_surface(job.statistic)
    known = np.isfinite(surface)
    steps = np.where(known, surface, 0)
    latest = np.where(np.isfinite(statistics.latest), statistics.latest >= job.threshold, 255).astype(np.uint8)
    return {
        "surface": np.where(known, np.floor(steps.astype(np.float64) / SURFACE_SCALE + 1e-6), 65535).astype(np.uint16),
        "error": _encode_error(statistics.get_error(job.statistic)),
        "frequency": np.where(known, np.rint(np.nan_to_num(statistics.frequency) * 250), 255).astype(np.uint8),
        "median": compute_probability_dn(statistics.median, statistics.state),
        "latest": latest,
        "latest_day": statistics.latest_day,
        "observations": statistics.observations,
        "state": statistics.state,
        "sources": _number_sources(statistics, steps >= job.level, job, sets),
    }


def _encode_error(error: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Steps of the error, 255 where there is none; never 0, which would claim that nothing errs."""
    steps = np.nan_to_num(error, nan=0.0) / ERROR_SCALE
    return np.where(np.isfinite(error), np.rint(steps).clip(1, 250), 255).astype(np.uint8)


def _number_sources(
    statistics: Statistics, wet: NDArray[np.bool_], job: CellJob, sets: dict[tuple[int, ...], int]
) -> NDArray[np.uint32]:
    """Number of the set of scenes that each pixel near the shore, or on the strip's edge, comes from."""
    numbers = np.zeros(wet.shape, dtype=np.uint32)
    row, col = np.nonzero(_find_near_shore(wet) & (statistics.state == masks.VALID))
    if len(row) == 0:
        return numbers
    used = statistics.used[:, row, col]  # (overpass, row, col) -> (overpass, pixels)
    if job.statistic == "latest":
        used = _keep_latest_scene(used)
    members, which = np.unique(used, axis=1, return_inverse=True)
    table = [tuple(sorted(set(column[column >= 0].tolist()))) for column in members.T]
    index = np.array([sets.setdefault(one, len(sets) + 1) for one in table], dtype=np.uint32)
    numbers[row, col] = index[which.ravel()]
    return numbers


def _find_near_shore(wet: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True where a neighbour is of the other class, and along the edges, whose neighbours are not known here."""
    near = np.zeros(wet.shape, dtype=bool)
    down, right = wet[1:] != wet[:-1], wet[:, 1:] != wet[:, :-1]
    near[1:] |= down
    near[:-1] |= down
    near[:, 1:] |= right
    near[:, :-1] |= right
    near[[0, -1]] = True
    near[:, [0, -1]] = True
    return near


def _keep_latest_scene(used: NDArray[np.int32]) -> NDArray[np.int32]:
    """Of each pixel's scenes only the last."""
    last = np.full((1, used.shape[1]), -1, dtype=np.int32)
    for row in used:
        last[0, row >= 0] = row[row >= 0]
    return last


def read_sources(job: CellJob, cell: Cell) -> list[tuple[int, ...]]:
    """The sets of scenes that a cell's ``sources`` number, from 1.

    Args:
        job: What all cells share.
        cell: One whose statistics are whole.
    """
    document = json.loads(job.find_mark(cell).read_text(encoding="utf-8"))
    return [tuple(members) for members in document["sources"]]


def trace_stored_cell(job: CellJob, cell: Cell) -> CellChains:
    """Trace the coastline of a cell whose statistics, and whose neighbours', are in the store.

    Args:
        job: What all cells share.
        cell: Which.

    Returns:
        The ends of what was traced; the lines themselves are in ``job.find_chains(cell)``.

    Raises:
        OutputError: The file cannot be written.
    """
    chains = trace_cell(job.store, cell, level=job.level)
    path = job.find_chains(cell)
    if len(chains):
        write_chains(path, chains)
    return CellChains.from_chains(chains, path=path)
