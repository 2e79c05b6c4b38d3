"""Products of ESA: real metadata of 20 of them, genuine and re-arranged folders, zips; and what must be refused."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.products.small_products import (
    GRANULE,
    NAME,
    STEM,
    dark_water,
    product_xml,
    write_product,
    write_raster,
)
from tiles.bands import BANDS, L2A_STACK
from tiles.errors import BandError, GridError, RasterReadError, SceneError, UnsafeArchiveError
from tiles.products.headers import check_jp2_is_whole
from tiles.products.name import parse_product_name, parse_tile_id
from tiles.products.open import open_scene
from tiles.products.safe_xml import (
    GranuleMetadata,
    ProductMetadata,
    parse_granule_metadata,
    parse_product_metadata,
)

META = Path(__file__).resolve().parents[4] / "shared" / "data" / "metadata" / "data-files"
PRODUCTS = sorted(p for p in META.rglob("*.xml") if p.name.lower().startswith(("mtd_msi", "product_metadata")))
GRANULES = sorted(p for p in META.rglob("*.xml") if p.name in {"MTD_TL.xml", "metadata.xml"})


def name_of(path: Path) -> str:
    return str(path.relative_to(META))


def test_the_real_metadata_is_all_there(shared: Path) -> None:
    assert (shared / "metadata").is_dir()
    assert (len(PRODUCTS), len(GRANULES)) == (14, 24)


@pytest.mark.parametrize("path", PRODUCTS, ids=name_of)
def test_real_product_metadata(path: Path) -> None:
    found = parse_product_metadata(path.read_bytes(), where=str(path))
    named = parse_product_name(found.product_uri)
    assert named is not None
    assert (found.level, found.baseline, found.platform) == (named.level, named.baseline, named.platform)
    assert found.acquired is not None
    assert found.acquired.replace(microsecond=0) == named.acquired
    assert found.quantification == 10000
    assert (found.nodata, found.saturated, len(found.granules)) == (0, 65535, 1)
    assert named.tile is not None
    assert named.tile in found.granules[0]
    # One pair of folders is a test file of its maker: -7000 shows that the value is read, not assumed.
    stated = {-7000.0} if "T34LBQ" in found.product_uri else {-1000.0}
    assert set(found.offsets.values()) == (stated if (found.baseline or "") >= "04.00" else set())
    assert set(found.offsets) in (set(), set(BANDS))
    assert bool(found.doubts) == (stated == {-7000.0})


@pytest.mark.parametrize("path", GRANULES, ids=name_of)
def test_real_granule_metadata(path: Path) -> None:
    found = parse_granule_metadata(path.read_bytes(), where=str(path))
    assert found.tile is not None
    zone, south = int(found.tile[:2]), found.tile[2] < "N"
    assert found.crs == f"EPSG:{32700 if south else 32600}".replace("00", f"{zone:02d}", 1)
    assert found.baseline is not None
    assert found.tile_id.endswith(found.baseline)
    assert found.acquired is not None
    assert found.cloud_percent is not None


@pytest.mark.parametrize("path", sorted(META.rglob("expected_output.json")), ids=name_of)
def test_metadata_agrees_with_the_stac_item_made_from_it(path: Path) -> None:
    expected = json.loads(path.read_text())["properties"]
    found = [parse_product_metadata(p.read_bytes(), where=str(p)) for p in PRODUCTS if path.parent in p.parents]
    granules = [parse_granule_metadata(p.read_bytes(), where=str(p)) for p in GRANULES if path.parent in p.parents]
    both: list[ProductMetadata | GranuleMetadata] = [*found, *granules]
    times = [m.acquired for m in both if m.acquired]
    assert granules
    assert {m.baseline for m in both} == {expected["s2:processing_baseline"]}
    assert {g.crs for g in granules} <= {expected.get("proj:code"), f"EPSG:{expected.get('proj:epsg')}"}
    assert {m.platform for m in both} == {expected["platform"]}
    assert min(abs((t - datetime.fromisoformat(expected["datetime"])).total_seconds()) for t in times) < 0.001
    assert expected["eo:cloud_cover"] in {round(g.cloud_percent or 0, 6) for g in granules}


@pytest.mark.parametrize("folder", sorted(p for p in META.glob("*") if p.is_dir()), ids=name_of)
def test_metadata_without_pixels_is_a_clear_error(folder: Path) -> None:
    with pytest.raises(SceneError, match=r"Fetch the whole product") as caught:
        open_scene(folder)
    assert "\n" not in str(caught.value)
    assert folder.name in str(caught.value)


def test_tile_id_without_a_baseline_or_a_known_name() -> None:
    assert parse_tile_id("S2B_OPER_MSI_L1C_DS_VGS1_20201101T095401_S20201101T074429") is not None
    assert parse_product_name("holiday_photos_2024") is None


def test_real_product_of_old_baseline(shared: Path) -> None:
    scene = open_scene(next(shared.glob("safe/*T01KCV*")))
    assert scene.band_names == tuple(name for name in L2A_STACK if name != "B08")
    assert (scene.level, scene.baseline, scene.grid.crs.to_epsg()) == ("L2A", "02.13", 32701)
    assert set(scene.radiometry.offsets.values()) == {0}
    assert scene.radiometry.source == "MTD_MSIL2A.xml (baseline 02.13: no offset)"
    assert not scene.radiometry.doubts
    assert any("60 m" in note for note in scene.notes)
    assert scene.classification is not None
    assert scene.classification.grid.resolution == (20, 20)
    with pytest.raises(BandError, match=r"B08 is not in .*60 m product has no B08"):
        scene.require_bands()


def test_real_product_flattened_by_a_user(shared: Path) -> None:
    scene = open_scene(next(shared.glob("safe/*flattened")))
    assert not scene.simulated
    assert set(scene.radiometry.offsets.values()) == {-1000}
    assert scene.radiometry.source == "MTD_MSIL2A.xml BOA_ADD_OFFSET"
    assert scene.radiometry.nodata_rule == "any"
    assert scene.id == "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251"
    assert len(scene.bands) == 11
    by_xml = open_scene(next(shared.glob("safe/*flattened")) / "MTD_MSIL2A.xml")
    assert (by_xml.bands, by_xml.radiometry) == (scene.bands, scene.radiometry)


def test_genuine_layout_each_band_at_its_finest(tmp_path: Path) -> None:
    scene = open_scene(write_product(tmp_path))
    pixels = {band.name: band.grid.resolution[0] for band in scene.bands}
    assert pixels == {name: BANDS[name].resolution_m for name in L2A_STACK}
    assert scene.grid.resolution == (10, 10)
    assert not scene.notes
    assert not scene.radiometry.doubts
    assert all(Path(file).is_file() for file in scene.files)
    assert scene.cloud_percent == 12.5


@pytest.mark.parametrize(("resolutions", "finest"), [((20, 60), 20), ((60,), 60)])
def test_product_without_its_finest_bands(tmp_path: Path, resolutions: tuple[int, ...], finest: int) -> None:
    scene = open_scene(write_product(tmp_path, resolutions=resolutions))
    assert scene.grid.resolution == (finest, finest)
    assert any(f"mapped at {finest} m" in note for note in scene.notes)
    assert "B08" not in scene.band_names


def zip_folder(folder: Path, target: Path, *, below: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path(below) / file.relative_to(folder.parent))
    return target


def test_zip_is_read_in_place(tmp_path: Path) -> None:
    folder = write_product(tmp_path)
    plain = open_scene(folder)
    zipped = open_scene(zip_folder(folder, tmp_path / "p.zip", below="some/folder"))
    assert (zipped.grid, zipped.radiometry, zipped.id) == (plain.grid, plain.radiometry, plain.id)
    assert all(band.path.startswith("/vsizip/") for band in zipped.bands)
    assert zipped.files == (str(tmp_path / "p.zip"),)


def test_zip_made_on_a_mac(tmp_path: Path) -> None:
    folder = write_product(tmp_path, resolutions=(60,))
    path = zip_folder(folder, tmp_path / "p.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.writestr(
                str(Path("__MACOSX") / file.relative_to(tmp_path).with_name(f"._{file.name}")), b"\x00\x05"
            )
    assert len(open_scene(path).bands) == 11


def test_metadata_as_sen2cor_wrote_it_before_2_8() -> None:
    xml = product_xml(baseline="02.07").replace("BOA_QUANT", "L2A_BOA_QUANT").replace("PRODUCT_URI", "PRODUCT_URI_2A")
    found = parse_product_metadata(xml.encode(), where="x")
    assert (found.quantification, found.product_uri, found.offsets) == (10000, NAME, {})


def test_a_product_may_hold_reflectance_in_steps_of_one() -> None:
    assert parse_product_metadata(product_xml(quantification=1).encode(), where="x").quantification == 1


@given(st.permutations(range(13)))
def test_offsets_belong_to_their_band_id_which_counts_b10(order: list[int]) -> None:
    offsets = {name: -100.0 * number for name, number in zip(BANDS, order, strict=True)}
    found = parse_product_metadata(product_xml(offsets=offsets).encode(), where="x")
    assert found.offsets == offsets


def test_offset_that_differs_by_band_reaches_the_scene(tmp_path: Path) -> None:
    offsets = {name: -1000.0 - BANDS[name].band_id for name in BANDS}
    scene = open_scene(write_product(tmp_path, xml=product_xml(offsets=offsets, quantification=12000)))
    assert scene.radiometry.offsets == {name: offsets[name] for name in L2A_STACK}
    assert scene.radiometry.quantification == 12000
    assert any("ESA's products have -1000" in doubt for doubt in scene.radiometry.doubts)


def test_pixels_that_disagree_with_the_xml_are_recorded_and_not_believed(tmp_path: Path) -> None:
    scene = open_scene(write_product(tmp_path, xml=product_xml(baseline="02.14")))  # its pixels have the offset
    assert set(scene.radiometry.offsets.values()) == {0}
    assert len(scene.radiometry.doubts) == 1
    assert "offset of 1000 is still in" in scene.radiometry.doubts[0]


def test_late_baseline_without_an_offset_element_is_doubted() -> None:
    found = parse_product_metadata(product_xml(baseline="05.11").encode(), where="x")
    assert any("05.11 should have BOA_ADD_OFFSET" in doubt for doubt in found.doubts)


def test_granule_xml_alone_gives_the_offset_by_its_baseline(tmp_path: Path, shared: Path) -> None:
    source = next(shared.glob("metadata/data-files/*T34VEL"))
    folder = Path(shutil.copytree(source, tmp_path / "T34VEL"))
    for band in L2A_STACK:
        write_raster(folder / "R60m" / f"{band}.jp2", dark_water((1, 24, 24)), pixel=60)
    scene = open_scene(folder)
    assert (scene.baseline, set(scene.radiometry.offsets.values())) == ("05.10", {-1000})
    assert "no product XML" in scene.radiometry.source


def test_l1c_opens_as_l1c(tmp_path: Path) -> None:
    folder = tmp_path / "S2A_MSIL1C_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE"
    for name, band in BANDS.items():
        edge = 1440 // band.resolution_m
        path = folder / "GRANULE" / "L1C_T33TVM" / "IMG_DATA" / f"{STEM}_{name}.jp2"
        write_raster(path, dark_water((1, edge, edge)), pixel=band.resolution_m)
    (folder / "MTD_MSIL1C.xml").write_text(product_xml(level="1C", offsets=dict.fromkeys(BANDS, -1000.0)))
    scene = open_scene(folder)
    assert (scene.level, scene.band_names) == ("L1C", tuple(BANDS))
    assert scene.radiometry.source == "MTD_MSIL1C.xml RADIO_ADD_OFFSET"


# Refusals: one line each, that names the file and says what to do.


def refuses(source: Path, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        open_scene(source)
    assert "\n" not in str(caught.value)


def test_refuses_two_granules(tmp_path: Path) -> None:
    root = write_product(tmp_path, resolutions=(60,))
    shutil.copytree(root / "GRANULE" / GRANULE, root / "GRANULE" / "L2A_T33TWM_A048639_20241014T101725")
    refuses(root, SceneError, r"one granule, found 2 .*T33TVM.*T33TWM")


def test_refuses_two_products(tmp_path: Path) -> None:
    root = write_product(tmp_path, resolutions=(60,))
    shutil.copytree(root, tmp_path / "other.SAFE")
    refuses(tmp_path, SceneError, r"one product, found 2")


@pytest.mark.parametrize("entry", ["../evil.xml", "a/../../evil.xml", "/etc/evil", "C:\\evil", "..\\evil"])
def test_refuses_a_zip_that_reaches_outside_itself(tmp_path: Path, entry: str) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(entry), "x")
    refuses(tmp_path / "p.zip", UnsafeArchiveError, "evil")


def test_refuses_a_zip_with_a_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("p.SAFE/MTD_MSIL2A.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refuses(tmp_path / "p.zip", UnsafeArchiveError, "link")


def test_refuses_empty_broken_and_foreign_zips(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    refuses(tmp_path / "empty.zip", SceneError, "no file")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and then nothing")
    refuses(tmp_path / "broken.zip", SceneError, "Expected a zip")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("letter.txt", "dear analyst")
    refuses(tmp_path / "foreign.zip", SceneError, "no MTD_MSIL2A.xml")


EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("declaration", [EXTERNAL, BOMB, '<!DOCTYPE x SYSTEM "http://example.org/x.dtd">'])
def test_refuses_entities_and_document_types(tmp_path: Path, declaration: str) -> None:
    xml = product_xml().replace('encoding="UTF-8"?>', f'encoding="UTF-8"?>{declaration}')
    refuses(write_product(tmp_path, resolutions=(60,), xml=xml), UnsafeArchiveError, "MTD_MSIL2A.xml")


@pytest.mark.parametrize(
    ("xml", "match"),
    [
        ("not xml at all", "Expected XML"),
        ("<html/>", "found <html>"),
        (product_xml(quantification=0), "positive BOA_QUANTIFICATION_VALUE"),
        (product_xml(offsets={"B02": -1000}).replace('band_id="1"', 'band_id="13"'), 'band_id="13"'),
    ],
)
def test_refuses_metadata_that_is_none(tmp_path: Path, xml: str, match: str) -> None:
    refuses(write_product(tmp_path, resolutions=(60,), xml=xml), SceneError, match)


@pytest.mark.parametrize("keep", [0.5, 0.97])
def test_refuses_a_truncated_jp2_at_once(tmp_path: Path, keep: float) -> None:
    root = write_product(tmp_path)
    band = next(root.rglob("*_B03_10m.jp2"))
    content = band.read_bytes()
    band.write_bytes(content[: int(len(content) * keep)])
    refuses(root, RasterReadError, r"B03_10m\.jp2 is truncated")


def test_real_jp2_files_are_whole(shared: Path) -> None:
    paths = sorted(shared.glob("safe/**/*.jp2"))
    assert len(paths) > 30
    for path in paths:
        check_jp2_is_whole(str(path))


def test_refuses_a_band_without_crs_and_bands_of_two_places(tmp_path: Path) -> None:
    root = write_product(tmp_path, resolutions=(60,))
    band = next(root.rglob("*_B03_60m.jp2"))
    write_raster(band, dark_water((1, 24, 24)), pixel=60, crs="EPSG:32634")
    refuses(root, SceneError, r"one CRS .*EPSG:3263\d")
    write_raster(band, dark_water((1, 30, 24)), pixel=60)
    refuses(root, SceneError, "same ground")
    band.unlink()
    path = write_raster(band.with_suffix(".tif"), dark_water((1, 24, 24)), pixel=60, crs=None)
    refuses(root, GridError, rf"Unreadable CRS.*{path.name}")
    assert NAME in str(root)
