"""What a user may choose about a comparison of two coastlines, and the error that it raises."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pipeline.checksums import compute_listing_sha256, compute_source_sha256
from pipeline.export.options import CrsOption
from pipeline.tides import TideOptions
from strandline import StrandlineError

__all__ = ["ChangeError", "ChangeOptions"]


class ChangeError(StrandlineError, ValueError):
    """Two coastlines cannot be compared: one cannot be read, or they do not lie in one place."""

    exit_code = 2


class ChangeOptions(TideOptions):
    """Choices for ``compute_change``; each has a sensible default.

    Attributes:
        factor: A shift counts where it exceeds this many standard deviations of both dates together.
        coregister: Measure how far the images lie beside each other, on stable land, and take it out.
        registration_m: Standard deviation of one image's place against the other's, in metres, added in quadrature,
            where it cannot be measured.
            Source: Sentinel-2 data quality reports, refined products: within 5 m in 95% of cases, 2 m a direction.
        max_shift_m: No shore is looked for farther than this from the old one.
        spacing_m: Distance of neighbouring samples along the old shore.
        smooth_m: Length of shore whose mean shift decides whether a sample has moved: noise of single pixels does not.
        min_length_m: Shorter stretches of moved shore are left out.
        aspect: A moved shore is at least this many times as long as it has shifted: else it is a body of its own.
        clear_margin_px: Pixels around cloud and nodata in which nothing is said.
        min_area_m2: Smaller polygons are left out.
        line_sigma_m: Uncertainty of lines that state none.
        unsure_m: From this median uncertainty of the samples on, the maps are said to be unsure of this shore.
        inland: Shores of waters that land encloses count in the summary and among the alerts, as the coast does.
        alert_m: A shore that shifted farther for sure, beyond the 95% bound, is an alert; ``None``: none.
        alert_area_m2: Likewise a shore that gained or lost more land, or a larger body; ``None``: none.
        alert_bodies: Whole bodies that appeared or vanished are alerts too.
        tides: CSV file of heights: columns ``time`` (ISO 8601) and ``height_m`` (metres).
        tide_model: Instead of a file, name of a model that pyTMD reads.
        tide_folder: Where that model lies.
        crs: CRS of the vectors, as ``EPSG:3035``; ``None``: that of the comparison.
        overwrite: Replace a result that was made from other inputs or with other choices.

    Raises:
        OptionError: A choice is out of its range, or there are two sources of tides, or half of one.
    """

    factor: Annotated[float, Field(ge=0, le=100)] = 2.0
    coregister: bool = True
    registration_m: Annotated[float, Field(ge=0, le=1000)] = 2.0
    max_shift_m: Annotated[float, Field(ge=1, le=2000)] = 200.0
    spacing_m: Annotated[float, Field(ge=1, le=1000)] = 10.0
    smooth_m: Annotated[float, Field(ge=0, le=2000)] = 50.0
    min_length_m: Annotated[float, Field(ge=0, le=1e6)] = 50.0
    aspect: Annotated[float, Field(ge=0, le=1000)] = 3.0
    clear_margin_px: Annotated[int, Field(ge=0, le=50)] = 2
    min_area_m2: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    line_sigma_m: Annotated[float, Field(ge=0, le=1000)] = 10.0
    unsure_m: Annotated[float, Field(ge=0, le=1000)] = 8.0
    inland: bool = False
    alert_m: Annotated[float, Field(ge=0, le=1e5)] | None = None
    alert_area_m2: Annotated[float, Field(ge=0, le=1e12)] | None = None
    alert_bodies: bool = False
    crs: CrsOption = None
    overwrite: bool = False

    def result_parameters(self) -> dict[str, Any]:
        """The choices that change the result, for the record; a file is known by its checksum."""
        unsaid = {"crs"} if self.crs is None else set()
        return self.model_dump(mode="json", exclude={"overwrite", *unsaid}) | {
            "tides": compute_source_sha256(self.tides) if self.tides else None,
            "tide_folder": compute_listing_sha256(self.tide_folder),
        }
