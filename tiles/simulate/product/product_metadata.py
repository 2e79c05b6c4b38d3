"""The product metadata ``MTD_MSIL2A.xml`` of a simulated scene.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Level-2A user product metadata"; the order
and spelling of the elements follow real products of the baselines 02.13, 04.00, 05.09 and 05.11.
"""

from __future__ import annotations

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
    format_footprint,
    format_time,
)
from tiles.simulate.product.safe_spectral_writer import add_spectral_information
from tiles.simulate.product.xml_writer import add_element, write_xml

__all__ = ["write_product_metadata"]

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
