"""Make whole coastlines of the pieces that cells and seams left behind, a bounded number of vertices at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.mosaic.chains import CellChains, Chains, Linked, link, read_chains
from pipeline.mosaic.lattice import find_transformer
from pipeline.mosaic.waters import BlockWaters
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["Coast", "Lacking", "LineBatch", "Piece"]

_BATCH_VERTICES = 1_000_000
_KEPT_FILES = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Chains of one cell or seam, and how their numbers are to be read.

    Attributes:
        chains: Their ends; the lines are in a file.
        base: Added to the names of their ends, so that lattices do not share names.
        crs: Of the file's coordinates, as text; of a seam ``OGC:CRS84``.
        sources: (local numbers + 1,) number of each set of scenes in the table of all; 0 of what is not known.
        waters: What the waters around the cell are; ``None`` of a seam, or where nobody asked.
    """

    chains: CellChains
    base: int
    crs: str
    sources: NDArray[np.int64]
    waters: BlockWaters | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineBatch:
    """Some whole lines.

    Attributes:
        lonlat: (vertices, 2) longitude and latitude, continuous along each line, beyond 180 degrees where need be.
        xy: (vertices, 2) in the CRS of the output.
        slope: (vertices,) of the probability, per metre.
        error: (vertices,) standard deviation of the probability.
        source: (vertices,) number of a set of scenes in the table of all.
        observations: (vertices,) clear overpasses.
        kind: (vertices,) codes of ``waters.KINDS`` of the water beside each, 0 where it is not known.
        start: (lines + 1,) where each begins, and the end.
        closed: (lines,) True where it comes back.
        reasons: (lines, 2) codes of ``traced.REASONS``.
        first_line: Number of the first of them, from 1.
    """

    lonlat: Floats
    xy: Floats
    slope: NDArray[np.float32]
    error: NDArray[np.float32]
    source: NDArray[np.int64]
    observations: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    start: Ints
    closed: Bools
    reasons: NDArray[np.uint8]
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lacking:
    """Vertices beside which data are missing.

    Attributes:
        names: Their names, with the bases of their lattices.
        codes: What is missing there, codes of ``traced.REASONS``.
    """

    names: NDArray[np.int64]
    codes: NDArray[np.uint8]

    @classmethod
    def join(cls, parts: Sequence[Lacking]) -> Lacking:
        """Those of all parts; none at all where there is no part."""
        return cls(
            names=_join([part.names for part in parts], (0,), np.int64),
            codes=_join([part.codes for part in parts], (0,), np.uint8),
        )


class Coast:
    """All lines, held as the order of their pieces; their vertices are read as they are asked for.

    Args:
        pieces: From all cells and seams.
        crs: Of the output, as text; ``OGC:CRS84`` for longitude and latitude.
        lacking: What the seams know of vertices at which lines may have to end.
    """

    def __init__(self, pieces: Sequence[Piece], *, crs: str, lacking: Lacking) -> None:
        filled = [piece for piece in pieces if len(piece.chains.ends)]
        self._pieces, self._crs = filled, crs
        count = [len(piece.chains.ends) for piece in filled]
        self._owner = np.repeat(np.arange(len(filled)), count)
        self._place = np.arange(sum(count)) - np.repeat(np.cumsum(count) - count, count)
        self._length = _join([piece.chains.length for piece in filled], (0,), np.int64)
        ends = _join([piece.chains.ends + piece.base for piece in filled], (0, 2), np.int64)
        reasons = _join([piece.chains.reasons for piece in filled], (0, 2), np.uint8)
        self._linked: Linked = link(ends)
        self._reasons = _resolve_reasons(self._linked, ends, reasons, lacking)
        self._read = lru_cache(maxsize=_KEPT_FILES)(read_chains)

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._linked.closed)

    def read_batches(self) -> Iterator[LineBatch]:
        """Read the lines in order, whole lines, about a million vertices at a time."""
        linked = self._linked
        if len(self) == 0:
            return
        size = np.add.reduceat(self._length[linked.order], linked.start[:-1])
        batch = np.cumsum(size) // _BATCH_VERTICES
        for first, last in _find_runs(batch):
            yield self._read_lines(first, last)

    def _read_lines(self, first: int, last: int) -> LineBatch:
        linked = self._linked
        order = linked.order[linked.start[first] : linked.start[last]]
        begins = np.zeros(len(order), dtype=bool)
        begins[linked.start[first:last] - linked.start[first]] = True
        parts = [self._read_part(int(number), whole=bool(begin)) for number, begin in zip(order, begins, strict=True)]
        counts = np.concatenate(([0], np.cumsum([len(part.lonlat) for part in parts])))
        start = counts[np.append(linked.start[first:last] - linked.start[first], len(order))]
        lonlat = np.concatenate([part.lonlat for part in parts])
        lonlat[:, 0] = _unwrap(lonlat[:, 0], start)
        xy = lonlat if self._crs == _DEGREES else np.concatenate([part.xy for part in parts])
        closed = linked.closed[first:last]
        # A line that closes in a seam meets its first vertex by another way, and a nanometre away.
        for places in (lonlat, xy):
            places[start[1:][closed] - 1] = places[start[:-1][closed]]
        source = _fill_unknown(np.concatenate([part.source for part in parts]), start)
        return LineBatch(
            lonlat=lonlat,
            xy=xy,
            slope=np.concatenate([part.slope for part in parts]),
            error=np.concatenate([part.error for part in parts]),
            source=source,
            observations=np.concatenate([part.observations for part in parts]),
            kind=np.concatenate([part.kind for part in parts]),
            start=start,
            closed=closed,
            reasons=self._reasons[first:last],
            first_line=first + 1,
        )

    def _read_part(self, number: int, *, whole: bool) -> _Part:
        """One chain, without its first vertex where that is the last one of the chain before."""
        piece = self._pieces[self._owner[number]]
        chains: Chains = self._read(piece.chains.path)
        place = int(self._place[number])
        span = slice(int(chains.start[place]) + (not whole), int(chains.start[place + 1]))
        xy = chains.xy[span]
        lonlat = (
            xy if piece.crs == _DEGREES else np.stack(find_transformer(piece.crs, _DEGREES).transform(*xy.T), axis=1)
        )
        beside = None if piece.waters is None else piece.waters.look(chains.xy[span.start - (not whole) : span.stop])
        return _Part(
            kind=np.zeros(len(xy), np.uint8) if beside is None else beside[int(not whole) :],
            lonlat=lonlat,
            xy=xy,
            slope=chains.slope[span],
            error=chains.error[span],
            source=piece.sources[chains.source[span]],
            observations=chains.observations[span],
        )


_DEGREES = "OGC:CRS84"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    kind: NDArray[np.uint8]
    lonlat: Floats
    xy: Floats
    slope: NDArray[np.float32]
    error: NDArray[np.float32]
    source: NDArray[np.int64]
    observations: NDArray[np.uint16]


def _join(parts: Sequence[NDArray[Any]], empty: tuple[int, ...], dtype: type) -> NDArray[Any]:
    return np.concatenate([*parts, np.zeros(empty, dtype)])


def _resolve_reasons(
    linked: Linked, ends: NDArray[np.int64], piece_reasons: NDArray[np.uint8], lacking: Lacking
) -> NDArray[np.uint8]:
    """(lines, 2) why each line ends: what its own piece says, or, near a meridian, what the seam knows."""
    first, last = linked.order[linked.start[:-1]], linked.order[linked.start[1:] - 1]
    reasons = np.stack((piece_reasons[first, 0], piece_reasons[last, 1]), axis=1)
    names = np.stack((ends[first, 0], ends[last, 1]), axis=1)
    if len(lacking.names):
        order = np.lexsort((lacking.codes, lacking.names))  # of several, the worst comes last
        known, codes = lacking.names[order], lacking.codes[order]
        place = (np.searchsorted(known, names, side="right") - 1).clip(min=0)
        reasons = np.where((reasons == 0) & (known[place] == names), codes[place], reasons)
    reasons[linked.closed] = 0
    return reasons


def _find_runs(values: Ints) -> list[tuple[int, int]]:
    """First and one after the last of each run of equal values."""
    cuts = np.flatnonzero(np.diff(values)) + 1
    edges = [0, *cuts.tolist(), len(values)]
    return list(pairwise(edges))


def _unwrap(lon: Floats, start: Ints) -> Floats:
    """Longitudes that do not jump at 180 degrees along a line; each begins within it."""
    step = np.diff(lon, prepend=lon[:1])
    step[start[:-1]] = 0
    turns = np.cumsum(np.rint(step / 360))
    turns -= np.repeat(turns[start[:-1]], np.diff(start))
    unwrapped: Floats = lon - 360 * turns
    return unwrapped


def _fill_unknown(source: NDArray[np.int64], start: Ints) -> NDArray[np.int64]:
    """Vertices on the edge of a cell, or in a seam, come from where the vertex before comes from, or else the next."""
    position = np.where(source > 0, np.arange(len(source)), -1)
    line_begin = np.repeat(start[:-1], np.diff(start))
    before = np.maximum.accumulate(position)
    after = np.minimum.accumulate(np.where(source > 0, np.arange(len(source)), len(source))[::-1])[::-1]
    line_end = np.repeat(start[1:], np.diff(start))
    chosen = np.where(before >= line_begin, before, np.where(after < line_end, after, -1))
    return np.where(chosen >= 0, source[np.maximum(chosen, 0)], 0)
