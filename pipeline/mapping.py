"""Map a scene: from a Sentinel-2 product to a land/water raster and its coastline.

This is the way through the house, top to bottom: open, plan, predict, trace, write, record, publish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from models.card import ModelCard
from models.predictor import Predictor
from models.registry import resolve_card
from models.runtimes import resolve_predictor
from pipeline.area import Area, resolve_area
from pipeline.blending import compute_overlap
from pipeline.clock import StageClock
from pipeline.coastline import CoastlineLayers, CoastlineOptions, SceneContext, build_coastline
from pipeline.contour import ContourTracer
from pipeline.errors import StaleResultError
from pipeline.fit import describe_absence, list_absent, resolve_inputs
from pipeline.item import Provenance, compute_checksums, compute_fingerprint, read_fingerprint, write_item
from pipeline.options import MapOptions
from pipeline.predict import MappedRows, Prediction, predict_rows
from pipeline.preview import Caption, Picture, write_preview
from pipeline.quicklook import Quicklook
from pipeline.rasters import MapWriter
from pipeline.vectors import resolve_formats, write_vectors
from pipeline.workspace import open_workspace
from tiles.errors import NoValidPixelsError
from tiles.grid import Grid, Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.open import StackOptions, open_scene
from tiles.reader import ReadPlan
from tiles.scene import BandSource, Scene

__all__ = ["MapOptions", "MapResult", "Progress", "map_scene"]

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of it that is done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapResult:
    """What came of mapping a scene.

    Attributes:
        folder: Where the outputs are.
        scene: What was mapped.
        already_mapped: The folder held this very result, and nothing was done.
        notes: What the user should be told, a sentence each.
        stages_s: Seconds of wall time by stage; empty where nothing was done.
    """

    folder: Path
    scene: Scene
    already_mapped: bool
    notes: tuple[str, ...]
    stages_s: dict[str, float]


def map_scene(
    source: str | Path,
    out: str | Path,
    *,
    options: MapOptions | None = None,
    stack: StackOptions | None = None,
    progress: Progress | None = None,
) -> MapResult:
    """Map one scene into ``out/<scene id>/``.

    Args:
        source: An L2A ``.SAFE`` folder or zip, a STAC item, a raster of bands, or a folder of band files.
        out: Folder for results; made where it is not there.
        options: Choices; the defaults suit most scenes.
        stack: What metadata does not say, for stacks.
        progress: Told how far the work is.

    Returns:
        Where the outputs are, and what to tell the user.

    Raises:
        StrandlineError: Whatever is wrong with the scene, the choices or the disk, in one line; nothing is left.
    """
    job = _plan(source, out, options or MapOptions(), stack, progress or _say_nothing)
    if read_fingerprint(job.folder) == job.fingerprint:
        return MapResult(folder=job.folder, scene=job.scene, already_mapped=True, notes=job.notes, stages_s={})
    if (job.folder / "item.json").exists() and not job.options.overwrite:
        raise StaleResultError(
            f"{job.folder} was mapped from other inputs or with other choices: pass --overwrite to replace it, or "
            "choose another --out."
        )
    with open_workspace(Path(out), job.scene.id) as work:
        _make_outputs(job, work.folder)
        work.publish()
    return MapResult(
        folder=job.folder, scene=job.scene, already_mapped=False, notes=job.notes, stages_s=dict(job.clock.seconds)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """All that was decided before the first pixel is read."""

    scene: Scene
    bands: tuple[BandSource, ...]
    options: MapOptions
    card: ModelCard
    runtime: Predictor
    area: Area
    folder: Path
    fingerprint: str
    inputs: dict[str, str]
    clock: StageClock
    progress: Progress

    @property
    def grid(self) -> Grid:
        """Grid of the outputs: the scene's own, cut to the area."""
        return self.scene.grid.crop(self.area.window)

    @property
    def model_name(self) -> str:
        """Name and version of the model."""
        return f"{self.card.name} {self.card.version}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told."""
        notes = [*self.scene.notes, *self.scene.radiometry.doubts, *describe_absence(self.scene, self.card)]
        if self.scene.classification is None and self.options.cloud_classes:
            notes.append("The scene has no scene classification: clouds are not masked.")
        if self.runtime.reach_px is None:
            notes.append(
                f"{self.card.name} sees the whole of a tile, so its tiles were blended: the map depends on --tile-size."
            )
        return tuple(notes)


def _plan(
    source: str | Path, out: str | Path, options: MapOptions, stack: StackOptions | None, progress: Progress
) -> _Job:
    """Decide everything that can be decided without reading a band, and refuse what cannot work."""
    clock = StageClock()
    resolve_formats(options.formats)
    with clock.stage("open"):
        scene = open_scene(source, options=stack)
        area = resolve_area(options.aoi, scene.grid)
    with clock.stage("load model"):
        card = resolve_card(options.model)
        bands = resolve_inputs(scene, card)
        runtime = resolve_predictor(
            options.model,
            inputs=[band.name for band in bands],
            device=options.device,
            precision=options.precision,
        )
    with clock.stage("checksums"):
        inputs = compute_checksums(scene.files)
        fingerprint = compute_fingerprint(
            inputs=inputs,
            model_sha256=runtime.sha256,
            parameters=_list_parameters(options, runtime),
        )
    return _Job(
        scene=scene,
        bands=bands,
        options=options,
        card=card,
        runtime=runtime,
        area=area,
        folder=Path(out) / scene.id,
        fingerprint=fingerprint,
        inputs=inputs,
        clock=clock,
        progress=progress,
    )


def _list_parameters(options: MapOptions, runtime: Predictor) -> dict[str, object]:
    """The choices that decide the result, the precision as it was resolved among them."""
    parameters = options.result_parameters() | {"precision": runtime.precision}
    if runtime.reach_px is None:  # then it also matters how the tiles lie
        overlap = compute_overlap(options.tile_size, runtime.stride)
        parameters["blending"] = {"window": "hann", "tile_size": options.tile_size, "overlap_px": overlap}
    return parameters


def _make_outputs(job: _Job, folder: Path) -> None:
    """Read, predict and trace the scene strip by strip, then write what needs the whole of it."""
    look = Quicklook(job.grid, layers=_LAYERS)
    tracer = ContourTracer(width=job.grid.width, height=job.grid.height, threshold=job.options.threshold)
    tags = {"SCENE": job.scene.id, "MODEL": job.model_name}
    with MapWriter(folder, grid=job.grid, threshold=job.options.threshold, tags=tags) as maps:
        seen = np.zeros(3, dtype=np.int64)
        for rows in predict_rows(_prepare_prediction(job, look)):
            with job.clock.stage("write rasters"):
                maps.write_rows(rows.row_off, rows.probability, rows.state)
            with job.clock.stage("trace"):
                tracer.add_strip(rows.probability, rows.state)
            _add_map_to_quicklook(look, rows)
            seen += np.bincount(rows.state.ravel(), minlength=3)
            job.progress("mapping", (rows.row_off + len(rows.state)) / job.grid.height)
        _require_pixels(job, seen)
        job.progress("writing", 0.0)
        with job.clock.stage("finish rasters"):
            maps.finish()
    with job.clock.stage("coastline"):
        layers = _build_coastline(job, tracer)
    with job.clock.stage("vectors"):
        frames = {"coastline": layers.coastline, "water": layers.water, "land": layers.land}
        write_vectors(frames, folder, formats=("gpkg", *job.options.formats))
    with job.clock.stage("preview"):
        _draw_preview(job, folder / "preview.png", look, layers)
    with job.clock.stage("record"):
        write_item(folder, _record(job, seen))
    job.progress("writing", 1.0)


_LAYERS = 5
_PROBABILITY_LAYER, _OBSCURED_LAYER = 3, 4


def _prepare_prediction(job: _Job, look: Quicklook) -> Prediction:
    names = [band.name for band in job.bands]
    # A scene without the visible bands is drawn in what it has.
    visible = tuple(names.index(name) if name in names else 0 for name in ("B04", "B03", "B02"))
    return Prediction(
        plan=ReadPlan(scene=job.scene, bands=job.bands, obscured_classes=job.options.cloud_classes),
        runtime=job.runtime,
        area=job.area,
        tile_size=job.options.tile_size,
        clock=job.clock,
        quicklook=(look, visible),
    )


def _add_map_to_quicklook(look: Quicklook, rows: MappedRows) -> None:
    height, width = rows.state.shape
    window = Window(0, rows.row_off, width, height)
    look.add(window, rows.probability, layer=_PROBABILITY_LAYER)
    hidden = np.where(rows.state == NODATA, np.nan, (rows.state == OBSCURED).astype(np.float32))
    look.add(window, hidden, layer=_OBSCURED_LAYER)


def _require_pixels(job: _Job, seen: NDArray[np.int64]) -> None:
    """An empty scene is an answer, but not a map."""
    if seen[VALID] == seen[OBSCURED] == 0:
        where = "in the area of interest" if job.options.aoi else "in the scene"
        raise NoValidPixelsError(f"{job.scene.id} has no valid pixels {where}: all {seen[NODATA]} are nodata.")


def _build_coastline(job: _Job, tracer: ContourTracer) -> CoastlineLayers:
    context = SceneContext(
        scene=job.scene.id,
        acquired=job.scene.acquired,
        model=job.model_name,
        probability_rmse=job.card.probability_rmse,
    )
    options = CoastlineOptions(
        min_area_m2=job.options.min_area_m2, simplify_m=job.options.simplify_m, ocean=job.options.ocean
    )
    return build_coastline(tracer.finish(), grid=job.grid, context=context, options=options)


def _draw_preview(job: _Job, path: Path, look: Quicklook, layers: CoastlineLayers) -> None:
    cells = look.compute()
    height, width = cells.shape[1:]
    grid = Grid(crs=job.grid.crs, transform=job.grid.transform @ Affine.scale(look.factor), width=width, height=height)
    picture = Picture(
        rgb=cells[:3], probability=cells[_PROBABILITY_LAYER], obscured=cells[_OBSCURED_LAYER] > 0.5, grid=grid
    )
    caption = Caption(
        scene_id=job.scene.id, acquired=job.scene.acquired, model=job.model_name, simulated=job.scene.simulated
    )
    write_preview(path, picture, layers.coastline, caption)


def _record(job: _Job, seen: NDArray[np.int64]) -> Provenance:
    shares = 100 * seen / seen.sum()
    return Provenance(
        scene=job.scene,
        grid=job.grid,
        inputs=job.inputs,
        card=job.runtime.card,
        absent_bands=list_absent(job.scene, job.card),
        hyperparameters=job.runtime.hyperparameters,
        model_source=job.runtime.source,
        model_sha256=job.runtime.sha256,
        parameters=_list_parameters(job.options, job.runtime),
        fingerprint=job.fingerprint,
        runtime={"description": job.runtime.description, "tile_size": job.options.tile_size},
        statistics={
            "valid_percent": round(float(shares[VALID]), 4),
            "nodata_percent": round(float(shares[NODATA]), 4),
            "obscured_percent": round(float(shares[OBSCURED]), 4),
        },
        notes=job.notes,
    )


def _say_nothing(_stage: str, _share: float) -> None:
    """The progress of those who did not ask."""
