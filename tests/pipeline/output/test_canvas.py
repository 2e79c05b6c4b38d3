"""Drawing by hand: in its place, as thick and as dark as asked, with smooth edges."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.output.canvas import Box, Canvas, to_pixels

BOX: Box = (20, 10, 120, 60)


def darkness(canvas: Canvas) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How much black covers each pixel, 0 to 1."""
    return 1 - np.asarray(canvas.image.convert("L")) / 255


@pytest.mark.parametrize("width", [0.8, 1.9, 3.4])
@pytest.mark.parametrize("opacity", [1.0, 0.5])
def test_a_line_covers_its_length_by_its_width(width: float, opacity: float) -> None:
    canvas = Canvas(140, 80)
    canvas.draw_paths([np.array([(10, 5), (90, 45)])], BOX, width=width, colour="#000000", opacity=opacity)
    dark = darkness(canvas)
    assert dark.sum() == pytest.approx(opacity * np.hypot(80, 40) * to_pixels(width), rel=0.15)
    assert dark.max() == pytest.approx(opacity, abs=0.2)
    assert 0 < dark[dark > 0].min() < 0.5 * opacity  # smooth at its edge
    rows, cols = np.nonzero(dark)
    assert (np.mean(cols), np.mean(rows)) == pytest.approx((20 + 50, 10 + 25), abs=1)


def test_nothing_is_drawn_outside_the_area() -> None:
    canvas = Canvas(140, 80)
    canvas.draw_paths(
        [np.array([(-50, 20), (200, 30)]), np.array([(30, -9), (30, 99)])], BOX, width=2, colour="#000000"
    )
    dark = darkness(canvas)
    inside = dark[BOX[1] : BOX[3], BOX[0] : BOX[2]].copy()
    dark[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 0
    assert inside.any()
    assert not dark.any()


@pytest.mark.parametrize(("side", "colours"), [(10, 2), (30, 2), (15, 3)])
def test_pixels_stay_sharp_where_each_covers_several(side: int, colours: int) -> None:
    canvas = Canvas(side, side)
    board = np.repeat(np.indices((10, 10)).sum(axis=0)[..., None] % 2 * 255, 3, axis=-1).astype(np.uint8)
    canvas.paste(board, (0, 0, side, side))
    found = len(np.unique(np.asarray(canvas.image)))
    assert found == 2 if colours == 2 else found >= 3


def test_words_are_as_long_as_measured_and_bold_ones_darker() -> None:
    drawn = {}
    for words in ("shore", "**shore"):
        canvas = Canvas(200, 60)
        canvas.write((10, 40), words, size=13, colour="#000000")
        dark = darkness(canvas)
        cols = np.nonzero(dark.any(axis=0))[0]
        assert np.ptp(cols) == pytest.approx(canvas.measure(words, size=13), abs=4)
        drawn[words] = dark.sum()
    assert drawn["**shore"] > 1.2 * drawn["shore"]


def test_words_over_a_picture_have_an_edge() -> None:
    canvas = Canvas(60, 60)
    canvas.fill((0, 0, 60, 60), "#ffffff")
    canvas.write_over((30, 30), "**N", size=13, colour="#ffffff", edge="#000000", opacity=0.5)
    dark = darkness(canvas)
    assert dark.max() == pytest.approx(0.5, abs=0.02)
    assert dark[25:35, 25:35].min() < 0.1


def test_what_lies_below_shows_through() -> None:
    canvas = Canvas(10, 10)
    canvas.fill((2, 2, 8, 8), "#000000", opacity=0.25)
    dark = darkness(canvas)
    assert dark[5, 5] == pytest.approx(0.25, abs=0.01)
    assert dark.sum() == pytest.approx(36 * 0.25, abs=0.2)
