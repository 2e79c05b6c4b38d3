"""What a map needs at its end is imported beside the network: at once, or near the end of a large scene."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from types import SimpleNamespace

import pytest

from pipeline.mapping import map_scene


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> SimpleQueue[str]:
    names: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(map_scene, "import_module", names.put)
    return names


def open_beside(edge: int) -> map_scene._ImportBeside:
    return map_scene._ImportBeside(SimpleNamespace(grid=SimpleNamespace(width=edge, height=edge)))  # type: ignore[arg-type]


def test_a_small_scene_has_it_imported_at_once_and_once(imported: SimpleQueue[str]) -> None:
    beside = open_beside(5000)
    assert imported.get(timeout=10) == "pipeline.mapping.write_results"
    beside.follow(0.95)
    with pytest.raises(Empty):
        imported.get(timeout=0.2)


def test_a_large_scene_has_it_imported_near_its_end(imported: SimpleQueue[str]) -> None:
    beside = open_beside(6000)
    beside.follow(0.89)
    with pytest.raises(Empty):
        imported.get(timeout=0.2)
    beside.follow(0.9)
    assert imported.get(timeout=10) == "pipeline.mapping.write_results"
