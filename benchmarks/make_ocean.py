"""Make ``pipeline/data/land_10m.npz``, the compact copy of Natural Earth's land that tells the sea from a lake.

Source: Natural Earth, 1:10m physical vectors, land (public domain, naturalearthdata.com), as the npm package
``world-atlas`` 2.0.2 (ISC licence, Mike Bostock) carries it: TopoJSON, quantised to 400 m at most.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python benchmarks/make_ocean.py package/land-10m.json pipeline/data/land_10m.npz
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]


def unwrap(ring: Ring, turn: int, south_pole: int) -> Ring:
    """Let longitudes run on beyond 180 degrees, where the file jumps to the other side of the map.

    Args:
        ring: (n, 2) quantised coordinates, the last one the first again.
        turn: Quantised 360 degrees.
        south_pole: Quantised latitude of the pole around which a ring that does not close must go.
    """
    steps = np.diff(ring[:, 0])
    steps -= turn * np.rint(steps / turn).astype(np.int64)
    ring = np.stack((ring[0, 0] + np.concatenate(([0], np.cumsum(steps))), ring[:, 1]), axis=1)
    if ring[0, 0] == ring[-1, 0]:
        return ring
    return np.concatenate((ring, [[ring[-1, 0], south_pole], [ring[0, 0], south_pole], ring[0]]))


def read_rings(topology: dict[str, Any]) -> tuple[list[Ring], list[int]]:
    """Rings of quantised coordinates (n, 2), the last one the first again, and the number of rings of each polygon."""
    arcs = [np.cumsum(np.array(arc, dtype=np.int64), axis=0) for arc in topology["arcs"]]
    (scale_x, scale_y), (_, lowest) = topology["transform"]["scale"], topology["transform"]["translate"]
    turn, south_pole = round(360 / scale_x), int(np.ceil((-90 - lowest) / scale_y))

    def ring_of(numbers: list[int]) -> Ring:
        parts = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
        return unwrap(np.concatenate([parts[0], *(part[1:] for part in parts[1:])]), turn, south_pole)

    rings, counts = [], []
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            counts.append(len(polygon))
            outer, *holes = (ring_of(numbers) for numbers in polygon)
            middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
            turns = [np.rint((middle - hole[0, 0]) / turn).astype(np.int64) for hole in holes]
            rings += [outer, *(hole + np.array([turn * by, 0]) for hole, by in zip(holes, turns, strict=True))]
    return rings, counts


def main(source: Path, target: Path) -> None:
    """Write rings as differences, which deflate well."""
    topology = json.loads(source.read_text())
    rings, counts = read_rings(topology)
    steps = np.concatenate([np.diff(ring, axis=0, prepend=0) for ring in rings])
    first = np.concatenate(([0], np.cumsum([len(ring) for ring in rings])))
    origins = steps[first[:-1]].astype(np.int32)
    steps[first[:-1]] = 0
    np.savez_compressed(
        target,
        origin=origins,
        step_x=steps[:, 0].astype(np.int32),
        step_y=steps[:, 1].astype(np.int32),
        ring=first.astype(np.int32),
        polygon=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        scale=np.array(topology["transform"]["scale"]),
        translate=np.array(topology["transform"]["translate"]),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
