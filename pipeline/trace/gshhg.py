"""Read the land of GSHHG, as GMT and Debian's gmt-gshhg-full keep it: shorelines cut into bins of a degree.

Source: Wessel and Smith (1996), doi:10.1029/96JB00104; the file's layout after GMT's ``gmt_shore.c``: a bin's corners
say whether they are land, and the pieces of shoreline within it are of even or odd number between any two places.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.traced import Floats, Ints
from tiles.errors import GridError

__all__ = ["GSHHG_FILE", "find_gshhg", "read_gshhg_land"]

GSHHG_FILE: Final = Path("/usr/share/gmt-gshhg/binned_GSHHS_f.nc")
"""Where Debian's package has it."""

_SHORE = 1
"""Level of lines between ocean and land; lakes are 2, and so on."""
_SOUTH = -60.0
"""Farther south there are two shorelines, with and without ice, of other levels."""
_STEPS = 65535.0
_CORNER = 1e-7
"""Where ways begin: not on the edge of the bin, along which shores may run."""


def find_gshhg() -> Path:
    """The file of Debian's package.

    Raises:
        GridError: It is not installed.
    """
    if not GSHHG_FILE.is_file():
        raise GridError(
            f"Expected GSHHG at {GSHHG_FILE}, found nothing there. Install it (apt install gmt-gshhg-full), or give "
            "--ocean the path of a binned_GSHHS_f.nc of GMT instead."
        )
    return GSHHG_FILE


def read_gshhg_land(path: Path, window: tuple[float, float, float, float]) -> NDArray[Any]:
    """Read land near a window.

    Args:
        path: A ``binned_GSHHS_?.nc`` of GMT.
        window: Left, bottom, right, top in degrees; left may be below -180 and right above 180.

    Returns:
        (n,) polygons in degrees, cut at the edges of bins, longitudes continuous with the window's.

    Raises:
        GridError: The file is none of GSHHG, or the window reaches south of 60° S.
    """
    from netCDF4 import Dataset  # noqa: PLC0415 (of strandline[ocean]; nothing else needs it)

    left, bottom, right, top = window
    if bottom < _SOUTH:
        raise GridError(f"Expected a place north of 60° S for the ocean of {path}, found {bottom:.1f}°. Use another.")
    try:
        with Dataset(path) as file:
            file.set_auto_mask(False)
            bins = _Bins.read(file)
            parts = [
                bins.build_land(file, row, col)
                for row in range(int((90 - top) / bins.size), int((90 - bottom) / bins.size) + 1)
                for col in range(int(np.floor(left / bins.size)), int(np.floor(right / bins.size)) + 1)
            ]
    except (OSError, LookupError) as error:
        raise GridError(f"{path} is not GSHHG as GMT keeps it (binned_GSHHS_f.nc): {error}.") from error
    return np.concatenate([np.zeros(0, dtype=object), *parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bins:
    """The index of a file.

    Attributes:
        size: Side of a bin in degrees.
        across: Bins around the globe.
        corners: (bins,) levels of the four corners, three bits each: south west, south east, north east, north west.
        first: (bins,) number of the first piece of each.
        count: (bins,) how many pieces.
    """

    size: float
    across: int
    corners: Ints
    first: Ints
    count: Ints

    @classmethod
    def read(cls, file: Any) -> _Bins:  # noqa: ANN401 (netCDF4 has no types)
        """Of an open file."""
        return cls(
            size=float(file["Bin_size_in_minutes"][0]) / 60,
            across=int(file["N_bins_in_360_longitude_range"][0]),
            corners=file["Embedded_node_levels_in_a_bin"][:].astype(np.int64),
            first=file["Id_of_first_segment_in_a_bin"][:].astype(np.int64),
            count=file["N_segments_in_a_bin"][:].astype(np.int64),
        )

    def build_land(self, file: Any, row: int, col: int) -> NDArray[Any]:  # noqa: ANN401
        """Polygons of land within a bin, by its row from the north and its column east of Greenwich."""
        number = row * self.across + col % self.across
        box = shapely.box(0, 0, 1, 1)
        lines = self._read_lines(file, number)
        edges = shapely.union_all(np.array([shapely.boundary(box), *lines], dtype=object))
        faces = shapely.get_parts(shapely.polygonize([edges]))
        corner = bool((self.corners[number] >> 9) & 7)
        inside = shapely.get_coordinates(shapely.point_on_surface(faces))
        # From the corner to a face each crossing of the shore leads from land to sea, or back.
        ways = shapely.linestrings(np.stack((np.full_like(inside, _CORNER), inside), axis=1))
        crossings = shapely.get_num_coordinates(shapely.intersection(ways, shapely.union_all(lines)))
        land = faces[(crossings % 2 == 1) != corner]
        west, south = col * self.size, 90 - (row + 1) * self.size
        return np.asarray(shapely.transform(land, lambda xy: xy * self.size + (west, south)), dtype=object)

    def _read_lines(self, file: Any, number: int) -> NDArray[Any]:  # noqa: ANN401
        """Pieces of shoreline in a bin, which is 0 to 1 wide and high."""
        pieces = slice(self.first[number], self.first[number] + self.count[number])
        if self.count[number] == 0:
            return np.zeros(0, dtype=object)
        info = file["Embedded_npts_levels_exit_entry_for_a_segment"][pieces].astype(np.int64)
        begin = file["Id_of_first_point_in_a_segment"][pieces].astype(np.int64)
        length = info >> 9
        is_shore = np.flatnonzero((((info >> 6) & 7) == _SHORE) & (length > 1))
        lines = [_read_line(file, int(begin[place]), int(length[place])) for place in is_shore]
        return np.array([*lines, None], dtype=object)[:-1]


def _read_line(file: Any, begin: int, length: int) -> shapely.LineString:  # noqa: ANN401
    xy: Floats = np.stack(
        [
            file[f"Relative_{axis}_from_SW_corner_of_bin"][begin : begin + length].astype(np.uint16) / _STEPS
            for axis in ("longitude", "latitude")
        ],
        axis=1,
    )
    return shapely.LineString(xy)
