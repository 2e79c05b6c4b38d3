"""A small product in EOPF's Zarr layout, as zarr-python writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from tests.tiles.products.small_products import dark_water
from tiles.bands import BANDS, L2A_STACK

ID = "S2A_MSIL2A_20251014T101021_N0511_R022_T33TVM_20251014T142251"
SIZE_M, LEFT, TOP = 1200, 399960, 5200020
FINEST = {name: max(10, BANDS[name].resolution_m) for name in L2A_STACK}

Packing = Literal["packed", "fractions"]


def make_band(name: str) -> NDArray[np.uint16]:
    """Its DN, with ESA's offset in."""
    edge = SIZE_M // FINEST[name]
    return dark_water((edge, edge), seed=BANDS[name].band_id)


def write_eopf(folder: Path, *, zarr_format: Literal[2, 3] = 2, packing: Packing = "packed", **properties: Any) -> Path:  # noqa: ANN401
    """Write all bands and the classification; ``packed``: DN with scale and offset; ``fractions``: reflectance."""
    root = zarr.open_group(str(folder / f"{ID}.zarr"), mode="w", zarr_format=zarr_format)
    stated = {"datetime": "2025-10-14T10:10:21Z", "platform": "sentinel-2a", "proj:code": "EPSG:32633"}
    stated |= {"eo:cloud_cover": 12.5, "processing:version": "05.11", **properties}
    root.attrs["stac_discovery"] = {"id": ID, "type": "Feature", "properties": stated}
    for resolution in (10, 20, 60):
        group = root.require_group(f"measurements/reflectance/r{resolution}m")
        add_axes(group, resolution)
        for name in (band for band in L2A_STACK if FINEST[band] == resolution):
            add_band(group, name, packing)
    classes = root.require_group("conditions/mask/l2a_classification/r20m")
    add_axes(classes, 20)
    scl = np.full((SIZE_M // 20, SIZE_M // 20), 6, np.uint8)
    scl[:5] = 9
    _add_array(classes, "scl", scl, chunks=(30, 30))
    return folder / f"{ID}.zarr"


def add_axes(group: zarr.Group, resolution: int) -> None:
    """The centres of the pixels."""
    steps = (np.arange(SIZE_M // resolution) + 0.5) * resolution
    _add_array(group, "x", LEFT + steps)
    _add_array(group, "y", TOP - steps)


def add_band(group: zarr.Group, name: str, packing: Packing) -> None:
    """One band, its first rows without data."""
    dn, key = make_band(name), name.lower()
    missing = np.s_[: 240 // FINEST[name]]
    if packing == "packed":
        dn[missing] = 0
        array = _add_array(group, key, dn, chunks=(50, 50), fill_value=0)
        array.attrs.update({"scale_factor": 0.0001, "add_offset": -0.1, "_FillValue": 0})
        return
    fractions = ((dn.astype(np.float32) - 1000) / 10000).astype(np.float32)
    fractions[missing] = np.nan
    _add_array(group, key, fractions, chunks=(50, 50), fill_value=np.nan)


def _add_array(group: zarr.Group, name: str, data: NDArray[Any], **choices: Any) -> zarr.Array[Any]:  # noqa: ANN401
    """An array with the names of its dimensions, where xarray looks for them."""
    names = [name] if data.ndim == 1 else ["y", "x"]
    if group.metadata.zarr_format == 3:
        return group.create_array(name, data=data, dimension_names=names, **choices)
    array = group.create_array(name, data=data, **choices)
    array.attrs["_ARRAY_DIMENSIONS"] = names
    return array
