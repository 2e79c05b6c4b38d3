"""What lies in a folder of scenes: which labels belong to which image, and whether they lie on its pixels."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from tiles.errors import SampleError
from tiles.products.stack import StackOptions
from tiles.samples.folder_layout import FolderScene, list_folder

OPTIONS = StackOptions(offset=0, scale=1e-4)
UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
BANDS = ("B02", "B03")


def write(
    path: Path,
    transform: Affine = UTM,
    *,
    crs: str = "EPSG:32630",
    size: int = 8,
    bands: tuple[str, ...] = BANDS,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((len(bands), size, size), 1500, np.uint16)
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=transform, count=len(bands), width=size, height=size,
        dtype="uint16",
    ) as dataset:  # fmt: skip
        dataset.write(values)
        dataset.descriptions = bands


def write_polygons(path: Path) -> None:
    geopandas.GeoDataFrame(geometry=[shapely.box(500_000, 4_999_960, 500_040, 5_000_000)], crs="EPSG:32630").to_file(
        path
    )


def list_one(root: Path) -> FolderScene:
    (scene,) = list_folder(root, options=OPTIONS)
    return scene


def test_a_mask_of_the_same_name_goes_before_polygons(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif")
    write(tmp_path / "images" / "b.TIFF", UTM @ Affine.translation(100, 0))
    write(tmp_path / "masks" / "a.tif", bands=("",))
    write_polygons(tmp_path / "water.gpkg")
    write_polygons(tmp_path / "Area.gpkg")
    (tmp_path / "images" / "notes.txt").touch()
    masked, drawn = list_folder(tmp_path, options=OPTIONS)
    assert (masked.mask, masked.polygons) == (tmp_path / "masks" / "a.tif", ())
    assert (drawn.mask, drawn.polygons) == (None, (tmp_path / "water.gpkg",))
    assert masked.area == drawn.area == tmp_path / "Area.gpkg"
    assert (masked.place, drawn.place) == ("a", "b")
    assert masked.image == str(tmp_path / "images" / "a.tif")
    assert masked.grid == masked.scene.grid


def test_scenes_that_share_ground_share_their_place(tmp_path: Path) -> None:
    for name, step in (("b", 0), ("c", 7), ("d", 30)):
        write(tmp_path / "images" / f"{name}.tif", UTM @ Affine.translation(step, 0))
        write(tmp_path / "masks" / f"{name}.tif", UTM @ Affine.translation(step, 0), bands=("",))
    assert [scene.place for scene in list_folder(tmp_path, options=OPTIONS)] == ["b", "b", "d"]


@pytest.mark.parametrize(
    ("crs", "transform", "resolution_m"),
    [
        ("EPSG:32630", Affine(20, 0, 5e5, 0, -5, 5e6), 10.0),
        ("EPSG:2263", Affine(100, 0, 1e6, 0, -100, 2e5), 100 * 1200 / 3937),  # survey feet
        ("EPSG:4326", Affine(1e-4, 0, 20, 0, -1e-4, 60 + 4e-4), 1e-4 * 111_320 * np.sqrt(np.cos(np.radians(60)))),
    ],
)
def test_pixels_are_measured_in_metres(crs: str, transform: Affine, resolution_m: float, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif", transform, crs=crs)
    write(tmp_path / "masks" / "a.tif", transform, crs=crs, bands=("",))
    assert list_one(tmp_path).resolution_m == pytest.approx(resolution_m, rel=1e-9)


def test_an_image_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"Expected scenes in .*images"):
        list_folder(tmp_path, options=OPTIONS)
    write(tmp_path / "images" / "a.tif")
    write_polygons(tmp_path / "area.gpkg")  # an area alone says nothing of water
    with pytest.raises(SampleError, match=r"Expected a mask masks/a\.tif .*found neither"):
        list_folder(tmp_path, options=OPTIONS)
    write_polygons(tmp_path / "water.gpkg")
    assert list_one(tmp_path).polygons == (tmp_path / "water.gpkg",)


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (UTM, 8),
        (UTM @ Affine.translation(0.009, -0.009), 8),
        (UTM @ Affine.translation(7, -7), 8),  # one pixel of it lies on the image
        (UTM @ Affine.translation(-3, 0) @ Affine.scale(1 + 9e-7), 20),
    ],
)
def test_a_mask_may_lie_anywhere_on_the_pixels_of_its_image(transform: Affine, size: int, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif")
    write(tmp_path / "masks" / "a.tif", transform, size=size, bands=("",))
    assert list_one(tmp_path).mask is not None


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (UTM, "EPSG:32631"),
        (UTM @ Affine.translation(0.011, 0), "EPSG:32630"),
        (UTM @ Affine.translation(0, 0.5), "EPSG:32630"),
        (UTM @ Affine.scale(1 + 2e-6), "EPSG:32630"),
        (UTM @ Affine.translation(8, 0), "EPSG:32630"),  # beside it
        (UTM @ Affine.translation(0, -8), "EPSG:32630"),
    ],
)
def test_a_mask_off_the_pixels_of_its_image_is_refused(transform: Affine, crs: str, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif")
    write(tmp_path / "masks" / "a.tif", transform, crs=crs, bands=("",))
    with pytest.raises(SampleError, match="to lie on the pixels"):
        list_folder(tmp_path, options=OPTIONS)


@pytest.mark.parametrize("bands", [("B02", "B10"), ("B10",)])
def test_top_of_atmosphere_is_refused(bands: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif", bands=bands)
    with pytest.raises(SampleError, match="found top of atmosphere"):
        list_folder(tmp_path, options=OPTIONS)


def test_polygons_come_in_the_formats_that_a_map_is_written_in(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif")
    names = ("b.fgb", "c.geojson", "d.gpkg", "e.parquet", "f.shp.zip", "g.shp")
    for name in (*names, "notes.zip", "item.json", "footprint.kml"):
        (tmp_path / name).touch()
    assert [path.name for path in list_one(tmp_path).polygons] == list(names)


def test_of_two_files_of_the_area_none_is_taken_for_it(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif")
    for name in ("area.gpkg", "Area.shp.zip", "water.gpkg"):
        (tmp_path / name).touch()
    with pytest.raises(SampleError, match=r"found Area\.shp\.zip and area\.gpkg"):
        list_folder(tmp_path, options=OPTIONS)
