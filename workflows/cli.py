"""The command line: ``strandline COMMAND``. Each command has a file of its own; this one only gathers them.

Nothing heavy is imported here or at the top of a command's file, so that ``strandline --help`` answers at once.
"""

from __future__ import annotations

import _thread
import faulthandler
import gc
import io
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType

import typer
from typer.exceptions import TyperException

from strandline import StrandlineError, __version__
from workflows.commands.ablate import ablate
from workflows.commands.batch import batch
from workflows.commands.bench import bench
from workflows.commands.change import change
from workflows.commands.coast import coast
from workflows.commands.compare import compare
from workflows.commands.data import data
from workflows.commands.evaluate import evaluate
from workflows.commands.exclude import exclude
from workflows.commands.export import export
from workflows.commands.export_model import export_model_
from workflows.commands.info import info
from workflows.commands.map import map_
from workflows.commands.models import models
from workflows.commands.mosaic import mosaic
from workflows.commands.search import search
from workflows.commands.simulate import simulate
from workflows.commands.simulate_coast import simulate_coast
from workflows.commands.simulate_series import simulate_series
from workflows.commands.status import status
from workflows.commands.timeseries import timeseries
from workflows.commands.train import train
from workflows.commands.view import view
from workflows.commands.watch import watch

__all__ = ["app", "main"]

_INTERRUPTED = 130
_OUR_FAULT = 70
_MOST_WORDS = 5
_CYCLES_AFTER = 50_000
"""New objects after which Python looks for cycles: at its 700 it does so 330 times while libraries are imported."""

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
app.command("search")(search)
app.command("batch")(batch)
app.command("watch")(watch)
app.command("status")(status)
app.command("exclude")(exclude)
app.command("mosaic")(mosaic)
app.command("coast")(coast)
app.command("change")(change)
app.command("timeseries")(timeseries)
app.command("view")(view)
app.command("export")(export)
app.command("simulate")(simulate)
app.command("simulate-coast")(simulate_coast)
app.command("simulate-series")(simulate_series)
app.command("models")(models)
app.command("evaluate")(evaluate)
app.command("compare")(compare)
app.command("train")(train)
app.command("ablate")(ablate)
app.command("export-model")(export_model_)
app.command("bench")(bench)
app.add_typer(data, name="data")


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
    gc.set_threshold(_CYCLES_AFTER)
    signal.signal(signal.SIGTERM, _stop)
    _take_any_letter()
    if os.environ.get("STRANDLINE_STOP") == "stdin":
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    if "--debug" in sys.argv:
        sys.exit(app(standalone_mode=False))
    is_service = sys.argv[1:2] == ["watch"] and "--once" not in sys.argv  # what a library says belongs into its log
    with nullcontext(list[str]()) if is_service else _hold_library_words() as words:
        message, code = _run()
    if not message or code == _OUR_FAULT:  # an error of ours says already what a library meant
        _print_library_words(words)
    if message:
        typer.secho(f"strandline: {message}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    if code == _INTERRUPTED:
        _end_at_once(code)
    if "triton" not in sys.modules:  # it says of each object that is left to the end that it leaked, a screen full
        gc.freeze()  # Python would look through all that libraries made for cycles, for half a second, before it ends
    sys.exit(code)


def _stop_at_end_of_input() -> None:
    """Stop as at Ctrl-C once standard input is closed: a program that started us may know no signals, or crash."""
    while os.read(0, 4096):
        pass
    _thread.interrupt_main(signal.SIGTERM)


def _take_any_letter() -> None:
    """Write what an old code page of Windows has no letter for as its number, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end_at_once(code: int) -> None:
    """End without taking the interpreter apart: threads of a decoder or a network may still run, and would crash."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader of our output may have left
            stream.flush()
    os._exit(code)


def _run() -> tuple[str, int]:
    """Run the command; returns what went wrong, in one line, and the exit code."""
    stopped = ("Stopped. Nothing half-written was left.", _INTERRUPTED)
    try:
        code = app(standalone_mode=False) or 0
    except TyperException as error:  # an option that does not exist, a value of the wrong type
        message = error.format_message()  # empty where help was shown instead
        return f"{message} (try --help)" if message else "", error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return stopped
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return "", 141
    except Exception as error:
        return _describe(error)
    return stopped if code == _INTERRUPTED else ("", code)  # Typer turns Ctrl-C into an exit code


def _describe(error: Exception) -> tuple[str, int]:
    """What went wrong, in one line, and the exit code."""
    if isinstance(error, ModuleNotFoundError):
        from pipeline.extras import explain_missing_library

        error = explain_missing_library(error) or error
    if isinstance(error, StrandlineError):
        from pipeline.installation import name_install_commands

        return name_install_commands(_name_option(error)), error.exit_code
    reason = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {reason}. This is our fault: run again with --debug, and report it.", _OUR_FAULT


def _name_option(error: StrandlineError) -> str:
    """What went wrong; a choice goes by the name under which it is typed."""
    option = getattr(error, "option", None)
    if option is None:
        return str(error)
    flag = f"--{option.replace('_', '-')}"
    typed = {word.partition("=")[0] for word in sys.argv}
    short = flag.removesuffix("-m")  # --spacing says spacing_m
    return f"{short if short in typed else flag}{str(error).removeprefix(option)}"


@contextmanager
def _hold_library_words() -> Iterator[list[str]]:
    """Hold back what C libraries print (libtiff, when a disk is full) until it is known what came of it.

    Yields:
        The lines, once the block has ended.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    sys.stderr.flush()
    words: list[str] = []
    ours, shown = os.dup(2), sys.stderr
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        sys.stderr = os.fdopen(os.dup(ours), "w", buffering=1, encoding=shown.encoding, errors="backslashreplace")
        faulthandler.enable(sys.stderr)  # a library that crashes takes this process along, and what it said
        try:
            yield words
        finally:
            faulthandler.disable()
            sys.stderr.close()
            sys.stderr = shown
            os.dup2(ours, 2)
            os.close(ours)
            held.seek(0)
            text = held.read().decode("utf-8", errors="replace")
            words += dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())


def _print_library_words(words: Sequence[str]) -> None:
    for line in words[:_MOST_WORDS]:
        typer.echo(f"Note: a library says: {line}", err=True)
    if len(words) > _MOST_WORDS:
        typer.echo(f"Note: libraries say {len(words) - _MOST_WORDS} lines more, which --debug shows.", err=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
