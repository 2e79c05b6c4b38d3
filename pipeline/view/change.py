"""The page of a comparison: the ground on both dates, land gained and lost, and an arrow where the shore moved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.record.result import ITEM_NAME
from pipeline.record.stored import read_item, read_layer
from pipeline.view.coast import split_coordinates, thin_lines
from pipeline.view.ground import draw_true_colour
from pipeline.view.pictures import Detail
from pipeline.view.plane import Box, Plane, merge_boxes, resolve_plane
from pipeline.view.scene import describe_credit, describe_moment, describe_place, draw_classes
from pipeline.view.values import Features, Page, Picture, Swatch
from tiles.times import parse_moment

__all__ = ["CHANGE_NAME", "build_change_page", "layer_change"]

CHANGE_NAME: Final = "change.json"

_GAIN, _LOSS, _STEADY, _BODY = "#4fe06a", "#ff5a4d", "#f2f2f2", "#d58cff"
_STATES: Final = {
    "moved": "moved beyond the uncertainty",
    "steady": "within the uncertainty",
    "no shore": "no shore within reach on the new date",
    "body": "of a body that joined or left the shore",
}
_ARROWS_ACROSS: Final = 70
"""Squares along the map's longer side, each with an arrow at most."""

_ARROW_SHARE: Final = 0.03
"""Length of a long arrow as a share of the map."""


def build_change_page(folder: Path, *, detail: Detail) -> Page:
    """Build the page of a folder that ``change`` made; its item need not stand yet.

    Args:
        folder: Of the comparison.
        detail: How fine pictures are.

    Raises:
        OutputError: The layers cannot be read.
    """
    document = json.loads((folder / CHANGE_NAME).read_text(encoding="utf-8"))
    frames = {name: read_layer(folder / "change.gpkg", name) for name in ("gained", "lost", "shift")}
    dates = [document["old"], document["new"]]
    folders = [_find_folder(date) for date in dates]
    plane = _resolve_plane(frames)
    moments = [parse_moment(date["datetime"]) for date in dates]
    old, new = (describe_moment(moment) for moment in moments)
    pictures = _draw_grounds(folders, (old, new), plane, detail)
    items = [read_item(path) for path in folders if path is not None]
    return Page(
        title=f"Change from {old} to {new}",
        subtitle=f"{document['old']['id']} → {document['new']['id']} · {describe_place(plane)}",
        facts=tuple(_list_facts(document["summary"], document)),
        notes=tuple(document["notes"]),
        credit=describe_credit(items[-1]["properties"] if items else {}),
        plane=plane,
        pictures=tuple(pictures),
        features=tuple(layer_change(frames, plane)),
    )


def _find_folder(date: Mapping[str, Any]) -> Path | None:
    """The map of a date, where it is one and still lies where it was."""
    href = str(date.get("href") or "")
    path = Path(unquote(urlsplit(href).path) if href.startswith("file://") else href)
    path = path.parent if path.is_file() else path
    return path if (path / ITEM_NAME).is_file() and (path / "water.tif").is_file() else None


def _resolve_plane(frames: Mapping[str, gpd.GeoDataFrame]) -> Plane:
    filled = [frame for frame in frames.values() if len(frame)]
    if not filled:
        return resolve_plane(frames["shift"].crs, (-500, -500, 500, 500))
    box = merge_boxes(Box(*frame.total_bounds.tolist()) for frame in filled)
    margin = 0.08 * box.longest + 100
    return resolve_plane(filled[0].crs, (box.left - margin, box.bottom - margin, box.right + margin, box.top + margin))


def _draw_grounds(
    folders: Sequence[Path | None], names: tuple[str, str], plane: Plane, detail: Detail
) -> list[Picture]:
    pictures: list[Picture] = []
    for key, path, name in reversed(list(zip(("old", "new"), folders, names, strict=True))):
        if path is None:
            continue
        colour = draw_true_colour(path, read_item(path), plane, detail=detail)
        grounds = [(colour, "True colour")] if colour else []
        grounds.append((draw_classes(path / "water.tif", plane, detail=detail), "Land and water"))
        pictures += [
            Picture(
                key=f"{picture.key} {key}",
                title=f"{title}, {key} date ({name})",
                tiles=picture.tiles,
                swatches=picture.swatches,
            )
            for picture, title in grounds
        ]
    return sorted(pictures, key=lambda picture: picture.key.startswith("water"))


def layer_change(
    frames: Mapping[str, gpd.GeoDataFrame], plane: Plane, *, frame: int | None = None, arrows: bool = True
) -> list[Features]:
    """What a comparison found as layers, the lowest first.

    Args:
        frames: Layers ``gained``, ``lost`` and ``shift``.
        plane: Of the page.
        frame: Number of the new date.
        arrows: Draw how far, too.
    """
    layers = [
        _layer_areas(frames[name], plane, name, colour, frame)
        for name, colour in (("gained", _GAIN), ("lost", _LOSS))
        if len(frames[name])
    ]
    shift = frames["shift"]
    if len(shift):
        placed = plane.place(np.asarray(shift.geometry), shift.crs)
        layers.append(_layer_shift(shift, placed, frame))
        if arrows and (shift["state"] == "moved").any():
            layers.append(_layer_arrows(shift, placed, plane, frame))
    return layers


def _layer_areas(rows: gpd.GeoDataFrame, plane: Plane, name: str, colour: str, frame: int | None) -> Features:
    polygons = plane.place(np.asarray(rows.geometry), rows.crs)
    xs, ys = split_polygons(thin_lines(polygons, 1.0))
    shifts = zip(rows["mean_shift_m"], rows["uncertainty_m"], strict=True)
    return Features(
        key=name,
        title=f"Land {name}",
        kind="areas",
        xs=xs,
        ys=ys,
        colours=colour,
        width=1.2,
        facts={
            "area": [f"{area / 1e4:,.2f} ha" if area >= 1000 else f"{area:,.0f} m²" for area in rows["area_m2"]],
            "mean shift": ["none" if np.isnan(a) else f"{a:+.1f} ± {b:.1f} m" for a, b in shifts],
            "kind": rows["kind"].astype(str).tolist(),
            "waters": rows["waters"].astype(str).tolist(),
        },
        swatches=(Swatch(label=f"land {name}", colours=(colour,)),),
        frame=frame,
    )


def split_polygons(polygons: NDArray[Any]) -> tuple[list[Any], list[Any]]:
    """The x and y of each polygon's rings, as Bokeh has them: of features, of their parts, of rings."""
    xs, ys = [], []
    for polygon in polygons:
        parts = [
            [np.round(shapely.get_coordinates(ring), 1).astype(np.float32) for ring in (part.exterior, *part.interiors)]
            for part in getattr(polygon, "geoms", [polygon])
            if not part.is_empty
        ]
        xs.append([[ring[:, 0].tolist() for ring in rings] for rings in parts])
        ys.append([[ring[:, 1].tolist() for ring in rings] for rings in parts])
    return xs, ys


def _layer_shift(shift: gpd.GeoDataFrame, placed: NDArray[Any], frame: int | None) -> Features:
    xs, ys = split_coordinates(placed)
    moved = shift["state"].to_numpy() == "moved"
    sign = np.where(moved, np.sign(shift["local_shift_m"].to_numpy()), 0)
    other = np.where(np.isin(shift["state"].to_numpy(), ("no shore", "body")), _BODY, _STEADY)
    colours = np.where(sign > 0, _GAIN, np.where(sign < 0, _LOSS, other))
    shifts = zip(shift["shift_m"], shift["uncertainty_m"], strict=True)
    return Features(
        key="shift",
        title="Shore of the old date",
        xs=xs,
        ys=ys,
        colours=colours.tolist(),
        width=2.2,
        facts={
            "shift": ["unknown" if np.isnan(a) else f"{a:+.1f} ± {b:.1f} m" for a, b in shifts],
            "stretch": ["unknown" if np.isnan(a) else f"{a:+.1f} m on average" for a in shift["local_shift_m"]],
            "state": [_STATES.get(state, state) for state in shift["state"]],
            "waters": shift["waters"].astype(str).tolist(),
            "dates": _span_dates(shift),
        },
        swatches=(
            Swatch(label="advanced", colours=(_GAIN,), shape="line"),
            Swatch(label="retreated", colours=(_LOSS,), shape="line"),
            Swatch(label="within its uncertainty", colours=(_STEADY,), shape="line"),
            Swatch(label="not seen on the new date, or a body", colours=(_BODY,), shape="line"),
        ),
        frame=frame,
    )


def _span_dates(shift: gpd.GeoDataFrame) -> str:
    days = [shift[name].dropna() for name in ("old_time", "new_time")]
    return " → ".join(f"{day.iloc[0]:%Y-%m-%d}" if len(day) else "unknown" for day in days)


def _layer_arrows(shift: gpd.GeoDataFrame, placed: NDArray[Any], plane: Plane, frame: int | None) -> Features:
    """Arrows along the normal, as long as the shift times a round number, so that they can be seen from afar."""
    moved = _choose_places(shift, placed, plane)
    metres = shift["shift_m"].to_numpy()[moved]
    long = max(float(np.percentile(np.abs(metres), 90)), 1.0) if len(metres) else 1.0
    factor = max((n for n in (1, 2, 5, 10, 20, 50, 100) if n * long <= _ARROW_SHARE * plane.box.longest), default=1)
    first, last = (shapely.get_coordinates(shapely.get_point(placed[moved], at)) for at in (0, -1))
    middle = shapely.get_coordinates(shapely.line_interpolate_point(placed[moved], 0.5, normalized=True))
    along = (last - first) / np.maximum(np.hypot(*(last - first).T), 1e-9)[:, None]
    seaward = np.column_stack([along[:, 1], -along[:, 0]])  # land lies on the left
    step = seaward * (factor * metres)[:, None]
    tip = middle + step
    back = -0.3 * step
    side = np.column_stack([-back[:, 1], back[:, 0]]) * 0.6
    paths = np.stack([middle, tip, tip + back + side, tip, tip + back - side], axis=1)  # (arrow, vertex, xy)
    colours = np.where(metres > 0, _GAIN, _LOSS)
    times = "" if factor == 1 else f", {factor} times as long"
    return Features(
        key="arrows",
        title=f"How far it moved{times}",
        xs=list(np.round(paths[..., 0], 1).astype(np.float32)),
        ys=list(np.round(paths[..., 1], 1).astype(np.float32)),
        colours=colours.tolist(),
        width=1.4,
        facts={"shift": [f"{value:+.1f} m" for value in metres]},
        frame=frame,
    )


def _choose_places(shift: gpd.GeoDataFrame, placed: NDArray[Any], plane: Plane) -> NDArray[np.int64]:
    """Rows that get an arrow: of each square of the map the one that moved farthest."""
    moved = np.flatnonzero((shift["state"] == "moved").to_numpy() & np.isfinite(shift["shift_m"].to_numpy()))
    order = moved[np.argsort(-np.abs(shift["shift_m"].to_numpy()[moved]), kind="stable")]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(placed[order], 0.5, normalized=True))
    _, first = np.unique(np.floor(middle * _ARROWS_ACROSS / plane.box.longest), axis=0, return_index=True)
    return np.sort(order[first])


def _list_facts(summary: Mapping[str, Any], document: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("Shore", f"{summary['clear_km']:.1f} of {summary['shore_km']:.1f} km clear on both dates")]
    facts.append(("Moved", f"{summary['moved_km']:.1f} km beyond the uncertainty"))
    if summary.get("mean_shift_m") is not None:
        facts.append(("Mean shift", f"{summary['mean_shift_m']:+.1f} m (advance is positive)"))
    if summary.get("uncertainty_m") is not None:
        facts.append(("Stated error", f"{summary['uncertainty_m']:.1f} m of a shift at one place (median, one σ)"))
    facts.append(("Land", f"+{summary['gained_m2'] / 1e4:,.2f} ha, −{summary['lost_m2'] / 1e4:,.2f} ha"))
    if document.get("days") is not None:
        facts.append(("Between", f"{document['days']:.0f} days"))
    facts.append(("Alerts", str(len(document["alerts"]))))
    meaning = document.get("tide", {}).get("meaning")
    if meaning:
        facts.append(("Tide", str(meaning)))
    return facts
