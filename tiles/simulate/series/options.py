"""What a simulated series of scenes is to be, checked before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

from pydantic import model_validator

from tiles.errors import OptionError, SceneError
from tiles.options import Options
from tiles.simulate.product.acquisition import OFFSET_BASELINE
from tiles.simulate.product.simulate import resolve_kind
from tiles.simulate.series.coast import BEACH, WET_BEACH
from tiles.simulate.world.relief import SHORE_KINDS

__all__ = ["SeriesOptions", "Span"]

_MOST_DATES = 200
_GREATEST_SHIFT_M = 500.0
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a series begins and how often the coast is seen.

    Attributes:
        first: Day of the first acquisition, UTC.
        every_days: Days from one to the next; the two satellites take turns where it is an odd multiple of 5.
        dates: How many acquisitions.

    Raises:
        SceneError: A value is out of range.
    """

    first: date = date(2022, 1, 5)
    every_days: int = 15
    dates: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.dates <= _MOST_DATES:
            raise SceneError(f"Expected 1 to {_MOST_DATES} dates, found {self.dates}.")
        if not 1 <= self.every_days <= 3_660:
            raise SceneError(f"Expected 1 to 3660 days from date to date, found {self.every_days}.")


class SeriesOptions(Options):
    """What a simulated series is to be.

    Attributes:
        size: Columns and rows of a scene at 10 m, 120 to 6000; rounded up to a multiple of 12.
        span: When it is seen. Its number of dates does not count where ``shifts`` are given.
        retreat_m_per_year: How fast the land retreats from the first date on; negative: it advances.
        shifts: Instead of a rate: how far the land has retreated on each date, metres, against the coast as drawn.
        cloud_cover: Share of each scene under cloud, roughly; ``None``: clear on the first and the last date and on
            three of five others, a few clouds on one in four, and heavy cloud on the rest; or a share a date.
        kind: ``beach`` (dry sand), ``wet_beach``, or a kind of landscape as ``tiles.simulate.world.world`` names them
            that has a shore.
        works: Whether harbours, moles and ponds may stand on the shore (never on a beach); they move with it.
        baseline: Processing baseline; from 04.00 on digital numbers carry an offset of 1000.
        reprocessed: Numbers of dates, from 0, that come once more from a newer baseline.
        newer_baseline: That of the reprocessed products.
        crs: UTM zone of the tile.
        overwrite: Whether a series in the same folder is replaced.

    Raises:
        OptionError: A value is out of range, or contradicts another.
    """

    size: int = 600
    span: Span = Span()
    retreat_m_per_year: float = 0.0
    shifts: tuple[float, ...] | None = None
    cloud_cover: float | tuple[float, ...] | None = None
    kind: str = BEACH
    works: bool = False
    baseline: str = OFFSET_BASELINE
    reprocessed: tuple[int, ...] = ()
    newer_baseline: str = "05.10"
    crs: str = "EPSG:32630"
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if not 120 <= self.size <= 6_000:
            raise OptionError(f"Expected a size from 120 to 6000 pixels of 10 m, found {self.size}.")
        if self.kind not in (BEACH, WET_BEACH):
            resolve_kind(self.kind, SHORE_KINDS)
        self._check_shifts()
        self._check_clouds()
        if wrong := [number for number in self.reprocessed if not 0 <= number < self.dates]:
            raise OptionError(f"Expected dates 0 to {self.dates - 1} to reprocess, found {wrong[0]}.")
        if self.reprocessed and self.newer_baseline <= self.baseline:
            raise OptionError(
                f"Expected a baseline newer than {self.baseline} for reprocessed products, found {self.newer_baseline}."
            )
        return self

    def _check_shifts(self) -> None:
        if self.shifts is not None and (not self.shifts or len(self.shifts) > _MOST_DATES):
            raise OptionError(f"Expected 1 to {_MOST_DATES} shifts, found {len(self.shifts)}.")
        if self.shifts is not None and self.retreat_m_per_year:
            raise OptionError("Expected shifts or a retreat per year, found both. Give one of them.")
        days = self.span.every_days * self.dates
        shifts = self.shifts or (self.retreat_m_per_year * days / _DAYS_A_YEAR,)
        if wrong := [shift for shift in shifts if not abs(shift) <= _GREATEST_SHIFT_M]:
            raise OptionError(f"Expected shifts of {_GREATEST_SHIFT_M:g} m at most, found {wrong[0]:g} m.")

    def _check_clouds(self) -> None:
        given = self.cloud_cover
        shares = given if isinstance(given, tuple) else () if given is None else (given,)
        if isinstance(given, tuple) and len(given) != self.dates:
            raise OptionError(f"Expected a cloud cover for each of {self.dates} dates, found {len(given)}.")
        if wrong := [share for share in shares if not 0 <= share <= 1]:
            raise OptionError(f"Cloud cover is a share of 0 to 1, found {wrong[0]}. Divide percent by 100.")

    @property
    def dates(self) -> int:
        """How many acquisitions there are."""
        return self.span.dates if self.shifts is None else len(self.shifts)

    @property
    def side_px(self) -> int:
        """Columns and rows of a scene: whole cells of the terrain and whole pixels of 60 m."""
        return -(-self.size // 12) * 12

    def compute_shift(self, number: int, *, days: float) -> float:
        """How far the land has retreated on a date, metres.

        Args:
            number: Of the date, from 0.
            days: Since the first date.
        """
        if self.shifts is not None:
            return self.shifts[number]
        return self.retreat_m_per_year * days / _DAYS_A_YEAR
