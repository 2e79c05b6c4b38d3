"""The items of a mosaic: of a tile's rasters, and of all that it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

from pipeline.checksums import compute_basis
from pipeline.mosaic.item import MosaicRecord, write_mosaic_item, write_tile_item
from pipeline.mosaic.rasters import RASTERS
from pipeline.record.mapped_scene import MappedScene, MappedScenes
from tiles.grid import Grid

GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 500_000, 0, -10, 5_600_000), width=6, height=5)


def make_scene(name: str, *, tile: str | None, simulated: bool = False, day: int | None = 1) -> MappedScene:
    acquired = None if day is None else datetime(2024, 6, day, tzinfo=UTC)
    return MappedScene(
        id=name, folder=Path(name), grid=GRID, acquired=acquired, platform=None, tile=tile, simulated=simulated
    )


def make_record(*scenes: MappedScene) -> MosaicRecord:
    mapped = MappedScenes(
        scenes=scenes,
        fingerprints=("f",) * len(scenes),
        model="small 1",
        model_sha256="a" * 64,
        threshold=0.5,
        surface_error=0.1,
        notes=("a note",),
    )
    return MosaicRecord(
        mapped=mapped, parameters={"grid": "mgrs"}, basis=compute_basis("mosaic", inputs={}, choices={})
    )


RECORD = make_record(
    make_scene("a", tile="30UXB"), make_scene("b", tile="30UXA", day=2), make_scene("30UXA", tile=None, day=3)
)


def write_rasters(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in RASTERS:
        profile: dict[str, Any] = {"driver": "GTiff", "width": 6, "height": 5, "count": 1, "dtype": "uint8"}
        with rasterio.open(folder / f"{name}.tif", "w", **profile, crs=GRID.crs, transform=GRID.transform) as file:
            file.write(np.ones((1, 5, 6), np.uint8))
    (folder / "preview.png").write_bytes(b"a picture")


def test_the_item_of_a_tile_names_its_scenes_and_rasters(tmp_path: Path) -> None:
    folder = tmp_path / "30UXA"
    write_rasters(folder)
    item = json.loads(write_tile_item(folder, GRID, RECORD.mapped.scenes[1:], RECORD).read_text())
    assert (item["id"], item["properties"]["title"]) == ("30UXA", "Coastline and water over 2 scenes")
    assert item["properties"]["strandline:scenes"] == ["b", "30UXA"]
    assert (item["properties"]["start_datetime"], item["properties"]["end_datetime"]) == (
        "2024-06-02T00:00:00Z",
        "2024-06-03T00:00:00Z",
    )
    assert item["properties"]["proj:shape"] == [5, 6]
    assert set(item["assets"]) == {*RASTERS, "preview"}
    assert item["assets"]["preview"]["roles"] == ["overview"]
    water = item["assets"]["water"]
    assert (water["data_type"], water["nodata"], water["title"]) == ("uint8", 255, RASTERS["water"].title)
    assert water["classification:classes"] == [
        {"value": 0, "name": "land", "description": "land", "color_hint": "DED1AA"},
        {"value": 1, "name": "water", "description": "water", "color_hint": "2D72B2"},
        {"value": 2, "name": "obscured", "description": "obscured", "color_hint": "BEBEBE"},
    ]
    for name, raster in RASTERS.items():
        scaled = "raster:scale" in item["assets"][name]
        assert scaled == (not raster.classes and raster.scale != 1)
        assert ("nodata" in item["assets"][name]) == (raster.nodata is not None)
    assert "raster:offset" in item["assets"]["frequency"]


def write_mosaic(
    folder: Path, *boxes: tuple[float, float, float, float], record: MosaicRecord = RECORD
) -> dict[str, Any]:
    for number, (west, south, east, north) in enumerate(boxes):
        write_rasters(folder / f"t{number}")
        geometry = shapely.geometry.mapping(shapely.box(west, south, east if east > west else east + 360, north))
        (folder / f"t{number}" / "item.json").write_text(
            json.dumps({"geometry": geometry, "bbox": [west, south, east, north]})
        )
    document: dict[str, Any] = json.loads(
        write_mosaic_item(folder, [f"t{number}" for number in range(len(boxes))], record).read_text()
    )
    return document


def test_the_item_of_the_whole_names_every_file_but_those_of_the_catalogue(tmp_path: Path) -> None:
    folder = tmp_path / ".coast.begun-7"
    for name in ("coastline.gpkg", "fields.csv", "coastline.qml", ".hidden", "catalog.json", "items.parquet"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    for layer in ("coastline", "sources"):
        (folder / layer).mkdir()
        (folder / layer / "part-0000.parquet").write_text(layer)
    item = write_mosaic(folder, (8, 53, 9, 54), (9, 52, 10, 53.5))
    assert (item["id"], item["bbox"]) == ("coast", [8, 52, 10, 54])
    titles = {name: asset["title"] for name, asset in item["assets"].items()}
    assert titles["coastline_gpkg"] == "Coastline: coastline.gpkg"
    assert titles["fields_csv"] == "Meaning of the fields: fields.csv"
    assert titles["coastline_qml"] == "QGIS style: coastline.qml"
    assert titles["sources_part-0000"] == "sources, part-0000"
    assert titles["t1_water"] == "water of t1"
    assert not {name for name in titles if "hidden" in name or "catalog" in name}
    assert len(titles) <= 3 + 1 + 2 + 2 * len(RASTERS)
    assert item["properties"]["strandline:model"] == "small 1"
    assert item["properties"]["strandline:notes"] == ["a note"]


@pytest.mark.parametrize(
    ("boxes", "bbox"),
    [
        ([(8, 53, 9, 54), (-1, 50, 8, 51)], [-1, 50, 9, 54]),
        ([(-90, 0, 90, 1)], [-90, 0, 90, 1]),
        ([(178, 0, 179, 1), (-180, -2, -179, 0)], [178, -2, -179, 1]),
        ([(179, 0, -179, 1)], [179, 0, -179, 1]),
        ([(179, 0, -179, 1), (-179, 0, -178, 3)], [179, 0, -178, 3]),
        ([(179, 0, -179, 1), (170, 0, 179, 1)], [170, 0, -179, 1]),
        ([(0, 0, 1, 1), (0.5, 0, 180, 1)], [0, 0, 180, 1]),
    ],
)
def test_bounds_meet_at_the_antimeridian(
    tmp_path: Path, boxes: list[tuple[float, float, float, float]], bbox: list[float]
) -> None:
    assert write_mosaic(tmp_path / "coast", *boxes)["bbox"] == bbox


@pytest.mark.parametrize("simulated", [True, False])
def test_one_simulated_scene_makes_a_simulated_mosaic(tmp_path: Path, simulated: bool) -> None:
    scenes = (make_scene("a", tile=None, simulated=simulated), make_scene("b", tile=None, day=None))
    item = write_mosaic(tmp_path / "coast", (8, 53, 9, 54), record=replace(make_record(*scenes)))
    assert bool(item["properties"].get("strandline:simulated")) == simulated
