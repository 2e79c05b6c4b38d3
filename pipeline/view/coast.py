"""Lines of a coast as a page shows them: as fine as its picture, and no more than a browser draws at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.output.classes import LINE_COLOURS, LINE_LABELS
from pipeline.view.plane import Plane
from pipeline.view.values import Features, Swatch

__all__ = [
    "POOR",
    "DrawnLines",
    "describe_lines",
    "describe_uncertainty",
    "draw_lines",
    "layer_by_kind",
    "split_coordinates",
    "thin_lines",
]

POOR: Final = "poor"
"""Certainty of lines that are drawn dashed."""

_MOST_VERTICES: Final = 300_000
_MOST_LINES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnLines:
    """Lines that a page shows, and what was left out of them.

    Attributes:
        frame: The features, geometry in place of what it was: thinned, on the plane.
        tolerance_m: No line lies farther from what it was.
        left_out: Number of lines that are too short to be seen.
    """

    frame: gpd.GeoDataFrame
    tolerance_m: float
    left_out: int

    def explain(self) -> str:
        """What was done to them, a sentence."""
        text = f"Lines on this page are simplified by up to {self.tolerance_m:.3g} m"
        if self.left_out:
            text += f", and the {self.left_out:,} shortest are left out"
        return f"{text}: the files beside it hold them whole."


def draw_lines(
    lines: gpd.GeoDataFrame, plane: Plane, *, pixel_m: float, vertices: int = _MOST_VERTICES, most: int = _MOST_LINES
) -> DrawnLines:
    """Bring lines onto the plane and thin them to what can be seen.

    Args:
        lines: In any CRS; of several parts where a kind is one feature.
        plane: Where to.
        pixel_m: Of the finest picture beneath them.
        vertices: Most that are kept.
        most: Lines that are kept, the longest.
    """
    lines = lines.explode(ignore_index=True)
    geometry = plane.place(np.asarray(lines.geometry), lines.crs) if len(lines) else np.array([], dtype=object)
    lengths = shapely.length(geometry)
    kept = np.sort(np.argsort(-lengths, kind="stable")[:most])
    kept = kept[lengths[kept] > 0]
    tolerance = pixel_m / 4
    thinned = thin_lines(geometry[kept], tolerance)
    while shapely.get_num_coordinates(thinned).sum() > vertices:
        tolerance *= 1.5
        long = lengths[kept] > 2 * tolerance
        kept = kept[long]
        thinned = thin_lines(geometry[kept], tolerance)
    return DrawnLines(
        frame=lines.iloc[kept].set_geometry(gpd.GeoSeries(thinned, index=lines.index[kept])),
        tolerance_m=tolerance,
        left_out=len(lines) - len(kept),
    )


def thin_lines(geometry: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Leave out vertices that cannot be seen; nothing moves farther than the tolerance.

    Lines may come to cross: what keeps them apart takes fifteen times as long.
    """
    thinned: NDArray[Any] = shapely.simplify(geometry, tolerance, preserve_topology=False)
    return thinned


def layer_by_kind(drawn: DrawnLines, facts: Callable[[gpd.GeoDataFrame], Mapping[str, Any]]) -> Iterator[Features]:
    """Features a kind of shore: those whose place is poorly known dashed, the others solid.

    Args:
        drawn: With the columns ``kind`` and ``certainty``.
        facts: What is told of lines.
    """
    for kind in reversed(tuple(LINE_COLOURS)):
        of_kind = drawn.frame[drawn.frame["kind"] == kind]
        is_poor = of_kind["certainty"].to_numpy() == POOR
        for rows, dashed in ((of_kind[is_poor], True), (of_kind[~is_poor], False)):
            if len(rows) == 0:
                continue
            xs, ys = split_coordinates(np.asarray(rows.geometry))
            yield Features(
                key=kind,
                title=LINE_LABELS[kind],
                xs=xs,
                ys=ys,
                colours=LINE_COLOURS[kind],
                facts=facts(rows),
                dashed=dashed,
                swatches=(Swatch(label=LINE_LABELS[kind], colours=(LINE_COLOURS[kind],), shape="line"),),
            )


def split_coordinates(geometry: NDArray[Any]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """The x and the y of each line, to a hand's breadth."""
    xy, which = shapely.get_coordinates(geometry, return_index=True)
    cuts = np.flatnonzero(np.diff(which)) + 1
    x, y = np.round(xy, 1).astype(np.float32).T
    return np.split(x, cuts), np.split(y, cuts)


def describe_lines(rows: gpd.GeoDataFrame) -> dict[str, Any]:
    """What is told of lines of a map: kind, certainty, uncertainty, length, ends."""
    ends = [
        "none, it closes" if closed else f"{start} … {end}"
        for closed, start, end in zip(rows["closed"], rows["start_reason"], rows["end_reason"], strict=True)
    ]
    mean, most = rows["uncertainty_mean_m"], rows["uncertainty_max_m"]
    return {
        "certainty": rows["certainty"].astype(str).tolist(),
        "uncertainty": [f"{a:.1f} m (at worst {b:.0f} m)" for a, b in zip(mean, most, strict=True)],
        "length": [format_length(length) for length in rows["length_m"]],
        "ends": ends,
        "id": rows["id"].astype(str).tolist(),
    }


def format_length(length_m: float) -> str:
    """A length for people."""
    return f"{length_m / 1000:,.1f} km" if length_m >= 1000 else f"{length_m:.0f} m"


def describe_uncertainty(lines: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Length of the coast, and the error that the map states of itself, weighted by length."""
    if len(lines) == 0:
        return (("Coast", "no line"),)
    length, sigma = lines["length_m"].to_numpy(), lines["uncertainty_mean_m"].to_numpy()
    order = np.argsort(sigma)
    share = np.cumsum(length[order]) / length.sum()
    half, most = (sigma[order][min(int(np.searchsorted(share, part)), len(sigma) - 1)] for part in (0.5, 0.9))
    kinds = lines.groupby("kind")["length_m"].sum()
    parts = [f"{kind} {format_length(kinds[kind])}" for kind in LINE_COLOURS if kind in kinds]
    return (
        ("Coast", f"{format_length(length.sum())} in {len(lines):,} lines: {', '.join(parts)}"),
        ("Stated error", f"{half:.1f} m for half of the coast, within {most:.1f} m for nine tenths (one σ)"),
    )
