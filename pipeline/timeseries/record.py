"""Record a time series: ``timeseries.json`` with what was found, and a STAC Item, written last, for where it came from.

Source: STAC 1.1.0; see ``pipeline.record.result``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from pipeline.checksums import Basis
from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.record.footprint import compute_bbox
from pipeline.record.mapped_scene import MappedScenes
from pipeline.record.result import ResultItem, write_json
from pipeline.timeseries.crossings import CLEARANCE_M
from pipeline.timeseries.options import TimeseriesOptions
from pipeline.timeseries.series import Series, summarise_rates
from strandline import __version__

__all__ = ["SERIES_NAME", "SeriesRecord", "read_series_record", "write_series_record"]

SERIES_NAME = "timeseries.json"

_RECORDED = (
    "The lines are instantaneous: the heights of the tide are those that the maps record, and nothing is corrected for "
    "them."
)
_INSTANT = "No heights of the tide were given: the lines are instantaneous, and the tide at each moment is in them."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesRecord:
    """What was found, and from what.

    Attributes:
        series: The series.
        mapped: The scenes that it rests on.
        options: What the user chose.
        basis: All that decided the result.
        origin: Where the transects come from, a sentence.
        notes: What the user should be told, a sentence each.
    """

    series: Series
    mapped: MappedScenes
    options: TimeseriesOptions
    basis: Basis
    origin: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document of ``timeseries.json``: nothing in it differs from run to run."""
        series, options = self.series, self.options
        corrected = series.corrected_fits
        return {
            "strandline:fingerprint": self.basis.fingerprint,
            "software": f"Strandline {__version__}",
            "model": self.mapped.model,
            "crs": {"code": series.transects.crs.to_string(), "meaning": "UTM zone of the middle of the transects."},
            "transects": {"count": len(series.transects), "origin": self.origin},
            "position": "Metres from the transect's origin, positive seaward; a shore has land landward of it.",
            "clearance_m": CLEARANCE_M,
            "uncertainty": (
                "One standard deviation: the mean uncertainty of the line that was crossed and that of the image's "
                "place beside the reference, in quadrature; errors of the tide are not in it."
            ),
            "fit": (
                "Ordinary least squares with intervals from Student's t, and Theil-Sen; dates are taken as "
                f"independent. Outliers are {'left out of' if options.outliers == 'drop' else 'kept in'} the fits."
            ),
            "dates": [self._describe_date(column) for column in range(len(series.dates))],
            "tide": self._describe_tide(),
            "parameters": options.result_parameters(),
            "summary": summarise_rates(series.fits, confidence=options.confidence),
            "summary_corrected": (
                None if corrected is None else summarise_rates(corrected, confidence=options.confidence)
            ),
            "notes": list(self.notes),
        }

    def _describe_date(self, column: int) -> dict[str, Any]:
        date, tide = self.series.dates[column], float(self.series.tide_m[column])
        return {
            "datetime": date.acquired.isoformat().replace("+00:00", "Z"),
            "scenes": list(date.scenes),
            "registration": [one.to_dict() for one in date.registrations],
            "positions": int(np.isfinite(self.series.positions.position_m[:, column]).sum()),
            "tide_m": None if np.isnan(tide) else round(tide, 4),
        }

    def _describe_tide(self) -> dict[str, Any]:
        known = int(np.isfinite(self.series.tide_m).sum())
        if not self.options.has_tides:
            recorded = {"dates_with_height": known} if known else {}
            return {"given": False, "corrected": False, **recorded, "meaning": _RECORDED if known else _INSTANT}
        slope = self.options.beach_slope
        return {
            "given": True,
            "corrected": slope is not None,
            "beach_slope": slope,
            "dates_with_height": known,
            "meaning": (
                "Heights at the middle of the transects, metres above the datum of their source. "
                + (
                    "Positions and rates are not corrected for them: no beach slope was given."
                    if slope is None
                    else "Corrected position = position + height / slope: where the waterline would lie at height 0."
                )
            ),
        }


def read_series_record(folder: Path) -> dict[str, Any]:
    """Read ``timeseries.json`` of a result that is whole."""
    document: dict[str, Any] = json.loads((folder / SERIES_NAME).read_text(encoding="utf-8"))
    return document


def write_series_record(folder: Path, name: str, record: SeriesRecord) -> None:
    """Write ``timeseries.json``, then ``item.json``: where it stands, all outputs are whole.

    Args:
        folder: Where the outputs stand.
        name: Id of the item.
        record: What was found.

    Raises:
        OutputError: They cannot be written.
    """
    document = record.to_dict()
    write_json(folder / SERIES_NAME, document)
    geometry, bbox = _compute_footprint(record.series)
    ResultItem(
        id=name,
        title=f"Position of the shore on {len(record.series.dates)} dates",
        geometry=geometry,
        bbox=bbox,
        times=[date.acquired for date in record.series.dates],
        simulated=any(scene.simulated for scene in record.mapped.scenes),
        basis=record.basis,
        properties={name: document[name] for name in ("parameters", "summary", "tide", "notes")},
    ).write(folder)


def _compute_footprint(series: Series) -> tuple[dict[str, Any], list[float]]:
    hull = shapely.convex_hull(shapely.union_all(series.transects.build_lines())).buffer(1.0)
    lonlat = to_lonlat(np.array([hull], dtype=object), series.transects.crs)
    return mapping(shapely.orient_polygons(cut_at_antimeridian(lonlat)[0])), compute_bbox(lonlat[0])
