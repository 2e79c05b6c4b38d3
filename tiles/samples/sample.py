"""What a network learns from: a labelled square of some place, and where such squares come from.

Every source, whatever its files look like, gives the same thing: reflectance of the 12 bands with NaN where nothing is
known, the share of water in a pixel, and where that share may be believed. What is drawn depends on the generator
alone, so that a training can be repeated, divided over processes and resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.mask_values import LabelShares

__all__ = ["CountedSource", "Sample", "SampleSource", "list_label_shares", "split_places"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A labelled square.

    Attributes:
        reflectance: float32 (12, row, col) in the order of ``L2A_STACK``, offset removed; NaN where a pixel has no
            data, and all of a band that is absent.
        fraction: float32 (row, col), share of water, 0 to 1; any value where not valid.
        valid: bool (row, col), True where there is data and the label counts.
        place: Where it lies, for splits: two samples that share ground share their place.
        source: Which source gave it.
        resolution_m: Size of a pixel in metres.

    Raises:
        SampleError: Shapes or types disagree.
    """

    reflectance: NDArray[np.float32]
    fraction: NDArray[np.float32]
    valid: NDArray[np.bool_]
    place: str
    source: str
    resolution_m: float = 10.0

    def __post_init__(self) -> None:
        shape = self.reflectance.shape[-2:]
        if self.reflectance.shape != (len(L2A_STACK), *shape) or not self.fraction.shape == self.valid.shape == shape:
            raise SampleError(
                f"Expected reflectance (12, row, col) with fraction and valid (row, col), found "
                f"{self.reflectance.shape}, {self.fraction.shape} and {self.valid.shape} from {self.source}."
            )
        kinds = [str(array.dtype) for array in (self.reflectance, self.fraction, self.valid)]
        if kinds != ["float32", "float32", "bool"]:
            raise SampleError(f"Expected float32, float32 and bool, found {', '.join(kinds)} from {self.source}.")

    @property
    def present(self) -> NDArray[np.bool_]:
        """Bool (12,), True for bands that have a value anywhere."""
        known = np.isfinite(self.reflectance)
        return np.asarray(known.any(axis=(1, 2)))


@runtime_checkable
class SampleSource(Protocol):
    """Where samples come from: SWED, a folder of scenes, the labelled crops, the simulator, a mixture of these.

    Obligations: ``draw`` depends on ``rng`` and ``size`` alone, never on what was drawn before; it never returns a
    sample without a valid pixel; samples of ``draw`` and of ``tiles`` are exactly ``size`` rows and columns, and what
    lies beyond the image is not valid and NaN; ``tiles`` covers each labelled pixel exactly once, the last rows and
    columns too. Instances can be pickled, since loaders run in processes of their own.
    """

    @property
    def name(self) -> str:
        """Short name of the source."""
        ...

    @property
    def places(self) -> tuple[str, ...]:
        """All places that it has samples of, sorted."""
        ...

    def restrict(self, places: frozenset[str]) -> SampleSource:
        """The same source, with these places alone.

        Raises:
            SampleError: None of them is there.
        """
        ...

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random sample, for training."""
        ...

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel once, for measuring."""
        ...


@runtime_checkable
class CountedSource(Protocol):
    """A source that knows what share of its labels each value has."""

    @property
    def label_shares(self) -> tuple[LabelShares, ...]:
        """The shares, one for each kind of masks that it holds."""
        ...


def list_label_shares(source: SampleSource) -> tuple[LabelShares, ...]:
    """What share of its labels a source leaves out, where it knows.

    Args:
        source: Any source.
    """
    return source.label_shares if isinstance(source, CountedSource) else ()


def split_places(places: tuple[str, ...], *, held_out: float, seed: int = 0) -> tuple[frozenset[str], frozenset[str]]:
    """Decide which places are learned from and which are held out.

    Each place is decided by a hash of its own name, so a place that is added later moves no other across the line.

    Args:
        places: Names of the places.
        held_out: Share of them to hold out, 0 to 1.
        seed: Another seed gives another split.

    Returns:
        The places to learn from, and those held out; together all of them, and never one in both.

    Raises:
        SampleError: The share is no share, or one side would be empty although both were asked for.
    """
    if not 0 <= held_out <= 1:
        raise SampleError(f"Expected a held-out share from 0 to 1, found {held_out}.")
    ranked = sorted(set(places), key=lambda place: _compute_rank(place, seed))
    held = frozenset(place for place in ranked if _compute_rank(place, seed) < held_out)
    if 0 < held_out < 1 and len(ranked) > 1:  # few places: chance alone may leave a side empty
        held = held or frozenset(ranked[:1])
        held = held if len(held) < len(ranked) else frozenset(ranked[:-1])
    elif 0 < held_out < 1:
        raise SampleError(
            f"A split by place needs two places or more, found {len(ranked)} ({', '.join(ranked) or 'none'})."
        )
    return frozenset(ranked) - held, held


def _compute_rank(place: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}/{place}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
