"""The truth beside a simulated product: exact shoreline, and what the simulation was told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio.raw
import shapely
from affine import Affine

from tiles.grid import Grid
from tiles.simulate.product.swath import Swath

__all__ = ["clip_line_to_swath", "write_shoreline", "write_truth_record"]


def write_shoreline(path: Path, lines: Sequence[npt.NDArray[np.float64]], *, grid: Grid, swath: Swath | None) -> int:
    """Write the true shoreline as layer ``shoreline`` of a GeoPackage, land on the left of travel.

    Args:
        path: The ``.gpkg`` file.
        lines: Each ``(point, 2)``: column and row in pixels of ``grid``, edges at integers, rows downwards.
        grid: The scene's 10 m grid.
        swath: Lines are cut where data ends; ``None`` where it ends at the scene's edge alone.

    Returns:
        How many lines were written.
    """
    parts = [part for line in lines for part in clip_line_to_swath(line, swath=swath, pixel_m=grid.transform.a)]
    coordinates = [_to_crs(part, grid.transform) for part in parts]
    geometry = np.array([shapely.LineString(points) for points in coordinates], dtype=object)
    closed = np.array([bool(len(points) > 3 and (points[0] == points[-1]).all()) for points in coordinates], bool)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(geometry),
        field_data=[closed, shapely.length(geometry)],
        fields=["closed", "length_m"],
        layer="shoreline",
        driver="GPKG",
        geometry_type="LineString",
        crs=grid.crs.to_string(),
    )
    return len(parts)


def _to_crs(points: npt.NDArray[np.float64], transform: Affine) -> npt.NDArray[np.float64]:
    return np.column_stack([transform.c + transform.a * points[:, 0], transform.f + transform.e * points[:, 1]])


def clip_line_to_swath(
    line: npt.NDArray[np.float64], *, swath: Swath | None, pixel_m: float
) -> list[npt.NDArray[np.float64]]:
    """Cut a line where data ends, keeping its direction.

    Args:
        line: ``(point, 2)``, column and row in pixels from the tile's corner.
        swath: The half plane of data.
        pixel_m: Pixel size.

    Returns:
        The parts inside, in the order of travel; a closed line that is cut begins anew at the cut.
    """
    if swath is None:
        return [line] if len(line) > 1 else []
    depth = np.asarray(swath.compute_depth(line * pixel_m))
    if (depth > 0).all():
        return [line] if len(line) > 1 else []
    if (line[0] == line[-1]).all():
        # Begin a closed line outside, so that no part is split at its old seam.
        start = int(np.argmin(depth))
        line = np.concatenate([line[start:], line[1 : start + 1]])
        depth = np.concatenate([depth[start:], depth[1 : start + 1]])
    crossing = np.flatnonzero((depth[:-1] > 0) != (depth[1:] > 0))
    share = depth[crossing] / (depth[crossing] - depth[crossing + 1])
    cuts = line[crossing] + share[:, None] * (line[crossing + 1] - line[crossing])
    parts, stops = [], [*crossing.tolist(), len(line) - 1]
    for index, stop in enumerate(stops):
        first = stops[index - 1] + 1 if index else 0
        if depth[first] > 0:
            head, tail = cuts[index - 1 : index] if index else cuts[:0], cuts[index : index + 1]
            parts.append(np.concatenate([head, line[first : stop + 1], tail]))
    return [part for part in parts if len(part) > 1]


def write_truth_record(path: Path, record: dict[str, Any]) -> None:
    """Write what the simulation was told as JSON.

    Args:
        path: The file.
        record: Seed, version, options.
    """
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
