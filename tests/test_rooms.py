"""The house rule: a scene flows one way, and a room imports only what stands beneath it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("tiles", "models", "pipeline", "workflows")
MAY_IMPORT = {
    "tiles": {"tiles"},
    "models": {"models"},
    "pipeline": {"pipeline", "tiles", "models"},
    "workflows": {"workflows", "pipeline", "tiles", "models"},
}


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that this test can read them"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_stands_beneath_it(room: str) -> None:
    files = list((ROOT / room).glob("*.py"))
    assert files
    for path in files:
        rooms = {name.split(".")[0] for name in imported_modules(path)} & set(ROOMS)
        assert rooms <= MAY_IMPORT[room], f"{path.name} imports {rooms - MAY_IMPORT[room]}"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_flat(room: str) -> None:
    assert [path for path in (ROOT / room).rglob("*.py") if path.parent != ROOT / room] == []


MAY_USE_TORCHGEO = {"geo_datasets.py"}
"""Training on a user's own scenes goes by torchgeo's datasets and samplers; nothing that maps imports this file."""


def test_pixels_on_a_grid_need_no_torch() -> None:
    for path in (ROOT / "tiles").glob("*.py"):
        if path.name in MAY_USE_TORCHGEO:
            continue
        modules = {name.split(".")[0] for name in imported_modules(path)}
        assert not modules & {"torch", "torchgeo"}, f"{path.name} imports torch"


def test_only_training_imports_torchgeo() -> None:
    users = {"tiles.samples.geo_datasets": {"folder_samples.py"}, "tiles.samples.folder": set[str]()}
    for path in (ROOT / "tiles").glob("*.py"):
        for name in imported_modules(path) & set(users):
            assert path.name in users[name], f"{path.name} imports {name}"


def test_the_ground_imports_nothing_of_ours() -> None:
    assert not {name.split(".")[0] for name in imported_modules(ROOT / "strandline.py")} & set(ROOMS)
