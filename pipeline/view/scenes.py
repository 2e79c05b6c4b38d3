"""The page of many maps, of a batch or of a watched area: a date at a time, with footprints, states and reasons.

Beside the maps a watched area has comparisons (``changes/``) and a time series (``measures/timeseries``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import shape

from pipeline.errors import OutputError
from pipeline.output.classes import LINE_COLOURS, LINE_LABELS
from pipeline.record.result import ITEM_NAME, read_sensing_time
from pipeline.record.stored import read_item, read_layer
from pipeline.view.change import CHANGE_NAME, layer_change, split_polygons
from pipeline.view.coast import POOR, describe_lines, draw_lines, split_coordinates
from pipeline.view.ground import draw_true_colour
from pipeline.view.mosaic import merge_degrees
from pipeline.view.pictures import Detail
from pipeline.view.plane import Plane, resolve_plane
from pipeline.view.scene import describe_credit, describe_moment, describe_place, draw_classes, read_notes
from pipeline.view.transects import SERIES_NAME, build_series, layer_transects, list_series_facts
from pipeline.view.values import Features, Page, Picture, Row, Series, Swatch

__all__ = ["Problem", "build_scenes_page", "list_maps"]

_STATE_COLOURS: Final = {
    "mapped": "#2e9e5b",
    "failed": "#d62f2f",
    "skipped": "#8a97a1",
    "empty": "#8a97a1",
    "duplicate": "#8a97a1",
    "waiting": "#d99a1c",
}
_MOST_FRAMES: Final = 120
_PIXELS: Final = 40_000_000
"""Of all pictures of a page together, which come to some 12 MB."""

_MOST_SIDE: Final = 1000
_VERTICES: Final = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A scene of which there is no map, and why.

    Attributes:
        name: Of the scene.
        state: ``failed``, ``skipped`` …
        reason: Why.
        acquired: Time of sensing, where known.
        geometry: Its footprint as GeoJSON in degrees, where known.
    """

    name: str
    state: str
    reason: str
    acquired: datetime | None = None
    geometry: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map:
    folder: Path
    item: Mapping[str, Any]

    @property
    def acquired(self) -> datetime | None:
        return read_sensing_time(self.item["properties"])

    @property
    def label(self) -> str:
        return describe_moment(self.acquired) if self.acquired else str(self.item["id"])


def list_maps(folder: Path) -> tuple[Path, ...]:
    """Folders of the maps that stand in a folder, by name."""
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(
            path.parent
            for path in folder.glob(f"*/{ITEM_NAME}")
            if not path.parent.name.startswith(".") and (path.parent / "coastline.gpkg").is_file()
        )
    )


def build_scenes_page(
    folder: Path, *, detail: Detail, problems: Sequence[Problem] | None = None, name: str = ""
) -> Page:
    """Build the page of a folder of maps.

    Args:
        folder: Where the maps stand, each in a folder.
        detail: How fine pictures are; there is no detail from close by where there are many.
        problems: Scenes without a map; ``None``: those that the summary of a batch names.
        name: Of what is shown; empty: the folder's.

    Raises:
        OutputError: A coastline cannot be read.
    """
    del detail
    maps = sorted(
        (_Map(folder=path, item=read_item(path)) for path in list_maps(folder)),
        key=lambda one: (str(one.acquired or ""), one.folder.name),
    )
    problems = read_problems(folder) if problems is None else problems
    shown = maps[-_MOST_FRAMES:]
    plane = _resolve_plane(shown, problems)
    features = [*_layer_problems(problems, plane), *_layer_footprints(shown, plane)]
    features += [layer for number, one in enumerate(shown) for layer in _layer_lines(one, plane, number, len(shown))]
    features += _layer_changes(folder, shown, plane)
    transects, series, facts = _read_series(folder, plane)
    notes = {note for one in shown for note in read_notes(one.item["properties"])}
    left_out = len(maps) - len(shown)
    return Page(
        title=f"Coast of {name or folder.resolve().name}",
        subtitle=f"{_span(shown)} · {describe_place(plane)}",
        facts=(*_list_facts(maps, problems), *facts),
        notes=(
            *(
                [f"The {left_out} earliest maps are not on this page: it shows the {len(shown)} latest."]
                * (left_out > 0)
            ),
            *sorted(notes)[:12],
            "Pictures and lines on this page are coarser than the maps: open a scene's own page for more "
            "(strandline view).",
        ),
        credit=describe_credit(shown[-1].item["properties"]) if shown else describe_credit({}),
        plane=plane,
        pictures=tuple(_draw_pictures(shown, plane)),
        features=(*features, *transects),
        frames=tuple(one.label for one in shown),
        series=series,
        rows=tuple(_list_rows(shown, problems)),
    )


def read_problems(folder: Path) -> tuple[Problem, ...]:
    """Scenes without a map, as the summary of a batch names them; what is no scene is passed over."""
    path = folder / "summary.json"
    if not path.is_file():
        return ()
    listed = json.loads(path.read_text(encoding="utf-8")).get("problems", ())
    return tuple(
        Problem(name=entry["id"], state=entry["kind"], reason=entry["reason"], **_find_place(folder, entry["id"]))
        for entry in listed
        if entry["kind"] not in {"no scene", "duplicate"}
    )


def _find_place(folder: Path, name: str) -> dict[str, Any]:
    """When and where, where the plan had an item of it."""
    path = folder / ".items" / f"{Path(name).name}.json"
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {"geometry": item.get("geometry"), "acquired": read_sensing_time(item.get("properties", {}))}


def _resolve_plane(maps: Sequence[_Map], problems: Sequence[Problem]) -> Plane:
    codes = {one.item["properties"].get("proj:code") for one in maps}
    if len(codes) == 1 and None not in codes and all("proj:bbox" in one.item["properties"] for one in maps):
        boxes = np.array([one.item["properties"]["proj:bbox"] for one in maps])
        return resolve_plane(codes.pop(), (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()))
    degrees = [one.item["bbox"] for one in maps]
    degrees += [shape(dict(problem.geometry)).bounds for problem in problems if problem.geometry] if not degrees else []
    if not degrees:
        raise OutputError("Expected a mapped scene, or one whose place is known, found none: there is nothing to show.")
    return resolve_plane("OGC:CRS84", merge_degrees(np.array(degrees, dtype=float)))


def _draw_pictures(maps: Sequence[_Map], plane: Plane) -> list[Picture]:
    side = int(min(_MOST_SIDE, (_PIXELS / max(2 * len(maps), 1)) ** 0.5))
    pictures = []
    for number, one in enumerate(maps):
        fine = Detail(whole=max(side, 128))
        colour = draw_true_colour(one.folder, one.item, plane, detail=fine, frame=number)
        pictures += [colour] if colour is not None else []
        pictures.append(draw_classes(one.folder / "water.tif", plane, detail=fine, frame=number))
    return sorted(pictures, key=lambda picture: picture.key)  # truecolour before water


def _layer_lines(one: _Map, plane: Plane, number: int, count: int) -> list[Features]:
    lines = read_layer(one.folder / "coastline.gpkg", "coastline")
    properties = one.item["properties"]
    longest = plane.box.longest
    if "proj:bbox" in properties:
        left, bottom, right, top = properties["proj:bbox"]
        longest = max(right - left, top - bottom) if right - left > 2 else longest  # not degrees
    drawn = draw_lines(
        lines,
        plane,
        pixel_m=max(4.0, longest / _MOST_SIDE),
        vertices=_VERTICES // count,
        most=max(20_000 // count, 300),
    )
    is_poor = drawn.frame["certainty"].to_numpy() == POOR
    parts = ((drawn.frame[is_poor], True), (drawn.frame[~is_poor], False))
    return [_layer_part(one, rows, number, dashed=dashed) for rows, dashed in parts if len(rows)]


def _layer_part(one: _Map, rows: gpd.GeoDataFrame, number: int, *, dashed: bool) -> Features:
    xs, ys = split_coordinates(np.asarray(rows.geometry))
    return Features(
        key="coast",
        title="Coastline",
        xs=xs,
        ys=ys,
        colours=[LINE_COLOURS.get(kind, "#ffffff") for kind in rows["kind"]],
        dashed=dashed,
        facts={"kind": [LINE_LABELS.get(kind, kind) for kind in rows["kind"]], "date": one.label}
        | describe_lines(rows)
        | {"scene": str(one.item["id"])},
        swatches=tuple(
            Swatch(label=LINE_LABELS[kind], colours=(colour,), shape="line") for kind, colour in LINE_COLOURS.items()
        ),
        frame=number,
    )


def _layer_footprints(maps: Sequence[_Map], plane: Plane) -> list[Features]:
    layers = []
    for number, one in enumerate(maps):
        xs, ys = _place_footprint(one.item["geometry"], plane)
        shares = one.item["properties"].get("strandline:statistics", {})
        layers.append(
            Features(
                key="footprints",
                title="Footprint of the date",
                kind="areas",
                xs=xs,
                ys=ys,
                colours=_STATE_COLOURS["mapped"],
                opacity=0.0,
                width=1.5,
                facts={
                    "scene": str(one.item["id"]),
                    "date": one.label,
                    "state": "mapped",
                    "ground": f"{shares.get('valid_percent', 0):.1f}%, cloud {shares.get('obscured_percent', 0):.1f}%",
                },
                swatches=(Swatch(label="footprint", colours=(_STATE_COLOURS["mapped"],)),),
                frame=number,
                shown=True,
            )
        )
    return layers


def _layer_problems(problems: Sequence[Problem], plane: Plane) -> list[Features]:
    placed = [problem for problem in problems if problem.geometry]
    if not placed:
        return []
    parts = [_place_footprint(problem.geometry, plane) for problem in placed]
    return [
        Features(
            key="problems",
            title="Scenes without a map",
            kind="areas",
            xs=[x for xs, _ in parts for x in xs],
            ys=[y for _, ys in parts for y in ys],
            colours=[_STATE_COLOURS.get(problem.state, "#8a97a1") for problem in placed],
            opacity=0.12,
            width=1.5,
            facts={
                "scene": [problem.name for problem in placed],
                "date": [describe_moment(problem.acquired) for problem in placed],
                "state": [problem.state for problem in placed],
                "reason": [problem.reason or "none given" for problem in placed],
            },
            swatches=tuple(
                Swatch(label=state, colours=(_STATE_COLOURS.get(state, "#8a97a1"),))
                for state in sorted({problem.state for problem in placed})
            ),
            shown=False,
        )
    ]


def _place_footprint(geometry: Any, plane: Plane) -> tuple[list[Any], list[Any]]:  # noqa: ANN401 (GeoJSON)
    outline = shapely.segmentize(np.array([shape(geometry)], dtype=object), 0.1)
    return split_polygons(plane.place(outline, "OGC:CRS84"))


def _layer_changes(folder: Path, maps: Sequence[_Map], plane: Plane) -> list[Features]:
    """Of a watched area: what each date's comparison with the one before it found."""
    layers = []
    for number, one in enumerate(maps):
        path = folder / "changes" / one.folder.name
        if (path / CHANGE_NAME).is_file():
            frames = {name: read_layer(path / "change.gpkg", name) for name in ("gained", "lost", "shift")}
            layers += layer_change(frames, plane, frame=number, arrows=False)
    return sorted(layers, key=lambda layer: layer.key == "shift")


def _read_series(folder: Path, plane: Plane) -> tuple[list[Features], Series | None, list[tuple[str, str]]]:
    path = folder / "measures" / "timeseries"
    if not (path / SERIES_NAME).is_file():
        return [], None, []
    rates, crossings = (read_layer(path / "transects.gpkg", name) for name in ("transects", "crossings"))
    document = json.loads((path / SERIES_NAME).read_text(encoding="utf-8"))
    return [layer_transects(rates, plane)], build_series(rates, crossings), list_series_facts(document)


def _span(maps: Sequence[_Map]) -> str:
    days = [f"{one.acquired.day} {one.acquired:%B %Y}" for one in maps if one.acquired]
    if not days:
        return f"{len(maps)} maps"
    return days[0] if len(set(days)) == 1 else f"{days[0]} to {days[-1]}"


def _list_facts(maps: Sequence[_Map], problems: Sequence[Problem]) -> list[tuple[str, str]]:
    states = [problem.state for problem in problems]
    counts = [f"{len(maps)} mapped", *(f"{states.count(state)} {state}" for state in sorted(set(states)))]
    models = sorted({str(one.item["properties"].get("mlm:name", "unknown")) for one in maps})
    return [("Scenes", ", ".join(counts)), ("Model", ", ".join(models) or "none")]


def _list_rows(maps: Sequence[_Map], problems: Sequence[Problem]) -> list[Row]:
    rows = [
        Row(
            name=str(one.item["id"]),
            state="mapped",
            when=describe_moment(one.acquired) if one.acquired else "",
            colour=_STATE_COLOURS["mapped"],
            frame=number,
        )
        for number, one in enumerate(maps)
    ]
    rows += [
        Row(
            name=problem.name,
            state=problem.state,
            when=describe_moment(problem.acquired) if problem.acquired else "",
            reason=problem.reason,
            colour=_STATE_COLOURS.get(problem.state, "#8a97a1"),
        )
        for problem in problems
    ]
    return rows[::-1]
