"""How well one coastline comes back from a simulated coast of four tiles, two UTM zones and several dates.

    python benchmarks/coast.py COAST --simulate --seed 3 [--extent 2400]      # makes COAST
    python benchmarks/coast.py COAST --mosaic FOLDER                          # measures FOLDER/coastline.gpkg
    python benchmarks/coast.py COAST --perfect MAPS --out OUT    # what a faultless network would map

The last one takes a folder of mapped scenes and puts the true share of water in place of the network's answer, under
the same clouds: the mosaic of OUT shows what joining alone costs.

COAST is a folder that ``tiles.simulate.coast.simulate_coast`` wrote. What is measured: distances between the mapped and
the true shoreline where a date was clear, into how many lines the longest true shoreline came back, how much was mapped
twice, and which ends have no reason. Measures are appended to ``benchmarks/results/coast.jsonl``, a line a run.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter
from scipy.spatial import cKDTree

from pipeline.output.classes import NODATA, OBSCURED
from pipeline.output.rasters import MapWriter
from pipeline.trace.line_samples import Samples, compute_distances, compute_samples
from strandline import __version__
from tiles import masks
from tiles.grid import Grid
from tiles.products.name import find_tile

RESULTS = Path(__file__).parent / "results" / "coast.jsonl"

STEP_M = 5.0
MARGIN_M = 60.0  # of cloud, nodata and the area's edge
TWICE_M = 20.0  # two mapped lines this close to each other are one shore mapped twice ...
APART_M = 60.0  # ... unless the true shoreline has a second shore this close, or they are this close along one line
_TURN_M = 35.0  # a true line that comes back this close to itself bounds something narrow
_MATCH_M = 30.0  # a mapped line within this of a true one stands for it
_LEAST_SHARE = 0.01  # of the longest shoreline: lines that stand for less are pieces of its clutter

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """The truth of a simulated coast.

    Attributes:
        lines: (n,) LineStrings in the CRS of the plane, the longest first.
        crs: CRS of the plane.
        clear_dates: (rows, cols) on how many dates each place is clear and inside a tile.
        tiles: (rows, cols) how many tiles cover it.
        transform: Of both, north up.
    """

    lines: NDArray[Any]
    crs: str
    clear_dates: NDArray[np.uint8]
    tiles: NDArray[np.uint8]
    transform: Affine

    def compute_seen(self, xy: Floats, *, margin_m: float = 0.0) -> Mask:
        """Whether each of the points (n, 2) was clear at least once, and all the ground within a margin of it."""
        seen = self.clear_dates > 0
        if margin_m > 0:
            seen = minimum_filter(seen, size=2 * round(margin_m / self.transform.a) + 1, mode="constant", cval=False)
        return np.asarray(self._sample(seen, xy), dtype=np.bool_)

    def count_tiles(self, xy: Floats) -> NDArray[Any]:
        """How many tiles cover each of the points (n, 2)."""
        return self._sample(self.tiles, xy)

    def _sample(self, places: NDArray[Any], xy: Floats) -> NDArray[Any]:
        """Values at points; 0 beyond the raster."""
        cols, rows = ~self.transform @ (xy[:, 0], xy[:, 1])
        row, col = np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)
        inside = (row >= 0) & (row < places.shape[0]) & (col >= 0) & (col < places.shape[1])
        found = np.zeros(len(xy), dtype=places.dtype)
        found[inside] = places[row[inside], col[inside]]
        return found


def read_truth(folder: Path) -> Truth:
    """Read ``truth/`` of a simulated coast."""
    frame = pyogrio.read_dataframe(folder / "truth" / "shoreline.gpkg", layer="shoreline")
    with rasterio.open(folder / "truth" / "clear.tif") as file:
        (clear, tiles), transform = file.read(), file.transform
    lines = frame.geometry.to_numpy()
    order = np.argsort(-shapely.length(lines), kind="stable")
    return Truth(lines=lines[order], crs=frame.crs.to_wkt(), clear_dates=clear, tiles=tiles, transform=transform)


def read_mapped(path: Path, crs: str, *, layer: str = "coastline") -> NDArray[Any]:
    """Read mapped lines, joined where they share an end, in the plane's CRS; their direction is kept."""
    frame = pyogrio.read_dataframe(path, layer=layer).to_crs(crs)
    return join_lines(frame.geometry.to_numpy())


def join_lines(lines: NDArray[Any]) -> NDArray[Any]:
    """Lines that follow each other at an exactly shared end become one; a coastline may be cut to name its sources."""
    parts = shapely.get_parts(lines)
    merged = shapely.line_merge(shapely.multilinestrings(parts), directed=True)
    return np.asarray(shapely.get_parts(merged))


def measure_distances(mapped: NDArray[Any], truth: Truth) -> dict[str, float | None]:
    """Distances in metres, mapped to true and true to mapped, where a date was clear (and 60 m around it)."""
    from_mapped = compute_samples(mapped, step=STEP_M).xy
    from_true = compute_samples(truth.lines, step=STEP_M)
    to_true = compute_distances(from_mapped[truth.compute_seen(from_mapped, margin_m=MARGIN_M)], truth.lines)
    seen = truth.compute_seen(from_true.xy, margin_m=MARGIN_M)
    to_mapped = compute_distances(from_true.xy[seen], mapped)
    longest = to_mapped[from_true.line[seen] == 0]
    return {
        **_summarise("mapped_to_true", to_true),
        **_summarise("true_to_mapped", to_mapped),
        **_summarise("longest_to_mapped", longest),
        "seen_share": round(float(seen.mean()), 4) if len(seen) else 0.0,
    }


def _summarise(name: str, distances: Floats) -> dict[str, float | None]:
    """Median, 95th percentile and how much line was measured; ``None`` where there is no other line to measure to."""
    found = {}
    for word, share in (("median", 0.5), ("p95", 0.95)):
        value = float(np.quantile(distances, share, method="lower")) if len(distances) else np.inf
        found[f"{name}_{word}_m"] = round(value, 3) if np.isfinite(value) else None
    return {**found, f"{name}_km": round(len(distances) * STEP_M / 1000, 3)}


def measure_continuity(mapped: NDArray[Any], truth: Truth) -> dict[str, float]:
    """Into how many mapped lines the longest true shoreline came back.

    Returns:
        ``lines``: mapped lines that stand for at least 1% of it, where a date was clear. ``breaks``: places along
        it where one such line gives way to another. ``breaks_without_reason``: those with no cloud, nodata or edge
        within 60 m. ``matched_share``: of its clear length.
    """
    along = compute_samples(truth.lines[:1], step=STEP_M).xy
    seen = truth.compute_seen(along, margin_m=MARGIN_M)
    number = _find_nearest_line(along, mapped)
    matched = seen & (number >= 0)
    names, counts = np.unique(number[matched], return_counts=True)
    main = names[counts >= _LEAST_SHARE * max(int(seen.sum()), 1)]
    place = np.flatnonzero(matched & np.isin(number, main))
    change = np.flatnonzero(np.diff(number[place]) != 0)
    unseen = np.concatenate(([0], np.cumsum(~seen)))
    # Between two samples: was any of the ground on the way hidden?
    hidden = unseen[place[change + 1]] - unseen[place[change]] > 0
    return {
        "lines": len(main),
        "breaks": len(change),
        "breaks_without_reason": int((~hidden).sum()),
        "matched_share": round(float(matched.sum() / max(int(seen.sum()), 1)), 4),
        "longest_km": round(len(along) * STEP_M / 1000, 3),
    }


def _find_nearest_line(points: Floats, lines: NDArray[Any]) -> NDArray[np.int64]:
    """Number of the nearest line within 30 m of each point, -1 where there is none."""
    samples = compute_samples(lines, step=STEP_M / 2)
    if not len(samples.xy):
        return np.full(len(points), -1)
    distance, nearest = cKDTree(samples.xy).query(points, distance_upper_bound=_MATCH_M)
    return np.asarray(np.where(np.isfinite(distance), np.append(samples.line, -1)[nearest], -1))


def measure_duplicates(mapped: NDArray[Any], truth: Truth) -> dict[str, float]:
    """Kilometres of mapped line that run within 20 m of another part of the mapped coastline.

    Another part is another line, or more than 60 m away along the same one. Where the true shoreline itself has a
    second shore within 60 m (a creek, a mole), two lines are right, and nothing is said.

    Returns:
        ``duplicate_km``: all of it, false lakes and rivers side by side among it. ``duplicate_shore_km``: within 20 m
        of the true shoreline, which was thus mapped twice. ``duplicate_overlap_share`` and ``duplicate_single_share``:
        of the line checked where several tiles see the ground, and where one does: a mosaic that resolves overlaps
        has no more in the one than in the other. ``checked_km``, ``mapped_km``: of line.
    """
    samples = compute_samples(mapped, step=STEP_M)
    seen = truth.compute_seen(samples.xy, margin_m=MARGIN_M)
    twice = find_other_parts(samples, _list_closed(mapped), radius_m=TWICE_M, along_m=APART_M)
    true = compute_samples(truth.lines, step=STEP_M)
    closed = _list_closed(truth.lines)
    second = find_other_parts(true, closed, radius_m=APART_M, along_m=200.0)
    second |= find_other_parts(true, closed, radius_m=_TURN_M, along_m=APART_M)
    narrow = np.zeros(len(samples.xy), dtype=np.bool_)
    if second.any() and len(samples.xy):
        narrow = np.isfinite(cKDTree(true.xy[second]).query(samples.xy, distance_upper_bound=APART_M)[0])
    checked, twice = ~narrow & seen, twice & ~narrow & seen
    on_shore = compute_distances(samples.xy, truth.lines) <= TWICE_M
    several = truth.count_tiles(samples.xy) > 1
    return {
        "duplicate_km": _to_km(twice),
        "duplicate_shore_km": _to_km(twice & on_shore),
        "duplicate_overlap_share": _compute_share(twice, checked & several),
        "duplicate_single_share": _compute_share(twice, checked & ~several),
        "checked_km": _to_km(checked),
        "mapped_km": _to_km(np.ones_like(seen)),
    }


def _to_km(samples: Mask) -> float:
    return round(float(samples.sum() * STEP_M / 1000), 3)


def _compute_share(some: Mask, among: Mask) -> float:
    return round(float((some & among).sum() / max(int(among.sum()), 1)), 4)


def find_other_parts(samples: Samples, closed: Mask, *, radius_m: float, along_m: float) -> Mask:
    """Which samples lie near another part of the lines: another line, or further than ``along_m`` along the same."""
    found = np.zeros(len(samples.xy), dtype=np.bool_)
    if not len(samples.xy):
        return found
    count = np.bincount(samples.line, minlength=len(closed))
    pairs = cKDTree(samples.xy).query_pairs(radius_m, output_type="ndarray")
    one, two = pairs[:, 0], pairs[:, 1]
    line = samples.line[one]
    gap = np.abs(one - two)
    gap = np.where(closed[line], np.minimum(gap, count[line] - gap), gap)
    other = (line != samples.line[two]) | (gap * STEP_M > along_m)
    found[one[other]] = found[two[other]] = True
    return found


def _list_closed(lines: NDArray[Any]) -> Mask:
    return np.asarray(shapely.is_closed(lines), dtype=np.bool_)


def measure_ends(mapped: NDArray[Any], truth: Truth) -> dict[str, Any]:
    """Ends of open mapped lines, and those with no cloud, nodata or edge of the area within 60 m."""
    open_lines = mapped[~_list_closed(mapped)]
    if not len(open_lines):
        return {"ends": 0, "ends_without_reason": 0, "ends_at": []}
    ends = shapely.get_coordinates([shapely.get_point(open_lines, place) for place in (0, -1)])
    bare = truth.compute_seen(ends, margin_m=MARGIN_M)
    return {
        "ends": len(ends),
        "ends_without_reason": int(bare.sum()),
        "ends_at": np.round(ends[bare][:10], 1).tolist(),
    }


def measure(mosaic: Path, coast: Path) -> dict[str, Any]:
    """All measures of a folder of mosaic output against a simulated coast."""
    truth = read_truth(coast)
    mapped = read_mapped(mosaic / "coastline.gpkg", truth.crs)
    return {
        "version": __version__,
        "coast": json.loads((coast / "truth" / "truth.json").read_text())["options"],
        "mapped_lines": len(mapped),
        **measure_distances(mapped, truth),
        **measure_continuity(mapped, truth),
        **measure_duplicates(mapped, truth),
        **measure_ends(mapped, truth),
    }


def write_perfect_maps(coast: Path, maps: Path, out: Path) -> None:
    """Write mapped scenes as a network without any error would have them: the true share of water, the same clouds."""
    for path in sorted(maps.glob("*/item.json")):
        item, folder = json.loads(path.read_text()), out / path.parent.name
        folder.mkdir(parents=True)
        with rasterio.open(path.parent / "water.tif") as file:
            classes = file.read(1)
            grid = Grid(crs=file.crs, transform=file.transform, width=file.width, height=file.height)
        with rasterio.open(coast / "truth" / f"{find_tile(item['id'])}_water_fraction.tif") as file:
            fraction = (file.read(1) * file.scales[0] + file.offsets[0]).astype(np.float32)
        state = np.where(classes == OBSCURED, masks.OBSCURED, np.where(classes == NODATA, masks.NODATA, masks.VALID))
        known = np.where(state == masks.VALID, fraction, np.float32(np.nan))
        with MapWriter(folder, grid=grid) as writer:
            writer.write_rows(0, known, state.astype(np.uint8))
            writer.finish()
        item["assets"] = {
            name: {"href": f"./{name}", "file:size": (folder / name).stat().st_size}
            for name in ("water.tif", "probability.tif")
        }
        (folder / "item.json").write_text(json.dumps(item))


def main() -> None:
    """Make a coast, or measure what was made of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("coast", type=Path)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--extent", type=int, default=2400)
    parser.add_argument("--mosaic", type=Path, help="folder with coastline.gpkg")
    parser.add_argument("--perfect", type=Path, help="folder of mapped scenes")
    parser.add_argument("--out", type=Path, help="where their perfect twins go")
    arguments = parser.parse_args()
    if arguments.simulate:
        from tiles.simulate.coast.simulate_coast import CoastOptions, simulate_coast

        made = simulate_coast(arguments.coast, seed=arguments.seed, options=CoastOptions(extent_px=arguments.extent))
        print(*made.items, sep="\n")
    if arguments.perfect:
        write_perfect_maps(arguments.coast, arguments.perfect, arguments.out)
    if arguments.mosaic:
        record = measure(arguments.mosaic, arguments.coast)
        print(json.dumps(record, indent=2))
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
