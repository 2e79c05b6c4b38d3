"""``strandline watch``: every new scene of some coasts, mapped, compared and published, with nobody watching."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["watch"]

_Areas = Annotated[
    Path,
    typer.Argument(metavar="AREAS", help="YAML file of the areas; --example prints one to begin with."),
]


def _print_example(wanted: bool) -> None:
    if wanted:
        typer.echo(
            resources.files("workflows").joinpath("examples", "areas.yaml").read_text(encoding="utf-8"), nl=False
        )
        raise typer.Exit


_Example = Annotated[
    bool,
    typer.Option("--example", callback=_print_example, is_eager=True, help="Print a commented areas.yaml, and end."),
]
_Once = Annotated[bool, typer.Option("--once", help="One round of each area, then end: for cron and systemd timers.")]
_Due = Annotated[bool, typer.Option("--due", help="With --once: only areas whose turn has come by their schedule.")]
_Area = Annotated[list[str] | None, typer.Option("--area", help="With --once: only this area; may be given again.")]
_Since = Annotated[
    str | None, typer.Option(metavar="DAY", help="With --once: search from this day on (2024-06-01), once.")
]
_Retry = Annotated[
    bool, typer.Option("--retry", help="With --once: first make all failed scenes due again, those given up too.")
]
_Remap = Annotated[
    bool,
    typer.Option(
        "--remap", help="With --once: first make all maps of another model or other choices due again, oldest first."
    ),
]
_Check = Annotated[
    bool, typer.Option("--check", help="Say what it would do, try what it needs, list what is missing; do nothing.")
]
_Rounds = Annotated[int, typer.Option(min=1, help="Rounds at a time; scenes of this machine are mapped one by one.")]


def watch(
    areas: _Areas,
    example: _Example = False,
    once: _Once = False,
    due: _Due = False,
    area: _Area = None,
    since: _Since = None,
    retry: _Retry = False,
    remap: _Remap = False,
    check: _Check = False,
    rounds: _Rounds = 2,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Find, map, compare and publish new scenes, by the schedule of each area, until it is stopped (Ctrl-C).

    Exit code: 0 all went well, or it was stopped; with --once: 6 some scenes failed and wait for another try, or were
    given up; 8 the round of an area failed. With --check: 2 something is missing.
    """
    from workflows.runs.watch import run_watch

    run_watch(
        areas,
        once=once,
        only={"due": due, "areas": tuple(area or ()), "since": since, "retry": retry, "remap": remap},
        check=check,
        rounds=rounds,
        quiet=quiet,
    )
