"""The record beside a map: valid, complete, and the only sign that the work is done."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pystac
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation import validate_dict
from rasterio.crs import CRS
from shapely.geometry import Point, shape

from models.card import ModelCard, Training
from pipeline.checksums import REMOTE, Basis, compute_basis, compute_checksums
from pipeline.errors import OutputError
from pipeline.output.rasters import MapWriter
from pipeline.output.vectors import write_vectors
from pipeline.record.item import Provenance, build_item, write_item
from pipeline.record.links import locate_file
from pipeline.record.result import read_fingerprint, read_sensing_time
from tests.pipeline.vector_layers import build_layers
from tests.stac_schemas import list_faults
from tiles.bands import L2A_STACK
from tiles.grid import Grid
from tiles.scene import BandSource, Radiometry, Scene

CARD = ModelCard(
    name="coast-16",
    version="1.0",
    description="A small network.",
    inputs=L2A_STACK,
    resolution_m=(10.0, 60.0),
    mean=(0.1,) * 12,
    std=(0.05,) * 12,
    probability_rmse=0.1,
    licence="MIT",
    training=Training(data="simulated coasts", script="train", seed=1, steps=10, minutes=1.0),
)
BASIS = Basis(kind="map", inputs={"MTD_MSIL2A.xml": "0" * 64}, choices={"threshold": 0.5})
UTM = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 598000, 0, -10, 5603000), width=900, height=600)
# An island group of Fiji: UTM zone 1 south, where the antimeridian runs through the tile.
FIJI = Grid(crs=CRS.from_epsg(32701), transform=Affine(60, 0, 150000, 0, -60, 8100000), width=900, height=600)


def build_provenance(
    grid: Grid = UTM, *, acquired: datetime | None = datetime(2024, 5, 6, 11, 6, tzinfo=UTC)
) -> Provenance:
    scene = Scene(
        id="S2A_MSIL2A_20240506T110621_N0511",
        source="/data/S2A_MSIL2A_20240506T110621_N0511.SAFE",
        kind="safe",
        level="L2A",
        bands=tuple(BandSource(name=name, path=f"{name}.jp2", index=1, grid=grid) for name in L2A_STACK),
        grid=grid,
        radiometry=Radiometry(
            quantification=10000,
            offsets=dict.fromkeys(L2A_STACK, -1000.0),
            source="MTD_MSIL2A.xml BOA_ADD_OFFSET",
            doubts=("The darkest pixels say otherwise.",),
        ),
        acquired=acquired,
        date_source="name of the file" if acquired else None,
        baseline="05.11",
        platform="sentinel-2a",
        cloud_percent=12.5,
    )
    return Provenance(
        scene=scene,
        grid=grid,
        inputs={"/data/MTD_MSIL2A.xml": "0" * 64, "https://example.com/B02.tif": REMOTE},
        card=CARD,
        hyperparameters={"depth": 3, "width": 16, "norm": "batch"},
        model_source="/models/coast-16.safetensors",
        model_sha256="a" * 64,
        parameters={"threshold": 0.5, "cloud_classes": [3, 8, 9, 10]},
        basis=BASIS,
        software={"OpenVINO": "2025.1"},
        created=datetime(2024, 6, 1, 12, 0, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all outputs but the item."""
    return write_outputs(tmp_path_factory.mktemp("finished"), UTM)


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "scene"))


def write_outputs(folder: Path, grid: Grid, *, nodata_cols: int = 300) -> Path:
    state = np.zeros(grid.shape, np.uint8)
    state[:, :nodata_cols] = 1
    with MapWriter(folder, grid=grid) as writer:
        writer.write_rows(0, np.full(grid.shape, 0.3, np.float32), state)
        writer.finish()
    write_vectors(build_layers(), folder, formats=("gpkg", "geojson", "shp"))
    return folder


def test_the_item_is_valid_stac(folder: Path) -> None:
    item = json.loads(write_item(folder, build_provenance()).read_text())
    assert not list(list_faults(item))
    assert item["stac_version"].startswith("1.1")


def test_the_extensions_read_back_what_was_written(folder: Path) -> None:
    write_item(folder, build_provenance())
    item = pystac.Item.from_file(str(folder / "item.json"))
    projection = ProjectionExtension.ext(item)
    assert (projection.code, projection.shape) == ("EPSG:32630", [600, 900])
    assert projection.transform == [10, 0, 598000, 0, -10, 5603000]
    model = MLMExtension.ext(item)
    assert (model.mlm_name, model.architecture) == ("coast-16", "U-Net")
    assert item.properties["mlm:hyperparameters"]["depth"] == 3
    assert model.input[0].bands == list(L2A_STACK)
    assert model.input[0].value_scaling is not None
    assert model.output[0].classes
    assert {link.rel for link in item.links if link.rel == "derived_from"}
    assert item.properties["strandline:radiometry"]["offsets"]["B08"] == -1000
    assert item.properties["strandline:radiometry"]["doubts"] == ["The darkest pixels say otherwise."]


def test_the_record_names_what_ran_and_nothing_else(folder: Path) -> None:
    provenance = replace(build_provenance(), hyperparameters={"architecture": "smp", "name": "Unet/resnet18"})
    properties = build_item(folder, provenance).properties
    assert (properties["mlm:framework"], properties["mlm:framework_version"]) == ("OpenVINO", "2025.1.0")
    assert properties["mlm:architecture"] == "smp:Unet/resnet18"
    assert set(properties["processing:software"]) == {"Strandline", "GDAL", "OpenVINO", "Python"}
    assert "smp:Unet/resnet18 coast-16 1.0, run by OpenVINO 2025.1;" in properties["processing:lineage"]
    assert properties["strandline:runtime"]["software"] == {"OpenVINO": "2025.1"}
    decoded = build_item(folder, replace(provenance, runtime={"decoder": "nvimgcodec"})).properties
    assert "nvidia-nvimgcodec-cu13" in decoded["processing:software"]


def test_inputs_given_by_relative_paths_are_led_to_from_anywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my scenes").mkdir()
    (tmp_path / "my scenes" / "50%.tif").touch()
    (tmp_path / "link").symlink_to(tmp_path / "my scenes", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    provenance = build_provenance()
    for source in ("my scenes/50%.tif", "link/../my scenes/50%.tif", "link/50%.tif"):
        scene = replace(provenance.scene, source=source)
        inputs = {source: "0" * 64, "https://h/a b.tif?x=1": REMOTE}
        changed = replace(provenance, scene=scene, inputs=inputs, model_source=source)
        item = json.loads(write_item(folder, changed).read_text())
        (link,) = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
        stated, remote = (entry["href"] for entry in item["properties"]["strandline:inputs"])
        assert remote == "https://h/a b.tif?x=1"
        for href in (link, stated, item["properties"]["strandline:source"]["href"], item["assets"]["model"]["href"]):
            assert href.startswith("file:///")
            assert " " not in href
            assert Path(unquote(urlsplit(href).path)).samefile(tmp_path / "my scenes" / "50%.tif")
            assert locate_file(href, tmp_path / "elsewhere").is_file()


def test_an_item_that_was_read_from_a_copy_is_named_where_it_belongs(folder: Path) -> None:
    """A batch opens items from a folder of its own, which nobody reaches where the maps are published."""
    provenance = build_provenance()
    scene = replace(provenance.scene, source="/scratch/.items/one.json", origin="https://h/one")
    inputs = {scene.source: "0" * 64, "/data/B03.tif": "1" * 64}
    item = json.loads(write_item(folder, replace(provenance, scene=scene, inputs=inputs)).read_text())
    assert "/scratch" not in json.dumps(item)
    (link,) = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    stated = [entry["href"] for entry in item["properties"]["strandline:inputs"]]
    assert [link, item["properties"]["strandline:source"]["href"]] == ["https://h/one"] * 2
    assert stated == ["https://h/one", "file:///data/B03.tif"]


def test_every_output_is_an_asset_with_its_checksum(folder: Path) -> None:
    write_item(folder, build_provenance())
    item = pystac.Item.from_file(str(folder / "item.json"))
    named = {asset.href.removeprefix("./") for key, asset in item.assets.items() if key != "model"}
    assert named == {path.name for path in folder.iterdir()} - {"item.json"}
    for key, asset in item.assets.items():
        if key != "model":
            data = (folder / asset.href).read_bytes()
            fields = FileExtension.ext(asset)
            assert fields.size == len(data)
            assert fields.checksum == "1220" + hashlib.sha256(data).hexdigest()
            assert asset.roles
            assert asset.media_type


def test_what_draws_the_rasters_is_told_how(folder: Path) -> None:
    item = json.loads(write_item(folder, build_provenance()).read_text())
    renders = item["properties"]["renders"]
    assert renders["water"]["colormap"]["1"] == [45, 114, 178, 255]
    assert renders["probability"]["rescale"] == [[0, 250]]
    assert {key for render in renders.values() for key in render["assets"]} <= item["assets"].keys()


def test_the_footprint_leaves_out_what_has_no_data(folder: Path) -> None:
    item = build_item(folder, build_provenance())
    assert item.geometry is not None
    footprint = shape(item.geometry)
    assert footprint.is_valid
    # Columns 0 to 299 of 900 are nodata: two thirds of 9 x 6 km are left.
    west, south, east, north = footprint.bounds
    inside = UTM.transform @ (600, 300)
    lon, lat = lonlat(UTM, *inside)
    assert footprint.contains(Point(lon, lat))
    assert not footprint.contains(Point(*lonlat(UTM, *(UTM.transform @ (150, 300)))))
    assert item.bbox == pytest.approx([west, south, east, north], abs=1e-6)


def test_a_scene_across_the_antimeridian_is_cut_there(tmp_path: Path) -> None:
    item = build_item(write_outputs(tmp_path, FIJI, nodata_cols=0), build_provenance(FIJI))
    assert item.geometry is not None
    assert item.bbox is not None
    assert item.geometry["type"] == "MultiPolygon"
    west, _, east, _ = item.bbox
    assert 179 < west <= 180
    assert -180 <= east < -179
    for part in shapely.get_parts(shape(item.geometry)):
        assert part.bounds[2] - part.bounds[0] < 1
        assert part.exterior.is_ccw


def test_a_scene_of_unknown_time_is_still_an_item(folder: Path) -> None:
    item = json.loads(write_item(folder, build_provenance(acquired=None)).read_text())
    assert item["properties"]["datetime"] is None
    assert not list(list_faults(item))
    assert item["properties"]["strandline:undated"] is True
    assert read_sensing_time(item["properties"]) is None
    assert validate_dict(item | {"stac_extensions": []}, stac_object_type=pystac.STACObjectType.ITEM)


def test_a_scene_of_known_time_says_that_it_has_one(folder: Path) -> None:
    item = json.loads(write_item(folder, build_provenance()).read_text())
    assert item["properties"]["strandline:undated"] is False
    assert item["properties"]["strandline:date_source"] == "name of the file"
    assert "start_datetime" not in item["properties"]


def test_a_scene_of_another_mission_is_not_told_to_be_of_copernicus(folder: Path) -> None:
    provenance = build_provenance()
    scene = replace(provenance.scene, platform="landsat-9", other_mission="platform landsat-9")
    properties = build_item(folder, replace(provenance, scene=scene)).properties
    assert not {"constellation", "instruments", "providers"} & set(properties)
    assert properties["platform"] == "landsat-9"
    assert "Copernicus" not in properties["description"]


def test_what_the_source_states_of_orbit_and_grid_is_carried_over(folder: Path) -> None:
    provenance = build_provenance()
    stated = {"sat:orbit_state": "descending", "sat:relative_orbit": 51, "grid:code": "MGRS-31UFT", "s2:sequence": "0"}
    item = build_item(folder, replace(provenance, scene=replace(provenance.scene, stated=stated)))
    assert {name: item.properties[name] for name in stated} == stated
    assert [address.split("/")[3] for address in item.stac_extensions[-2:]] == ["sat", "grid"]
    assert not list(list_faults(item.to_dict(transform_hrefs=False)))


def test_orbit_and_grid_are_known_by_the_name_of_a_product(folder: Path) -> None:
    provenance = build_provenance()
    name = "S2A_MSIL2A_20250312T103909_N0511_R008_T30TUM_20250312T124302"
    properties = build_item(folder, replace(provenance, scene=replace(provenance.scene, id=name))).properties
    assert (properties["sat:relative_orbit"], properties["grid:code"]) == (8, "MGRS-30TUM")
    other = replace(provenance.scene, id=name, other_mission="platform landsat-9")
    assert "grid:code" not in build_item(folder, replace(provenance, scene=other)).properties


def test_a_crs_without_a_code_is_spelled_out(folder: Path) -> None:
    crs = CRS.from_proj4("+proj=laea +lat_0=50 +lon_0=3 +ellps=WGS84 +units=m")
    grid = replace(UTM, crs=crs, transform=Affine(10, 0, -4500, 0, -10, 3000))
    item = build_item(folder, build_provenance(grid))
    assert item.properties["proj:code"] is None
    assert CRS.from_wkt(item.properties["proj:wkt2"]) == crs


def test_the_work_is_done_only_where_the_item_and_all_it_names_stand(folder: Path) -> None:
    assert read_fingerprint(folder) is None
    write_item(folder, build_provenance())
    assert read_fingerprint(folder) == BASIS.fingerprint
    assert not list(folder.glob(".*"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "an output is lost": lambda folder: (folder / "coastline.gpkg").unlink(),
    "part of a shapefile is lost": lambda folder: (folder / "land.dbf").unlink(),
    "an output is cut": lambda folder: (folder / "water.tif").write_bytes(b"II*"),
    "the item is cut": lambda folder: (folder / "item.json").write_text('{"assets": {'),
    "the item is someone else's": lambda folder: (folder / "item.json").write_text('{"assets": {}, "properties": {}}'),
    "the item is no object": lambda folder: (folder / "item.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_result_is_no_result(folder: Path, damage: Callable[[Path], object]) -> None:
    write_item(folder, build_provenance())
    damage(folder)
    assert read_fingerprint(folder) is None


def test_an_item_that_cannot_be_written_is_one_clear_line(folder: Path) -> None:
    (folder / ".item.json.begun").mkdir()
    with pytest.raises(OutputError, match=r"Could not write .*item\.json"):
        write_item(folder, build_provenance())
    assert not (folder / "item.json").exists()


def test_inputs_are_hashed_and_addresses_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "B02.jp2").write_bytes(b"pixels")
    sums = compute_checksums([str(tmp_path / "B02.jp2"), "https://example.com/B03.tif"])
    assert sums[str(tmp_path / "B02.jp2")] == hashlib.sha256(b"pixels").hexdigest()
    assert sums["https://example.com/B03.tif"] == REMOTE


SUMS = st.dictionaries(st.text("abc/", min_size=1), st.text("0123456789abcdef", min_size=64, max_size=64), max_size=4)


@given(inputs=SUMS, flip=st.integers(0, 2))
def test_a_fingerprint_changes_with_each_thing_that_decides(inputs: dict[str, str], flip: int) -> None:
    facts: dict[str, Any] = {"inputs": inputs, "choices": {"threshold": 0.5, "formats": ["gpkg"]}}
    same: dict[str, Any] = {
        "inputs": dict(reversed(inputs.items())),
        "choices": {"formats": ("gpkg",), "threshold": 0.5},
    }
    other = [
        facts | {"inputs": inputs | {"new": "0" * 64}},
        facts | {"choices": {"threshold": 0.4, "formats": ["gpkg"]}},
        facts | {"choices": {}},
    ][flip]
    assert compute_basis("map", **facts).fingerprint == compute_basis("map", **same).fingerprint
    assert compute_basis("map", **facts).fingerprint != compute_basis("map", **other).fingerprint


def test_a_product_that_was_moved_is_the_same_product() -> None:
    at = [
        compute_basis("map", inputs={f"{place}/x.SAFE/B02.jp2": "1" * 64}, choices={}).fingerprint
        for place in ("/here", "/there")
    ]
    assert at[0] == at[1]


def lonlat(grid: Grid, x: float, y: float) -> tuple[float, float]:
    lon, lat = Transformer.from_crs(grid.crs.to_wkt(), "OGC:CRS84", always_xy=True).transform(x, y)
    return lon, lat
