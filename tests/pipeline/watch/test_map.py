"""What an area says of its scenes' pixels reaches the batch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.watch import map as watch_map
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.values import Mapped
from tiles.products.open import StackOptions


@pytest.mark.parametrize(("nodata", "stack"), [(None, None), (-9999.0, StackOptions(nodata=-9999.0))])
def test_nodata_of_an_area(monkeypatch: pytest.MonkeyPatch, nodata: float | None, stack: StackOptions | None) -> None:
    said: dict[str, Any] = {}

    def take(*_arguments: object, **choices: object) -> SimpleNamespace:
        said.update(choices)
        return SimpleNamespace(problems=())

    desk = SimpleNamespace(scenes=Path("work"), take=None, record_rest=lambda _reasons: None, done=Mapped())
    monkeypatch.setattr(watch_map, "run_batch", take)
    monkeypatch.setattr(watch_map, "_make_plan", lambda _rows, _area: None)
    monkeypatch.setattr(watch_map, "_Desk", lambda *_arguments: desk)
    settings: Any = SimpleNamespace(work="work", dask=SimpleNamespace(workers=1, scheduler=None), hide=None)
    nobody: Any = None
    area = AreaSettings(name="bay", aoi="10,50,11,51", nodata=nodata)
    watch_map.map_rows([], settings=settings, area=area, ledger=nobody, holder=nobody, report=nobody)
    assert said["stack"] == stack
