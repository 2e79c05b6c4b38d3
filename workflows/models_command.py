"""``strandline models``: the bundled models and what they say about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Group

    from models.card import ModelCard

__all__ = ["models"]


def models(
    name: Annotated[str | None, typer.Argument(help="A bundled model or a model file; left out: all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON, for machines.")] = False,
) -> None:
    """List the bundled models with their cards: what they want, what they were trained on, how well they do."""
    import json

    from rich.console import Console

    from models.registry import list_models, resolve_card

    cards = list_models() if name is None else (resolve_card(name),)
    if as_json:
        typer.echo(json.dumps([card.model_dump() for card in cards], indent=2))
        return
    for card in cards:
        Console().print(_render_card(card))


def _render_card(card: ModelCard) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    smallest, largest = card.resolution_m
    rows = [
        ("Bands", ", ".join(card.inputs)),
        ("Levels", ", ".join(card.levels)),
        ("Pixels", f"{smallest:g} to {largest:g} m"),
        ("Trained on", card.training.data),
        ("Trained by", f"{card.training.script}, seed {card.training.seed}, {card.training.minutes:.0f} minutes"),
        ("Licence", card.licence),
        *(("Measured", f"{figure.name}: {figure.value:.4g} {figure.unit} ({figure.on})") for figure in card.figures),
        *(("Fails on", failure) for failure in card.known_failures),
    ]
    for label, value in rows:
        facts.add_row(label, Text(value.replace(" 1 (", " (")))
    return Group(Text(f"{card.name} {card.version}", style="bold underline"), Text(card.description), facts, Text())
