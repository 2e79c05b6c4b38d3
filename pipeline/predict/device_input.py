"""From the pixels of files to what a network sees, computed on the device: only DN as stored go over the bus.

A 20 m band has a quarter of the pixels of the finest grid and a DN half the bytes of its reflectance, so a tile of
Sentinel-2 is a sixth of what the host would send otherwise. What comes out is what ``tiles.pixels.reader.Strip.read``
and ``pipeline.predict.tile.fill_unknown`` give on the host, by the same operations in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tiles.grid import Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels.native_rows import Cut
from tiles.pixels.reader import Strip
from tiles.pixels.resample import AxisSampling
from tiles.scene import Radiometry

__all__ = ["NativeTile", "ReflectanceTile", "TileInput", "prepare_tile"]


class TileInput(Protocol):
    """The pixels of a tile, ready to go to the device."""

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """What goes there."""
        ...

    @property
    def is_empty(self) -> bool:
        """Nothing in it is known to hold data: there is nothing to ask the network."""
        ...

    def compute(self, tensors: list[Tensor], fill: Tensor) -> tuple[Tensor, Tensor]:
        """Reflectance and state, on the device.

        Args:
            tensors: The arrays, there.
            fill: Reflectance a channel that stands for "nothing known", (C,), there.

        Returns:
            float32 (1, C, H, W), with unknown pixels filled; state, uint8 (H, W).
        """
        ...


def prepare_tile(strip: Strip, window: Window) -> TileInput:
    """Cut a window out of a strip: as DN where those are whole numbers of up to 16 bits, else as reflectance.

    What few scenes have (masks of the files' own, several markers of missing pixels) is left to the host as well.

    Args:
        strip: Pixels as stored.
        window: Within the rows and columns of the strip.
    """
    grid = strip.plan.scene.grid
    cuts = [native.cut(window, grid) for native in strip.bands]
    rare = strip.plan.scene.radiometry.fills or any(native.masks for native in strip.bands)
    if rare or not all(np.can_cast(dn.dtype, np.uint16) for dn, _, _ in cuts):
        pixels = strip.read(window)
        return ReflectanceTile(reflectance=pixels.reflectance, state=pixels.state)
    found = strip.find_hidden(window)
    hidden = None if found is None else (found[0].view(np.uint8), *found[1:])
    names = tuple(native.source.name for native in strip.bands)
    return NativeTile(cuts=tuple(cuts), hidden=hidden, names=names, radiometry=strip.plan.scene.radiometry)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReflectanceTile:
    """A tile that was brought to reflectance on the host.

    Attributes:
        reflectance: float32 (C, H, W).
        state: uint8 (H, W).
    """

    reflectance: NDArray[np.float32]
    state: NDArray[np.uint8]

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """What goes to the device."""
        return [self.reflectance, self.state]

    @property
    def is_empty(self) -> bool:
        """No pixel is valid."""
        return not bool((self.state == VALID).any())

    def compute(self, tensors: list[Tensor], fill: Tensor) -> tuple[Tensor, Tensor]:
        """Reflectance (1, C, H, W) and state (H, W), as ``TileInput`` has it."""
        image, state = tensors
        return _fill(image, state, fill), state


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeTile:
    """A tile as stored, each band in its own resolution.

    Attributes:
        cuts: DN of each channel (row, col), and where the rows and columns of the finest grid fall in them.
        hidden: The same for what hides the ground, uint8, 1 where it does; ``None``: nothing does.
        names: Of the bands.
        radiometry: From DN to reflectance.
    """

    cuts: tuple[Cut, ...]
    hidden: Cut | None
    names: tuple[str, ...]
    radiometry: Radiometry

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """DN and the tables of their sampling."""
        arrays: list[NDArray[Any]] = []
        for dn, rows, cols in self.cuts:
            arrays += [dn.astype(np.uint16, copy=False), *_list_tables(rows), *_list_tables(cols)]
        if self.hidden is not None:
            flags, rows, cols = self.hidden
            arrays += [flags, *_list_tables(rows), *_list_tables(cols)]
        return arrays

    @property
    def is_empty(self) -> bool:
        """All of a band is missing where that takes away the pixel, or all of every band where only that does."""
        alone = [self.radiometry.is_missing_alone(name) for name in self.names]
        together = [self._is_missing(channel) for channel, each in enumerate(alone) if not each]
        return bool(together and all(together)) or any(
            self._is_missing(channel) for channel, each in enumerate(alone) if each
        )

    def _is_missing(self, channel: int) -> bool:
        marker = find_marker(self.radiometry.get_nodata(self.names[channel]))
        return marker is not None and _is_all(self.cuts[channel][0], marker)

    def compute(self, tensors: list[Tensor], fill: Tensor) -> tuple[Tensor, Tensor]:
        """Reflectance (1, C, H, W) and state (H, W), as ``TileInput`` has it."""
        left = iter(tensors)
        shape = tuple(len(axis.lower) for axis in self.cuts[0][1:])
        image = torch.empty((len(self.cuts), *shape), dtype=torch.float32, device=fill.device)
        alone: list[Tensor] = []
        together: list[Tensor | None] = []
        for channel, name in enumerate(self.names):
            dn = next(left).to(torch.int32).bitwise_and_(0xFFFF)  # (row, col) of the band's own grid
            rows, cols = (_Axis.take(left, axis, dim=dim) for dim, axis in enumerate(self.cuts[channel][1:]))
            marker = find_marker(self.radiometry.get_nodata(name))
            mask = None if marker is None else dn != marker
            self._compute_reflectance(dn, mask, name, (rows, cols), out=image[channel])
            fine = None if mask is None else cols.take_nearest(rows.take_nearest(mask))
            if not self.radiometry.is_missing_alone(name):
                together.append(fine)
            elif fine is not None:
                alone.append(fine)
        valid = _combine(alone, together, image[0])  # (H, W)
        state = torch.full_like(valid, VALID, dtype=torch.uint8).masked_fill_(~valid, NODATA)
        if self.hidden is not None:
            hidden = next(left)
            rows, cols = (_Axis.take(left, axis, dim=dim) for dim, axis in enumerate(self.hidden[1:]))
            state.masked_fill_(cols.take_nearest(rows.take_nearest(hidden)).bool() & valid, OBSCURED)
        return _fill(image, state, fill), state

    def _compute_reflectance(
        self, dn: Tensor, mask: Tensor | None, name: str, axes: tuple[_Axis, _Axis], *, out: Tensor
    ) -> None:
        """As ``compute_reflectance`` of the reader: missing pixels take no part in the mean of their neighbours."""
        rows, cols = axes
        offset = float(np.float32(self.radiometry.get_offset(name)))
        scale = float(np.float32(1 / self.radiometry.get_quantification(name)))
        values = dn.to(torch.float32).add_(offset).mul_(scale)
        if mask is not None:
            values.masked_fill_(~mask, 0.0)
        mixed = cols.interpolate(rows.interpolate(values))  # (H, W)
        if mask is not None and not (rows.is_identity and cols.is_identity):
            share = cols.interpolate(rows.interpolate(mask.to(torch.float32)))
            mixed = mixed.div_(share).masked_fill_(share <= 0, 0.0)
        out.copy_(mixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The sampling along one dimension, on the device; its tables are int32, but the shares."""

    dim: int
    is_identity: bool
    lower: Tensor
    upper: Tensor
    weight: Tensor
    nearest: Tensor

    @classmethod
    def take(cls, tensors: Iterator[Tensor], axis: AxisSampling, *, dim: int) -> _Axis:
        """From the tables of ``_list_tables``."""
        lower = next(tensors)
        if axis.is_identity:
            return cls(dim=dim, is_identity=True, lower=lower, upper=lower, weight=lower, nearest=lower)
        upper, nearest, weight = (next(tensors) for _ in range(3))
        shaped = weight[:, None] if dim == 0 else weight
        return cls(dim=dim, is_identity=False, lower=lower, upper=upper, weight=shaped, nearest=nearest)

    def interpolate(self, values: Tensor) -> Tensor:
        """Linearly between pixel centres, along this dimension."""
        lower = values.index_select(self.dim, self.lower)
        if self.is_identity:
            return lower
        return (values.index_select(self.dim, self.upper) - lower).mul_(self.weight).add_(lower)

    def take_nearest(self, values: Tensor) -> Tensor:
        """The pixel that contains the fine pixel's centre, along this dimension."""
        return values.index_select(self.dim, self.nearest)


def _list_tables(axis: AxisSampling) -> list[NDArray[Any]]:
    lower = axis.lower.astype(np.int32)
    if axis.is_identity:
        return [lower]
    return [lower, axis.upper.astype(np.int32), axis.nearest.astype(np.int32), axis.weight]


def _combine(alone: list[Tensor], together: list[Tensor | None], like: Tensor) -> Tensor:
    """Where there is data: in each band that can take a pixel away alone, and in one at least of the others."""
    seen = [mask for mask in together if mask is not None]
    valid = torch.ones_like(like, dtype=torch.bool)
    if seen and len(seen) == len(together):
        valid = reduce(torch.logical_or, seen)
    return reduce(torch.logical_and, alone, valid)


def _fill(image: Tensor, state: Tensor, fill: Tensor) -> Tensor:
    """A batch of one (1, C, H, W), in which what is not known is filled."""
    return torch.where(state == VALID, image, fill[:, None, None])[None]


def find_marker(nodata: float | None) -> int | None:
    """The DN of missing pixels; ``None`` where no whole number of 16 bits is one.

    Args:
        nodata: As ``tiles.scene.Radiometry`` has it.
    """
    if nodata is None or not math.isfinite(nodata) or not float(nodata).is_integer():
        return None
    return int(nodata) if 0 <= nodata <= np.iinfo(np.uint16).max else None


def _is_all(dn: NDArray[Any], marker: int) -> bool:
    """Whether all pixels are missing; where the first is not, the others need no look."""
    return bool(dn[0, 0] == marker and (dn == marker).all())
