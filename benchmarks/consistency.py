"""How well a line keeps its place when pixels grow: a test of sub-pixel precision that needs no truth.

    python -m benchmarks.consistency ../shared/data/scenes/ports/*.tif [--offset -1000] [--simulate 7100-7109]

Pixels are averaged to twice their size, both images are mapped, and lines of the coarse one that are longer than 150
of its fine pixels (1.5 km) are measured to those of the fine one: median and 90th percentile in metres, for the
coastline, for the network's own contour, and for NDWI at 0 and at Otsu's threshold. ``--simulate`` adds scenes whose
truth is known: distances from the true shore, where its water is wider than three pixels, to the mapped one; the signed
median is positive where the map lies seaward. Each line of the output is one JSON document; ``within`` says how often
the difference is within one and two stated deviations.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_opening, map_coordinates
from scipy.spatial import cKDTree

from benchmarks.accuracy import parse_seeds
from pipeline.evaluation.answers import NetworkMethod
from pipeline.predict.tile import NEAR_INFRARED, encode_infrared
from pipeline.shore.locate_shore import ShoreLocator
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground
from tiles.bands import L2A_STACK
from tiles.grid import Window
from tiles.indices import INDICES, IndexHistogram, compute_index
from tiles.masks import VALID
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.open import StackOptions, open_scene
from tiles.samples.sample import Sample
from tiles.simulate.world.landscape import World, WorldOptions, compute_stack

Floats = NDArray[np.floating[Any]]

_LEAST_LENGTH_PX = 150
_SIMULATED_PX = 768
_POINTS_A_PX = 20
_WIDE_PX = 1.5
"""Radius of the disc that fits into water wider than three pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """Reflectance of an image, (12, row, col), NaN where not known, and the edge of its pixels in metres."""

    reflectance: NDArray[np.float32]
    pixel_m: float

    def average(self) -> Image:
        """Pixels of twice the size."""
        height, width = (size // 2 * 2 for size in self.reflectance.shape[1:])
        fine = self.reflectance[:, :height, :width]
        coarse = fine.reshape(len(fine), height // 2, 2, width // 2, 2).mean(axis=(2, 4), dtype=np.float64)
        return Image(reflectance=coarse.astype(np.float32), pixel_m=2 * self.pixel_m)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """Points along lines, x and y in metres from the image's corner.

    Attributes:
        xy: (points, 2), dense.
        sigma: (points,) stated deviation in metres; 0 where none is stated.
        length_px: (points,) length of the line that each is on, in pixels of its image.
        surface: What it is the contour of.
    """

    xy: Floats
    sigma: Floats
    length_px: Floats
    surface: Floats


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*")
    parser.add_argument("--offset", type=float, help="for stacks, where the pixels do not tell")
    parser.add_argument("--simulate", default="", help="seeds, first-last")
    parser.add_argument("--model", default="strandline-small")
    arguments = parser.parse_args()
    network = NetworkMethod(name="network", model=arguments.model)
    for scene in arguments.scenes:
        image = read_image(scene, StackOptions(offset=arguments.offset))
        print(json.dumps({"scene": Path(scene).stem} | measure_consistency(image, network)), flush=True)
    for seed in parse_seeds(arguments.simulate) if arguments.simulate else ():
        image, fraction = simulate_image(seed)
        found = measure_consistency(image, network) | {"truth": measure_truth(image, fraction, network)}
        print(json.dumps({"scene": f"simulated {seed}"} | found), flush=True)


def read_image(path: str, options: StackOptions) -> Image:
    """All bands of a scene on its finest grid."""
    scene = open_scene(path, options=options)
    bands = tuple(band for band in scene.bands if band.name in L2A_STACK)
    pixels = next(read_strips(ReadPlan(scene=scene, bands=bands), [scene.grid.window])).read(scene.grid.window)
    stack = np.full((len(L2A_STACK), *pixels.state.shape), np.nan, np.float32)
    for band, values in zip(bands, pixels.reflectance, strict=True):
        stack[L2A_STACK.index(band.name)] = values
    stack[:, pixels.state != VALID] = np.nan
    width_m, height_m = Ground(scene.grid).pixel_m
    return Image(reflectance=stack, pixel_m=math.sqrt(width_m * height_m))


def simulate_image(seed: int) -> tuple[Image, Floats]:
    """A clear simulated scene, and its true share of water."""
    world = World(WorldOptions(seed=seed, cloud_cover=0, extent_px=_SIMULATED_PX, block_px=_SIMULATED_PX))
    rendered = world.render(Window(0, 0, _SIMULATED_PX, _SIMULATED_PX))
    return Image(reflectance=compute_stack(rendered).astype(np.float32), pixel_m=10.0), rendered.water_fraction


def measure_consistency(image: Image, network: NetworkMethod) -> dict[str, Any]:
    """Distances from the lines of the averaged image to those of the image itself, by method."""
    fine, coarse = (draw_lines(each, network) for each in (image, image.average()))
    return {name: compare(coarse[name], fine[name]) for name in fine}


def draw_lines(image: Image, network: NetworkMethod) -> dict[str, Line]:
    """The lines of an image by method."""
    probability = predict(image, network)
    share, error = locate(image, probability, network.whole.card.probability_rmse)
    index = compute_index("NDWI", image.reflectance)
    assert index is not None  # noqa: S101 (for the type checker)
    histogram = IndexHistogram(INDICES["NDWI"])
    histogram.add(index)
    return {
        "coastline": trace(share, image.pixel_m, error=error),
        "network": trace(probability, image.pixel_m),
        "ndwi_0": trace(index, image.pixel_m, level=0.0),
        "ndwi_otsu": trace(index, image.pixel_m, level=histogram.threshold),
    }


def predict(image: Image, network: NetworkMethod) -> NDArray[np.float32]:
    """The network's probability, NaN where nothing is known."""
    shape = image.reflectance.shape[1:]
    known = np.asarray(np.isfinite(image.reflectance).any(axis=0))
    sample = Sample(
        reflectance=image.reflectance, fraction=np.zeros(shape, np.float32), valid=known, place="-", source="-"
    )
    answer = network.answer(sample)
    assert answer is not None  # noqa: S101 (for the type checker)
    return answer.surface


def locate(image: Image, probability: NDArray[np.float32], rmse: float) -> tuple[Floats, Floats]:
    """Share of water and its error, as ``strandline map`` finds them."""
    planes = [image.reflectance[L2A_STACK.index(name)] for name in NEAR_INFRARED]
    infrared = encode_infrared(np.nan_to_num(next(plane for plane in planes if np.isfinite(plane).any())))
    height, width = probability.shape
    locator = ShoreLocator(width=width, height=height, pixel_m=image.pixel_m, probability_rmse=rmse)
    state = np.isnan(probability).astype(np.uint8)
    rows = list(locator.add_rows(probability, state, infrared))
    return np.concatenate([part.share for part in rows]), np.concatenate([part.error for part in rows])


def trace(surface: Floats, pixel_m: float, *, level: float = 0.5, error: Floats | None = None) -> Line:
    """The contour of a surface, as ``strandline map`` traces it, in points close together."""
    height, width = surface.shape
    tracer = ContourTracer(width=width, height=height, threshold=level)
    state = np.isnan(surface).astype(np.uint8)
    tracer.add_strip(surface, state, None if error is None else error.astype(np.float32))
    traced = tracer.finish()
    parts = [dense for number in range(len(traced.lines)) for dense in _densify(traced, number)]
    if not parts:
        return Line(xy=np.empty((0, 2)), sigma=np.empty(0), length_px=np.empty(0), surface=surface)
    xy, slope, length = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    sigma = np.zeros(len(xy)) if error is None else pixel_m * np.minimum(1 / np.maximum(slope, 1e-9), 10)
    return Line(xy=xy * pixel_m, sigma=sigma, length_px=length, surface=surface)


def _densify(traced: Any, number: int) -> Iterator[tuple[Floats, Floats, Floats]]:  # noqa: ANN401 (a Traced)
    vertex = traced.lines.vertex[traced.lines.start[number] : traced.lines.start[number + 1]]
    xy, slope = traced.xy[vertex], np.hypot(*traced.gradient[vertex].T)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    places = np.linspace(0, along[-1], int(np.ceil(along[-1] * _POINTS_A_PX)) + 1)
    columns = [np.interp(places, along, values) for values in (*xy.T, slope)]
    yield np.stack(columns[:2], axis=1), columns[2], np.full(len(places), along[-1])


def compare(coarse: Line, fine: Line) -> dict[str, Any] | None:
    """Distances from the long lines of an averaged image; ``None`` where there are none."""
    long = coarse.length_px * 2 > _LEAST_LENGTH_PX
    if not long.any() or len(fine.xy) == 0:
        return None
    distance, nearest = cKDTree(fine.xy).query(coarse.xy[long])
    sigma = np.hypot(coarse.sigma[long], fine.sigma[nearest])
    return _describe(np.asarray(distance), np.asarray(sigma))


def measure_truth(image: Image, fraction: Floats, network: NetworkMethod) -> dict[str, Any]:
    """Distances from the true shore, where its water is wider than three pixels, to the lines by method."""
    true = trace(fraction, image.pixel_m)
    radius = int(_WIDE_PX)
    at = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    wide = binary_dilation(binary_opening(fraction > 0.5, np.hypot(*at) <= _WIDE_PX), iterations=2)
    row, col = ((true.xy[:, axis] / image.pixel_m).astype(int) for axis in (1, 0))
    points = true.xy[wide[row.clip(0, len(wide) - 1), col.clip(0, wide.shape[1] - 1)]]
    levels = {"ndwi_0": 0.0}
    measured: dict[str, Any] = {}
    for name, line in draw_lines(image, network).items():
        if name == "ndwi_otsu" or len(line.xy) == 0 or len(points) == 0:
            continue
        distance, nearest = cKDTree(line.xy).query(points)
        there = map_coordinates(
            np.nan_to_num(line.surface, nan=0.5), points.T[::-1] / image.pixel_m - 0.5, order=1, mode="nearest"
        )
        landward = there > levels.get(name, 0.5)  # what the map calls water reaches beyond the true shore
        signed = np.where(landward, -distance, distance)
        measured[name] = _describe(np.asarray(distance), line.sigma[nearest]) | {
            "bias_m": round(float(np.median(signed)), 2)
        }
    return measured


def _describe(distance: Floats, sigma: Floats) -> dict[str, Any]:
    ends = {f"p{share}_m": round(float(np.percentile(distance, share)), 2) for share in (90, 95)}
    described: dict[str, Any] = {"median_m": round(float(np.median(distance)), 2), **ends, "points": len(distance)}
    if sigma.any():
        described["within"] = [round(float(np.mean(distance <= factor * sigma)), 3) for factor in (1, 2)]
    return described


if __name__ == "__main__":
    main()
