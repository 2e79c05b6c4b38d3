"""``strandline simulate``: a made-up coast as a Sentinel-2 product, with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["simulate"]

_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the product and, beside it, its truth.")]
_Seed = Annotated[int, typer.Option(help="Decides the coast, the place within the zone and the day.")]
_Size = Annotated[int, typer.Option(help="Pixels of 10 m a side: a multiple of 6, 60 to 10980 (a whole tile).")]
_Baseline = Annotated[str, typer.Option(help="Processing baseline; from 04.00 on pixels carry an offset of 1000.")]
_Crs = Annotated[str, typer.Option(help="UTM zone: EPSG:326xx (north) or EPSG:327xx (south).")]
_Kind = Annotated[
    str, typer.Option(help="Landscape: open_coast, archipelago, estuary, fjord, lakes, harbour … or random.")
]
_Cloud = Annotated[float | None, typer.Option(help="Share of the scene under cloud, 0 to 1; else the seed decides.")]
_Swath = Annotated[
    Literal["auto", "edge", "full"], typer.Option(help="Whether the edge of the swath crosses the tile.")
]
_Satellite = Annotated[
    Literal["auto", "S2A", "S2B", "S2C", "S2D"], typer.Option(help="Whose product it is; auto: the seed decides.")
]
_Complete = Annotated[
    bool, typer.Option("--complete/--bands-only", help="Every file of a real product, or each band once and SCL.")
]


def simulate(
    context: typer.Context,
    out: _Out,
    seed: _Seed = 0,
    size: _Size = 10_980,
    baseline: _Baseline = "05.11",
    crs: _Crs = "EPSG:32630",
    kind: _Kind = "random",
    cloud_cover: _Cloud = None,
    swath: _Swath = "auto",
    satellite: _Satellite = "auto",
    complete: _Complete = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a product of the same name.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Simulate a scene: OUT/<product>.SAFE, and the truth in OUT/<product>_truth/."""
    from tiles.simulate.product.simulate import ProductOptions, simulate_scene
    from workflows.runs.console import open_console, show_progress

    with show_progress(open_console(quiet=quiet)) as progress:
        product = simulate_scene(
            out,
            seed=seed,
            size=size,
            baseline=baseline,
            crs=crs,
            options=ProductOptions.pick(context.params),
            processes=True,
            progress=progress,
        )
    if not quiet:
        typer.echo(f"{product.path}\n{product.truth}   (water_fraction.tif, shoreline.gpkg, truth.json)")
