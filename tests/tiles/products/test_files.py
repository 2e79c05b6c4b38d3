"""The files of a product in a folder or a zip: listed, read in place, and refused where they are unsafe."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tiles.errors import SceneError, UnsafeArchiveError
from tiles.products import files
from tiles.products.files import BandFile, find_band_files, list_product_files, rank_file, select_listed_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p" / "R10m").mkdir(parents=True)
    (tmp_path / "p" / "R10m" / "B02.jp2").write_bytes(b"blue")
    (tmp_path / "p" / "a.xml").write_bytes(b"<a/>")
    return tmp_path / "p"


@pytest.fixture
def archive(folder: Path) -> Path:
    path = folder.parent / "p.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.mkdir("p")
        file.write(folder / "a.xml", "p/a.xml")
        file.write(folder / "R10m" / "B02.jp2", "p/R10m/B02.jp2")
    return path


def test_a_folder_is_listed_and_read_in_place(folder: Path) -> None:
    files = list_product_files(folder)
    assert (files.root, files.names, files.archive) == (folder, ("R10m/B02.jp2", "a.xml"), False)
    assert files.gdal_path("a.xml") == files.local_path("a.xml") == f"{folder}/a.xml"
    assert files.read("R10m/B02.jp2") == b"blue"


def test_a_zip_is_listed_without_its_folders_and_read_in_place(archive: Path) -> None:
    files = list_product_files(archive)
    assert (files.names, files.archive) == (("p/R10m/B02.jp2", "p/a.xml"), True)
    assert files.gdal_path("p/a.xml") == f"/vsizip/{archive.resolve()}/p/a.xml"
    assert files.local_path("p/a.xml") == str(archive)
    assert files.read("p/a.xml") == b"<a/>"


def test_what_is_not_there_is_one_clear_line(folder: Path, archive: Path) -> None:
    for path in (folder, archive):
        with pytest.raises(SceneError, match=r"Could not read b\.xml in .*Fetch the product again"):
            list_product_files(path).read("b.xml")


def test_metadata_in_a_zip_may_have_64_mb_and_not_a_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("fits.xml", bytes(64 << 20))
        file.writestr("large.xml", bytes((64 << 20) + 1))
    files = list_product_files(path)
    assert len(files.read("fits.xml")) == 64 << 20
    with pytest.raises(UnsafeArchiveError, match=r"under 64 MB, found more in .*large\.xml"):
        files.read("large.xml")


@pytest.mark.parametrize(("count", "fits"), [(3, True), (4, False)])
def test_a_folder_of_more_files_than_a_product_has_is_refused(
    count: int, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_FILES", 3)
    names = [f"{number:05d}" for number in range(count)]
    for name in names:
        (tmp_path / name).touch()
    if fits:
        assert list_product_files(tmp_path).names == tuple(names)
    else:
        with pytest.raises(SceneError, match="over 3 files"):
            list_product_files(tmp_path)


def test_linked_folders_are_part_of_a_product_but_no_circle_is_walked(tmp_path: Path) -> None:
    elsewhere, product = tmp_path / "elsewhere", tmp_path / "product"
    (elsewhere / "deep").mkdir(parents=True)
    product.mkdir()
    for file in (elsewhere / "b", elsewhere / "deep" / "c", product / "a"):
        file.touch()
    (product / "link").symlink_to(elsewhere)
    (product / "again").symlink_to(elsewhere / "deep")
    (elsewhere / "deep" / "up").symlink_to(product)  # from the link back to what holds it
    (product / "self").symlink_to(product)
    assert set(list_product_files(product).names) == {"a", "again/c", "link/b", "link/deep/c"}


LISTED = [f"GRANULE/L2A_T/IMG_DATA/R{size}m/T33_2024_{band}_{size}m" for size in (10, 20) for band in ("B03", "B04")]


@pytest.mark.parametrize(
    ("names", "kept", "missing"),
    [
        ([f"{path}.jp2" for path in LISTED] + ["clip/B03.tif", "clip_T33_2024_B04.tif"], LISTED, []),
        ([f"{path}.jp2" for path in LISTED] + ["clip/T33_2024_B03_10m.tif"], LISTED, []),  # of the very same name
        ([f"{path}.tif" for path in LISTED], LISTED, []),  # converted
        ([path.rsplit("/", 1)[1] + ".jp2" for path in LISTED], [path.rsplit("/", 1)[1] for path in LISTED], []),
        ([f"{path}.jp2" for path in LISTED[1:]] + ["B03.tif"], LISTED[1:], ["B03"]),
        (["R10m/B03.jp2", "R10m/B04.jp2", "R20m/B03.jp2", "R20m/B04.jp2"], None, []),  # names of their own
        (["R10m/B03.jp2", "R20m/B03.jp2", "R20m/B04.jp2"], None, ["B04"]),
        (["B03.tif", "B04.tif"], None, []),
    ],
)
def test_a_products_bands_are_those_that_its_list_names(
    names: list[str], kept: list[str] | None, missing: list[str]
) -> None:
    selected = select_listed_files(find_band_files(names), LISTED)
    found = {file.name.rsplit(".", 1)[0] for file in selected.files}
    assert found == {name.rsplit(".", 1)[0] for name in kept or names}
    assert [file.band for file in selected.missing] == missing


def test_a_file_that_does_not_say_how_fine_it_is_stands_behind_those_that_do() -> None:
    names = ["B03.tif", "x/T_B03_20m.jp2", "IMG_DATA/T_B03_20m.jp2"]
    assert min(find_band_files(names), key=rank_file).name == "IMG_DATA/T_B03_20m.jp2"


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_what_is_no_zip_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SceneError, match="Expected a zip"):
        list_product_files(path)


def test_a_zip_without_a_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.mkdir("empty")
    with pytest.raises(SceneError, match="found no file"):
        list_product_files(tmp_path / "x.zip")


@pytest.mark.parametrize("name", ["../a.xml", "p/../../a.xml", "/etc/a.xml", "C:/a.xml", "p\\..\\a.xml"])
def test_a_zip_that_names_files_outside_itself_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("p/good.xml", b"")
        file.writestr(name, b"")
    with pytest.raises(UnsafeArchiveError, match="below the zip's own folder"):
        list_product_files(tmp_path / "x.zip")


@pytest.mark.parametrize(("mode", "safe"), [(0o100644, True), (0o120777, False)])
def test_a_zip_that_holds_a_link_is_refused(mode: int, safe: bool, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("p/a..b.xml")
    entry.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(entry, b"/etc/passwd")
    if safe:
        assert list_product_files(tmp_path / "x.zip").names == ("p/a..b.xml",)
    else:
        with pytest.raises(UnsafeArchiveError, match="found the link"):
            list_product_files(tmp_path / "x.zip")


@pytest.mark.parametrize(
    ("name", "band", "resolution_m"),
    [
        ("GRANULE/L2A/IMG_DATA/R10m/T33TVM_20241014T101021_B02_10m.jp2", "B02", 10),
        ("IMG_DATA/T33TVM_20241014T101021_B11_20m.jp2", "B11", 20),
        ("R60m/B01.jp2", "B01", 60),
        ("r20M/B8a.TIF", "B8A", 20),
        ("R10m/B05_20m.tiff", "B05", 20),
        ("R60m/sub/B01.jp2", "B01", None),
        ("b2.vrt", "B02", None),
        ("x-B8.tif", "B08", None),
        ("x_scl_20m.jp2", "SCL", 20),
    ],
)
def test_bands_are_told_by_name_and_folder(name: str, band: str, resolution_m: int | None) -> None:
    assert find_band_files([name]) == (BandFile(band=band, name=name, resolution_m=resolution_m),)


@pytest.mark.parametrize(
    "name",
    [
        "B02.png", "xB02.jp2", "B02.jp2.aux.xml", "B99.tif", "R10m/TCI_10m.jp2", "._B02.tif", "MSK_B02.jp2",
        "msk_DETFOO_B02.jp2", "QI_DATA/B02.jp2", "p/AUX_DATA/deep/B02.jp2", "__MACOSX/B02.tif", "HTML/B02.tif",
    ],
)  # fmt: skip
def test_masks_previews_and_leftovers_are_no_bands(name: str) -> None:
    assert find_band_files([name]) == ()


def test_bands_keep_the_order_that_they_are_given_in() -> None:
    assert [file.band for file in find_band_files(["B04.tif", "x.txt", "B02.tif", "B03.tif"])] == ["B04", "B02", "B03"]
