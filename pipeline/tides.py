"""The height of the tide at the moment of each date, and what it does to the position of the shore.

A higher tide moves the waterline landward, by the rise over the slope of the beach. The corrected position is where the
waterline would lie at height 0 of the tide's datum: ``position + height / slope``, with positions positive seaward.

Source: Vos et al. 2019, doi:10.1016/j.envsoft.2019.104528 (CoastSat); tide models through pyTMD, Sutterley et al. 2017,
doi:10.5281/zenodo.5555395.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from pipeline.errors import MissingExtraError
from strandline import StrandlineError
from tiles.errors import OptionError
from tiles.options import Options
from tiles.times import has_time_of_day

__all__ = ["TideError", "TideOptions", "compute_model_heights", "correct_for_tide", "read_tide_heights"]


class TideError(StrandlineError, ValueError):
    """Heights of the tide cannot be read or computed."""

    exit_code = 2


class TideOptions(Options):
    """Where heights of the tide come from.

    Attributes:
        tides: CSV file of heights: columns ``time`` (ISO 8601) and ``height_m`` (metres).
        tide_model: Instead of a file, name of a model that pyTMD reads.
        tide_folder: Where that model lies.

    Raises:
        OptionError: There are two sources, or half of one.
    """

    tides: Path | None = None
    tide_model: str | None = None
    tide_folder: Path | None = None

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.tide_model is None) != (self.tide_folder is None):
            raise OptionError("A tide model needs its name and its folder (--tide-model and --tide-folder).")
        if self.tides is not None and self.tide_model is not None:
            raise OptionError("Heights of the tide come from a file or a model, found both: leave one out.")
        return self

    @property
    def has_tides(self) -> bool:
        """Whether a source is given."""
        return self.tides is not None or self.tide_model is not None

    def require_folder(self) -> Path:
        """The folder of the tide model.

        Raises:
            OptionError: There is none.
        """
        if self.tide_folder is None:
            raise OptionError("A tide model needs its folder (--tide-folder).")
        return self.tide_folder


Floats = NDArray[np.float64]

_WIDEST_GAP_S = 70 * 60
"""Between hourly heights a straight line is within 3% of the tide's amplitude; between wider ones it is a guess."""

_NEAREST_S = 10 * 60
"""A height that stands alone counts for a date this near to it."""

_EXTRAPOLATE_KM = 50.0
"""The middle of a coast may lie on a model's land: the nearest sea within this is taken."""

_HIGHEST_M = 20.0


def correct_for_tide(position_m: Floats, height_m: Floats, *, slope: float) -> Floats:
    """Move positions to where the waterline would lie at height 0.

    Args:
        position_m: (transects, dates), positive seaward.
        height_m: (dates,) height of the tide on each date, NaN where it is not known.
        slope: Of the beach between low and high water, rise over run, more than 0.

    Returns:
        (transects, dates): ``position + height / slope``; NaN where the height is not known.

    Raises:
        TideError: The slope is none.
    """
    if not 0 < slope < math.inf:
        raise TideError(f"Expected a beach slope of more than 0 (rise over run, such as 0.05), found {slope}.")
    return np.asarray(position_m + height_m[None, :] / slope)


def read_tide_heights(path: Path, moments: Sequence[datetime | None], *, partial: bool = False) -> Floats:
    """Read the height of the tide at some moments from a table.

    Between two rows at most 70 minutes apart the height is interpolated; else the nearest row within 10 minutes
    counts.

    Args:
        path: CSV with the columns ``time`` (ISO 8601; UTC where no zone is given) and ``height_m`` (or ``height``).
        moments: In UTC; ``None`` where not known; of a day alone (midnight to the second) no height is known.

        partial: The table may say nothing of any of the moments.

    Returns:
        (n,) metres above the table's datum; NaN where the table says nothing of a moment.

    Raises:
        TideError: The table cannot be read, or says nothing of any of the moments although it has to.
    """
    times, heights = _read_table(path)
    moments = _drop_days(moments)
    tide_m = np.array(
        [math.nan if moment is None else _interpolate(moment.timestamp(), times, heights) for moment in moments]
    )
    if len(tide_m) and np.isnan(tide_m).all() and not partial:
        first, last = (datetime.fromtimestamp(times[place], UTC).strftime("%Y-%m-%dT%H:%MZ") for place in (0, -1))
        raise TideError(
            f"{path} ({len(times)} heights, {first} to {last}) has none for any of the {len(tide_m)} dates: expected "
            "rows at most 70 minutes apart around each date, or one within 10 minutes of it."
        )
    return tide_m


def _drop_days(moments: Sequence[datetime | None]) -> list[datetime | None]:
    """A day without a time of day has every height of the tide, and so none that is known."""
    return [moment if moment is not None and has_time_of_day(moment) else None for moment in moments]


def _read_table(path: Path) -> tuple[Floats, Floats]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
            time, height = names["time"], names.get("height_m") or names["height"]
            rows = [(_read_time(row[time]), float(row[height])) for row in reader]
    except KeyError as error:
        raise TideError(f"Expected the columns time and height_m in {path}, found no {error}.") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TideError(
            f"Expected heights of the tide in {path} (time,height_m; 2024-06-01T11:20Z,0.42), found "
            f"{' '.join(str(error).split())}."
        ) from error
    rows = sorted(set(rows))
    if not rows:
        raise TideError(f"Expected heights of the tide in {path}, found none below its columns.")
    times, heights = np.array(rows).T
    if (wrong := ~(np.abs(heights) <= _HIGHEST_M)).any():
        raise TideError(f"Expected heights within {_HIGHEST_M:g} m in {path}, found {heights[wrong][0]:g}: metres?")
    return times, heights


def _read_time(text: str) -> float:
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _interpolate(moment: float, times: Floats, heights: Floats) -> float:
    after = int(np.searchsorted(times, moment))
    if 0 < after < len(times) and times[after] - times[after - 1] <= _WIDEST_GAP_S:
        return float(np.interp(moment, times, heights))
    nearest = int(np.argmin(np.abs(times - moment)))
    return float(heights[nearest]) if abs(times[nearest] - moment) <= _NEAREST_S else math.nan


def compute_model_heights(
    name: str, folder: Path, moments: Sequence[datetime | None], *, lon: float, lat: float, partial: bool = False
) -> Floats:
    """Compute the height of the tide at some moments and a place from a folder of a tide model.

    Args:
        name: Of a model that pyTMD knows (``FES2022``, ``EOT20``, ``GOT5.6``, ``TPXO10-atlas-v2-nc`` …), or the name
            of a definition file ``<name>.json`` of pyTMD in the folder.
        folder: Where the model's files are, as pyTMD lays them out.
        moments: In UTC; ``None`` where not known; of a day alone (midnight to the second) no height is known.
        lon: Longitude in degrees, any turn.
        lat: Latitude in degrees.
        partial: The model may say nothing of the place.

    Returns:
        (n,) metres above mean sea level, NaN where a moment is not known.

    Raises:
        MissingExtraError: pyTMD is not installed.
        TideError: The model is not known or not in the folder, or says nothing of the place although it has to.
    """
    if not folder.is_dir():
        raise TideError(f"Expected a folder with the tide model {name} at {folder}, found none: --tide-folder.")
    compute = _import_pytmd()
    moments = _drop_days(moments)
    known = np.array([moment is not None for moment in moments], dtype=np.bool_)
    heights = np.full(len(moments), math.nan)
    stamps = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments if moment is not None]
    if not stamps:
        return heights
    definition = folder / f"{name}.json"
    place = (lon + 180) % 360 - 180
    try:
        answer: Any = compute.tide_elevations(
            np.full(len(stamps), place),
            np.full(len(stamps), lat),
            np.array(stamps, dtype="datetime64[us]"),
            DIRECTORY=folder,
            **({"DEFINITION_FILE": definition} if definition.is_file() else {"MODEL": name}),
            EPSG=4326,
            TYPE="drift",
            TIME="datetime",
            METHOD="linear",
            EXTRAPOLATE=True,
            CUTOFF=_EXTRAPOLATE_KM,
        )
    except (OSError, ValueError, KeyError, AssertionError, TypeError, AttributeError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TideError(
            f"The tide model {name} cannot be read from {folder} ({reason}): expected a name that pyTMD knows and its "
            f"files, or a definition {definition.name}."
        ) from error
    heights[known] = np.ma.filled(np.ma.asarray(answer, dtype=np.float64), math.nan)
    if not np.isfinite(heights[known]).any() and not partial:
        raise TideError(f"The tide model {name} has no sea within {_EXTRAPOLATE_KM:g} km of {lat:.3f}, {place:.3f}.")
    return heights


def _import_pytmd() -> ModuleType:
    try:
        return importlib.import_module("pyTMD.compute")
    except ImportError as error:
        raise MissingExtraError(
            f"A tide model needs {error.name}, which is not installed: pip install 'strandline[tides]'."
        ) from error
