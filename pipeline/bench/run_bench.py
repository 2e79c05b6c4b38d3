"""Measure what mapping a scene costs on this machine, and how near that is to what the machine can do at best.

Decoding the files and running the network are work of others' libraries. What both take alone, on all cores and with
nothing else to do, is the limit; mapping does the same and everything else. Each part runs in a process of its own, in
turns, so that a machine that grows slower does so for all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import rasterio

from models.runtimes.registry import resolve_card
from pipeline.bench.picture import write_picture
from pipeline.bench.process import run_decoding, run_mapping, run_network, run_simulation
from pipeline.bench.record import describe_machine, write_record
from pipeline.bench.report import LARGE_MPX, BenchReport, BenchRun
from pipeline.bench.values import AskedTiles, NetworkCost, SceneSize
from pipeline.errors import output_errors
from pipeline.mapping.options import MapOptions
from pipeline.output.classes import LAND, WATER
from pipeline.predict.inputs import resolve_inputs
from tiles.products.open import open_scene
from tiles.progress import Progress, ignore_progress

__all__ = ["count_tiles", "measure_scene", "run_bench"]

_RUNS_OF_SMALL: Final = 3


def run_bench(
    scene: str | None,
    out: Path,
    *,
    options: MapOptions | None = None,
    runs: int | None = None,
    progress: Progress = ignore_progress,
) -> BenchReport:
    """Measure a scene, or a simulated one; write ``bench.json`` and ``bench.png``.

    Args:
        scene: As ``map_scene`` takes it; ``None``: a scene is simulated, measured and removed.
        out: Folder for the two files; made where it is not there.
        options: As for mapping.
        runs: How often everything is measured; ``None``: 3 times, or once for a scene of more than 36 megapixels.
        progress: Told how far the work is.

    Returns:
        What was found.

    Raises:
        StrandlineError: The scene, a choice or the folder will not do.
    """
    options = options or MapOptions()
    card = resolve_card(options.model)
    if scene is not None:
        resolve_inputs(open_scene(scene), card)
    with _open_folder(out) as work:
        if scene is None:
            progress("simulating", 0.0)
            scene = run_simulation(work)
        report = measure_scene(scene, work, options=options, runs=runs, progress=progress)
        write_picture(out / "bench.png", report)
        write_record(out / "bench.json", report)
    return report


def measure_scene(
    scene: str, work: Path, *, options: MapOptions, runs: int | None = None, progress: Progress = ignore_progress
) -> BenchReport:
    """Measure network, decoding and mapping in turns.

    Args:
        scene: The scene.
        work: Existing folder for what the processes write; the maps are removed again.
        options: As for mapping.
        runs: As for ``run_bench``.
        progress: Told how far the work is.

    Raises:
        StrandlineError: Something of the scene or the choices will not do.
    """
    size = _read_size(scene)
    rounds = runs or (1 if size.megapixels > LARGE_MPX else _RUNS_OF_SMALL)
    done: list[BenchRun] = []
    for number in range(rounds):
        progress(f"network, run {number + 1} of {rounds}", number / rounds)
        network = run_network(scene, work, options=options)
        progress(f"decoding, run {number + 1} of {rounds}", (number + 0.2) / rounds)
        decoding = run_decoding(scene, work, options=options)
        progress(f"mapping, run {number + 1} of {rounds}", (number + 0.5) / rounds)
        mapping, folder = run_mapping(scene, work, options=options)
        asked = count_tiles(folder / "water.tif", network)
        shutil.rmtree(folder)
        done.append(BenchRun(network=network, decoding=decoding, mapping=mapping, asked=asked))
    return BenchReport(machine=describe_machine(), scene=size, runs=tuple(done))


def count_tiles(water: Path, network: NetworkCost) -> AskedTiles:
    """Which tiles of a map the network was given: those in which a pixel is valid.

    Args:
        water: ``water.tif`` of the whole scene.
        network: How it was cut.
    """
    counts: Counter[tuple[int, int]] = Counter()
    kept_px = 0
    with rasterio.open(water) as dataset:
        for tile in network.tiles:
            for interior in tile.interiors:
                classes = dataset.read(1, window=interior.to_rasterio())
                if np.isin(classes, (LAND, WATER)).any():
                    counts[tile.height, tile.width] += 1
                    kept_px += classes.size
    return AskedTiles(counts=dict(counts), kept_px=kept_px)


def _read_size(source: str) -> SceneSize:
    scene = open_scene(source)
    return SceneSize(id=scene.id, width=scene.grid.width, height=scene.grid.height, simulated=scene.simulated)


@contextmanager
def _open_folder(out: Path) -> Iterator[Path]:
    """Make the folder and, in it, one for the work, which is removed; so is what nothing came of."""
    missing = [path for path in (out, *out.parents) if not path.exists()]
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=".begun-", dir=out)
    try:
        with work:
            yield Path(work.name)
    finally:
        for path in missing:
            if not any(path.iterdir()):
                path.rmdir()
