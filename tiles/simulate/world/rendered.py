"""What a simulated instrument sees in a window, and how windows are put together from blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.bands import BANDS, L2A_STACK
from tiles.grid import Window

__all__ = ["Rendered", "allocate_rendered", "paste_rendered"]

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """What the instrument sees in a window, and the truth beneath.

    Attributes:
        reflectance: By band name, at the band's native resolution (10, 20 or 60 m): (rows, cols), rounded to 1e-4.
        water_fraction: Share of each 10 m pixel that is water (rows, cols), 0 to 1.
        classification: Scene classification (SCL) at 20 m, uint8.
        cloud: Opacity of cloud (rows, cols) at 10 m, 0 to 1.
        shadow: Share of the direct light (rows, cols) that clouds take, at 10 m, 0 to 1.
    """

    reflectance: Mapping[str, Field]
    water_fraction: Field
    classification: NDArray[np.uint8]
    cloud: Field
    shadow: Field

    @property
    def obscured(self) -> NDArray[np.bool_]:
        """Whether cloud hides the ground (rows, cols) at 10 m."""
        return np.asarray(self.cloud > 0.3)


def allocate_rendered(window: Window) -> Rendered:
    """Empty arrays for a window (offsets and sizes multiples of 6)."""
    height, width = window.shape
    return Rendered(
        reflectance={
            name: np.empty(
                (height * 10 // BANDS[name].resolution_m, width * 10 // BANDS[name].resolution_m), np.float32
            )
            for name in L2A_STACK
        },
        water_fraction=np.empty((height, width), np.float32),
        classification=np.empty((height // 2, width // 2), np.uint8),
        cloud=np.empty((height, width), np.float32),
        shadow=np.empty((height, width), np.float32),
    )


def paste_rendered(out: Rendered, block: Rendered, window: Window, place: Window) -> None:
    """Copy the part of a block that lies in the window.

    Args:
        out: Arrays of the window, written to.
        block: Arrays of the block.
        window: Where ``out`` lies.
        place: Where ``block`` lies.
    """
    part = window.intersection(place)
    if part is None:
        return
    pairs: list[tuple[NDArray[Any], NDArray[Any], int]] = [
        (out.reflectance[n], block.reflectance[n], BANDS[n].resolution_m // 10) for n in L2A_STACK
    ]
    pairs += [(getattr(out, n), getattr(block, n), 1) for n in ("water_fraction", "cloud", "shadow")]
    pairs += [(out.classification, block.classification, 2)]
    for target, source, step in pairs:
        to = tuple(slice(s.start // step, s.stop // step) for s in part.slices(within=window))
        at = tuple(slice(s.start // step, s.stop // step) for s in part.slices(within=place))
        target[to] = source[at]
