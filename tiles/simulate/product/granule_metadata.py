"""The granule metadata ``MTD_TL.xml`` of a simulated scene: grid, angles, quality.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Level-2A tile metadata".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

from tiles.bands import BANDS
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.content import ProductContent, add_content_quality, add_element, write_xml

__all__ = ["write_granule_metadata"]

_ANGLE_STEP_M = 5000
_ANGLE_NODES = 23
_DETECTORS = (6, 7)  # the two whose ground tracks share the tile, west and east of its middle
_VIEW_ZENITH_DEGREES = 3.4
_VIEW_AZIMUTH_DEGREES = 104.0


def write_granule_metadata(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``MTD_TL.xml``.

    Args:
        folder: The product's folder.
        acquisition: Grid, names, times and angles.
        content: Class counts and masks.
    """
    schema = (
        f"https://psd-{14 if acquisition.baseline < '05.11' else 15}.sentinel2.eo.esa.int"
        "/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd"
    )
    root = Element(
        "n1:Level-2A_Tile_ID",
        {
            "xmlns:n1": schema,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": schema,
        },
    )
    _add_general_info(root, acquisition)
    geometry = add_element(root, "n1:Geometric_Info")
    _add_geocoding(geometry, acquisition)
    _add_angles(geometry, acquisition)
    _add_quality(root, acquisition, content)
    write_xml(folder / "GRANULE" / acquisition.granule / "MTD_TL.xml", root, comment=content.notice)


def _add_general_info(root: Element, acquisition: Acquisition) -> None:
    info = add_element(root, "n1:General_Info")
    l1c = re.sub("MSI_L2A_TL", "MSI_L1C_TL", acquisition.granule_id)
    add_element(info, "L1C_TILE_ID", l1c, metadataLevel="Brief")
    add_element(info, "TILE_ID", acquisition.granule_id, metadataLevel="Brief")
    add_element(info, "DATASTRIP_ID", acquisition.datastrip_id, metadataLevel="Standard")
    add_element(info, "DOWNLINK_PRIORITY", "NOMINAL", metadataLevel="Standard")
    overhead = acquisition.granule_start + timedelta(seconds=90)
    add_element(info, "SENSING_TIME", overhead.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), metadataLevel="Standard")
    archiving = add_element(info, "Archiving_Info", metadataLevel="Expertise")
    add_element(archiving, "ARCHIVING_CENTRE", acquisition.centre_code)
    archived = acquisition.generation + timedelta(minutes=33)
    add_element(archiving, "ARCHIVING_TIME", archived.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _add_geocoding(geometry: Element, acquisition: Acquisition) -> None:
    square = acquisition.square
    info = add_element(geometry, "Tile_Geocoding", metadataLevel="Brief")
    zone = f"{square.zone:02d}{'N' if square.north else 'S'}"
    add_element(info, "HORIZONTAL_CS_NAME", f"WGS84 / UTM zone {zone}")
    add_element(info, "HORIZONTAL_CS_CODE", square.crs)
    for resolution_m in (10, 20, 60):
        size = add_element(info, "Size", resolution=resolution_m)
        for tag in ("NROWS", "NCOLS"):
            add_element(size, tag, acquisition.size * 10 // resolution_m)
    left, top = square.corner
    for resolution_m in (10, 20, 60):
        position = add_element(info, "Geoposition", resolution=resolution_m)
        for tag, value in (("ULX", left), ("ULY", top), ("XDIM", resolution_m), ("YDIM", -resolution_m)):
            add_element(position, tag, value)


def _add_angles(geometry: Element, acquisition: Acquisition) -> None:
    angles = add_element(geometry, "Tile_Angles", metadataLevel="Standard")
    zenith, azimuth = acquisition.sun_zenith, acquisition.sun_azimuth
    middle = (_ANGLE_NODES - 1) / 2
    sun = add_element(angles, "Sun_Angles_Grid")
    # The sun moves by about half a degree across a tile.
    _add_grid(sun, "Zenith", lambda row, col: zenith + 0.045 * (row - middle) - 0.003 * (col - middle))
    _add_grid(sun, "Azimuth", lambda row, col: azimuth + 0.02 * (row - middle) + 0.06 * (col - middle))
    mean = add_element(angles, "Mean_Sun_Angle")
    add_element(mean, "ZENITH_ANGLE", f"{zenith:.12f}", unit="deg")
    add_element(mean, "AZIMUTH_ANGLE", f"{azimuth:.12f}", unit="deg")
    for band in BANDS.values():
        for detector in _DETECTORS:
            _add_view_grid(angles, band.band_id, detector)
    means = add_element(angles, "Mean_Viewing_Incidence_Angle_List")
    for band in BANDS.values():
        mean = add_element(means, "Mean_Viewing_Incidence_Angle", bandId=band.band_id)
        add_element(mean, "ZENITH_ANGLE", f"{_VIEW_ZENITH_DEGREES + 0.02 * band.band_id:.12f}", unit="deg")
        add_element(mean, "AZIMUTH_ANGLE", f"{_VIEW_AZIMUTH_DEGREES + 0.3 * band.band_id:.12f}", unit="deg")


def _add_view_grid(angles: Element, band_id: int, detector: int) -> None:
    """One detector's view, NaN where another one looks."""
    middle = (_ANGLE_NODES - 1) / 2
    east = detector == _DETECTORS[1]
    grid = add_element(angles, "Viewing_Incidence_Angles_Grids", bandId=band_id, detectorId=detector)

    def seen(col: int, value: float) -> float:
        return value if (col > middle) == east else math.nan

    def zenith(_row: int, col: int) -> float:
        return seen(col, _VIEW_ZENITH_DEGREES + 0.02 * band_id + 0.26 * (middle - col) * 0.5)

    def azimuth(row: int, col: int) -> float:
        return seen(col, _VIEW_AZIMUTH_DEGREES + 0.3 * band_id + (4.0 if east else -4.0) + 0.05 * (row - middle))

    _add_grid(grid, "Zenith", zenith)
    _add_grid(grid, "Azimuth", azimuth)


def _add_grid(parent: Element, name: str, value: Callable[[int, int], float]) -> None:
    grid = add_element(parent, name)
    add_element(grid, "COL_STEP", _ANGLE_STEP_M, unit="m")
    add_element(grid, "ROW_STEP", _ANGLE_STEP_M, unit="m")
    rows = add_element(grid, "Values_List")
    for row in range(_ANGLE_NODES):
        words = (value(row, col) for col in range(_ANGLE_NODES))
        add_element(rows, "VALUES", " ".join("NaN" if math.isnan(word) else f"{word:.6g}" for word in words))


def _add_quality(root: Element, acquisition: Acquisition, content: ProductContent) -> None:
    info = add_element(root, "n1:Quality_Indicators_Info", metadataLevel="Standard")
    quality = add_element(info, "Image_Content_QI")
    add_element(quality, "CLOUDY_PIXEL_PERCENTAGE", f"{content.cloud_percent:.6f}")
    if acquisition.has_offset:
        add_element(quality, "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", f"{content.cloud_over_land_percent:.6f}")
    add_element(quality, "DEGRADED_MSI_DATA_PERCENTAGE", 0)
    add_content_quality(quality, acquisition, content)
    masks = add_element(info, "Pixel_Level_QI", geometry="FULL_RESOLUTION")
    for kind, path in content.cloud_masks:
        add_element(masks, "MASK_FILENAME", path, type=kind)
    add_element(info, "PVI_FILENAME", f"{content.preview}.jp2")
