"""The tide of a scene: its height where a table or a model says it, a note where neither does, a column of lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from pipeline.errors import StaleResultError
from pipeline.mapping.map_scene import MapOptions, map_scene
from pipeline.mapping.tide import Tide, resolve_tide
from pipeline.tides import TideError
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.errors import OptionError
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene


def write_scene(folder: Path) -> Path:
    return write_raster(folder / "s.tif", dark_water((4, 40, 48)), descriptions=("B02", "B03", "B04", "B08"))


def open_dated(folder: Path, date: str | None) -> Scene:
    return open_scene(write_scene(folder), options=StackOptions.pick({"date": date}))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "heights.csv"
    path.write_text("time,height_m\n2024-06-01T11:00Z,0.4\n2024-06-01T12:00Z,0.6\n")
    return path


@pytest.mark.parametrize(
    ("date", "height", "words"),
    [
        ("2024-06-01T11:30Z", 0.5, None),
        ("2024-06-03T11:30Z", None, "heights.csv says nothing of 2024-06-03T11:30Z"),
        ("2024-06-01", None, "a day without a time"),
        (None, None, "no date"),
    ],
)
def test_a_table_tells_it_or_a_note_why_not(
    tmp_path: Path, table: Path, date: str | None, height: float | None, words: str | None
) -> None:
    scene = open_dated(tmp_path, date)
    tide = resolve_tide(MapOptions(tides=table), scene, scene.grid)
    assert (tide.height_m, tide.source) == (height, "heights.csv")
    assert (tide.note is None) if words is None else (words in str(tide.note))
    assert resolve_tide(MapOptions(), scene, scene.grid) == Tide()


def test_a_model_is_asked_in_the_middle_of_the_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def answer(name: str, folder: Path, moments: list[Any], **place: Any) -> np.ndarray:  # noqa: ANN401
        asked.update(name=name, folder=folder, moments=moments, **place)
        return np.array([0.12345])

    monkeypatch.setattr("pipeline.mapping.tide.compute_model_heights", answer)
    scene = open_dated(tmp_path, "2024-06-01T11:30Z")
    tide = resolve_tide(MapOptions(tide_model="EOT20", tide_folder=tmp_path), scene, scene.grid)
    assert (tide.height_m, tide.source, tide.note) == (0.123, "EOT20", None)
    assert (asked["name"], asked["folder"], asked["moments"]) == ("EOT20", tmp_path, [scene.acquired])
    x, y = gpd.GeoSeries.from_xy([asked["lon"]], [asked["lat"]], crs=4326).to_crs(scene.grid.crs)[0].coords[0]
    left, bottom, right, top = scene.grid.bounds
    assert (x, y) == pytest.approx(((left + right) / 2, (bottom + top) / 2), abs=0.1)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "heights.csv").write_text("when\n1\n")
    scene = open_dated(tmp_path, "2024-06-01T11:30Z")
    with pytest.raises(TideError, match="columns time and height_m"):
        resolve_tide(MapOptions(tides=tmp_path / "heights.csv"), scene, scene.grid)


@pytest.mark.parametrize(
    "choices",
    [{"tide_model": "EOT20"}, {"tide_folder": "f"}, {"tides": "t", "tide_model": "EOT20", "tide_folder": "f"}],
)
def test_one_source_is_given_whole(choices: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="tide"):
        MapOptions(**choices)


def test_lines_say_what_they_are_and_how_high_the_tide_stood(tmp_path: Path, table: Path) -> None:
    scene, options = write_scene(tmp_path), MapOptions(model=str(write_model(tmp_path / "m.safetensors")), tides=table)
    said = StackOptions.pick({"date": "2024-06-01T11:30Z"})
    folder = map_scene(scene, tmp_path / "maps", options=options, stack=said).folder
    properties = json.loads((folder / "item.json").read_text())["properties"]
    assert (properties["strandline:datum"], properties["strandline:tide_m"]) == ("instantaneous", 0.5)
    assert properties["strandline:parameters"]["tides"] == "heights.csv"
    assert (properties["datetime"], properties["strandline:date_source"]) == ("2024-06-01T11:30:00Z", "--date")
    lines = gpd.read_file(folder / "coastline.gpkg", layer="coastline")
    assert len(lines)
    assert set(lines["datum"]) == {"instantaneous"}
    assert set(lines["tide_m"]) == {0.5}
    with pytest.raises(StaleResultError, match="tide_m"):
        map_scene(scene, tmp_path / "maps", options=options.replace(tides=None), stack=said)
