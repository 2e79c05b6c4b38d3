"""SWED, the Sentinel-2 Water Edges Dataset, as a source of samples, exactly as it is published."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tiles.errors import SampleError
from tiles.samples.ground import locate_tile, merge_overlapping
from tiles.samples.patch import LAND, UNLABELLED, Patch
from tiles.samples.patch_choice import PatchChoice
from tiles.samples.sample import Sample
from tiles.samples.swed_files import (
    SwedChip,
    SwedSplit,
    list_swed,
    read_exclusions,
    read_swed_image,
    read_swed_label,
)

__all__ = ["Swed"]

_log = logging.getLogger(__name__)
_LOOKS = 6
"""How many masks are looked at for one that shows a shore."""
_MISSING = np.iinfo(np.int16).min


@dataclass(frozen=True, slots=True, kw_only=True)
class Swed:
    """SWED; place is the MGRS tile, with the tiles that overlap it, so that no ground is on both sides of a split.

    Attributes:
        root: The folder that holds ``train`` and ``test``.
        split: Which of them.
        exclude: A list of chips to leave out, or ``None``.
        negative_one: What the label -1 is taken for; it is counted in the log.
        shore_share: Share of draws for which a chip with a shore is looked for, 0 to 1.
        kept: Places to draw from; ``None``: all.

    Raises:
        SampleError: The split is not there, or every chip is excluded.
    """

    root: Path
    split: SwedSplit = "train"
    exclude: Path | None = None
    negative_one: Literal["land", "ignore"] = "land"
    shore_share: float = 0.5
    kept: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.split not in {"train", "test"} or self.negative_one not in {"land", "ignore"}:
            raise SampleError(
                f"Expected the split train or test, and -1 as land or ignore, found {self.split} and "
                f"{self.negative_one}."
            )
        if not 0 <= self.shore_share <= 1:
            raise SampleError(f"Expected a share of shores from 0 to 1, found {self.shore_share}.")

    @property
    def name(self) -> str:
        """Short name of the source."""
        return f"swed-{self.split}"

    @property
    def chips(self) -> tuple[SwedChip, ...]:
        """The chips that are whole and not excluded, in order."""
        if self.kept is None:
            return _index_chips(self.root, self.split, self.exclude)[0]
        return _keep_chips(self.root, self.split, self.exclude, self.kept)

    @property
    def places(self) -> tuple[str, ...]:
        """All places that it has samples of, sorted."""
        _, place = _index_chips(self.root, self.split, self.exclude)
        return tuple(sorted({place[chip.product] for chip in self.chips}))

    def restrict(self, places: frozenset[str]) -> Swed:
        """The same chips, of these places alone.

        Raises:
            SampleError: None of them is there.
        """
        kept = frozenset(self.places) & places
        if not kept:
            examples = ", ".join(self.places[:5])
            raise SampleError(f"None of the {len(places)} places asked for is in {self.root} (found {examples} …).")
        return replace(self, kept=kept)

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random square with data; chips with a shore come more often.

        Raises:
            SampleError: A file cannot be read, or no chip has data.
        """
        chips, on_shore = self.chips, bool(rng.random() < self.shore_share)
        start = self._find_shore_chip(rng) if on_shore else int(rng.integers(len(chips)))
        for step in range(len(chips)):  # an empty chip gives way to the next
            patch = self.read(chips[(start + step) % len(chips)])
            if patch.labelled:
                return patch.draw(rng, size=size, on_shore=on_shore)
        raise SampleError(f"Every chip of {self.root / self.split} is empty. Run strandline data check.")

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel once."""
        for chip in self.chips:
            patch = self.read(chip)
            if patch.labelled:
                yield from PatchChoice(patches=(patch,), shore_share=0).tiles(size=size)

    def read(self, chip: SwedChip) -> Patch:
        """Read a whole chip; pixels that are 0 in all bands have no data.

        Raises:
            SampleError: A file is truncated, or not as published.
        """
        assert chip.image is not None  # noqa: S101 (chips are whole)
        assert chip.label is not None  # noqa: S101
        image, label = read_swed_image(chip.image), read_swed_label(chip.label)
        if image.shape[1:] != label.shape:
            raise SampleError(
                f"Expected a mask of {image.shape[1:]} pixels for {chip.image}, found {label.shape} in {chip.label}."
            )
        values = np.nan_to_num(image, nan=0)
        stored = np.clip(values, _MISSING + 1, np.iinfo(np.int16).max).astype(np.int16)
        missing = ~values.any(axis=0)
        stored[:, missing] = _MISSING
        _, place = _index_chips(self.root, self.split, self.exclude)
        return Patch(
            stored=stored,
            label=np.where(missing, UNLABELLED, self._resolve_label(label, chip)).astype(np.uint8),
            place=place[chip.product],
            source=self.name,
        )

    def _resolve_label(self, label: NDArray[np.int16], chip: SwedChip) -> NDArray[np.int16]:
        negative = label == -1
        if negative.any():
            _log.info("%s: %d pixels labelled -1 are taken as %s", chip.name, negative.sum(), self.negative_one)
        return np.where(negative, LAND if self.negative_one == "land" else UNLABELLED, label).astype(np.int16)

    def _find_shore_chip(self, rng: np.random.Generator) -> int:
        chips = self.chips
        candidates = rng.integers(len(chips), size=_LOOKS)
        for index in candidates:
            path = chips[index].label
            label = read_swed_label(path) if path else np.zeros(1)
            if (label == 1).any() and (label != 1).any():
                return int(index)
        return int(candidates[0])


@lru_cache(maxsize=16)
def _index_chips(root: Path, split: SwedSplit, exclude: Path | None) -> tuple[tuple[SwedChip, ...], dict[str, str]]:
    """The chips that are whole and not excluded, and the place of each product."""
    chips = list_swed(root, split)
    left_out = read_exclusions(exclude) if exclude else frozenset()
    whole = tuple(chip for chip in chips if chip.image and chip.label)
    kept = tuple(chip for chip in whole if (chip.product, chip.row, chip.col) not in left_out)
    if not kept:
        raise SampleError(
            f"Expected chips with an image and a label in {root / split}, found {len(chips)} of which {len(whole)} are "
            f"whole and none is left after {exclude or 'no list'}. Run strandline data check."
        )
    _log.info("%s/%s: %d chips, %d without a half, %d excluded", root, split, len(kept), len(chips) - len(whole),
              len(whole) - len(kept))  # fmt: skip
    products = {chip.product: chip.tile for chip in kept}
    tiles = {tile or product: locate_tile(tile) if tile else None for product, tile in products.items()}
    place = merge_overlapping(tiles)
    return kept, {product: place[tile or product] for product, tile in products.items()}


@lru_cache(maxsize=16)
def _keep_chips(root: Path, split: SwedSplit, exclude: Path | None, kept: frozenset[str]) -> tuple[SwedChip, ...]:
    chips, place = _index_chips(root, split, exclude)
    return tuple(chip for chip in chips if place[chip.product] in kept)
