"""How much of the real crops the simulator's spectra can draw, and which surfaces they miss.

Run from the project's root::

    python -m benchmarks.cover_spectra ../shared/data/scenes

Draws many pixels of every class, mixes some pairs, and finds for real pixels the nearest drawn one. A pixel counts as
covered where the root mean square difference over the bands is at most 0.2 in soft logarithm (20% of a bright
reflectance, 0.004 of a dark one).
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from benchmarks.spectra_crops import B09, Crop, read_crops
from tiles.simulate.world.spectra import SPECTRA, draw_spectrum, from_soft_log, to_soft_log

__all__ = ["Coverage", "draw_pixels", "main"]

Rows = npt.NDArray[np.float64]

NEAR = 0.2
ADDED = ("cirrus",)


class Coverage:
    """Drawn pixels, ready to be asked for the nearest one."""

    def __init__(self, *, draws: int, seed: int, mixed: int = 30_000) -> None:
        self.pixels, self.names = draw_pixels(draws=draws, seed=seed, mixed=mixed)
        kept = [band for band in range(12) if band != B09]
        self._without = kept
        self._full = cKDTree(self.pixels)
        self._partial = cKDTree(self.pixels[:, kept])

    def query(self, crop: Crop, *, step: int = 3) -> tuple[Rows, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Distance to the nearest drawn pixel, its number, and which pixels of the crop were asked (every ``step``)."""
        asked = np.zeros(crop.valid.shape, dtype=bool)
        asked[::step, ::step] = crop.valid[::step, ::step]
        rows = to_soft_log(crop.reflectance[:, asked].T)
        partial = bool(np.isnan(rows[:, B09]).all())
        tree, bands = (self._partial, self._without) if partial else (self._full, list(range(12)))
        distance, nearest = tree.query(np.nan_to_num(rows[:, bands]))
        return np.asarray(distance) / np.sqrt(len(bands)), np.asarray(nearest), asked


def draw_pixels(*, draws: int, seed: int, mixed: int) -> tuple[Rows, npt.NDArray[np.str_]]:
    """Pixels ``(n, 12)`` in soft logarithm with the class of each; mixtures of two are called ``mixed``."""
    rng = np.random.default_rng(seed)
    pixels, names = [], []
    for name in SPECTRA:
        if name in ADDED:
            continue
        for _ in range(draws):
            drawn = draw_spectrum(name, rng)
            textures = rng.standard_normal((3, 12)).astype(np.float32)
            noise = drawn.residual[:, None] * rng.standard_normal((12, 12))
            pixels.append((drawn.compute_reflectance(textures) + noise).T)
            names += [name] * 12
    pure = np.concatenate(pixels)
    first, second = rng.integers(len(pure), size=(2, mixed))
    share = rng.uniform(size=(mixed, 1))
    blends = share * pure[first] + (1 - share) * pure[second]
    return to_soft_log(np.concatenate([pure, blends])), np.array(names + ["mixed"] * mixed)


def main() -> None:
    """Print the share that is covered, a line a crop family, and the mean of what is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--draws", type=int, default=300)
    options = parser.parse_args()
    coverage = Coverage(draws=options.draws, seed=1)
    for crop in read_crops(options.scenes):
        distance, nearest, asked = coverage.query(crop)
        far = distance > NEAR
        classes = Counter(coverage.names[nearest].tolist()).most_common(4)
        shares = " ".join(f"{name} {count / far.size:.2f}" for name, count in classes)
        print(f"{crop.name:36s} uncovered {far.mean():6.3f} median {np.median(distance):.3f}  {shares}")
        if far.mean() > 0.03:
            missed = np.median(to_soft_log(crop.reflectance[:, asked][:, far]), axis=1)
            print("    typical miss:", " ".join(f"{1e4 * value:.0f}" for value in from_soft_log(missed)))


if __name__ == "__main__":
    main()
