"""The notebook runs from a clean folder, and what it shows is what it says."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.run_notebook import execute

NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "cubes.ipynb"
PICTURE = "image/png"


def read_text(notebook: dict[str, object]) -> str:
    """All that the cells have printed."""
    cells = notebook["cells"]
    assert isinstance(cells, list)
    return "\n".join("".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", []))


def test_the_notebook_prints_what_it_holds() -> None:
    committed = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    again = execute(NOTEBOOK)
    assert read_text(dict(again)).strip() == read_text(committed).strip()
    pictures = [
        output for cell in again.cells for output in cell.get("outputs", []) if PICTURE in output.get("data", {})
    ]
    assert len(pictures) == 1
    assert NOTEBOOK.stat().st_size < 1_500_000
