"""``strandline data check DIR``: whether training data is whole, and what about it is suspect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tiles.samples.mask_values import MaskValues
    from tiles.samples.swed_check import SwedReport

__all__ = ["check", "data", "render_report"]

_FAULTY = 1
_NAMED = 3
"""Chips that are named a kind of fault; all of them stand in the JSON."""

data = typer.Typer(help="Look at training data.", no_args_is_help=True)


@data.callback()
def _root() -> None:
    """Look at training data."""


@data.command("check")
def check(
    folder: Annotated[
        str, typer.Argument(help="SWED as published (the folder that holds train and test), or a folder with images.")
    ],
    *,
    write_suspects: Annotated[
        Path | None, typer.Option(help="Write chips that are mislabelled, empty or broken, for a recipe's exclude.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Say what is there, what is missing, broken or suspect; exit code 1 where something is missing or broken.

    A folder with images and masks or polygons is read as a training would read it: its scenes, and what share of the
    labels each value of the masks has.
    """
    import json

    from tiles.samples.mask_values import MaskValues

    root, values = MaskValues.parse(folder)
    if (Path(root) / "images").is_dir():
        _check_scenes(Path(root), values, as_json=as_json)
        return

    from rich.console import Console
    from rich.progress import Progress

    from tiles.samples.swed_check import check_swed

    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("Reading chips", total=None)
        report = check_swed(Path(folder), progress=lambda done, total: bar.update(task, completed=done, total=total))
    if write_suspects is not None:
        lines = [f"# chips of {folder} that look mislabelled, empty or broken", *report.suspects]
        write_suspects.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        Console().print(render_report(report))
    if not report.is_usable:
        raise typer.Exit(_FAULTY)


def _check_scenes(root: Path, values: MaskValues, *, as_json: bool) -> None:
    """Open a folder of scenes, which refuses what cannot be learned from, and print its labels by value."""
    import json

    from tiles.samples.folder import FolderSamples

    source = FolderSamples(root=root, values=values)
    doubts = [doubt for shares in source.label_shares for doubt in shares.doubts]
    if as_json:
        labels = [shares.to_dict() for shares in source.label_shares]
        facts = {"kind": "folder", "root": str(root), "scenes": len(source.scenes), "places": len(source.places)}
        typer.echo(json.dumps(facts | {"labels": labels, "doubts": doubts}, indent=2))
        return
    typer.echo(f"{len(source.scenes)} labelled scenes at {len(source.places)} places in {root}")
    for shares in source.label_shares:
        typer.echo(f"{shares.sentence}.")
    for doubt in doubts:
        typer.echo(f"Warning: {doubt}", err=True)


def render_report(report: SwedReport) -> RenderableType:
    """Lay out what was found for a terminal.

    Args:
        report: What was found.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from tiles.samples.swed_check import FAULTS

    facts = [f"{count:,} chips of {report.scenes[split]} scenes in {split}" for split, count in report.chips.items()]
    labelled = sum(report.pixels.values())
    shares = ", ".join(f"{count / labelled:.1%} {word}" for word, count in report.pixels.items() if count)
    facts.append(f"{labelled:,} labelled pixels with data: {shares}" if labelled else "No labelled pixel with data")
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("Grade", "Chips", "What", "Such as"):
        table.add_column(heading, justify="right" if heading == "Chips" else "left", overflow="fold")
    colours = {"missing": "red", "broken": "red", "suspect": "yellow"}
    for name, fault in FAULTS.items():
        chips = sorted(report.faults.get(name, []))
        if chips:
            grade = Text(fault.grade, style=colours[fault.grade])
            table.add_row(grade, f"{len(chips):,}", fault.words, "\n".join(chips[:_NAMED]))
    for scene in report.offsets:
        table.add_row(Text("suspect", style="yellow"), "", "an offset of 1000 seems to be in; SWED has none", scene)
    verdict = "Can be trained on." if report.is_usable else "Something is missing or broken: mend it, or exclude it."
    rows = [table] if table.row_count else [Text("Nothing is missing, broken or suspect.")]
    return Group(*[Text(fact) for fact in facts], Text(), *rows, Text(), Text(verdict, style="bold"))
