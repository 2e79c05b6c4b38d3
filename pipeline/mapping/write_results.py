"""What needs the whole of a map: its coastline, the files of it, its pictures, and the record of all.

``map_scene`` imports it while the network runs: the libraries that draw and write take as long to be imported as a
small scene to be mapped.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from affine import Affine

from pipeline.export.finish import FinishedLayers, finish_layers
from pipeline.mapping.heap import trim_heap
from pipeline.mapping.plan_scene import SceneJob, list_parameters
from pipeline.output.fields import LAYERS
from pipeline.output.preview import Caption, Picture, write_preview
from pipeline.output.rasters import MapWriter
from pipeline.output.texture import TEXTURE_NAME, Texture
from pipeline.output.true_colour import TRUE_COLOUR_NAME, compute_stretch, write_true_colour
from pipeline.output.vectors import write_vectors
from pipeline.predict.inputs import list_absent
from pipeline.predict.quicklook import Quicklook
from pipeline.record.item import Provenance, write_item
from pipeline.trace.coastline import CoastlineLayers, CoastlineOptions, SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ocean import SEA_IS_GUESSED
from pipeline.trace.traced import Ints
from tiles.grid import Grid
from tiles.masks import NODATA, OBSCURED, VALID

__all__ = ["write_record", "write_results"]

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


def write_results(
    job: SceneJob, folder: Path, maps: MapWriter, tracer: ContourTracer, quicklook: Quicklook, texture: Texture
) -> tuple[CoastlineLayers, FinishedLayers]:
    """Compress the rasters and draw the ground while the coastline is built; then write it while it is drawn over that.

    Args:
        job: What was mapped.
        folder: Where to.
        maps: Of the rasters, all rows of which are there.
        tracer: Of the contour, likewise.
        quicklook: The scene in coarse cells: red, green, blue, the probability of water, the share under cloud.
        texture: How bright its ground is, in chips.

    Returns:
        The layers of the coastline, and those that were written, in the shape that was asked for.

    Raises:
        OutputError: A file cannot be written.
    """

    def finish_rasters() -> None:
        with job.clock.stage("finish rasters"):
            texture.write(folder / TEXTURE_NAME)
            maps.finish()
        trim_heap()

    def write_layers(layers: CoastlineLayers) -> FinishedLayers:
        with job.clock.stage("vectors"):
            frames = {"coastline": layers.coastline, "water": layers.water, "land": layers.land}
            finished = finish_layers(frames, tuple(LAYERS.values()), job.options)
            formats = ("gpkg", *job.options.formats)
            write_vectors(finished.frames, folder, formats=formats, layers=finished.layers)
            return finished

    def draw_ground() -> Picture:
        with job.clock.stage("true colour"):
            return _draw_ground(job, folder, quicklook)

    with ThreadPoolExecutor(2, thread_name_prefix="finish") as pool:
        rasters, ground = pool.submit(finish_rasters), pool.submit(draw_ground)
        with job.clock.stage("coastline"):
            layers = _build_coastline(job, tracer)
        trim_heap()
        vectors = pool.submit(write_layers, layers)
        with job.clock.stage("preview"):
            caption = Caption(
                name=job.scene.id, acquired=job.scene.acquired, model=job.model_name, simulated=job.scene.simulated
            )
            write_preview(folder / "preview.png", ground.result(), layers.coastline, caption)
        rasters.result()
        return layers, vectors.result()


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


def _draw_ground(job: SceneJob, folder: Path, quicklook: Quicklook) -> Picture:
    """What the preview shows below the coastline; its true colours are a file of their own."""
    *rgb, probability, hidden = quicklook.compute()
    height, width = probability.shape
    grid = Grid(
        crs=job.grid.crs, transform=job.grid.transform @ Affine.scale(quicklook.factor), width=width, height=height
    )
    reflectance, obscured = np.stack(rgb), hidden > 0.5
    ground = compute_stretch(reflectance, ~obscured)
    write_true_colour(folder / TRUE_COLOUR_NAME, ground, np.isfinite(reflectance).all(axis=0), grid)
    return Picture(ground=ground, probability=probability, obscured=obscured, grid=grid)


def write_record(
    job: SceneJob,
    folder: Path,
    state_counts: Ints,
    vectors: tuple[CoastlineLayers, FinishedLayers],
    islets: Counter[str],
    *,
    share_error: float | None,
) -> None:
    """Write the item: the last step, for where it stands all outputs are whole.

    Args:
        job: What was mapped.
        folder: Where the outputs are.
        state_counts: Pixels in each state of ``tiles.masks``.
        vectors: Of the coastline, as ``write_results`` gives them.
        islets: How many were hidden as ``clouds`` and as ``vessels``.
        share_error: What is stated of the error of the share of water along the shores; ``None``: there is none.

    Raises:
        OutputError: It cannot be written.
    """
    with job.clock.stage("record"):
        write_item(folder, _describe_provenance(job, state_counts, vectors, islets, share_error=share_error))


def _describe_provenance(
    job: SceneJob,
    state_counts: Ints,
    vectors: tuple[CoastlineLayers, FinishedLayers],
    islets: Counter[str],
    *,
    share_error: float | None,
) -> Provenance:
    layers, finished = vectors
    shares = [round(float(share), 4) for share in 100 * state_counts / state_counts.sum()]
    notes = job.notes
    notes += (_HIDDEN,) * (shares[VALID] < LEAST_VALID_PERCENT)
    notes += (SEA_IS_GUESSED,) * layers.sea_is_guessed
    notes += (_DOUBTED,) * (islets.total() > 0)
    notes += finished.notes
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
            "share_error": share_error,
            **({"smoothing": dict(finished.facts)} if finished.facts else {}),
        },
        notes=notes,
    )
