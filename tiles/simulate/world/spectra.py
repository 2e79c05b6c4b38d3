"""Reflectance spectra of the simulator's surfaces: what water, sand, forest or snow look like in the 12 bands.

Most were measured on pixels of real Sentinel-2 scenes (``benchmarks/measure_spectra.py``), some stand in tables of
published values; ``Spectrum.source`` says which. Only statistics are kept. A class has several *variants*
(one turbid river is brown, the next one green). A scene draws its own spectrum of a class with ``draw_spectrum``: the
variant and the variation *between* places give its mean, the variation *within* a place gives the texture on it.

Variation is measured and drawn in the soft logarithm (``tiles.simulate.world.soft_log``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from tiles.bands import L2A_STACK
from tiles.errors import SceneError

__all__ = [
    "SPECTRA",
    "SPECTRA_VERSION",
    "DrawnSpectrum",
    "Spectrum",
    "compute_slope",
    "draw_spectrum",
    "from_soft_log",
    "to_soft_log",
]

Values = npt.NDArray[np.float64]


_KNEE = 0.02


def to_soft_log(reflectance: npt.ArrayLike) -> Values:
    """Bring reflectance into the space where variation is alike for dark and bright.

    Args:
        reflectance: Any shape, reflectance units, negative allowed.

    Returns:
        ``asinh(reflectance / 0.02)``, the same shape.
    """
    return np.asarray(np.arcsinh(np.asarray(reflectance, dtype=np.float64) / _KNEE))


def from_soft_log(values: npt.ArrayLike) -> Values:
    """Bring soft logarithms back to reflectance; undoes ``to_soft_log``.

    Args:
        values: Any shape.

    Returns:
        Reflectance, the same shape.
    """
    return np.asarray(_KNEE * np.sinh(np.asarray(values, dtype=np.float64)))


def compute_slope(reflectance: npt.ArrayLike) -> Values:
    """How far reflectance moves with its soft logarithm: the derivative, ``sqrt(r² + 0.02²)``.

    Args:
        reflectance: Any shape, reflectance units.

    Returns:
        Reflectance a unit of soft logarithm, the same shape.
    """
    return np.asarray(np.hypot(np.asarray(reflectance, dtype=np.float64), _KNEE))


Array = npt.NDArray[np.float32]
Rows = tuple[tuple[float, ...], ...]

_LOWEST, _HIGHEST = -0.02, 1.3
_BLEND_SHARE = 0.4
_GAIN_SIGMA = 0.06
_BANDS = len(L2A_STACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """One variant of a surface class.

    Attributes:
        name: Class, a key of ``SPECTRA``.
        mean: 12 reflectances in the order of ``L2A_STACK``.
        components: ``(12, k)`` factor of the covariance *between* places, in soft logarithm.
        within: ``(12, 3)`` factor of the covariance *within* a place, in soft logarithm, strongest first.
        residual: 12 standard deviations that ``within`` leaves over, in soft logarithm: noise without texture.
        is_water: Whether the surface belongs to a water body (surf and lake ice too).
        pixels: Measured pixels; 0 for a table.
        crops: Places they came from; 0 for a table.
        source: Where the figures come from.

    Raises:
        SceneError: A part has not 12 bands, or a reflectance is impossible.
    """

    name: str
    mean: tuple[float, ...]
    components: Rows
    within: Rows
    residual: tuple[float, ...]
    is_water: bool
    pixels: int
    crops: int
    source: str

    def __post_init__(self) -> None:
        lengths = {len(self.mean), len(self.components), len(self.within), len(self.residual)}
        if lengths != {_BANDS}:
            raise SceneError(
                f"A spectrum has {_BANDS} bands, found {sorted(lengths)} in {self.name}. Measure it again."
            )
        if not all(_LOWEST <= value <= _HIGHEST for value in self.mean):
            raise SceneError(
                f"Reflectance lies within {_LOWEST} and {_HIGHEST}, found {self.mean} in {self.name}. Measure it again."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnSpectrum:
    """What one class looks like in one simulated scene: ``pixel = mean + factor @ textures``.

    Attributes:
        name: Class.
        mean: ``(12,)`` reflectance.
        factor: ``(12, 3)`` reflectance per unit of three independent texture fields of unit variance.
        residual: ``(12,)`` standard deviation of what is left, without spatial texture.
        is_water: Whether the surface belongs to a water body.
    """

    name: str
    mean: Array
    factor: Array
    residual: Array
    is_water: bool

    def compute_reflectance(self, textures: Array) -> Array:
        """Pixels of this surface under texture fields.

        Args:
            textures: ``(3, ...)`` fields of zero mean and unit variance; beyond three sigma they are cut.

        Returns:
            ``(12, ...)`` reflectance, nowhere below a third of the mean of its band.
        """
        fields = np.clip(textures, -3, 3).reshape(self.factor.shape[1], -1)
        pixels = self.mean[:, None] + self.factor @ fields
        floor = np.minimum(self.mean, self.mean / 3)[:, None]
        return np.maximum(pixels, floor).reshape(_BANDS, *textures.shape[1:]).astype(np.float32)


def draw_spectrum(name: str, rng: np.random.Generator) -> DrawnSpectrum:
    """Draw what a surface class looks like in one scene.

    Args:
        name: A key of ``SPECTRA``.
        rng: Source of chance; the same state gives the same spectrum.

    Returns:
        Mean and texture factor; the mean lies within -0.02 and 1.3.

    Raises:
        SceneError: There is no such class.
    """
    if name not in SPECTRA:
        raise SceneError(f"There is no surface class {name!r}. The classes are {', '.join(SPECTRA)}.")
    variants = SPECTRA[name]
    first, second = (variants[int(index)] for index in rng.integers(len(variants), size=2))
    blend = float(rng.uniform(0, 0.5)) if rng.uniform() < _BLEND_SHARE else 0.0
    place = np.array(first.components) @ _draw_bounded(rng, len(first.components[0]))
    centre = (1 - blend) * to_soft_log(first.mean) + blend * to_soft_log(second.mean) + place
    gain = float(np.exp(_GAIN_SIGMA * _draw_bounded(rng, 1)[0]))
    mean = np.clip(from_soft_log(centre) * gain, _LOWEST, _HIGHEST)
    slope = compute_slope(mean)
    strength = float(rng.uniform(0.7, 1.2))
    return DrawnSpectrum(
        name=name,
        mean=mean.astype(np.float32),
        factor=(strength * slope[:, None] * np.array(first.within)).astype(np.float32),
        residual=(slope * np.array(first.residual)).astype(np.float32),
        is_water=first.is_water,
    )


def _draw_bounded(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    return np.clip(rng.standard_normal(count), -2.5, 2.5)


@cache
def _read_table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(
        (Path(__file__).parents[2] / "data" / "spectra.json").read_text(encoding="utf-8")
    )
    return table


def _build_spectrum(name: str, entry: Mapping[str, Any]) -> Spectrum:
    return Spectrum(
        name=name,
        mean=tuple(entry["mean"]),
        components=tuple(map(tuple, entry["components"])),
        within=tuple(map(tuple, entry["within"])),
        residual=tuple(entry["residual"]),
        is_water=entry["is_water"],
        pixels=entry["pixels"],
        crops=entry["crops"],
        source=entry["source"],
    )


SPECTRA: Mapping[str, tuple[Spectrum, ...]] = MappingProxyType(
    {
        name: tuple(_build_spectrum(name, entry) for entry in entries)
        for name, entries in _read_table()["classes"].items()
    }
)
"""Every surface class with its variants."""

SPECTRA_VERSION: str = _read_table()["version"]
"""Changes whenever a figure of the table does; part of a simulated product's record."""
