"""The time series of an area along its transects, brought up to date after a scene was published."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.atomic import open_draft
from pipeline.errors import output_errors
from pipeline.publish.publish import open_destination, publish_result
from pipeline.publish.target import resolve_destination
from pipeline.record.result import read_fingerprint
from pipeline.record.stored import read_item
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.values import AreaFolders

__all__ = ["MEASURES", "update_measures"]

MEASURES = "measures"
"""Folder at the destination for the time series."""

_NAME = "timeseries"
_LEAST = 3


def update_measures(
    area: AreaSettings, folders: AreaFolders, *, published: Collection[str] | None = None
) -> str | None:
    """Compute the time series again and publish it; the same scenes give the same result, which is not made twice.

    Transects that are cast are cast from one coastline for good, so that a transect keeps its number and its zero.

    Args:
        area: With transects.
        folders: Of the area.
        published: Names of the maps that are published: what was given up or excluded stays out; ``None``: all.

    Returns:
        A sentence for the operator; ``None`` where there are too few dates: a series of before is removed then.

    Raises:
        TimeseriesError: The transects do not fit.
        OutputError: It cannot be written.
    """
    target = resolve_destination(area.destination).folder
    scenes = target if target is not None else folders.scenes
    standing = [path for path in sorted(scenes.iterdir()) if read_fingerprint(path)] if scenes.is_dir() else []
    mapped = [path for path in standing if published is None or path.name in published]
    if area.transects is None:
        return None
    if len(mapped) < _LEAST:  # there may have been more, before some were excluded
        for place in (f"{area.destination}/{MEASURES}", str(folders.measures)):
            open_destination(place).remove_result(_NAME)
        return None
    if area.transects == "auto":
        choices: dict[str, Any] = {"reference": _keep_reference(mapped, folders.home)}
    else:
        choices = {"transects": Path(area.transects)}
    if area.tides is not None:
        choices |= {**area.tides.to_choices(), "beach_slope": area.tides.beach_slope}
    options = TimeseriesOptions(**choices, overwrite=True)
    series = scenes if len(mapped) == len(standing) else _link(mapped, folders.home / "series")
    done = compute_timeseries(series, folders.measures / _NAME, options=options)
    publish_result(done.folder, f"{area.destination}/{MEASURES}")
    return f"{area.name}: time series over {done.dates} dates"


def _link(mapped: list[Path], folder: Path) -> Path:
    """A folder that holds some maps alone, by links."""
    with output_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in mapped:
            (folder / path.name).symlink_to(path.absolute(), target_is_directory=True)
    return folder


def _keep_reference(mapped: list[Path], home: Path) -> Path:
    """The coastline from which transects are cast: that of the clearest date when it was first needed."""
    path = home / "reference.gpkg"
    if not path.exists():
        clearest = max(mapped, key=_read_clear)
        with open_draft(path) as draft:
            shutil.copyfile(clearest / "coastline.gpkg", draft)
    return path


def _read_clear(folder: Path) -> float:
    properties = read_item(folder)["properties"]
    return float(properties.get("strandline:statistics", {}).get("valid_percent", 0.0))
