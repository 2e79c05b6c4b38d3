"""Make a traced coastline smaller without breaking what its lines and polygons share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.traced import Bools, Floats, Ints, Lines, Rings, Traced, compute_spans

__all__ = ["build_polygons", "drop_small_rings", "simplify_traced"]


def drop_small_rings(traced: Traced, *, land_areas_m2: Floats, min_area_m2: float) -> Traced:
    """Leave out small islands and lakes: the line, the polygon, and the hole around it.

    Only rings that are coastline all around can go; what the edge of the data cuts off has a size that nobody knows,
    and stays. So does an island or lake in which data are missing, or which holds something that stays.

    Args:
        traced: As the tracer made it.
        land_areas_m2: (rings of land,) area of each, in square metres; the sign does not matter.
        min_area_m2: Rings smaller than this go.
    """
    lines, rings = traced.lines, (traced.water, traced.land)
    ring_of_line = (lines.water_ring, lines.land_ring)
    dropped = lines.closed & (np.abs(land_areas_m2)[lines.land_ring] < min_area_m2)
    while True:
        gone = [_flag(ring_of_line[k][dropped], len(rings[k])) for k in range(2)]
        kept_hole = [
            _flag(ring.polygon[(ring.area < 0) & ~lost], len(ring.outer) - 1)
            for ring, lost in zip(rings, gone, strict=True)
        ]
        inner_is_land = traced.land.area[lines.land_ring] > 0
        must_stay = np.where(
            inner_is_land,
            kept_hole[1][traced.land.polygon[lines.land_ring]],
            kept_hole[0][traced.water.polygon[lines.water_ring]],
        )
        if not (dropped & must_stay).any():
            return _select(traced, ~dropped, ~gone[0], ~gone[1])
        dropped &= ~must_stay


def _flag(numbers: Ints, count: int) -> Bools:
    marked = np.zeros(count, dtype=bool)
    marked[numbers] = True
    return marked


def _select(traced: Traced, line: Bools, water: Bools, land: Bools) -> Traced:
    lines, kept = traced.lines, np.flatnonzero(line)
    position, start = compute_spans(lines.start, kept)
    return replace(
        traced,
        lines=Lines(
            vertex=lines.vertex[position],
            start=start,
            closed=lines.closed[kept],
            reasons=lines.reasons[kept],
            water_ring=(np.cumsum(water) - 1)[lines.water_ring[kept]],
            land_ring=(np.cumsum(land) - 1)[lines.land_ring[kept]],
        ),
        water=_select_rings(traced.water, water),
        land=_select_rings(traced.land, land),
    )


def _select_rings(rings: Rings, ring: Bools) -> Rings:
    kept = np.flatnonzero(ring)
    position, start = compute_spans(rings.start, kept)
    return Rings(
        vertex=rings.vertex[position],
        start=start,
        polygon=np.unique(rings.polygon[kept], return_inverse=True)[1],
        contour=rings.contour[kept],
        area=rings.area[kept],
    )


def build_polygons(rings: Rings, xy: Floats) -> NDArray[Any]:
    """Shapely polygons, holes included.

    Args:
        rings: Rings of one class.
        xy: (vertices, 2) coordinates of the vertices in any system.
    """
    # Shapely wants each ring's first vertex again at its end.
    last = rings.start + np.arange(len(rings) + 1)
    vertex = np.empty(last[-1], dtype=rings.vertex.dtype)
    own = np.ones(last[-1], dtype=bool)
    own[last[1:] - 1] = False
    vertex[own], vertex[~own] = rings.vertex, rings.vertex[rings.start[:-1]]
    coordinates = np.take(xy, vertex, axis=0)
    return np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, coordinates, (last, rings.outer)))


def simplify_traced(traced: Traced, *, tolerance_m: float, pixel_m: tuple[float, float]) -> Traced:
    """Leave out vertices of the coastline, the same ones in lines, land and water.

    Vertices go in the order of the area that each one's triangle with its neighbours spans, as long as that is less
    than the tolerance squared, and no line comes to cross another. The edges of the data keep all of theirs, and no
    ring vanishes.

    Args:
        traced: As the tracer made it.
        tolerance_m: In metres, more than 0.
        pixel_m: Width and height of a pixel in metres.

    Source: Visvalingam and Whyatt (1993), doi:10.1179/000870493786962263, as ``shapely.coverage_simplify`` has it.
    """
    metres = traced.xy * pixel_m
    polygons = np.concatenate([build_polygons(rings, metres) for rings in (traced.water, traced.land)])
    simple = shapely.coverage_simplify(polygons, tolerance_m, simplify_boundary=False)
    places, wanted = (xy[:, 0] + 1j * xy[:, 1] for xy in (metres, shapely.get_coordinates(simple)))
    kept = np.isin(places, wanted)
    cut = np.flatnonzero(~traced.lines.closed)  # where a line was cut, its pieces must go on to meet
    kept[traced.lines.vertex[traced.lines.start[cut]]] = True
    kept[traced.lines.vertex[traced.lines.start[cut + 1] - 1]] = True
    return replace(
        traced,
        lines=_thin_lines(traced.lines, kept),
        water=_thin_rings(traced.water, kept),
        land=_thin_rings(traced.land, kept),
    )


def _thin_lines(lines: Lines, kept: Bools) -> Lines:
    stays = kept[lines.vertex]
    # A closed line ends with the first vertex that stays, whichever that is.
    last = lines.start[1:][lines.closed] - 1
    stays[last] = False
    before = np.concatenate(([0], np.cumsum(stays)))
    position = np.flatnonzero(stays)
    first = before[lines.start[:-1]][lines.closed]
    ends = before[lines.start[1:]][lines.closed]
    vertex = np.insert(lines.vertex[position], ends, lines.vertex[position[first]])
    start = before[lines.start] + np.concatenate(([0], np.cumsum(lines.closed)))
    return replace(lines, vertex=vertex, start=start)


def _thin_rings(rings: Rings, kept: Bools) -> Rings:
    stays = kept[rings.vertex]
    return replace(rings, vertex=rings.vertex[stays], start=np.concatenate(([0], np.cumsum(stays)))[rings.start])
