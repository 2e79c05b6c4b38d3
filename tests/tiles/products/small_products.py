"""Tiny products, stacks and items that tests open, and break."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from tiles.bands import BANDS, L2A_STACK

SIZE_M = 1440
NAME = "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE"
GRANULE = "L2A_T33TVM_A048639_20241014T101725"
STEM = "T33TVM_20241014T101021"

PRODUCT_XML = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-15.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>2024-10-14T10:10:21.024Z</PRODUCT_START_TIME>
      <PRODUCT_URI>{uri}</PRODUCT_URI>
      <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
      <Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME></Datatake>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <{word}>{quantification}</{word}>
      {offsets}
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>
"""


def product_xml(
    *,
    offsets: Mapping[str, float] | None = None,
    baseline: str = "05.11",
    level: str = "2A",
    quantification: float = 10000,
    uri: str = NAME,
) -> str:
    """The XML of a product with these offsets, a band."""
    name, word = ("RADIO", "QUANTIFICATION_VALUE") if level == "1C" else ("BOA", "BOA_QUANTIFICATION_VALUE")
    rows = (
        f'<{name}_ADD_OFFSET band_id="{BANDS[band].band_id}">{v}</{name}_ADD_OFFSET>'
        for band, v in (offsets or {}).items()
    )
    return PRODUCT_XML.format(
        level=level, baseline=baseline, word=word, quantification=quantification, offsets="".join(rows), uri=uri
    )


def write_raster(
    path: Path,
    dn: NDArray[Any],
    *,
    pixel: float = 10,
    crs: str | None = "EPSG:32633",
    descriptions: Iterable[str] = (),
    tags: tuple[float, float] | None = None,
    nodata: float | None = None,
    block: int | None = None,
) -> Path:
    """Write ``dn`` (band, row, col); the format follows the name; ``tags`` are scale and offset."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile: dict[str, Any] = {"driver": "GTiff", "transform": Affine(pixel, 0, 399960, 0, -pixel, 5200020)}
    if path.suffix == ".jp2":
        profile |= {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}
    if block is not None:
        profile |= {"tiled": True, "blockxsize": block, "blockysize": block}
    count, height, width = dn.shape
    profile |= {"count": count, "height": height, "width": width, "dtype": dn.dtype, "crs": crs, "nodata": nodata}
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(dn)
        for index, text in enumerate(descriptions, start=1):
            dataset.set_band_description(index, text)
        if tags is not None:
            dataset.scales, dataset.offsets = [tags[0]] * count, [tags[1]] * count
    return path


def dark_water(shape: tuple[int, ...], *, offset: float = 1000, seed: int = 5) -> NDArray[np.uint16]:
    """DN of a calm sea with some shore: enough for the pixels to tell whether an offset is in."""
    rng = np.random.default_rng(seed)
    reflectance = rng.normal(150, 20, shape)
    reflectance[..., : shape[-1] // 4] += 2000
    return np.asarray((reflectance + offset).clip(1, 65535).astype(np.uint16))


def write_product(
    folder: Path, *, resolutions: Iterable[int] = (10, 20, 60), bands: Iterable[str] = L2A_STACK, xml: str | None = None
) -> Path:
    """A genuine layout: GRANULE, IMG_DATA, R10m … with JPEG 2000 at native resolutions; SCL at 20 and 60 m."""
    root = folder / NAME
    for resolution in resolutions:
        edge = SIZE_M // resolution
        images = root / "GRANULE" / GRANULE / "IMG_DATA" / f"R{resolution}m"
        for band in bands:
            if BANDS[band].resolution_m > resolution or (band == "B08" and resolution > 10):
                continue
            path = images / f"{STEM}_{band}_{resolution}m.jp2"
            write_raster(path, dark_water((1, edge, edge)), pixel=resolution)
        if resolution > 10:
            scl = np.full((1, edge, edge), 6, dtype=np.uint8)
            write_raster(images / f"{STEM}_SCL_{resolution}m.jp2", scl, pixel=resolution)
    mask = np.zeros((1, SIZE_M // 60, SIZE_M // 60), dtype=np.uint8)
    write_raster(root / "GRANULE" / GRANULE / "QI_DATA" / "MSK_DETFOO_B02.jp2", mask, pixel=60)
    full = dict.fromkeys(BANDS, -1000.0)
    (root / "MTD_MSIL2A.xml").write_text(xml or product_xml(offsets=full))
    return root


def write_item(path: Path, *, assets: Mapping[str, Any], **properties: object) -> Path:
    """A STAC item with these assets and properties."""
    item: dict[str, object] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": path.stem,
        "geometry": None,
        "properties": {"datetime": "2024-10-14T10:10:21Z", "platform": "Sentinel-2A", **properties},
        "assets": dict(assets),
        "links": [],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(item))
    return path
