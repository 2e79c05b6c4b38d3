"""The mosaic on disk while it grows, and after: a Zarr group a lattice, a chunk a cell, that xarray and GDAL open.

Chunks are written by whoever computed them, each at one stroke; cells without data are not stored at all. What is
traced is read back from here, so two neighbours see the same values on their common edge, to the bit.

Version 2 of the format: neither GDAL 3.6 (of Debian 12, and its QGIS) nor rasterio's 3.10 opens what zarr writes as
version 3.

Source: Zarr storage specification 2; the CF conventions (``grid_mapping``); ``_CRS`` as GDAL's Zarr driver has it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rioxarray  # noqa: F401 (gives .rio)
import xarray as xr
import zarr
from numpy.typing import NDArray

from pipeline.errors import output_errors
from pipeline.mosaic.lattice import CELL_PX, Cell, Lattice
from tiles.grid import Window

__all__ = ["ERROR_SCALE", "SURFACE_SCALE", "VARIABLES", "Store"]

VARIABLES: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "mosaic_variables.toml").read_text(encoding="utf-8")
)
"""What is stored of each pixel: ``dtype``, ``fill`` where there is nothing, ``attributes`` by the CF conventions."""

SURFACE_SCALE: float = VARIABLES["surface"]["attributes"]["scale_factor"]
"""Step of the stored surface: a probability in 16 bits. The contour moves by less than a millimetre for it."""


ERROR_SCALE: float = VARIABLES["error"]["attributes"]["scale_factor"]
"""Step of the stored error of the surface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The group of one lattice.

    Attributes:
        path: The folder of the group.
        lattice: Its pixels.
        domain: The window that the arrays cover, whole cells.
    """

    path: Path
    lattice: Lattice
    domain: Window

    def create(self) -> None:
        """Make the group with all its variables, empty; nothing where it is there already.

        Raises:
            OutputError: It cannot be written.
        """
        if (self.path / ".zgroup").exists():
            return
        begun = self.path.with_name(f".{self.path.name}.begun")
        with output_errors(self.path):
            self._build_coordinates().to_zarr(begun, mode="w", consolidated=False, zarr_format=2)
            group = zarr.open_group(begun, mode="r+")
            crs = self.lattice.compute_grid(self.domain).crs.to_wkt()
            for name, variable in VARIABLES.items():
                array = group.create_array(
                    name,
                    shape=self.domain.shape,
                    chunks=(CELL_PX, CELL_PX),
                    dtype=variable["dtype"],
                    fill_value=variable["fill"],
                )
                place = {"_ARRAY_DIMENSIONS": ["y", "x"], "grid_mapping": "spatial_ref", "_CRS": {"wkt": crs}}
                array.attrs.update(variable["attributes"] | place)
            begun.rename(self.path)

    def write(self, cell: Cell, values: Mapping[str, NDArray[Any]]) -> None:
        """Write what a cell holds.

        Args:
            cell: Within the domain.
            values: Stored numbers by name, (``CELL_PX``, ``CELL_PX``) each.

        Raises:
            OutputError: They cannot be written.
        """
        place = cell.window.slices(within=self.domain)
        with output_errors(self.path):
            for name, numbers in values.items():
                _open_array(self.path / name)[place] = numbers

    def read(self, name: str, window: Window) -> NDArray[Any]:
        """Read a window of a variable as stored; beyond the domain there is its fill.

        Args:
            name: Of ``VARIABLES``.
            window: Counted from the lattice's origin.
        """
        variable = VARIABLES[name]
        values = np.full(window.shape, variable["fill"], dtype=variable["dtype"])
        shared = self.domain.intersection(window)
        if shared is not None:
            array = _open_array(self.path / name)
            values[shared.slices(within=window)] = array[shared.slices(within=self.domain)]
        return values

    def _build_coordinates(self) -> xr.Dataset:
        grid = self.lattice.compute_grid(self.domain)
        x = grid.transform.c + (np.arange(grid.width) + 0.5) * grid.transform.a
        y = grid.transform.f + (np.arange(grid.height) + 0.5) * grid.transform.e
        units = {"units": "degree"} if grid.crs.is_geographic else {"units": "m"}
        coordinates = xr.Dataset(
            coords={
                "x": ("x", x, {"axis": "X", **units}),
                "y": ("y", y, {"axis": "Y", **units}),
            }
        )
        written: xr.Dataset = coordinates.rio.write_crs(grid.crs.to_wkt()).rio.write_transform(grid.transform)
        return written


@lru_cache(maxsize=512)
def _open_array(path: Path) -> zarr.Array[Any]:
    """An array of a store; opening one takes longer than reading a chunk of it."""
    return zarr.open_array(path, mode="r+")
