"""Write a picture as a small PNG: in full colour where it fits, else with a palette that keeps what must not change."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["encode_image"]

_COLOURS = (256, 96, 48)
_MANY_PIXELS, _SAMPLED = 2_000_000, slice(None, None, 3)


def encode_image(full: Image.Image, *, keep: Sequence[str], limit: int) -> bytes:
    """Write a picture as a PNG: in full colour where that is small enough, else with a palette.

    Args:
        full: What to write, in RGB.
        keep: Colours that a palette must hold though they cover few pixels, as ``#rrggbb``.
        limit: Bytes above which fewer colours are tried; the last try may still pass it.

    Returns:
        The file's bytes, the same for the same picture.
    """
    reduced = (_reduce_colours(full, keep, colours) for colours in _COLOURS[:-1])  # none before it is asked for
    for image in chain((full.copy(),), reduced):
        encoded = _encode_png(image, limit=limit)
        if encoded is not None:
            return encoded
    return _encode_png(_reduce_colours(full, keep, _COLOURS[-1])) or b""


class _LimitedStream(io.BytesIO):
    """Keeps what is written until that passes a limit, and then blanks the picture that is being written.

    To stop there would be quicker still, but Pillow gives the memory of its encoder back only where it comes to the
    end: 0.4 MiB would be lost with each picture. The rest of a blank one takes no time.
    """

    def __init__(self, image: Image.Image, limit: float) -> None:
        super().__init__()
        self._image, self._limit = image, limit
        self.is_passed = False

    def write(self, data: ReadableBuffer, /) -> int:
        if not self.is_passed:
            super().write(data)
            if self.tell() > self._limit:
                self.is_passed = True
                self._image.paste(0, (0, 0, *self._image.size))
        return memoryview(data).nbytes


def _encode_png(image: Image.Image, *, limit: float = math.inf) -> bytes | None:
    """The file; ``None`` where it passes the limit, and the picture is blank then."""
    stream = _LimitedStream(image, limit)
    # The most that deflate can do takes four times as long, seconds on full colour, and saves a hundredth.
    image.save(stream, "PNG", compress_level=7 if image.mode == "P" else 6)
    return None if stream.is_passed else stream.getvalue()


def _reduce_colours(image: Image.Image, keep: Sequence[str], colours: int) -> Image.Image:
    reduced = image.quantize(palette=_build_palette(image, keep, colours), dither=Image.Dither.FLOYDSTEINBERG)
    # A pixel as one number, which is compared in a tenth of the time of three.
    pixels, indexes = np.asarray(image.convert("RGBA")).view(np.uint32)[..., 0], np.array(reduced)
    # The search for the nearest colour is coarse: what has a colour of its own, the paper first of all, keeps it.
    for index, colour in enumerate(keep):
        number = np.array((*ImageColor.getrgb(colour)[:3], 255), np.uint8).view(np.uint32)
        indexes[pixels == number] = index
    exact = Image.fromarray(indexes)
    exact.putpalette(reduced.getpalette() or [])
    return exact


def _build_palette(image: Image.Image, keep: Sequence[str], colours: int) -> Image.Image:
    free = colours - len(keep)
    if image.width * image.height > _MANY_PIXELS:
        # Of every ninth pixel: colours are as near (a mean of 1.39 instead of 1.36 of 255) for a third of the time.
        image = Image.fromarray(np.asarray(image)[_SAMPLED, _SAMPLED])
    chosen = image.quantize(free, method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in keep for part in ImageColor.getrgb(colour)[:3]] + chosen[: 3 * free])
    return palette
