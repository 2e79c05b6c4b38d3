"""An area that gets no new scene for too long is told once, and that one came once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pipeline.watch.areas.file import read_areas
from pipeline.watch.run_round import run_round
from tests.pipeline.stac_items import make_item, serve_folder, write_items
from tests.pipeline.watch.ledger.ledger_places import Clock
from tests.pipeline.watch.watched import list_told, tell_into


def test_silence_is_told_once_and_ends_once(tmp_path: Path) -> None:
    """All scenes are under cloud: they count as new all the same, and none is mapped."""
    items = [make_item("first", when="2024-06-01T10:20:30Z", cloud=99.0)]
    write_items(tmp_path / "host" / "items.json", items)
    clock = Clock(datetime(2024, 6, 10, tzinfo=UTC))
    with serve_folder(tmp_path / "host") as url:
        area = {"name": "coast", "aoi": "10.1,54.1,10.9,54.9", "source": f"{url}/items.json", "look_back": 400}
        document = {"areas": [area | {"stale_after": "20d"}], "notifications": [tell_into(tmp_path)]}
        (tmp_path / "areas.yaml").write_text(json.dumps(document | {"limits": {"keep_free": 0}}))
        settings = read_areas(tmp_path / "areas.yaml")

        def told(days: int) -> list[tuple[str, str]]:
            clock.move(days=days)
            assert run_round(settings, "coast", clock=clock).error is None
            return [(event["kind"], event["title"]) for event in list_told(tmp_path)]

        assert told(0) == []
        assert told(15) == [("failure", "coast: no new scene for 23 days")]
        assert told(5) == told(5) == told(0)
        items.append(make_item("second", when="2024-07-04T10:20:30Z", cloud=99.0))
        write_items(tmp_path / "host" / "items.json", items)
        assert told(0)[1:] == [("recovered", "coast: a new scene came")]
        assert len(told(5)) == 2
        assert told(30)[2:] == [("failure", "coast: no new scene for 35 days")]


def test_an_area_that_never_had_a_scene_is_told(tmp_path: Path) -> None:
    write_items(tmp_path / "items.json", [make_item("elsewhere", box=(30, 10, 31, 11))])
    area = {"name": "coast", "aoi": "10.1,54.1,10.9,54.9", "source": "items.json", "stale_after": "20d"}
    document = {"areas": [area], "notifications": [tell_into(tmp_path)], "limits": {"keep_free": 0}}
    (tmp_path / "areas.yaml").write_text(json.dumps(document))
    settings, clock = read_areas(tmp_path / "areas.yaml"), Clock(datetime(2024, 7, 1, tzinfo=UTC))
    for _ in range(3):
        run_round(settings, "coast", clock=clock)
        clock.move(days=1)
    (event,) = list_told(tmp_path)
    assert event["facts"]["since"] == "the beginning"
