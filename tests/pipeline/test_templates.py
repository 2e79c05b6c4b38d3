"""Templates escape what a page would take for markup, and miss nothing silently."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from pipeline.templates import TEMPLATES, open_templates


def test_a_name_that_is_missing_is_an_error() -> None:
    template = open_templates().from_string("{{ title }}")
    with pytest.raises(UndefinedError, match="title"):
        template.render()


def test_markup_is_escaped_in_pages_and_drawings_and_left_in_plain_text() -> None:
    templates = open_templates()
    assert templates.autoescape("a.html")  # type: ignore[operator]
    assert templates.autoescape("a.svg")  # type: ignore[operator]
    assert not templates.autoescape("a.md")  # type: ignore[operator]


def test_blocks_leave_no_empty_lines() -> None:
    assert open_templates().from_string("a\n  {% if true %}\nb\n  {% endif %}\n").render() == "a\nb\n"


def test_the_templates_lie_with_the_package() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} >= {"report.html", "report.css", "tables.html", "charts.svg"}
