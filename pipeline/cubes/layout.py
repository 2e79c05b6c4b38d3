"""Understand a cube: which of its dimensions are rows, columns, bands and dates, and where it lies on the ground.

Three libraries load Sentinel-2 into xarray, each with its habits: odc-stac (a variable a band, ``longitude`` and
``latitude`` in degrees), stackstac (bands along a dimension, coordinates at the *corner* of a pixel, the CRS in the
attributes) and rioxarray (bands counted along a dimension, their names in ``long_name``). Nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from tiles.bands import BANDS, L2A_STACK, resolve_band, resolve_naming
from tiles.errors import BandError, GridError, SceneError
from tiles.grid import Grid
from tiles.masks import MASK_NAMES

__all__ = ["CubeLayout", "find_layout", "read_nodata"]

_SPATIAL = (("y", "x"), ("latitude", "longitude"), ("lat", "lon"))
_BAND_DIMS = ("band", "bands", "variable", "channel")
_CRS_WORDS = ("spatial_ref", "crs_wkt")
_UNNAMED = {len(L2A_STACK): L2A_STACK, len(BANDS): tuple(BANDS)}
_OF_A_BAND = {"scales": "scale_factor", "offsets": "add_offset", "nodatavals": "nodata"}
"""What rioxarray says of all bands at once, by CF's word for one band."""
_MASK = "mask"
_SLACK_PX = 0.01
"""How far a coordinate may lie off an even spacing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeLayout:
    """A cube with all of its parts named.

    Attributes:
        bands: An array a band, by its name in ``tiles.bands``, in that order; dims (date, row, col) or (row, col),
            north up and west on the left whatever the cube's own order was. As stored, lazy where the cube is.
        classification: The scene classification likewise, or ``None``.
        dims: Names of the row and column dimensions.
        time_dim: Name of the dimension of dates, or ``None``.
        flipped: The dimensions that were turned over.
        grid: The pixels on the ground, north up.
        coords: The cube's coordinates that a result keeps, in the cube's own order.
        hints: The cube's coordinates by which loaders say more: STAC properties a date, ``raster:bands`` a band.
        notes: What was assumed, a sentence each.
    """

    bands: Mapping[str, xr.DataArray]
    classification: xr.DataArray | None
    dims: tuple[str, str]
    time_dim: str | None
    flipped: tuple[str, ...]
    grid: Grid
    coords: Mapping[Hashable, xr.DataArray]
    hints: Mapping[str, xr.DataArray]
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Number of dates; 1 where there is no such dimension."""
        return 1 if self.time_dim is None else next(iter(self.bands.values())).sizes[self.time_dim]

    @property
    def is_lazy(self) -> bool:
        """Whether any pixel is still to be loaded by Dask."""
        arrays = [*self.bands.values(), *([] if self.classification is None else [self.classification])]
        return any(array.chunks is not None for array in arrays)

    def name_step(self, step: int) -> str:
        """A date in words, for messages."""
        if self.time_dim is None or self.time_dim not in self.coords:
            return f"step {step}"
        return str(self.coords[self.time_dim].values[step])[:19]


def find_layout(cube: xr.DataArray | xr.Dataset) -> CubeLayout:
    """Understand what a cube holds.

    Args:
        cube: Bands as variables, or along a dimension; at most one dimension more, of dates.

    Raises:
        SceneError: It is no cube: no rows and columns, or more dimensions than these.
        BandError: No band is known, or one comes twice.
        GridError: The cube has no CRS, or is rotated, or its coordinates do not rise or fall evenly.
    """
    named, notes = _find_bands(cube)
    named = _apply_mask(named, named.pop(_MASK, None))
    rows, cols = _find_spatial(cube)
    time_dim = _find_time(next(iter(named.values())), (rows, cols))
    _require_straight(cube, (rows, cols))
    steps = {dim: _measure_step(cube, dim) for dim in (rows, cols)}
    flipped = tuple(dim for dim, falls in ((rows, True), (cols, False)) if (steps[dim] < 0) != falls)
    turn = {dim: slice(None, None, -1) for dim in flipped}
    order = (*([time_dim] if time_dim else []), rows, cols)
    turned = {name: array.isel(turn).transpose(*order) for name, array in named.items()}
    bands = {name: turned[name] for name in BANDS if name in turned}
    if not bands:
        raise BandError(f"No band of Sentinel-2 was found in the cube: only {', '.join(map(str, named))}.")
    return CubeLayout(
        bands=bands,
        classification=turned.get("SCL"),
        dims=(rows, cols),
        time_dim=time_dim,
        flipped=flipped,
        grid=_find_grid(cube, next(iter(bands.values())), (rows, cols)),
        coords=_keep_coords(cube, {time_dim, rows, cols}),
        hints={str(name): coord for name, coord in cube.coords.items() if str(name) not in {rows, cols}},
        notes=notes,
    )


def _resolve_channel(label: object) -> str | None:
    """Name of a band, ``SCL``, that of a mask of all bands, or ``None``."""
    word = re.sub(r"_(10|20|60)m$", "", str(label).strip())
    if word.lower() in MASK_NAMES:
        return _MASK
    return "SCL" if word.upper() == "SCL" else resolve_band(word)


def _apply_mask(named: Mapping[str, xr.DataArray], mask: xr.DataArray | None) -> dict[str, xr.DataArray]:
    """The bands with their marker where an alpha band (``dataMask``) says that they hold no data."""
    if mask is None:
        return dict(named)
    masked = {}
    for name, array in named.items():
        nodata = read_nodata(array)
        fill = np.nan if array.dtype.kind == "f" else array.dtype.type(0 if nodata is None else nodata)
        masked[name] = array if name == "SCL" else array.where(mask != 0, other=fill)
        masked[name].encoding = dict(array.encoding)
    return masked


def read_nodata(array: xr.DataArray) -> float | None:
    """The marker that an array's own attributes name: CF's, odc's, rioxarray's."""
    for word in ("_FillValue", "missing_value", "nodata"):
        if array.attrs.get(word) is not None:
            return float(np.asarray(array.attrs[word]).ravel()[0])
    if array.dtype.kind != "f" and array.encoding.get("_FillValue") is not None:
        return float(array.encoding["_FillValue"])
    return None


def _find_spatial(cube: xr.DataArray | xr.Dataset) -> tuple[str, str]:
    for pair in _SPATIAL:
        if {*pair} <= {*cube.dims}:
            return pair
    raise SceneError(
        f"Expected a cube with the dimensions y and x, or latitude and longitude; found "
        f"{', '.join(map(str, cube.dims)) or 'none'}. Rename them: cube.rename(row='y', col='x')."
    )


def _find_bands(cube: xr.DataArray | xr.Dataset) -> tuple[dict[str, xr.DataArray], tuple[str, ...]]:
    """The arrays by band, and what was assumed."""
    spatial = {*_find_spatial(cube)}
    if isinstance(cube, xr.Dataset):
        variables = {name: array for name, array in cube.data_vars.items() if spatial <= {*array.dims}}
        single = {name: array for name, array in variables.items() if _find_band_dim(array) is None}
        if single:
            labels, notes = _label_variables(single)
            named = _name_arrays(zip(labels, single.values(), strict=True))
            if named or len(variables) != 1:
                return (named, notes) if named else _raise_unnamed(labels)
        if len(variables) != 1:
            _raise_unnamed(variables)
        cube = next(iter(variables.values()))  # one variable that holds all the bands
    dim = _find_band_dim(cube)
    if dim is None:
        named = _name_arrays([(cube.name, cube)])
        return (named, ()) if named else _raise_unnamed([cube.name])
    labels, notes = _label_bands(cube, dim)
    named = _name_arrays((label, _select_band(cube, dim, index)) for index, label in enumerate(labels))
    return (named, notes) if named else _raise_unnamed(labels)


def _label_variables(variables: Mapping[Hashable, xr.DataArray]) -> tuple[list[object], tuple[str, ...]]:
    """A label a variable: its name; where names only count, as rioxarray's ``band_as_variable``, its ``long_name``."""
    names = [str(name) for name in variables]
    if not _are_counted(names):
        return list(names), ()
    described = [str(array.attrs.get("long_name", "")) for array in variables.values()]
    if _are_names(described):
        return list(described), ()
    return _assume_order(names)


def _are_counted(labels: Sequence[str]) -> bool:
    naming = resolve_naming(labels)
    if naming == "ambiguous":
        raise BandError(
            f"Expected names of Sentinel-2 bands in the cube, found {', '.join(labels)}, which may as well only count "
            "its bands. Rename them to say which they are: B01, B02, B03, …"
        )
    return naming == "counted"


def _are_names(labels: Sequence[object]) -> bool:
    """Whether a label names a band of Sentinel-2, and does not only count."""
    texts = [label if isinstance(label, str) else "" for label in labels]
    return any(_resolve_channel(text) for text in texts) and not _are_counted(texts)


def _assume_order(labels: Sequence[object]) -> tuple[list[object], tuple[str, ...]]:
    """The order of a full stack, where no band has a name."""
    order = _UNNAMED.get(len(labels))
    if order is None:
        _raise_unnamed(labels)
    return list(order), (f"The {len(labels)} bands have no names: their order was assumed ({', '.join(order)}).",)


def _select_band(cube: xr.DataArray, dim: str, index: int) -> xr.DataArray:
    """One band along a dimension, with what its attributes say of that band alone (rioxarray's ``scales`` …)."""
    band = cube.isel({dim: index})
    count = cube.sizes[dim]
    for said, own in ((cube.attrs, band.attrs), (cube.encoding, band.encoding)):
        for several, single in _OF_A_BAND.items():
            values = said.get(several)
            if isinstance(values, (tuple, list, np.ndarray)) and len(values) == count:
                own[single] = values[index]
    return band


def _raise_unnamed(labels: Iterable[object]) -> NoReturn:
    raise BandError(
        f"Expected bands named as B02, blue, B8A, nir … (and SCL), found {', '.join(map(str, labels)) or 'none'}. "
        "Name them: cube.assign_coords(band=['B02', 'B03', …]), or rename the variables."
    )


def _name_arrays(labelled: Iterable[tuple[object, xr.DataArray]]) -> dict[str, xr.DataArray]:
    named: dict[str, xr.DataArray] = {}
    for label, array in labelled:
        name = _resolve_channel(label)
        if name in named:
            raise BandError(f"Expected each band once in the cube, found {name} again as {label}. Drop one of them.")
        if name is not None:
            named[name] = array
    return named


def _find_band_dim(array: xr.DataArray) -> str | None:
    return next((dim for dim in _BAND_DIMS if dim in array.dims), None)


def _label_bands(cube: xr.DataArray, dim: str) -> tuple[list[object], tuple[str, ...]]:
    """A label a band: the coordinate's, else rioxarray's ``long_name``, else the order of a full stack."""
    count = cube.sizes[dim]
    labels: list[object] = list(cube[dim].values) if dim in cube.coords else []
    if _are_names(labels):
        return labels, ()
    names = cube.attrs.get("long_name")
    described = [names] if isinstance(names, str) else list(names) if isinstance(names, (tuple, list)) else []
    if len(described) != count:
        described = []
    if _are_names(described):
        return described, ()
    for words in (described, [label for label in labels if isinstance(label, str)]):
        if words and not _are_counted(words):
            _raise_unnamed(words)  # they mean something, but not to us: their order says nothing
    return _assume_order(labels or [f"number {index + 1}" for index in range(count)])


def _find_time(array: xr.DataArray, spatial: tuple[str, str]) -> str | None:
    more = [str(dim) for dim in array.dims if dim not in spatial]
    if len(more) > 1:
        raise SceneError(
            f"Expected rows, columns, bands and one dimension of dates, found also {', '.join(more)}. Select one "
            f"of each, or stack them: cube.stack(time=({', '.join(map(repr, more))}))."
        )
    return more[0] if more else None


def _require_straight(cube: xr.DataArray | xr.Dataset, spatial: tuple[str, str]) -> None:
    transforms = [cube.attrs.get("transform")]
    transforms += [coord.attrs.get("GeoTransform") for coord in cube.coords.values() if coord.ndim == 0]
    bent = [str(name) for name, coord in cube.coords.items() if {*spatial} <= {*coord.dims} and _is_position(str(name))]
    if bent or any(_is_rotated(transform) for transform in transforms if transform is not None):
        what = f"two-dimensional coordinates {', '.join(bent)}" if bent else "a rotated transform"
        raise GridError(
            f"Expected rows and columns along the axes of the CRS, found {what}. Warp the cube first: "
            "cube.rio.reproject(cube.rio.crs), or odc.geo.xr.xr_reproject."
        )


def _is_position(name: str) -> bool:
    return name.lower() in {"xc", "yc", "lon", "lat", "longitude", "latitude"}


def _is_rotated(transform: object) -> bool:
    """Whether an affine transform has terms off its diagonal; GDAL's order in text, affine's in numbers."""
    if isinstance(transform, str):
        words = transform.split()
        return len(words) == 6 and (float(words[2]) != 0 or float(words[4]) != 0)
    numbers = _read_affine(transform)
    return numbers is not None and (numbers.b != 0 or numbers.d != 0)


def _read_affine(transform: object) -> Affine | None:
    """An affine transform, or its six or nine numbers."""
    numbers = tuple(transform) if isinstance(transform, (Affine, tuple, list)) else ()
    return Affine(*numbers[:6]) if len(numbers) >= 6 else None


def _measure_step(cube: xr.DataArray | xr.Dataset, dim: str) -> float:
    """Signed distance between pixels along a dimension."""
    if dim not in cube.coords:
        raise GridError(
            f"Expected coordinates along {dim}, found none: the cube lies nowhere. Give it some, or write its "
            "transform with cube.rio.write_transform and read it again."
        )
    values = np.asarray(cube[dim].values, dtype=np.float64)
    if len(values) == 1:
        return _single_step(cube, dim)
    step = float((values[-1] - values[0]) / (len(values) - 1))
    even = values[0] + step * np.arange(len(values))
    if step == 0 or not np.isfinite(values).all() or float(np.abs(values - even).max()) > abs(step) * _SLACK_PX:
        raise GridError(
            f"Expected coordinates of even spacing along {dim}, found {_describe_spacing(values)}. Sort them and drop "
            f"duplicates (cube.sortby({dim!r}).drop_duplicates({dim!r})), or warp the cube to an even grid."
        )
    return step


def _single_step(cube: xr.DataArray | xr.Dataset, dim: str) -> float:
    """One pixel has no spacing: it is taken to be square, north up."""
    other = next(name for pair in _SPATIAL if dim in pair for name in pair if name != dim)
    size = abs(_measure_step(cube, other)) if cube.sizes[other] > 1 else 1.0
    return -size if dim in {pair[0] for pair in _SPATIAL} else size


def _describe_spacing(values: NDArray[np.float64]) -> str:
    gaps = np.diff(values)
    if len(np.unique(values)) < len(values):
        return "duplicates"
    if (gaps > 0).any() and (gaps < 0).any():
        return "values that are not sorted"
    return f"steps from {np.abs(gaps).min():g} to {np.abs(gaps).max():g}"


def _find_grid(cube: xr.DataArray | xr.Dataset, band: xr.DataArray, dims: tuple[str, str]) -> Grid:
    """The grid on the ground, north up; ``band`` is turned already."""
    (rows, cols), height, width = dims, band.sizes[dims[0]], band.sizes[dims[1]]
    step_x, step_y = abs(_measure_step(cube, cols)), -abs(_measure_step(cube, rows))
    inset_x, inset_y = _find_inset(cube, dims)
    left = float(band[cols].values[0]) - inset_x * step_x
    top = float(band[rows].values[0]) - inset_y * step_y
    return Grid(
        crs=_find_crs(cube, band), transform=Affine(step_x, 0, left, 0, step_y, top), width=width, height=height
    )


def _find_inset(cube: xr.DataArray | xr.Dataset, dims: tuple[str, str]) -> tuple[float, float]:
    """How far coordinates lie within their pixels: at the centre, or at stackstac's upper left corner."""
    transform = _read_affine(cube.attrs.get("transform"))
    if transform is None:
        return 0.5, 0.5
    col, row = ~transform @ (float(cube[dims[1]].values[0]), float(cube[dims[0]].values[0]))
    corner = abs(col - round(col)) < 0.25 and abs(row - round(row)) < 0.25
    return (0.0, 0.0) if corner else (0.5, 0.5)


def _find_crs(cube: xr.DataArray | xr.Dataset, band: xr.DataArray) -> CRS:
    for source in _list_crs(cube, band):
        try:
            crs = CRS.from_user_input(source)
        except (CRSError, TypeError, ValueError):
            continue
        if crs.is_projected or crs.is_geographic:
            return crs
    raise GridError(
        "Expected a cube that says its CRS (a spatial_ref coordinate, or crs in its attributes), found none. If you "
        "know it, write it in: cube.rio.write_crs('EPSG:32630'), or cube.odc.assign_crs."
    )


def _list_crs(cube: xr.DataArray | xr.Dataset, band: xr.DataArray) -> list[Any]:
    """All that may be a CRS, the most telling first."""
    mapping = band.encoding.get("grid_mapping", band.attrs.get("grid_mapping", "spatial_ref"))
    scalars = [coord for coord in cube.coords.values() if coord.ndim == 0]
    scalars.sort(key=lambda coord: coord.name != mapping)
    sources = [coord.attrs[word] for coord in scalars for word in _CRS_WORDS if word in coord.attrs]
    sources += [attrs[word] for attrs in (cube.attrs, band.attrs) for word in ("crs", "crs_wkt") if word in attrs]
    codes = [cube.coords[name] for name in ("epsg", "proj:code", "proj:epsg") if name in cube.coords]
    sources += [int(code) if code.dtype.kind in "iuf" else str(code.values) for code in codes if code.ndim == 0]
    return sources


def _keep_coords(cube: xr.DataArray | xr.Dataset, dims: set[str | None]) -> dict[Hashable, xr.DataArray]:
    """Coordinates that make sense beside a map: of dates, rows and columns; no objects, which no file can hold."""
    return {
        name: coord.reset_coords(drop=True)
        for name, coord in cube.coords.items()
        if {*coord.dims} <= dims and coord.dtype.kind != "O"
    }
