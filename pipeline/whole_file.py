"""A file that is either whole or not there."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import output_errors

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: Where to; replaced where it exists.
        text: Its content.

    Raises:
        OutputError: It cannot be written.
    """
    begun = path.with_name(f".{path.name}.begun")
    with output_errors(path):
        try:
            begun.write_text(text, encoding="utf-8")
            begun.replace(path)
        finally:
            begun.unlink(missing_ok=True)
