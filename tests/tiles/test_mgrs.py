from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.errors import GridError
from tiles.mgrs import MgrsSquare, resolve_utm_zone

squares = st.builds(
    MgrsSquare,
    zone=st.integers(1, 60),
    north=st.booleans(),
    column=st.integers(2, 7),
    row=st.integers(15, 92),
)


def _read(text: str, tag: str) -> str:
    match = re.search(f"<{tag}[^>]*>([^<]*)<", text)
    assert match
    return match[1]


def test_names_and_corners_agree_with_every_real_granule(shared: Path) -> None:
    files = [*shared.rglob("MTD_TL.xml"), *(shared / "metadata").rglob("metadata.xml")]
    checked = 0
    for file in files:
        text = file.read_text()
        if "T34LBQ" in str(file):
            continue  # a copy of T34LBP that somebody renamed inside and out, corner left as it was
        left, top = float(_read(text, "ULX")), float(_read(text, "ULY"))
        square = MgrsSquare.from_corner(crs=_read(text, "HORIZONTAL_CS_CODE"), left=left, top=top)
        assert f"_T{square.tile_id}_" in _read(text, "TILE_ID"), file
        assert square.corner == (left, top), file
        checked += 1
    assert checked >= 15


@given(squares)
def test_the_corner_leads_back_to_the_square(square: MgrsSquare) -> None:
    left, top = square.corner
    assert MgrsSquare.from_corner(crs=square.crs, left=left, top=top) == square


@given(squares)
def test_the_tile_covers_its_square_and_its_corner_suits_60_m(square: MgrsSquare) -> None:
    left, top = square.corner
    equator = 0 if square.north else 10_000_000
    assert left % 60 == 0
    assert (top - equator) % 60 == 0
    assert 0 <= square.column * 100_000 - left < 60
    assert 0 <= top - (square.row + 1) * 100_000 < 60


@given(squares)
def test_a_name_is_a_zone_a_band_and_two_letters_without_i_and_o(square: MgrsSquare) -> None:
    assert re.fullmatch(r"\d\d[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]", square.tile_id)
    assert (square.tile_id[2] >= "N") == square.north


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32600", "EPSG:32661", "EPSG:32800", "utm30", ""])
def test_other_systems_are_refused_in_one_line(crs: str) -> None:
    with pytest.raises(GridError, match="Expected a UTM zone") as caught:
        resolve_utm_zone(crs)
    assert "\n" not in str(caught.value)


def test_a_square_beyond_the_letters_is_refused() -> None:
    with pytest.raises(GridError, match="column 9"):
        MgrsSquare(zone=1, north=True, column=9, row=50)
