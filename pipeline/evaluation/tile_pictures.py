"""Four pictures of a tile: what the satellite saw, the truth, the probability, and where the answer is wrong.

Colours were chosen to stay apart for people who do not see red or green, and in grey.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.evaluation.answers import Answer
from tiles.bands import L2A_STACK
from tiles.samples.sample import Sample

__all__ = ["COLOURS", "PROBABILITY_COLOURS", "TilePictures", "draw_tile"]

Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

COLOURS: MappingProxyType[str, str] = MappingProxyType(
    {
        "hit": "#9ecbe6",
        "rest": "#efe8d8",
        "miss": "#d95f02",
        "false": "#5b2a86",
        "unknown": "#8d9197",
    }
)
"""Of a pixel of the error picture: water found, land found, water missed, land taken for water, not counted."""

PROBABILITY_COLOURS: Final = ("#f5ecd4", "#c9d3c0", "#86b3c4", "#3f7fb0", "#123f7a")
"""From land (0) to water (1), evenly."""

_STRETCH = (2.0, 98.0)
_TONES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePictures:
    """PNG files, all of the same size.

    Attributes:
        colour: True colour, or green and near infrared where red or blue is missing.
        truth: Water and land of the labels.
        probability: Of water.
        error: Hit, miss and false.
    """

    colour: bytes
    truth: bytes
    probability: bytes
    error: bytes


def draw_tile(sample: Sample, counted: Mask, answer: Answer) -> TilePictures:
    """Draw a tile.

    Args:
        sample: What was seen, and the truth.
        counted: (row, col), True where a pixel counts.
        answer: Of the network.
    """
    used = _find_extent(np.isfinite(sample.reflectance).any(axis=0) | counted)
    water, truth = answer.surface > answer.level, sample.fraction > 0.5
    classes = np.where(truth, np.where(water, 0, 2), np.where(water, 3, 1))
    classes = np.where(counted, classes, 4).astype(np.uint8)[used]
    labels = np.where(counted[used], np.where(truth[used], 0, 1), 4).astype(np.uint8)
    palette = [_parse(colour) for colour in COLOURS.values()]
    return TilePictures(
        colour=_encode_colour(_compose(sample.reflectance[:, *used])),
        truth=_encode_classes(labels, palette),
        probability=_draw_probability(answer.surface[used]),
        error=_encode_classes(classes, palette),
    )


def _find_extent(known: Mask) -> tuple[slice, slice]:
    """The rows and columns that hold anything: a small crop is padded to the size of a tile."""
    rows, cols = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
    return (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)) if len(rows) else (slice(None), slice(None))


def _compose(reflectance: NDArray[np.float32]) -> Bytes:
    """(row, col, 3): red, green and blue, each stretched; what is missing is grey."""
    names = ("B04", "B03", "B02")
    planes = {name: reflectance[L2A_STACK.index(name)] for name in (*names, "B08", "B8A")}
    known_bands = [name for name, plane in planes.items() if np.isfinite(plane).any()]
    chosen = names if set(names) <= set(known_bands) else (known_bands * 3)[:3] if known_bands else names
    image = np.stack([planes[name] for name in chosen], axis=-1)
    known = np.isfinite(image).all(axis=-1)
    if not known.any():
        return np.full(image.shape, 128, np.uint8)
    low, high = np.percentile(image[known], _STRETCH)
    light = np.clip((image - low) / max(high - low, 0.02), 0, 1) ** 0.8  # brighter shadows: shores are dark
    return np.where(known[..., None], np.rint(255 * np.nan_to_num(light)), 141).astype(np.uint8)


def _draw_probability(probability: NDArray[np.float32]) -> bytes:
    stops = np.array([_parse(colour) for colour in PROBABILITY_COLOURS], np.float64)
    places = np.linspace(0, 1, _TONES)
    tones = np.stack([np.interp(places, np.linspace(0, 1, len(stops)), stops[:, channel]) for channel in range(3)], 1)
    palette = [tuple(round(float(value)) for value in tone) for tone in tones] + [_parse(COLOURS["unknown"])]
    index = np.rint(np.nan_to_num(probability) * (_TONES - 1))
    return _encode_classes(np.where(np.isfinite(probability), index, _TONES).astype(np.uint8), palette)


def _encode_classes(classes: Bytes, palette: list[tuple[int, ...]]) -> bytes:
    image = Image.frombytes("P", (classes.shape[1], classes.shape[0]), classes.tobytes())
    image.putpalette([value for colour in palette for value in colour])
    return _encode(image)


def _encode_colour(rgb: Bytes) -> bytes:
    # 128 tones are plenty for a thumbnail, and a third of the bytes.
    return _encode(Image.fromarray(rgb).quantize(128, method=Image.Quantize.MEDIANCUT))


def _encode(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _parse(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
