"""Decode all that mapping reads with rasterio alone: the first half of the limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from models.runtimes.registry import resolve_card
from pipeline.bench.values import DecodingCost
from pipeline.mapping.options import MapOptions
from pipeline.predict.inputs import resolve_inputs
from tiles.cores import count_cores
from tiles.errors import RasterReadError
from tiles.pixels.reader import LEAST_ROWS_A_READ, ReadPlan
from tiles.products.open import open_scene

__all__ = ["measure_decoding"]


def measure_decoding(source: str, options: MapOptions) -> DecodingCost:
    """Decode every file once, a file a thread, in whole rows of blocks, and keep nothing.

    Args:
        source: The scene.
        options: As for mapping: they decide the bands, and whether the scene classification is read.

    Raises:
        StrandlineError: The scene cannot be opened or read.
    """
    scene = open_scene(source)
    bands = resolve_inputs(scene, resolve_card(options.model))
    plan = ReadPlan(scene=scene, bands=bands, obscured_classes=options.cloud_classes)
    ordered = sorted(plan.sources, key=lambda s: (s.path, s.index))
    files = {path: [source.index for source in sources] for path, sources in groupby(ordered, key=lambda s: s.path)}
    began, cpu_began = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(count_cores()) as pool:
        pixels = sum(pool.map(_decode, files, files.values()))
    return DecodingCost(
        cpu_s=time.process_time() - cpu_began,
        wall_s=time.perf_counter() - began,
        megapixels=pixels / 1e6,
        files=len(files),
    )


def _decode(path: str, indexes: Sequence[int]) -> int:
    """Returns the number of pixels."""
    try:
        with rasterio.open(path) as dataset:
            block = max(shape[0] for shape in dataset.block_shapes)
            step = block * -(-LEAST_ROWS_A_READ // block)
            for row in range(0, dataset.height, step):
                height = min(step, dataset.height - row)
                dataset.read(list(indexes), window=Window(0, row, dataset.width, height))
            return int(dataset.width * dataset.height * len(indexes))
    except RasterioError as error:
        raise RasterReadError(f"Cannot decode {path}: {error.__cause__ or error}. Fetch it again.") from error
