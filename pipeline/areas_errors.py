"""Errors of a watcher's file."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["AreasError", "SecretError"]


class AreasError(StrandlineError, ValueError):
    """The file of a watcher makes no sense: a misspelt key, a value out of range, an area that is none."""

    exit_code = 2


class SecretError(AreasError):
    """A secret stands where it must not, or an environment variable that should hold one is not set."""
