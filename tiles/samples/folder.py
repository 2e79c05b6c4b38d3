"""A folder of scenes with masks or polygons, as a source of samples; ``folder_layout`` says what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Window
from tiles.masks import combine_validity, compute_band_validity
from tiles.products.headers import read_header
from tiles.products.stack import StackOptions
from tiles.samples.census import KINDS, Census, Kind, take_census
from tiles.samples.folder_layout import FolderScene, list_folder
from tiles.samples.geo_datasets import draw_window, list_windows, read_labelled
from tiles.samples.mask_raster import count_mask_values
from tiles.samples.mask_values import LabelShares, MaskValues, resolve_mask_values
from tiles.samples.sample import Sample
from tiles.scene import Radiometry, Scene

__all__ = ["FolderSamples"]

_SURVEY_PX = 512
_NONE, _DOCUMENTED = StackOptions(), MaskValues()

Surveyed = tuple[tuple[FolderScene, Census], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSamples:
    """Samples of a user's own scenes. Opening reads every label once, to know where land, water and shore are.

    Attributes:
        root: The folder.
        options: What the images do not say themselves: bands, scale, offset, nodata.
        shore_share: Share of draws that hold a shore; the others are half water, half land, where there is any.
        kept: Places to draw from; ``None``: all.
        values: What the values of masks mean; where the user does not say, masks that would lose a class are refused.
        label_shares: What share of the labels each value of the masks has, over all places; empty without masks.

    Raises:
        SampleError: An image has no label, nothing is labelled, a class would be lost, or the share is no share.
        SceneError: An image's bands or values cannot be told.
    """

    root: Path
    options: StackOptions = _NONE
    shore_share: float = 0.5
    kept: frozenset[str] | None = None
    values: MaskValues = _DOCUMENTED
    label_shares: tuple[LabelShares, ...] = field(init=False, repr=False, compare=False)
    _surveyed: Surveyed = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.shore_share <= 1:
            raise SampleError(f"Expected a share of shores from 0 to 1, found {self.shore_share}.")
        surveyed, labels = _survey_folder(self.root, self.options, self.values)
        chosen = tuple(each for each in surveyed if self.kept is None or each[0].place in self.kept)
        if not chosen:
            places = ", ".join(sorted({folder_scene.place for folder_scene, _ in surveyed})[:5])
            raise SampleError(f"None of the places asked for is in {self.root} (found {places} …).")
        object.__setattr__(self, "_surveyed", chosen)
        object.__setattr__(self, "label_shares", () if labels is None else (labels,))

    @property
    def name(self) -> str:
        """Short name of the source."""
        return f"folder {self.root.name}"

    @property
    def scenes(self) -> tuple[FolderScene, ...]:
        """The scenes that have a labelled pixel."""
        return tuple(folder_scene for folder_scene, _ in self._surveyed)

    @property
    def places(self) -> tuple[str, ...]:
        """All places that it has samples of, sorted."""
        return tuple(sorted({folder_scene.place for folder_scene, _ in self._surveyed}))

    def restrict(self, places: frozenset[str]) -> FolderSamples:
        """The same folder, of these places alone.

        Raises:
            SampleError: None of them is there.
        """
        return replace(self, kept=places & frozenset(self.places))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random square with a labelled pixel: shore, water or land is chosen first, then a scene that has it."""
        kind = self._draw_kind(rng)
        rising = np.cumsum([np.sqrt(census.count(kind)) for _, census in self._surveyed])
        index = int(np.searchsorted(rising, rng.random() * rising[-1], side="right"))
        folder_scene, census = self._surveyed[index]
        cell = census.draw(rng, kind)
        sample = _read_sample(folder_scene, draw_window(folder_scene, rng, inside=cell, size=size))
        # A square smaller than a cell may miss what is labelled in it.
        return (
            sample if sample.valid.any() else _read_sample(folder_scene, _find_labelled(folder_scene, cell, size=size))
        )

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel once; squares without one are left out."""
        for folder_scene, _ in self._surveyed:
            for window in list_windows(folder_scene, size=size):
                sample = _read_sample(folder_scene, window)
                if sample.valid.any():
                    yield sample

    def _draw_kind(self, rng: np.random.Generator) -> Kind:
        shares = dict(zip(KINDS, (self.shore_share, *[(1 - self.shore_share) / 2] * 2), strict=True))
        there = [kind for kind in KINDS if any(census.count(kind) for _, census in self._surveyed)]
        weights = np.array([shares[kind] for kind in there])
        weights = weights if weights.sum() > 0 else np.ones(len(there))
        return there[int(rng.choice(len(there), p=weights / weights.sum()))]


@lru_cache(maxsize=8)
def _survey_folder(root: Path, options: StackOptions, values: MaskValues) -> tuple[Surveyed, LabelShares | None]:
    scenes = list_folder(root, options=options, values=values)
    labels = _count_labels(scenes, root)  # refuses masks that would lose a class
    surveyed = tuple(
        (folder_scene, census) for folder_scene in scenes if (census := _survey_scene(folder_scene)).kind.any()
    )
    if not surveyed:
        raise SampleError(f"Expected labelled pixels with data in {root}, found none in {len(scenes)} scenes.")
    return surveyed, labels


def _count_labels(scenes: tuple[FolderScene, ...], root: Path) -> LabelShares | None:
    """Shares of the labels over all masks; ``None`` where there are none."""
    masks = {scene.mask: scene for scene in scenes if scene.mask is not None}
    if not masks:
        return None
    counts = {path: count_mask_values(path, scene.grid) for path, scene in masks.items()}
    tags = {path: read_header(str(path)).markers[0] for path in masks}
    return resolve_mask_values(counts, scenes[0].values, tags=tags, source=f"folder {root.name}")


def _survey_scene(folder_scene: FolderScene) -> Census:
    height, width = folder_scene.grid.shape

    def look() -> Iterator[tuple[Window, NDArray[np.float32], NDArray[np.bool_]]]:
        for row in range(0, height, _SURVEY_PX):
            for col in range(0, width, _SURVEY_PX):
                window = Window(col, row, min(_SURVEY_PX, width - col), min(_SURVEY_PX, height - row))
                _, fraction, valid = _read_arrays(folder_scene, window)
                yield window, fraction, valid

    return take_census(look(), height=height, width=width)


def _find_labelled(folder_scene: FolderScene, cell: Window, *, size: int) -> Window:
    """A square around a labelled pixel of a cell."""
    _, _, valid = _read_arrays(folder_scene, cell)
    row, col = np.argwhere(valid)[0]
    return Window(cell.col_off + int(col) - size // 2, cell.row_off + int(row) - size // 2, size, size)


def _read_sample(folder_scene: FolderScene, window: Window) -> Sample:
    reflectance, fraction, valid = _read_arrays(folder_scene, window)
    return Sample(
        reflectance=reflectance,
        fraction=fraction,
        valid=valid,
        place=folder_scene.place,
        source=f"folder {os.path.basename(folder_scene.image)}",  # noqa: PTH119 (what GDAL opens need not be a path)
        resolution_m=folder_scene.resolution_m,
    )


def _read_arrays(
    folder_scene: FolderScene, window: Window
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Reflectance (12, row, col), share of water and where it is valid (row, col)."""
    dn, share = read_labelled(folder_scene, window)
    radiometry = folder_scene.scene.radiometry
    data = _find_data(dn, folder_scene.scene)
    reflectance = np.full((len(L2A_STACK), *share.shape), np.nan, dtype=np.float32)
    for values, name in zip(dn, folder_scene.scene.band_names, strict=True):
        if name in L2A_STACK:
            scaled = (values + np.float32(radiometry.get_offset(name))) / np.float32(
                radiometry.get_quantification(name)
            )
            reflectance[L2A_STACK.index(name)] = np.where(data, scaled, np.float32(np.nan))
    return reflectance, np.clip(share, 0, 1), data & (share >= 0)


def _find_data(dn: NDArray[np.float32], scene: Scene) -> NDArray[np.bool_]:
    """Where a scene has data, as its rule for nodata has it: (row, col) of DN (band, row, col)."""
    radiometry = scene.radiometry
    known = (
        (_compute_known(values, radiometry, name), radiometry.is_missing_alone(name))
        for values, name in zip(dn, scene.band_names, strict=True)
    )
    return combine_validity(known, shape=dn.shape[1:])


def _compute_known(values: NDArray[np.float32], radiometry: Radiometry, name: str) -> NDArray[np.bool_] | None:
    nodata, *fills = (
        None if marker is None else float(np.float32(marker))
        for marker in (radiometry.get_nodata(name), *radiometry.fills)
    )
    return compute_band_validity(values, nodata, [value for value in fills if value is not None])
