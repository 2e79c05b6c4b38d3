"""How far the shore has moved: the signed distance from the old line to the new one, along the old line's normals.

Positive is advance (land gained), negative is retreat. The side on which to look follows from the crossing itself: the
first crossing on the seaward or landward side counts where it has land on the same side as the old line.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.change.faces import Faces, Shore
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Box
from pipeline.change.shore_kinds import InlandShore, find_jumps, find_stubs
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["BODY", "MOVED", "NO_SHORE", "STEADY", "Shifts", "compute_shifts", "join_shifts"]

STEADY, MOVED, NO_SHORE, BODY = 0, 1, 2, 3
"""What a sample found: the shore within its uncertainty, the shore beyond it, clear ground and no shore at all, or the
far side of a body that joined the water (or left it): a field, a basin."""

_TANGENT_M = 25.0
"""Half of the length of shore that decides a normal's direction: a pixel's noise must not turn it."""
_CLEARANCE_M = 0.05
"""Overlays snap coordinates, so a place on the edge of clear ground may lie a hair outside."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shifts:
    """Samples along the old shore that both dates saw clearly.

    Attributes:
        xy: (n, 2) places on the old line, in the plane.
        ends: (n, 2, 2) places on the old line half a step before and after each.
        target: (n, 2) places on the new line; NaN where there is none.
        shift_m: (n,) signed distance, NaN where there is no new shore within reach.
        local_m: (n,) mean shift of the stretch around each sample.
        sigma_old_m: (n,) stated standard deviation of the old line.
        sigma_new_m: (n,) that of the new one, NaN where there is none.
        sigma_m: (n,) both together with the registration, mean of the stretch.
        state: (n,) ``STEADY``, ``MOVED``, ``NO_SHORE`` or ``BODY``.
        run: (n,) number of the stretch of moved shore, -1 outside any.
        seaward: (n, 2) unit vectors out to the water.
        inland: (n,) the water is enclosed by land, as far as the old date says.
    """

    xy: Floats
    ends: Floats
    target: Floats
    shift_m: Floats
    local_m: Floats
    sigma_old_m: Floats
    sigma_new_m: Floats
    sigma_m: Floats
    state: NDArray[np.uint8]
    run: Ints
    seaward: Floats
    inland: Bools

    def __len__(self) -> int:
        return len(self.xy)

    def take(self, chosen: Bools | Ints) -> Shifts:
        """The chosen samples."""
        return Shifts(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})


def join_shifts(parts: list[Shifts]) -> Shifts:
    """Put samples of several blocks together, and number their stretches through."""
    columns = {part.name: [getattr(shifts, part.name) for shifts in parts] for part in fields(Shifts)}
    first = 0
    for number, run in enumerate(columns["run"]):
        columns["run"][number] = np.where(run >= 0, run + first, -1)
        first += int(run.max(initial=-1)) + 1
    return Shifts(**{name: np.concatenate(values) for name, values in columns.items()})


def compute_shifts(
    old: Faces, new: Faces, box: Box, options: ChangeOptions, inland: InlandShore
) -> tuple[Shifts, tuple[int, int]]:
    """Measure the shift of a block's shore.

    Args:
        old: The earlier date, of the block and of what lies within reach around it.
        new: The later date.
        box: The block: samples outside of it serve their neighbours alone.
        options: What the user chose.
        inland: Shores of enclosed waters on the earlier date.

    Returns:
        Samples that both dates saw clearly; and how many there are along the old shore in all, clear or not: of the
        coast, and of enclosed waters.
    """
    samples = _place_samples(old.shore, options.spacing_m)
    enclosed = inland.holds(samples.xy)
    clear = shapely.intersection(shapely.union(old.water, old.land), shapely.union(new.water, new.land))
    clear = shapely.buffer(clear, _CLEARANCE_M)
    shapely.prepare(clear)
    seen = np.asarray(shapely.intersects_xy(clear, samples.xy), dtype=bool)
    inside = box.holds(samples.xy)
    shift, sigma_new = _find_new_shore(samples, old, new, options.max_shift_m)
    target = samples.xy + shift[:, None] * samples.seaward
    has_shift = np.isfinite(shift) & seen
    has_shift[has_shift] = shapely.covers(clear, _make_lines(samples.xy[has_shift], target[has_shift]))
    gone = seen & ~np.isfinite(shift)
    gone[gone] = _find_clear_reach(samples.take(gone), new, clear, options.max_shift_m)
    shift[~has_shift] = np.nan
    shifts = _classify_samples(samples, (shift, sigma_new, has_shift, gone, seen), (inside, enclosed), options)
    return shifts, (int((inside & ~enclosed).sum()), int((inside & enclosed).sum()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Samples:
    xy: Floats
    ends: Floats
    seaward: Floats
    sigma: Floats
    line: Ints

    def take(self, chosen: Bools) -> _Samples:
        return _Samples(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})


def _place_samples(shore: Shore, spacing: float) -> _Samples:
    """Points at even steps along all lines, the first half a step from each line's beginning."""
    if len(shore.xy) == 0:
        return _Samples(
            xy=np.zeros((0, 2)), ends=np.zeros((0, 2, 2)), seaward=np.zeros((0, 2)), sigma=np.zeros(0),
            line=np.zeros(0, np.int64),
        )  # fmt: skip
    step = np.hypot(*np.diff(shore.xy, axis=0).T)
    step[shore.start[1:-1] - 1] = spacing  # from one line to the next is no way, but keeps places in order
    along = np.concatenate(([0.0], np.cumsum(step)))
    first, last = along[shore.start[:-1]], along[shore.start[1:] - 1]
    count = np.floor((last - first) / spacing + 0.5).astype(np.int64)
    line = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    at = np.minimum(first[line] + (place + 0.5) * spacing, last[line])
    closed = (shore.xy[shore.start[:-1]] == shore.xy[shore.start[1:] - 1]).all(axis=1)[line]
    start, stop = first[line], last[line]

    def find(where: Floats) -> Floats:
        around = start + np.mod(where - start, np.maximum(stop - start, 1e-9))
        kept = np.where(closed, around, np.clip(where, start, stop))
        return np.stack([np.interp(kept, along, shore.xy[:, axis]) for axis in (0, 1)], axis=1)

    half = np.minimum(_TANGENT_M, (stop - start) / 8)
    ahead = find(at + half) - find(at - half)
    length = np.hypot(*ahead.T)
    ahead = np.divide(ahead, length[:, None], out=np.zeros_like(ahead), where=length[:, None] > 0)
    return _Samples(
        xy=find(at),
        ends=np.stack((find(at - spacing / 2), find(at + spacing / 2)), axis=1),
        seaward=np.stack((ahead[:, 1], -ahead[:, 0]), axis=1),  # land is on the left
        sigma=np.interp(at, along, shore.sigma),
        line=line,
    )


def _find_new_shore(samples: _Samples, old: Faces, new: Faces, reach: float) -> tuple[Floats, Floats]:
    """Signed distance to the new line and its deviation there, NaN where none is found.

    Another shore of the old date in between means that the crossing belongs to that one.
    """
    shift, sigma = np.full(len(samples.xy), np.nan), np.full(len(samples.xy), np.nan)
    number, where, same_side, deviation = _cross(samples, new.shore, reach)
    limits = _find_limits(samples, old.shore, reach)
    for side in (1, -1):
        chosen = (side * where >= 0) & (side * where <= limits[side][number])
        order = np.lexsort((np.abs(where), number))
        order = order[chosen[order]]
        first = order[np.diff(number[order], prepend=-1) != 0]
        first = first[same_side[first]]
        at = number[first]
        nearer = ~(np.abs(shift[at]) <= np.abs(where[first]))
        shift[at[nearer]], sigma[at[nearer]] = where[first][nearer], deviation[first][nearer]
    return shift, sigma


def _cross(samples: _Samples, shore: Shore, reach: float) -> tuple[Ints, Floats, Bools, Floats]:
    """Crossings of the samples' normals with a shore.

    Returns:
        Number of the sample; signed distance from it, seaward positive; True where land lies on the same side as at
        the sample; and the shore's deviation there.
    """
    tail, sigma_tail, head, sigma_head = shore.segments
    if len(tail) == 0 or len(samples.xy) == 0:
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool), np.zeros(0)
    segments = np.asarray(shapely.linestrings(np.stack((tail, head), axis=1)))
    out = reach * samples.seaward
    normals = _make_lines(samples.xy - out, samples.xy + out)
    number, hit = shapely.STRtree(segments).query(normals)
    along, seaward = head[hit] - tail[hit], samples.seaward[number]
    between = tail[hit] - samples.xy[number]
    cross = seaward[:, 0] * along[:, 1] - seaward[:, 1] * along[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        where = (between[:, 0] * along[:, 1] - between[:, 1] * along[:, 0]) / cross
        share = (between[:, 0] * seaward[:, 1] - between[:, 1] * seaward[:, 0]) / cross
    met = (np.abs(where) <= reach) & (share >= 0) & (share <= 1)
    number, hit, where, share = number[met], hit[met], where[met], share[met]
    deviation = sigma_tail[hit] + share * (sigma_head[hit] - sigma_tail[hit])
    return number, where, cross[met] > 0, deviation


def _find_limits(samples: _Samples, old: Shore, reach: float) -> dict[int, Floats]:
    """How far one may look seaward (1) and landward (-1) before an old shore that faces the other way."""
    number, where, same_side, _ = _cross(samples, old, reach)
    limits = {}
    for side in (1, -1):
        limit = np.full(len(samples.xy), reach)
        other = ~same_side & (side * where > 0.5)
        np.minimum.at(limit, number[other], np.abs(where[other]))
        limits[side] = limit
    return limits


def _make_lines(first: Floats, second: Floats) -> NDArray[np.object_]:
    return np.asarray(shapely.linestrings(np.stack((first, second), axis=1)))


def _find_clear_reach(samples: _Samples, new: Faces, clear: shapely.Geometry, reach: float) -> Bools:
    """True where all the way to the end of reach was clear, on the side on which a shore should have been."""
    wet = np.asarray(shapely.intersects_xy(new.water, samples.xy), dtype=bool)
    out = np.where(wet, -reach, reach)[:, None] * samples.seaward
    return np.asarray(shapely.covers(clear, _make_lines(samples.xy, samples.xy + out)), dtype=bool)


def _classify_samples(
    samples: _Samples,
    measured: tuple[Floats, Floats, Bools, Bools, Bools],
    place: tuple[Bools, Bools],
    options: ChangeOptions,
) -> Shifts:
    """Decide what has moved: by the mean of the stretch around each sample, and in stretches of some length."""
    shift, sigma_new, has_shift, gone, seen = measured
    both = np.sqrt(samples.sigma**2 + sigma_new**2 + options.registration_m**2)
    limit = np.maximum(options.spacing_m, options.factor * both)
    jumps = find_jumps(shift, limit=limit, line=samples.line, gone=gone, spacing_m=options.spacing_m)
    calm = has_shift & ~jumps
    local, sigma = (_average(values, calm, samples.line, options) for values in (shift, both))
    moved = calm & (np.abs(local) > options.factor * sigma) & (np.sign(local) == np.sign(shift))
    run = _number_runs(moved, np.sign(local), samples.line, options)
    length = np.bincount(run[run >= 0]).astype(np.float64) * options.spacing_m
    stubs = find_stubs(run, length_m=length, shift_m=local, line=samples.line, known=seen, aspect=options.aspect)
    is_stub = np.zeros(len(run), dtype=np.bool_)
    is_stub[run >= 0] = stubs[run[run >= 0]]
    run[is_stub] = -1
    state = np.select([run >= 0, gone, jumps | is_stub], [MOVED, NO_SHORE, BODY], STEADY).astype(np.uint8)
    inside, enclosed = place
    kept = inside & (has_shift | gone)
    return Shifts(
        xy=samples.xy[kept],
        ends=samples.ends[kept],
        target=(samples.xy + shift[:, None] * samples.seaward)[kept],
        shift_m=shift[kept],
        local_m=local[kept],
        sigma_old_m=samples.sigma[kept],
        sigma_new_m=np.where(has_shift, sigma_new, np.nan)[kept],
        sigma_m=sigma[kept],
        state=state[kept],
        run=run[kept],
        seaward=samples.seaward[kept],
        inland=enclosed[kept],
    )


def _average(values: Floats, known: Bools, line: Ints, options: ChangeOptions) -> Floats:
    """Mean of the known values of the same line within half of ``smooth_m`` on both sides; NaN where unknown."""
    reach = int(options.smooth_m / options.spacing_m / 2)
    total, count = np.zeros(len(values)), np.zeros(len(values))
    number = np.arange(len(values))
    for offset in range(-reach, reach + 1):
        other = number + offset
        there = (other >= 0) & (other < len(values))
        there[there] = (line[other[there]] == line[there]) & known[other[there]]
        total[there] += values[other[there]]
        count += there
    return np.where(known, np.divide(total, count, out=np.zeros_like(total), where=count > 0), np.nan)


def _number_runs(moved: Bools, sign: Floats, line: Ints, options: ChangeOptions) -> Ints:
    """Number of the stretch that each moved sample belongs to; -1 for those of stretches that are too short."""
    run = np.full(len(moved), -1, dtype=np.int64)
    at = np.flatnonzero(moved)
    if len(at) == 0:
        return run
    breaks = (np.diff(at) > 1) | (np.diff(line[at]) != 0) | (np.diff(sign[at]) != 0)
    group = np.concatenate(([0], np.cumsum(breaks)))
    long_enough = np.bincount(group) * options.spacing_m >= options.min_length_m
    new_number = np.cumsum(long_enough) - 1
    run[at] = np.where(long_enough[group], new_number[group], -1)
    return run
