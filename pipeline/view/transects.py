"""The page of a time series: transects in the colours of their rates, and the positions along each by date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.record.stored import read_layer
from pipeline.view.coast import split_coordinates
from pipeline.view.pictures import Detail
from pipeline.view.plane import Plane, resolve_plane
from pipeline.view.scene import describe_credit, describe_place
from pipeline.view.values import Features, Page, Series, Swatch

__all__ = ["SERIES_NAME", "build_series", "build_series_page", "layer_transects", "list_series_facts"]

SERIES_NAME: Final = "timeseries.json"

_COLOURS: Final = {"advance": "#4fe06a", "retreat": "#ff5a4d", "too slow to tell": "#f2f2f2"}
_UNKNOWN: Final = "#b4bcc2"


def build_series_page(folder: Path, *, detail: Detail) -> Page:
    """Build the page of a folder that ``timeseries`` made; its own item need not stand yet.

    Args:
        folder: Of the time series.
        detail: Not used: there are no pictures.

    Raises:
        OutputError: The layers cannot be read.
    """
    del detail
    document = json.loads((folder / SERIES_NAME).read_text(encoding="utf-8"))
    rates, crossings = (read_layer(folder / "transects.gpkg", name) for name in ("transects", "crossings"))
    left, bottom, right, top = rates.total_bounds.tolist()
    margin = 0.08 * max(right - left, top - bottom) + 100
    plane = resolve_plane(rates.crs, (left - margin, bottom - margin, right + margin, top + margin))
    days = [date["datetime"][:10] for date in document["dates"]]
    return Page(
        title=f"Position of the shore on {len(days)} dates",
        subtitle=f"{days[0]} to {days[-1]} · {describe_place(plane)}" if days else describe_place(plane),
        facts=tuple(list_series_facts(document)),
        notes=tuple(document["notes"]),
        credit=describe_credit({}),
        plane=plane,
        pictures=(),
        features=(layer_transects(rates, plane),),
        series=build_series(rates, crossings),
    )


def layer_transects(rates: gpd.GeoDataFrame, plane: Plane) -> Features:
    """Transects in the colours of what is said of their rates.

    Args:
        rates: The layer ``transects``.
        plane: Of the page.
    """
    xs, ys = split_coordinates(plane.place(np.asarray(rates.geometry), rates.crs))
    verdicts = rates["verdict"].fillna("").astype(str)
    return Features(
        key="transects",
        title="Transects",
        xs=xs,
        ys=ys,
        colours=[_COLOURS.get(verdict, _UNKNOWN) for verdict in verdicts],
        width=2.4,
        facts={
            "transect": rates["transect"].astype(str).tolist(),
            "rate": [
                _describe_rate(*row) for row in zip(rates["rate_m"], rates["low_m"], rates["high_m"], strict=True)
            ],
            "verdict": [verdict or "too few dates" for verdict in verdicts],
            "dates": rates["dates"].astype(str).tolist(),
        },
        swatches=tuple(
            Swatch(label=label, colours=(colour,), shape="line")
            for label, colour in (*_COLOURS.items(), ("too few dates", _UNKNOWN))
        ),
        transects=list(range(len(rates))),
    )


def _describe_rate(rate: float, low: float, high: float) -> str:
    return "unknown" if np.isnan(rate) else f"{rate:+.1f} m a year ({low:+.1f} to {high:+.1f})"


def build_series(rates: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame) -> Series:
    """Positions by transect and date, in the order of the rates.

    Args:
        rates: The layer ``transects``.
        crossings: The layer ``crossings``.
    """
    times = pd.to_datetime(crossings["time"], utc=True)
    table = crossings.assign(day=(times - pd.Timestamp(0, tz="UTC")).dt.total_seconds() / 86_400)
    names = rates["transect"].astype(str)
    position, sigma = (
        table.pivot_table(index="transect", columns="day", values=value, dropna=False).reindex(names)
        for value in ("position_m", "uncertainty_m")
    )
    facts = zip(rates["rate_m"], rates["low_m"], rates["high_m"], rates["verdict"].fillna(""), strict=True)
    return Series(
        names=tuple(names),
        verdicts=tuple(_describe_rate(*row[:3]) + (f": {row[3]}" if row[3] else "") for row in facts),
        days=position.columns.to_numpy(dtype=float),
        position_m=position.to_numpy(dtype=float),
        uncertainty_m=sigma.to_numpy(dtype=float),
        rate_m=rates["rate_m"].to_numpy(dtype=float),
    )


def list_series_facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a time series found, for people."""
    summary = document["summary"]
    facts = [
        (
            "Transects",
            f"{summary['transects']}: {summary['retreating']} retreat, {summary['advancing']} advance, "
            f"{summary['too_slow_to_tell']} too slow to tell",
        )
    ]
    if "rate_m_per_year" in summary:
        facts.append(("Median rate", f"{summary['rate_m_per_year']['median']:+.2f} m a year"))
    if "detectable_m_per_year" in summary:
        facts.append(("Least rate to tell", f"{summary['detectable_m_per_year']:.2f} m a year"))
    facts.append(("Tide", str(document["tide"]["meaning"])))
    return facts
