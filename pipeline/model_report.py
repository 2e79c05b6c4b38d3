"""Measure a model file on simulated chips that it never saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, zoom

from models.checkpoint import load_model
from models.errors import DeviceError
from models.metrics import Confusion, compute_confusion, compute_near_shore, compute_temperature
from models.runtime import Runtime
from pipeline.chips import Chip
from pipeline.shoreline_error import compute_shoreline_distances
from pipeline.simulated_chips import HELD_OUT_SEED, simulate
from tiles.bands import L2A_STACK

__all__ = ["Report", "compute_report", "compute_report_on"]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_GREEN, _NIR = L2A_STACK.index("B03"), L2A_STACK.index("B08")
_BESIDE_PX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured on held-out chips, over pixels that are seen.

    Attributes:
        chips: How many.
        iou: Intersection over union of water.
        ndwi_iou: The same for the water index (green and near infrared, threshold 0) on the same pixels.
        accuracy: Share of the pixels that are right.
        shoreline_median_m: Distance from mapped to true shoreline, median; infinite where nothing was mapped.
        shoreline_p95_m: The same, 95th percentile.
        shoreline_found: Share of the true shoreline with a mapped one within 20 m.
        probability_rmse: Error of the water fraction within two pixels of the shoreline, at this temperature.
        temperature: What logits should be divided by.
        bf16_changed: Share of the pixels that bfloat16 moves across the threshold; NaN where it cannot be measured.
        hole_changed: Share of the pixels within 10 pixels of a hole that the hole moves across the threshold.
    """

    chips: int
    iou: float
    ndwi_iou: float
    accuracy: float
    shoreline_median_m: float
    shoreline_p95_m: float
    shoreline_found: float
    probability_rmse: float
    temperature: float
    bf16_changed: float
    hole_changed: float


def compute_report(path: Path, *, count: int, seed: int = HELD_OUT_SEED) -> Report:
    """Measure a model file.

    Args:
        path: The file.
        count: How many chips.
        seed: Seed of the first chip.
    """
    model = load_model(path)
    try:
        rounded = Runtime(model, device="cpu", precision="bf16")
    except DeviceError:  # this processor has no bfloat16
        rounded = None
    runtime = Runtime(model, device="cpu", precision="fp32")
    return compute_report_on((simulate(seed + index) for index in range(count)), runtime, rounded=rounded)


def compute_report_on(chips: Iterable[Chip], runtime: Runtime, *, rounded: Runtime | None = None) -> Report:
    """Measure a model on given chips; their margin, as wide as the network's reach, only feeds it.

    Args:
        chips: Larger than twice the reach.
        runtime: The model, in fp32.
        rounded: The same model in bfloat16.
    """
    tally = _Tally()
    for chip in chips:
        tally.add(chip, runtime, rounded)
    return tally.build_report()


@dataclass(slots=True)
class _Tally:
    """What was seen of a model so far."""

    chips: int = 0
    network: Confusion = field(default_factory=Confusion)
    index: Confusion = field(default_factory=Confusion)
    off: list[NDArray[Any]] = field(default_factory=list)
    missed: list[NDArray[Any]] = field(default_factory=list)
    margin: list[NDArray[Any]] = field(default_factory=list)
    fraction: list[NDArray[Any]] = field(default_factory=list)
    shore: list[NDArray[Any]] = field(default_factory=list)
    rounding: list[NDArray[Any]] = field(default_factory=list)
    beside_hole: list[NDArray[Any]] = field(default_factory=list)

    def add(self, chip: Chip, runtime: Runtime, rounded: Runtime | None) -> None:
        inside = _interior(chip, runtime.reach_px or 0)
        image = chip.reflectance[None]
        probability = runtime.predict(image)[0][inside]
        fraction, valid = chip.fraction[inside], chip.valid[inside]
        self.network += compute_confusion(probability > 0.5, fraction > 0.5, valid)
        self.index += compute_confusion(_is_ndwi_water(chip.reflectance)[inside], fraction > 0.5, valid)
        self.off.append(compute_shoreline_distances(probability, fraction, valid))
        self.missed.append(compute_shoreline_distances(fraction, probability, valid))
        self.margin.append(_to_margin(probability[valid]) * runtime.model.card.temperature)
        self.fraction.append(fraction[valid])
        self.shore.append(compute_near_shore(fraction)[valid])
        if rounded is not None:
            self.rounding.append(((rounded.predict(image)[0][inside] > 0.5) != (probability > 0.5))[valid])
        hole = _draw_hole(self.chips, chip.fraction.shape)
        beside = (binary_dilation(hole, iterations=_BESIDE_PX) & ~hole)[inside] & valid
        holed = runtime.predict(np.where(hole, np.float32(np.nan), chip.reflectance)[None])[0][inside]
        self.beside_hole.append(((holed > 0.5) != (probability > 0.5))[beside])
        self.chips += 1

    def build_report(self) -> Report:
        off = np.concatenate(self.off)
        median, p95 = np.quantile(off if len(off) else np.array([np.inf]), (0.5, 0.95), method="lower")
        margin, fraction, shore = (np.concatenate(part) for part in (self.margin, self.fraction, self.shore))
        temperature = compute_temperature(margin[::7], fraction[::7])
        error = 1 / (1 + np.exp(-margin[shore] / temperature)) - fraction[shore]
        return Report(
            chips=self.chips,
            iou=self.network.iou,
            ndwi_iou=self.index.iou,
            accuracy=self.network.accuracy,
            shoreline_median_m=float(median),
            shoreline_p95_m=float(p95),
            shoreline_found=_mean(np.concatenate(self.missed) <= 20, empty=1.0),
            probability_rmse=float(np.sqrt(_mean(error**2, empty=0.0))),
            temperature=temperature,
            bf16_changed=_mean(np.concatenate(self.rounding), empty=np.nan) if self.rounding else np.nan,
            hole_changed=_mean(np.concatenate(self.beside_hole), empty=0.0),
        )


def _mean(values: NDArray[Any], *, empty: float) -> float:
    return float(values.mean()) if len(values) else empty


def _draw_hole(seed: int, shape: tuple[int, ...]) -> Mask:
    """Blobs like clouds over about a fifth of the chip."""
    coarse = np.random.default_rng(seed).standard_normal((12, 12))
    field_ = zoom(coarse, (shape[0] / 12, shape[1] / 12), order=3)
    hole: Mask = field_ > np.quantile(field_, 0.8)
    return hole


def _interior(chip: Chip, reach_px: int) -> tuple[slice, slice]:
    height, width = chip.fraction.shape
    return slice(reach_px, height - reach_px), slice(reach_px, width - reach_px)


def _is_ndwi_water(reflectance: Floats) -> NDArray[np.bool_]:
    # (green - nir) / (green + nir) > 0; source: McFeeters 1996, doi:10.1080/01431169608948714
    water: NDArray[np.bool_] = reflectance[_GREEN] > reflectance[_NIR]
    return water


def _to_margin(probability: Floats) -> NDArray[np.float64]:
    clipped = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped) - np.log1p(-clipped)
