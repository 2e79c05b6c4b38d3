"""How much of the shore gets its right kind: random coasts of which the truth is known, and oceans that err as ours do.

    python benchmarks/kinds.py --coasts 40 > benchmarks/results/kinds.jsonl

A coast is 24 km of curved shore with a harbour, a canal, a creek, a lake and an island, and a wide estuary or a lagoon
behind an inlet, turned by any angle, on pixels of 20 m. The truth of each water is in what it was drawn as. The ocean
is the true one, moved by up to 1.8 km, as Natural Earth's is.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.trace import coastline, kinds
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ocean import Ocean
from tiles.grid import Grid

SIZE, PIXEL_M = 1200, 20.0
HALF_KM = SIZE * PIXEL_M / 2000
GRID = Grid(
    crs=CRS.from_epsg(32631), transform=Affine(PIXEL_M, 0, 488_000, 0, -PIXEL_M, 5_512_000), width=SIZE, height=SIZE
)
KINDS = ("sea", "river", "lake")


@dataclass(frozen=True, slots=True)
class Coast:
    """One coast.

    Attributes:
        wet: (row, col) water.
        truth: (row, col) number of ``KINDS``, where there is water.
        inland_km: (row, col) distance from the open shore, negative at sea.
    """

    wet: NDArray[np.bool_]
    truth: NDArray[np.uint8]
    inland_km: NDArray[np.float64]


def draw_coast(seed: int) -> Coast:
    """A coast by its seed."""
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[:SIZE, :SIZE] + 0.5
    angle = rng.uniform(0, 2 * np.pi)
    x, y = (axis * PIXEL_M / 1000 - HALF_KM for axis in (col, row))
    along, across = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    bend = sum(rng.uniform(0.1, 0.5) * np.sin(along / rng.uniform(1.5, 5) + rng.uniform(0, 7)) for _ in range(3))
    inland = across - bend - rng.uniform(-3, 1)
    wet, truth = inland < 0, np.zeros(x.shape, np.uint8)

    def add(where: NDArray[np.bool_], kind: str) -> None:
        new = where & ~wet
        wet[new], truth[new] = True, KINDS.index(kind)

    middle = rng.choice(["lagoon", "wide"])
    sides = rng.permutation(["harbour", "canal", "creek", "lake"])
    for what, place in zip([middle, *sides], (0.0, -9.0, -6.5, 6.5, 9.0), strict=True):
        off = np.abs(along - place)
        if what == "harbour":
            add((off < rng.uniform(0.1, 0.5)) & (inland < rng.uniform(0.5, 2.2)) & (inland > -1), "sea")
        elif what == "canal":
            add((off < rng.uniform(0.04, 0.2)) & (inland > -1), "river")
        elif what == "creek":
            add((np.abs(along - place - 0.4 * np.sin(inland * 2)) < rng.uniform(0.03, 0.1)) & (inland > -1), "river")
        elif what == "lagoon":
            add((inland > 0.4) & (inland < rng.uniform(1.2, 2.5)) & (off < rng.uniform(3.2, 4.5)), "river")
            add((off < rng.uniform(0.05, 0.2)) & (inland < 0.5) & (inland > -1), "river")
        elif what == "wide":
            add((off < rng.uniform(0.4, 0.9)) & (inland > -1) & (inland < rng.uniform(5, 9)), "sea")
        else:
            add(np.hypot(along - place, inland - 5) < rng.uniform(0.2, 1.2), "lake")
    wet &= np.hypot(along - 1.5, inland + 2.0) > 0.25
    return Coast(wet=wet, truth=truth, inland_km=inland)


def make_ocean(coast: Coast, error_km: float) -> Ocean:
    """The open sea, its shore moved inland by so much."""
    from rasterio.features import shapes

    from pipeline.trace.ellipsoid import Ground

    ground = Ground(GRID)
    sea = (coast.inland_km < error_km).astype(np.uint8)
    parts = [shapely.geometry.shape(part) for part, value in shapes(sea, transform=GRID.transform) if value]
    frame = gpd.GeoSeries(parts, crs=GRID.crs.to_wkt()).to_crs(ground.plane)
    whole = shapely.union_all(shapely.simplify(frame.to_numpy(), 100))
    return Ocean(whole=whole, certain=shapely.buffer(whole, -2000), least_area_m2=1e6, tolerance_m=2000.0)


def measure(seed: int) -> dict[str, float | int]:
    """Kilometres of shore of each true kind, and of those of each that were told right."""
    coast = draw_coast(seed)
    error_km = float(np.random.default_rng(seed + 1).uniform(-1.8, 1.8))
    tracer = ContourTracer(width=SIZE, height=SIZE)
    tracer.add_strip(coast.wet.astype(np.float32), np.zeros(coast.wet.shape, np.uint8))
    ocean = make_ocean(coast, error_km)
    kinds.read_ocean = lambda _ground, path=None: ocean  # its own is Natural Earth's
    context = coastline.SceneContext(scene="s", acquired=None, model="m", probability_rmse=0.1)
    lines = coastline.build_coastline(tracer.finish(), grid=GRID, context=context).coastline
    counted: dict[str, float | int] = {"seed": seed, "ocean_error_km": round(error_km, 2)}
    counted |= {f"{kind}_{what}": 0.0 for kind in KINDS for what in ("km", "right_km")}
    for line, kind in zip(lines.geometry, lines["kind"], strict=True):
        xy = shapely.get_coordinates(shapely.segmentize(line, PIXEL_M))
        middle, (dx, dy) = (xy[1:] + xy[:-1]) / 2, np.diff(xy, axis=0).T
        length = np.hypot(dx, dy)
        aside = middle + 0.8 * PIXEL_M * np.stack((dy, -dx), axis=1) / np.maximum(length, 1e-9)[:, None]
        col, row = np.floor(~GRID.transform @ aside.T).astype(int)
        row, col = row.clip(0, SIZE - 1), col.clip(0, SIZE - 1)
        for number, true in enumerate(KINDS):
            here = float(length[(coast.truth[row, col] == number) & coast.wet[row, col]].sum()) / 1000
            counted[f"{true}_km"] += here
            counted[f"{true}_right_km"] += here * (kind == true)
    return {name: round(value, 2) for name, value in counted.items()}


def main() -> None:
    """Print a line of JSON a coast, and the shares over all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coasts", type=int, default=40)
    rows = [measure(seed) for seed in range(parser.parse_args().coasts)]
    for row in rows:
        print(json.dumps(row))
    shares = {}
    for kind in KINDS:
        whole = sum(row[f"{kind}_km"] for row in rows)
        shares[kind] = {"km": round(whole, 1), "right": round(sum(row[f"{kind}_right_km"] for row in rows) / whole, 4)}
    print(json.dumps({"coasts": len(rows), **shares}))


if __name__ == "__main__":
    main()
