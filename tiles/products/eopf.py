"""Open a product in EOPF's Zarr layout: a folder with ``measurements/reflectance/r10m/b02`` and the like.

Its arrays say themselves how their values become reflectance: whole numbers with ``scale_factor`` and ``add_offset``,
or fractions. ESA's offset is part of that, and no second one is taken off.

Source: EOPF Sentinel-2 L2A product structure (EOPF sample service); CF conventions 1.11, section 8.1 (packed data).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from tiles.bands import resolve_band
from tiles.errors import GridError, SceneError
from tiles.grid import Grid
from tiles.products.dates import read_item_moment
from tiles.products.headers import resolve_scene_grid, sort_bands
from tiles.products.name import describe_baseline, make_scene_id, parse_product_name
from tiles.scene import BandSource, Radiometry, Scene
from tiles.zarr_raster import ZARR, import_zarr

__all__ = ["is_eopf", "open_eopf"]

_REFLECTANCE = "measurements/reflectance"
_CLASSES = ("conditions/mask/l2a_classification/r20m/scl", "conditions/mask/l2a_classification/r60m/scl")
_RESOLUTIONS = ("r10m", "r20m", "r60m")
_METADATA = ("zarr.json", ".zgroup", ".zmetadata", ".zattrs")
_CODES = ("proj:code", "proj:epsg", "horizontal_CRS_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Array:
    """An array of the product.

    Attributes:
        source: As the reader needs it.
        attributes: What it says of itself.
        kind: Type of its values.
    """

    source: BandSource
    attributes: Mapping[str, Any]
    kind: np.dtype[Any]


def is_eopf(folder: Path) -> bool:
    """Whether a folder is a product in this layout.

    Args:
        folder: Any.
    """
    return (folder / _REFLECTANCE).is_dir() and any((folder / name).is_file() for name in _METADATA)


def open_eopf(folder: Path) -> Scene:
    """Open a product.

    Args:
        folder: Its root.

    Raises:
        SceneError: It is no Zarr store, has no band, or zarr-python is not here.
        GridError: It has no CRS that is known.
    """
    zarr = import_zarr()
    try:
        root = zarr.open_group(str(folder), mode="r")
        discovery = dict(root.attrs).get("stac_discovery") or {}
        properties = dict(discovery.get("properties") or {})
        stated = (properties, dict(dict(root.attrs).get("other_metadata") or {}))
        bands = {name: _open_array(root, path, folder, name, stated) for name, path in _find_bands(root).items()}
        scl = next((_open_array(root, path, folder, "SCL", stated) for path in _CLASSES if path in root), None)
    except GridError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SceneError(
            f"Expected a product in Zarr, could not read {folder} ({' '.join(str(error).split())}). Fetch it again."
        ) from error
    if not bands:
        raise SceneError(f"Expected bands in {folder}/{_REFLECTANCE}/r10m (b02 …), found none. Fetch it again.")
    sources = sort_bands([array.source for array in bands.values()])
    name = str(discovery.get("id") or folder.name).removesuffix(".zarr")
    named = parse_product_name(name)
    baseline = str(properties.get("processing:version") or (named.baseline if named else "") or "") or None
    acquired = read_item_moment(properties) or (named.acquired if named else None)
    cloud = properties.get("eo:cloud_cover")
    used = [*bands.values(), *([scl] if scl else [])]
    return Scene(
        id=make_scene_id(name),
        source=str(folder),
        kind="eopf",
        level=named.level if named else "L2A",
        bands=sources,
        grid=resolve_scene_grid(sources, where=str(folder)),
        radiometry=_resolve_radiometry(bands),
        classification=scl.source if scl else None,
        acquired=acquired,
        date_source=None if acquired is None else "metadata of the product",
        baseline=baseline,
        platform=str(properties.get("platform") or (named.platform if named else "")).lower() or None,
        cloud_percent=None if cloud is None else float(cloud),
        files=tuple(_list_files(folder, used)),
        notes=describe_baseline(baseline),
    )


def _find_bands(root: Any) -> dict[str, str]:  # noqa: ANN401 (zarr is not typed)
    """Paths of the bands, the finest of each."""
    found: dict[str, str] = {}
    for resolution in _RESOLUTIONS:
        group = f"{_REFLECTANCE}/{resolution}"
        for key in sorted(root[group].array_keys()) if group in root else ():
            band = resolve_band(key)
            if band is not None:
                found.setdefault(band, f"{group}/{key}")
    return found


def _open_array(root: Any, path: str, folder: Path, name: str, stated: tuple[Mapping[str, Any], ...]) -> _Array:  # noqa: ANN401
    array = root[path]
    attributes = dict(array.attrs)
    crs = _find_crs((attributes, *stated), where=f"{folder}/{path}")
    height, width = array.shape
    transform = _find_transform(root[path.rpartition("/")[0]], attributes, width=width, height=height)
    grid = Grid(crs=crs, transform=transform, width=width, height=height)
    source = BandSource(name=name, path=f"{ZARR}{folder.resolve()}/{path}", index=1, grid=grid)
    return _Array(source=source, attributes=attributes, kind=np.dtype(array.dtype))


def _find_crs(places: tuple[Mapping[str, Any], ...], *, where: str) -> CRS:
    code = next((place[key] for place in places for key in _CODES if place.get(key)), None)
    try:
        crs = CRS.from_user_input(code) if code else None
    except CRSError:
        crs = None
    if crs is None:
        raise GridError(f"Expected a CRS ({', '.join(_CODES)}) for {where}, found {code or 'none'}. Fetch it again.")
    return crs


def _find_transform(group: Any, attributes: Mapping[str, Any], *, width: int, height: int) -> Affine:  # noqa: ANN401
    """By the coordinates of the pixels' centres, or else as it is stated."""
    if "x" not in group or "y" not in group:
        return Affine(*(float(value) for value in attributes["proj:transform"][:6]))
    x, y = (np.asarray(group[axis][:], dtype=float) for axis in ("x", "y"))
    step_x, step_y = float(x[-1] - x[0]) / (width - 1), float(y[-1] - y[0]) / (height - 1)
    return Affine(step_x, 0, x[0] - step_x / 2, 0, step_y, y[0] - step_y / 2)


def _resolve_radiometry(bands: Mapping[str, _Array]) -> Radiometry:
    """As each array says: packed with a scale and an offset, or reflectance as it is."""
    scales = {name: float(array.attributes.get("scale_factor", 1.0)) for name, array in bands.items()}
    packed = {name for name, array in bands.items() if array.kind.kind in "iu"}
    silent = sorted(name for name in packed if "scale_factor" not in bands[name].attributes)
    if silent:
        raise SceneError(
            f"Expected scale_factor for the whole numbers of {', '.join(silent)}, found none. Fetch the product again."
        )
    terms = {name: float(array.attributes.get("add_offset", 0.0)) for name, array in bands.items()}
    return Radiometry.gather(
        quantifications={name: round(1 / scale, 6) for name, scale in scales.items()},
        markers={name: _resolve_marker(array) for name, array in bands.items()},
        offsets={name: round(terms[name] / scales[name], 6) for name in bands},
        source="scale_factor and add_offset of the product" if packed else "arrays of the product, in reflectance",
        nodata_rule="any",
    )


def _resolve_marker(array: _Array) -> float | None:
    stated = array.attributes.get("_FillValue", array.attributes.get("fill_value"))
    if isinstance(stated, int | float) and not math.isnan(stated):
        return float(stated)
    return 0.0 if array.kind.kind in "iu" else None


def _list_files(folder: Path, arrays: list[_Array]) -> Iterator[str]:
    """All that decides the pixels: metadata of the root, and the arrays with their chunks."""
    yield from (str(folder / name) for name in _METADATA if (folder / name).is_file())
    for array in arrays:
        part = Path(array.source.path.removeprefix(ZARR))
        yield from (str(path) for path in sorted(part.rglob("*")) if path.is_file())
