"""Write layers as GeoJSON that keeps RFC 7946: longitude and latitude, right-hand rings, cut at the antimeridian.

The cut is made here, because GDAL's own leaves single points and lines around the globe where a shore only just
crosses 180 degrees.

Source: RFC 7946, The GeoJSON Format, sections 3.1.6 (rings), 3.1.9 (antimeridian), 4 (WGS 84), 11.2 (precision).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import pyogrio

from pipeline.output.fields import Layer, conform_layer
from pipeline.place import place_in_degrees

__all__ = ["write_geojson"]


_DECIMALS: Final = 7  # 1 cm


def write_geojson(path: Path, frame: gpd.GeoDataFrame, layer: Layer) -> None:
    """Write one layer; the same input gives the same bytes.

    Args:
        path: File to write.
        frame: Features of the layer in any CRS.
        layer: Its schema.
    """
    conformed = conform_layer(frame, layer, times=False)
    lonlat = place_in_degrees(conformed.geometry)
    pyogrio.write_dataframe(
        conformed.set_geometry(gpd.GeoSeries(lonlat, crs="OGC:CRS84")),
        path,
        driver="GeoJSON",
        geometry_type="Unknown",
        promote_to_multi=False,
        layer_options={"RFC7946": "YES", "COORDINATE_PRECISION": _DECIMALS, "WRITE_NAME": "NO", "WRITE_BBOX": "NO"},
    )
