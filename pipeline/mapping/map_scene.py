"""Map a scene: from a Sentinel-2 product to a land/water raster and its coastline.

This is the way through the house, top to bottom: open, plan, predict, trace, write, record, publish.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.atomic import open_workspace
from pipeline.clock import Span
from pipeline.mapping.heap import limit_heap, trim_heap
from pipeline.mapping.options import MapOptions
from pipeline.mapping.panels import PanelJoiner, PanelMap, list_panels
from pipeline.mapping.plan_scene import SceneJob, plan_scene, prepare_prediction
from pipeline.output.rasters import MapWriter
from pipeline.output.texture import Texture
from pipeline.predict.islets import hide_islets
from pipeline.predict.quicklook import TEXTURE, Quicklook
from pipeline.predict.rows import MappedRows, predict_rows
from pipeline.publish.outlet import Outlet, open_outlet
from pipeline.record.version import publish_work
from pipeline.shore.locate_shore import LocatedRows
from pipeline.trace.contour import ContourTracer
from tiles.errors import NoValidPixelsError, RasterReadError
from tiles.grid import Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.products.open import StackOptions
from tiles.progress import Progress, ignore_progress
from tiles.scene import Scene

__all__ = ["MapOptions", "MapResult", "Progress", "RowSource", "map_scene"]

RowSource = Callable[[SceneJob], Iterator[MappedRows]]
"""Gives the rows of a scene's map, or of a panel of it, from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapResult:
    """What came of mapping a scene.

    Attributes:
        folder: Where the outputs are; for a store, where they were made, which is cleared by now.
        scene: What was mapped.
        already_made: The folder held this very result, and nothing was done.
        valid_percent: Pixels that show the ground, of all in the map, 0 to 100.
        obscured_percent: Pixels that cloud hides, likewise.
        nodata_percent: Pixels without data, or outside the area, likewise.
        notes: What the user should be told, a sentence each.
        stages_s: Seconds by stage, added up over threads; empty where nothing was done.
        spans: When each stage ran, and in which thread; the same.
        address: URL of the result, in a store; empty: it is in the folder.
    """

    folder: Path
    scene: Scene = field(repr=False)
    already_made: bool
    valid_percent: float
    obscured_percent: float
    nodata_percent: float
    notes: tuple[str, ...]
    stages_s: dict[str, float] = field(repr=False)
    spans: tuple[Span, ...] = field(default=(), repr=False)
    address: str = ""

    @property
    def where(self) -> str:
        """Where the outputs stand: a folder, or a URL."""
        return self.address or str(self.folder)


def map_scene(
    source: str | Path,
    out: str | Path | Outlet,
    *,
    options: MapOptions | None = None,
    stack: StackOptions | None = None,
    progress: Progress | None = None,
    row_source: RowSource | None = None,
) -> MapResult:
    """Map one scene into ``out/<scene id>/``.

    Args:
        source: An L2A ``.SAFE`` folder or zip, a STAC item, a raster of bands, or a folder of band files.
        out: Folder for results, made where it is not there; or the URL of a store (``s3://bucket/maps``), to which the
            result goes when it is whole.
        options: Choices; the defaults suit most scenes.
        stack: What metadata does not say, for stacks.
        progress: Told how far the work is.
        row_source: Gives the rows of the map instead of running the network here: ``pipeline.batch.strips``.

    Returns:
        Where the outputs are, and what to tell the user.

    Raises:
        StrandlineError: Whatever is wrong with the scene, the choices or the disk, in one line; nothing is left.
    """
    limit_heap()
    place = out if isinstance(out, Outlet) else open_outlet(out)
    options, progress, avoid = options or MapOptions(), progress or ignore_progress, dict[str, str]()
    while True:
        job = plan_scene(source, place.folder, options=options, stack=stack, progress=progress, avoid=avoid)
        name = job.scene.id
        already_made = place.is_there(name, job.basis, overwrite=options.overwrite)
        if already_made or place.is_made(name, job.basis):
            break
        try:
            with open_workspace(place.folder, name) as workspace:
                _make_outputs(job, workspace.folder, row_source or predict_scene)
                publish_work(workspace)
            break
        except RasterReadError as error:
            if job.scene.host is None:
                raise
            # From the beginning, from the next host; where none is left, that says so.
            avoid[job.scene.host] = str(error)
    if not already_made:
        place.deliver(name)
    properties = place.read_item(name)["properties"]
    shares = properties["strandline:statistics"]
    return MapResult(
        folder=job.folder,
        scene=job.scene,
        already_made=already_made,
        valid_percent=shares["valid_percent"],
        obscured_percent=shares["obscured_percent"],
        nodata_percent=shares["nodata_percent"],
        notes=tuple(properties["strandline:notes"]),
        stages_s={} if already_made else job.clock.seconds,
        spans=() if already_made else job.clock.spans,
        address="" if place.store is None else place.name_address(name),
    )


def predict_scene(job: SceneJob) -> Iterator[MappedRows]:
    """The rows of a scene's map, from top to bottom, as the network gives them: the ``RowSource`` of one process."""
    return predict_rows(prepare_prediction(job))


def _make_outputs(job: SceneJob, folder: Path, row_source: RowSource) -> None:
    """Read, predict and trace the scene strip by strip, panel by panel, then write what needs the whole of it."""
    beside = _ImportBeside(job)
    quicklook, texture = Quicklook(job.grid, layers=_LAYERS), Texture(job.grid)
    tracer, panels = ContourTracer(width=job.grid.width, height=job.grid.height), list_panels(job)
    tags = {"SCENE": job.scene.id, "MODEL": job.model_name}
    with MapWriter(folder, grid=job.grid, threshold=job.options.threshold, tags=tags) as maps:
        counts = _Counts()
        with PanelJoiner(folder, panels) as joiner:

            def take(number: int, part: PanelMap, rows: MappedRows) -> float:
                own = part.keep_own(rows)
                with job.clock.stage("write rasters"):
                    maps.write_rows(own.row_off, own.probability, own.state, col_off=part.own.start)
                for located in _locate(job, part, rows):
                    counts.errors += located.sum_errors()
                    with job.clock.stage("write rasters"):
                        maps.write_share(
                            located.row_off, located.share, located.error, located.state, col_off=part.own.start
                        )
                    with job.clock.stage("trace"):
                        whole = joiner.join(number, located)
                        if whole is not None:
                            tracer.add_strip(whole.share, whole.state, whole.error)
                _add_map_to_quicklook(quicklook, texture, own, part.own.start)
                counts.add(own)
                return (number + (own.row_off + len(own.state)) / job.grid.height) / len(panels)

            for number, panel in enumerate(panels):
                part = PanelMap(panel)
                for rows in _hide_islets(job, part, row_source(panel)):
                    done = take(number, part, rows)
                    del rows  # while the next are waited for
                    trim_heap()
                    job.progress("mapping", done)
                    beside.follow(done)
        _require_pixels(job, counts.states)
        job.progress("writing", 0.0)
        from pipeline.mapping.write_results import write_record, write_results  # noqa: PLC0415 (see _ImportBeside)

        job.runtime.release_memory()
        trim_heap()
        vectors = write_results(job, folder, maps, tracer, quicklook, texture)
    write_record(job, folder, counts.states, vectors, counts.islets, share_error=counts.share_error)
    job.progress("writing", 1.0)


class _Counts:
    """What is counted over the rows of a map.

    Attributes:
        states: Pixels in each state of ``tiles.masks``.
        islets: How many were hidden as ``clouds`` and as ``vessels``.
        errors: As ``LocatedRows.sum_errors`` has them.
    """

    def __init__(self) -> None:
        self.states: NDArray[np.int64] = np.zeros(3, dtype=np.int64)
        self.islets = Counter[str]()
        self.errors: NDArray[np.float64] = np.zeros(2)

    def add(self, rows: MappedRows) -> None:
        """Count what is in some rows."""
        self.states += [np.count_nonzero(rows.state == state) for state in (VALID, NODATA, OBSCURED)]
        self.islets.update(clouds=rows.clouds, vessels=rows.vessels)

    @property
    def share_error(self) -> float | None:
        """The mean error of the share in pixels that hold water and land; ``None``: there are none."""
        return round(float(self.errors[1] / self.errors[0]), 4) if self.errors[0] else None


class _ImportBeside:
    """Begins to import what the end of a map needs, while its pixels are decoded and the network runs.

    With a scene that is soon mapped at once; with another near its end, when less is decoded ahead: these libraries
    take 120 MiB.

    Args:
        job: What is mapped.
    """

    def __init__(self, job: SceneJob) -> None:
        self._begun = False
        if job.grid.width * job.grid.height <= _SOON_MAPPED_PX:
            self.follow(1.0)

    def follow(self, done: float) -> None:
        """Begin, if the work is so far."""
        if self._begun or done < _NEAR_END:
            return
        self._begun = True
        pool = ThreadPoolExecutor(1, thread_name_prefix="import")
        pool.submit(import_module, "pipeline.mapping.write_results")
        pool.shutdown(wait=False)


def _hide_islets(job: SceneJob, part: PanelMap, rows: Iterator[MappedRows]) -> Iterator[MappedRows]:
    return rows if job.options.doubtful == "keep" else hide_islets(rows, part.islets, clock=job.clock)


def _locate(job: SceneJob, panel: PanelMap, rows: MappedRows) -> Iterator[LocatedRows]:
    """The rows whose shore can be located now that these are there, a few at a time."""
    parts = panel.locate(rows)
    while True:
        with job.clock.stage("locate shore"):
            part = next(parts, None)
        if part is None:
            return
        yield part


_SOON_MAPPED_PX, _NEAR_END = 30_000_000, 0.9

_LAYERS = 5
_PROBABILITY_LAYER, _OBSCURED_LAYER = 3, 4
_BLOCK_ROWS = 64


def _add_map_to_quicklook(quicklook: Quicklook, texture: Texture, rows: MappedRows, col_off: int) -> None:
    height, width = rows.state.shape
    window = Window(col_off, rows.row_off, width, height)
    for cells in rows.cells:
        if cells.layer == TEXTURE:
            texture.add(cells.row, cells.col, cells.total, cells.count > 0)
        else:
            quicklook.add_cells(cells)
    quicklook.add(window, rows.probability, layer=_PROBABILITY_LAYER)
    for first in range(0, height, _BLOCK_ROWS):  # in memory that is used again: to find new costs more than to add up
        state = rows.state[first : first + _BLOCK_ROWS]
        hidden = np.where(state == NODATA, np.float32(np.nan), state == OBSCURED)
        part = Window(col_off, rows.row_off + first, width, len(state))
        quicklook.add(part, hidden, layer=_OBSCURED_LAYER)


def _require_pixels(job: SceneJob, state_counts: NDArray[np.int64]) -> None:
    """An empty scene is an answer, but not a map."""
    if state_counts[VALID] == state_counts[OBSCURED] == 0:
        where = "in the area of interest" if job.options.aoi else "in the scene"
        raise NoValidPixelsError(f"{job.scene.id} has no valid pixels {where}: all {state_counts[NODATA]} are nodata.")
