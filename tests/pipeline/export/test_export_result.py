"""More formats of what exists: the same features, the item names them, and what was mapped still counts as done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from pipeline.checksums import compute_sha256
from pipeline.errors import OptionError, StaleResultError
from pipeline.export.export_result import ExportError, ExportOptions, export_result, list_exportable
from pipeline.output.vectors import write_vectors
from pipeline.record.result import read_fingerprint
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tests.pipeline.vector_layers import build_layers


@pytest.fixture
def mapped(tmp_path: Path) -> Path:
    """A map: rasters, GeoPackage, item."""
    grid = make_grid(epsg=32630, left=600000, top=5600000, width=40, height=40)
    place = {"geometry": {"type": "Polygon", "coordinates": []}, "bbox": [0, 0, 1, 1]}
    folder = write_mapped(tmp_path / "maps", "A", grid, Ground(distance_m=lambda lon, _: lon * 0 + 30))
    path = folder / "item.json"
    item = json.loads(path.read_text()) | place
    path.write_text(json.dumps(item))
    write_vectors(build_layers(), folder)
    return folder


def test_formats_come_beside_what_is_there_and_the_item_names_them(mapped: Path) -> None:
    before = {path.name: compute_sha256(path) for path in mapped.iterdir() if path.name != "item.json"}
    result = export_result(mapped, options=ExportOptions(formats=("shp", "kml", "gpkg")))
    assert "coastline.kml" in result.files
    assert {path.name: compute_sha256(path) for path in mapped.iterdir() if path.name in before} == before
    item = json.loads((mapped / "item.json").read_text())
    for name in ("coastline.kml", "land.shp", "land.shx", "fields.csv", "water.qml"):
        asset = item["assets"][name.replace(".", "_")]
        assert asset["file:size"] == (mapped / name).stat().st_size
    assert item["assets"]["land_shp"]["title"] == "Land"
    assert read_fingerprint(mapped) == "fingerprint of A"
    assert [path.name for path in mapped.parent.iterdir()] == ["A"]
    sent, found = build_layers()["land"], gpd.read_file(mapped / "land.shp")
    assert shapely.equals_exact(sent.geometry.normalize(), found.geometry.normalize()).all()
    assert found["scene"].tolist() == sent["scene"].tolist()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not say which file a descriptor is of")
def test_what_comes_beside_is_on_the_disk_before_it_stands(mapped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[str, bool] = {}

    def note(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        synced[name] = (mapped / name).exists()

    monkeypatch.setattr(os, "fsync", note)
    written = export_result(mapped, options=ExportOptions(formats=("fgb",))).files
    new = [name for name in written if name.endswith(".fgb")]
    assert {"coastline.fgb", "land.fgb"} <= set(new)
    assert {synced[name] for name in new} == {False}


def test_a_second_export_changes_nothing(mapped: Path) -> None:
    options = ExportOptions(formats=("fgb",))
    export_result(mapped, options=options)
    once = {path.name: compute_sha256(path) for path in mapped.iterdir()}
    export_result(mapped, options=options)
    assert {path.name: compute_sha256(path) for path in mapped.iterdir()} == once


def test_another_shape_goes_to_another_folder(mapped: Path, tmp_path: Path) -> None:
    options = ExportOptions(formats=("gpkg", "geojson"), crs="EPSG:3035", dissolve=True, points_every_m=200)
    with pytest.raises(OptionError, match=r"Expected --out with .*\(crs, dissolve, points_every_m\)"):
        export_result(mapped, options=options)
    out = tmp_path / "gis"
    result = export_result(mapped, options=options, out=out)
    assert set(result.files) >= {"coastline.gpkg", "points.geojson"}
    assert gpd.read_file(out / "coastline.gpkg", layer="land").crs.to_epsg() == 3035
    item = json.loads((out / "item.json").read_text())
    assert item["properties"]["strandline:parameters"]["crs"] == "EPSG:3035"
    assert item["properties"]["title"] == "Vectors of A"
    assert export_result(mapped, options=options, out=out).already_made
    with pytest.raises(StaleResultError, match=r"differs in crs \(EPSG:3035, now EPSG:27700\)"):
        export_result(mapped, options=options.replace(crs="EPSG:27700"), out=out)
    # What was exported can be exported: its layer of points too, until the lines move.
    assert "points.fgb" in export_result(out, options=ExportOptions(formats=("fgb",))).files
    again = ExportOptions(smooth_m=60)
    assert "points" not in list(gpd.list_layers(_export(out, tmp_path / "smooth", again))["name"])


def _export(folder: Path, out: Path, options: ExportOptions) -> Path:
    return export_result(folder, options=options, out=out).folder / "coastline.gpkg"


def test_a_batch_is_all_of_its_maps(mapped: Path, tmp_path: Path) -> None:
    assert list_exportable(mapped) == (mapped,)
    assert list_exportable(mapped.parent) == (mapped,)
    with pytest.raises(ExportError, match=r"found no coastline\.gpkg with its item\.json in .*: give|Give what"):
        list_exportable(tmp_path / "none")


def test_what_is_wrong_is_one_clear_line_and_leaves_nothing(mapped: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Expected formats besides gpkg"):
        export_result(mapped, options=ExportOptions())
    names = sorted(path.name for path in mapped.iterdir())
    (mapped / "coastline.gpkg").write_bytes(b"no database")
    with pytest.raises(ExportError, match=r"Expected the coastline .*found what cannot be read"):
        export_result(mapped, options=ExportOptions(formats=("fgb",)))
    assert sorted(path.name for path in mapped.iterdir()) == names
    with pytest.raises(ExportError):
        export_result(mapped, options=ExportOptions(formats=("fgb",)), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
