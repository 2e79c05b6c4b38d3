"""What the metadata of a simulated product has to say about its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tiles.simulate.product.acquisition import Acquisition

__all__ = [
    "CLASS_NAMES",
    "OFFSET",
    "QUANTIFICATION",
    "ProductContent",
    "add_content_quality",
    "add_element",
    "format_footprint",
    "format_percentages",
    "format_time",
    "write_xml",
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


def add_content_quality(parent: Element, acquisition: Acquisition, content: ProductContent) -> None:
    """Add what both metadata files say about classes and retrieval.

    Args:
        parent: The ``Image_Content_QI`` element.
        acquisition: Its baseline decides which elements there are.
        content: Class counts.
    """
    for name, percentage in format_percentages(content, acquisition).items():
        add_element(parent, name, percentage)
    for name in ("RADIATIVE_TRANSFER", "WATER_VAPOUR_RETRIEVAL", "AOT_RETRIEVAL"):
        add_element(parent, f"{name}_ACCURACY", "0.0")
    if acquisition.has_offset:
        add_element(parent, "AOT_RETRIEVAL_METHOD", "CAMS")
        add_element(parent, "GRANULE_MEAN_AOT", "0.120000")
        add_element(parent, "GRANULE_MEAN_WV", "1.800000")
        add_element(parent, "OZONE_SOURCE", "AUX_ECMWFT")
        add_element(parent, "OZONE_VALUE", "320.000000")


def format_time(when: datetime) -> str:
    """A time as the product metadata writes it, with milliseconds."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def format_footprint(footprint: Sequence[tuple[float, float]]) -> str:
    """``latitude longitude`` pairs with a space after each."""
    return "".join(f"{lat:.8f} {lon:.8f} " for lat, lon in footprint)


def add_element(parent: Element, tag: str, text: object = None, **attributes: object) -> Element:
    """Append a child.

    Args:
        parent: Where it goes.
        tag: Its name, prefix included.
        text: Its text, or nothing.
        **attributes: Its attributes, in order.
    """
    child = SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})
    if text is not None:
        child.text = str(text)
    return child


def write_xml(path: Path, root: Element, *, comment: str) -> None:
    """Write a document with one comment before its root, where no reader stumbles over it.

    Args:
        path: The file; its folder is made.
        root: The document's root, namespaces declared as attributes.
        comment: What a person should know.
    """
    indent(root, space="  ")
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- {comment.replace("--", "- -")} -->\n'
    path.write_text(head + tostring(root, encoding="unicode") + "\n", encoding="utf-8")
