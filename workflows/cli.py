"""The command line: ``strandline COMMAND``. Each command has a file of its own; this one only gathers them.

Nothing heavy is imported here or at the top of a command's file, so that ``strandline --help`` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import click
import typer

from strandline import StrandlineError, __version__
from workflows.info_command import info
from workflows.map_command import map_
from workflows.models_command import models
from workflows.simulate_command import simulate

__all__ = ["app", "main"]

app = typer.Typer(
    name="strandline",
    help="Map where land meets water, from 12-band Sentinel-2 scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("map")(map_)
app.command("info")(info)
app.command("simulate")(simulate)
app.command("models")(models)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"strandline {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    """Map where land meets water, from 12-band Sentinel-2 scenes."""


def main() -> None:
    """Run the command line: one line and an exit code for each error, the traceback with ``--debug`` alone."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(app(standalone_mode=False))
    except click.ClickException as error:  # an option that does not exist, a value of the wrong type
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("Stopped. Nothing half-written was left.", 130)
    except StrandlineError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        _fail(f"{type(error).__name__}: {reason}. This is our fault: run again with --debug, and report it.", 70)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(message: str, exit_code: int) -> None:
    if "--debug" in sys.argv:
        raise  # noqa: PLE0704 (called from an except block)
    typer.secho(f"strandline: {message}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
