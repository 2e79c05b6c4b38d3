"""The page of one mapped scene: true colour, land and water, probability, and the coastline by kind and certainty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import rasterio
from rasterio.enums import Resampling

from pipeline.output.classes import NODATA
from pipeline.output.map_scale import format_position
from pipeline.record.result import SIMULATED, read_sensing_time
from pipeline.record.stored import read_item, read_layer
from pipeline.view.coast import describe_lines, describe_uncertainty, draw_lines, layer_by_kind
from pipeline.view.ground import draw_true_colour
from pipeline.view.pictures import (
    CLASS_SWATCHES,
    CLASSES,
    RAMP_SWATCHES,
    Detail,
    Read,
    colour_classes,
    colour_ramp,
    compute_raster_box,
    cut_picture,
    read_warped,
    require_crs,
)
from pipeline.view.plane import Plane, resolve_plane
from pipeline.view.values import Page, Picture
from tiles.times import format_moment

__all__ = [
    "build_scene_page",
    "describe_credit",
    "describe_moment",
    "describe_place",
    "draw_classes",
    "draw_ramp",
    "list_map_facts",
    "make_ramp_reader",
    "read_notes",
]


def build_scene_page(folder: Path, *, detail: Detail) -> Page:
    """Build the page of a folder that ``map`` made.

    Args:
        folder: Of the map.
        detail: How fine pictures are.

    Raises:
        OutputError: The coastline cannot be read.
    """
    item = read_item(folder)
    properties = item["properties"]
    water = folder / "water.tif"
    with rasterio.open(water) as dataset:
        plane = resolve_plane(require_crs(dataset), tuple(dataset.bounds))
    pictures = [
        picture
        for picture in (
            draw_true_colour(folder, item, plane, detail=detail),
            draw_classes(water, plane, detail=detail),
            draw_ramp(folder / "probability.tif", plane, title="Probability of water", detail=_halve(detail)),
        )
        if picture is not None
    ]
    lines = read_layer(folder / "coastline.gpkg", "coastline")
    drawn = draw_lines(lines, plane, pixel_m=_find_finest(plane, water, detail))
    when = describe_moment(read_sensing_time(properties))
    return Page(
        title=item["id"],
        subtitle=f"{when} · {describe_place(plane)}",
        facts=(*describe_uncertainty(lines), *list_map_facts(properties)),
        notes=(*read_notes(properties), drawn.explain()),
        credit=describe_credit(properties),
        plane=plane,
        pictures=tuple(pictures),
        features=tuple(layer_by_kind(drawn, lambda rows: describe_lines(rows) | {"date": when})),
    )


def describe_moment(moment: datetime | None) -> str:
    """When, for people."""
    return format_moment(moment) if moment else "time of sensing unknown"


def describe_place(plane: Plane) -> str:
    """Where the middle of a page is, for people."""
    fit = plane.fit_degrees()
    lon = (fit["lon"][0] + 180) % 360 - 180
    return format_position(lon, fit["lat"][0])


def read_notes(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """What the record tells the user."""
    return tuple(properties.get("strandline:notes", ()))


def describe_credit(properties: Mapping[str, Any]) -> str:
    """The line that the data's licence asks for."""
    if properties.get("strandline:simulated"):
        return SIMULATED
    return str(properties.get("description") or "Contains modified Copernicus Sentinel data.")


def draw_classes(path: Path, plane: Plane, *, detail: Detail, frame: int | None = None) -> Picture:
    """Land, water and cloud of ``water.tif``."""

    def read(box: Any, shape: tuple[int, int]) -> Any:  # noqa: ANN401 (as Read has them)
        values, known = read_warped(path, plane, box, shape, resampling=Resampling.mode, nodata=NODATA)
        values[0][~known] = NODATA
        return colour_classes(values[0])

    box, pixel_m = compute_raster_box(path, plane)
    tiles = cut_picture(read, box, pixel_m=pixel_m, detail=detail, lossless=True)
    return Picture(key="water", title=CLASSES, tiles=tiles, swatches=CLASS_SWATCHES, frame=frame)


def draw_ramp(path: Path, plane: Plane, *, title: str, detail: Detail) -> Picture | None:
    """A raster of probabilities or frequencies; ``None`` where there is none."""
    if not path.is_file():
        return None
    box, pixel_m = compute_raster_box(path, plane)
    tiles = cut_picture(make_ramp_reader(path, plane), box, pixel_m=pixel_m, detail=detail)
    return Picture(key=path.stem, title=title, tiles=tiles, swatches=RAMP_SWATCHES)


def make_ramp_reader(path: Path, plane: Plane) -> Read:
    """Reads colours of a raster of probabilities."""

    def read(box: Any, shape: tuple[int, int]) -> Any:  # noqa: ANN401 (as Read has them)
        values, known = read_warped(path, plane, box, shape, nodata=NODATA)
        values[0][~known] = NODATA
        return colour_ramp(values[0])

    return read


def _halve(detail: Detail) -> Detail:
    """What is smooth needs no more."""
    return Detail(whole=detail.whole, near=detail.near // 2)


def _find_finest(plane: Plane, water: Path, detail: Detail) -> float:
    box, pixel_m = compute_raster_box(water, plane)
    return max(pixel_m, box.longest / max(detail.whole, detail.near))


def list_map_facts(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a map says of itself, for people."""
    shares = properties.get("strandline:statistics", {})
    facts = []
    if "valid_percent" in shares:
        facts.append(
            (
                "Seen",
                f"{shares['valid_percent']:.1f}% ground, {shares['obscured_percent']:.1f}% cloud, "
                f"{shares['nodata_percent']:.1f}% no data",
            )
        )
    tide = properties.get("strandline:tide_m")
    facts.append(("Line", "where the water stood then" + ("" if tide is None else f"; tide {tide:+.2f} m")))
    facts.append(("Model", str(properties.get("mlm:name", "unknown"))))
    return facts
