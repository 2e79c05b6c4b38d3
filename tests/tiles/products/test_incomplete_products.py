"""A product's own list says what its bands are: strays are none of them, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiles.products.small_products import GRANULE, STEM, product_xml, write_product, write_raster
from tiles.bands import BANDS, L2A_STACK
from tiles.products.open import open_scene

SIZES = (10, 20, 60)


def list_images() -> list[str]:
    """The images of a whole product, as ``write_product`` makes it and a TCI besides."""
    return [
        f"GRANULE/{GRANULE}/IMG_DATA/R{size}m/{STEM}_{band}_{size}m"
        for size in SIZES
        for band in (*L2A_STACK, "SCL", "TCI")
        if band == "TCI"
        or (size > 10 if band == "SCL" else BANDS[band].resolution_m <= size and (band != "B08" or size == 10))
    ]


@pytest.fixture(params=["IMAGE_FILE", "IMAGE_FILE_2A", "IMAGE_ID"])
def product(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    word = request.param
    names = [path.rsplit("/", 1)[1] if word == "IMAGE_ID" else path for path in list_images()]
    rows = "".join(f"<{word}>{name}</{word}>" for name in names)
    xml = product_xml(offsets=dict.fromkeys(BANDS, -1000.0))
    return write_product(tmp_path, xml=xml.replace("<Product_Image_Char", f"{rows}<Product_Image_Char", 1))


def find_images(product: Path, pattern: str) -> list[Path]:
    return sorted(product.glob(f"GRANULE/*/IMG_DATA/{pattern}"))


def test_a_whole_product_has_nothing_to_tell(product: Path) -> None:
    assert open_scene(product).notes == ()


@pytest.mark.parametrize(
    "place", ["B03.tif", "clip/B03.tif", "GRANULE/x/IMG_DATA/R10m/B03.tif", "a_T31UDQ_B03_10m.tif"]
)
def test_strays_are_no_bands(product: Path, place: str) -> None:
    before = open_scene(product)
    write_raster(product / place, np.full((1, 30, 30), 5000, np.uint16))
    assert open_scene(product).bands == before.bands


def test_a_stray_does_not_stand_in_for_what_is_missing(product: Path) -> None:
    for path in find_images(product, "*/*_B03_*"):
        path.unlink()
    write_raster(product / "B03.tif", np.full((1, 144, 144), 5000, np.uint16))
    scene = open_scene(product)
    assert "B03" not in scene.band_names
    (note,) = scene.notes
    assert "incomplete" in note
    assert "B03 of 10 m (there is no other file)" in note


def test_a_coarser_file_in_place_of_a_missing_one_is_told(product: Path) -> None:
    for path in [*find_images(product, "R10m/*_B0[34]_*"), *find_images(product, "R20m/*_B11_*")]:
        path.unlink()
    for path in find_images(product, "R60m/*_B02_*"):  # nobody needs it
        path.unlink()
    scene = open_scene(product)
    sizes = {band.name: band.grid.resolution[0] for band in scene.bands}
    assert (sizes["B02"], sizes["B03"], sizes["B04"], sizes["B11"]) == (10, 20, 20, 60)
    (note,) = scene.notes
    assert "lacks B03, B04 of 10 m (20 m was taken instead); B11 of 20 m (60 m was taken instead)" in note


def test_a_flattened_copy_has_nothing_to_tell(product: Path) -> None:
    for path in find_images(product, "R*/*.jp2"):
        path.rename(product / path.name)
    scene = open_scene(product)
    assert scene.notes == ()
    assert {band.name: band.grid.resolution[0] for band in scene.bands} == {
        name: BANDS[name].resolution_m for name in L2A_STACK
    }


def test_a_product_of_links_is_whole(product: Path, tmp_path: Path) -> None:
    images = product / "GRANULE" / GRANULE / "IMG_DATA"
    (images / "R10m").rename(tmp_path / "elsewhere")
    (images / "R10m").symlink_to(tmp_path / "elsewhere")
    copy = tmp_path / "linked.SAFE"
    copy.mkdir()
    for entry in product.iterdir():
        (copy / entry.name).symlink_to(entry)
    for source in (product, copy):
        scene = open_scene(source)
        assert scene.notes == ()
        assert scene.grid.resolution == (10, 10)
