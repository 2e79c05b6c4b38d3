"""Map a scene: from a Sentinel-2 product to a land/water raster and its coastline.

This is the way through the house, top to bottom: open, plan, predict, trace, write, record, publish.
"""

from __future__ import annotations

import ctypes
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from pipeline.atomic import open_workspace
from pipeline.clock import Span
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import SceneJob, list_parameters, plan_scene, prepare_prediction
from pipeline.mapping.preview import Caption, Picture, write_preview
from pipeline.output.rasters import MapWriter
from pipeline.output.texture import TEXTURE_NAME, Texture
from pipeline.output.true_colour import TRUE_COLOUR_NAME, write_true_colour
from pipeline.output.vectors import write_vectors
from pipeline.predict.inputs import list_absent
from pipeline.predict.islets import IsletRule, hide_islets
from pipeline.predict.quicklook import TEXTURE, Quicklook
from pipeline.predict.rows import MappedRows, predict_rows
from pipeline.record.item import Provenance, write_item
from pipeline.record.result import ITEM_NAME
from pipeline.shore.locate_shore import LocatedRows, ShoreLocator
from pipeline.trace.coastline import CoastlineLayers, CoastlineOptions, SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.ocean import SEA_IS_GUESSED
from tiles.errors import NoValidPixelsError
from tiles.grid import Grid, Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixel_size import compute_pixel_m
from tiles.products.open import StackOptions
from tiles.progress import Progress, ignore_progress
from tiles.scene import Scene

__all__ = ["MapOptions", "MapResult", "Progress", "RowSource", "map_scene", "trim_heap"]

LEAST_VALID_PERCENT: Final = 10.0
"""A map in which fewer pixels show the ground is said to be all but empty."""

_HIDDEN = (
    f"Under {LEAST_VALID_PERCENT:g}% of the map shows ground, the rest is cloud or without data: its lines are few, "
    "and most end where cloud begins."
)

_DOUBTED = (
    "Islets that look like a cloud or a ship are hidden, as under cloud (strandline:statistics in item.json counts "
    "them): --doubtful keep draws them as land."
)

RowSource = Callable[[SceneJob], Iterator[MappedRows]]
"""Gives the rows of a scene's map, from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapResult:
    """What came of mapping a scene.

    Attributes:
        folder: Where the outputs are.
        scene: What was mapped.
        already_made: The folder held this very result, and nothing was done.
        valid_percent: Pixels that show the ground, of all in the map, 0 to 100.
        obscured_percent: Pixels that cloud hides, likewise.
        nodata_percent: Pixels without data, or outside the area, likewise.
        notes: What the user should be told, a sentence each.
        stages_s: Seconds by stage, added up over threads; empty where nothing was done.
        spans: When each stage ran, and in which thread; the same.
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


def map_scene(
    source: str | Path,
    out: str | Path,
    *,
    options: MapOptions | None = None,
    stack: StackOptions | None = None,
    progress: Progress | None = None,
    row_source: RowSource | None = None,
) -> MapResult:
    """Map one scene into ``out/<scene id>/``.

    Args:
        source: An L2A ``.SAFE`` folder or zip, a STAC item, a raster of bands, or a folder of band files.
        out: Folder for results; made where it is not there.
        options: Choices; the defaults suit most scenes.
        stack: What metadata does not say, for stacks.
        progress: Told how far the work is.
        row_source: Gives the rows of the map instead of running the network here: ``pipeline.batch.strips``.

    Returns:
        Where the outputs are, and what to tell the user.

    Raises:
        StrandlineError: Whatever is wrong with the scene, the choices or the disk, in one line; nothing is left.
    """
    job = plan_scene(source, out, options=options or MapOptions(), stack=stack, progress=progress or ignore_progress)
    already_made = job.is_done()
    if not already_made:
        with open_workspace(Path(out), job.scene.id) as workspace:
            _make_outputs(job, workspace.folder, row_source or predict_scene)
            workspace.publish()
    properties = json.loads((job.folder / ITEM_NAME).read_text(encoding="utf-8"))["properties"]
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
    )


def predict_scene(job: SceneJob) -> Iterator[MappedRows]:
    """The rows of a scene's map, from top to bottom, as the network gives them: the ``RowSource`` of one process."""
    return predict_rows(prepare_prediction(job))


def _make_outputs(job: SceneJob, folder: Path, row_source: RowSource) -> None:
    """Read, predict and trace the scene strip by strip, then write what needs the whole of it."""
    quicklook, texture = Quicklook(job.grid, layers=_LAYERS), Texture(job.grid)
    locator, tracer = _make_locator(job), ContourTracer(width=job.grid.width, height=job.grid.height)
    tags = {"SCENE": job.scene.id, "MODEL": job.model_name}
    with MapWriter(folder, grid=job.grid, threshold=job.options.threshold, tags=tags) as maps:
        state_counts, islets = np.zeros(3, dtype=np.int64), Counter[str]()
        for rows in _hide_islets(job, row_source(job)):
            with job.clock.stage("write rasters"):
                maps.write_rows(rows.row_off, rows.probability, rows.state)
            for located in _locate(job, locator, rows):
                with job.clock.stage("write rasters"):
                    maps.write_share(located.row_off, located.share, located.error, located.state)
                with job.clock.stage("trace"):
                    tracer.add_strip(located.share, located.state, located.error)
            _add_map_to_quicklook(quicklook, texture, rows)
            state_counts += np.bincount(rows.state.ravel(), minlength=3)
            islets.update(clouds=rows.clouds, vessels=rows.vessels)
            trim_heap()
            job.progress("mapping", (rows.row_off + len(rows.state)) / job.grid.height)
        _require_pixels(job, state_counts)
        job.progress("writing", 0.0)
        texture.write(folder / TEXTURE_NAME)
        layers = _write_results(job, folder, maps, tracer, quicklook)
    with job.clock.stage("record"):
        write_item(folder, _describe_provenance(job, state_counts, layers, islets))
    job.progress("writing", 1.0)


def _hide_islets(job: SceneJob, rows: Iterator[MappedRows]) -> Iterator[MappedRows]:
    if job.options.doubtful == "keep":
        return rows
    width_m, height_m = compute_pixel_m(job.scene.grid)
    rule = IsletRule(threshold=job.options.threshold, width_m=width_m, height_m=height_m, rows=job.grid.height)
    return hide_islets(rows, rule, clock=job.clock)


def _make_locator(job: SceneJob) -> ShoreLocator:
    width_m, height_m = Ground(job.grid).pixel_m
    return ShoreLocator(
        width=job.grid.width,
        height=job.grid.height,
        pixel_m=math.sqrt(width_m * height_m),
        threshold=job.options.threshold,
        probability_rmse=job.card.probability_rmse,
    )


def _locate(job: SceneJob, locator: ShoreLocator, rows: MappedRows) -> Iterator[LocatedRows]:
    """The rows whose shore can be located now that these are there, a few at a time."""
    parts = locator.add_rows(rows.probability, rows.state, rows.infrared)
    while True:
        with job.clock.stage("locate shore"):
            part = next(parts, None)
        if part is None:
            return
        yield part


def _write_results(
    job: SceneJob, folder: Path, maps: MapWriter, tracer: ContourTracer, quicklook: Quicklook
) -> CoastlineLayers:
    """Compress the rasters while the coastline is built; then write it while the picture is drawn."""

    def finish_rasters() -> None:
        with job.clock.stage("finish rasters"):
            maps.finish()

    def write_layers(layers: CoastlineLayers) -> None:
        with job.clock.stage("vectors"):
            frames = {"coastline": layers.coastline, "water": layers.water, "land": layers.land}
            write_vectors(frames, folder, formats=("gpkg", *job.options.formats))

    with ThreadPoolExecutor(2, thread_name_prefix="finish") as pool:
        writes = [pool.submit(finish_rasters)]
        with job.clock.stage("coastline"):
            layers = _build_coastline(job, tracer)
        writes.append(pool.submit(write_layers, layers))
        with job.clock.stage("preview"):
            _draw_pictures(job, folder, quicklook, layers)
        for write in writes:
            write.result()
    return layers


_LAYERS = 5
_PROBABILITY_LAYER, _OBSCURED_LAYER = 3, 4


def _add_map_to_quicklook(quicklook: Quicklook, texture: Texture, rows: MappedRows) -> None:
    height, width = rows.state.shape
    window = Window(0, rows.row_off, width, height)
    for cells in rows.cells:
        if cells.layer == TEXTURE:
            texture.add(cells.row, cells.col, cells.total, cells.count > 0)
        else:
            quicklook.add_cells(cells)
    quicklook.add(window, rows.probability, layer=_PROBABILITY_LAYER)
    hidden = np.where(rows.state == NODATA, np.nan, (rows.state == OBSCURED).astype(np.float32))
    quicklook.add(window, hidden, layer=_OBSCURED_LAYER)


def _require_pixels(job: SceneJob, state_counts: NDArray[np.int64]) -> None:
    """An empty scene is an answer, but not a map."""
    if state_counts[VALID] == state_counts[OBSCURED] == 0:
        where = "in the area of interest" if job.options.aoi else "in the scene"
        raise NoValidPixelsError(f"{job.scene.id} has no valid pixels {where}: all {state_counts[NODATA]} are nodata.")


def _build_coastline(job: SceneJob, tracer: ContourTracer) -> CoastlineLayers:
    context = SceneContext(
        scene=job.scene.id,
        acquired=job.scene.acquired,
        model=job.model_name,
        probability_rmse=1.0,  # the slopes are in units of the share's error
        tide_m=job.tide.height_m,
    )
    options = CoastlineOptions(
        min_area_m2=job.options.min_area_m2,
        min_length_m=job.options.min_length_m,
        simplify_m=job.options.simplify_m,
        ocean=job.options.ocean,
        only=frozenset(job.options.only),
    )
    return build_coastline(tracer.finish(), grid=job.grid, context=context, options=options)


def _draw_pictures(job: SceneJob, folder: Path, quicklook: Quicklook, layers: CoastlineLayers) -> None:
    cells = quicklook.compute()
    height, width = cells.shape[1:]
    grid = Grid(
        crs=job.grid.crs, transform=job.grid.transform @ Affine.scale(quicklook.factor), width=width, height=height
    )
    picture = Picture(
        rgb=cells[:3], probability=cells[_PROBABILITY_LAYER], obscured=cells[_OBSCURED_LAYER] > 0.5, grid=grid
    )
    caption = Caption(
        scene_id=job.scene.id, acquired=job.scene.acquired, model=job.model_name, simulated=job.scene.simulated
    )
    write_preview(folder / "preview.png", picture, layers.coastline, caption)
    write_true_colour(folder / TRUE_COLOUR_NAME, picture.rgb, ~picture.obscured, grid)


def _describe_provenance(
    job: SceneJob, state_counts: NDArray[np.int64], layers: CoastlineLayers, islets: Counter[str]
) -> Provenance:
    shares = [round(float(share), 4) for share in 100 * state_counts / state_counts.sum()]
    notes = job.notes
    notes += (_HIDDEN,) * (shares[VALID] < LEAST_VALID_PERCENT)
    notes += (SEA_IS_GUESSED,) * layers.sea_is_guessed
    notes += (_DOUBTED,) * (islets.total() > 0)
    return Provenance(
        scene=job.scene,
        grid=job.grid,
        inputs=job.inputs,
        card=job.runtime.card,
        absent_bands=list_absent(job.scene, job.card),
        hyperparameters=job.runtime.hyperparameters,
        model_source=job.runtime.source,
        model_sha256=job.runtime.sha256,
        parameters=list_parameters(job.options, job.runtime),
        tide_m=job.tide.height_m,
        basis=job.basis,
        runtime={
            "description": job.runtime.description,
            "tile_size": job.tile_size,
            "decoder": job.options.decoder,
        },
        software=job.runtime.software,
        statistics={
            "valid_percent": shares[VALID],
            "nodata_percent": shares[NODATA],
            "obscured_percent": shares[OBSCURED],
            "hidden_cloud_islets": islets["clouds"],
            "hidden_vessels": islets["vessels"],
        },
        notes=notes,
    )


def trim_heap() -> None:
    """Give freed memory back, where the C library can.

    Blocks of tens of megabytes that many threads take and free leave holes, which glibc keeps: a sixth of the peak of
    a full scene. Elsewhere nothing happens.
    """
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> Callable[[int], int] | None:
    try:
        malloc_trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # no glibc
        return None
    return malloc_trim
