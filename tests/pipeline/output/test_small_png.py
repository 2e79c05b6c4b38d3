"""Small pictures: in full colour, or with a palette that keeps its colours, and no memory is lost over many of them."""

from __future__ import annotations

import io

import numpy as np
import psutil
from PIL import Image

from pipeline.output import small_png
from pipeline.output.small_png import encode_image


def make_noise(side: int) -> Image.Image:
    """A picture that does not compress."""
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (side, side, 3), dtype=np.uint8))


def test_a_small_picture_keeps_all_of_its_colours() -> None:
    picture = make_noise(40)
    read = Image.open(io.BytesIO(encode_image(picture, keep=(), limit=10_000)))
    assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_a_large_one_has_a_palette_and_stays_as_it_was() -> None:
    picture, before = make_noise(60), np.asarray(make_noise(60))
    read = Image.open(io.BytesIO(encode_image(picture, keep=("#010203",), limit=5000)))
    assert read.mode == "P"
    assert len(read.convert("RGB").getcolors() or []) == 256
    assert np.array_equal(np.asarray(picture), before)


def test_pictures_that_are_too_large_lose_no_memory() -> None:
    """Pillow keeps its encoder's memory where it is stopped: 0.4 MiB a picture, 38 MiB here."""
    picture, process = make_noise(200), psutil.Process()
    before = 0
    for number in range(110):
        assert small_png._encode_png(picture.copy(), limit=1000) is None
        before = process.memory_info().rss if number == 9 else before
    assert process.memory_info().rss - before < 5 << 20


def test_a_chart_keeps_lines_of_one_pixel() -> None:
    """The palette of large photographs alone is found from some of their pixels."""
    pixels = np.asarray(make_noise(300)).copy()
    pixels[..., 0] = 60  # no red but the line's
    pixels[:, 100] = (220, 0, 0)
    drawn = Image.open(io.BytesIO(encode_image(Image.fromarray(pixels), keep=(), limit=1000))).convert("RGB")
    line = np.asarray(drawn)[:, 100].astype(int).mean(axis=0)
    assert line[0] > 150
    assert line[1:].max() < 80
