"""What rasters say of themselves, where GDAL finds them, and when a JPEG 2000 file is whole."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from tests.tiles.products.small_products import write_raster
from tiles.errors import GridError, RasterReadError, SceneError
from tiles.grid import Grid
from tiles.products.headers import (
    check_jp2_is_whole,
    open_quietly,
    read_header,
    resolve_gdal_path,
    resolve_scene_grid,
    sort_bands,
)
from tiles.scene import BandSource

HEAD = struct.pack(">I4s", 12, b"jP  ") + b"\r\n\x87\n"


def box(kind: bytes, body: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(body) if length is None else length, kind) + body


def check(path: Path, content: bytes) -> str:
    """What is said of a file; empty: it is whole."""
    path.write_bytes(content)
    try:
        check_jp2_is_whole(str(path))
    except RasterReadError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "content",
    [
        HEAD + box(b"jp2c", b"data\xff\xd9"),
        HEAD + box(b"jp2c", b"data\xff\xd9", length=0),  # until the end of the file
        HEAD + struct.pack(">I4sQ", 1, b"jp2c", 16 + 6) + b"data\xff\xd9",  # a length of 64 bits
        HEAD + box(b"jp2c", b"data\xff\xd9") + box(b"uuid", b"more"),
        HEAD + box(b"jp2c", b"data\xff\xd9") + b"seven..",  # too short for a box
        HEAD,
    ],
)
def test_a_whole_file_passes(tmp_path: Path, content: bytes) -> None:
    assert check(tmp_path / "b.jp2", content) == ""
    assert check(tmp_path / "B.JP2", content) == ""


@pytest.mark.parametrize(
    ("content", "expected", "size"),
    [
        (b"", 12, 0),
        (b"1234567", 12, 7),
        (HEAD + box(b"jp2c", b"data\xff\xd9")[:-1], 26, 25),
        (HEAD + box(b"jp2c", b"data\xff\xd9") + box(b"uuid", b"m", length=10), 36, 35),
        (HEAD + box(b"jp2c", b"datadata", length=0), 29, 28),
        (HEAD + box(b"jp2c", b"data\xff\xd9", length=7), 27, 26),
        (HEAD + box(b"jp2c", b"data\xff\xd8"), 27, 26),
        (HEAD + struct.pack(">I4sQ", 1, b"jp2c", 1_000_000) + b"data\xff\xd9", 1_000_012, 34),
    ],
)
def test_a_file_cut_short_says_how_long_it_should_be(tmp_path: Path, content: bytes, expected: int, size: int) -> None:
    said = check(tmp_path / "b.jp2", content)
    assert f"is truncated: expected {expected:,} bytes or more of JPEG 2000, found {size:,}. Fetch" in said


def test_other_files_pass_unread_and_an_absent_one_is_said(tmp_path: Path) -> None:
    assert check(tmp_path / "b.tif", b"no raster") == ""
    check_jp2_is_whole("/vsizip/absent.zip/b.jp2")
    with pytest.raises(RasterReadError, match=r"Could not read .*absent\.jp2 \(No such file or directory\)"):
        check_jp2_is_whole(str(tmp_path / "absent.jp2"))


@pytest.mark.parametrize(
    ("given", "opened", "patient"),
    [
        ("https://host/a.tif", "/vsicurl/https://host/a.tif", True),
        ("http://host/a.tif", "/vsicurl/http://host/a.tif", True),
        ("s3://bucket/a.tif", "/vsis3/bucket/a.tif", True),
        ("/vsizip/a.zip/b.tif", "/vsizip/a.zip/b.tif", True),
        ("file:///a/b.tif", "/a/b.tif", False),
        ("a/b.tif", "a/b.tif", False),
    ],
)
def test_gdal_opens_addresses_and_gives_hosts_up(
    monkeypatch: pytest.MonkeyPatch, given: str, opened: str, patient: bool
) -> None:
    limits = {
        "GDAL_HTTP_CONNECTTIMEOUT": "30",
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
        "GDAL_HTTP_MAX_RETRY": "3",
        "GDAL_HTTP_RETRY_DELAY": "1",
        "GDAL_MAX_RAW_BLOCK_CACHE_SIZE": "33554432",
        "CPL_VSIL_CURL_CACHE_SIZE": "33554432",
    }
    for name in limits:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    assert resolve_gdal_path(given) == opened
    assert {name: os.environ.get(name) for name in limits} == (limits if patient else dict.fromkeys(limits))
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "9")
    resolve_gdal_path("https://host")
    assert os.environ["GDAL_HTTP_MAX_RETRY"] == "9"


def test_a_header_is_all_that_a_raster_says(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", np.ones((2, 3, 4), np.uint16), descriptions=["B03", ""], tags=(0.5, -0.1), nodata=7
    )
    header = read_header(str(path))
    assert (header.path, header.count, header.dtypes, header.markers) == (str(path), 2, ("uint16",) * 2, (7, 7))
    assert (header.descriptions, header.scales, header.offsets) == (("B03", ""), (0.5, 0.5), (-0.1, -0.1))
    assert (header.grid.width, header.grid.height, header.grid.crs) == (4, 3, CRS.from_epsg(32633))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(BASELINE="05.11")
    assert read_header(str(path)).tags["BASELINE"] == "05.11"
    plain = read_header(str(write_raster(tmp_path / "b.tif", np.ones((1, 3, 4), np.uint16))))
    assert (plain.markers, plain.scales, plain.offsets, plain.descriptions) == ((None,), (1.0,), (0.0,), ("",))
    assert (plain.masked, plain.alpha) == ((False,), None)


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["here",UNIT["metre",1]]'])
def test_a_raster_that_lies_nowhere_is_refused(tmp_path: Path, crs: str | None) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 3, 4), np.uint16), crs=crs)
    kind = "none" if crs is None else "one that is neither projected nor geographic"
    with pytest.raises(GridError, match=f"Unreadable CRS: .* found {kind}"):
        read_header(str(path))


@pytest.mark.parametrize(
    ("name", "advice"), [("/vsicurl/file:///nowhere", "Check the address"), ("nowhere.tif", "Fetch the file again")]
)
def test_what_gdal_cannot_open_has_an_advice(name: str, advice: str) -> None:
    with pytest.raises(RasterReadError, match=advice) as caught, open_quietly(name):
        pass
    assert "\n" not in str(caught.value)


def source(
    name: str, *, pixel: float = 10, left: float = 0, top: float = 0, size: int = 12, epsg: int = 32633
) -> BandSource:
    count = round(size * 10 / pixel)
    grid = Grid(crs=CRS.from_epsg(epsg), transform=Affine(pixel, 0, left, 0, -pixel, top), width=count, height=count)
    return BandSource(name=name, path=f"{name}.tif", index=1, grid=grid)


def test_bands_stand_in_the_order_of_the_instrument() -> None:
    assert [one.name for one in sort_bands([source("B11"), source("B8A"), source("B08"), source("B01")])] == [
        "B01",
        "B08",
        "B8A",
        "B11",
    ]


@pytest.mark.parametrize(
    ("left", "top", "fits"),
    [(10.0, 0, True), (10.05, 0, False), (0, -10.0, True), (0, 10.05, False), (-10.0, 10.0, True)],
)
def test_bands_cover_the_same_ground_within_half_of_the_coarser_pixel(left: float, top: float, fits: bool) -> None:
    bands = [source("B05", pixel=20, left=left, top=top), source("B03")]
    if fits:
        assert resolve_scene_grid(bands, where="s") == bands[1].grid
        return
    with pytest.raises(SceneError, match="to cover the same ground"):
        resolve_scene_grid(bands, where="s")


def test_bands_of_another_size_or_crs_are_refused() -> None:
    with pytest.raises(SceneError, match="to cover the same ground"):
        resolve_scene_grid([source("B05", size=14), source("B03")], where="s")
    with pytest.raises(SceneError, match="found EPSG:32633 for B03 and EPSG:32632 for B05"):
        resolve_scene_grid([source("B05", pixel=20, epsg=32632), source("B03")], where="s")


@pytest.mark.parametrize(
    ("masked", "alpha", "index", "bands", "masks"),
    [
        ((False, False), None, 1, (), ()),
        ((True, False), None, 1, (), (0,)),
        ((True, False), None, 2, (), ()),
        ((False, False), 2, 1, (), (2,)),
        ((False, False), 2, 2, (), ()),
        ((False, False), 2, 1, (2,), ()),
        ((True, True), 2, 1, (1,), (0, 2)),
    ],
)
def test_a_band_is_valid_by_its_own_mask_and_by_an_alpha_that_is_no_band(
    tmp_path: Path,
    masked: tuple[bool, ...],
    alpha: int | None,
    index: int,
    bands: tuple[int, ...],
    masks: tuple[int, ...],
) -> None:
    header = read_header(str(write_raster(tmp_path / "a.tif", np.ones((2, 3, 4), np.uint16))))
    made = replace(header, masked=masked, alpha=alpha).make_source("B03", index=index, bands=bands)
    assert (made.name, made.path, made.index, made.masks) == ("B03", header.path, index, masks)
    assert made.grid == header.grid
    assert header.make_source("B03").index == 1
