"""Which bands a network lives on: how much worse it is where the pixels of one band are shuffled.

Shuffling keeps a band's values and takes away where they were, within each tile. A band on which nothing depends costs
nothing; of two bands that say the same, neither costs much, so a small figure does not mean that a band is useless.

Source: Breiman 2001, doi:10.1023/A:1010933404324; for coastlines from 12 bands: O'Sullivan et al. 2024,
arXiv:2405.11500.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.measures.metrics import Confusion, compute_confusion
from pipeline.errors import OptionError
from pipeline.evaluation.answers import NetworkMethod
from tiles.bands import L2A_STACK
from tiles.progress import Progress, ignore_progress
from tiles.samples.sample import Sample, SampleSource

__all__ = ["BandImportance", "compute_importance", "permute_band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandImportance:
    """What it costs a network to have one band shuffled.

    Attributes:
        network: Name of the network.
        band: Name of the band.
        accuracy_drop: Loss of accuracy, mean of the repeats; negative where it gains.
        accuracy_spread: Standard deviation of that between repeats.
        iou_drop: The same for intersection over union of water.
        iou_spread: Standard deviation of that.
        repeats: How many shuffles.
    """

    network: str
    band: str
    accuracy_drop: float
    accuracy_spread: float
    iou_drop: float
    iou_spread: float
    repeats: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def compute_importance(
    network: NetworkMethod,
    source: SampleSource,
    *,
    tile_size: int,
    repeats: int = 3,
    progress: Progress = ignore_progress,
) -> tuple[BandImportance, ...]:
    """Shuffle each band of a network in turn, tile by tile.

    Args:
        network: The network.
        source: The data.
        tile_size: Rows and columns that are read, and shuffled, at a time.
        repeats: Shuffles a band.
        progress: Told how far the work is; the share is not known and stays 0.

    Returns:
        One entry a band of the network, in its order. Bands that the data lacks cost nothing.

    Raises:
        OptionError: There is no repeat to be made.
    """
    if repeats < 1:
        raise OptionError(f"Expected one repeat or more, found {repeats}.")
    whole = Confusion()
    shuffled = {band: [Confusion() for _ in range(repeats)] for band in network.whole.card.inputs}
    for number, sample in enumerate(source.tiles(size=tile_size)):
        unshuffled = _count(network, sample)
        whole += unshuffled
        for band, counts in shuffled.items():
            absent = not sample.present[L2A_STACK.index(band)]
            for repeat in range(repeats):
                seed = _seed(band, number, repeat)
                counts[repeat] += unshuffled if absent else _count(network, permute_band(sample, band, seed=seed))
        progress(f"shuffling bands, tile {number + 1}", 0.0)
    return tuple(_summarise(network.name, band, whole, counts) for band, counts in shuffled.items())


def permute_band(sample: Sample, band: str, *, seed: int) -> Sample:
    """The sample with the values of one band shuffled between the pixels that have one.

    Args:
        sample: The sample; it is not changed.
        band: Name of the band.
        seed: Decides the order.
    """
    reflectance = sample.reflectance.copy()
    plane = reflectance[L2A_STACK.index(band)]
    known = np.isfinite(plane)
    plane[known] = np.random.default_rng(seed).permutation(plane[known])
    return replace(sample, reflectance=reflectance)


def _count(network: NetworkMethod, sample: Sample) -> Confusion:
    answer = network.answer(sample)
    if answer is None:
        return Confusion()
    counted = sample.valid & np.isfinite(answer.surface)
    return compute_confusion(answer.surface > answer.level, sample.fraction > 0.5, counted)


def _summarise(network: str, band: str, whole: Confusion, shuffled: list[Confusion]) -> BandImportance:
    accuracy = _compute_drops(whole.accuracy, [count.accuracy for count in shuffled])
    iou = _compute_drops(whole.iou, [count.iou for count in shuffled])
    spread = 1 if len(shuffled) > 1 else 0  # of a single repeat nothing is known: 0
    return BandImportance(
        network=network,
        band=band,
        accuracy_drop=float(accuracy.mean()),
        accuracy_spread=float(accuracy.std(ddof=spread)),
        iou_drop=float(iou.mean()),
        iou_spread=float(iou.std(ddof=spread)),
        repeats=len(shuffled),
    )


def _compute_drops(whole: float, shuffled: list[float]) -> NDArray[np.float64]:
    return whole - np.array(shuffled, np.float64)


def _seed(band: str, number: int, repeat: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{band}/{number}/{repeat}".encode()).digest()[:8], "big")
