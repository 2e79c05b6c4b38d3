"""Pieces of coastline become whole lines, in order, with the vertices, sources and reasons of their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

import pipeline.mosaic.lines
from pipeline.mosaic.chains import CellChains, Chains, write_chains
from pipeline.mosaic.lines import Coast, Lacking, LineBatch, Piece

DEGREES, ZONE = "OGC:CRS84", "EPSG:32631"
NOTHING = Lacking.join([])


def make_piece(
    folder: Path,
    *chains: list[tuple[float, float]],
    ends: list[tuple[int, int]],
    base: int = 0,
    crs: str = DEGREES,
    **changes: object,
) -> Piece:
    """A piece of some chains; each vertex's slope counts on from 1."""
    xy = np.array([vertex for chain in chains for vertex in chain], dtype=float).reshape(-1, 2)
    count = len(xy)
    values = {
        "xy": xy,
        "slope": np.arange(1, count + 1, dtype=np.float32),
        "error": np.arange(1, count + 1, dtype=np.float32) / 10,
        "source": np.ones(count, np.uint32),
        "observations": np.arange(count, dtype=np.uint16),
        "start": np.concatenate(([0], np.cumsum([len(chain) for chain in chains]))).astype(np.int64),
        "ends": np.array(ends, np.int64).reshape(-1, 2),
        "reasons": np.zeros((len(chains), 2), np.uint8),
    }
    whole = Chains(**(values | changes))
    path = folder / f"chains_{len(list(folder.iterdir()))}.npz"
    write_chains(path, whole)
    return Piece(
        chains=CellChains.from_chains(whole, path=path), base=base, crs=crs, sources=np.array([0, 41, 42], np.int64)
    )


def read_all(pieces: list[Piece], *, crs: str = DEGREES, lacking: Lacking = NOTHING) -> LineBatch:
    (batch,) = Coast(pieces, crs=crs, lacking=lacking).read_batches()
    return batch


def test_pieces_that_share_an_end_are_one_line_with_each_vertex_once(tmp_path: Path) -> None:
    first = make_piece(tmp_path, [(0, 0), (1, 0)], ends=[(10, 11)])
    second = make_piece(tmp_path, [(1, 0), (2, 0), (3, 1)], ends=[(11, 12)])
    batch = read_all([second, first])
    assert batch.xy.tolist() == [[0, 0], [1, 0], [2, 0], [3, 1]]
    np.testing.assert_allclose(batch.error, [0.1, 0.2, 0.2, 0.3])
    assert batch.slope.tolist() == [1, 2, 2, 3]  # the shared vertex is that of the piece that ends there
    assert batch.observations.tolist() == [0, 1, 1, 2]
    assert batch.start.tolist() == [0, 4]
    assert batch.closed.tolist() == [False]
    assert batch.first_line == 1
    assert batch.source.tolist() == [41] * 4


def test_a_base_keeps_the_names_of_lattices_apart(tmp_path: Path) -> None:
    pieces = [
        make_piece(tmp_path, [(0, 0), (1, 0)], ends=[(0, 1)]),
        make_piece(tmp_path, [(1, 0), (2, 0)], ends=[(1, 2)], base=100),
    ]
    coast = Coast(pieces, crs=DEGREES, lacking=NOTHING)
    assert len(coast) == 2
    together = [pieces[0], make_piece(tmp_path, [(1, 0), (2, 0)], ends=[(-99, 2)], base=100)]
    assert len(Coast(together, crs=DEGREES, lacking=NOTHING)) == 1


def test_a_closed_line_ends_at_its_first_vertex_to_the_last_bit(tmp_path: Path) -> None:
    there = make_piece(tmp_path, [(0, 0), (1, 0), (1, 1)], ends=[(1, 2)])
    back = make_piece(tmp_path, [(1, 1), (1e-12, 0)], ends=[(2, 1)])
    batch = read_all([there, back])
    assert batch.closed.tolist() == [True]
    assert batch.xy[-1].tolist() == batch.xy[0].tolist() == [0, 0]
    assert batch.lonlat[-1].tolist() == [0, 0]


def test_coordinates_of_a_zone_come_out_as_they_are_and_in_degrees(tmp_path: Path) -> None:
    xy = [(500_000.0, 5_500_000.0), (501_000.0, 5_500_000.0)]
    batch = read_all([make_piece(tmp_path, xy, ends=[(1, 2)], crs=ZONE)], crs=ZONE)
    assert batch.xy.tolist() == [list(vertex) for vertex in xy]
    lon, lat = Transformer.from_crs(ZONE, DEGREES, always_xy=True).transform(*np.array(xy).T)
    np.testing.assert_allclose(batch.lonlat, np.stack((lon, lat), axis=1), rtol=0, atol=1e-12)
    in_degrees = read_all([make_piece(tmp_path, xy, ends=[(1, 2)], crs=ZONE)])
    np.testing.assert_array_equal(in_degrees.xy, in_degrees.lonlat)


@pytest.mark.parametrize(
    ("lon", "expected"),
    [
        ([179.5, -179.5, -179.0], [179.5, 180.5, 181.0]),
        ([-179.5, 179.5, 179.0], [-179.5, -180.5, -181.0]),
        ([179.5, -179.5, 179.5], [179.5, 180.5, 179.5]),
        ([0.0, 179.0, 20.0], [0.0, 179.0, 20.0]),
    ],
)
def test_longitudes_go_on_over_180_degrees(tmp_path: Path, lon: list[float], expected: list[float]) -> None:
    before = [(-170.0, 1.0), (-169.0, 1.0)]  # a jump from line to line is none
    batch = read_all([make_piece(tmp_path, before, [(x, 0.0) for x in lon], ends=[(1, 2), (3, 4)])])
    assert batch.lonlat[:, 0].tolist() == [-170, -169, *expected]


def test_reasons_are_those_of_the_outer_ends_and_none_where_a_line_closes(tmp_path: Path) -> None:
    reasons = np.array([[1, 2]], np.uint8)
    first = make_piece(tmp_path, [(0, 0), (1, 0)], ends=[(1, 2)], reasons=reasons)
    second = make_piece(tmp_path, [(1, 0), (2, 0)], ends=[(2, 3)], reasons=reasons + 1)
    assert read_all([first, second]).reasons.tolist() == [[1, 3]]
    ring = make_piece(tmp_path, [(0, 0), (1, 0), (0, 0)], ends=[(7, 7)], reasons=reasons)
    assert read_all([ring]).reasons.tolist() == [[0, 0]]


def test_a_seam_gives_a_reason_where_the_piece_knows_none_and_the_worst_of_several(tmp_path: Path) -> None:
    lacking = Lacking.join(
        [
            Lacking(names=np.array([5, 3]), codes=np.array([1, 2], np.uint8)),
            Lacking(names=np.array([5, 9]), codes=np.array([3, 1], np.uint8)),
        ]
    )
    pieces = [
        make_piece(tmp_path, [(0, 0), (1, 0)], ends=[(5, 4)]),
        make_piece(tmp_path, [(0, 1), (1, 1)], ends=[(3, 9)], reasons=np.array([[0, 2]], np.uint8)),
        make_piece(tmp_path, [(0, 2), (1, 2)], ends=[(1, 20)]),
    ]
    assert read_all(pieces, lacking=lacking).reasons.tolist() == [[3, 0], [2, 2], [0, 0]]


def test_unknown_sources_are_those_of_the_vertex_before_or_else_the_next(tmp_path: Path) -> None:
    pieces = [
        make_piece(
            tmp_path,
            [(0, 0), (1, 0), (2, 0), (3, 0)],
            [(0, 1), (1, 1)],
            [(0, 2), (1, 2)],
            ends=[(1, 2), (3, 4), (5, 6)],
            source=np.array([0, 1, 0, 2, 0, 0, 2, 0], np.uint32),
        )
    ]
    assert read_all(pieces).source.tolist() == [41, 41, 41, 42, 0, 0, 42, 42]


def test_lines_come_whole_in_batches_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.mosaic.lines, "_BATCH_VERTICES", 5)
    chains = [[(x, float(row)) for x in range(3)] for row in range(4)]
    piece = make_piece(tmp_path, *chains, ends=[(10 * row, 10 * row + 1) for row in range(4)])
    batches = list(Coast([piece], crs=DEGREES, lacking=NOTHING).read_batches())
    assert [batch.start.tolist() for batch in batches] == [[0, 3], [0, 3, 6], [0, 3]]
    assert [batch.first_line for batch in batches] == [1, 2, 4]
    assert np.concatenate([batch.xy for batch in batches]).tolist() == [list(v) for chain in chains for v in chain]
    assert [batch.slope.tolist() for batch in batches] == [[1, 2, 3], [4, 5, 6, 7, 8, 9], [10, 11, 12]]


def test_a_coast_of_nothing_has_no_line(tmp_path: Path) -> None:
    coast = Coast([make_piece(tmp_path, ends=[])], crs=DEGREES, lacking=NOTHING)
    assert len(coast) == 0
    assert list(coast.read_batches()) == []
