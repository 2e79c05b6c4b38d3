"""The places that the features of several layers share, by number: what is moved once has moved for all of them.

In a map lines and polygons have the same vertices, bit for bit. In a mosaic polygons are cut at the edges of squares,
and have a vertex there that the line across lacks; it gets one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["NodeTable", "Paths"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[Any]

_SAME = 1e-6
"""Places nearer than this are one: micrometres in a plane of metres, what rounding makes of one place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """Lines by the numbers of their places.

    Attributes:
        node: (n,) numbers, line after line; a closed line repeats its first.
        start: (lines + 1,) where each begins, and the end.
    """

    node: Ints
    start: Ints

    @property
    def closed(self) -> NDArray[np.bool_]:
        """(lines,) True where a line ends where it begins."""
        return np.asarray(self.node[self.start[:-1]] == self.node[self.start[1:] - 1])

    def list_edges(self) -> Ints:
        """(edges, 2) numbers of the ends of each edge."""
        inside = np.ones(max(len(self.node) - 1, 0), dtype=bool)
        inside[self.start[1:-1] - 1] = False
        return np.stack((self.node[:-1][inside], self.node[1:][inside]), axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeTable:
    """Places, and which of them each vertex of each layer is.

    Attributes:
        xy: (nodes, 2) the places.
        lines: The lines that lead.
        layers: By layer, the number of each vertex, in the order of ``shapely.get_coordinates``.
    """

    xy: Floats
    lines: Paths
    layers: dict[str, Ints]

    @classmethod
    def build(cls, leader: Shapes, followers: dict[str, Shapes]) -> NodeTable:
        """Number the places of some layers.

        Args:
            leader: (n,) lines, of one part or several.
            followers: Lines and polygons by layer, whose vertices lie on those of the lines, or elsewhere.
        """
        xy, path = shapely.get_coordinates(shapely.get_parts(leader), return_index=True)
        theirs = {name: shapely.get_coordinates(shapes) for name, shapes in followers.items()}
        places, number = np.unique(_to_complex(np.concatenate([xy, *theirs.values()])), return_inverse=True)
        nodes = np.stack((places.real, places.imag), axis=1)
        number = _join_near(nodes, number)
        parts = np.split(number, np.cumsum([len(xy), *map(len, theirs.values())])[:-1])
        start = np.searchsorted(path, np.arange(path[-1] + 2 if len(path) else 1))
        lines = _take_in(Paths(node=parts[0], start=start), nodes, np.unique(number))
        return cls(xy=nodes, lines=lines, layers=dict(zip(theirs, parts[1:], strict=True)))

    def list_edges(self, layers: dict[str, Shapes]) -> Ints:
        """(edges, 2) the ends of every edge of the lines and of the polygons, each edge once, smaller number first.

        Args:
            layers: The followers, as the table was built from them.
        """
        edges = [self.lines.list_edges()]
        for name, shapes in layers.items():
            rings = shapely.get_rings(shapely.get_parts(shapes))
            ring = shapely.get_coordinates(rings, return_index=True)[1]
            if not len(ring):
                continue
            node = self.layers[name]
            same = ring[1:] == ring[:-1]
            edges.append(np.stack((node[:-1][same], node[1:][same]), axis=1))
        first, second = np.sort(np.concatenate(edges), axis=1).T
        single = np.unique((first * len(self.xy) + second)[first != second])
        return np.stack(np.divmod(single, len(self.xy)), axis=1)


def _to_complex(xy: Floats) -> NDArray[np.complex128]:
    return np.asarray(xy[:, 0] + 1j * xy[:, 1])


def _join_near(nodes: Floats, number: Ints) -> Ints:
    """Give places that only rounding parts one number."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 (few smooth, and every map would wait for it)

    pairs = cKDTree(nodes).query_pairs(_SAME, output_type="ndarray") if len(nodes) else np.zeros((0, 2), dtype=np.int64)
    one = np.arange(len(nodes))
    for first, second in pairs:  # few
        one[second] = one[first]
    return np.asarray(one[number], dtype=np.int64)


def _take_in(lines: Paths, nodes: Floats, used: Ints) -> Paths:
    """Give lines those of the places as vertices that lie on their edges."""
    others = np.setdiff1d(used, lines.node)
    edges = lines.list_edges()
    if not len(others) or not len(edges):
        return lines
    drawn: Any = shapely.linestrings(nodes[edges])
    tree = shapely.STRtree(drawn)
    at, edge = tree.query(shapely.points(nodes[others]), predicate="dwithin", distance=_SAME)
    if not len(at):
        return lines
    at, first = np.unique(at, return_index=True)
    edge = edge[first]
    begins = np.delete(np.arange(len(lines.node)), lines.start[1:] - 1)[edge]
    along = np.hypot(*(nodes[others[at]] - nodes[edges[edge, 0]]).T)
    order = np.lexsort((along, begins))
    begins = begins[order]
    node = np.insert(lines.node, begins + 1, others[at][order])
    return Paths(node=node, start=lines.start + np.searchsorted(begins, lines.start))
