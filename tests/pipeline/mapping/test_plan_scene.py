"""All that is decided before a band is read: names, area, tiles, notes, and what counts towards the fingerprint."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.runtimes.rounding import Rounding, name_rounding, write_rounding
from pipeline.batch.record import resolve_record
from pipeline.checksums import compute_sha256
from pipeline.errors import StaleResultError, UnknownFormatError
from pipeline.mapping import plan_scene as plan
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import SceneJob, list_parameters, plan_scene, prepare_prediction
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import AreaOutsideSceneError
from tiles.masks import CLOUD_CLASSES

BANDS = ("B08", "B03", "B04", "B02")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    return write_raster(folder / "s.tif", dark_water((4, 40, 48)), descriptions=BANDS)


@pytest.fixture(scope="module")
def job(scene: Path, model: Path) -> SceneJob:
    return make_plan(scene, model)


def make_plan(scene: Path, model: Path, **choices: object) -> SceneJob:
    given = {"model": str(model), "device": "cpu", "precision": "fp32", "runtime": "torch", "threads": 3}
    return plan_scene(scene, "out", options=MapOptions(**{**given, **choices}))


def see_all_of_a_tile(job: SceneJob) -> SceneJob:
    """The same job with a network that no halo makes seam-free."""
    runtime = SimpleNamespace(precision="fp32", reach_px=None, stride=32, workers=1)
    return replace(job, runtime=runtime)


def test_a_plan_says_where_what_is_mapped_and_by_what(job: SceneJob, scene: Path) -> None:
    assert job.folder == Path("out") / job.scene.id
    assert job.model_name == "tiny 1"
    assert (job.grid.width, job.grid.height) == (48, 40)
    assert [band.name for band in job.bands] == ["B02", "B03", "B04", "B08"]  # in the model's order
    assert [Path(path).name for path in job.inputs] == [scene.name]
    assert {span.stage for span in job.clock.spans} == {"open", "load model", "checksums"}


def test_an_area_cuts_the_grid(job: SceneJob, scene: Path, model: Path, tmp_path: Path) -> None:
    left, _, _, top = job.scene.grid.bounds
    area = tmp_path / "area.geojson"
    corners = [[left + 100, top - 50], [left + 300, top - 50], [left + 300, top - 150], [left + 100, top - 150]]
    crs = '{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32633"}}'
    geometry = f'{{"type":"Polygon","coordinates":[{[*corners, corners[0]]}]}}'
    area.write_text(
        f'{{"type":"FeatureCollection","crs":{crs},"features":'
        f'[{{"type":"Feature","properties":{{}},"geometry":{geometry}}}]}}'
    )
    cut = make_plan(scene, model, aoi=str(area))
    assert (cut.area.window.col_off, cut.area.window.row_off) == (10, 5)
    assert (cut.grid.width, cut.grid.height) == (20, 10)
    assert cut.basis.fingerprint != job.basis.fingerprint
    with pytest.raises(AreaOutsideSceneError):
        make_plan(scene, model, aoi="100,10,101,11")


def test_what_the_user_should_know_is_noted(job: SceneJob) -> None:
    cloud = "The scene has no scene classification: clouds are not masked."
    assert cloud in job.notes
    assert cloud not in replace(job, options=MapOptions(cloud_classes=frozenset())).notes
    masked = replace(job, scene=replace(job.scene, classification=job.scene.bands[0]))
    assert cloud not in masked.notes
    blended = "tiny sees the whole of a tile, so its tiles were blended: the map depends on --tile-size."
    assert blended not in job.notes
    assert blended in see_all_of_a_tile(job).notes


def test_how_tiles_lie_counts_only_where_they_are_blended(job: SceneJob) -> None:
    assert "blending" not in list_parameters(MapOptions(tile_size=256), job.runtime)
    assert list_parameters(MapOptions(), job.runtime)["precision"] == "fp32"
    runtime = see_all_of_a_tile(job).runtime
    by_default = {"window": "hann", "tile_size": 512, "overlap_px": 128}
    assert list_parameters(MapOptions(), runtime)["blending"] == by_default
    smaller = {"window": "hann", "tile_size": 256, "overlap_px": 64}
    assert list_parameters(MapOptions(tile_size=256), runtime)["blending"] == smaller


def test_the_picture_takes_red_green_and_blue_where_they_are(job: SceneJob) -> None:
    prediction = prepare_prediction(job)
    assert prediction.visible is not None
    assert (prediction.visible.channels, prediction.visible.factor) == ((2, 1, 0), 1)
    without_blue = replace(job, bands=tuple(band for band in job.bands if band.name in {"B03", "B08"}))
    visible = prepare_prediction(without_blue).visible
    assert visible is not None
    assert visible.channels == (0, 0, 0)


def test_a_prediction_reads_what_the_options_say(job: SceneJob) -> None:
    reading = prepare_prediction(job).plan
    assert (reading.threads, reading.decoder, reading.obscured_classes) == (3, "gdal", CLOUD_CLASSES)
    assert reading.bands == job.bands


def test_tiles_are_as_large_as_the_user_says(job: SceneJob) -> None:
    assert replace(job, options=MapOptions(tile_size=96)).tile_size == 96
    assert prepare_prediction(replace(job, options=MapOptions(tile_size=96))).tile_size == 96
    assert job.workers == max(1, min(job.runtime.workers, 3))


def test_a_result_that_stands_is_done_and_another_is_in_the_way(job: SceneJob, tmp_path: Path) -> None:
    assert not replace(job, folder=tmp_path / "none").is_done()
    there = replace(job, folder=tmp_path)
    (tmp_path / "item.json").write_text('{"assets": {}, "properties": {"strandline:fingerprint": "other"}}')
    with pytest.raises(StaleResultError, match="differs in its inputs or choices"):
        there.is_done()
    assert not replace(there, options=MapOptions(overwrite=True)).is_done()
    record = {"assets": {}, "properties": {"strandline:fingerprint": there.basis.fingerprint}}
    (tmp_path / "item.json").write_text(json.dumps(record))
    assert there.is_done()


def test_formats_are_checked_before_the_scene_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(plan, "open_scene", refuse)
    with pytest.raises(UnknownFormatError, match="dwg"):
        plan_scene("nowhere", "out", options=MapOptions(formats=("dwg",)))


def test_another_calibration_of_8_bits_is_another_result(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    scene = write_raster(tmp_path / "s.tif", dark_water((12, 40, 48)), descriptions=L2A_STACK)
    found = []
    for high in (1.0, 2.0):
        layer = Rounding(low=0.0, high=high, room=1, bias=np.zeros(4, np.float32))
        write_rounding(model, {"encoder.stages.0.3": layer}, sha256=compute_sha256(model))
        os.utime(name_rounding(model), ns=(int(high), int(high)))
        job = plan_scene(scene, tmp_path, options=MapOptions(model=str(model), precision="int8"))
        found.append((job.basis.fingerprint, resolve_record(job.options).parameters["rounding"]))
        assert list_parameters(job.options, job.runtime)["rounding"] == found[-1][1]
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]
    exact = plan_scene(scene, tmp_path, options=MapOptions(model=str(model), precision="fp32"))
    assert "rounding" not in list_parameters(exact.options, exact.runtime) | resolve_record(exact.options).parameters
