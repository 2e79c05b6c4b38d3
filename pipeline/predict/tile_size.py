"""Choose the size of tiles: as large as memory allows, for a halo costs less on a large tile, and enough for all cores.

A tile with an interior of 512 and a reach of 107 pixels makes the network look at twice the pixels that are kept; one
of 640 columns and 512 rows at 1.9 times as many, one of 1024 and 512 at 1.7, for half as much memory again. The decoder
computes the interior alone (``models.networks.unet``), which the model of the cost knows; by the clock the narrower one
takes up to 5% longer (docs/performance.md). A processor with AMX multiplies so fast that what a tile reads beyond its
interior costs it little: there, tiles have 768 columns at the most. Tiles of a row are as wide as each other
(``tiles.tiling``), so that the last one, for which others wait, is none too small, and the network knows one shape. A
GPU maps one tile at a time, a square as large as its own memory allows; that choice was never measured on one. The
result does not depend on the size, but where tiles are blended.
"""

from __future__ import annotations

import os
from functools import cache
from itertools import product
from pathlib import Path

from models.runtimes.predictor import Predictor
from tiles.grid import Window

__all__ = ["DEFAULT_TILE_SIZE", "MOST_ROWS", "estimate_bytes", "estimate_gpu_bytes", "resolve_tile_size"]

DEFAULT_TILE_SIZE = 512
"""Interior in pixels where nothing is known of the machine, and for tiles that are blended."""

MOST_ROWS = 512
"""Rows of a tile's interior on the processor: half a row of the files' blocks."""

_SIZES = (256, 384, 512, 640, 768, 1024)
_LARGEST_WITH_AMX = 768
_GPU_SIZES = (*_SIZES, 1536, 2048)
_BYTES_A_WORKER = 112 * 2**20
"""A full tile by the bundled network then takes 1.2 GiB (docs/performance.md); a wider one is granted tiles of 512."""

_SHARE_OF_MEMORY = 8
_SHARE_OF_GPU_MEMORY, _GPU_MAPS, _GPU_INPUTS = 2, 8, 3
"""A tile may take a half of what is free; of feature maps it is granted four times what the processor needs, for what
cuDNN wants beside them, and each channel is there as DN, as reflectance and normalised."""

_ENCODER_SHARE, _DECODER_EDGE_PX = 0.39, 8
"""Multiplications of a U-Net before the bottom's end; what its decoder computes beyond the interior on each side."""


def resolve_tile_size(choice: int | None, *, runtime: Predictor, window: Window, workers: int) -> int:
    """Decide on the interior of a tile in pixels.

    Args:
        choice: What the user asked for, if anything.
        runtime: The network.
        window: What is mapped.
        workers: Tiles at once.
    """
    if choice is not None:
        return choice
    if runtime.reach_px is None:
        return DEFAULT_TILE_SIZE
    free, most_rows = _find_gpu_memory(runtime), 0
    if free is not None:
        budget = free // _SHARE_OF_GPU_MEMORY
        fitting = [size for size in _GPU_SIZES if estimate_gpu_bytes(runtime, size=size) <= budget]
    else:
        granted = estimate_bytes(runtime, rows=DEFAULT_TILE_SIZE, cols=DEFAULT_TILE_SIZE)
        enough = max(_BYTES_A_WORKER, granted)
        budget, most_rows = min(enough, _find_memory() // _SHARE_OF_MEMORY // workers), MOST_ROWS
        largest = _LARGEST_WITH_AMX if runtime.precision == "bf16" and _has_amx() else _SIZES[-1]
        fitting = [
            size
            for size in _SIZES
            if size <= largest
            and estimate_bytes(runtime, rows=min(size, MOST_ROWS), cols=_make_even(window.width, size)) <= budget
        ]
    reach = runtime.reach_px
    return min(
        fitting or _SIZES[:1],
        key=lambda size: _estimate_cost(window, size=size, most_rows=most_rows, reach=reach, workers=workers),
    )


def estimate_bytes(runtime: Predictor, *, rows: int, cols: int) -> int:
    """Memory of one tile in work: its reflectance, and two feature maps of full resolution, as OpenVINO plans them.

    Args:
        runtime: The network.
        rows: Of the interior.
        cols: Likewise.
    """
    itemsize = 2 if runtime.precision == "bf16" else 4
    return _count_pixels(runtime, rows, cols) * (4 * len(runtime.card.inputs) + 2 * _find_width(runtime) * itemsize)


def estimate_gpu_bytes(runtime: Predictor, *, size: int) -> int:
    """Memory of one tile on a GPU.

    Args:
        runtime: The network.
        size: Interior in pixels.
    """
    itemsize = 2 if runtime.precision == "bf16" else 4
    inputs = _GPU_INPUTS * 4 * len(runtime.card.inputs)
    return _count_pixels(runtime, size, size) * (inputs + _GPU_MAPS * _find_width(runtime) * itemsize)


def _count_pixels(runtime: Predictor, rows: int, cols: int) -> int:
    """That a tile reads."""
    around = 2 * (runtime.reach_px or 0) + runtime.stride
    return (rows + around) * (cols + around)


def _find_width(runtime: Predictor) -> int:
    """Feature maps of full resolution."""
    width = runtime.hyperparameters.get("width")
    return width if isinstance(width, int) else 64  # networks of other kinds are wider


def _estimate_cost(window: Window, *, size: int, most_rows: int, reach: int, workers: int) -> float:
    """Wall time, in that of a pixel: the tiles' sum over the workers, and the last one, for which the others wait."""
    heights, cols = _cut(window.height, min(size, most_rows or size)), _make_even(window.width, size)
    widths = [cols] * -(-window.width // cols)
    costs = [
        _ENCODER_SHARE * (height + 2 * reach) * (width + 2 * reach)
        + (1 - _ENCODER_SHARE) * (height + 2 * _DECODER_EDGE_PX) * (width + 2 * _DECODER_EDGE_PX)
        for height, width in product(heights, widths)
    ]
    return sum(costs) / workers + max(costs) * (workers - 1) / workers


def _make_even(width: int, size: int) -> int:
    """Columns of tiles that are as wide as each other, about as ``Tiling.is_even`` has it."""
    return -(-width // -(-width // size))


def _cut(length: int, size: int) -> list[int]:
    whole, rest = divmod(length, size)
    return [size] * whole + ([rest] if rest else [])


@cache
def _has_amx() -> bool:
    """Whether the processor multiplies matrices of bfloat16 at once; False where it does not say."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def _find_memory() -> int:
    """Bytes of this machine's memory; plenty where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 2**40


def _find_gpu_memory(runtime: Predictor) -> int | None:
    """Bytes that are free on the GPU that the network runs on; ``None``: it runs on none that torch can ask."""
    if getattr(runtime, "device", "cpu") != "cuda":
        return None
    import torch  # noqa: PLC0415 (networks on the processor may do without)

    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None
