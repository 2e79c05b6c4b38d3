"""The house rule: a scene flows one way, a room imports only what stands beneath it, and nothing goes in a circle.

Late imports and those for types alone count as well.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WINGS = ("tiles", "models", "pipeline", "workflows")
MOST_FILES = 25

MAY_IMPORT: dict[str, set[str]] = {
    "models": set(),
    "models/measures": set(),
    "tiles": set(),
    "models/losses": {"models"},
    "models/networks": {"models"},
    "pipeline/shore": {"tiles"},
    "pipeline/trace": {"tiles"},
    "tiles/pixels": {"tiles"},
    "tiles/products": {"tiles"},
    "tiles/simulate/world": {"tiles"},
    "models/runtimes": {"models", "models/networks"},
    "pipeline": {"models", "tiles", "tiles/products"},
    "tiles/samples": {"tiles", "tiles/pixels", "tiles/products"},
    "tiles/simulate/product": {"tiles", "tiles/products", "tiles/simulate/world"},
    "pipeline/cluster": {"pipeline", "tiles"},
    "pipeline/output": {"pipeline", "tiles"},
    "pipeline/predict": {"models", "models/runtimes", "pipeline", "tiles", "tiles/pixels"},
    "pipeline/samples": {
        "models",
        "pipeline",
        "pipeline/shore",
        "tiles",
        "tiles/samples",
        "tiles/simulate/series",
        "tiles/simulate/world",
    },
    "pipeline/search": {"pipeline", "tiles", "tiles/products"},
    "pipeline/watch/ledger": {"pipeline"},
    "pipeline/watch/notify": {"pipeline"},
    "tiles/simulate/coast": {"tiles", "tiles/products", "tiles/simulate/product", "tiles/simulate/world"},
    "pipeline/ablation": {
        "models",
        "models/losses",
        "models/measures",
        "models/networks",
        "models/runtimes",
        "pipeline",
        "pipeline/output",
        "pipeline/samples",
        "tiles",
        "tiles/samples",
    },
    "pipeline/cubes": {
        "models",
        "models/runtimes",
        "pipeline",
        "pipeline/output",
        "pipeline/predict",
        "tiles",
        "tiles/pixels",
        "tiles/products",
    },
    "pipeline/evaluation": {
        "models",
        "models/measures",
        "models/runtimes",
        "pipeline",
        "pipeline/output",
        "pipeline/samples",
        "pipeline/trace",
        "tiles",
        "tiles/samples",
    },
    "pipeline/export": {"pipeline", "pipeline/output", "pipeline/record", "tiles"},
    "pipeline/record": {"models", "models/networks", "pipeline", "pipeline/output", "tiles", "tiles/products"},
    "pipeline/publish": {"pipeline", "pipeline/record"},
    "pipeline/training": {
        "models",
        "models/losses",
        "models/measures",
        "models/networks",
        "models/runtimes",
        "pipeline",
        "pipeline/samples",
        "tiles",
        "tiles/samples",
    },
    "tiles/simulate/series": {"tiles", "tiles/simulate/coast", "tiles/simulate/product", "tiles/simulate/world"},
    "pipeline/register": {"pipeline/output", "pipeline/trace", "tiles"},
    "pipeline/change": {
        "pipeline",
        "pipeline/export",
        "pipeline/output",
        "pipeline/record",
        "pipeline/register",
        "pipeline/trace",
        "tiles",
    },
    "pipeline/evaluation/report": {"pipeline", "pipeline/evaluation"},
    "pipeline/mapping": {
        "models",
        "models/runtimes",
        "pipeline",
        "pipeline/export",
        "pipeline/output",
        "pipeline/predict",
        "pipeline/publish",
        "pipeline/record",
        "pipeline/shore",
        "pipeline/trace",
        "tiles",
        "tiles/pixels",
        "tiles/products",
    },
    "pipeline/mosaic": {
        "pipeline",
        "pipeline/cluster",
        "pipeline/export",
        "pipeline/output",
        "pipeline/publish",
        "pipeline/record",
        "pipeline/shore",
        "pipeline/trace",
        "tiles",
        "tiles/pixels",
    },
    "pipeline/timeseries": {"pipeline", "pipeline/output", "pipeline/record", "pipeline/register", "tiles"},
    "pipeline/view": {"pipeline", "pipeline/output", "pipeline/record", "tiles", "tiles/products"},
    "pipeline/batch": {
        "models/runtimes",
        "pipeline",
        "pipeline/cluster",
        "pipeline/mapping",
        "pipeline/predict",
        "pipeline/publish",
        "pipeline/record",
        "pipeline/search",
        "tiles",
        "tiles/products",
    },
    "pipeline/coast": {
        "pipeline",
        "pipeline/batch",
        "pipeline/cluster",
        "pipeline/mapping",
        "pipeline/mosaic",
        "pipeline/publish",
        "pipeline/record",
        "pipeline/search",
        "pipeline/view",
        "tiles",
        "tiles/products",
    },
    "pipeline/bench": {
        "models/networks",
        "models/runtimes",
        "pipeline",
        "pipeline/mapping",
        "pipeline/output",
        "pipeline/predict",
        "tiles",
        "tiles/pixels",
        "tiles/products",
        "tiles/simulate/product",
    },
    "pipeline/watch/areas": {
        "models/runtimes",
        "pipeline",
        "pipeline/output",
        "pipeline/publish",
        "pipeline/search",
        "pipeline/watch/notify",
    },
    "pipeline/watch": {
        "pipeline",
        "pipeline/batch",
        "pipeline/change",
        "pipeline/cluster",
        "pipeline/mapping",
        "pipeline/publish",
        "pipeline/record",
        "pipeline/search",
        "pipeline/timeseries",
        "pipeline/view",
        "pipeline/watch/areas",
        "pipeline/watch/ledger",
        "pipeline/watch/notify",
        "tiles/products",
    },
    "workflows/watcher": {
        "pipeline",
        "pipeline/search",
        "pipeline/watch",
        "pipeline/watch/areas",
        "pipeline/watch/ledger",
    },
    "workflows/runs": {
        "pipeline",
        "pipeline/batch",
        "pipeline/bench",
        "pipeline/change",
        "pipeline/cluster",
        "pipeline/coast",
        "pipeline/evaluation",
        "pipeline/evaluation/report",
        "pipeline/export",
        "pipeline/mapping",
        "pipeline/mosaic",
        "pipeline/publish",
        "pipeline/search",
        "pipeline/timeseries",
        "pipeline/training",
        "pipeline/view",
        "pipeline/watch",
        "pipeline/watch/areas",
        "pipeline/watch/ledger",
        "tiles",
        "tiles/products",
        "workflows/watcher",
    },
    "workflows/commands": {
        "models",
        "models/runtimes",
        "pipeline",
        "pipeline/ablation",
        "pipeline/batch",
        "pipeline/coast",
        "pipeline/mapping",
        "pipeline/predict",
        "pipeline/record",
        "pipeline/watch",
        "pipeline/watch/areas",
        "tiles",
        "tiles/products",
        "tiles/samples",
        "tiles/simulate/coast",
        "tiles/simulate/product",
        "tiles/simulate/series",
        "workflows/runs",
        "workflows/watcher",
    },
    "workflows": {
        "pipeline",
        "pipeline/evaluation",
        "pipeline/mapping",
        "pipeline/view",
        "tiles/simulate/product",
        "workflows/commands",
    },
}
"""Room by room, from the ground up: which rooms it may import besides itself."""

MAY_USE_TORCHGEO = {"tiles.samples.geo_datasets"}
"""Training on a user's own scenes goes by torchgeo's datasets and samplers; nothing that maps imports this file."""


PLUGIN = ROOT / "workflows" / "qgis"
"""QGIS's own Python runs what is in here, by names that QGIS gives: no room of the house."""


def name_module(path: Path) -> str:
    module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    return module.removesuffix(".__init__")


@functools.cache
def list_sources() -> dict[str, Path]:
    """Every source file by its module."""
    paths = (path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py")))
    return {name_module(path): path for path in paths if PLUGIN not in path.parents}


@functools.cache
def list_imports(path: Path) -> set[str]:
    """Names of all that a file imports, wherever in it: modules, and what is taken from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that this test can read them"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}" in list_sources()}
            names |= {module} if any(f"{module}.{alias.name}" not in list_sources() for alias in node.names) else set()
    return names


def find_room(module: str) -> str:
    """The folder that a module lies in."""
    return list_sources()[module].parent.relative_to(ROOT).as_posix()


def list_our_imports(module: str) -> set[str]:
    return {name for name in list_imports(list_sources()[module]) if name in list_sources()}


def test_every_folder_of_source_is_a_room_in_the_table() -> None:
    assert {find_room(module) for module in list_sources()} - {"tiles/simulate"} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_stands_beneath_it(room: str) -> None:
    for module in list_sources():
        if find_room(module) != room:
            continue
        rooms = {find_room(name) for name in list_our_imports(module)} - {room}
        assert rooms <= MAY_IMPORT[room], f"{module} imports {sorted(rooms - MAY_IMPORT[room])}"


def test_the_table_has_no_circle_and_no_arrow_upward() -> None:
    tuple(TopologicalSorter(MAY_IMPORT).static_order())  # raises CycleError
    for room, others in MAY_IMPORT.items():
        for other in others:
            assert WINGS.index(other.split("/")[0]) <= WINGS.index(room.split("/")[0]), f"{room} imports {other}"
    assert not any(
        other.startswith("tiles") for room in MAY_IMPORT if room.startswith("models") for other in MAY_IMPORT[room]
    )


def test_no_module_goes_in_a_circle() -> None:
    tuple(TopologicalSorter({module: list_our_imports(module) for module in list_sources()}).static_order())


def test_no_arrow_of_the_table_is_unused() -> None:
    used: dict[str, set[str]] = {room: set() for room in MAY_IMPORT}
    for module in list_sources():
        room = find_room(module)
        if room in used:
            used[room] |= {find_room(name) for name in list_our_imports(module)} - {room}
    assert used == MAY_IMPORT


def test_a_room_can_be_overlooked() -> None:
    for room in MAY_IMPORT:
        assert len(list((ROOT / room).glob("*.py"))) <= MOST_FILES, room


def test_the_tree_for_readers_names_every_room_and_its_door() -> None:
    tree = dict(
        re.findall(
            r"^\| \**`([\w/]+)/`\** \|.*\| `(\w+\.py)` \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
        )
    )
    assert set(tree) == set(MAY_IMPORT)
    assert [room for room, door in tree.items() if not (ROOT / room / door).is_file()] == []


def test_the_door_plate_of_a_room_holds_words_alone() -> None:
    for path in (ROOT / room / "__init__.py" for room in MAY_IMPORT):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path


def test_the_plugin_of_qgis_imports_python_qgis_and_itself_alone() -> None:
    assert len(list(PLUGIN.glob("*.py"))) <= MOST_FILES
    for path in PLUGIN.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names, path
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").split(".")[0] in {*sys.stdlib_module_names, "qgis"}, path


def test_pixels_on_a_grid_need_no_torch() -> None:
    for module, path in list_sources().items():
        if module.startswith("tiles") and module not in MAY_USE_TORCHGEO:
            assert not {name.split(".")[0] for name in list_imports(path)} & {"torch", "torchgeo"}, module


def test_only_training_imports_torchgeo() -> None:
    users = {"tiles.samples.geo_datasets": {"tiles.samples.folder"}, "tiles.samples.folder": set[str]()}
    for module in list_sources():
        if module.startswith("tiles"):
            for name in list_our_imports(module) & set(users):
                assert module in users[name], f"{module} imports {name}"
