"""What the metadata of a simulated product has to say about its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiles.simulate.product.acquisition import Acquisition

__all__ = [
    "CLASS_NAMES",
    "OFFSET",
    "QUANTIFICATION",
    "ProductContent",
    "format_footprint",
    "format_percentages",
]

QUANTIFICATION = 10_000
"""Digital numbers for one unit of reflectance."""

OFFSET = -1000
"""What a reader adds to a digital number from baseline 04.00 on."""

CLASS_NAMES = (
    "NODATA",
    "SATURATED_DEFECTIVE",
    "DARK_FEATURE_SHADOW",
    "CLOUD_SHADOW",
    "VEGETATION",
    "NOT_VEGETATED",
    "WATER",
    "UNCLASSIFIED",
    "CLOUD_MEDIUM_PROBA",
    "CLOUD_HIGH_PROBA",
    "THIN_CIRRUS",
    "SNOW_ICE",
)
"""The classes of the scene classification, in the order of their numbers."""

_PERCENTAGE_NAMES = {
    0: "NODATA_PIXEL",
    1: "SATURATED_DEFECTIVE_PIXEL",
    2: "DARK_FEATURES",
    3: "CLOUD_SHADOW",
    4: "VEGETATION",
    5: "NOT_VEGETATED",
    6: "WATER",
    7: "UNCLASSIFIED",
    8: "MEDIUM_PROBA_CLOUDS",
    9: "HIGH_PROBA_CLOUDS",
    10: "THIN_CIRRUS",
    11: "SNOW_ICE",
}
_CLOUDS = (8, 9, 10)
_LAND = (2, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductContent:
    """What the metadata has to say about the pixels that were written.

    Attributes:
        images: Paths of the image files within the product, without their ending.
        class_counts: Pixels of each class of the 20 m scene classification, nodata included.
        footprint: Corners of the ground with data as ``(latitude, longitude)`` in degrees, closed.
        cloud_masks: Paths of the masks within the product, each with its type (``MSK_CLDPRB`` …).
        preview: Path of the preview within the product, without its ending.
        notice: One line that says that the product is simulated, by what and with which seed.
    """

    images: Sequence[str]
    class_counts: Sequence[int]
    footprint: Sequence[tuple[float, float]]
    cloud_masks: Sequence[tuple[str, str]]
    preview: str
    notice: str

    @property
    def cloud_percent(self) -> float:
        """Cloud cover of the pixels with data, in percent."""
        return self._share(_CLOUDS, of=range(1, 12))

    @property
    def cloud_over_land_percent(self) -> float:
        """Cloud cover in percent of cloud and cloud-free land together (a simulation has no map of the land)."""
        return self._share(_CLOUDS, of=(*_CLOUDS, *_LAND))

    def _share(self, classes: Sequence[int], *, of: Sequence[int]) -> float:
        total = sum(self.class_counts[index] for index in of)
        return 100 * sum(self.class_counts[index] for index in classes) / total if total else 0.0


def format_percentages(content: ProductContent, acquisition: Acquisition) -> Mapping[str, str]:
    """The shares of the classes as both metadata files name them.

    Args:
        content: Its class counts; nodata is a share of all pixels, every other class of those with data.
        acquisition: Its baseline, for from 05.11 on dark features are called cast shadow.

    Returns:
        Element name to a percentage with six decimals.
    """
    counts = content.class_counts
    valid = max(sum(counts[1:]), 1)
    shares = {0: 100 * counts[0] / max(sum(counts), 1)}
    shares |= {index: 100 * counts[index] / valid for index in range(1, 12)}
    names = dict(_PERCENTAGE_NAMES)
    if acquisition.baseline >= "05.11":
        names[2] = "CAST_SHADOW"
    return {f"{names[index]}_PERCENTAGE": f"{share:.6f}" for index, share in shares.items()}


def format_footprint(footprint: Sequence[tuple[float, float]]) -> str:
    """``latitude longitude`` pairs with a space after each."""
    return "".join(f"{lat:.8f} {lon:.8f} " for lat, lon in footprint)
