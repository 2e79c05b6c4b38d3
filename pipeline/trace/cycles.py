"""Cycles of a permutation, in linear time and compiled code: the rings of a traced scene are such cycles.

Every vertex of a ring has one edge that leaves it and one that enters it, so "the vertex after" is a permutation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from pipeline.trace.traced import Bools, Ints

__all__ = ["Cycles", "find_bodies", "find_cycles", "split_pinched"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycles:
    """Cycles of a permutation, one after the other.

    Attributes:
        order: Vertices, cycle after cycle.
        start: (cycles + 1,) where each begins.
        label: (vertices,) cycle of each vertex.
    """

    order: Ints
    start: Ints
    label: Ints


def find_cycles(after: Ints, is_crossing: Bools) -> Cycles:
    """Cycles of a permutation; one that has a node begins with a node, so that no line is cut by its beginning.

    Args:
        after: (vertices,) the vertex after each; itself where it belongs to no ring.
        is_crossing: (vertices,) True for crossings, False for nodes.
    """
    count = len(after)
    if count == 0:
        return Cycles(order=after, start=np.zeros(1, dtype=np.int64), label=after)
    cycles, label = connected_components(_to_graph(after), connection="strong")
    first = _find_first(label, cycles, is_crossing)
    first.sort()
    before = np.empty_like(after)
    before[after] = np.arange(count, dtype=after.dtype)
    # Open each cycle before its first vertex and tie its end to the next one's first: one walk meets them all.
    chained = after.copy()
    chained[before[first[:-1]]] = first[1:]
    chained[before[first[-1]]] = first[0]
    del before
    order = breadth_first_order(_to_graph(chained), first[0], return_predecessors=False)
    length = np.bincount(label, minlength=cycles)[label[first]]
    number = np.empty(cycles, dtype=after.dtype)
    number[label[first]] = np.arange(cycles)
    return Cycles(order=order, start=np.concatenate(([0], np.cumsum(length))), label=number[label])


def _find_first(label: Ints, cycles: int, is_crossing: Bools) -> Ints:
    """The lowest node of each cycle, or its lowest crossing where it has no node."""
    first = np.empty(cycles, dtype=np.int64)
    numbers = np.arange(len(label), dtype=np.int32 if len(label) < 2**31 else np.int64)[::-1]
    first[label[::-1]] = numbers  # of several, the last one written stays: the lowest
    nodes = numbers[~is_crossing[::-1]]
    first[label[nodes]] = nodes
    return first


def _to_graph(after: Ints) -> csr_array:
    count = len(after)
    # In the types that the searches want, so that they make no copies.
    return csr_array((np.ones(count), after, np.arange(count + 1, dtype=after.dtype)), shape=(count, count))


def split_pinched(after: Ints, pinches: tuple[Ints, Ints], cycles: Cycles) -> tuple[Ints, Ints]:
    """Split rings that touch themselves at a node, in place: an outer ring and a hole that touch are valid, it is not.

    The two visits cannot interleave with those of another node, for the ring would cross itself; so all can be split
    at once.

    Args:
        after: The permutation, changed where a ring is split.
        pinches: Both vertices of nodes at which valid cells touch at a corner alone.
        cycles: The permutation's cycles before.

    Returns:
        Both vertices of the nodes at which a ring was split.
    """
    first, second = pinches
    same = (after[first] != first) & (cycles.label[first] == cycles.label[second])
    first, second = first[same], second[same]
    after[first], after[second] = after[second], after[first]
    return first, second


def find_bodies(joined: tuple[Ints, Ints], kept: Ints, cycles: int) -> Ints:
    """Number of the body that each ring bounds.

    Args:
        joined: Pairs of cycles that bound one body.
        kept: The cycles that are rings.
        cycles: Number of all cycles.

    Returns:
        (kept,) numbers from 0.
    """
    number = np.full(cycles, -1)
    number[kept] = np.arange(len(kept))
    different = joined[0] != joined[1]
    pairs = number[joined[0][different]], number[joined[1][different]]
    graph = coo_array((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=(len(kept), len(kept)))
    body: Ints = connected_components(graph, directed=False)[1]
    return body
