"""Record where a mosaic came from: a STAC Item for each of its tiles, and one for the whole, written last.

Source: STAC 1.1.0, with the extensions projection 2.0.0, raster 2.0.0, classification 2.0.0 and file 2.1.0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import shapely
from shapely.geometry import mapping, shape

from pipeline.checksums import compute_sha256, format_multihash
from pipeline.errors import output_errors
from pipeline.mosaic.rasters import RASTERS
from pipeline.output.classes import CLASS_COLOURS, CLASS_NAMES
from pipeline.record.catalogue import CATALOGUE_NAME, INDEX_NAME
from pipeline.record.footprint import compute_footprint
from pipeline.record.item import ITEM_NAME
from pipeline.record.mapped_scene import MappedScene, MappedScenes
from strandline import __version__
from tiles.grid import Grid

__all__ = ["MosaicRecord", "write_mosaic_item", "write_tile_item"]

_EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("projection/v2.0.0", "raster/v2.0.0", "classification/v2.0.0", "file/v2.1.0", "processing/v1.2.0")
]
_FIRST_LIGHT = datetime(2015, 6, 23, tzinfo=UTC)
_MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".shp": "application/vnd.shp",
    ".zip": "application/zip",
    ".fgb": "application/vnd.flatgeobuf",
    ".geojson": "application/geo+json",
    ".qml": "application/xml",
    ".csv": "text/csv",
}
_CATALOGUE = frozenset({ITEM_NAME, CATALOGUE_NAME, INDEX_NAME})
_PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicRecord:
    """What all items of a mosaic say.

    Attributes:
        mapped: The scenes.
        parameters: Choices that change the result.
        fingerprint: See ``compute_fingerprint``.
    """

    mapped: MappedScenes
    parameters: Mapping[str, Any]
    fingerprint: str


def write_tile_item(folder: Path, grid: Grid, record: MosaicRecord) -> Path:
    """Write the item of one tile's rasters, ``item.json`` beside them.

    Args:
        folder: Where the rasters stand; its name is the item's id.
        grid: Theirs.
        record: What all items say.

    Raises:
        OutputError: It cannot be written.
    """
    geometry, bbox = compute_footprint(grid, folder / "water.tif")
    scenes = [scene for scene in record.mapped.scenes if (scene.tile or scene.id) == folder.name]
    authority = grid.crs.to_authority()
    projection = {
        **({"proj:code": ":".join(authority)} if authority else {"proj:code": None, "proj:wkt2": grid.crs.to_wkt()}),
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "proj:bbox": list(grid.bounds),
    }
    assets = {name: _describe_raster(folder / f"{name}.tif") for name in RASTERS}
    item = _make_item(folder.name, geometry, bbox, record, scenes or record.mapped.scenes, projection)
    return _write(folder, item, assets)


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
    bbox = _merge_boxes([item["bbox"] for item in items])
    assets = {
        path.name.replace(".", "_"): _describe_file(path, folder, *_describe_vectors(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".") and path.name not in _CATALOGUE
    }
    for layer in ("coastline", "sources"):
        for path in sorted((folder / layer).glob("part-*.parquet")):
            assets[f"{layer}_{path.stem}"] = _describe_file(path, folder, _PARQUET, f"{layer}, {path.stem}")
    for name in tiles:
        for raster in RASTERS:
            path = folder / name / f"{raster}.tif"
            assets[f"{name}_{raster}"] = _describe_file(path, folder, pystac.MediaType.COG, f"{raster} of {name}")
    item = _make_item(_resolve_id(folder), mapping(union), bbox, record, record.mapped.scenes, {})
    return _write(folder, item, assets)


def _resolve_id(folder: Path) -> str:
    """Name of the mosaic: of its workspace without what marks it as begun."""
    return folder.name.lstrip(".").split(".begun-")[0]


def _make_item(
    name: str,
    geometry: dict[str, Any],
    bbox: list[float],
    record: MosaicRecord,
    scenes: Sequence[MappedScene],
    projection: Mapping[str, Any],
) -> pystac.Item:
    times = [scene.acquired for scene in scenes if scene.acquired is not None]
    simulated = any(scene.simulated for scene in record.mapped.scenes)
    properties = {
        "title": f"Coastline and water over {len(scenes)} scenes",
        "description": "Simulated scenes: they show no place on Earth."
        if simulated
        else "Contains modified Copernicus Sentinel data.",
        "license": "other",
        "processing:software": {"Strandline": __version__},
        **projection,
        "strandline:fingerprint": record.fingerprint,
        "strandline:simulated": simulated,
        "strandline:model": record.mapped.model,
        "strandline:model_sha256": record.mapped.model_sha256,
        "strandline:threshold": record.mapped.threshold,
        "strandline:parameters": dict(record.parameters),
        "strandline:scenes": [scene.id for scene in scenes],
        "strandline:notes": list(record.mapped.notes),
    }
    first, last = (min(times), max(times)) if times else (_FIRST_LIGHT, datetime.now(UTC).replace(microsecond=0))
    return pystac.Item(
        id=name,
        geometry=geometry,
        bbox=bbox,
        datetime=None,
        start_datetime=first,
        end_datetime=last,
        properties=properties,
        stac_extensions=_EXTENSIONS,
    )


def _describe_raster(path: Path) -> pystac.Asset:
    raster = RASTERS[path.stem]
    fields: dict[str, Any] = {"data_type": raster.dtype}
    if raster.nodata is not None:
        fields["nodata"] = raster.nodata
    if raster.classes:
        fields["classification:classes"] = [
            {"value": value, "name": name, "color_hint": "{:02X}{:02X}{:02X}".format(*CLASS_COLOURS[value])}
            for value, name in CLASS_NAMES.items()
        ]
    elif raster.scale != 1:
        fields |= {"raster:scale": raster.scale, "raster:offset": raster.offset}
    return _describe_file(path, path.parent, pystac.MediaType.COG, raster.title, fields)


def _describe_file(
    path: Path, folder: Path, media_type: str, title: str, fields: Mapping[str, Any] | None = None
) -> pystac.Asset:
    return pystac.Asset(
        f"./{path.relative_to(folder).as_posix()}",
        title=title,
        media_type=media_type,
        roles=["data"],
        extra_fields={
            "file:size": path.stat().st_size,
            "file:checksum": format_multihash(compute_sha256(path)),
            **(fields or {}),
        },
    )


def _describe_vectors(path: Path) -> tuple[str, str]:
    """Media type and title of a file of the coastline, by its name."""
    what = "QGIS style" if path.suffix == ".qml" else "Meaning of the fields" if path.suffix == ".csv" else "Coastline"
    return _MEDIA_TYPES.get(path.suffix, "application/octet-stream"), f"{what}: {path.name}"


def _merge_boxes(boxes: Sequence[Sequence[float]]) -> list[float]:
    """Bounds around all, in degrees; west is larger than east where they meet at the antimeridian."""
    crossing = (
        any(west > east for west, _, east, _ in boxes) or max(b[2] for b in boxes) - min(b[0] for b in boxes) > 180
    )
    turned = [(w % 360, s, e % 360, n) if crossing else (w, s, e, n) for w, s, e, n in boxes]
    west, east = min(box[0] for box in turned), max(box[2] for box in turned)
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    return [west - 360 if west > 180 else west, south, east - 360 if east > 180 else east, north]


def _write(folder: Path, item: pystac.Item, assets: Mapping[str, pystac.Asset]) -> Path:
    for key, asset in assets.items():
        item.add_asset(key, asset)
    path, begun = folder / ITEM_NAME, folder / f".{ITEM_NAME}.begun"
    with output_errors(path):
        with begun.open("w", encoding="utf-8") as file:
            text = json.dumps(item.to_dict(transform_hrefs=False), indent=2, ensure_ascii=False)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
    return path
