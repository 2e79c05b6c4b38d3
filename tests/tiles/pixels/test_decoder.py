"""What decodes a file, and how much of memory GDAL may keep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.products.small_products import write_raster
from tiles.grid import Window
from tiles.pixels import decoder
from tiles.pixels.decoder import GdalDecoder, limit_block_cache, open_decoder


def test_gdal_decodes_windows_of_bands(tmp_path: Path) -> None:
    dn = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    with rasterio.open(write_raster(tmp_path / "a.tif", dn)) as dataset:
        opened = open_decoder(dataset, "gdal")
        assert isinstance(opened, GdalDecoder)
        decoded = opened.decode(Window(1, 2, 3, 2), (3, 1))
    assert decoded.tolist() == dn[[2, 0], 2:4, 1:4].tolist()


@given(
    left=st.integers(0, 500),
    width=st.integers(1, 600),
    height=st.integers(1, 300),
    bands=st.integers(1, 13),
    block=st.sampled_from([16, 64, 256, 1100]),
)
def test_windows_are_cut_between_blocks_and_no_larger_than_the_cache_holds(
    left: int, width: int, height: int, bands: int, block: int
) -> None:
    dataset = SimpleNamespace(block_shapes=[(32, block)] * bands, dtypes=["uint16"] * bands)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "_BYTES_A_FILE", 200_000)
        parts = GdalDecoder(dataset).split(Window(left, 7, width, height), range(1, bands + 1))  # type: ignore[arg-type]
    assert [col for part in parts for col in range(part.col_off, part.col_stop)] == list(range(left, left + width))
    assert {(part.row_off, part.height) for part in parts} == {(7, height)}
    assert all(part.col_off % block == 0 for part in parts[1:])
    touched = [-(-part.col_stop // block) - part.col_off // block for part in parts]
    assert all(blocks == 1 or blocks * block * height * bands * 2 <= 200_000 for blocks in touched)


def test_a_type_that_numpy_lacks_is_no_error() -> None:
    dataset = SimpleNamespace(block_shapes=[(64, 64)], dtypes=["complex_int16"])
    window = Window(0, 0, 128, 64)
    assert GdalDecoder(dataset).split(window, [1]) == [window]  # type: ignore[arg-type]


def test_a_row_of_a_full_tile_is_decoded_four_blocks_at_a_time() -> None:
    dataset = SimpleNamespace(block_shapes=[(1024, 1024)], dtypes=["uint16"])
    parts = GdalDecoder(dataset).split(Window(0, 1024, 10980, 1024), [1])  # type: ignore[arg-type]
    assert [(part.col_off, part.width) for part in parts] == [(0, 4096), (4096, 4096), (8192, 2788)]


@pytest.mark.parametrize(
    ("name", "driver", "local", "other"),
    [
        ("nvimgcodec", "JP2OpenJPEG", True, True),
        ("nvimgcodec", "JP2OpenJPEG", False, False),
        ("nvimgcodec", "GTiff", True, False),
        ("gdal", "JP2OpenJPEG", True, False),
    ],
)
def test_the_other_decoder_takes_jpeg_2000_on_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, driver: str, local: bool, other: bool
) -> None:
    path = tmp_path / "a.jp2"
    if local:
        path.touch()
    monkeypatch.setattr("tiles.pixels.gpu_decoder.NvImageDecoder", lambda file: f"GPU of {file}")
    opened = open_decoder(SimpleNamespace(driver=driver, name=str(path)), name)  # type: ignore[arg-type]
    assert (opened == f"GPU of {path}") if other else isinstance(opened, GdalDecoder)


def test_the_cache_grows_with_the_files_unless_the_user_has_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(decoder, "set_gdal_config", lambda name, value: told.append((name, value)))
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    limit_block_cache(0)
    limit_block_cache(3)
    assert told == [("GDAL_CACHEMAX", 33_554_432), ("GDAL_CACHEMAX", 33_554_432 + 3 * 8_388_608)]
    monkeypatch.setenv("GDAL_CACHEMAX", "512")
    limit_block_cache(3)
    assert len(told) == 2
