"""What is there of SWED, what is missing, what is broken, what is suspect: each chip is read once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.products.radiometry import EVIDENCE_BANDS, compute_offset_evidence
from tiles.samples.swed_files import CHIP_SIZE, SwedChip, SwedSplit, list_swed, read_swed_image, read_swed_label

__all__ = ["FAULTS", "Fault", "SwedReport", "check_swed", "find_chip_faults"]

Grade = Literal["missing", "broken", "suspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Attributes:
        grade: ``missing`` and ``broken`` stop a training, ``suspect`` does not.
        words: What is wrong, for a person.
    """

    grade: Grade
    words: str


FAULTS: dict[str, Fault] = {
    "no_label": Fault(grade="missing", words="image without a label"),
    "no_image": Fault(grade="missing", words="label without an image"),
    "unreadable": Fault(grade="broken", words="truncated, of another kind, or with labels other than 0, 1 and -1"),
    "shape": Fault(grade="broken", words=f"not {CHIP_SIZE} x {CHIP_SIZE}, or image and label differ"),
    "dtype": Fault(grade="broken", words="values are no numbers"),
    "empty": Fault(grade="suspect", words="0 in all bands: no data at all (never drawn)"),
    "negative_label": Fault(grade="suspect", words="has the label -1 (land or ignored, as the recipe says)"),
    "values": Fault(grade="suspect", words="over 1% of values are negative, NaN or above a reflectance of 2"),
    "water_as_land": Fault(grade="suspect", words="labelled land, looks like water (see --write-suspects)"),
    "land_as_water": Fault(grade="suspect", words="labelled water, looks like vegetation (see --write-suspects)"),
}
"""Kinds of fault, in the order of a report."""

_MISLABELLED = ("water_as_land", "land_as_water")
_SHARE_OF_CHIP = 0.2
"""A chip is suspect where this share of its pixels contradicts its label; smaller shares are shores and ponds."""

_SAMPLED = 8
"""Every eighth row and column is looked at for the offset of a scene."""

_KEPT_PX = 50_000


@dataclass(slots=True, kw_only=True)
class SwedReport:
    """What was found.

    Attributes:
        root: The folder.
        chips: Chips a split, those with a missing half too.
        scenes: Scenes a split.
        faults: Names of chips a kind of fault, as ``split/product_row_col``.
        pixels: Labelled pixels with data: ``water``, ``land``, ``negative`` (the label -1).
        offsets: Scenes in which an offset of 1000 seems to be in; SWED as published has none.
    """

    root: Path
    chips: dict[str, int] = field(default_factory=dict)
    scenes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pixels: Counter[str] = field(default_factory=Counter)
    offsets: list[str] = field(default_factory=list)

    @property
    def is_usable(self) -> bool:
        """Whether nothing is missing or broken."""
        return not any(self.faults.get(name) for name, fault in FAULTS.items() if fault.grade != "suspect")

    @property
    def suspects(self) -> tuple[str, ...]:
        """Images that an exclusion list might name: of chips that are mislabelled, broken or empty."""
        names = (*_MISLABELLED, "empty", "unreadable", "shape", "dtype")
        chips = sorted({chip.split("/", 1)[1] for name in names for chip in self.faults.get(name, [])})
        return tuple(
            "_image_".join((product, f"{row}_{col}")) for product, row, col in (c.rsplit("_", 2) for c in chips)
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "kind": "swed",
            "root": str(self.root),
            "usable": self.is_usable,
            "chips": self.chips,
            "scenes": self.scenes,
            "pixels": dict(self.pixels),
            "offset_seems_in": self.offsets,
            "faults": {
                name: {"grade": fault.grade, "what": fault.words, "chips": sorted(self.faults[name])}
                for name, fault in FAULTS.items()
                if self.faults.get(name)
            },
        }


def check_swed(root: Path, *, progress: Callable[[int, int], None] | None = None) -> SwedReport:
    """Read every chip of both splits once and say what was found.

    Args:
        root: The folder that holds ``train``, ``test`` or both.
        progress: Told how many chips were read, of how many.

    Raises:
        SampleError: Neither split is there.
    """
    splits = dict(_list_splits(root))
    report, total, done = SwedReport(root=root), sum(map(len, splits.values())), 0
    for split, chips in splits.items():
        report.chips[split] = len(chips)
        report.scenes[split] = len({chip.product for chip in chips})
        pixels: dict[str, list[NDArray[Any]]] = defaultdict(list)
        for chip in chips:
            image = _check_chip(chip, f"{split}/{chip.name}", report)
            if image is not None and sum(part.shape[1] for part in pixels[chip.product]) < _KEPT_PX:
                thin = image[:, ::_SAMPLED, ::_SAMPLED].reshape(len(L2A_STACK), -1)
                pixels[chip.product].append(thin[:, thin.any(axis=0)])
            done += 1
            if progress:
                progress(done, total)
        report.offsets += [f"{split}/{product}" for product, parts in pixels.items() if _has_offset(parts)]
    return report


def _list_splits(root: Path) -> Iterator[tuple[SwedSplit, tuple[SwedChip, ...]]]:
    splits: tuple[SwedSplit, ...] = ("train", "test")
    there = [split for split in splits if (root / split).is_dir()]
    if not there:
        raise SampleError(
            f"Expected SWED as published, with the folders train and test, found neither in {root}. "
            "Give the folder that holds them."
        )
    for split in there:
        yield split, list_swed(root, split)


def _check_chip(chip: SwedChip, name: str, report: SwedReport) -> NDArray[Any] | None:
    """Note the faults of a chip; its image where that can be read."""
    if chip.image is None or chip.label is None:
        report.faults["no_image" if chip.image is None else "no_label"].append(name)
        return None
    try:
        image, label = read_swed_image(chip.image), read_swed_label(chip.label)
    except SampleError:
        report.faults["unreadable"].append(name)
        return None
    if image.dtype.kind not in "iuf":
        report.faults["dtype"].append(name)
        return None
    if image.shape[1:] != (CHIP_SIZE, CHIP_SIZE) or label.shape != (CHIP_SIZE, CHIP_SIZE):
        report.faults["shape"].append(name)
        return None
    for fault in find_chip_faults(image, label):
        report.faults[fault].append(name)
    known = image.any(axis=0)
    for word, value in (("water", 1), ("land", 0), ("negative", -1)):
        report.pixels[word] += int(np.count_nonzero(label[known] == value))
    return image


def find_chip_faults(image: NDArray[Any], label: NDArray[np.int16]) -> list[str]:
    """Find what is suspect about a chip that can be read.

    Open water is green rather than near-infrared and dark in the shortwave infrared; grown vegetation is neither. The
    thresholds lie well off the usual ones, so that only plain contradictions are told, on a fifth of the chip or more.

    Args:
        image: (12, row, col), reflectance in ten-thousandths.
        label: (row, col), 1, 0 or -1.

    Returns:
        Keys of ``FAULTS``.

    Source: the indices, McFeeters 1996, doi:10.1080/01431169608948714, and Tucker 1979,
    doi:10.1016/0034-4257(79)90013-0; the thresholds are ours.
    """
    known = image.any(axis=0)
    if not known.any():
        return ["empty"]
    faults = ["negative_label"] if (label == -1).any() else []
    values = image[:, known]
    if np.mean(~(values >= 0) | (values > 20_000)) > 0.01:
        faults.append("values")
    green, red, near, short = (image[L2A_STACK.index(name)].astype(np.float32) for name in ("B03", "B04", "B08", "B11"))
    water = (green - near > 0.3 * (green + near)) & (short < 500)
    plants = (near - red > 0.5 * (near + red)) & (near > 1500)
    contradicted = {"water_as_land": known & (label == 0) & water, "land_as_water": known & (label == 1) & plants}
    return faults + [name for name in _MISLABELLED if contradicted[name].mean() > _SHARE_OF_CHIP]


def _has_offset(parts: list[NDArray[Any]]) -> bool:
    if not parts:
        return False
    values = np.concatenate(parts, axis=1)
    samples = {name: values[L2A_STACK.index(name)] for name in EVIDENCE_BANDS if name in L2A_STACK}
    return compute_offset_evidence(samples).verdict == "present"
