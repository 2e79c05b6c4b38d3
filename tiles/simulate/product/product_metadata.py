"""The product metadata ``MTD_MSIL2A.xml`` of a simulated scene.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Level-2A user product metadata"; the order
and spelling of the elements follow real products of the baselines 02.13, 04.00, 05.09 and 05.11.
"""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element

from tiles.bands import BANDS
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.content import (
    CLASS_NAMES,
    OFFSET,
    QUANTIFICATION,
    ProductContent,
    add_content_quality,
    add_element,
    format_footprint,
    format_time,
    write_xml,
)
from tiles.simulate.product.sun import compute_sun_distance_factor

__all__ = ["add_spectral_information", "compute_spectral_response", "write_product_metadata"]

_QUALITY_CHECKS = (
    "FORMAT_CORRECTNESS",
    "GENERAL_QUALITY",
    "GEOMETRIC_QUALITY",
    "RADIOMETRIC_QUALITY",
    "SENSOR_QUALITY",
)


def write_product_metadata(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``MTD_MSIL2A.xml``.

    Args:
        folder: The product's folder.
        acquisition: Names, times and place.
        content: What was written into it.
    """
    schema = (
        f"https://psd-{14 if acquisition.baseline < '05.11' else 15}.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd"
    )
    root = Element(
        "n1:Level-2A_User_Product",
        {
            "xmlns:n1": schema,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": schema,
        },
    )
    general = add_element(root, "n1:General_Info")
    _add_product_info(general, acquisition, content)
    _add_image_characteristics(general, acquisition)
    _add_geometric_info(root, content)
    _add_auxiliary_info(root)
    _add_quality_info(root, acquisition, content)
    write_xml(folder / "MTD_MSIL2A.xml", root, comment=content.notice)


def _add_product_info(general: Element, acquisition: Acquisition, content: ProductContent) -> None:
    info = add_element(general, "Product_Info")
    for tag in ("PRODUCT_START_TIME", "PRODUCT_STOP_TIME"):
        add_element(info, tag, format_time(acquisition.sensing))
    add_element(info, "PRODUCT_URI", acquisition.product)
    add_element(info, "PROCESSING_LEVEL", "Level-2A")
    add_element(info, "PRODUCT_TYPE", "S2MSI2A")
    add_element(info, "PROCESSING_BASELINE", acquisition.baseline)
    if acquisition.has_offset:
        add_element(info, "PRODUCT_DOI", "https://doi.org/10.5270/S2_-znk9xsj")
    add_element(info, "GENERATION_TIME", acquisition.generation.strftime("%Y-%m-%dT%H:%M:%S.000000Z"))
    add_element(info, "PREVIEW_IMAGE_URL", "Not applicable")
    add_element(info, "PREVIEW_GEO_INFO", "Not applicable")
    datatake = add_element(info, "Datatake", datatakeIdentifier=acquisition.datatake_id)
    add_element(datatake, "SPACECRAFT_NAME", f"Sentinel-{acquisition.spacecraft[1:]}")
    add_element(datatake, "DATATAKE_TYPE", "INS-NOBS")
    add_element(datatake, "DATATAKE_SENSING_START", format_time(acquisition.sensing))
    add_element(datatake, "SENSING_ORBIT_NUMBER", acquisition.relative_orbit)
    add_element(datatake, "SENSING_ORBIT_DIRECTION", "DESCENDING")
    query = add_element(info, "Query_Options", completeSingleTile="true")
    add_element(query, "PRODUCT_FORMAT", "SAFE_COMPACT")
    granules = add_element(add_element(info, "Product_Organisation"), "Granule_List")
    granule = add_element(
        granules,
        "Granule",
        datastripIdentifier=acquisition.datastrip_id,
        granuleIdentifier=acquisition.granule_id,
        imageFormat="JPEG2000",
    )
    for path in content.images:
        add_element(granule, "IMAGE_FILE", path)


def _add_image_characteristics(general: Element, acquisition: Acquisition) -> None:
    info = add_element(general, "Product_Image_Characteristics")
    for text, index in (("NODATA", 0), ("SATURATED", 65535)):
        special = add_element(info, "Special_Values")
        add_element(special, "SPECIAL_VALUE_TEXT", text)
        add_element(special, "SPECIAL_VALUE_INDEX", index)
    order = add_element(info, "Image_Display_Order")
    for colour, channel in (("RED", 3), ("GREEN", 2), ("BLUE", 1)):
        add_element(order, f"{colour}_CHANNEL", channel)
    values = add_element(info, "QUANTIFICATION_VALUES_LIST")
    add_element(values, "BOA_QUANTIFICATION_VALUE", QUANTIFICATION, unit="none")
    add_element(values, "AOT_QUANTIFICATION_VALUE", "1000.0", unit="none")
    add_element(values, "WVP_QUANTIFICATION_VALUE", "1000.0", unit="cm")
    if acquisition.has_offset:
        offsets = add_element(info, "BOA_ADD_OFFSET_VALUES_LIST")
        for band in BANDS.values():
            add_element(offsets, "BOA_ADD_OFFSET", OFFSET, band_id=band.band_id)
    add_spectral_information(info, acquisition)
    if acquisition.baseline >= "05.00":
        add_element(info, "REFERENCE_BAND", 3)
    classes = add_element(info, "Scene_Classification_List")
    for index, name in enumerate(CLASS_NAMES):
        if index == 2 and acquisition.baseline >= "05.11":
            name = "CAST_SHADOW"  # noqa: PLW2901  (renamed in that baseline)
        entry = add_element(classes, "Scene_Classification_ID")
        add_element(entry, "SCENE_CLASSIFICATION_TEXT", f"SC_{name}")
        add_element(entry, "SCENE_CLASSIFICATION_INDEX", index)


def _add_geometric_info(root: Element, content: ProductContent) -> None:
    info = add_element(root, "n1:Geometric_Info")
    footprint = add_element(info, "Product_Footprint")
    outline = add_element(add_element(footprint, "Product_Footprint"), "Global_Footprint")
    add_element(outline, "EXT_POS_LIST", format_footprint(content.footprint))
    add_element(footprint, "RASTER_CS_TYPE", "POINT")
    add_element(footprint, "PIXEL_ORIGIN", 1)
    system = add_element(info, "Coordinate_Reference_System")
    add_element(system, "GEO_TABLES", "EPSG", version="1")
    add_element(system, "HORIZONTAL_CS_TYPE", "GEOGRAPHIC")


def _add_auxiliary_info(root: Element) -> None:
    """Name the auxiliary files: a simulation uses none, and says so."""
    info = add_element(root, "n1:Auxiliary_Data_Info")
    add_element(add_element(info, "GIPP_List"), "GIPP_FILENAME", "SIMULATED", type="GIP_NONE", version="0000")
    add_element(info, "PRODUCTION_DEM_TYPE", "None")
    add_element(info, "IERS_BULLETIN_FILENAME", "None")
    add_element(info, "GRI_List")
    add_element(info, "ECMWF_DATA_REF", "None")
    add_element(add_element(info, "LUT_List"), "LUT_FILENAME", "None")
    for tag in ("SNOW_CLIMATOLOGY_MAP", "ESACCI_WaterBodies_Map", "ESACCI_LandCover_Map"):
        add_element(info, tag, "None")
    add_element(info, "ESACCI_SnowCondition_Map_Dir", "None")


def _add_quality_info(root: Element, acquisition: Acquisition, content: ProductContent) -> None:
    info = add_element(root, "n1:Quality_Indicators_Info")
    add_element(info, "Cloud_Coverage_Assessment", f"{content.cloud_percent:.6f}")
    technical = add_element(info, "Technical_Quality_Assessment")
    add_element(technical, "DEGRADED_ANC_DATA_PERCENTAGE", "0.0")
    add_element(technical, "DEGRADED_MSI_DATA_PERCENTAGE", 0)
    checks = add_element(info, "Quality_Control_Checks")
    inspections = add_element(checks, "Quality_Inspections")
    names = (
        _QUALITY_CHECKS if not acquisition.has_offset else (*_QUALITY_CHECKS[:3], "L2A_QUALITY", *_QUALITY_CHECKS[3:])
    )
    for name in names:
        add_element(inspections, "quality_check", "PASSED", checkType=name)
    add_element(checks, "Failed_Inspections")
    quality = add_element(info, "Image_Content_QI")
    if acquisition.has_offset:
        add_element(quality, "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", f"{content.cloud_over_land_percent:.6f}")
    add_content_quality(quality, acquisition, content)


# By band_id: band width in nm, solar irradiance in W/m²/µm, physical gain of Sentinel-2A
_BAND_WIDTHS_NM = (21, 66, 36, 31, 15, 15, 20, 106, 21, 20, 31, 91, 175)


_IRRADIANCES = (
    1884.69,
    1959.66,
    1823.24,
    1512.06,
    1424.64,
    1287.61,
    1162.08,
    1041.63,
    955.32,
    812.92,
    367.15,
    245.59,
    85.25,
)


_GAINS = (4.10, 3.76, 4.20, 4.53, 5.22, 4.88, 4.54, 6.17, 5.15, 8.56, 55.02, 35.25, 106.35)


def add_spectral_information(info: Element, acquisition: Acquisition) -> None:
    """Add solar irradiances, spectral responses and physical gains.

    Args:
        info: The ``Product_Image_Characteristics`` element.
        acquisition: Its date decides the distance of the sun.
    """
    conversion = add_element(info, "Reflectance_Conversion")
    add_element(conversion, "U", f"{compute_sun_distance_factor(acquisition.sensing):.15f}")
    irradiances = add_element(conversion, "Solar_Irradiance_List")
    spectra = add_element(info, "Spectral_Information_List")
    for band in BANDS.values():
        add_element(irradiances, "SOLAR_IRRADIANCE", _IRRADIANCES[band.band_id], bandId=band.band_id, unit="W/m²/µm")
        short = band.name.replace("B0", "B")
        entry = add_element(spectra, "Spectral_Information", bandId=band.band_id, physicalBand=short)
        add_element(entry, "RESOLUTION", band.resolution_m)
        low, high, response = compute_spectral_response(band.wavelength_nm, _BAND_WIDTHS_NM[band.band_id])
        wavelength = add_element(entry, "Wavelength")
        add_element(wavelength, "MIN", low, unit="nm")
        add_element(wavelength, "MAX", high, unit="nm")
        add_element(wavelength, "CENTRAL", band.wavelength_nm, unit="nm")
        curve = add_element(entry, "Spectral_Response")
        add_element(curve, "STEP", 1, unit="nm")
        add_element(curve, "VALUES", " ".join(f"{value:.6g}" for value in response))
    for band in BANDS.values():
        add_element(info, "PHYSICAL_GAINS", _GAINS[band.band_id], bandId=band.band_id)


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
