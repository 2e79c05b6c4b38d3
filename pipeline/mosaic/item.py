"""Record where a mosaic came from: a STAC Item for each of its tiles, and one for the whole, written last.

Source: STAC 1.1.0, with the extensions projection 2.0.0, raster 2.0.0, classification 2.0.0 and file 2.1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pystac
import shapely
from shapely.geometry import mapping, shape

from pipeline.checksums import Basis
from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.mosaic.preview import PREVIEW_NAME
from pipeline.mosaic.rasters import RASTERS
from pipeline.mosaic.statistics import COMPOSITES, Statistic
from pipeline.output.classes import NODATA
from pipeline.record.assets import RENDER_SCHEMA, describe_class_render, describe_classes, describe_share_render
from pipeline.record.catalogue import CATALOGUE_NAME, INDEX_NAME
from pipeline.record.footprint import compute_footprint
from pipeline.record.mapped_scene import MappedScene, MappedScenes
from pipeline.record.result import ITEM_NAME, ResultItem, describe_file, describe_projection
from tiles.datum import COMPOSITE, INSTANTANEOUS
from tiles.grid import Grid

__all__ = ["MosaicRecord", "write_mosaic_item", "write_tile_item"]

_SCHEMAS = ("raster/v2.0.0", "classification/v2.0.0")
_CATALOGUE = frozenset({ITEM_NAME, CATALOGUE_NAME, INDEX_NAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicRecord:
    """What all items of a mosaic say.

    Attributes:
        mapped: The scenes.
        parameters: Choices that change the result.
        basis: All that decided the result.
        statistic: What several dates come to.
    """

    mapped: MappedScenes
    parameters: Mapping[str, Any]
    basis: Basis
    statistic: Statistic = "median"


def write_tile_item(folder: Path, grid: Grid, scenes: Sequence[MappedScene], record: MosaicRecord) -> Path:
    """Write the item of one tile's rasters, ``item.json`` beside them.

    Args:
        folder: Where the rasters stand; its name is the item's id.
        grid: Theirs.
        scenes: Those of the tile.
        record: What all items say.

    Raises:
        OutputError: It cannot be written.
    """
    geometry, bbox = compute_footprint(grid, folder / "water.tif")
    assets = {name: _describe_raster(folder / f"{name}.tif", folder) for name in RASTERS}
    assets["preview"] = describe_file(folder / PREVIEW_NAME, folder, title="Preview")
    assets["preview"].roles = ["overview"]
    item = _make_item(folder.name, (geometry, bbox), record, scenes, assets)
    renders = {
        name: (describe_class_render if raster.classes else describe_share_render)(name, raster.title)
        for name, raster in RASTERS.items()
        if raster.nodata == NODATA
    }
    schemas = ("projection/v2.0.0", RENDER_SCHEMA, *_SCHEMAS)
    properties = {**item.properties, **describe_projection(grid), "renders": renders}
    return replace(item, schemas=schemas, properties=properties).write(folder)


def write_mosaic_item(folder: Path, tiles: Sequence[str], record: MosaicRecord) -> Path:
    """Write the item of the whole mosaic: the last step, for where it stands all outputs are whole.

    Args:
        folder: The mosaic's folder.
        tiles: Names of its tiles, whose items stand already.
        record: What all items say.

    Raises:
        OutputError: It cannot be written.
    """
    items = [json.loads((folder / name / ITEM_NAME).read_text(encoding="utf-8")) for name in tiles]
    union = shapely.union_all([shape(item["geometry"]) for item in items])
    assets = {
        path.name.replace(".", "_"): describe_file(path, folder, title=_title_vectors(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".") and path.name not in _CATALOGUE
    }
    for layer in MOSAIC_LAYERS:
        for path in sorted((folder / layer.name).glob("part-*.parquet")):
            assets[f"{layer.name}_{path.stem}"] = describe_file(path, folder, title=f"{layer.name}, {path.stem}")
    for name in tiles:
        for raster in RASTERS:
            path = folder / name / f"{raster}.tif"
            assets[f"{name}_{raster}"] = _describe_raster(path, folder, title=f"{raster} of {name}")
    extent = mapping(union), _merge_boxes([item["bbox"] for item in items])
    return _make_item(_resolve_id(folder), extent, record, record.mapped.scenes, assets).write(folder)


def _resolve_id(folder: Path) -> str:
    """Name of the mosaic: of its workspace without what marks it as begun."""
    return folder.name.lstrip(".").split(".begun-")[0]


def _make_item(
    name: str,
    extent: tuple[dict[str, Any], list[float]],
    record: MosaicRecord,
    scenes: Sequence[MappedScene],
    assets: Mapping[str, pystac.Asset],
) -> ResultItem:
    geometry, bbox = extent
    return ResultItem(
        id=name,
        title=f"Coastline and water over {len(scenes)} scenes",
        geometry=geometry,
        bbox=bbox,
        times=[scene.acquired for scene in scenes],
        simulated=any(scene.simulated for scene in record.mapped.scenes),
        basis=record.basis,
        properties={
            "datum": COMPOSITE if len(scenes) > 1 else INSTANTANEOUS,
            "model": record.mapped.model,
            "model_sha256": record.mapped.model_sha256,
            "threshold": record.mapped.threshold,
            "parameters": dict(record.parameters),
            "composite": COMPOSITES[record.statistic],
            "lacking": list(record.mapped.lacking),
            "scenes": [scene.id for scene in scenes],
            "notes": list(record.mapped.notes),
        },
        schemas=_SCHEMAS,
        assets=assets,
    )


def _describe_raster(path: Path, folder: Path, *, title: str | None = None) -> pystac.Asset:
    raster = RASTERS[path.stem]
    fields: dict[str, Any] = {"data_type": raster.dtype}
    if raster.nodata is not None:
        fields["nodata"] = raster.nodata
    if raster.classes:
        fields["classification:classes"] = describe_classes()
    elif raster.scale != 1:
        fields |= {"raster:scale": raster.scale, "raster:offset": raster.offset}
    return describe_file(path, folder, title=title or raster.title, **fields)


def _title_vectors(path: Path) -> str:
    """Title of a file of the coastline, by its name."""
    what = "QGIS style" if path.suffix == ".qml" else "Meaning of the fields" if path.suffix == ".csv" else "Coastline"
    return f"{what}: {path.name}"


def _merge_boxes(boxes: Sequence[Sequence[float]]) -> list[float]:
    """Bounds around all, in degrees; west is larger than east where they meet at the antimeridian."""
    crossing = (
        any(west > east for west, _, east, _ in boxes) or max(b[2] for b in boxes) - min(b[0] for b in boxes) > 180
    )
    turned = [(w % 360, s, e % 360, n) if crossing else (w, s, e, n) for w, s, e, n in boxes]
    west, east = min(box[0] for box in turned), max(box[2] for box in turned)
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    return [west - 360 if west > 180 else west, south, east - 360 if east > 180 else east, north]
