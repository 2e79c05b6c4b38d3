"""What the values of the two maps mean, and the colours that all our pictures give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "LAND",
    "LINE_COLOURS",
    "LINE_LABELS",
    "MIDDLE_COLOUR",
    "NODATA",
    "OBSCURED",
    "PROBABILITY_OFFSET",
    "PROBABILITY_SCALE",
    "SHARE_NAME",
    "WATER",
]

LAND: Final = 0
WATER: Final = 1
OBSCURED: Final = 2
NODATA: Final = 255

CLASS_NAMES: Mapping[int, str] = MappingProxyType({LAND: "land", WATER: "water", OBSCURED: "obscured"})
"""What each value of ``water.tif`` means; ``NODATA`` is the file's nodata marker."""

CLASS_COLOURS: Mapping[int, tuple[int, int, int]] = MappingProxyType(
    {LAND: (222, 209, 170), WATER: (45, 114, 178), OBSCURED: (190, 190, 190)}
)
"""Red, green and blue of each class, 0 to 255; the vector styles and the preview use them too."""

MIDDLE_COLOUR: Final = (251, 250, 245)
"""Colour of probability 0.5, between those of land and water."""

LINE_COLOURS: Mapping[str, str] = MappingProxyType(
    {"sea": "#ffd92f", "river": "#7cff6b", "lake": "#4df3ff", "open": "#ff77b7"}
)
"""Colour of a line by its kind, over a picture of the ground; a dark casing keeps it legible on sand and cloud."""

LINE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "sea": "coast of the sea",
        "river": "bank of a river or an estuary",
        "lake": "shore of a lake",
        "open": "shore, water at the edge",
    }
)
"""What a line is by its kind, for people."""

SHARE_NAME: Final = "share.tif"
"""Share of water near the shore and its standard deviation, in the steps of ``probability.tif``; the coastline is drawn
where the share is one half."""

PROBABILITY_SCALE: Final = 0.004
PROBABILITY_OFFSET: Final = 0.002
"""``probability = DN * scale + offset``, the middle of a step."""
