"""Libraries that only some commands need: which extra of ours brings them."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

from pipeline.errors import MissingExtraError

__all__ = ["explain_missing_library"]

_DISTRIBUTIONS = {"odc": "odc-stac", "yaml": "pyyaml", "nvidia": "nvidia-nvimgcodec-cu13"}
"""Where the name that is imported is not that of what is installed."""

_EXTRA = re.compile(r"""^([\w.-]+).*;.*extra == ["']([\w-]+)["']""")


_POSIX = ("fcntl", "resource")
"""What Python has on Linux and macOS alone; the command line asks for it where a command is at home there."""


def explain_missing_library(error: ImportError) -> MissingExtraError | None:
    """Say which extra of ours brings a library that could not be imported, or that this system has none.

    Args:
        error: Of the import.

    Returns:
        The error to raise in its place; ``None`` where no extra brings the library.
    """
    library = (error.name or "").partition(".")[0]
    if library in _POSIX:
        return MissingExtraError(
            f"This runs on Linux and macOS alone ({library} is missing here): on Windows take WSL 2, or a container. "
            "What maps, compares and looks at scenes does without it."
        )
    extras = _list_extras().get(_DISTRIBUTIONS.get(library, library).replace("_", "-").lower())
    if not extras:
        return None
    installs = " or ".join(f"pip install 'strandline[{extra}]'" for extra in extras)
    return MissingExtraError(f"{library} is needed for this, and is not installed: {installs}.")


@cache
def _list_extras() -> dict[str, list[str]]:
    """The extras that bring a distribution, as what is installed of us states them; ``dev`` is no user's."""
    try:
        requirements = metadata.requires("strandline") or []
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return {}
    extras: dict[str, list[str]] = {}
    for requirement in requirements:
        match = _EXTRA.match(requirement)
        if match and match[2] != "dev":
            extras.setdefault(match[1].replace("_", "-").lower(), []).append(match[2])
    return extras
