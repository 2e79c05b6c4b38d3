"""QGIS opens every output, draws it in the right place, and as we meant it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio.features
from affine import Affine
from rasterio.crs import CRS

from pipeline.mosaic.rasters import RASTERS
from pipeline.output.classes import CLASS_COLOURS, CLASS_NAMES
from pipeline.output.fields import LAYERS
from pipeline.output.rasters import MapWriter, make_profile
from pipeline.output.styles import read_style
from pipeline.output.vectors import FORMATS, write_vectors
from tests.conftest import skip_without
from tests.pipeline.vector_layers import build_layers
from tiles.grid import Grid

SCRIPT = Path(__file__).with_name("qgis_open.py")
# The interpreter that the system's QGIS belongs to, which is not ours.
PYTHON = "/usr/bin/python3"
ENVIRONMENT = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""}
LOOK = """
import os, sys
from qgis.core import QgsApplication, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsVectorLayer(sys.argv[1], "coastline", "ogr")
count = sum(1 for _ in layer.getFeatures())
writable = bool(layer.dataProvider().capabilities() & layer.dataProvider().AddFeatures)
print(layer.renderer().type(), count, writable, flush=True)
os._exit(0)
"""
STYLED = ("gpkg", "shp", "fgb", "geojson", "unpacked")
GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 597000, 0, -10, 5603000), width=1000, height=600)


def has_qgis() -> bool:
    if shutil.which(PYTHON) is None:
        return False
    probe = subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, env=ENVIRONMENT, check=False)
    return probe.returncode == 0


def write_maps(folder: Path, land: gpd.GeoDataFrame) -> None:
    """The islands as rasters, with a nodata edge and a cloud."""
    inside = rasterio.features.rasterize(land.geometry, out_shape=GRID.shape, transform=GRID.transform)
    state = np.zeros(GRID.shape, np.uint8)
    state[:, :40] = 1
    state[:100, 800:900] = 2
    with MapWriter(folder, grid=GRID) as writer:
        writer.write_rows(0, np.where(inside, 0.1, 0.9).astype(np.float32), state)
        writer.finish()


def write_statistics(folder: Path) -> None:
    """Rasters as a mosaic has them, in three stripes: none of the dates, a part of them, all of them."""
    stripes = np.repeat(np.arange(3), GRID.height // 3)[:, None]
    for name, nodata, values in (("frequency", 255, (255, 125, 250)), ("observations", None, (0, 1, 7))):
        profile = make_profile(GRID, dtype="uint16" if nodata is None else "uint8", nodata=nodata, block=512)
        with rasterio.open(folder / f"{name}.tif", "w", count=1, **profile) as dst:
            dst.write(np.broadcast_to(np.take(values, stripes), GRID.shape), 1)
            dst.scales = (RASTERS[name].scale,)
        (folder / f"{name}.qml").write_text(read_style(RASTERS[name].style), encoding="utf-8")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not has_qgis():
        skip_without("QGIS (python3-qgis)")
    folder, pictures = tmp_path_factory.mktemp("outputs"), tmp_path_factory.mktemp("pictures")
    layers = build_layers()
    write_maps(folder, layers["land"])
    write_statistics(folder)
    write_vectors(layers, folder, formats=list(FORMATS))
    shutil.unpack_archive(folder / "vectors.shp.zip", folder / "unpacked")
    before = (folder / "coastline.gpkg").read_bytes()
    done = subprocess.run(
        [PYTHON, SCRIPT, folder, pictures], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "coastline.gpkg").read_bytes() == before
    assert [path.name for path in folder.glob("*.gpkg*")] == ["coastline.gpkg"]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("place", [*STYLED, "zip"])
def test_every_vector_layer_opens_in_its_place(seen: dict[str, Any], place: str, layer: str) -> None:
    sent, found = build_layers()[layer], seen[f"{place}/{layer}"]
    crs = "EPSG:4326" if place == "geojson" else "EPSG:32630"
    assert (found["valid"], found["crs"], found["count"]) == (True, crs, len(sent))
    assert found["extent"] == pytest.approx(list(sent.to_crs(crs).total_bounds), abs=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("place", STYLED)
def test_every_layer_finds_its_style(seen: dict[str, Any], place: str, layer: str) -> None:
    found = seen[f"{place}/{layer}"]
    assert (found["style_found"], found["style_error"]) == (True, "")
    rules = [f"\"kind\" = '{kind}'" for kind in ("sea", "river", "lake", "open")]
    rules += [f"\"certainty\" = '{word}'" for word in ("fair", "poor")]
    lines = ("RuleRenderer", rules)
    assert (found["renderer"], found["rules"]) == (lines if layer == "coastline" else ("singleSymbol", []))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("place", STYLED)
def test_the_temporal_controller_shows_a_layer_on_its_day(seen: dict[str, Any], place: str, layer: str) -> None:
    found, count = seen[f"{place}/{layer}"], len(build_layers()[layer])
    assert found["temporal"] == [True, "time"]
    assert found["types"]["time"] == ("Date" if place in {"shp", "unpacked"} else "DateTime")
    assert found["on_days"] == [0, count, 0]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_geopackage_has_spatial_indexes(seen: dict[str, Any], layer: str) -> None:
    assert seen[f"gpkg/{layer}"]["indexed"]


def test_the_geopackage_is_drawn_in_our_colours(seen: dict[str, Any]) -> None:
    # Water and land as in the class raster; the coast of the sea yellow and the lakes' shore cyan, as in the preview.
    assert {"#2d72b2", "#ded1aa", "#ffd92f", "#4df3ff"} <= set(seen["colours"]["gpkg"])


def test_the_class_raster_has_its_names_colours_and_nothing_where_there_is_no_data(seen: dict[str, Any]) -> None:
    found = seen["water"]
    assert (found["valid"], found["crs"], found["renderer"]) == (True, "EPSG:32630", "paletted")
    assert found["extent"] == [597000.0, 5597000.0, 607000.0, 5603000.0]
    assert found["classes"] == {str(value): name for value, name in CLASS_NAMES.items()}
    ours = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in CLASS_COLOURS.values()}
    assert set(seen["colours"]["water"]) == ours | {"#ffffff"}


def test_the_probability_raster_reads_as_probability(seen: dict[str, Any]) -> None:
    found = seen["probability"]
    assert (found["valid"], found["nodata"], found["renderer"]) == (True, 255, "singlebandpseudocolor")
    # The middle of the scene lies in the lake of the second island.
    assert found["middle"] == pytest.approx(0.9, abs=0.0021)
    # 0.1 lies a fifth of the way from the colour of land to that of 0.5; 0.9 as far from water.
    assert len(set(seen["colours"]["probability"]) - {"#ffffff"}) == 2


def test_never_seen_is_nothing_and_always_water_is_water(seen: dict[str, Any]) -> None:
    # Paper, half of the times, always; paper, seen once, seen six to ten times.
    assert set(seen["colours"]["frequency"]) == {"#ffffff", "#4fb591", "#2d72b2"}
    assert set(seen["colours"]["observations"]) == {"#ffffff", "#440154", "#2c728e"}


def test_a_package_that_nobody_may_write_opens_with_its_style() -> None:
    if not has_qgis():
        skip_without("QGIS (python3-qgis)")
    with tempfile.TemporaryDirectory(prefix="read only ") as place:
        home, folder = Path(place) / "home", Path(place) / "map"
        for made, mode in ((Path(place), 0o755), (home, 0o777), (folder, 0o755)):
            made.mkdir(exist_ok=True)
            made.chmod(mode)
        write_vectors(build_layers(), folder)
        package = folder / "coastline.gpkg"
        before = package.read_bytes()
        package.chmod(0o444)
        folder.chmod(0o555)
        look = [PYTHON, "-c", LOOK, f"{package}|layername=coastline"]
        # What may not be written, root may write all the same.
        user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        environment = {**ENVIRONMENT, "HOME": str(home)}
        done = subprocess.run(look, capture_output=True, text=True, env=environment, check=False, **user)
        folder.chmod(0o755)
        assert done.stdout.split() == ["RuleRenderer", "6", "False"], done.stderr
        assert package.read_bytes() == before
        assert [path.name for path in folder.iterdir()] == ["coastline.gpkg"]
