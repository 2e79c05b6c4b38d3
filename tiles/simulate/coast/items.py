"""Describes the scenes of a simulated coast as STAC: an item a scene, a static catalogue, one collection of all items.

Source: STAC 1.1; the asset keys and properties are those of Earth Search's ``sentinel-2-c1-l2a``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pystac
from pystac.layout import CustomLayoutStrategy
from shapely.geometry import Polygon, mapping
from shapely.geometry.polygon import orient

from strandline import __version__
from tiles.bands import BANDS, L2A_STACK
from tiles.products.stac_item import SIMULATED
from tiles.simulate.coast.tiles import CoastPlane, get_transformer
from tiles.simulate.coast.view import Day
from tiles.simulate.coast.writer import SceneFiles

__all__ = ["COLLECTION", "SimulatedFolder", "make_item", "make_item_path", "write_catalogues"]

COLLECTION = "strandline-simulated-coast"
_NOTICE = "Simulated, not observed: a made-up coast to measure mosaics by."
_EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("eo/v1.1.0", "raster/v1.1.0", "projection/v2.0.0", "grid/v1.1.0", "view/v1.0.0", "processing/v1.2.0")
]
_COG = "image/tiff; application=geotiff"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedFolder:
    """A folder of simulated scenes with a catalogue.

    Attributes:
        folder: Holds all of it.
    """

    folder: Path

    @property
    def item_collection(self) -> Path:
        """All items with absolute references, as ``rustac serve`` takes them."""
        return self.folder / "items.json"

    @property
    def catalogue(self) -> Path:
        """The static catalogue, with relative references."""
        return self.folder / "catalog.json"


def make_item(scene: SceneFiles, day: Day, plane: CoastPlane) -> pystac.Item:
    """Describe a scene; its assets' references are relative to its folder.

    Args:
        scene: What was written.
        day: The overpass.
        plane: Where the world lies.
    """
    taken, tile = scene.acquisition, scene.tile
    footprint = _compute_footprint(scene, day, plane)
    item = pystac.Item(
        id=scene.folder.name,
        geometry=mapping(footprint),
        bbox=[round(value, 7) for value in footprint.bounds],
        datetime=taken.granule_start,
        properties={
            "title": f"Simulated Sentinel-2 L2A, tile {tile.name}",
            "description": _NOTICE,
            SIMULATED: True,
            "created": f"{taken.generation + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "platform": f"sentinel-{taken.spacecraft[1:].lower()}",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "eo:cloud_cover": round(scene.compute_share(8, 9, 10), 6),
            "proj:code": tile.square.crs,
            "mgrs:utm_zone": tile.square.zone,
            "mgrs:latitude_band": tile.name[2],
            "mgrs:grid_square": tile.name[3:],
            "grid:code": f"MGRS-{tile.name}",
            "view:sun_azimuth": round(taken.sun_azimuth, 6),
            "view:sun_elevation": round(90 - taken.sun_zenith, 6),
            "s2:product_type": "S2MSI2A",
            "s2:processing_baseline": taken.baseline,
            "processing:version": taken.baseline,
            "processing:level": "L2",
            "processing:software": {"Strandline": __version__},
            "s2:product_uri": taken.product,
            "s2:datatake_id": taken.datatake_id,
            "s2:generation_time": f"{taken.generation:%Y-%m-%dT%H:%M:%S.%fZ}",
            "s2:nodata_pixel_percentage": round(scene.nodata_percent, 6),
            "s2:cloud_shadow_percentage": round(scene.compute_share(3), 6),
            "s2:water_percentage": round(scene.compute_share(6), 6),
        },
        stac_extensions=list(_EXTENSIONS),
        collection=COLLECTION,
    )
    for name in L2A_STACK:
        item.add_asset(BANDS[name].common_name, _describe_band(scene, name))
    item.add_asset("scl", _describe_asset(scene, "SCL", 20, {"data_type": "uint8", "spatial_resolution": 20}))
    return item


def _describe_band(scene: SceneFiles, name: str) -> pystac.Asset:
    band = BANDS[name]
    offset = -0.1 if scene.acquisition.has_offset else 0
    layer = {"data_type": "uint16", "bits_per_sample": 15, "spatial_resolution": band.resolution_m}
    asset = _describe_asset(scene, name, band.resolution_m, layer | {"scale": 0.0001, "offset": offset})
    asset.extra_fields["eo:bands"] = [
        {
            "name": name,
            "common_name": _get_common_name(band.common_name),
            "center_wavelength": band.wavelength_nm / 1000,
        }
    ]
    return asset


def _get_common_name(key: str) -> str:
    """The common name of the eo extension, which knows one red edge; Earth Search numbers them."""
    return "rededge" if key.startswith("rededge") else key


def _describe_asset(scene: SceneFiles, name: str, resolution_m: int, layer: dict[str, Any]) -> pystac.Asset:
    grid, step = scene.tile.grid, resolution_m // 10
    return pystac.Asset(
        href=f"./{name}.tif",
        title=f"{name} - {resolution_m} m",
        media_type=_COG,
        roles=["data", "reflectance"] if name != "SCL" else ["data"],
        extra_fields={
            "gsd": resolution_m,
            "proj:shape": [grid.height // step, grid.width // step],
            "proj:transform": [resolution_m, 0, grid.transform.c, 0, -resolution_m, grid.transform.f],
            "raster:bands": [{"nodata": 0} | layer],
        },
    )


def _compute_footprint(scene: SceneFiles, day: Day, plane: CoastPlane) -> Polygon:
    """The ground with data in degrees."""
    outline = scene.tile.compute_outline()[:-1]
    to_plane = get_transformer(scene.tile.square.crs, plane.wkt)
    x, y = to_plane.transform(outline[:, 0], outline[:, 1])
    left, top = plane.grid.transform.c, plane.grid.transform.f
    points = list(zip((x - left).tolist(), (top - y).tolist(), strict=True))
    if day.swath is not None:
        points = day.swath.clip_polygon(points)
    east, south = np.array(points).T
    to_degrees = get_transformer(plane.wkt, "EPSG:4326")
    lon, lat = to_degrees.transform(left + east, top - south)
    return orient(Polygon(np.round(np.column_stack([lon, lat]), 7)))  # counter-clockwise, as GeoJSON has it


def make_item_path(item: pystac.Item) -> Path:
    """Where an item lies within its coast or series."""
    return Path("scenes") / item.id / f"{item.id}.json"


def write_catalogues(draft: Path, items: Sequence[pystac.Item], *, out: Path) -> None:
    """Write a static catalogue and, for servers, one collection of all items.

    ``catalog.json``, ``collection.json`` and an item beside each scene's bands are linked relatively; ``items.json``
    is what ``rustac serve`` takes.

    Args:
        draft: The folder in which ``scenes/<id>`` are now.
        items: In any order.
        out: The folder in which they are in the end.
    """
    _write_item_collection(draft / "items.json", items, out=out)
    catalogue = pystac.Catalog(id="simulated-coast", description=_NOTICE, title="A simulated coast")
    extent = pystac.Extent.from_items(items)
    collection = pystac.Collection(id=COLLECTION, description=_NOTICE, extent=extent, license="MIT")
    catalogue.add_child(collection)
    collection.add_items(items)
    layout = CustomLayoutStrategy(
        catalog_func=lambda _catalogue, parent, _root: str(Path(parent) / "catalog.json"),
        collection_func=lambda _collection, parent, _root: str(Path(parent) / "collection.json"),
        item_func=lambda item, parent: str(Path(parent) / make_item_path(item)),
    )
    catalogue.normalize_hrefs(str(draft), strategy=layout)
    catalogue.save(catalog_type=pystac.CatalogType.SELF_CONTAINED)


def _write_item_collection(path: Path, items: Sequence[pystac.Item], *, out: Path) -> None:
    """A served item has no folder that relative references could count from: its assets are absolute ``file:`` URLs."""
    features, collection = [], (out / "collection.json").absolute().as_uri()
    for item in items:
        feature = item.to_dict(include_self_link=False, transform_hrefs=False)
        feature["links"] = [{"rel": "collection", "href": collection, "type": "application/json"}]
        for asset in feature["assets"].values():
            asset["href"] = (out / make_item_path(item).parent / asset["href"]).absolute().as_uri().replace("/./", "/")
        features.append(feature)
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
