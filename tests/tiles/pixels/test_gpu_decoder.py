"""JPEG 2000 by nvImageCodec: here by its decoder for the processor, which goes by the same code."""

from __future__ import annotations

import struct
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from tiles.errors import BlockDecodeError, DecoderError, RasterReadError
from tiles.grid import Grid, Window
from tiles.pixels import gpu_decoder as gpu_decode
from tiles.pixels.decoder import DecoderName
from tiles.pixels.gpu_decoder import NvImageDecoder, find_codestream
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.scene import BandSource, Radiometry, Scene

GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 300000, 0, -10, 4500000), width=150, height=300)


def write_jp2(path: Path, *, bits: int = 15) -> NDArray[np.generic]:
    """A lossless file like those of Sentinel-2: 15 bits a DN, tiles."""
    dtype = "uint16" if bits > 8 else "uint8"
    dn = np.random.default_rng(bits).integers(0, 2**bits, (1, *GRID.shape)).astype(dtype)
    profile = {"driver": "JP2OpenJPEG", "dtype": dtype, "count": 1, "crs": GRID.crs, "transform": GRID.transform}
    choices = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 128, "BLOCKYSIZE": 128, "NBITS": bits}
    with rasterio.open(path, "w", width=GRID.width, height=GRID.height, **profile, **choices) as dataset:
        dataset.write(dn)
    return dn


def insert_long_box(path: Path) -> None:
    """A box before the codestream whose length is given in 64 bits, as ESA's files have it."""
    data = path.read_bytes()
    place = data.index(b"jp2c") - 4
    box = struct.pack(">I4sQ", 1, b"uuid", 16 + 16 + 5) + bytes(16) + b"hello"
    path.write_bytes(data[:place] + box + data[place:])


def make_scene(path: Path) -> Scene:
    return Scene(
        id="s",
        source="s",
        kind="stack",
        level="L2A",
        bands=(BandSource(name="B03", path=str(path), index=1, grid=GRID),),
        grid=GRID,
        radiometry=Radiometry(quantification=10000, offsets={}, source="test"),
    )


def read_all(scene: Scene, decoder: DecoderName) -> NDArray[np.float32]:
    plan = ReadPlan(scene=scene, bands=scene.bands, decoder=decoder, threads=1)
    windows = [Window(0, row, GRID.width, 100) for row in (0, 100, 200)]
    strips = zip(read_strips(plan, windows), windows, strict=True)
    return np.concatenate([strip.read(window).reflectance[0] for strip, window in strips])


def test_the_codestream_is_found_behind_any_box(tmp_path: Path) -> None:
    path = tmp_path / "b.jp2"
    write_jp2(path)
    plain = find_codestream(str(path)).tobytes()
    assert plain[:4] == b"\xff\x4f\xff\x51"
    assert plain[-2:] == b"\xff\xd9"
    insert_long_box(path)
    assert find_codestream(str(path)).tobytes() == plain
    bare = tmp_path / "b.j2k"
    bare.write_bytes(plain)
    assert find_codestream(str(bare)).tobytes() == plain


@pytest.mark.parametrize("content", [b"", b"no JPEG 2000 at all", struct.pack(">I4sI", 3, b"jP  ", 7), bytes(7)])
def test_what_has_no_codestream_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.jp2"
    path.write_bytes(content)
    with pytest.raises(BlockDecodeError, match=r"b\.jp2") as caught:
        find_codestream(str(path))
    assert "\n" not in str(caught.value)


def test_without_the_library_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jp2(tmp_path / "b.jp2")
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    with pytest.raises(DecoderError, match=r"nvImageCodec is not installed: pip install 'strandline\[gpu\]'"):
        read_all(make_scene(tmp_path / "b.jp2"), "nvimgcodec")


def test_other_files_go_by_gdal_whatever_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    write_jp2(tmp_path / "b.jp2")
    rasterio.shutil.copy(tmp_path / "b.jp2", tmp_path / "b.tif", driver="GTiff")
    expected = read_all(make_scene(tmp_path / "b.jp2"), "gdal")
    np.testing.assert_array_equal(read_all(make_scene(tmp_path / "b.tif"), "nvimgcodec"), expected)


class TestWithTheLibrary:
    """These need nvImageCodec, and no GPU."""

    @pytest.fixture(autouse=True)
    def library(self) -> None:
        pytest.importorskip("nvidia.nvimgcodec")

    @pytest.mark.parametrize("bits", [8, 12, 15, 16])
    def test_it_gives_what_gdal_gives(self, tmp_path: Path, bits: int) -> None:
        dn = write_jp2(tmp_path / "b.jp2", bits=bits)
        insert_long_box(tmp_path / "b.jp2")
        decoder = NvImageDecoder(str(tmp_path / "b.jp2"), device="cpu")
        for window in (GRID.window, Window(0, 128, 150, 128), Window(17, 256, 100, 44)):
            found = decoder.decode(window, [1])
            assert found.dtype == dn.dtype
            np.testing.assert_array_equal(found, dn[:, *window.slices()])

    def test_strips_are_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_jp2(tmp_path / "b.jp2")
        monkeypatch.setattr(gpu_decode, "NvImageDecoder", partial(NvImageDecoder, device="cpu"))
        scene = make_scene(tmp_path / "b.jp2")
        np.testing.assert_array_equal(read_all(scene, "nvimgcodec"), read_all(scene, "gdal"))

    def test_a_truncated_file_is_one_clear_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "b.jp2"
        write_jp2(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        monkeypatch.setattr(gpu_decode, "NvImageDecoder", partial(NvImageDecoder, device="cpu"))
        with pytest.raises(RasterReadError, match=r"Cannot decode B03 at rows .* truncated or corrupt") as caught:
            read_all(make_scene(path), "nvimgcodec")
        assert "\n" not in str(caught.value)

    def test_without_a_gpu_the_message_says_what_to_do(self, tmp_path: Path) -> None:
        write_jp2(tmp_path / "b.jp2")
        if Path("/dev/nvidiactl").exists():
            pytest.skip("there is a GPU")
        with pytest.raises(DecoderError, match=r"finds no GPU .*: take gdal"):
            NvImageDecoder(str(tmp_path / "b.jp2"))
