"""Ranges of choices as a user meets them: what is taken, and what is refused just beyond."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

Range = tuple[tuple[Any, ...], tuple[Any, ...]]
"""Values that are taken, and values that are refused."""


def check_ranges(
    build: Callable[..., Any], ranges: Mapping[str, Range], error: type[Exception], **needed: object
) -> None:
    """Each choice takes and refuses what stands in the table.

    Args:
        build: Makes the choices.
        ranges: By the names of choices.
        error: What is raised for a value that is refused.
        needed: Choices without which none are made.
    """
    for name, (taken, refused) in ranges.items():
        for value in taken:
            assert getattr(build(**{**needed, name: value}), name) == value, (name, value)
        for value in refused:
            try:
                build(**{**needed, name: value})
            except error:
                continue
            pytest.fail(f"{name} took {value}")
