"""Lines of a mosaic are cut where the water beside them becomes another kind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pipeline.mosaic.features import build_frames
from pipeline.mosaic.kinds import cut_by_kind
from pipeline.mosaic.lines import LineBatch
from pipeline.trace.traced import MOUTH
from pipeline.trace.waters import LAKE, OPEN, RIVER, SEA
from tests.pipeline.mosaic.test_features import ISLAND, make_batch, make_context
from tests.pipeline.mosaic.test_features import LAKE as POND

STEP = 0.005  # degrees of latitude, some 556 m


def shore(count: int) -> list[tuple[float, float]]:
    return [(4.0, 50.0 + STEP * number) for number in range(count)]


def cut(batch: LineBatch, areas: list[float], *, own: bool = False) -> tuple[list[str], list[list[int]], LineBatch]:
    """Kinds, vertices of each piece by their latitude, and the batch."""
    steps = np.full(len(batch.lonlat), 556.0)
    lines = cut_by_kind(batch, steps_m=steps, areas_m2=np.array(areas), own_ocean=own)
    start = lines.batch.start
    rows = [np.rint((lines.batch.lonlat[a:b, 1] - 50) / STEP).astype(int).tolist() for a, b in pairwise(start)]
    return lines.kind.tolist(), rows, lines.batch


def test_a_line_goes_on_in_another_piece_at_a_mouth() -> None:
    kind = np.array([SEA, SEA, SEA, RIVER, RIVER, RIVER], np.uint8)
    batch = make_batch(shore(6), kind=kind, reasons=np.array([[1, 3]], np.uint8))
    kinds, rows, after = cut(batch, [0.0])
    assert kinds == ["sea", "river"]
    assert rows == [[0, 1, 2, 3], [3, 4, 5]]
    assert after.reasons.tolist() == [[1, MOUTH], [MOUTH, 3]]
    assert after.closed.tolist() == [False, False]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ([SEA] * 6, "sea"),
        ([0] * 6, "open"),
        ([OPEN] * 6, "open"),
        ([OPEN, RIVER, RIVER, 0, RIVER, RIVER], "river"),
        ([0, LAKE, LAKE, LAKE, 0, OPEN], "lake"),
        ([SEA, SEA, LAKE, SEA, SEA, 0], "sea"),  # a pond behind a thin barrier was looked at
    ],
)
def test_a_line_of_one_kind_is_whole(code: list[int], kind: str) -> None:
    kinds, rows, after = cut(make_batch(shore(6), kind=np.array(code, np.uint8)), [0.0])
    assert (kinds, rows) == ([kind], [list(range(6))])
    assert after.reasons.tolist() == [[0, 0]]


def test_what_no_block_could_tell_is_river_on_a_line_that_has_sea() -> None:
    kind = np.array([SEA, SEA, RIVER, RIVER, OPEN, OPEN, OPEN], np.uint8)
    kinds, rows, _ = cut(make_batch(shore(7), kind=kind), [0.0])
    assert (kinds, rows) == (["sea", "river"], [[0, 1, 2], [2, 3, 4, 5, 6]])


def test_a_line_around_water_is_a_lake_and_an_island_is_what_lies_around_it() -> None:
    for code, area, own, kind in (
        (OPEN, -1e6, False, "lake"),
        (RIVER, -1e6, True, "lake"),
        (SEA, -1e6, False, "lake"),
        (SEA, -1e6, True, "sea"),
        (RIVER, 1e6, False, "river"),
    ):
        line = ISLAND if area > 0 else POND
        kinds, _, after = cut(make_batch(line, kind=np.full(5, code, np.uint8)), [area], own=own)
        assert kinds == [kind]
        assert after.closed.tolist() == [True]


def test_an_island_in_a_mouth_is_cut_and_its_pieces_name_one_line() -> None:
    batch = make_batch(ISLAND, shore(3), kind=np.array([SEA, RIVER, RIVER, SEA, SEA, 0, 0, 0], np.uint8), first_line=7)
    frames = build_frames(batch, make_context())
    lines = frames["coastline"]
    assert lines["line"].tolist() == [7, 7, 8]
    assert sorted(lines["kind"][:2]) == ["river", "sea"]
    assert lines["shape"].tolist() == ["island", "island", "open"]
    assert lines["closed"].tolist() == [False] * 3
    assert lines["start_reason"][:2].tolist() == ["mouth", "mouth"]
    whole = build_frames(make_batch(ISLAND, shore(3)), make_context())["coastline"]
    assert lines["length_m"][:2].sum() == pytest.approx(whole["length_m"][0])
    pieces = frames["sources"]
    assert pieces["line"].tolist() == [7, 7, 8]
    assert pieces["piece"].tolist() == [0, 1, 0]
    assert pieces["kind"][:2].tolist() == lines["kind"][:2].tolist()


def test_kinds_that_are_asked_for_alone_are_kept() -> None:
    kind = np.array([SEA, SEA, SEA, RIVER, RIVER, RIVER, *[LAKE] * 5], np.uint8)
    batch = make_batch(shore(6), POND, kind=kind)
    for only, expected in (
        ({"sea"}, ["sea"]),
        ({"river", "lake"}, ["river", "lake"]),
        (set(), ["sea", "river", "lake"]),
    ):
        frames = build_frames(batch, make_context(only=frozenset(only)))
        assert frames["coastline"]["kind"].tolist() == expected
        assert frames["sources"]["kind"].tolist() == expected
