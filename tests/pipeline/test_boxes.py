"""A box as a user writes it: read in the right order, refused in one line at its borders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.boxes import parse_box
from tiles.errors import GridError


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("10.2,54.25,10.4,54.5", (10.2, 54.25, 10.4, 54.5)),
        (" -1 , -2, 3 ,4", (-1, -2, 3, 4)),
        ("179,-17,-179,-16", (179, -17, -179, -16)),
        ("-180,-90,180,90", (-180, -90, 180, 90)),
        ("180,0,-180,1", (180, 0, -180, 1)),
    ],
)
def test_a_box_is_west_south_east_north(text: str, box: tuple[float, ...]) -> None:
    assert parse_box(text, GridError) == box


@pytest.mark.parametrize(
    "text",
    [
        "1,2,1,3",
        "1,3,2,3",
        "1,4,2,3",
        "-180.1,0,1,1",
        "180.1,0,1,1",
        "0,0,180.1,1",
        "0,0,-180.1,1",
        "0,-90.1,1,1",
        "0,0,1,90.1",
        "nan,0,1,1",
    ],
)
def test_numbers_that_are_no_box_are_refused(text: str) -> None:
    with pytest.raises(GridError, match="with S < N, longitudes within 180 and latitudes within 90; found"):
        parse_box(text, GridError)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "here"])
def test_a_text_of_other_words_must_be_a_file(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.geojson").touch()
    assert parse_box("a,b.geojson", GridError) is None
    with pytest.raises(GridError, match=r"Expected the area as W,S,E,N in degrees or a vector file, found '"):
        parse_box(text, GridError)
