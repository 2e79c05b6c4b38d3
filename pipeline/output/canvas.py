"""Draw words, lines and areas on a picture without the library of plots, which takes longer to import than a scene.

Places are pixels from the upper left corner, sizes of letters and lines are points, at ``DPI`` dots an inch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["DPI", "Box", "Canvas", "to_pixels"]

DPI: Final = 130

_POINTS_AN_INCH = 72
_FINE = 4
"""What is to have smooth edges is drawn this many times as large."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom of an area, in pixels; right and bottom lie outside."""


def to_pixels(points: float) -> float:
    """Pixels of a length in points."""
    return points * DPI / _POINTS_AN_INCH


class Canvas:
    """A white sheet to draw on.

    Attributes:
        image: What is drawn.
    """

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), "white")
        self._ink = ImageDraw.Draw(self.image)

    def paste(self, colours: NDArray[np.uint8], box: Box) -> None:
        """Draw an image into an area: its pixels sharp where each covers several, else mixed.

        Args:
            colours: ``(row, col, 3)``.
            box: Where to.
        """
        picture, size = Image.fromarray(colours), (box[2] - box[0], box[3] - box[1])
        share = size[0] / picture.width, size[1] / picture.height
        is_sharp = all(part >= 3 or (part >= 1 and part.is_integer()) for part in share)
        way = Image.Resampling.NEAREST if is_sharp else Image.Resampling.HAMMING
        self.image.paste(picture.resize(size, way), box)

    def fill(self, box: Box, colour: str, *, opacity: float = 1.0) -> None:
        """Colour an area, so that what lies below shows through where ``opacity`` is below 1."""
        self.image.paste(colour, box, Image.new("L", (box[2] - box[0], box[3] - box[1]), round(255 * opacity)))

    def frame(self, box: Box, colour: str) -> None:
        """Draw the edge of an area, a pixel wide, around its pixels."""
        left, top, right, bottom = box
        self._ink.rectangle((left - 1, top - 1, right, bottom), outline=colour)

    def write(self, place: tuple[float, float], words: str, *, size: float, colour: str, anchor: str = "ls") -> None:
        """Write a line of words.

        Args:
            place: Where their anchor lies.
            words: What to write; ``**`` before them makes them bold.
            size: Of the letters, in points.
            colour: Of the letters.
            anchor: Pillow's: left, middle or right, then ascender, middle or baseline.
        """
        self._ink.text(place, words.removeprefix("**"), font=_load_font(words, size), fill=colour, anchor=anchor)

    def measure(self, words: str, *, size: float) -> float:
        """How many pixels wide they would be."""
        return _load_font(words, size).getlength(words.removeprefix("**"))

    def draw_paths(
        self, paths: Sequence[NDArray[np.floating[Any]]], box: Box, *, width: float, colour: str, opacity: float = 1.0
    ) -> None:
        """Draw lines with smooth edges over an area, and nothing of them outside.

        Args:
            paths: ``(vertex, 2)`` each: pixels from the left and the top of the area.
            box: The area.
            width: Of the lines, in points.
            colour: Of the lines.
            opacity: Of the lines, 0 to 1; where they cross they are no darker.
        """

        def draw(fine: ImageDraw.ImageDraw) -> None:
            thick = max(1, round(_FINE * to_pixels(width)))
            for path in paths:
                fine.line((path * _FINE).ravel().tolist(), fill=255, width=thick)

        self._stain(box, colour, opacity, draw)

    def draw_area(
        self, corners: Sequence[tuple[float, float]], box: Box, *, edge: float, colour: str, opacity: float = 1.0
    ) -> None:
        """Fill an area that has corners, and ``edge`` points around it."""

        def draw(fine: ImageDraw.ImageDraw) -> None:
            places = [(x * _FINE, y * _FINE) for x, y in corners]
            fine.polygon(places, fill=255)
            fine.line([*places, *places[:2]], fill=255, width=round(2 * _FINE * to_pixels(edge)), joint="curve")

        self._stain(box, colour, opacity, draw)

    def write_over(
        self, place: tuple[float, float], words: str, *, size: float, colour: str, edge: str, opacity: float
    ) -> None:
        """Write words over a picture, their middle at a place, with an edge that keeps them legible."""
        font = _load_font(words, size)
        mask = Image.new("L", self.image.size)
        bare = words.removeprefix("**")
        ImageDraw.Draw(mask).text(place, bare, font=font, fill=255, anchor="mm", stroke_width=2)
        self.image.paste(edge, mask=mask.point(lambda value: value * opacity))
        self._ink.text(place, bare, font=font, fill=colour, anchor="mm")

    def _stain(self, box: Box, colour: str, opacity: float, draw: Callable[[ImageDraw.ImageDraw], None]) -> None:
        fine = Image.new("L", (_FINE * (box[2] - box[0]), _FINE * (box[3] - box[1])))
        draw(ImageDraw.Draw(fine))
        mask = fine.reduce(_FINE)
        self.image.paste(colour, box, mask if opacity == 1 else mask.point(lambda value: value * opacity))


@cache
def _load_font_file(name: str, pixels: float) -> ImageFont.FreeTypeFont:
    """A font that comes with the library of plots, whose own pictures have it too; found without importing that."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)


def _load_font(words: str, size: float) -> ImageFont.FreeTypeFont:
    return _load_font_file("DejaVuSans-Bold.ttf" if words.startswith("**") else "DejaVuSans.ttf", to_pixels(size))
