"""The figures by which a map is judged: counts of pixels, distances of lines, honesty of the stated uncertainty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.trace.traced import Floats

__all__ = ["Accuracy", "DistanceStats", "PixelStats", "compute_ratio"]


def compute_ratio(part: float, whole: float) -> float:
    """A share, NaN of nothing."""
    return part / whole if whole else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelStats:
    """Counts of pixels that are valid in the map and known in the truth; water is the positive class.

    Attributes:
        true_positive: Water on the map, and half or more of it water in truth.
        false_positive: Water on the map, land in truth.
        false_negative: Land on the map, water in truth.
        true_negative: Land on both.
    """

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def iou(self) -> float:
        """Intersection over union of water; NaN where there is no water at all."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_positive + self.false_negative)

    @property
    def precision(self) -> float:
        """Share of mapped water that is water."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of true water that is mapped as water."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positive + self.false_negative
        return compute_ratio(2 * self.true_positive, 2 * self.true_positive + wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceStats:
    """Distances in metres from points every 5 m along one set of lines to the nearest place of another.

    Attributes:
        count: Number of points.
        median: NaN where there are no points; so for the others.
        mean: Arithmetic mean.
        rmse: Root mean square.
        p95: 95th percentile.
    """

    count: int
    median: float
    mean: float
    rmse: float
    p95: float

    @classmethod
    def from_distances(cls, distances: Floats) -> DistanceStats:
        """Summarise (n,) distances in metres."""
        if len(distances) == 0:
            return cls(count=0, median=np.nan, mean=np.nan, rmse=np.nan, p95=np.nan)
        return cls(
            count=len(distances),
            median=float(np.median(distances)),
            mean=float(distances.mean()),
            rmse=float(np.sqrt(np.mean(distances**2))),
            p95=float(np.percentile(distances, 95)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The errors of one map.

    Attributes:
        pixels: Agreement of pixels.
        mapped_to_true: How far the mapped coastline lies from the true one: what is drawn wrong.
        true_to_mapped: How far the true coastline lies from the mapped one, where the scene shows it: what is missed.
        within_1_sigma: Share of the mapped coastline that lies within its stated uncertainty (ideally 0.68).
        within_2_sigma: Share within twice that (ideally 0.95).
        loose_ends: Lines that end where data do not end; there must be none.
        lines: Number of mapped lines.
        mapped_length_m: Length of the mapped coastline.
    """

    pixels: PixelStats
    mapped_to_true: DistanceStats
    true_to_mapped: DistanceStats
    within_1_sigma: float
    within_2_sigma: float
    loose_ends: int
    lines: int
    mapped_length_m: float

    def to_dict(self) -> dict[str, Any]:
        """All figures, derived ones included, for a table or a file."""
        ratios = {name: getattr(self.pixels, name) for name in ("iou", "precision", "recall", "f1")}
        return {**asdict(self), "pixels": asdict(self.pixels) | ratios}
