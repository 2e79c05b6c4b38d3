"""The page of a coast by years or quarters: the lines of all periods in one picture, and a period at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
from bokeh.palettes import plasma

from pipeline.record.result import ITEM_NAME
from pipeline.record.stored import read_item, read_layer
from pipeline.view.coast import DrawnLines, draw_lines, format_length, layer_by_kind, split_coordinates
from pipeline.view.mosaic import describe_composite, draw_tiles, list_mosaic_tiles, resolve_tiles_plane
from pipeline.view.pictures import Detail
from pipeline.view.plane import Plane
from pipeline.view.scene import describe_credit, describe_place, read_notes
from pipeline.view.values import Features, Page, Picture, Row, Swatch

__all__ = ["COAST_NAME", "build_periods_page", "list_periods"]

COAST_NAME: Final = "coast.json"
"""What the folder of a coast was made for, and what became of each part: see ``pipeline.coast.record``."""

_MADE: Final = "#2e9e5b"
_LACKING: Final = "#8a97a1"
_VERTICES: Final = 400_000
_PIXELS: Final = 40_000_000
"""Of all pictures of a page together."""

_MOST_SIDE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    folder: Path
    part: Mapping[str, Any]
    number: int

    @property
    def name(self) -> str:
        return str(self.part["name"])


def list_periods(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """What the record of a coast says of its parts, by time; nothing where the folder is of no coast."""
    try:
        record = json.loads((folder / COAST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(record.get("parts", ()))


def build_periods_page(folder: Path, *, detail: Detail) -> Page:
    """Build the page of a folder that ``coast`` made, of the parts that stand.

    Args:
        folder: Of the coast.
        detail: How fine pictures are.

    Raises:
        OutputError: A coastline cannot be read.
    """
    parts = list_periods(folder)
    standing = [part for part in parts if (folder / part["name"] / ITEM_NAME).is_file()]
    periods = [_Period(folder=folder / part["name"], part=part, number=n) for n, part in enumerate(standing)]
    tiles = {period.name: list_mosaic_tiles(period.folder) for period in periods}
    plane = resolve_tiles_plane([tile for own in tiles.values() for tile in own])
    side = int(min(_MOST_SIDE, detail.whole, (_PIXELS / len(periods)) ** 0.5))
    drawn = {period.name: _draw(period, plane, len(periods), side) for period in periods}
    items = [read_item(period.folder) for period in periods]
    numbers = {period.name: period.number for period in periods}
    return Page(
        title=f"Coast of {folder.resolve().name}",
        subtitle=f"{periods[0].name} to {periods[-1].name} · {describe_place(plane)}",
        facts=(
            ("Periods", f"{len(periods)} of {len(parts)} have a line"),
            *((period.name, _measure(drawn[period.name].frame)) for period in periods),
            ("Model", str(items[0]["properties"].get("strandline:model", "unknown"))),
        ),
        notes=(
            *sorted({note for item in items for note in read_notes(item["properties"])})[:12],
            drawn[periods[-1].name].explain(),
            "A period's own page shows more (view.html in its folder).",
        ),
        credit=describe_credit(items[-1]["properties"]),
        plane=plane,
        pictures=tuple(_draw_pictures(periods, tiles, plane, side)),
        features=(_layer_all(periods, drawn), *_layer_each(periods, drawn)),
        frames=tuple(period.name for period in periods),
        rows_title="Periods",
        rows=tuple(_describe_row(part, numbers.get(part["name"])) for part in reversed(parts)),
    )


def _draw(period: _Period, plane: Plane, count: int, side: int) -> DrawnLines:
    return draw_lines(
        read_layer(period.folder / "coastline.gpkg", "coastline"),
        plane,
        pixel_m=max(10.0, plane.box.longest / (2 * side)),
        vertices=_VERTICES // (2 * count),
    )


def _draw_pictures(
    periods: Sequence[_Period], tiles: Mapping[str, Sequence[Path]], plane: Plane, side: int
) -> Iterator[Picture]:
    for period in periods:
        fine = Detail(whole=side)
        yield from draw_tiles(tiles[period.name], plane, fine, only="frequency", frame=period.number)


def _layer_all(periods: Sequence[_Period], drawn: Mapping[str, DrawnLines]) -> Features:
    """The lines of all periods together, the latest uppermost."""
    # Neither as dark as deep water nor as yellow as the line of the sea.
    colours = [plasma(256)[round(place)] for place in np.linspace(70, 200, len(periods))]
    xs, ys, line_colours, names = [], [], [], []
    for period, colour in zip(periods, colours, strict=True):
        x, y = split_coordinates(np.asarray(drawn[period.name].frame.geometry))
        xs += x
        ys += y
        line_colours += [colour] * len(x)
        names += [period.name] * len(x)
    return Features(
        key="all-periods",
        title="Lines of all periods",
        xs=xs,
        ys=ys,
        colours=line_colours,
        facts={"period": names},
        width=1.3,
        swatches=tuple(
            Swatch(label=period.name, colours=(colour,), shape="line")
            for period, colour in zip(periods, colours, strict=True)
        ),
    )


def _layer_each(periods: Sequence[_Period], drawn: Mapping[str, DrawnLines]) -> Iterator[Features]:
    for period in periods:
        for layer in layer_by_kind(drawn[period.name], describe_composite):
            yield replace(layer, frame=period.number, facts={"period": period.name, **layer.facts})


def _measure(lines: gpd.GeoDataFrame) -> str:
    return f"{format_length(float(lines['length_m'].sum()))} of coast" if len(lines) else "no line"


def _describe_row(part: Mapping[str, Any], frame: int | None) -> Row:
    joined = len(part.get("joined", ()))
    lacking = len(part.get("lacking", ()))
    return Row(
        name=str(part["name"]),
        state=str(part["state"]),
        when=str(part["dates"] or "all dates"),
        reason=f"{joined} scene{'s' * (joined != 1)}" + (f", lacks {lacking}" if lacking else "") if joined else "",
        colour=_LACKING if frame is None else _MADE,
        frame=frame,
    )
