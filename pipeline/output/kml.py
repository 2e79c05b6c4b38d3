"""Write all layers into one KML, a folder each, as Google Earth and phones open it: longitude and latitude, coloured.

GDAL's driver gives features no style of ours, and Google Earth then covers the ground with white; so each placemark is
pointed to its layer's style afterwards.

Source: OGC 12-007r2, KML 2.3 (order of a feature's elements; colours as alpha, blue, green, red).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from pipeline.output.fields import Layer, conform_layer
from pipeline.place import place_in_degrees

__all__ = ["KML_DRIVER", "write_kml"]

KML_DRIVER: Final = "LIBKML"

_DECIMALS: Final = 7  # 1 cm
_RENAMED: Final = {"id": "number", "model": "mapped_by"}
"""The driver takes ``model`` for a building to be drawn, and ``id`` for its own; it would drop them."""
_LINE = "<LineStyle><color>{line}</color><width>2</width></LineStyle>"
_FILL = "<PolyStyle><color>{fill}</color></PolyStyle>"
_ICON = "<IconStyle><color>{line}</color><scale>0.4</scale></IconStyle><LabelStyle><scale>0</scale></LabelStyle>"
_COLOURS: Final = {"water": ("ffb2722d", "66b2722d"), "land": ("ffaad1de", "40aad1de")}
"""Line and fill of polygons, as ``classes.CLASS_COLOURS``, seen through."""
_LINE_COLOUR: Final = "ff00e6ff"
"""Of lines and points: the preview's yellow."""


def write_kml(path: Path, frames: Mapping[str, gpd.GeoDataFrame], layers: Iterable[Layer]) -> None:
    """Write the layers; the same input gives the same bytes.

    Args:
        path: File to write; it must not exist.
        frames: Features by layer name, in any CRS.
        layers: The layers to write, in order.
    """
    written = tuple(layers)
    for layer in written:
        conformed = conform_layer(frames[layer.name], layer, times=False)
        words = conformed["kind"] if "kind" in conformed else [layer.title] * len(conformed)
        lonlat = place_in_degrees(conformed.geometry)
        rounded = _round(lonlat)
        named = conformed.set_geometry(gpd.GeoSeries(rounded, crs="OGC:CRS84")).rename(columns=_RENAMED)
        named.insert(0, "Name", [f"{word} {number}" for word, number in zip(words, conformed["id"], strict=True)])
        pyogrio.write_dataframe(named, path, layer=layer.name, driver=KML_DRIVER, append=path.exists())
    _add_styles(path, written)


def _round(shapes: NDArray[Any]) -> NDArray[Any]:
    """Coordinates to a centimetre; the driver takes no polygon of which rounding made two parts touch."""
    rounded: NDArray[Any] = shapely.transform(shapes, lambda xy: np.round(xy, _DECIMALS))
    for number in np.flatnonzero(~shapely.is_valid(rounded)):
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(rounded[number])))
        areas = parts[shapely.get_dimensions(parts) == 2]
        rounded[number] = shapely.multipolygons(areas) if len(areas) else shapes[number]
    return rounded


def _add_styles(path: Path, layers: tuple[Layer, ...]) -> None:
    draft = path.with_name(f".{path.name}.styled")
    with path.open(encoding="utf-8") as src, draft.open("w", encoding="utf-8", newline="\n") as dst:
        dst.writelines(_style_lines(src, layers))
    draft.replace(path)


def _style_lines(lines: Iterable[str], layers: tuple[Layer, ...]) -> Iterator[str]:
    """The lines of a document of GDAL's, with the styles, and a reference to its layer's in each placemark."""
    style, in_placemark = "", False
    for line in lines:
        yield line
        tag = line.strip()
        if tag == '<Document id="root_doc">':
            yield from map(_describe_style, layers)
        elif tag.startswith("<Document id="):
            style = tag.split('"')[1]
        elif tag.startswith("<Placemark"):
            in_placemark = True
        elif in_placemark and tag.startswith("<name>"):
            in_placemark = False
            yield f"        <styleUrl>#style_{style}</styleUrl>\n"


def _describe_style(layer: Layer) -> str:
    line, fill = _COLOURS.get(layer.name, (_LINE_COLOUR, "4000e6ff"))
    parts = {"Point": _ICON, "LineString": _LINE, "Polygon": _LINE + _FILL}[layer.geometry]
    return f'    <Style id="style_{layer.name}">{parts.format(line=line, fill=fill)}</Style>\n'
