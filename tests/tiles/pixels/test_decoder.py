"""What decodes a file, and how much of memory GDAL may keep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

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
    assert told == [("GDAL_CACHEMAX", 33_554_432), ("GDAL_CACHEMAX", 33_554_432 + 3 * 25_165_824)]
    monkeypatch.setenv("GDAL_CACHEMAX", "512")
    limit_block_cache(3)
    assert len(told) == 2
