"""``strandline simulate-series``: one made-up coast on many dates, its shore moved by a known distance on each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["simulate_series"]

_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to make: scenes, catalogue, truth, series.json.")]
_Seed = Annotated[int, typer.Option(help="Decides the place, the coast and the days.")]
_Size = Annotated[int, typer.Option(help="Pixels of 10 m a side, 120 to 6000.")]
_Dates = Annotated[int, typer.Option(help="How many acquisitions; --shifts says it too.")]
_Every = Annotated[int, typer.Option(help="Days from one to the next.")]
_First = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the first.")]
_Rate = Annotated[float, typer.Option(help="How fast the land retreats from the first date on; negative: it advances.")]
_Shifts = Annotated[
    str | None, typer.Option(help="Instead of a rate: metres of retreat on each date, such as 0,5,10,20,40.")
]
_Cloud = Annotated[
    str, typer.Option(help="Share of each scene under cloud, 0 to 1, or one a date with commas; auto: some heavy.")
]
_Kind = Annotated[
    str, typer.Option(help="beach (smooth, dry sand), wet_beach, open_coast, archipelago, estuary, lagoon …")
]
_Works = Annotated[bool, typer.Option("--works/--no-works", help="Harbours and moles on the shore, or none.")]
_Baseline = Annotated[str, typer.Option(help="Processing baseline; from 04.00 on pixels carry an offset of 1000.")]
_Again = Annotated[
    list[int] | None,
    typer.Option("--reprocess", help="Number of a date, from 0, that comes again from a newer baseline; repeatable."),
]
_Newer = Annotated[str, typer.Option(help="Processing baseline of what comes again.")]
_Crs = Annotated[str, typer.Option(help="UTM zone: EPSG:326xx (north) or EPSG:327xx (south).")]


def simulate_series(
    context: typer.Context,
    out: _Out,
    seed: _Seed = 0,
    size: _Size = 600,
    dates: _Dates = 24,
    every_days: _Every = 15,
    first: _First = datetime(2022, 1, 5),
    retreat_m_per_year: _Rate = 0.0,
    shifts: _Shifts = None,
    cloud_cover: _Cloud = "auto",
    kind: _Kind = "beach",
    works: _Works = False,
    baseline: _Baseline = "04.00",
    reprocess: _Again = None,
    newer_baseline: _Newer = "05.10",
    crs: _Crs = "EPSG:32630",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a series in the same folder.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Simulate a coast over many dates, its shoreline a known distance landward on each, as scenes with STAC items."""
    from tiles.simulate.series.simulate_series import SeriesOptions, Span
    from tiles.simulate.series.simulate_series import simulate_series as make
    from workflows.runs.simulate import describe_search

    options = SeriesOptions.pick(
        context.params,
        span=Span(first=first.date(), every_days=every_days, dates=dates),
        shifts=None if shifts is None else _parse_numbers(shifts, option="--shifts"),
        cloud_cover=_parse_cloud(cloud_cover),
        reprocessed=tuple(reprocess or ()),
    )
    series = make(out, seed=seed, options=options)
    if not quiet:
        first_shift, last_shift = series.dates[0].shift_m, series.dates[-1].shift_m
        typer.echo(
            f"{len(series.dates)} dates of tile {series.tile}, the shore moved {first_shift:g} to {last_shift:g} m"
        )
        typer.echo(f"{series.item_collection}   (for rustac serve)\n{series.catalogue}\n{series.record}")
        typer.echo(f"Next: {describe_search(series.catalogue, series.item_collection)}")


def _parse_cloud(text: str) -> float | tuple[float, ...] | None:
    if text == "auto":
        return None
    shares = _parse_numbers(text, option="--cloud-cover")
    return shares[0] if len(shares) == 1 else shares


def _parse_numbers(text: str, *, option: str) -> tuple[float, ...]:
    from tiles.errors import SceneError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SceneError(f"Expected numbers with commas between them for {option}, found {text!r}.") from None
