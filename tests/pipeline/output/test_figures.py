"""Figures as small PNG files: full colour where it fits, else a palette that keeps what must not change."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from pipeline.output.figures import encode_figure

YELLOW = "#ffd92f"


def draw() -> Figure:
    figure = Figure(figsize=(2, 2), dpi=100)
    noise = np.random.default_rng(0).random((100, 100, 3))
    figure.add_axes((0, 0, 1, 1)).imshow(noise)
    figure.text(0.1, 0.1, "—", color=YELLOW, fontsize=30)
    return figure


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_the_first_that_fits_is_written() -> None:
    figure = draw()
    full = encode_figure(figure, keep=(YELLOW,), limit=10_000_000)
    assert decode(full).mode == "RGB"
    assert encode_figure(figure, keep=(YELLOW,), limit=len(full)) == full
    reduced = encode_figure(figure, keep=(YELLOW,), limit=len(full) - 1)
    assert decode(reduced).mode == "P"
    assert len(reduced) < len(full)
    assert encode_figure(figure, keep=(YELLOW,), limit=len(reduced)) == reduced
    least = encode_figure(figure, keep=(YELLOW,), limit=1)
    assert 1 < len(least) < len(reduced)
    assert len(decode(least).getcolors() or []) <= 48


def test_a_palette_keeps_what_has_a_colour_of_its_own() -> None:
    figure = draw()
    full, least = (decode(encode_figure(figure, keep=(YELLOW,), limit=limit)) for limit in (10_000_000, 1))
    yellow = (np.asarray(full) == ImageColor.getrgb(YELLOW)).all(axis=-1)
    assert yellow.sum() > 20
    assert (np.asarray(least.convert("RGB"))[yellow] == ImageColor.getrgb(YELLOW)).all()
