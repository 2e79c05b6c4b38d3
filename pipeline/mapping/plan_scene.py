"""Decide all about the map of a scene before the first band is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from models.card import ModelCard
from models.runtimes.predictor import Predictor
from models.runtimes.registry import resolve_card
from models.runtimes.resolve import resolve_predictor
from models.runtimes.rounding import name_rounding
from pipeline.checksums import REMOTE, Basis, compute_basis, compute_checksums, compute_sha256
from pipeline.clock import StageClock
from pipeline.mapping.options import MapOptions
from pipeline.mapping.tide import Tide, resolve_tide
from pipeline.output.texture import TEXTURE_BANDS
from pipeline.predict.area import Area, resolve_area
from pipeline.predict.blending import compute_overlap
from pipeline.predict.inputs import describe_absence, resolve_inputs
from pipeline.predict.looks import LookChannels
from pipeline.predict.quicklook import Visible, resolve_factor
from pipeline.predict.rows import Prediction, count_workers
from pipeline.predict.tile_size import DEFAULT_TILE_SIZE, resolve_tile_size
from pipeline.record.result import is_result_there
from tiles.grid import Grid
from tiles.panels import Panel
from tiles.pixels.cloud_buffer import CloudBuffer
from tiles.pixels.reader import ReadPlan
from tiles.products.cloud_mask import open_cloud_mask
from tiles.products.open import StackOptions, open_scene
from tiles.progress import Progress, ignore_progress
from tiles.scene import BandSource, Scene

__all__ = ["SceneJob", "list_parameters", "plan_scene", "prepare_prediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneJob:
    """All that was decided before the first pixel is read.

    Attributes:
        scene: What is mapped.
        bands: Those that the model reads, in its order.
        options: Choices.
        card: What the model says about itself.
        runtime: The model, ready to predict.
        area: The part of the scene that is mapped.
        folder: Where the outputs go.
        basis: All that decides the result.
        tide: How high it stood, where a source is given.
        inputs: Checksums of the scene's files by path.
        clock: Takes the time of each stage.
        progress: Told how far the work is.
        panel: The columns that are mapped, of a scene that is cut into panels; ``None``: all.
    """

    scene: Scene
    bands: tuple[BandSource, ...]
    options: MapOptions
    card: ModelCard
    runtime: Predictor
    area: Area
    folder: Path
    basis: Basis
    tide: Tide
    inputs: dict[str, str]
    clock: StageClock
    progress: Progress
    panel: Panel | None = None

    @property
    def grid(self) -> Grid:
        """Grid of the outputs: the scene's own, cut to the area."""
        return self.scene.grid.crop(self.area.window)

    @property
    def workers(self) -> int:
        """How many tiles are mapped at once."""
        return count_workers(self.runtime, threads=self.options.threads)

    @property
    def tile_size(self) -> int:
        """Interior of a tile in pixels."""
        return resolve_tile_size(
            self.options.tile_size, runtime=self.runtime, window=self.area.window, workers=self.workers
        )

    @property
    def model_name(self) -> str:
        """Name and version of the model."""
        return f"{self.card.name} {self.card.version}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told."""
        notes = [*self.scene.notes, *self.scene.radiometry.doubts, *describe_absence(self.scene, self.card)]
        notes += self.area.notes
        if self.scene.classification is None and self.options.cloud_classes:
            notes.append("The scene has no scene classification: clouds are not masked.")
        if self.tide.note is not None:
            notes.append(self.tide.note)
        if self.scene.acquired is None:
            notes.append(
                "When the scene was sensed is not known: a comparison counts no days, and a time series leaves its map "
                "out. Say it with --date."
            )
        if self.runtime.reach_px is None:
            notes.append(
                f"{self.card.name} sees the whole of a tile, so its tiles were blended: the map depends on --tile-size."
            )
        return tuple(notes)

    def is_done(self) -> bool:
        """Whether the folder holds this very result.

        Raises:
            StaleResultError: It holds another, which was not to be replaced.
        """
        return is_result_there(self.folder, self.basis, overwrite=self.options.overwrite)


def plan_scene(
    source: str | Path,
    out: str | Path,
    *,
    options: MapOptions,
    stack: StackOptions | None = None,
    progress: Progress = ignore_progress,
    avoid: Mapping[str, str] | None = None,
) -> SceneJob:
    """Decide everything that can be decided without reading a band, and refuse what cannot work.

    Args:
        source: As ``tiles.products.open.open_scene`` takes it.
        out: Folder for results.
        options: Choices.
        stack: What metadata does not say, for stacks.
        progress: Told how far the work is.
        avoid: Hosts that are not to be asked for a product that several have, and why.

    Raises:
        StrandlineError: Whatever is wrong with the scene or the choices, in one line.
    """
    clock = StageClock()
    if set(options.formats) != {"gpkg"}:
        from pipeline.output.vectors import resolve_formats  # noqa: PLC0415 (what writes them is needed at the end)

        resolve_formats(options.formats)
    with clock.stage("open"):
        scene = open_scene(source, options=stack, avoid=avoid)
        area = resolve_area(options.aoi, scene.grid)
        scene = _take_mask(scene, options.mask, area)
        tide = resolve_tide(options, scene, scene.grid.crop(area.window))
        options.require_possible(scene.grid.crop(area.window))
    card = resolve_card(options.model)
    bands = resolve_inputs(scene, card)
    runtime, inputs = _load_and_hash(scene, bands, options, clock)
    parameters = list_parameters(options, runtime)
    choices = {"model": runtime.sha256, **parameters, **_describe_scene(scene), "tide_m": tide.height_m}
    basis = compute_basis("map", inputs=_select_inputs(inputs, scene), choices=choices)
    return SceneJob(
        scene=scene,
        bands=bands,
        options=options,
        card=card,
        runtime=runtime,
        area=area,
        folder=Path(out) / scene.id,
        basis=basis,
        tide=tide,
        inputs=inputs,
        clock=clock,
        progress=progress,
    )


def _load_and_hash(
    scene: Scene, bands: tuple[BandSource, ...], options: MapOptions, clock: StageClock
) -> tuple[Predictor, dict[str, str]]:
    """The model, and the checksums of the scene's files, which are hashed while it is loaded."""

    def hash_files() -> dict[str, str]:
        with clock.stage("checksums"):
            return compute_checksums(scene.files)

    with ThreadPoolExecutor(1, thread_name_prefix="checksums") as pool:
        hashing = pool.submit(hash_files)
        with clock.stage("load model"):
            runtime = resolve_predictor(
                options.model,
                inputs=[band.name for band in bands],
                device=options.device,
                precision=options.precision,
                framework=options.runtime,
            )
        return runtime, hashing.result()


def _take_mask(scene: Scene, mask: str | None, area: Area) -> Scene:
    """The scene with the user's cloud mask in place of its classification, and among its files."""
    if mask is None:
        return scene
    path = mask.replace("{scene}", scene.id)
    found = open_cloud_mask(path, scene.grid, part=scene.grid.crop(area.window))
    notes = scene.notes
    if found.covered < 1:
        percent = math.floor(100 * found.covered)
        notes += (f"The cloud mask covers {percent}% of what is mapped: beyond it nothing is hidden.",)
    return replace(scene, classification=found.source, files=(*scene.files, path), notes=notes)


def _select_inputs(inputs: Mapping[str, str], scene: Scene) -> dict[str, str]:
    """What decides the result: of a product that several hosts have, what they say of it, whichever is read."""
    return {name: checksum for name, checksum in inputs.items() if not scene.hosts or checksum != REMOTE}


def _describe_scene(scene: Scene) -> dict[str, object]:
    """What was decided about a scene that its files alone do not say: the user's word and the pixels' are in it."""
    if scene.hosts:  # all of them have one product, so its map is the same
        return {
            "bands": list(scene.band_names),
            "hosts": list(scene.hosts),
            "grid": [scene.grid.crs.to_wkt(), *scene.grid.transform[:6], *scene.grid.shape],
            "date": None if scene.acquired is None else scene.acquired.isoformat(),
        }
    radiometry = scene.radiometry
    offsets = set(radiometry.offsets.values())
    return {
        "bands": {band.name: [Path(band.path).name, band.index, *band.masks] for band in scene.bands},
        "cloud mask": None if scene.classification is None else Path(scene.classification.path).name,
        "grid": [scene.grid.crs.to_wkt(), *scene.grid.transform[:6], *scene.grid.shape],
        "scale": 1 / radiometry.quantification,
        "scales": {name: 1 / value for name, value in radiometry.quantifications.items()},
        "offset": offsets.pop() if len(offsets) == 1 else dict(radiometry.offsets),
        "nodata": radiometry.nodata,
        "nodata a band": dict(radiometry.markers),
        "nodata rule": radiometry.nodata_rule,
        "fills": list(radiometry.fills),
        "date": None if scene.acquired is None else scene.acquired.isoformat(),
        "simulated": scene.simulated,
    }


def list_parameters(options: MapOptions, runtime: Predictor) -> dict[str, object]:
    """The choices that decide the result, the precision as it was resolved among them."""
    parameters = options.result_parameters() | {"precision": runtime.precision}
    if runtime.precision == "int8":
        parameters["rounding"] = compute_sha256(name_rounding(Path(runtime.source)))
    if runtime.reach_px is None:  # then it also matters how the tiles lie
        tile_size = options.tile_size or DEFAULT_TILE_SIZE
        overlap = compute_overlap(tile_size, runtime.stride)
        parameters["blending"] = {"window": "hann", "tile_size": tile_size, "overlap_px": overlap}
    return parameters


def prepare_prediction(job: SceneJob) -> Prediction:
    """What to run on what.

    Args:
        job: All that was decided.
    """
    names = [band.name for band in job.bands]
    # A scene without the visible bands is drawn in what it has.
    channels = tuple(names.index(name) if name in names else 0 for name in ("B04", "B03", "B02"))
    return Prediction(
        plan=ReadPlan(
            scene=job.scene,
            bands=job.bands,
            obscured_classes=job.options.obscured_classes,
            cloud_buffer=CloudBuffer.measure(job.scene.grid, job.options.cloud_buffer_m),
            threads=job.options.threads,
            decoder=job.options.decoder,
        ),
        runtime=job.runtime,
        area=job.area,
        tile_size=job.tile_size,
        clock=job.clock,
        visible=Visible(
            channels=channels,
            factor=resolve_factor(job.grid),
            texture=tuple(number for number, name in enumerate(names) if name in TEXTURE_BANDS),
            grid=job.grid,
        ),
        look=LookChannels.find(names) if job.options.doubtful == "hide" else None,
        panel=job.panel,
    )
