"""``make demo``: simulate a coast as a real product, map it, measure the error, say where the page and pictures are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.evaluation.map_accuracy import Accuracy

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the product and the map.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated coast.")] = 7,
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 1536,
) -> None:
    """Simulate a coast, map it, and compare the map with the truth."""
    from pipeline.evaluation.map_accuracy import compute_accuracy
    from pipeline.mapping.map_scene import MapOptions, map_scene
    from pipeline.view.write_page import write_page
    from tiles.simulate.product.simulate import ProductOptions, simulate_scene

    began = time.perf_counter()
    typer.echo(f"1  Simulating a coast of {size} x {size} pixels as a Sentinel-2 L2A product (seed {seed}) ...")
    options = ProductOptions(kind="archipelago", cloud_cover=0.03, swath="full", overwrite=True)
    product = simulate_scene(out / "product", seed=seed, size=size, options=options)
    typer.echo(f"   {product.path}\n2  Mapping it ...")
    result = map_scene(product.path, out / "map", options=MapOptions(overwrite=True))
    typer.echo(f"   {result.folder}\n3  Comparing the map with the true shoreline ...")
    accuracy = compute_accuracy(result.folder, product.truth)
    _print_accuracy(accuracy)
    page = write_page(result.folder)
    typer.echo(f"\nDone in {time.perf_counter() - began:.0f} s. Look at it:")
    typer.echo(f"   {page.path}   (the map as a page for your browser)")
    typer.echo(f"   {result.folder / 'preview.png'}   (true colour with the coastline, and the probability)")
    typer.echo(f"   {result.folder / 'coastline.gpkg'}   (open it in QGIS: it brings its own styles)")


def _print_accuracy(accuracy: Accuracy) -> None:
    pixels, drawn, missed = accuracy.pixels, accuracy.mapped_to_true, accuracy.true_to_mapped
    typer.echo(f"   water IoU {pixels.iou:.4f}, precision {pixels.precision:.4f}, recall {pixels.recall:.4f}")
    for what, distance in (("mapped to true coastline", drawn), ("true to mapped coastline", missed)):
        typer.echo(
            f"   {what}: median {distance.median:.2f} m, RMSE {distance.rmse:.2f} m, "
            f"95th percentile {distance.p95:.2f} m"
        )
    typer.echo(
        f"   {accuracy.lines} lines, {accuracy.mapped_length_m / 1000:.1f} km; loose ends: {accuracy.loose_ends}"
    )


if __name__ == "__main__":
    typer.run(demo)
