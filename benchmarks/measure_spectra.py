"""Measure the simulator's spectra on real crops, and write their statistics.

Run from the project's root::

    python -m benchmarks.measure_spectra ../shared/data/scenes

It writes ``tiles/data/spectra.json``: a record a variant with mean, variation between places, variation within a place,
and the number of pixels and crops. No pixel is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from benchmarks.spectra_coarse import Sample, fill_coarse_bands, find_unmixed, mark_coarse_bands
from benchmarks.spectra_crops import Crop, read_crops
from benchmarks.spectra_labels import label_pixels
from benchmarks.spectra_tables import TABLES
from tiles.simulate.world.spectra import from_soft_log

__all__ = ["main", "measure"]

Rows = npt.NDArray[np.float64]

WATER = ("clear", "coastal", "turbid", "river_mud", "shallow", "algae", "humic", "rough_sea", "foam", "lake_ice")
FEWEST_PIXELS = 40
BLOCK = 96
VARIANTS = 12
TEXTURES = 3
OUT = Path("tiles/data/spectra.json")


@dataclass(frozen=True, slots=True)
class Place:
    """Statistics of one class in one crop, in soft logarithm."""

    crop: str
    pixels: int
    mean: Rows
    covariance: Rows


def measure(scenes: Path) -> dict[str, list[dict[str, Any]]]:
    """Measure all classes.

    Args:
        scenes: The folder of real crops.

    Returns:
        Class to variants, as they stand in ``spectra.json``.
    """
    samples = [sample for crop in read_crops(scenes) for sample in _sample(crop)]
    filled = [
        sample
        for wet in (True, False)
        for sample in fill_coarse_bands([one for one in samples if (one.name in WATER) is wet])
    ]
    places: dict[str, list[Place]] = defaultdict(list)
    for sample in filled:
        places[sample.name].append(_summarise(sample))
    names = [*WATER, *sorted(({*places} | {*TABLES}) - {*WATER})]
    return {name: _describe(name, places.get(name, [])) for name in names}


def _sample(crop: Crop) -> Iterator[Sample]:
    """Pure pixels of the crop, block by block, so that a large scene counts as many places."""
    pixels = mark_coarse_bands(crop)
    pure = crop.valid & find_unmixed(crop)
    for name, mask in label_pixels(crop).items():
        for window in _split_blocks(mask.shape):
            chosen = mask[window] & pure[window]
            if chosen.sum() >= FEWEST_PIXELS:
                yield Sample(crop.name, name, pixels[:, *window][:, chosen].T)


def _split_blocks(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    if max(shape) <= 256:
        return [(slice(None), slice(None))]
    return [
        (slice(row, row + BLOCK), slice(col, col + BLOCK))
        for row in range(0, shape[0], BLOCK)
        for col in range(0, shape[1], BLOCK)
    ]


def _summarise(sample: Sample) -> Place:
    pixels = sample.pixels
    # The median is not moved by the few pixels that a rule let through.
    mean = np.median(pixels, axis=0)
    spread = np.clip(pixels - mean, *np.percentile(pixels - mean, (1, 99), axis=0))
    return Place(sample.crop, len(pixels), mean, np.cov(spread.T))


def _describe(name: str, places: list[Place]) -> list[dict[str, Any]]:
    groups = _group(places)
    prior = _compute_prior(groups)
    measured = [_pool(name, group, prior) for group in groups]
    tables = [_tabulate(name, row, measured) for row in TABLES.get(name, ())]
    return measured + tables


def _group(places: list[Place]) -> list[list[Place]]:
    """Places of like mean together, at most ``VARIANTS`` groups."""
    if len(places) < 3:
        return [[place] for place in places]
    tree = linkage(np.stack([place.mean for place in places]), "ward")
    numbers = fcluster(tree, min(VARIANTS, max(2, len(places) // 3)), "maxclust")
    return [[p for p, n in zip(places, numbers, strict=True) if n == number] for number in sorted(set(numbers))]


def _compute_prior(groups: list[list[Place]]) -> Rows:
    """Variation between places that every group shares; a group of few places says little about its own."""
    scatter, freedom = 4 * _tabulate_spread(), 4
    for group in groups:
        means = np.stack([place.mean for place in group])
        scatter = scatter + (means - means.mean(axis=0)).T @ (means - means.mean(axis=0))
        freedom += len(group) - 1
    return np.asarray(scatter / freedom)


def _tabulate_spread() -> Rows:
    wide = 0.08 + 0.05 * np.linspace(-1, 1, 12) ** 2
    return np.asarray(np.outer(wide, wide) + np.diag(np.full(12, 0.03**2)))


def _pool(name: str, group: list[Place], prior: Rows) -> dict[str, Any]:
    means = np.stack([place.mean for place in group])
    centred = means - means.mean(axis=0)
    between = (centred.T @ centred + 4 * prior) / (len(group) + 3)
    within = np.mean([place.covariance for place in group], axis=0)
    crops = sorted({place.crop for place in group})
    return _record(
        mean=from_soft_log(means.mean(axis=0)),
        between=between,
        within=within,
        about={
            "is_water": name in WATER,
            "pixels": sum(place.pixels for place in group),
            "crops": len(crops),
            "source": f"measured: {_name_sources(crops)}",
        },
    )


def _name_sources(crops: list[str]) -> str:
    families = sorted({crop.split("/")[0].split("_coast")[0] for crop in crops})
    return ", ".join(families)


def _tabulate(name: str, row: tuple[tuple[float, ...], bool, str], measured: list[dict[str, Any]]) -> dict[str, Any]:
    mean, is_water, source = row
    between = _tabulate_spread()
    within = 0.7 * between
    if measured:
        factor = np.array(measured[0]["within"])
        within = factor @ factor.T + np.diag(np.array(measured[0]["residual"]) ** 2)
    about = {"is_water": is_water, "pixels": 0, "crops": 0, "source": source}
    return _record(mean=np.array(mean), between=between, within=within, about=about)


def _record(*, mean: Rows, between: Rows, within: Rows, about: Mapping[str, Any]) -> dict[str, Any]:
    factor = _compute_factor(within)
    residual = np.sqrt(np.maximum(np.diag(within - factor @ factor.T), 0))
    parts = {"mean": mean, "components": _compute_factor(between), "within": factor, "residual": residual}
    return {**about, **{key: np.round(value, 4 if key == "mean" else 3).tolist() for key, value in parts.items()}}


def _compute_factor(covariance: Rows) -> Rows:
    """The strongest ``TEXTURES`` principal components, each times its standard deviation."""
    values, vectors = np.linalg.eigh(covariance)
    chosen = np.argsort(values)[::-1][:TEXTURES]
    signs = np.where(vectors[:, chosen].sum(axis=0) < 0, -1, 1)
    return np.asarray(vectors[:, chosen] * signs * np.sqrt(np.maximum(values[chosen], 0)))


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path)
    options = parser.parse_args()
    classes = measure(options.scenes)
    text = json.dumps(classes, separators=(",", ":"))
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    lines = [f'"{name}":{json.dumps(classes[name], separators=(",", ":"))}' for name in classes]
    body = ",\n".join(lines)
    OUT.write_text(f'{{"version":"{version}","classes":{{\n{body}\n}}}}\n', encoding="utf-8")
    for name, variants in classes.items():
        print(f"{name:12s} {len(variants):2d} variants {sum(v['pixels'] for v in variants):8d} px")


if __name__ == "__main__":
    main()
