"""Turn a figure into a small PNG without a display and without global state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageColor

__all__ = ["encode_figure"]


def encode_figure(figure: Figure, *, keep: Sequence[str], limit: int) -> bytes:
    """Write a figure as a PNG: in full colour where that is small enough, else with a palette.

    Args:
        figure: What to draw.
        keep: Colours that a palette must hold though they cover few pixels, as ``#rrggbb``.
        limit: Bytes above which fewer colours are tried; the last try may still pass it.

    Returns:
        The file's bytes, the same for the same figure.
    """
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    full = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    data = _encode_png(full)
    for colours in (256, 96, 48):
        if len(data) <= limit:
            break
        data = _encode_png(_reduce_colours(full, keep, colours))
    return data


def _encode_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    # The most that deflate can do takes seconds on full colour, and saves a hundredth.
    image.save(stream, "PNG", compress_level=9 if image.mode == "P" else 6)
    return stream.getvalue()


def _reduce_colours(image: Image.Image, keep: Sequence[str], colours: int) -> Image.Image:
    reduced = image.quantize(palette=_build_palette(image, keep, colours), dither=Image.Dither.FLOYDSTEINBERG)
    pixels, indexes = np.asarray(image), np.array(reduced)
    # The search for the nearest colour is coarse: what has a colour of its own, the paper first of all, keeps it.
    for index, colour in enumerate(keep):
        indexes[(pixels == ImageColor.getrgb(colour)[:3]).all(axis=-1)] = index
    exact = Image.fromarray(indexes)
    exact.putpalette(reduced.getpalette() or [])
    return exact


def _build_palette(image: Image.Image, keep: Sequence[str], colours: int) -> Image.Image:
    free = colours - len(keep)
    chosen = image.quantize(free, method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in keep for part in ImageColor.getrgb(colour)[:3]] + chosen[: 3 * free])
    return palette
