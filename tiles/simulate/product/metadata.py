"""What surrounds the pixels of a simulated product: metadata of product, granule and datastrip, INSPIRE record, page.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD); ISO 19139 for the INSPIRE record. The order and
spelling of the elements follow real products of the baselines 02.13, 04.00, 05.09 and 05.11. The documents themselves
are the templates in ``tiles/data/product``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tiles.bands import BANDS
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.content import (
    CLASS_NAMES,
    OFFSET,
    QUANTIFICATION,
    ProductContent,
    format_footprint,
    format_percentages,
)
from tiles.simulate.product.sun import compute_sun_distance_factor

__all__ = ["compute_spectral_response", "render_document", "write_metadata"]

_TEMPLATES = Path(__file__).parents[2] / "data" / "product"

_ANGLE_NODES: Final = 23  # 5 km apart
_MIDDLE: Final = (_ANGLE_NODES - 1) / 2
_DETECTORS = (6, 7)  # the two whose ground tracks share the tile, west and east of its middle
_VIEW_ZENITH_DEGREES = 3.4
_VIEW_AZIMUTH_DEGREES = 104.0

# By band_id: band width in nm, solar irradiance in W/m²/µm, physical gain of Sentinel-2A
_BAND_WIDTHS_NM = (21, 66, 36, 31, 15, 15, 20, 106, 21, 20, 31, 91, 175)
_IRRADIANCES = (
    *(1884.69, 1959.66, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08),
    *(1041.63, 955.32, 812.92, 367.15, 245.59, 85.25),
)
_GAINS = (4.10, 3.76, 4.20, 4.53, 5.22, 4.88, 4.54, 6.17, 5.15, 8.56, 55.02, 35.25, 106.35)


def write_metadata(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write all documents of a product but its manifest.

    Args:
        folder: The product's folder.
        acquisition: Grid, names, times and angles.
        content: What was written into it.
    """
    lats, lons = [lat for lat, _ in content.footprint], [lon for _, lon in content.footprint]
    values = {
        "bands": BANDS.values(),
        "class_names": _list_class_names(acquisition),
        "offset": OFFSET,
        "quantification": QUANTIFICATION,
        "percentages": format_percentages(content, acquisition),
        "spectra": {band.name: _describe_band(band.band_id, band.wavelength_nm) for band in BANDS.values()},
        "sun_distance_factor": compute_sun_distance_factor(acquisition.sensing),
        "overhead": acquisition.granule_start + timedelta(seconds=90),
        "archived": acquisition.generation + timedelta(minutes=33),
        "sun": _compute_sun_grids(acquisition),
        "views": [_compute_view_grids(band.band_id, detector) for band in BANDS.values() for detector in _DETECTORS],
        "view_zenith": _compute_view_zenith,
        "view_azimuth": _compute_view_azimuth,
        "west": min(lons),
        "east": max(lons),
        "south": min(lats),
        "north": max(lats),
    }
    for path in (
        Path("MTD_MSIL2A.xml"),
        Path("GRANULE", acquisition.granule, "MTD_TL.xml"),
        Path("DATASTRIP", acquisition.datastrip, "MTD_DS.xml"),
        Path("INSPIRE.xml"),
        Path("HTML", "UserProduct_index.html"),
    ):
        render_document(folder / path, acquisition, content, **values)


def render_document(path: Path, acquisition: Acquisition, content: ProductContent, **values: object) -> None:
    """Fill the template that is called like a document.

    Args:
        path: The document; its folder is made. An XML has one comment before its root, where no reader stumbles.
        acquisition: Names, times and place.
        content: What the product holds.
        **values: What else the template names.
    """
    schema = f"https://psd-{14 if acquisition.baseline < '05.11' else 15}.sentinel2.eo.esa.int/PSD"
    footprint = format_footprint(content.footprint)
    text = (
        _open_templates()
        .get_template(path.name)
        .render(acquisition=acquisition, content=content, schema=schema, footprint=footprint, **values)
    )
    if path.suffix != ".html":
        comment = content.notice.replace("--", "- -")
        text = f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- {comment} -->\n{text}'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text.strip()}\n", encoding="utf-8")


@cache
def _open_templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    templates.filters["seconds"] = lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    templates.filters["milliseconds"] = _format_milliseconds
    templates.filters["microseconds"] = lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return templates


def _format_milliseconds(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def _list_class_names(acquisition: Acquisition) -> Sequence[str]:
    """The classes of the scene classification; one was renamed in baseline 05.11."""
    return [
        "CAST_SHADOW" if index == 2 and acquisition.baseline >= "05.11" else name
        for index, name in enumerate(CLASS_NAMES)
    ]


def _describe_band(band_id: int, wavelength_nm: float) -> dict[str, Any]:
    lowest_nm, highest_nm, response = compute_spectral_response(wavelength_nm, _BAND_WIDTHS_NM[band_id])
    return {
        "irradiance": _IRRADIANCES[band_id],
        "gain": _GAINS[band_id],
        "lowest_nm": lowest_nm,
        "highest_nm": highest_nm,
        "response": " ".join(f"{value:.6g}" for value in response),
    }


def compute_spectral_response(central_nm: float, width_nm: float) -> tuple[int, int, list[float]]:
    """A flat-topped curve of the band's width, for readers that integrate over it.

    Args:
        central_nm: Central wavelength.
        width_nm: Full width at half maximum.

    Returns:
        First and last wavelength in whole nm, and the response at each nm between them, 0 to 1.
    """
    low, high = round(central_nm - 0.62 * width_nm), round(central_nm + 0.62 * width_nm)
    half = width_nm / 2
    # An eighth-order Gaussian: 1 in the middle, one half at half the width.
    return low, high, [math.exp(-math.log(2) * ((nm - central_nm) / half) ** 8) for nm in range(low, high + 1)]


def _compute_sun_grids(acquisition: Acquisition) -> dict[str, list[str]]:
    """The sun moves by about half a degree across a tile."""
    zenith, azimuth = acquisition.sun_zenith, acquisition.sun_azimuth
    return {
        "zenith": _format_grid(lambda row, col: zenith + 0.045 * (row - _MIDDLE) - 0.003 * (col - _MIDDLE)),
        "azimuth": _format_grid(lambda row, col: azimuth + 0.02 * (row - _MIDDLE) + 0.06 * (col - _MIDDLE)),
    }


def _compute_view_zenith(band_id: int) -> float:
    return _VIEW_ZENITH_DEGREES + 0.02 * band_id


def _compute_view_azimuth(band_id: int) -> float:
    return _VIEW_AZIMUTH_DEGREES + 0.3 * band_id


def _compute_view_grids(band_id: int, detector: int) -> dict[str, Any]:
    """One detector's view, NaN where another one looks."""
    east = detector == _DETECTORS[1]

    def hide_others(col: int, value: float) -> float:
        return value if (col > _MIDDLE) == east else math.nan

    def zenith(_row: int, col: int) -> float:
        return hide_others(col, _compute_view_zenith(band_id) + 0.26 * (_MIDDLE - col) * 0.5)

    def azimuth(row: int, col: int) -> float:
        return hide_others(col, _compute_view_azimuth(band_id) + (4.0 if east else -4.0) + 0.05 * (row - _MIDDLE))

    return {
        "band_id": band_id,
        "detector": detector,
        "zenith": _format_grid(zenith),
        "azimuth": _format_grid(azimuth),
    }


def _format_grid(compute: Callable[[int, int], float]) -> list[str]:
    """A line a row of nodes."""

    def format_row(values: Iterable[float]) -> str:
        return " ".join("NaN" if math.isnan(value) else f"{value:.6g}" for value in values)

    return [format_row(compute(row, col) for col in range(_ANGLE_NODES)) for row in range(_ANGLE_NODES)]
