"""What lies in a folder of scenes with masks or polygons, before a pixel is learned from.

``images/*.tif`` are scenes; their labels are ``masks/<same name>.tif`` (0 land, 1 water, anything else left out, unless
the user says which values are which), or polygons of water in any ``*.gpkg``, ``*.shp``, ``*.shp.zip``, ``*.geojson``,
``*.fgb`` or ``*.parquet`` beside ``images``, all their layers. Polygons in a file named ``area.*`` say where they are
complete; without it, what no polygon covers is land, to the edge of each image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterio.coords import BoundingBox
from rasterio.warp import transform_bounds

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Grid, Window
from tiles.products.headers import read_header
from tiles.products.stack import StackOptions, open_stack
from tiles.samples.ground import merge_overlapping
from tiles.samples.mask_raster import require_mask
from tiles.samples.mask_values import MaskValues
from tiles.scene import Scene

__all__ = ["FolderScene", "list_folder"]

_RASTERS = {".tif", ".tiff", ".vrt", ".jp2"}
_VECTORS = {".gpkg", ".shp", ".shp.zip", ".geojson", ".fgb", ".parquet"}
_AREA = "area"
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif"}
_DOCUMENTED = MaskValues()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FolderScene:
    """A scene of the folder, and where its labels are.

    Attributes:
        scene: The scene as the readers understand it: bands, radiometry and who says so.
        mask: The raster mask, or ``None`` where polygons are the labels.
        polygons: Files of water polygons; empty where there is a mask.
        area: File of polygons within which the water polygons are complete, or ``None``.
        place: Where it lies; scenes that overlap share it.
        values: What the values of the mask mean.
    """

    scene: Scene
    mask: Path | None
    polygons: tuple[Path, ...]
    area: Path | None
    place: str
    values: MaskValues = _DOCUMENTED

    @property
    def image(self) -> str:
        """The file of the image."""
        return self.scene.bands[0].path

    @property
    def grid(self) -> Grid:
        """The image's own grid, on which samples are drawn: nothing is resampled."""
        return self.scene.grid

    @property
    def resolution_m(self) -> float:
        """Size of a pixel in metres; of degrees, at the scene's middle."""
        x, y = self.grid.resolution
        if self.grid.crs.is_projected:
            return float(math.sqrt(x * y) * self.grid.crs.linear_units_factor[1])
        bounds = self.grid.bounds
        degree_m = 111_320.0  # a 360th of the equator; the ellipsoid's half percent does not matter here
        return math.sqrt(x * y * math.cos(math.radians((bounds.top + bounds.bottom) / 2))) * degree_m


def list_folder(root: Path, *, options: StackOptions, values: MaskValues = _DOCUMENTED) -> tuple[FolderScene, ...]:
    """List the scenes of a folder with their labels.

    Args:
        root: The folder that holds ``images``.
        options: What the images do not say themselves: bands, scale, offset, nodata.
        values: What the values of masks mean.

    Raises:
        SampleError: There is no image, an image has no label or two masks, or a mask has several bands or does not lie
            on its image.
        SceneError: An image's bands or values cannot be told.
    """
    images = _list_files(root / "images", _RASTERS)
    if not images:
        raise SampleError(
            f"Expected scenes in {root / 'images'} ({', '.join(sorted(_RASTERS))}), found none. Put each there as one "
            "raster, its mask of the same name in masks, or polygons of water beside images."
        )
    masks = _index_masks(root / "masks")
    vectors = _list_files(root, _VECTORS)
    areas = [path for path in vectors if _name_labels(path) == _AREA]
    if len(areas) > 1:
        names = " and ".join(path.name for path in areas)
        raise SampleError(f"Expected one file of the area of the labels in {root}, found {names}. Leave one of them.")
    polygons, area = tuple(path for path in vectors if path not in areas), next(iter(areas), None)
    scenes = [_open_image(path, options) for path in images]
    place = merge_overlapping(
        {path.stem: _compute_bounds_degrees(scene.grid) for path, scene in zip(images, scenes, strict=True)}
    )
    labelled = []
    for path, scene in zip(images, scenes, strict=True):
        mask = masks.get(path.stem)
        if mask is None and not polygons:
            raise SampleError(
                f"Expected a mask masks/{path.stem}.tif for {path}, or polygons of water in {root}, found neither"
                f"{_describe_others(root / 'masks', path.stem, images)}."
            )
        if mask is not None:
            _require_same_ground(scene.grid, mask, path)
        labels = () if mask else polygons
        labelled.append(
            FolderScene(scene=scene, mask=mask, polygons=labels, area=area, place=place[path.stem], values=values)
        )
    return tuple(labelled)


def _list_files(folder: Path, endings: set[str]) -> Sequence[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(tuple(endings)))


def _name_labels(path: Path) -> str:
    return path.name.lower().removesuffix(".zip").rpartition(".")[0]


def _index_masks(folder: Path) -> dict[str, Path]:
    """Masks by the name that each shares with its image."""
    masks: dict[str, Path] = {}
    for path in _list_files(folder, _RASTERS):
        other = masks.setdefault(path.stem, path)
        if other is not path:
            raise SampleError(f"Expected one mask a name in {folder}, found {other.name} and {path.name}. Remove one.")
    return masks


def _describe_others(folder: Path, stem: str, images: Sequence[Path]) -> str:
    """What lies in the folder of masks in place of the one that is missing."""
    pictures = [path.name for path in _list_files(folder, _PICTURES) if path.stem == stem]
    if pictures:
        return (
            f" ({pictures[0]} is a picture, which does not say where it lies: write it as GeoTIFF on its image's grid)"
        )
    stems = {image.stem for image in images}
    unused = [path.name for path in _list_files(folder, _RASTERS) if path.stem not in stems]
    return f" ({unused[0]} in masks has the name of no image)" if unused else ""


def _open_image(path: Path, options: StackOptions) -> Scene:
    scene = open_stack(str(path), options=options)
    if scene.level == "L1C":
        raise SampleError(f"Expected surface reflectance (L2A), found top of atmosphere (L1C) in {path}. Leave it out.")
    if not set(scene.band_names) & set(L2A_STACK):
        raise SampleError(f"Expected bands of L2A in {path}, found {', '.join(scene.band_names)}.")
    return scene


def _compute_bounds_degrees(grid: Grid) -> BoundingBox:
    return BoundingBox(*transform_bounds(grid.crs, "EPSG:4326", *grid.bounds))


def _require_same_ground(grid: Grid, mask: Path, image: Path) -> None:
    header = read_header(str(mask))
    require_mask(header)
    on_image = header.grid.crs == grid.crs and all(
        math.isclose(a, b, rel_tol=1e-6) for a, b in zip(header.grid.resolution, grid.resolution, strict=True)
    )
    col, row = ~grid.transform @ (header.grid.bounds.left, header.grid.bounds.top)
    aligned = on_image and max(abs(col - round(col)), abs(row - round(row))) < 0.01
    window = Window(round(col), round(row), header.grid.width, header.grid.height)
    if not aligned or window.intersection(grid.window) is None:
        raise SampleError(
            f"Expected {mask} to lie on the pixels of {image} ({grid.crs.to_string()}, {grid.resolution} from "
            f"{grid.bounds.left:.6g}, {grid.bounds.top:.6g}), found {header.grid.crs.to_string()}, "
            f"{header.grid.resolution} from {header.grid.bounds.left:.6g}, {header.grid.bounds.top:.6g}. "
            "Warp the mask onto its image (gdalwarp -r near), or give polygons."
        )
