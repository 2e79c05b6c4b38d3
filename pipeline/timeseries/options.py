"""What a user may choose about a time series, validated once, at the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.tides import TideOptions
from pipeline.timeseries.crossings import Policy
from pipeline.timeseries.transects import Casting

__all__ = ["TimeseriesOptions"]

Reach = Annotated[float, Field(ge=0, lt=100_000)]


class TimeseriesOptions(TideOptions):
    """Choices for ``compute_timeseries``; the defaults suit most coasts.

    Attributes:
        transects: File of lines; ``None``: they are cast from the reference.
        seaward_first: The first vertex of each given line is its seaward end.
        reference: File of lines with land on their left, or folder of a mosaic, to cast from; ``None``: the coastline
            of the clearest date.
        spacing_m: Between transects that are cast.
        landward_m: How far they reach over land.
        seaward_m: And over water.
        smooth_m: Scale of the smoothing of the reference.
        least_m: Reference lines that are shorter get no transects.
        crossing: Which of several shores on a transect counts.
        least_dates: Fewer dates give no rate.
        confidence: Of all intervals.
        outliers: ``keep`` flagged positions in the fits, or ``drop`` them; the table has them either way.
        coregister: Measure how far each image lies beside the clearest of its tile, and take it out.
        registration_m: Standard deviation of an image's place where it cannot be measured, in metres.
        tides: CSV of time and height.
        tide_model: Name of a model that pyTMD reads.
        tide_folder: Where that model lies.
        beach_slope: Rise over run, for the correction.
        overwrite: Replace a result of other maps or choices.
    """

    transects: Path | None = None
    seaward_first: bool = False
    reference: Path | None = None
    spacing_m: Annotated[float, Field(gt=0, lt=100_000)] = 100.0
    landward_m: Reach = 200.0
    seaward_m: Reach = 200.0
    smooth_m: Reach = 100.0
    least_m: Reach = 500.0
    crossing: Policy = "nearest"
    least_dates: Annotated[int, Field(ge=3)] = 3
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    outliers: Literal["keep", "drop"] = "keep"
    coregister: bool = True
    registration_m: Annotated[float, Field(ge=0, le=1000)] = 2.0
    beach_slope: Annotated[float, Field(gt=0, le=10)] | None = None
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.transects is not None and self.reference is not None:
            raise ValueError("transects are given or cast from a reference, found both: leave one out")
        if self.beach_slope is not None and not self.has_tides:
            raise ValueError("a beach slope corrects for tides, found none: give --tides or --tide-model")
        return self

    @property
    def casting(self) -> Casting:
        """How transects are cast."""
        return Casting(
            spacing_m=self.spacing_m,
            landward_m=self.landward_m,
            seaward_m=self.seaward_m,
            smooth_m=self.smooth_m,
            least_m=self.least_m,
        )

    def result_parameters(self) -> dict[str, object]:
        """The choices that change the result; files are known by their checksums, which stand elsewhere."""
        values = self.model_dump(mode="json", exclude={"overwrite"})
        files = {name: Path(values[name]).name for name in ("transects", "reference", "tides") if values[name]}
        return values | files
