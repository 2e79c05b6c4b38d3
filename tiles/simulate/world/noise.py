"""Noise that is a function of position alone, so that any window of a simulated world agrees with any other.

Random numbers sit on lattices of the absolute plane (a hash of seed, row and column) and are joined by cubic
B-splines. Weights and lattice values are short binary fractions, so that in float64 the sums are *exact*: the same
bits come out for a position whatever window, library or number of threads computed them.

Source: value noise on lattices, Ebert et al., Texturing and Modeling, 3rd ed., 2003, chapter 2; the 32-bit finaliser
of MurmurHash3 (A. Appleby, public domain).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fractal", "compute_hash", "compute_noise", "compute_uniform"]

Floats = NDArray[np.floating[Any]]
_VALUE_STEPS = 64.0  # lattice values are multiples of 1/64
_WEIGHT_STEPS = 2.0**14  # spline weights are multiples of 2^-14, exact in float64 together with the values
_BSPLINE_STD = 0.479  # a cubic B-spline of unit white noise keeps this much of the deviation (mean of both axes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractal:
    """A sum of noise octaves.

    Attributes:
        seed: Which noise.
        spacings_px: Distance of the lattice points of each octave; features are some three times as wide.
        amplitudes: Standard deviation of each octave, in the unit of the result.
    """

    seed: int
    spacings_px: tuple[int, ...]
    amplitudes: tuple[float, ...]

    @classmethod
    def build(cls, seed: int, *, finest_px: int, coarsest_px: int, hurst: float, amplitude: float = 1.0) -> Fractal:
        """Octaves of doubling spacing whose deviation grows with spacing to the power ``hurst``.

        Args:
            seed: Which noise.
            finest_px: Lattice spacing of the finest octave.
            coarsest_px: Largest spacing allowed.
            hurst: Self-affinity: 0.7 is rugged, 1.2 smooth.
            amplitude: Standard deviation of the whole sum.
        """
        spacings = [finest_px]
        while spacings[-1] * 2 <= coarsest_px:
            spacings.append(spacings[-1] * 2)
        weights = np.array([float(s) ** hurst for s in spacings])
        weights *= amplitude / np.sqrt((weights**2).sum())
        return cls(seed=seed, spacings_px=tuple(spacings), amplitudes=tuple(float(w) for w in weights))

    @classmethod
    def build_rooted(cls, seed: int, *, finest_px: int, coarsest_px: int, hurst: float, finest: float) -> Fractal:
        """The same, with the deviation ``finest`` of the finest octave given instead of the whole."""
        octaves = cls.build(seed, finest_px=finest_px, coarsest_px=coarsest_px, hurst=hurst)
        ratio = finest / octaves.amplitudes[0]
        return cls(seed=seed, spacings_px=octaves.spacings_px, amplitudes=tuple(a * ratio for a in octaves.amplitudes))


def _mix_bits(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values


def _to_words(values: NDArray[Any], salt: int) -> NDArray[np.uint32]:
    words = (np.asarray(values, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)
    return _mix_bits(words * np.uint32(0x9E3779B1) + np.uint32(salt & 0xFFFFFFFF))


def compute_hash(seed: int, rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[np.uint32]:
    """Random 32-bit words that depend on seed, row and column alone.

    Args:
        seed: Which stream; any integer.
        rows: Whole numbers of any shape, negative ones too.
        cols: Whole numbers; broadcast against ``rows``.
    """
    with np.errstate(over="ignore"):
        down = _to_words(rows, seed * 0x68E31DA4 + 0x1B56C4E9)
        across = _to_words(cols, (seed >> 32) * 0x3C6EF372 + seed * 0x2545F491 + 0x7FEB352D)
        return _mix_bits(down + across * np.uint32(0x01000193))


def compute_uniform(seed: int, rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[np.float32]:
    """Random numbers of 0 to 1 (not 1) that depend on seed, row and column alone; shapes broadcast."""
    words = compute_hash(seed, rows, cols) >> np.uint32(8)
    return words.astype(np.float32) * np.float32(2.0**-24)


def _compute_splines(positions: Floats, dtype: type) -> tuple[int, int, Floats]:
    """First lattice index, number of lattice points, and the weight matrix (positions, points); not to be changed."""
    return _compute_splines_at(positions.astype(np.float64).tobytes(), dtype)


@lru_cache(maxsize=256)
def _compute_splines_at(places: bytes, dtype: type) -> tuple[int, int, Floats]:
    """The same; kept, for most noises of a block, and all blocks of a row, ask for the same positions."""
    positions = np.frombuffer(places)
    base = np.floor(positions)
    t = positions - base
    first = int(base.min()) - 1
    count = int(base.max()) - first + 3
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    weights = np.round(weights * _WEIGHT_STEPS) / _WEIGHT_STEPS
    matrix: Floats = np.zeros((len(positions), count), dtype=dtype)
    lines = np.arange(len(positions))
    for tap in range(4):
        matrix[lines, base.astype(np.int64) - 1 - first + tap] = weights[tap]
    return first, count, matrix


def _compute_lattice(seed: int, first: tuple[int, int], shape: tuple[int, int], amplitude: float) -> Floats:
    """Lattice values (rows, cols) of deviation ``amplitude`` after the spline, multiples of a short fraction."""
    rows = np.arange(first[0], first[0] + shape[0])[:, None]
    cols = np.arange(first[1], first[1] + shape[1])[None, :]
    steps = np.sqrt(3.0) * _VALUE_STEPS  # uniform on +-sqrt(3) has unit deviation
    words = compute_hash(seed, rows, cols)
    values = np.round((words.astype(np.float64) * 2.0**-31 - 1.0) * steps) / _VALUE_STEPS
    # A gain of 7 significant bits keeps every product, and the sum of all octaves, below 53 bits.
    gain = amplitude / _BSPLINE_STD
    quantum = 2.0 ** (np.floor(np.log2(max(gain, 1e-9))) - 6)
    return np.asarray(values * (np.round(gain / quantum) * quantum))


def compute_noise(fractal: Fractal, rows: Floats, cols: Floats, *, dtype: type = np.float64) -> NDArray[Any]:
    """Evaluate fractal noise on a rectangle of positions.

    Args:
        fractal: The octaves.
        rows: Positions (R,) down the absolute plane, in 10 m pixels.
        cols: Positions (C,) across it.
        dtype: ``float64`` is exact to the last bit whatever the window; ``float32`` is twice as fast.

    Returns:
        Values (R, C) of mean 0, in the unit of the amplitudes.
    """
    total: NDArray[Any] = np.zeros((len(rows), len(cols)), dtype=dtype)
    left, right = [], []
    for octave, (spacing, amplitude) in enumerate(zip(fractal.spacings_px, fractal.amplitudes, strict=True)):
        seed = fractal.seed * 31 + octave * 7919 + spacing
        # Lattices of different octaves must not share points, or their seams would show.
        shift = (np.arange(2) * 0.37 + octave * 0.29) % 1.0
        row_first, row_count, down = _compute_splines(rows / spacing + shift[0], dtype)
        col_first, col_count, across = _compute_splines(cols / spacing + shift[1], dtype)
        lattice = _compute_lattice(seed, (row_first, col_first), (row_count, col_count), amplitude)
        left.append(down @ lattice.astype(dtype))  # (R, points)
        right.append(across)  # (C, points)
    if left:
        total += np.concatenate(left, axis=1) @ np.concatenate(right, axis=1).T
    return total
