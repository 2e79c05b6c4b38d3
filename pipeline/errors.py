"""Errors of the work itself: an output that cannot be written, a format that does not exist."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strandline import StrandlineError
from tiles.errors import OptionError

__all__ = [
    "AreasError",
    "BusyError",
    "MissingExtraError",
    "MosaicError",
    "NothingClearError",
    "OptionError",
    "OutputError",
    "SecretError",
    "StaleResultError",
    "UnfitSceneError",
    "UnknownFormatError",
    "is_held_open",
    "output_errors",
    "raster_errors",
    "require_space",
]

_ADVICE = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk",
    errno.EDQUOT: "The quota is used up: free some space, or choose a folder on another disk",
    errno.EFBIG: "Files may not grow that large here: raise the limit (ulimit -f), or choose another disk",
    errno.EACCES: "Choose a folder that you may write to",
    errno.EPERM: "Choose a folder that you may write to",
    errno.EROFS: "The disk is read-only: choose another folder",
}

_ANY_ADVICE = "Check that the folder is writable and its disk has space"

_HELD_OPEN = (5, 32, 33)
"""Errors of Windows: access denied (as a folder is whose files are open), sharing violation, lock violation."""

_LONGEST_ON_WINDOWS = 259

_LONGEST_REASON = 300

_FULL = 4 << 20
"""Bytes: a disk with less free than this is taken to be the reason why GDAL could not write."""


class OutputError(StrandlineError, OSError):
    """An output could not be written whole: disk full, no permission, larger than its format allows."""

    exit_code = 5


class BusyError(OutputError):
    """Another run is making the same result at this moment."""


class MosaicError(StrandlineError, ValueError):
    """Mapped scenes do not go together, or do not lie where a mosaic was asked for."""

    exit_code = 2


class NothingClearError(MosaicError):
    """No scene shows a pixel that is not hidden."""


class MissingExtraError(StrandlineError, ImportError):
    """A library is not installed that only some commands need."""

    exit_code = 2


class StaleResultError(OutputError):
    """The folder holds a result of other inputs or choices, and replacing it was not asked for."""


class UnfitSceneError(StrandlineError, ValueError):
    """The scene is not of a kind that the model was made for."""

    exit_code = 2


class UnknownFormatError(StrandlineError, ValueError):
    """A vector format was asked for that Strandline does not write."""

    exit_code = 2


@contextmanager
def output_errors(path: Path, *foreign: type[Exception]) -> Iterator[None]:
    """Turn whatever a library raises while ``path`` is written into one clear line.

    Args:
        path: The file (or folder) being written, named in the message.
        foreign: Errors of the writing library besides ``OSError``.

    Raises:
        OutputError: In place of those; the first error stays as its cause.
    """
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, *foreign)):
            raise
        raise OutputError(_message(path, error)) from error


@contextmanager
def raster_errors(*places: Path) -> Iterator[None]:
    """Turn what rasterio raises while results are read into one clear line.

    Args:
        places: The results, named in the message; what GDAL says names the file.

    Raises:
        OutputError: In place of that; the first error stays as its cause.
    """
    from rasterio.errors import RasterioError  # noqa: PLC0415 (a command that reads no raster need not load it)

    try:
        yield
    except RasterioError as error:
        said = " ".join(str(error.__cause__ or error).split()).rstrip(".")
        where = " or ".join(map(str, places))
        raise OutputError(f"A raster of {where} cannot be read: {said}. Make it anew.") from error


def is_held_open(error: OSError) -> bool:
    """Whether Windows refused something, perhaps because a program has a file open.

    Args:
        error: What was raised; elsewhere no error is of this kind.
    """
    return getattr(error, "winerror", None) in _HELD_OPEN


def require_space(folder: Path, needed: int) -> None:
    """Refuse work whose output will not fit, before hours are spent on it.

    Args:
        folder: Existing folder on the disk in question.
        needed: Bytes that will surely be written at one time.

    Raises:
        OutputError: The disk has less, or the folder is not there.
    """
    with output_errors(folder):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"Could not write to {folder}: about {needed / 1e6:,.0f} MB are needed, the disk has {free / 1e6:,.0f} MB. "
            f"{_ADVICE[errno.ENOSPC]}."
        )


def _message(path: Path, error: Exception) -> str:
    """Name the file, the reason and the way out; GDAL says "write failed" where the system would say why."""
    number = getattr(error, "errno", None)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
    if len(reason) > _LONGEST_REASON:  # GDAL writes out the whole feature
        reason = f"{reason[:_LONGEST_REASON]} ..."
    if number is None and _is_disk_full(path.parent):
        number, reason = errno.ENOSPC, "the disk is full"
    advice = _advise_on_windows(path, error) or _ADVICE.get(number or 0, _ANY_ADVICE)
    return f"Could not write {path} ({reason.rstrip('.') or type(error).__name__}). {advice}."


def _advise_on_windows(path: Path, error: Exception) -> str | None:
    """The way out of what only Windows refuses; ``None`` where there is nothing of that kind."""
    if not isinstance(error, OSError) or getattr(error, "winerror", None) is None:
        return None
    if len(str(path)) > _LONGEST_ON_WINDOWS:
        return (
            f"The path has {len(str(path))} characters, and Windows takes {_LONGEST_ON_WINDOWS} unless long paths are "
            "switched on: choose a shorter --out, or switch them on"
        )
    if is_held_open(error):
        return "Close the program that has it open (QGIS?), or choose a folder that you may write to"
    return None


def _is_disk_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


class AreasError(StrandlineError, ValueError):
    """The file of a watcher makes no sense: a misspelt key, a value out of range, an area that is none."""

    exit_code = 2


class SecretError(AreasError):
    """A secret stands where it must not, or an environment variable that should hold one is not set."""
