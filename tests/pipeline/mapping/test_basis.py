"""What decides a result, its number, and what is said to differ from another's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline.checksums import (
    ANSWERS,
    REMOTE,
    compute_basis,
    compute_checksums,
    compute_listing_sha256,
    compute_source_sha256,
    format_multihash,
)

ONE, TWO = "1" * 64, "2" * 64


def test_answers_are_raised_once_a_round() -> None:
    assert ANSWERS == {"map": 3, "mosaic": 4, "change": 2, "timeseries": 2, "export": 1, "coast": 1}
    assert format_multihash(ONE) == "1220" + ONE


def test_inputs_go_by_the_last_part_of_their_path_and_twins_are_numbered() -> None:
    inputs = {"/a/B02": ONE, "/b/B02": TWO, "/c/B02": ONE, "https://host/B03": REMOTE}
    basis = compute_basis("map", inputs=inputs, choices={"b": 2.0, "a": 0.5, "c": ("x",), "d": Path("y")})
    assert basis.inputs == {"B02": ONE, "B02 (2)": TWO, "B02 (3)": ONE, "https://host/B03": REMOTE}
    assert basis.choices == {"a": 0.5, "b": 2, "c": ["x"], "d": "y"}
    assert type(basis.choices["b"]) is int
    assert basis.to_dict() == {"answers": ANSWERS["map"], "inputs": basis.inputs, "choices": basis.choices}
    assert len(basis.fingerprint) == 64


@pytest.mark.parametrize(("count", "named"), [(200, 200), (201, 1)])
def test_more_than_two_hundred_inputs_are_summed_up(count: int, named: int) -> None:
    inputs = compute_basis("map", inputs={f"{n:03d}": ONE for n in range(count)}, choices={}).to_dict()["inputs"]
    assert len(inputs) == named
    assert ("201 inputs" in inputs) == (named == 1)


LONGEST = "x" * 40


@pytest.mark.parametrize(
    ("recorded", "phrases"),
    [
        ({}, []),
        ({"threshold": 0.25}, ["threshold (0.25, now 0.5)"]),
        ({"aoi": "here"}, ["aoi (here, now none)"]),
        ({"old": None}, ["old (none, now none)"]),
        ({"kept": LONGEST}, [f"kept ({LONGEST}, now none)"]),
        ({"kept": LONGEST + "x"}, ["kept"]),
        ({"zeta": [1], "alpha": True}, ["alpha (true, now none)", "zeta ([1], now none)"]),
    ],
)
def test_differences_are_named_with_both_values(recorded: dict[str, Any], phrases: list[str]) -> None:
    basis = compute_basis("map", inputs={"B02": ONE}, choices={"threshold": 0.5, "aoi": None})
    other = basis.to_dict() | {"choices": {"threshold": 0.5, "aoi": None} | recorded}
    assert basis.describe_differences(other) == phrases


def test_differences_of_inputs_and_answers_are_named() -> None:
    basis = compute_basis("map", inputs={"B02": ONE, "B03": TWO}, choices={})
    assert basis.describe_differences(basis.to_dict() | {"inputs": {"B02": TWO, "B03": TWO}}) == ["the input B02"]
    assert basis.describe_differences({"inputs": {"B04": ONE}, "choices": {}, "answers": 0}) == [
        "the input B02",
        "the input B03",
        "the input B04",
        "a release of Strandline that answered otherwise",
    ]
    for nothing in (None, [], {}, {"inputs": {}, "choices": None}):
        assert basis.describe_differences(nothing) == []


def test_a_source_is_a_file_with_those_that_belong_to_it_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.shp").write_text("one")
    (tmp_path / "a.prj").write_text("two")
    (tmp_path / "b.prj").write_text("three")
    alone = compute_source_sha256(tmp_path / "a.prj")
    assert alone == hashlib.sha256(b"two").hexdigest()
    shape = compute_source_sha256(tmp_path / "a.shp")
    (tmp_path / "b.prj").write_text("four")
    assert compute_source_sha256(tmp_path / "a.shp") == shape
    (tmp_path / "a.prj").write_text("other")
    assert compute_source_sha256(tmp_path / "a.shp") != shape
    assert compute_source_sha256(tmp_path / "nowhere") is compute_source_sha256(tmp_path / "nowhere.shp") is None
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert compute_source_sha256(tmp_path / "deep") is None
    (tmp_path / "deep" / "er" / "file").write_text("one")
    assert compute_source_sha256(tmp_path / "deep") not in {None, hashlib.sha256(b"one").hexdigest()}


def test_a_folder_of_large_data_goes_by_names_sizes_and_times(tmp_path: Path) -> None:
    folder = tmp_path / "tides"
    assert compute_listing_sha256(None) is compute_listing_sha256(folder) is None
    folder.mkdir()
    (folder / "m2.nc").write_text("one")
    os.utime(folder / "m2.nc", ns=(0, 0))
    first = compute_listing_sha256(folder)
    (folder / "m2.nc").write_text("two")
    os.utime(folder / "m2.nc", ns=(0, 0))
    assert compute_listing_sha256(folder) == first  # never read
    os.utime(folder / "m2.nc", ns=(0, 1))
    assert compute_listing_sha256(folder) != first


def test_a_raster_is_hashed_with_the_files_that_it_draws_from(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "b.tif", "w", **profile, transform=Affine(1, 0, 0, 0, -1, 0)) as file:
        file.write(np.ones((1, 2, 2), np.uint8))
    source = '<SourceFilename relativeToVRT="1">{}</SourceFilename><SourceBand>1</SourceBand>'
    for name, of in (("inner", "b.tif"), ("outer", "inner.vrt")):
        (tmp_path / f"{name}.vrt").write_text(
            '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1">'
            f"<SimpleSource>{source.format(of)}</SimpleSource></VRTRasterBand></VRTDataset>"
        )
    (tmp_path / "b.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    sums = compute_checksums([str(tmp_path / "outer.vrt"), "https://host/B03.tif", str(tmp_path / "note.txt")])
    assert list(sums) == sorted(sums)
    assert {Path(name).name for name in sums} == {"outer.vrt", "inner.vrt", "b.tif", "B03.tif", "note.txt"}
    assert sums["https://host/B03.tif"] == sums[str(tmp_path / "note.txt")] == REMOTE
    (tmp_path / "broken.tif").write_text("no raster")
    assert len(compute_checksums([str(tmp_path / "broken.tif")])) == 1
