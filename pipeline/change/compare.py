"""Compare two dates of a coast block by block, in constant memory, and join what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd

from pipeline.change.bodies import compute_changes
from pipeline.change.faces import Faces, read_raster_faces
from pipeline.change.options import ChangeError, ChangeOptions
from pipeline.change.plane import Box, Plane, list_blocks, resolve_extents, resolve_plane
from pipeline.change.polygons import Pieces, compute_pieces, join_pieces
from pipeline.change.shift import Shifts, compute_shifts, join_shifts
from pipeline.change.shore_kinds import read_inland_shore
from pipeline.change.source import DatedCoast
from pipeline.change.tables import build_change_frame, build_shift_frame
from pipeline.change.vector_faces import read_vector_faces
from tiles.progress import Progress, ignore_progress

__all__ = ["Comparison", "Progress", "compare_dates"]


_SPARE_M = 60.0
"""Ground around a block beyond the reach of a shift: the stretch by which a sample at its edge is judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes:
        plane: Of all geometries.
        extents: Where both dates have data.
        gained: Land gained; see ``change_fields``.
        lost: Land lost.
        shift: Pieces of the old shore.
        shifts: The same as numbers.
        samples: Number of samples along the old shore, seen clearly on both dates or not.
        counts_inland: Shores of enclosed waters count, too.
    """

    plane: Plane
    extents: tuple[Box, ...]
    gained: gpd.GeoDataFrame
    lost: gpd.GeoDataFrame
    shift: gpd.GeoDataFrame
    shifts: Shifts
    samples: int
    counts_inland: bool

    @property
    def frames(self) -> dict[str, gpd.GeoDataFrame]:
        """Features by layer name."""
        return {"gained": self.gained, "lost": self.lost, "shift": self.shift}


def compare_dates(
    old: DatedCoast, new: DatedCoast, *, options: ChangeOptions, progress: Progress | None = None
) -> Comparison:
    """Compare two dates block by block, and join what was found.

    Args:
        old: Earlier date.
        new: Later date.
        options: What the user chose.
        progress: Told how far the work is.

    Raises:
        ChangeError: They do not overlap, or no ground was clear on both.
    """
    plane = resolve_plane(old)
    extents = resolve_extents(old, new, plane)
    blocks = list_blocks(extents)
    report = progress or ignore_progress
    gained: list[Pieces] = []
    lost: list[Pieces] = []
    shifts: list[Shifts] = []
    coast, enclosed = 0, 0
    inland = read_inland_shore(old, plane)
    for number, block in enumerate(blocks):
        report("comparing", number / len(blocks))
        wide = block.grow(options.max_shift_m + _SPARE_M)
        faces = _read_both(old, new, wide, plane, options)
        if faces is None:
            continue
        for kept, piece in zip((gained, lost), compute_pieces(*faces, block, plane), strict=True):
            kept.append(piece)
        shift, count = compute_shifts(*faces, block, options, inland)
        shifts.append(shift)
        coast, enclosed = coast + count[0], enclosed + count[1]
    if not shifts:
        raise ChangeError(f"{old.path} and {new.path} show no clear ground in common. Choose less clouded dates.")
    report("joining", 1.0)
    joined = join_shifts(shifts)
    changes = [
        compute_changes(join_pieces(pieces, plane), joined, gained=is_gain, plane=plane, options=options)
        for pieces, is_gain in ((gained, True), (lost, False))
    ]
    # A scene of lakes alone has no other shore to speak of.
    counts_inland = options.inland or not coast
    frames = [build_change_frame(change, plane, old, new) for change in changes]
    return Comparison(
        plane=plane,
        extents=extents,
        gained=frames[0],
        lost=frames[1],
        shift=build_shift_frame(joined, plane, old, new),
        shifts=joined,
        samples=coast + enclosed * counts_inland,
        counts_inland=counts_inland,
    )


def _read_both(
    old: DatedCoast, new: DatedCoast, box: Box, plane: Plane, options: ChangeOptions
) -> tuple[Faces, Faces] | None:
    choices: dict[str, Any] = {
        "plane": plane,
        "margin_px": options.clear_margin_px,
        "line_sigma_m": options.line_sigma_m,
    }
    both = []
    for coast in (old, new):
        read = read_raster_faces if coast.parts else read_vector_faces
        faces = read(coast, box, **choices)
        if faces is None:
            return None
        both.append(faces)
    return both[0], both[1]
