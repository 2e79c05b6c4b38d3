"""What of a comparison is an alert: shores that passed a limit for sure, and bodies where they are asked for.

A limit is passed where the lower end of the 95% interval passes it: the greatest of many uncertain shifts is always
large. Pieces of one shore, which cloud or a steady stretch parts, are one alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.change.bodies import CONFIDENT, SHORE
from pipeline.change.compare import Comparison
from pipeline.change.options import ChangeOptions

__all__ = ["Alert", "choose_shores", "list_alerts"]

_ONE_SHORE_M: Final = 2000.0
"""Moved pieces nearer to each other than this are of one shore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One shore that passes a limit, or one body.

    Attributes:
        layer: ``gained`` or ``lost``.
        id: Number of the feature in it that moved most, or of the largest.
        kind: ``shore``, ``appeared`` or ``vanished``.
        pieces: Features of the layer that it stands for.
        area_m2: Their area.
        max_shift_m: Their greatest shift, signed; ``None`` where no shore moved.
        least_shift_m: What it is at the least, with 95% probability; the same.
        lon: Longitude of a place in the feature.
        lat: Latitude of that place.
        why: Which limits are passed, for a person.
    """

    layer: str
    id: int
    kind: str
    pieces: int
    area_m2: float
    max_shift_m: float | None
    least_shift_m: float | None
    lon: float
    lat: float
    why: str

    def to_dict(self) -> dict[str, Any]:
        """For a record."""
        return asdict(self)


def choose_shores(frame: gpd.GeoDataFrame, *, counts_inland: bool) -> gpd.GeoDataFrame:
    """Moved shores that count.

    Args:
        frame: Features of a layer.
        counts_inland: Those of enclosed waters, too.
    """
    kept = frame["kind"] == SHORE
    return frame[kept if counts_inland else kept & (frame["waters"] != "inland")]


def list_alerts(layer: str, comparison: Comparison, options: ChangeOptions) -> list[Alert]:
    """Shores and bodies of a layer that pass a limit.

    Args:
        layer: ``gained`` or ``lost``.
        comparison: What the comparison found.
        options: With the limits; without any there are no alerts.
    """
    frame = comparison.frames[layer]
    shores = choose_shores(frame, counts_inland=comparison.counts_inland)
    groups = [*_group_pieces(shores)]
    if options.alert_bodies:
        bodies = frame[frame["kind"] != SHORE]
        groups += [bodies.iloc[[number]] for number in range(len(bodies))]
    alerts = []
    for pieces in groups:
        why = _explain(pieces, options)
        if why:
            alerts.append(_make_alert(layer, pieces, comparison, why))
    return sorted(alerts, key=lambda alert: alert.id)


def _group_pieces(shores: gpd.GeoDataFrame) -> Iterator[gpd.GeoDataFrame]:
    """Pieces that lie near each other, or near one that does."""
    polygons = np.asarray(shores.geometry, dtype=object)
    one, other = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=_ONE_SHORE_M)
    near = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(shores), len(shores)))
    count, group = connected_components(near, directed=False) if len(shores) else (0, np.zeros(0, np.int64))
    for number in range(count):
        yield shores[group == number]


def _explain(pieces: gpd.GeoDataFrame, options: ChangeOptions) -> str:
    reasons = []
    moved = _find_most_moved(pieces)
    if options.alert_m is not None and abs(moved["least_shift_m"]) > options.alert_m:
        reasons.append(
            f"shift of {moved['max_shift_m']:+.1f} m, at least {moved['least_shift_m']:+.1f} m "
            f"(limit {options.alert_m:g} m)"
        )
    area, least = float(pieces["area_m2"].sum()), _compute_least_area(pieces)
    if options.alert_area_m2 is not None and least > options.alert_area_m2:
        reasons.append(f"area of {area:,.0f} m2, at least {least:,.0f} m2 (limit {options.alert_area_m2:,.0f} m2)")
    return ", ".join(reasons)


def _find_most_moved(pieces: gpd.GeoDataFrame) -> dict[Any, Any]:
    """The piece that moved most for sure; of bodies, which did not move, the largest."""
    least = pieces["least_shift_m"].abs().fillna(-1.0)
    order = np.lexsort((pieces["id"], -pieces["area_m2"], -least))
    row: dict[Any, Any] = pieces.iloc[int(order[0])].to_dict()
    return row


def _compute_least_area(pieces: gpd.GeoDataFrame) -> float:
    """The lower end of its interval: a line that is wrong is so all along the shore."""
    margin = CONFIDENT * (pieces["uncertainty_m"] * pieces["shore_m"]).fillna(0.0)
    return float((pieces["area_m2"] - margin).clip(lower=0.0).sum())


def _make_alert(layer: str, pieces: gpd.GeoDataFrame, comparison: Comparison, why: str) -> Alert:
    row = _find_most_moved(pieces)
    place = shapely.get_coordinates(shapely.point_on_surface(row["geometry"]))
    ((lon, lat),) = comparison.plane.compute_degrees(place).tolist()
    largest, least = row["max_shift_m"], row["least_shift_m"]
    return Alert(
        layer=layer,
        id=int(row["id"]),
        kind=str(row["kind"]),
        pieces=len(pieces),
        area_m2=round(float(pieces["area_m2"].sum()), 1),
        max_shift_m=round(float(largest), 2) if np.isfinite(largest) else None,
        least_shift_m=round(float(least), 2) if np.isfinite(least) else None,
        lon=round(lon, 6),
        lat=round(lat, 6),
        why=why,
    )
