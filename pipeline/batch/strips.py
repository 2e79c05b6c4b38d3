"""Map one scene on several workers: each computes some rows of tiles, then one joins them.

A row of tiles is kept as a file in a hidden folder beside the result, whole or not there. Tiles are seam-free by
construction, so the joined map is, to the byte, the one that a single worker makes. What is missing where the rows are
joined is computed there.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from pipeline.errors import output_errors
from pipeline.mapping.heap import limit_heap
from pipeline.mapping.panels import list_panels
from pipeline.mapping.plan_scene import SceneJob, prepare_prediction
from pipeline.predict.quicklook import Cells
from pipeline.predict.rows import MappedRows, predict_rows
from tiles.tiling import TileRow

__all__ = ["compute_part", "find_scratch", "join_rows", "remove_scratch"]


def find_scratch(job: SceneJob) -> Path:
    """Where the rows of a scene are kept meanwhile; those of other choices lie elsewhere.

    Args:
        job: What is mapped.
    """
    # Nor are rows of one host's copy joined with those of another's.
    turn = job.scene.hosts.index(job.scene.host) if job.scene.host is not None else 0
    return _find_root(job.folder) / f"{job.basis.fingerprint[:16]}{f'-{turn}' if turn else ''}"


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
    limit_heap()
    prediction = prepare_prediction(job)
    if prediction.overlap is not None or job.is_done():
        return 0
    panels, rows = list_panels(job), list(prediction.tiling.rows())
    count = len(rows) * len(panels)
    scratch, computed = find_scratch(job), 0
    with output_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    first, last = part * count // parts, (part + 1) * count // parts
    for number, panel in enumerate(panels):
        wanted = range(max(0, first - number * len(rows)), min(len(rows), last - number * len(rows)))
        paths = [_find_path(scratch, row, panel) for row in rows]
        prediction = prepare_prediction(panel)
        for missing in _find_missing(paths, wanted):
            for path, mapped in zip(paths[missing], predict_rows(prediction, part=missing), strict=True):
                _write_rows(path, mapped)
                computed += 1
    return computed


def join_rows(job: SceneJob) -> Iterator[MappedRows]:
    """Give the rows of a scene's map from the files that are there, and compute the others.

    Args:
        job: What is mapped: a scene, or a panel of it.

    Yields:
        As ``pipeline.predict.rows.predict_rows``.

    Raises:
        RasterReadError: A file of the scene cannot be decoded.
    """
    prediction = prepare_prediction(job)
    if prediction.overlap is not None:
        yield from predict_rows(prediction)
        return
    scratch = find_scratch(job)
    for index, row in enumerate(prediction.tiling.rows()):
        rows = _read_rows(_find_path(scratch, row, job))
        if rows is None:
            yield from predict_rows(prediction, part=slice(index, index + 1))
        else:
            yield rows


def _find_root(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.strips")


def _find_path(scratch: Path, row: TileRow, job: SceneJob) -> Path:
    """By its rows and tiles, not by its number: another machine, or another version, may cut the scene otherwise."""
    columns = "" if job.panel is None else f"-{job.panel.own.start}-{job.panel.own.stop}"
    return scratch / f"{row.interior.row_off:05d}-{row.interior.row_stop:05d}{columns}-{job.tile_size}.npz"


def _find_missing(paths: Sequence[Path], wanted: range) -> Iterator[slice]:
    """The rows that are not there yet, those that follow each other together."""
    start = None
    for index in wanted:
        there = paths[index].exists()
        if there and start is not None:
            yield slice(start, index)
        start = None if there else index if start is None else start
    if start is not None:
        yield slice(start, wanted.stop)


def _write_rows(path: Path, rows: MappedRows) -> None:
    places = [(cells.layer, cells.row, cells.col, *cells.total.shape) for cells in rows.cells]
    totals = [cells.total.ravel() for cells in rows.cells]
    counts = [cells.count.ravel() for cells in rows.cells]
    with output_errors(path), NamedTemporaryFile(dir=path.parent, prefix=".begun-", delete=False) as file:
        begun = Path(file.name)
        try:
            np.savez(
                file,
                row_off=rows.row_off,
                probability=rows.probability,
                state=rows.state,
                look=np.empty((0, 0), np.uint8) if rows.look is None else rows.look,
                infrared=np.empty(0, np.int16) if rows.infrared is None else rows.infrared,
                places=np.array(places, dtype=np.int64).reshape(-1, 5),
                totals=np.concatenate([*totals, np.empty(0, np.float32)]),
                counts=np.concatenate([*counts, np.empty(0, np.int32)]),
            )
            file.close()
            begun.replace(path)
        finally:
            begun.unlink(missing_ok=True)


def _read_rows(path: Path) -> MappedRows | None:
    """The rows that were kept; ``None`` where they are missing or were cut short, as by a full disk."""
    try:
        with np.load(path) as kept:
            arrays = {name: kept[name] for name in kept.files}
            places, totals, counts = arrays["places"], arrays["totals"], arrays["counts"]
            row_off, probability, state = int(arrays["row_off"]), arrays["probability"], arrays["state"]
            look = arrays["look"] if arrays["look"].size else None
            infrared = arrays["infrared"] if arrays["infrared"].size else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    cells, start = [], 0
    for layer, row, col, height, width in places.tolist():
        taken = slice(start, start + height * width)
        total, count = (values[taken].reshape(height, width) for values in (totals, counts))
        cells.append(Cells(layer=layer, row=row, col=col, total=total, count=count))
        start += height * width
    return MappedRows(
        row_off=row_off, probability=probability, state=state, look=look, infrared=infrared, cells=tuple(cells)
    )
