"""The page of a mosaic: how often there was water, and the one coastline of all dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from pipeline.output.classes import NODATA
from pipeline.record.result import ITEM_NAME
from pipeline.record.stored import read_item, read_layer
from pipeline.view.coast import describe_lines, describe_uncertainty, draw_lines, layer_by_kind
from pipeline.view.pictures import (
    CLASS_SWATCHES,
    CLASSES,
    COUNT_COLOURS,
    RAMP_SWATCHES,
    Detail,
    Read,
    colour_classes,
    colour_counts,
    compute_raster_box,
    cut_picture,
    read_warped,
    require_crs,
)
from pipeline.view.plane import Box, Plane, resolve_plane
from pipeline.view.scene import describe_credit, describe_place, make_ramp_reader, read_notes
from pipeline.view.values import Page, Picture, Swatch, Tile
from tiles.times import parse_moment

__all__ = [
    "build_mosaic_page",
    "describe_composite",
    "draw_tiles",
    "list_mosaic_tiles",
    "merge_degrees",
    "resolve_tiles_plane",
]


def list_mosaic_tiles(folder: Path) -> tuple[Path, ...]:
    """Folders of a mosaic's rasters, by name."""
    return tuple(sorted(path.parent for path in folder.glob("*/frequency.tif") if (path.parent / ITEM_NAME).is_file()))


def build_mosaic_page(folder: Path, *, detail: Detail) -> Page:
    """Build the page of a folder that ``mosaic`` made; its own item need not stand yet.

    Args:
        folder: Of the mosaic.
        detail: How fine pictures are.

    Raises:
        OutputError: The coastline cannot be read.
    """
    tiles = list_mosaic_tiles(folder)
    items = [read_item(tile) for tile in tiles]
    plane = resolve_tiles_plane(tiles)
    pictures = draw_tiles(tiles, plane, detail)
    lines = read_layer(folder / "coastline.gpkg", "coastline")
    drawn = draw_lines(lines, plane, pixel_m=max(10.0, plane.box.longest / max(detail.whole, detail.near)))
    scenes = {scene for item in items for scene in item["properties"].get("strandline:scenes", ())}
    notes = {note for item in items for note in read_notes(item["properties"])}
    name = folder.name.lstrip(".").split(".begun-")[0]
    return Page(
        title="Mosaic" if name == "mosaic" else f"Mosaic {name}",
        subtitle=f"{_describe_dates(items)} · {describe_place(plane)}",
        facts=(
            *describe_uncertainty(lines),
            ("Made of", f"{len(scenes)} scenes, {len(tiles)} tile{'s' * (len(tiles) != 1)}: {_join(tiles)}"),
            ("Line", "composite of all dates, at no one height of the tide" if len(scenes) > 1 else "of one date"),
            ("Model", str(items[0]["properties"].get("strandline:model", "unknown"))),
        ),
        notes=(*sorted(notes), drawn.explain()),
        credit=describe_credit(items[0]["properties"]),
        plane=plane,
        pictures=tuple(pictures),
        features=tuple(layer_by_kind(drawn, describe_composite)),
    )


def _join(tiles: Sequence[Path]) -> str:
    names = [tile.name for tile in tiles]
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")


def resolve_tiles_plane(tiles: Sequence[Path]) -> Plane:
    """The plane of a page of some tiles: their own, or degrees where they lie in several."""
    grids = []
    for tile in tiles:
        with rasterio.open(tile / "frequency.tif") as dataset:
            grids.append((require_crs(dataset), np.array(dataset.bounds)))
    if len({crs.to_wkt() for crs, _ in grids}) == 1:
        bounds = np.array([bounds for _, bounds in grids])
        return resolve_plane(grids[0][0], (*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()))
    boxes = np.array([read_item(tile)["bbox"] for tile in tiles], dtype=float)
    return resolve_plane("OGC:CRS84", merge_degrees(boxes))


def merge_degrees(boxes: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Bounds of boxes in degrees; right lies beyond 180 where they meet at the antimeridian."""
    west, east = boxes[:, 0], np.where(boxes[:, 2] < boxes[:, 0], boxes[:, 2] + 360, boxes[:, 2])
    turned = np.where(west < 0, 360, 0)
    if (east + turned).max() - (west + turned).min() < east.max() - west.min():
        west, east = west + turned, east + turned
    return float(west.min()), float(boxes[:, 1].min()), float(east.max()), float(boxes[:, 3].max())


def draw_tiles(
    tiles: Sequence[Path], plane: Plane, detail: Detail, *, only: str = "", frame: int | None = None
) -> list[Picture]:
    """Draw the rasters of a mosaic.

    Args:
        tiles: Folders with the rasters.
        plane: Of the page.
        detail: How fine the pictures are.
        only: Name of one raster; empty: all that a page shows.
        frame: Number of its date.
    """
    most = max(_find_most(tile / "observations.tif") for tile in tiles)
    counts = (Swatch(label=f"1 … {most} clear overpasses", colours=COUNT_COLOURS, shape="ramp"),)
    smooth = Detail(whole=detail.whole, near=detail.near // 2)
    kinds: tuple[tuple[str, str, tuple[Swatch, ...], Callable[[Path], Read], Detail], ...] = (
        ("frequency", "Share of dates with water", RAMP_SWATCHES, lambda path: make_ramp_reader(path, plane), smooth),
        ("probability", "Probability of water", RAMP_SWATCHES, lambda path: make_ramp_reader(path, plane), smooth),
        ("water", CLASSES, CLASS_SWATCHES, lambda path: _make_class_reader(path, plane), detail),
        ("observations", "Clear overpasses", counts, lambda path: _make_count_reader(path, plane, most), smooth),
    )
    pictures = []
    for key, title, swatches, make, fine in kinds:
        parts: list[Tile] = []
        for path in (tile / f"{key}.tif" for tile in tiles if only in {"", key}):
            if not path.is_file():
                continue
            box, pixel_m = compute_raster_box(path, plane)
            share = min(1.0, box.longest / plane.box.longest)
            part = Detail(whole=max(64, round(fine.whole * share)), near=round(fine.near * share))
            parts += cut_picture(make(path), box, pixel_m=pixel_m, detail=part, lossless=key == "water")
        if parts:
            pictures.append(Picture(key=key, title=title, tiles=tuple(parts), swatches=swatches, frame=frame))
    return pictures


def _make_class_reader(path: Path, plane: Plane) -> Read:
    def read(box: Box, shape: tuple[int, int]) -> NDArray[np.uint8]:
        values, known = read_warped(path, plane, box, shape, resampling=Resampling.mode, nodata=NODATA)
        values[0][~known] = NODATA
        return colour_classes(values[0])

    return read


def _make_count_reader(path: Path, plane: Plane, most: int) -> Read:
    def read(box: Box, shape: tuple[int, int]) -> NDArray[np.uint8]:
        values, known = read_warped(path, plane, box, shape, resampling=Resampling.nearest)
        return colour_counts(np.where(known, values[0], 0), most)

    return read


def _find_most(path: Path) -> int:
    try:
        with rasterio.open(path) as dataset:
            shape = (min(dataset.height, 1400), min(dataset.width, 1400))
            return int(dataset.read(1, out_shape=shape).max())
    except RasterioError:
        return 1


def _describe_dates(items: Sequence[dict[str, Any]]) -> str:
    def list_days(name: str) -> list[str]:
        moments = (parse_moment(item["properties"].get(name)) for item in items)
        return [f"{moment.day} {moment:%B %Y}" for moment in sorted(moment for moment in moments if moment)]

    first, last = list_days("start_datetime"), list_days("end_datetime")
    if any(item["properties"].get("strandline:undated") for item in items) or not (first and last):
        return "dates not all known"
    return f"{first[0]} to {last[-1]}"


def describe_composite(rows: gpd.GeoDataFrame) -> dict[str, Any]:
    """What is told of lines of a mosaic: as of a map's, and when and how often they were seen."""
    dates = [_span(first, last) for first, last in zip(rows["first"], rows["last"], strict=True)]
    seen = zip(rows["observations_mean"], rows["observations_min"], rows["scenes"], strict=True)
    return describe_lines(rows) | {
        "dates": dates,
        "seen clear": [f"{mean:.1f} times (least {least}) in {scenes} scenes" for mean, least, scenes in seen],
    }


def _span(first: Any, last: Any) -> str:  # noqa: ANN401 (a timestamp, or none)
    if pd.isna(first) or pd.isna(last):
        return "unknown"
    a, b = f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"
    return a if a == b else f"{a} … {b}"
