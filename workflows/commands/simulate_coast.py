"""``strandline simulate-coast``: one made-up coast in four tiles of two UTM zones on several dates, with the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["simulate_coast"]

_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to make: scenes, catalogue and truth.")]
_Seed = Annotated[int, typer.Option(help="Decides the place, the coast and the days.")]
_Extent = Annotated[int, typer.Option("--extent", help="Side of the area in pixels of 10 m, 120 to 10980.")]
_Dates = Annotated[int, typer.Option(help="Overpasses, 10 days apart, each with clouds of its own.")]
_Kind = Annotated[str, typer.Option(help="Landscape: open_coast, archipelago, estuary, fjord, lagoon … or random.")]
_Cloud = Annotated[float, typer.Option(help="Share of the area under cloud on each date, roughly, 0 to 1.")]
_Hidden = Annotated[
    tuple[float, float], typer.Option(help="Least and most share of the shore that no date shows, 0 to 1 each.")
]
_Swaths = Annotated[int, typer.Option(help="On how many dates the edge of the swath crosses the area.")]
_Works = Annotated[
    bool, typer.Option("--works/--no-works", help="Harbours, moles and causeways on the shore, or none.")
]


def simulate_coast(
    context: typer.Context,
    out: _Out,
    seed: _Seed = 0,
    extent_px: _Extent = 2_400,
    dates: _Dates = 3,
    kind: _Kind = "open_coast",
    cloud_cover: _Cloud = 0.15,
    hidden: _Hidden = (0.0, 0.01),
    swath_edges: _Swaths = 1,
    works: _Works = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a coast in the same folder.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Simulate a coast over 2 x 2 MGRS tiles and two UTM zones, as scenes, a STAC catalogue, and its truth."""
    from tiles.simulate.coast.simulate_coast import CoastOptions
    from tiles.simulate.coast.simulate_coast import simulate_coast as make
    from workflows.runs.simulate import describe_search

    coast = make(out, seed=seed, options=CoastOptions.pick(context.params))
    if not quiet:
        typer.echo(f"{len(coast.items)} scenes of tiles {', '.join(tile.name for tile in coast.tiles)}")
        typer.echo(f"{coast.item_collection}   (for rustac serve)\n{coast.catalogue}\n{coast.truth}")
        typer.echo(f"Next: {describe_search(coast.catalogue, coast.item_collection)}")
