"""Write a layer as PMTiles: vector tiles for web maps, one file that any web server hands out in parts.

Source: PMTiles 3 and Mapbox Vector Tile 2.1, by GDAL's driver.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import pyogrio

from pipeline.output.fields import Layer, conform_layer
from pipeline.place import place_in_degrees

__all__ = ["PMTILES_DRIVER", "write_pmtiles"]

PMTILES_DRIVER: Final = "PMTiles"

_MOST_ZOOM: Final = 13
"""A step of a tile's coordinates is 1.2 m there, at most; web maps enlarge the last level for closer views."""


def write_pmtiles(path: Path, frame: gpd.GeoDataFrame, layer: Layer) -> None:
    """Write one layer, for zoom levels 0 to 13; lines are thinned and rounded to what each level can show.

    Args:
        path: File to write; it must not exist.
        frame: Features of the layer in any CRS.
        layer: Its schema.
    """
    conformed = conform_layer(frame, layer, times=False)
    lonlat = place_in_degrees(conformed.geometry)
    placed = conformed.set_geometry(gpd.GeoSeries(lonlat, crs="EPSG:4326"))
    pyogrio.write_dataframe(
        # The driver looks at all tiles from a feature's west to its east, and from -180 to 180 degrees they are many.
        placed.explode(ignore_index=True),
        path,
        layer=layer.name,
        driver=PMTILES_DRIVER,
        dataset_options={
            "MINZOOM": 0,
            "MAXZOOM": _MOST_ZOOM,
            "NAME": layer.title,
            "DESCRIPTION": layer.meaning,
        },
    )
