"""How a user wants vectors to be: in which CRS, how smooth, how many features, and as points too."""

from __future__ import annotations

from typing import Annotated, Any

import pyproj
from pydantic import AfterValidator, Field

from pipeline.errors import OptionError
from pipeline.place import plan_placing, resolve_crs
from tiles.grid import Grid
from tiles.options import Options
from tiles.pixel_size import compute_pixel_m

__all__ = ["CrsOption", "VectorOptions"]

_MOST_SMOOTH_PX = 20
"""The work grows with the fourth power."""


def _resolve(crs: str | None) -> str | None:
    return None if crs is None else resolve_crs(crs)


CrsOption = Annotated[str | None, AfterValidator(_resolve)]
"""Code of a CRS, as ``EPSG:3035``; ``None``: that of the map."""


class VectorOptions(Options):
    """Choices about vectors that change their shape, and not what is mapped.

    Attributes:
        crs: CRS of all vectors, as ``EPSG:3035``; ``None``: that of the map.
        smooth_m: Waves of this length lose half their height, shorter ones more; 0: nothing is smoothed.
        dissolve: One feature of many parts for each kind.
        points_every_m: Besides, a layer of points along the lines this far apart; ``None``: there is none.

    Raises:
        OptionError: A choice is out of its range, or the CRS is none.
    """

    crs: CrsOption = None
    smooth_m: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    dissolve: bool = False
    points_every_m: Annotated[float, Field(ge=1, le=1_000_000)] | None = None

    def vector_parameters(self) -> dict[str, Any]:
        """Those that were chosen: what is left as it is stands in no record, as it stood in none before."""
        chosen = self.model_dump(include=set(VectorOptions.model_fields), exclude_defaults=True)
        return {name: chosen[name] for name in VectorOptions.model_fields if name in chosen}

    def require_possible(self, grid: Grid) -> None:
        """Refuse, before any work, a smoothing that would leave nothing of a coast, and a CRS that is for elsewhere.

        Args:
            grid: Of the map.

        Raises:
            OptionError: It is over twenty pixels, or no shift of datum leads to the CRS.
        """
        if self.crs is not None:
            plan_placing(pyproj.CRS.from_user_input(grid.crs), pyproj.CRS(self.crs), grid.bounds)
        pixel_m = max(compute_pixel_m(grid))
        if self.smooth_m > _MOST_SMOOTH_PX * pixel_m:
            raise OptionError(
                f"Expected up to {_MOST_SMOOTH_PX} pixels, which are {_MOST_SMOOTH_PX * pixel_m:.0f} m here, "
                f"found {self.smooth_m:g}. Use --simplify-m for maps at small scales.",
                option="smooth",
            )
