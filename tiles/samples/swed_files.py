"""The files of SWED, the Sentinel-2 Water Edges Dataset, in the layout in which it is published.

``train/images/<product>_image_<r>_<c>.npy`` (256, 256, 12) with ``train/labels/<product>_chip_<r>_<c>.npy``
(1, 256, 256), and ``test/images/<product>_image_<r>_<c>.tif`` with ``test/labels/<product>_label_<r>_<c>.tif``.
Reflectance is stored in ten-thousandths, without an offset.

Source: Seale, Redfern, Chatfield, Luo & Dempsey 2022, doi:10.1016/j.rse.2022.113044.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import RasterReadError, SampleError
from tiles.products.headers import open_quietly
from tiles.products.name import parse_product_name

__all__ = ["CHIP_SIZE", "SwedChip", "SwedSplit", "list_swed", "read_exclusions", "read_swed_image", "read_swed_label"]

SwedSplit = Literal["train", "test"]

CHIP_SIZE = 256
"""Rows and columns of a chip."""

_NAME = re.compile(
    r"(?P<product>.+)_(?:image|chip|label)_(?P<row>\d+)_(?P<col>\d+)(?:[.](?:npy|tiff?))?", re.IGNORECASE
)
_ENDINGS = {"train": {".npy"}, "test": {".tif", ".tiff"}}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SwedChip:
    """One chip: its name, and its files where they are there.

    Attributes:
        product: Name of the scene that it was cut from.
        row: Where in the scene, counted in chips or as published.
        col: The same, to the right.
        image: The picture, or ``None`` where it is missing.
        label: The mask, or ``None`` where it is missing.
    """

    product: str
    row: int
    col: int
    image: Path | None
    label: Path | None

    @property
    def name(self) -> str:
        """Name of the chip, as in an exclusion list."""
        return f"{self.product}_{self.row}_{self.col}"

    @property
    def tile(self) -> str | None:
        """The MGRS tile that the product's name says, or ``None``."""
        named = parse_product_name(self.product)
        return named.tile if named else None


def list_swed(root: Path, split: SwedSplit) -> tuple[SwedChip, ...]:
    """List the chips of a split, those with a missing half too.

    Args:
        root: The folder that holds ``train`` and ``test``.
        split: Which of them.

    Raises:
        SampleError: The folder has no such split, or no chip is in it.
    """
    folder = root / split
    images, labels = (_index_files(folder / part, _ENDINGS[split]) for part in ("images", "labels"))
    keys = sorted({*images, *labels})
    if not keys:
        kind = " or ".join(sorted(_ENDINGS[split]))
        raise SampleError(
            f"Expected SWED as published, {split}/images and {split}/labels with {kind} files, found none in {root}. "
            f"Give the folder that holds train and test."
        )
    return tuple(
        SwedChip(product=product, row=row, col=col, image=images.get(key), label=labels.get(key))
        for key in keys
        for product, row, col in [key]
    )


def _index_files(folder: Path, endings: set[str]) -> dict[tuple[str, int, int], Path]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {key: path for path in paths if path.suffix.lower() in endings for key in _parse_names([path.name])}


def _parse_names(names: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    for name in names:
        match = _NAME.fullmatch(name)
        if match:
            yield match["product"], int(match["row"]), int(match["col"])


def read_exclusions(path: Path) -> frozenset[tuple[str, int, int]]:
    """Read a list of chips to leave out.

    Args:
        path: Text, a chip a line: the name of its image or label file, with or without folder and ending. Columns
            after a comma are not read, nor lines that begin with ``#``.

    Returns:
        Product, row and column of each.

    Raises:
        SampleError: The list cannot be read, or none of its lines names a chip.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SampleError(f"Expected a list of chips to leave out, found none at {path} ({error.strerror}).") from error
    words = [line.split(",")[0].strip().strip('"') for line in lines]
    words = [Path(word.replace("\\", "/")).name for word in words if word and not word.startswith("#")]
    chips = frozenset(_parse_names(words))
    if words and not chips:
        raise SampleError(
            f"Expected names of chips, such as <product>_image_3_17.npy, a line each in {path}, found {words[0]!r}."
        )
    return chips


def read_swed_image(path: Path) -> NDArray[Any]:
    """Read the picture of a chip: (12, row, col), values as stored.

    Raises:
        SampleError: It is truncated, or no picture of 12 bands.
    """
    values = _read_array(path)
    if values.ndim == 3 and values.shape[-1] == len(L2A_STACK) and path.suffix.lower() == ".npy":
        values = values.transpose(2, 0, 1)  # (row, col, band), as published, to (band, row, col)
    if values.ndim != 3 or values.shape[0] != len(L2A_STACK):
        raise SampleError(
            f"Expected (256, 256, 12) in .npy or 12 bands in .tif, found the shape {values.shape} in {path}. "
            "Run strandline data check."
        )
    return values


def read_swed_label(path: Path) -> NDArray[np.int16]:
    """Read the mask of a chip: int16 (row, col), as published: 1 water, 0 not, now and then -1.

    Raises:
        SampleError: It is truncated, no mask, or has other values.
    """
    values = _read_array(path)
    flat = values[0] if values.ndim == 3 and values.shape[0] == 1 else values
    if flat.ndim != 2:
        raise SampleError(f"Expected a mask (1, 256, 256), found the shape {values.shape} in {path}.")
    if flat.dtype.kind not in "biuf":
        raise SampleError(f"Expected labels as numbers, found {flat.dtype} in {path}. Run strandline data check.")
    label = flat.astype(np.float64)
    label[label == np.iinfo(np.uint16).max] = -1  # -1 in a file of unsigned numbers
    odd = [f"{value:g}" for value in np.unique(label[~np.isin(label, (-1, 0, 1))])]
    if odd:
        raise SampleError(
            f"Expected labels 0, 1 and -1, found {', '.join(odd[:5])} in {path}. Run strandline data check."
        )
    return label.astype(np.int16)


def _read_array(path: Path) -> NDArray[Any]:
    try:
        if path.suffix.lower() == ".npy":
            array: NDArray[Any] = np.load(path, allow_pickle=False)
            return array
        with open_quietly(str(path)) as dataset:
            return np.asarray(dataset.read())
    except (OSError, ValueError, EOFError, RasterReadError) as error:
        reason = " ".join(str(error).split())
        raise SampleError(
            f"Cannot read {path}: it is truncated or of another kind ({reason}). Fetch it again."
        ) from error
