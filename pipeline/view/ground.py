"""The ground in true colour: from the scene itself where it still lies here, else from ``truecolour.tif``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from pipeline.output.classes import OBSCURED
from pipeline.output.true_colour import TRUE_COLOUR_NAME, Stretch
from pipeline.view.pictures import Detail, compute_raster_box, cut_picture, read_warped
from pipeline.view.plane import Box, Plane
from pipeline.view.values import Picture
from strandline import StrandlineError
from tiles.products.open import StackOptions, open_scene
from tiles.scene import BandSource, Scene

__all__ = ["TRUE_COLOUR", "draw_true_colour"]

TRUE_COLOUR: Final = "True colour"

_BANDS = ("B04", "B03", "B02")
_FAR = ("://", "/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift")


def draw_true_colour(
    folder: Path, item: Mapping[str, Any], plane: Plane, *, detail: Detail, frame: int | None = None
) -> Picture | None:
    """Draw a mapped scene in true colour.

    Args:
        folder: Of the map.
        item: Its record.
        plane: Of the page.
        detail: How fine; without tiles of detail the scene itself is not asked for.
        frame: Number of its date.

    Returns:
        The picture; ``None`` where neither the scene nor ``truecolour.tif`` is there.
    """
    small = folder / TRUE_COLOUR_NAME
    scene = _find_scene(item) if detail.near or not small.is_file() else None
    try:
        if scene is not None:
            box, pixel_m = compute_raster_box(folder / "water.tif", plane)
            read = _SceneReader.fit(scene, folder / "water.tif", plane, box)
        elif small.is_file():
            box, pixel_m = compute_raster_box(small, plane)
            return Picture(
                key="truecolour",
                title=TRUE_COLOUR,
                tiles=cut_picture(_SmallReader(path=small, plane=plane).read, box, pixel_m=pixel_m, detail=detail),
                frame=frame,
            )
        else:
            return None
        tiles = cut_picture(read.read, box, pixel_m=pixel_m, detail=detail)
    except RasterioError:
        return None  # the ground is decoration: a page without it is still a page
    return Picture(key="truecolour", title=TRUE_COLOUR, tiles=tiles, frame=frame)


def _find_scene(item: Mapping[str, Any]) -> Scene | None:
    """The scene that was mapped, where it lies on this machine and has the bands of an eye."""
    source = item["properties"].get("strandline:source", {})
    href = str(source.get("href", ""))
    path = unquote(urlsplit(href).path) if href.startswith("file://") else href
    if not path or any(far in path for far in _FAR) or not Path(path).exists():
        return None
    for options in (StackOptions(any_platform=True), _recall_options(item)):
        try:
            scene = open_scene(path, options=options)
        except StrandlineError:
            continue
        if set(_BANDS) <= set(scene.band_names) and not any(
            far in band.path for band in scene.bands if band.name in _BANDS for far in _FAR
        ):
            return scene
    return None


def _recall_options(item: Mapping[str, Any]) -> StackOptions:
    """What the user may have said of a stack: the names of its bands."""
    bands = item["properties"].get("strandline:source", {}).get("bands")
    return StackOptions(bands=tuple(bands) if bands else None, any_platform=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SmallReader:
    path: Path
    plane: Plane

    def read(self, box: Box, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Colours of a box."""
        colours, known = read_warped(self.path, self.plane, box, shape, bands=(1, 2, 3))
        return np.dstack([*colours, np.where(known, 255, 0).astype(np.uint8)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _SceneReader:
    """Reads colours of a scene; all of it is stretched alike."""

    scene: Scene
    plane: Plane
    stretch: Stretch

    @classmethod
    def fit(cls, scene: Scene, water: Path, plane: Plane, box: Box) -> _SceneReader:
        """Choose the stretch, by what no cloud hides."""
        shape = (
            max(1, round(600 * (box.top - box.bottom) / box.longest)),
            max(1, round(600 * (box.right - box.left) / box.longest)),
        )
        classes, known = read_warped(water, plane, box, shape, resampling=Resampling.nearest)
        rgb = _read_reflectance(scene, plane, box, shape)
        rgb[:, ~known] = np.nan
        return cls(scene=scene, plane=plane, stretch=Stretch.fit(rgb, classes[0] != OBSCURED))

    def read(self, box: Box, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Colours of a box."""
        rgb = _read_reflectance(self.scene, self.plane, box, shape)
        known = np.isfinite(rgb).all(axis=0)
        return np.dstack([self.stretch.apply(rgb), np.where(known, 255, 0).astype(np.uint8)])


def _read_reflectance(scene: Scene, plane: Plane, box: Box, shape: tuple[int, int]) -> NDArray[np.float32]:
    sources = {source.name: source for source in scene.bands}
    return np.stack([_read_band(scene, sources[name], plane, box, shape) for name in _BANDS])


def _read_band(scene: Scene, source: BandSource, plane: Plane, box: Box, shape: tuple[int, int]) -> NDArray[np.float32]:
    radiometry = scene.radiometry
    nodata = radiometry.get_nodata(source.name)
    values, known = read_warped(source.path, plane, box, shape, bands=(source.index,), nodata=nodata)
    scaled = (values[0].astype(np.float32) + radiometry.get_offset(source.name)) / radiometry.get_quantification(
        source.name
    )
    return np.where(known, scaled, np.nan).astype(np.float32)
