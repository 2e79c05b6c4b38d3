"""Strandline maps where land meets water, from 12-band Sentinel-2 scenes.

This module is the ground that every room stands on: the version, and the root of all errors.
It imports nothing, so any room may import it (see ``tests/test_rooms.py``).
"""

from __future__ import annotations

__all__ = ["StrandlineError", "__version__"]

__version__ = "0.1.0"


class StrandlineError(Exception):
    """Root of every error that Strandline raises on purpose.

    Its message is one line for a person: what was expected, what was found, where, and what to do.
    The command line prints it alone and exits with ``exit_code``.
    """

    exit_code: int = 1
