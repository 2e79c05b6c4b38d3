"""What a comparison says in a few numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np

from pipeline.change.alerts import choose_shores
from pipeline.change.bodies import CONFIDENT, SHORE
from pipeline.change.compare import Comparison
from pipeline.change.options import ChangeOptions
from pipeline.change.shift import BODY, MOVED, NO_SHORE
from pipeline.trace.traced import Floats

__all__ = ["ChangeSummary", "compute_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary:
    """The whole in numbers; shifts in metres, land gained positive, ``None`` where nothing could be measured.

    All up to the bodies are of the coast alone, unless the shores of enclosed waters count too.

    Attributes:
        shore_km: Length of old shore that was sampled, seen clearly or not.
        clear_km: Length that both dates saw clearly.
        moved_km: Length whose shift exceeds its uncertainty.
        no_shore_km: Length where no new shore lies within reach.
        body_km: Length where a body joined or left the shore at once.
        mean_shift_m: Mean over all clear shore, moved or not, bodies left out.
        median_shift_m: The middle one.
        median_low_m: Lower end of the 95% interval of the middle one: what errs on a date errs all along its shore, so
            many samples are no surer than one.
        median_high_m: Its upper end.
        mean_moved_m: Mean over what has moved.
        max_advance_m: Greatest shift seaward, as the mean of a stretch.
        max_retreat_m: Greatest shift landward, likewise; negative.
        uncertainty_m: Median standard deviation of a sample's shift.
        gained_m2: Land gained at moved shores.
        lost_m2: Land lost at moved shores.
        bodies: Number of bodies that appeared or vanished.
        bodies_m2: Their area.
        inland_km: Length of shore of enclosed waters that both dates saw clearly.
        inland_moved_km: Length of it whose shift exceeds its uncertainty.
        counts_inland: Whether it is in all the figures above.
        sure: The maps are sure enough of this shore that means say something; see ``ChangeOptions.unsure_m``.
    """

    shore_km: float
    clear_km: float
    moved_km: float
    no_shore_km: float
    body_km: float
    mean_shift_m: float | None
    median_shift_m: float | None
    mean_moved_m: float | None
    max_advance_m: float | None
    max_retreat_m: float | None
    uncertainty_m: float | None
    gained_m2: float
    lost_m2: float
    bodies: int
    bodies_m2: float
    median_low_m: float | None = None
    median_high_m: float | None = None
    inland_km: float = 0.0
    inland_moved_km: float = 0.0
    counts_inland: bool = True
    sure: bool = True

    def to_dict(self) -> dict[str, Any]:
        """For a record."""
        return asdict(self)


def compute_summary(comparison: Comparison, *, options: ChangeOptions) -> ChangeSummary:
    """Sum up a comparison.

    Args:
        comparison: What the comparison found.
        options: What the user chose.
    """
    step_km = options.spacing_m / 1000
    shifts = comparison.shifts if comparison.counts_inland else comparison.shifts.take(~comparison.shifts.inland)
    enclosed = comparison.shifts.take(comparison.shifts.inland)
    shores = [
        choose_shores(frame, counts_inland=comparison.counts_inland) for frame in (comparison.gained, comparison.lost)
    ]
    known = shifts.take(np.isfinite(shifts.shift_m) & (shifts.state != BODY))
    moved = known.take(known.state == MOVED)
    reach_m = CONFIDENT * float(np.median(known.sigma_m)) if len(known) else 0.0
    bodies = [frame[frame["kind"] != SHORE] for frame in (comparison.gained, comparison.lost)]
    return ChangeSummary(
        shore_km=round(comparison.samples * step_km, 3),
        clear_km=round(len(shifts) * step_km, 3),
        moved_km=round(len(moved) * step_km, 3),
        no_shore_km=round(int((shifts.state == NO_SHORE).sum()) * step_km, 3),
        body_km=round(int((shifts.state == BODY).sum()) * step_km, 3),
        mean_shift_m=_round(known.shift_m, np.mean),
        median_shift_m=_round(known.shift_m, np.median),
        median_low_m=_round(known.shift_m - reach_m, np.median),
        median_high_m=_round(known.shift_m + reach_m, np.median),
        mean_moved_m=_round(moved.shift_m, np.mean),
        max_advance_m=_round(moved.local_m[moved.local_m > 0], np.max),
        max_retreat_m=_round(moved.local_m[moved.local_m < 0], np.min),
        uncertainty_m=_round(known.sigma_m, np.median),
        gained_m2=_sum_area(shores[0]),
        lost_m2=_sum_area(shores[1]),
        bodies=sum(len(frame) for frame in bodies),
        bodies_m2=round(sum(_sum_area(frame) for frame in bodies), 1),
        inland_km=round(len(enclosed) * step_km, 3),
        inland_moved_km=round(int((enclosed.state == MOVED).sum()) * step_km, 3),
        counts_inland=comparison.counts_inland,
        sure=len(known) > 0 and float(np.median(known.sigma_m)) <= options.unsure_m,
    )


def _sum_area(frame: gpd.GeoDataFrame) -> float:
    return round(float(frame["area_m2"].sum()), 1)


def _round(values: Floats, statistic: Any) -> float | None:  # noqa: ANN401 (a function of numpy's)
    return round(float(statistic(values)), 3) if len(values) else None
