"""The XML of products and granules, understood to the last element."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.tiles.products.small_products import NAME, product_xml
from tiles.errors import SceneError, UnsafeArchiveError
from tiles.products import safe_xml
from tiles.products.safe_xml import ProductMetadata, parse_granule_metadata, parse_product_metadata


def parse(xml: str) -> ProductMetadata:
    return parse_product_metadata(xml.encode(), where="MTD.xml")


def test_a_product_says_what_it_is() -> None:
    product = parse(product_xml(offsets={"B01": -1000.0, "B12": -900.0}))
    assert (product.product_uri, product.level, product.baseline) == (NAME, "L2A", "05.11")
    assert (product.platform, product.quantification, product.cloud_percent) == ("sentinel-2a", 10000, 12.5)
    assert product.acquired == datetime(2024, 10, 14, 10, 10, 21, 24000, tzinfo=UTC)
    assert product.offsets == {"B01": -1000, "B12": -900}
    assert (product.nodata, product.saturated, product.granules) == (0, 65535, ())
    assert product.offset_element == "BOA_ADD_OFFSET"
    assert product.doubts == ("BOA_ADD_OFFSET is -900; ESA's products have -1000.",)


def test_what_a_product_does_not_say_is_usual() -> None:
    bare = ProductMetadata(product_uri="", level="L1C", baseline=None, platform=None, acquired=None, quantification=1.0)
    assert (bare.offsets, bare.nodata, bare.saturated, bare.cloud_percent, bare.granules) == ({}, 0, 65535, None, ())
    assert (bare.offset_element, bare.doubts) == ("RADIO_ADD_OFFSET", ())


@pytest.mark.parametrize(
    ("baseline", "offsets", "doubts"),
    [
        ("05.11", {}, ["Baseline 05.11 should have BOA_ADD_OFFSET, but the XML has none: 0 is used."]),
        ("03.01", {}, []),
        ("05.11", {"B02": -1000.0}, []),
        ("05.11", {"B02": 0.0}, []),
        (
            "05.11",
            {"B02": -1.0, "B03": -999.5, "B04": -1.0},
            ["BOA_ADD_OFFSET is -999.5, -1; ESA's products have -1000."],
        ),
    ],
)
def test_odd_offsets_are_doubted(baseline: str, offsets: dict[str, float], doubts: list[str]) -> None:
    assert list(parse(product_xml(baseline=baseline, offsets=offsets)).doubts) == doubts


def test_special_values_are_read_by_their_names() -> None:
    text, index = "<SPECIAL_VALUE_TEXT>{}</SPECIAL_VALUE_TEXT>", "<SPECIAL_VALUE_INDEX>{}</SPECIAL_VALUE_INDEX>"
    special = f"<Special_Values>{text}{index}</Special_Values>"
    xml = product_xml().replace("</Special_Values>", "</Special_Values>" + special.format("SATURATED", "60000"), 1)
    xml = xml.replace("INDEX>0</", "INDEX>7</").replace("INDEX>60000</", "INDEX> 60000 </")
    product = parse(xml)
    assert (product.nodata, product.saturated) == (7, 60000)


@pytest.mark.parametrize("quantification", [0, -10000])
def test_a_quantification_is_positive(quantification: float) -> None:
    with pytest.raises(
        SceneError, match=f"Expected a positive BOA_QUANTIFICATION_VALUE in MTD.xml, found {quantification}"
    ):
        parse(product_xml(quantification=quantification))
    with pytest.raises(SceneError, match="found none"):
        parse(product_xml().replace("BOA_QUANTIFICATION_VALUE", "OTHER"))


def test_a_product_at_level_1_has_words_of_its_own() -> None:
    product = parse(product_xml(level="1C", offsets={"B10": -1000.0}))
    assert (product.level, product.offsets) == ("L1C", {"B10": -1000})


@pytest.mark.parametrize(
    ("old", "new"), [('band_id="1"', 'band_id="13"'), ('band_id="1"', 'band_id="x"'), (">-1000.0<", ">many<")]
)
def test_an_offset_is_a_number_of_a_band(old: str, new: str) -> None:
    xml = product_xml(offsets={"B02": -1000.0})
    assert old in xml
    with pytest.raises(SceneError, match="with a band_id of 0 to 12 and a number"):
        parse(xml.replace(old, new))


def test_granules_and_older_words_are_found() -> None:
    xml = product_xml().replace("PRODUCT_URI>", "PRODUCT_URI_2A>")
    xml = xml.replace(
        "<Product_Info>", '<Product_Info><Granule granuleIdentifier="a"/><Granule/><Granule granuleIdentifier="b"/>'
    )
    product = parse(xml)
    assert (product.product_uri, product.granules) == (NAME, ("a", "b"))
    silent = parse(xml.replace("PRODUCT_URI_2A>", "X>").replace("SPACECRAFT_NAME", "Y").replace("START_TIME", "Z"))
    assert (silent.product_uri, silent.platform, silent.acquired) == ("", None, None)


def test_metadata_larger_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert safe_xml._LARGEST == 64 * 1024 * 1024
    xml = product_xml()
    monkeypatch.setattr(safe_xml, "_LARGEST", len(xml))
    assert parse(xml).level == "L2A"
    monkeypatch.setattr(safe_xml, "_LARGEST", len(xml) - 1)
    with pytest.raises(UnsafeArchiveError, match="Expected metadata of under 0 MB, found 0"):
        parse(xml)


def test_a_document_of_another_kind_is_refused() -> None:
    for xml in ("<a/>", "<Level-2A_Tile_ID/>"):
        with pytest.raises(SceneError, match="of a Sentinel-2 product"):
            parse(xml)
    with pytest.raises(SceneError, match="Expected XML, found something else"):
        parse("<a")
    with pytest.raises(SceneError, match="of a granule"):
        parse_granule_metadata(b"<a/>", where="MTD_TL.xml")


@pytest.mark.parametrize(("kind", "level"), [("2A", "L2A"), ("1C", "L1C")])
def test_a_granule_says_what_it_is(kind: str, level: str) -> None:
    xml = f"""<n1:Level-{kind}_Tile_ID xmlns:n1="a"><n1:General_Info>
      <TILE_ID>S2A_OPER_MSI_L2A_TL_2APS_20241014T142251_A048639_T33TVM_N05.11</TILE_ID>
      <SENSING_TIME>2024-10-14T10:17:25.000Z</SENSING_TIME>
      <HORIZONTAL_CS_CODE>EPSG:32633</HORIZONTAL_CS_CODE>
      <CLOUDY_PIXEL_PERCENTAGE>3.5</CLOUDY_PIXEL_PERCENTAGE>
    </n1:General_Info></n1:Level-{kind}_Tile_ID>"""
    granule = parse_granule_metadata(xml.encode(), where="MTD_TL.xml")
    assert (granule.level, granule.baseline, granule.platform, granule.tile) == (level, "05.11", "sentinel-2a", "33TVM")
    assert (granule.acquired, granule.crs) == (datetime(2024, 10, 14, 10, 17, 25, tzinfo=UTC), "EPSG:32633")
    bare = parse_granule_metadata(f"<Level-{kind}_Tile_ID/>".encode(), where="MTD_TL.xml")
    assert (bare.tile_id, bare.baseline, bare.tile, bare.acquired, bare.crs, bare.cloud_percent) == (
        "",
        None,
        None,
        None,
        None,
        None,
    )
