"""Texts that are filled from templates: pages of HTML, and Markdown."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

__all__ = ["TEMPLATES", "open_templates"]

TEMPLATES = Path(__file__).parent / "data" / "report"


def open_templates() -> Environment:
    """The templates of reports; values are escaped in HTML and SVG, and one that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html", "svg"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
