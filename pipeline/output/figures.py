"""Turn a figure into a small PNG without a display and without global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from pipeline.output.small_png import encode_image

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
    return encode_image(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"), keep=keep, limit=limit)
