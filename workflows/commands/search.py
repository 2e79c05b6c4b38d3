"""``strandline search``: from an area and a period to a plan of what to map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Collection", "Dates", "Limit", "MaxCloud", "SearchAoi", "Stac", "search"]

SearchAoi = Annotated[
    str,
    typer.Option(
        help="Where: W,S,E,N in degrees (W > E crosses the antimeridian), or a vector file in any CRS.",
    ),
]
Dates = Annotated[
    str,
    typer.Option(help="When: 2024, 2024-06, 2024-06-15, 2024-06/2024-09, 2024-06-15/.."),
]
MaxCloud = Annotated[float | None, typer.Option(help="Percent of cloud that a scene may state.")]
Stac = Annotated[
    str,
    typer.Option(
        "--stac",
        help="earth-search, planetary-computer or copernicus; the address of a STAC API; or a catalog.json, an item, "
        "a collection of items or an items.parquet, here or on a host. Several, with commas between them, are asked in "
        "their order: a product that more than one has is one scene, read at the first that gives it.",
    ),
]
Collection = Annotated[
    str | None,
    typer.Option(
        help="Collection; a known host's own of Sentinel-2 L2A by default. Several, with commas between them, are "
        "asked in their order."
    ),
]
Limit = Annotated[int | None, typer.Option(help="Most scenes that the plan may hold, the earliest first.")]
_AnyPlatform = Annotated[bool, typer.Option("--any-platform", help="Keep items of other satellites too.")]
_Out = Annotated[Path | None, typer.Option("--out", "-o", help="File for the plan; standard output by default.")]


def search(
    context: typer.Context,
    aoi: SearchAoi,
    dates: Dates,
    max_cloud: MaxCloud = None,
    source: Stac = "earth-search",
    collection: Collection = None,
    limit: Limit = None,
    any_platform: _AnyPlatform = False,
    out: _Out = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Search for scenes of an area and a period; writes a plan for strandline batch, to be read and changed."""
    from workflows.runs.search import run_search

    run_search(context.params, out=out, quiet=quiet)
