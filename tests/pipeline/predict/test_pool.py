"""However many threads map the tiles, the map and the picture are the same, and what fails in one of them is raised."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelInputError
from models.networks.unet import UNetConfig
from models.runtimes.framework_choice import build_runtime
from models.runtimes.predictor import Predictor
from pipeline.clock import StageClock
from pipeline.predict.area import Area
from pipeline.predict.pool import run_rows
from pipeline.predict.quicklook import Quicklook, Visible, resolve_factor
from pipeline.predict.rows import Prediction, predict_rows
from tests.pipeline.predict.device_scenes import make_scene
from tests.pipeline.tiny_models import build_card, write_model
from tiles.masks import CLOUD_CLASSES
from tiles.pixels.reader import ReadPlan, Strip, read_strips
from tiles.scene import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(params=["torch", "openvino"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path, scene: Scene) -> Predictor:
    if request.param == "openvino":
        pytest.importorskip("openvino")
    card = build_card(inputs=scene.band_names, required_inputs=())
    path = write_model(tmp_path / "tiny.safetensors", UNetConfig(in_channels=5, depth=2, width=4), card)
    return build_runtime(path, framework=request.param, device="cpu", precision="fp32")


def make_prediction(scene: Scene, runtime: Predictor) -> Prediction:
    return Prediction(
        plan=ReadPlan(scene=scene, bands=scene.bands, obscured_classes=CLOUD_CLASSES),
        runtime=runtime,
        area=Area(window=scene.grid.window),
        tile_size=32,
        clock=StageClock(),
        visible=Visible(channels=(3, 1, 1), factor=resolve_factor(scene.grid, longest=25)),
    )


def run(prediction: Prediction, workers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = list(prediction.tiling.rows())
    found = list(run_rows(prediction, rows, read_strips(prediction.plan, [row.read for row in rows]), workers))
    look = Quicklook(prediction.plan.scene.grid, layers=3, longest=25)
    for cells in (cells for r in found for cells in r.cells):
        look.add_cells(cells)
    return np.concatenate([r.probability for r in found]), np.concatenate([r.state for r in found]), look.compute()


def test_several_threads_give_the_same_bits_as_one(scene: Scene, runtime: Predictor) -> None:
    alone, together = make_prediction(scene, runtime), make_prediction(scene, runtime)
    for one, three in zip(run(alone, 1), run(together, 3), strict=True):
        np.testing.assert_array_equal(one, three)
    tiles = {span.thread for span in together.clock.spans if span.stage == "network"}
    assert len(tiles) > 1
    assert all(name.startswith("tile") for name in tiles)


def test_what_fails_in_a_thread_is_raised_and_no_thread_is_left(
    scene: Scene, runtime: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ModelInputError("this tile does not fit")

    monkeypatch.setattr(runtime, "predict", fail)
    with pytest.raises(ModelInputError, match="does not fit"):
        list(predict_rows(make_prediction(scene, runtime)))
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("tile", "decode"))]


def test_who_stops_early_leaves_no_thread(scene: Scene, runtime: Predictor) -> None:
    rows = predict_rows(make_prediction(scene, runtime))
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("tile", "decode"))]


def test_a_strip_is_kept_by_nobody_once_its_tiles_are_mapped(scene: Scene, runtime: Predictor) -> None:
    """Or its rows would take memory while the next are decoded."""
    prediction, kept = make_prediction(scene, runtime), list[bool]()
    rows = list(prediction.tiling.rows())

    class Watched(Strip):
        """One that can be referred to weakly."""

    def watch() -> Iterator[Strip]:
        before: weakref.ref[Strip] | None = None
        for strip in read_strips(prediction.plan, [row.read for row in rows]):
            end = time.monotonic() + 5
            while before is not None and before() is not None and time.monotonic() < end:
                time.sleep(0.01)  # a thread lets go of its work a moment after it is done
            kept.append(before is not None and before() is not None)
            watched = Watched(strip.plan, strip.bands, strip.classification)
            before = weakref.ref(watched)
            yield watched
            del watched

    list(run_rows(prediction, rows, watch(), 1))
    assert len(rows) > 2
    assert kept == [False] * len(rows)
