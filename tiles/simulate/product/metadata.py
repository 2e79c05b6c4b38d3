"""What surrounds the pixels of a simulated product: metadata of product, granule and datastrip.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD). The order and spelling of the elements follow
real products of the baselines 02.13, 04.00, 05.09 and 05.11. The documents themselves are the templates in
``tiles/data/product``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from tiles.bands import BANDS
from tiles.simulate.product.acquisition import OFFSET, QUANTIFICATION, Acquisition
from tiles.simulate.product.sun import compute_sun_distance_factor

__all__ = ["ProductContent", "render_document", "write_metadata"]

_TEMPLATES = Path(__file__).parents[2] / "data" / "product"

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
# Steps (row, col) of the 23 nodes of a grid of angles, 5 km apart, from the tile's middle.
_DOWN, _ACROSS = np.meshgrid(np.arange(-11.0, 12.0), np.arange(-11.0, 12.0), indexing="ij")
_DETECTORS = (6, 7)  # the two whose ground tracks share the tile, west and east of its middle
_VIEW_ZENITH_DEGREES = 3.4
_VIEW_AZIMUTH_DEGREES = 104.0


_CLOUDS = (8, 9, 10)
_LAND = (2, 4, 5)
_DATA = range(1, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductContent:
    """What the metadata has to say about the pixels that were written.

    Attributes:
        images: Paths of the image files within the product, without their ending.
        class_counts: Pixels of each class of the 20 m scene classification, nodata included.
        footprint: Corners of the ground with data as ``(latitude, longitude)`` in degrees, closed.
        cloud_masks: Paths of the masks within the product, each with its type (``MSK_CLDPRB`` …).
        preview: Path of the preview within the product, without its ending.
        notice: One line that says that the product is simulated, by what and with which seed.
    """

    images: Sequence[str]
    class_counts: Sequence[int]
    footprint: Sequence[tuple[float, float]]
    cloud_masks: Sequence[tuple[str, str]]
    preview: str
    notice: str

    @property
    def cloud_percent(self) -> float:
        """Cloud cover of the pixels with data, in percent."""
        return self._compute_share(_CLOUDS, of=_DATA)

    @property
    def cloud_over_land_percent(self) -> float:
        """Cloud cover in percent of cloud and cloud-free land together (a simulation has no map of the land)."""
        return self._compute_share(_CLOUDS, of=(*_CLOUDS, *_LAND))

    def compute_percentage(self, index: int) -> float:
        """Share of a class: of nodata among all pixels, of every other among those with data."""
        return self._compute_share((index,), of=_DATA if index else range(12))

    def _compute_share(self, classes: Sequence[int], *, of: Sequence[int]) -> float:
        total = sum(self.class_counts[index] for index in of)
        return 100 * sum(self.class_counts[index] for index in classes) / total if total else 0.0


def write_metadata(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write all documents of a product but its manifest.

    Args:
        folder: The product's folder.
        acquisition: Grid, names, times and angles.
        content: What was written into it.
    """
    values = {
        "bands": BANDS.values(),
        "offset": OFFSET,
        "quantification": QUANTIFICATION,
        "sun_distance_factor": compute_sun_distance_factor(acquisition.sensing),
        "overhead": acquisition.granule_start + timedelta(seconds=90),
        "archived": acquisition.generation + timedelta(minutes=33),
        "sun": _compute_sun_grids(acquisition),
        "views": [_compute_view_grids(band.band_id, detector) for band in BANDS.values() for detector in _DETECTORS],
        "view_zenith": _compute_view_zenith,
        "view_azimuth": _compute_view_azimuth,
    }
    for path in (
        Path("MTD_MSIL2A.xml"),
        Path("GRANULE", acquisition.granule, "MTD_TL.xml"),
        Path("DATASTRIP", acquisition.datastrip, "MTD_DS.xml"),
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
    footprint = "".join(f"{lat:.8f} {lon:.8f} " for lat, lon in content.footprint)
    text = (
        _open_templates()
        .get_template(path.name)
        .render(acquisition=acquisition, content=content, schema=schema, footprint=footprint, **values)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{_XML}<!-- {content.notice.replace('--', '- -')} -->\n{text.strip()}\n", encoding="utf-8")


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


def _compute_sun_grids(acquisition: Acquisition) -> dict[str, list[str]]:
    """The sun moves by about half a degree across a tile."""
    return {
        "zenith": _format_grid(acquisition.sun_zenith + 0.045 * _DOWN - 0.003 * _ACROSS),
        "azimuth": _format_grid(acquisition.sun_azimuth + 0.02 * _DOWN + 0.06 * _ACROSS),
    }


def _compute_view_zenith(band_id: int) -> float:
    return _VIEW_ZENITH_DEGREES + 0.02 * band_id


def _compute_view_azimuth(band_id: int) -> float:
    return _VIEW_AZIMUTH_DEGREES + 0.3 * band_id


def _compute_view_grids(band_id: int, detector: int) -> dict[str, Any]:
    """One detector's view, NaN where another one looks."""
    east = detector == _DETECTORS[1]
    seen = (_ACROSS > 0) == east
    zenith = _compute_view_zenith(band_id) - 0.26 * _ACROSS * 0.5
    azimuth = _compute_view_azimuth(band_id) + (4.0 if east else -4.0) + 0.05 * _DOWN
    return {
        "band_id": band_id,
        "detector": detector,
        "zenith": _format_grid(np.where(seen, zenith, np.nan)),
        "azimuth": _format_grid(np.where(seen, azimuth, np.nan)),
    }


def _format_grid(degrees: NDArray[np.float64]) -> list[str]:
    """A line a row of nodes (row, col)."""
    return [" ".join("NaN" if np.isnan(value) else f"{value:.6g}" for value in row) for row in degrees.tolist()]
