"""Real crops with masks made by hand, by looking, as a source of samples.

The pixels stay where the user has them (they are not ours to hand on); the masks and their lists are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tiles.errors import SampleError
from tiles.samples.crop_list import LabelledCrop, read_label_list
from tiles.samples.crop_reader import read_crop, read_mask, take_labels
from tiles.samples.patch import Patch
from tiles.samples.patch_choice import PatchChoice
from tiles.samples.sample import Sample

__all__ = ["LABELS", "LabelledCrops"]

LABELS = Path(__file__).parents[1] / "data" / "labels"
"""The masks and lists that come with Strandline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCrops:
    """The labelled crops, held in memory once a process.

    Attributes:
        root: The folder of scenes that the lists' files are relative to.
        labels: The folder of lists and masks.
        lists: Names of lists, without ending; empty: all that are there.
        shore_share: Share of draws that hold a shore, where there is any.
        kept: Places to draw from; ``None``: all.

    Raises:
        SampleError: There is no such list, or a crop or a mask cannot be read.
    """

    root: Path
    labels: Path = LABELS
    lists: tuple[str, ...] = ()
    shore_share: float = 0.6
    kept: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Short name of the source: that it is labelled crops, and of which lists where these were chosen."""
        return f"labelled crops of {', '.join(self.lists)}" if self.lists else "labelled crops"

    @property
    def patches(self) -> tuple[Patch, ...]:
        """The crops that are not rejected and have a labelled pixel, in the order of the lists."""
        return self._choice.patches

    @property
    def places(self) -> tuple[str, ...]:
        """All places that it has samples of, sorted."""
        return tuple(sorted({patch.place for patch in self.patches}))

    def restrict(self, places: frozenset[str]) -> LabelledCrops:
        """The same crops, of these places alone.

        Raises:
            SampleError: None of them is there.
        """
        kept = frozenset(self.places) & places
        if not kept:
            raise SampleError(
                f"None of the {len(places)} places is in {self.labels}; there are {', '.join(self.places[:5])} …"
            )
        return replace(self, kept=kept)

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random square with a labelled pixel; those with a shore come more often."""
        return self._choice.draw(rng, size=size)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel once."""
        return self._choice.tiles(size=size)

    @property
    def _choice(self) -> PatchChoice:
        return _choose_patches(self.root, self.labels, self.lists, self.shore_share, self.kept)


@lru_cache(maxsize=16)
def _choose_patches(
    root: Path, labels: Path, lists: tuple[str, ...], shore_share: float, kept: frozenset[str] | None
) -> PatchChoice:
    patches = _read_patches(root, labels, lists)
    chosen = tuple(patch for patch in patches if kept is None or patch.place in kept)
    return PatchChoice(patches=chosen, shore_share=shore_share)


@lru_cache(maxsize=4)
def _read_patches(root: Path, labels: Path, lists: tuple[str, ...]) -> tuple[Patch, ...]:
    paths = [labels / f"{name}.csv" for name in lists] or sorted(labels.glob("*.csv"))
    crops = [crop for path in paths for crop in read_label_list(path) if crop.verdict != "rejected"]
    _require_one_place(crops)
    masks: dict[str, NDArray[np.uint8]] = {}
    patches = []
    for crop in crops:
        if crop.file not in masks:
            masks[crop.file] = read_mask(labels / crop.mask_name)
        patches.append(read_crop(crop, root=root, mask=take_labels(masks[crop.file], crop.window)))
    patches = [patch for patch in patches if patch.labelled]
    if not patches:
        raise SampleError(f"Expected lists (*.csv) with labelled crops in {labels}, found none. Give their folder.")
    return tuple(patches)


def _require_one_place(crops: list[LabelledCrop]) -> None:
    for index, crop in enumerate(crops):
        for other in crops[:index]:
            if crop.file == other.file and crop.place != other.place and crop.window.intersection(other.window):
                raise SampleError(
                    f"Two crops of {crop.file} overlap, {other.window} and {crop.window}, but claim the places "
                    f"{other.place} and {crop.place} ({other.listed_in}, {crop.listed_in}). Give them one place."
                )
