"""When a stack or an item was sensed: the user first, then what says it for certain, then hints that agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from tests.tiles.products.small_products import dark_water, write_item, write_product, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import OptionError, SceneError
from tiles.products.dates import read_item_moment
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene
from tiles.times import parse_moment

PRODUCT = "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251"
TIFF_TAG = "2021:03:04 05:06:07"


def write_stack(path: Path, *, imagery: str | None = None, **tags: str) -> Path:
    write_raster(path, dark_water((12, 40, 40)), descriptions=L2A_STACK)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**tags)
        if imagery:
            dataset.update_tags(ns="IMAGERY", ACQUISITIONDATETIME=imagery)
    return path


def read_date(scene: Scene) -> tuple[str | None, str | None]:
    moment = None if scene.acquired is None else scene.acquired.isoformat().removesuffix("+00:00")
    return moment, scene.date_source


def say(date: str) -> StackOptions:
    return StackOptions.pick({"date": date})


def test_each_source_stands_behind_those_before_it(tmp_path: Path) -> None:
    tags = {"datetime": "2021-03-04T08:00:00Z", "TIFFTAG_DATETIME": TIFF_TAG, "imagery": "2021-03-04 09:00:00"}
    path = write_stack(tmp_path / "coast_20210304.tif", **tags)
    item = write_item(tmp_path / "coast_20210304.json", assets={}, datetime="2021-03-04T10:00:00Z")
    said = say("2020-01-02T03:04:05+01:00")
    assert read_date(open_scene(path, options=said)) == ("2020-01-02T02:04:05", "--date")
    assert read_date(open_scene(path)) == (
        "2021-03-04T10:00:00",
        "datetime of the STAC item coast_20210304.json beside it",
    )
    item.unlink()
    assert read_date(open_scene(path)) == ("2021-03-04T09:00:00", "ACQUISITIONDATETIME of the file")
    path = write_stack(
        tmp_path / "b" / "coast_20210304.tif", datetime="2021-03-04T08:00:00Z", TIFFTAG_DATETIME=TIFF_TAG
    )
    assert read_date(open_scene(path)) == ("2021-03-04T08:00:00", "datetime of the file")
    path = write_stack(tmp_path / "c" / "coast_20210304.tif", TIFFTAG_DATETIME=TIFF_TAG)
    assert read_date(open_scene(path)) == ("2021-03-04T05:06:07", "TIFFTAG_DATETIME of the file")
    path = write_stack(tmp_path / "c" / "coast_20210304T101112.tif", TIFFTAG_DATETIME=TIFF_TAG)
    assert read_date(open_scene(path)) == ("2021-03-04T10:11:12", "name of the file")
    path = write_stack(tmp_path / f"{PRODUCT}.tif", imagery="2021-03-04 09:00:00")
    assert read_date(open_scene(path)) == ("2024-10-14T10:10:21", "name of the product")


def test_a_tag_alone_counts_and_is_doubted(tmp_path: Path) -> None:
    scene = open_scene(write_stack(tmp_path / "coast.tif", TIFFTAG_DATETIME=TIFF_TAG))
    assert read_date(scene) == ("2021-03-04T05:06:07", "TIFFTAG_DATETIME of the file")
    assert "2021-03-04 05:06 UTC" in scene.notes[-1]
    assert "--date corrects it" in scene.notes[-1]
    agreed = open_scene(write_stack(tmp_path / "coast_2021-03-04.tif", TIFFTAG_DATETIME=TIFF_TAG))
    assert agreed.notes == ()


@pytest.mark.parametrize(
    ("name", "tags", "words"),
    [
        ("coast_20200101_20201231.tif", {}, "the name holds several days (2020-01-01, 2020-12-31)"),
        ("coast_20210307.tif", {"TIFFTAG_DATETIME": TIFF_TAG}, "TIFFTAG_DATETIME differ (2021-03-04, 2021-03-07)"),
        (
            f"{PRODUCT}_{PRODUCT.replace('20241014', '20241017')}.tif",
            {},
            "products of several days are named (2024-10-14, 2024-10-17)",
        ),
    ],
)
def test_of_two_days_none_is_guessed(tmp_path: Path, name: str, tags: dict[str, str], words: str) -> None:
    scene = open_scene(write_stack(tmp_path / name, **tags))
    assert read_date(scene) == (None, None)
    assert "taken to be unknown" in scene.notes[-1]
    assert words in scene.notes[-1]


REAL = [
    ("accra.tif", "2024-04-07T10:05:51", "name of the product"),
    ("parana/20230511.tif", "2023-05-11T00:00:00", "name of the file"),
    ("sundarbans_20200127_L2A_12band.tif", "2020-01-27T00:00:00", "name of the file"),
    ("harbours/ship_209075000_2022-08-12.tif", "2022-08-12T00:00:00", "name of the file"),
    ("marida/S2_12-12-20_16PCC_27.tif", None, None),
    ("terramesh/433D_629L_3_1.tif", None, None),
    ("bigearthnet/S2A_MSIL2A_20170617T113321_4_55", "2017-06-17T11:33:21", "name of the product"),
    ("l1c/bordeaux_2", "2017-10-26T11:01:31", "name of the file"),
    ("l1c/mumbai_1", None, None),  # the time in a granule's name is that of processing
]


@pytest.mark.parametrize(("path", "moment", "source"), REAL, ids=[row[0] for row in REAL])
def test_real_stacks(shared: Path, path: str, moment: str | None, source: str | None) -> None:
    options = StackOptions(bands=BANDS_OF_MARIDA) if path.startswith("marida") else None
    assert read_date(open_scene(shared / "scenes" / path, options=options)) == (moment, source)


BANDS_OF_MARIDA = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


def test_a_folder_of_bands_has_the_day_of_its_files(tmp_path: Path) -> None:
    for band in ("B03", "B08"):
        write_raster(tmp_path / "one" / f"T33TVM_20241014T101021_{band}.tif", dark_water((1, 40, 40)))
        write_raster(tmp_path / "20241014" / f"{band}.tif", dark_water((1, 40, 40)))
    write_raster(tmp_path / "two" / "20241014_B03.tif", dark_water((1, 40, 40)))
    write_raster(tmp_path / "two" / "20241015_B08.tif", dark_water((1, 40, 40)))
    assert read_date(open_scene(tmp_path / "one")) == ("2024-10-14T10:10:21", "name of the file")
    assert read_date(open_scene(tmp_path / "20241014")) == ("2024-10-14T00:00:00", "name of the file")
    assert read_date(open_scene(tmp_path / "two")) == (None, None)


def write_stac(folder: Path, **properties: Any) -> Path:  # noqa: ANN401
    write_raster(folder / "B03.tif", dark_water((1, 40, 40)))
    return write_item(folder / "one.json", assets={"B03": {"href": "./B03.tif"}}, **properties)


@pytest.mark.parametrize(
    ("properties", "date"),
    [
        ({}, ("2024-10-14T10:10:21", "datetime of the STAC item")),
        (
            {"datetime": None, "start_datetime": "2024-10-14T10:00:00Z", "end_datetime": "2024-10-14T10:05:00Z"},
            ("2024-10-14T10:00:00", "datetime of the STAC item"),
        ),
        (
            {"datetime": None, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T00:00:00Z"},
            (None, None),
        ),
        ({"datetime": None, "s2:product_uri": PRODUCT}, ("2024-10-14T10:10:21", "name of the product")),
        ({"datetime": None}, (None, None)),
    ],
)
def test_an_item_of_one_date_has_one(tmp_path: Path, properties: dict[str, Any], date: tuple[str | None, ...]) -> None:
    path = write_stac(tmp_path, **properties)
    assert read_date(open_scene(path)) == date
    said = say("2020-01-02")
    assert read_date(open_scene(path, options=said)) == ("2020-01-02T00:00:00", "--date")


def test_a_year_is_no_date() -> None:
    year = {"start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T23:59:59Z"}
    assert read_item_moment(year) is None
    assert read_item_moment({"start_datetime": "2024-01-01T00:00:00Z"}) == parse_moment("2024-01-01")


@pytest.mark.parametrize(
    "document", ["{", "[]", json.dumps({"datetime": "2020-01-01"}), json.dumps({"properties": {}})]
)
def test_json_beside_a_stack_that_is_no_item_says_nothing(tmp_path: Path, document: str) -> None:
    path = write_stack(tmp_path / "coast.tif")
    path.with_suffix(".json").write_text(document)
    assert read_date(open_scene(path)) == (None, None)


def test_a_product_says_its_own_date(tmp_path: Path) -> None:
    product = write_product(tmp_path, resolutions=(60,))
    assert read_date(open_scene(product)) == ("2024-10-14T10:10:21.024000", "metadata of the product")
    with pytest.raises(SceneError, match="--date"):
        open_scene(product, options=StackOptions(date="2020-01-02"))  # type: ignore[arg-type]


@pytest.mark.parametrize("said", ["yesterday", "2024-13-01", "2999-01-01"])
def test_a_date_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(OptionError, match=f"--date .*found {said}"):
        say(said)


def test_the_day_is_no_statement_about_the_offset(tmp_path: Path) -> None:
    bright = np.full((12, 40, 40), 2500, np.uint16)  # nothing dark: the pixels cannot tell
    path = write_raster(tmp_path / "coast_20230304.tif", bright, descriptions=L2A_STACK)
    assert set(open_scene(path).radiometry.offsets.values()) == {0}
