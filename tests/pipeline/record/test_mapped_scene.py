"""The mapped scenes of a folder: whole ones by time, all of one model, and overpasses grouped."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.dates import parse_period
from pipeline.errors import MosaicError
from pipeline.record.mapped_scene import MappedScene, group_acquisitions, read_mapped_scenes
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped

GRID = make_grid(epsg=32630, left=500_000, top=5_600_000, width=4, height=3)
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
GROUND = Ground(distance_m=lambda lon, _lat: lon * 0 + 50)


def write(out: Path, name: str, **properties: Any) -> Path:  # noqa: ANN401
    return write_mapped(out, name, GRID, GROUND, properties={"datetime": NOON.isoformat(), **properties})


def make_scene(minutes: float | None, *, platform: str | None = "sentinel-2a") -> MappedScene:
    acquired = None if minutes is None else NOON + timedelta(minutes=minutes)
    return MappedScene(id="one", folder=Path(), grid=GRID, acquired=acquired, platform=platform)


def test_scenes_come_by_time_and_without_one_first(tmp_path: Path) -> None:
    write(tmp_path, "c", datetime="2024-07-02T12:00:00+02:00")
    write(tmp_path, "b", platform="sentinel-2b")
    write(tmp_path, "S2A_MSIL2A_20240701T120000_N0511_R137_T30UXB_20240701T170000")
    write(tmp_path, "d", datetime=None, **{"strandline:simulated": True})
    mapped = read_mapped_scenes(tmp_path)
    assert [scene.id[:1] for scene in mapped.scenes] == ["d", "S", "b", "c"]
    assert mapped.fingerprints[0] == "fingerprint of d"
    none, tile, other, last = mapped.scenes
    assert (none.acquired, none.simulated, none.tile) == (None, True, None)
    assert (tile.tile, tile.platform, tile.simulated) == ("30UXB", "sentinel-2a", False)
    assert other.platform == "sentinel-2b"
    assert last.acquired == datetime(2024, 7, 2, 10, tzinfo=UTC)
    assert last.grid == GRID
    assert (mapped.model, mapped.model_sha256, mapped.threshold, mapped.surface_error) == (
        "a-model",
        "0" * 64,
        0.5,
        0.1,
    )
    assert mapped.notes == ()


def test_the_error_of_the_surface_is_that_of_shares_where_maps_state_it(tmp_path: Path) -> None:
    write(tmp_path, "a", **{"strandline:statistics": {"share_error": 0.04}})
    assert read_mapped_scenes(tmp_path).surface_error == pytest.approx(0.04)
    write(tmp_path, "b", **{"strandline:statistics": {"share_error": None}})  # no shore: the probability's, 0.1
    assert read_mapped_scenes(tmp_path).surface_error == pytest.approx(0.07)


def test_scenes_of_some_days_and_those_that_belong_together(tmp_path: Path) -> None:
    write(tmp_path, "march", datetime="2024-03-31T23:59:59Z")
    write(tmp_path, "april", datetime="2024-04-01T00:00:00Z")
    write(tmp_path, "undated", datetime=None)
    spring = read_mapped_scenes(tmp_path, period=parse_period("2024-04/2024-06"))
    assert [scene.id for scene in spring.scenes] == ["april"]
    assert spring.notes == ("Left out, since no date of theirs is known: undated.",)
    chosen = read_mapped_scenes(tmp_path, wanted={"march", "april", "may"})
    assert [scene.id for scene in chosen.scenes] == ["march", "april"]
    assert chosen.lacking == ("may",)
    assert chosen.notes == ("It lacks 1 of its scenes, which could not be mapped: may.",)
    with pytest.raises(MosaicError, match=r"of 2023-01-01/2023-12-31 in .*, found those of 2024-03-31 to 2024-04-01"):
        read_mapped_scenes(tmp_path, period=parse_period("2023"))
    with pytest.raises(MosaicError, match="found some of no known day"):
        read_mapped_scenes(tmp_path, period=parse_period("2023"), wanted={"undated"})


def test_what_is_broken_or_no_map_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (write(tmp_path, "b") / "water.tif").write_bytes(b"")
    mosaic = write(tmp_path, "c") / "item.json"
    document = json.loads(mosaic.read_text())
    del document["properties"]["strandline:radiometry"]
    mosaic.write_text(json.dumps(document))
    mapped = read_mapped_scenes(tmp_path)
    assert [scene.id for scene in mapped.scenes] == ["a"]
    assert mapped.notes == ("Left out, since an output is missing: b.",)


def test_a_folder_without_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MosaicError, match=r"\(<scene id>/item.json\), found none. Map some first"):
        read_mapped_scenes(tmp_path)
    (write(tmp_path, "b") / "water.tif").unlink()
    with pytest.raises(MosaicError, match=r"found none that is whole \(1 are not\)"):
        read_mapped_scenes(tmp_path)


@pytest.mark.parametrize(
    "properties", [{"strandline:model_sha256": "1" * 64}, {"strandline:parameters": {"threshold": 0.6}}]
)
def test_maps_of_two_models_or_thresholds_are_refused(tmp_path: Path, properties: dict[str, Any]) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", **properties)
    with pytest.raises(MosaicError, match=r"found a-model at 0.5 \(a\) and a-model at 0.[56] \(b\)"):
        read_mapped_scenes(tmp_path)


def test_the_same_model_under_another_name_will_do(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", **{"mlm:name": "renamed"})
    assert len(read_mapped_scenes(tmp_path).scenes) == 2


def test_a_map_that_does_not_say_where_it_lies_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", **{"proj:shape": None})
    with pytest.raises(MosaicError, match=r"Expected proj:code, proj:shape and proj:transform"):
        read_mapped_scenes(tmp_path)


def test_an_overpass_lasts_half_an_hour_from_tile_to_tile() -> None:
    minutes = [0, 30, 60, 90.1]
    assert group_acquisitions([make_scene(minute) for minute in minutes]) == [[0, 1, 2], [3]]


def test_two_platforms_and_unknown_times_are_overpasses_of_their_own() -> None:
    scenes = [make_scene(None), make_scene(None), make_scene(0), make_scene(1, platform="b"), make_scene(2)]
    assert group_acquisitions(scenes) == [[0], [1], [2, 4], [3]]
    assert group_acquisitions([]) == []


def test_heights_of_the_tide_above_two_datums_are_not_put_together(tmp_path: Path) -> None:
    for name, tides, height in (("a", "port.csv", 1.0), ("b", "port.csv", 2.0), ("d", None, None)):
        parameters = {"threshold": 0.5, "tides": tides}
        write(tmp_path, name, **{"strandline:parameters": parameters, "strandline:tide_m": height})
    alike = read_mapped_scenes(tmp_path)
    assert ([scene.tide_m for scene in alike.scenes], alike.notes) == ([1.0, 2.0, None], ())
    parameters = {"threshold": 0.5, "tides": "FES2022"}
    write(tmp_path, "c", **{"strandline:parameters": parameters, "strandline:tide_m": 0.5})
    mixed = read_mapped_scenes(tmp_path)
    assert [scene.tide_m for scene in mixed.scenes] == [None] * 4
    assert mixed.notes == (
        "Heights of the tide that maps record were left out, since they are from FES2022 and port.csv.",
    )
