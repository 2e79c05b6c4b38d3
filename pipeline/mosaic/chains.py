"""Pieces of coastline as they come from cells and seams, and how pieces that share an end become lines."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.atomic import open_draft
from pipeline.trace.rings import find_cycles
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["CellChains", "Chains", "Linked", "link", "read_chains", "write_chains"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chains:
    """Chains of vertices, land on the left of travel on a north-up map.

    Attributes:
        xy: (vertices, 2) in the CRS of the lattice; of a seam, longitude and latitude.
        slope: (vertices,) float32, of the probability across the line, per metre.
        error: (vertices,) float32, standard deviation of the probability.
        source: (vertices,) uint32, number of a set of scenes in the table of the cell; 0 where it is not known.
        observations: (vertices,) uint16.
        start: (chains + 1,) where each begins, and the end; a closed one repeats its first vertex.
        ends: (chains, 2) int64, names of the first and last vertex, which the neighbours know too.
        reasons: (chains, 2) uint8, codes into ``traced.REASONS``: why it ends there, if nothing goes on.
    """

    xy: Floats
    slope: NDArray[np.float32]
    error: NDArray[np.float32]
    source: NDArray[np.uint32]
    observations: NDArray[np.uint16]
    start: Ints
    ends: NDArray[np.int64]
    reasons: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellChains:
    """What linking needs of a file of chains: small, however long they are.

    Attributes:
        path: The file.
        ends: As in ``Chains``.
        reasons: As in ``Chains``.
        length: (chains,) vertices of each.
    """

    path: Path
    ends: NDArray[np.int64]
    reasons: NDArray[np.uint8]
    length: Ints

    @classmethod
    def from_chains(cls, chains: Chains, *, path: Path) -> CellChains:
        """Keep the ends alone."""
        return cls(path=path, ends=chains.ends, reasons=chains.reasons, length=np.diff(chains.start))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked:
    """How pieces follow each other.

    Attributes:
        order: (pieces,) numbers of pieces, line after line.
        start: (lines + 1,) where each line begins in ``order``, and the end.
        closed: (lines,) True where the last piece ends where the first begins.
    """

    order: Ints
    start: Ints
    closed: Bools

    def unroll(self) -> tuple[Ints, Bools, Ints]:
        """The vertices of lines whose pieces are single edges.

        Returns:
            (vertices,) number of the edge that each begins, or, at the end of a line, ends; whether it is that end;
            and (lines + 1,) where each line begins.
        """
        piece = np.insert(self.order, self.start[1:], self.order[self.start[1:] - 1])
        start = self.start + np.arange(len(self.start))
        is_last = np.zeros(len(piece), dtype=bool)
        is_last[start[1:] - 1] = True
        return piece, is_last, start


def link(ends: NDArray[np.int64]) -> Linked:
    """Join directed pieces wherever one ends at the vertex at which another begins.

    Args:
        ends: (pieces, 2) names of the first and last vertex of each; no vertex begins two pieces, or ends two.

    Returns:
        The longest lines that there are; their order follows the order of the pieces.
    """
    count = len(ends)
    if count == 0:
        return Linked(order=np.zeros(0, np.int64), start=np.zeros(1, np.int64), closed=np.zeros(0, bool))
    by_start = np.argsort(ends[:, 0], kind="stable")
    place = np.searchsorted(ends[by_start, 0], ends[:, 1]).clip(max=count - 1)
    goes_on = ends[by_start[place], 0] == ends[:, 1]
    after = np.where(goes_on, by_start[place], -1)
    is_first = np.ones(count, dtype=bool)
    is_first[after[goes_on]] = False
    # An open line is closed for a moment, from its last piece to its first, so that all are cycles of a permutation.
    firsts, lasts = np.flatnonzero(is_first), np.flatnonzero(~goes_on)
    head = _find_heads(after, firsts)
    after[lasts] = head[lasts]
    # Cycles begin with what is no crossing: with the first piece of an open line.
    cycles = find_cycles(after.astype(np.int32) if count < 2**31 else after, ~is_first)
    return Linked(order=cycles.order, start=cycles.start, closed=~is_first[cycles.order[cycles.start[:-1]]])


def _find_heads(after: Ints, firsts: Ints) -> Ints:
    """The first piece of the open line that each piece is part of, by doubling steps; undefined in closed lines."""
    count = len(after)
    before = np.arange(count)
    goes_on = after >= 0
    before[after[goes_on]] = np.flatnonzero(goes_on)
    before[firsts] = firsts
    for _ in range(max(1, int(count).bit_length())):
        further = before[before]
        if np.array_equal(further, before):
            break
        before = further
    return before


def write_chains(path: Path, chains: Chains) -> None:
    """Write chains to a file, at one stroke.

    Args:
        path: Ends in ``.npz``.
        chains: What to write.

    Raises:
        OutputError: It cannot be written.
    """
    with open_draft(path) as draft, draft.open("wb") as file:
        np.savez(file, **{field.name: getattr(chains, field.name) for field in fields(chains)})


def read_chains(path: Path) -> Chains:
    """Read what ``write_chains`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        parts: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    return Chains(**parts)
