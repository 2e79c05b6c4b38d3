"""Map one scene on several workers: each computes some rows of tiles, then one joins them.

A row of tiles is kept as a file in a hidden folder beside the result, whole or not there. Tiles are seam-free by
construction, so the joined map is, to the byte, the one that a single worker makes. What is missing where the rows are
joined is computed there.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import output_errors
from pipeline.mapping.plan_scene import SceneJob, prepare_prediction
from pipeline.predict.quicklook import Quicklook
from pipeline.predict.rows import MappedRows, predict_rows

__all__ = ["compute_part", "find_scratch", "join_rows", "remove_scratch"]

_VISIBLE_LAYERS = 3


def find_scratch(job: SceneJob) -> Path:
    """Where the rows of a scene are kept meanwhile; those of other choices lie elsewhere.

    Args:
        job: What is mapped.
    """
    return _find_root(job.folder) / job.fingerprint[:16]


def remove_scratch(folder: Path) -> None:
    """Remove all rows that were kept for a result.

    Args:
        folder: Where the result stands.
    """
    shutil.rmtree(_find_root(folder), ignore_errors=True)


def compute_part(job: SceneJob, *, part: int, parts: int) -> int:
    """Map some rows of a scene's tiles, and keep them as files; what is there already is not done again.

    Args:
        job: What is mapped.
        part: Which part, from 0.
        parts: How many there are; they are cut between rows of tiles.

    Returns:
        How many rows of tiles were computed; 0 where the scene is mapped already, or its tiles must be blended and so
        belong together.

    Raises:
        RasterReadError: A file of the scene cannot be decoded.
        OutputError: The rows cannot be written, or the result is of other choices.
    """
    prediction = prepare_prediction(job, Quicklook(job.grid, layers=_VISIBLE_LAYERS))
    if prediction.overlap is not None or job.is_done():
        return 0
    count = len(list(prediction.tiling.rows()))
    scratch, computed = find_scratch(job), 0
    with output_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    for wanted in _find_missing(scratch, range(part * count // parts, (part + 1) * count // parts)):
        look = _CellRecorder(job)
        for index, rows in enumerate(predict_rows(prepare_prediction(job, look), part=wanted), start=wanted.start):
            _write_rows(scratch, index, rows, look.take())
            computed += 1
    return computed


def join_rows(job: SceneJob, look: Quicklook) -> Iterator[MappedRows]:
    """Give the rows of a scene's map from the files that are there, and compute the others.

    Args:
        job: What is mapped.
        look: Takes the visible bands.

    Yields:
        As ``pipeline.predict.rows.predict_rows``.

    Raises:
        RasterReadError: A file of the scene cannot be decoded.
    """
    prediction = prepare_prediction(job, look)
    if prediction.overlap is not None:
        yield from predict_rows(prediction)
        return
    scratch = find_scratch(job)
    for index in range(len(list(prediction.tiling.rows()))):
        kept = _read_rows(scratch, index)
        if kept is None:
            yield from predict_rows(prediction, part=slice(index, index + 1))
            continue
        rows, cells = kept
        for place, total, count in cells:
            look.add_cells(place, total, count)
        yield rows


_Cells = tuple[tuple[int, int, int], NDArray[Any], NDArray[Any]]


class _CellRecorder(Quicklook):
    """Keeps what would be added to the picture, for sums of floats depend on their order."""

    def __init__(self, job: SceneJob) -> None:
        super().__init__(job.grid, layers=_VISIBLE_LAYERS)
        self._kept: list[_Cells] = []

    def add_cells(self, place: tuple[int, int, int], total: NDArray[Any], count: NDArray[Any]) -> None:
        self._kept.append((place, total, count))

    def take(self) -> list[_Cells]:
        kept, self._kept = self._kept, []
        return kept


def _find_root(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.strips")


def _find_path(scratch: Path, index: int) -> Path:
    return scratch / f"{index:05d}.npz"


def _find_missing(scratch: Path, wanted: range) -> Iterator[slice]:
    """The rows that are not there yet, those that follow each other together."""
    start = None
    for index in wanted:
        there = _find_path(scratch, index).exists()
        if there and start is not None:
            yield slice(start, index)
        start = None if there else index if start is None else start
    if start is not None:
        yield slice(start, wanted.stop)


def _write_rows(scratch: Path, index: int, rows: MappedRows, cells: list[_Cells]) -> None:
    path = _find_path(scratch, index)
    totals = [total.ravel() for _, total, _ in cells]
    counts = [count.ravel() for _, _, count in cells]
    with output_errors(path), NamedTemporaryFile(dir=scratch, prefix=".begun-", delete=False) as file:
        begun = Path(file.name)
        try:
            np.savez(
                file,
                row_off=rows.row_off,
                probability=rows.probability,
                state=rows.state,
                places=np.array([(*place, *total.shape) for place, total, _ in cells], dtype=np.int64).reshape(-1, 5),
                totals=np.concatenate([*totals, np.empty(0, np.float32)]),
                counts=np.concatenate([*counts, np.empty(0)]),
            )
            file.close()
            begun.replace(path)
        finally:
            begun.unlink(missing_ok=True)


def _read_rows(scratch: Path, index: int) -> tuple[MappedRows, list[_Cells]] | None:
    """The rows that were kept; ``None`` where they are missing or were cut short, as by a full disk."""
    try:
        with np.load(_find_path(scratch, index)) as kept:
            rows = MappedRows(row_off=int(kept["row_off"]), probability=kept["probability"], state=kept["state"])
            places, totals, counts = kept["places"], kept["totals"], kept["counts"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    cells, start = [], 0
    for layer, row, col, height, width in places.tolist():
        taken = slice(start, start + height * width)
        cells.append(((layer, row, col), totals[taken].reshape(height, width), counts[taken].reshape(height, width)))
        start += height * width
    return rows, cells
