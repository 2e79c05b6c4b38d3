"""Figures of a benchmark: what is summed up, what counts as the limit, and that the bare network is the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from models.runtimes.framework_choice import build_runtime
from models.runtimes.predictor import Framework
from models.runtimes.registry import resolve_path
from pipeline.bench.decoding import measure_decoding
from pipeline.bench.network import build_calls
from pipeline.bench.process import BenchError, run_decoding, run_mapping
from pipeline.bench.record import list_rows
from pipeline.bench.report import BenchReport, BenchRun
from pipeline.bench.run_bench import count_tiles
from pipeline.bench.values import (
    AskedTiles,
    Choices,
    DecodingCost,
    MappingCost,
    NetworkCost,
    SceneSize,
    TileCost,
)
from pipeline.mapping.options import MapOptions
from tests.pipeline.small_scenes import simulate_scenes
from tiles.grid import Window
from tiles.products.open import open_scene

SCENE = SceneSize(id="made", width=2000, height=1000, simulated=True)


def make_network(device: str = "cpu") -> NetworkCost:
    """Tiles of 512 that are read with a halo of 64, and one of 200 rows at the lower edge."""
    interiors = (Window(0, 0, 512, 512), Window(512, 0, 512, 512))
    whole = TileCost(height=640, width=640, margin=60, measured=9, cpu_s=2.0, wall_s=1.0, interiors=interiors)
    edge = TileCost(
        height=320, width=640, margin=60, measured=9, cpu_s=1.0, wall_s=0.5, interiors=(Window(0, 512, 512, 200),)
    )
    bare = TileCost(height=512, width=512, margin=0, measured=9, cpu_s=1.5, wall_s=0.8)
    choices = Choices(
        description="made",
        framework="torch",
        device=device,
        precision="fp32",
        tile_size=512,
        halo=60,
        workers=2,
    )
    return NetworkCost(choices=choices, tiles=(whole, edge), without_halo=bare, gpu=None)


def make_report(*walls_s: float, device: str = "cpu") -> BenchReport:
    asked = AskedTiles(counts={(640, 640): 2, (320, 640): 1}, kept_px=512 * 512 * 2 + 512 * 200)
    runs = tuple(
        BenchRun(
            network=make_network(device),
            decoding=DecodingCost(cpu_s=7.0, wall_s=4.0, megapixels=8.0, files=13),
            mapping=MappingCost(wall_s=wall_s, cpu_s=15.0, peak_rss_mib=900.0, stages_s={"decode": 7.5}, spans=()),
            asked=asked,
        )
        for wall_s in walls_s
    )
    machine = {"processor": "made", "cores": 2, "memory_mib": 1024, "versions": {"strandline": "0"}}
    return BenchReport(machine=machine, scene=SCENE, runs=runs)


def test_the_limit_is_both_parts_over_the_cores() -> None:
    report = make_report(9.0, 6.9, 30.0)
    found = report.compute_medians()
    assert found["network_cpu_s"] == 2 * 2.0 + 1.0
    assert found["limit_s"] == (7.0 + 5.0) / 2
    assert found["ratio"] == 9.0 / 6.0
    assert found["map_s_per_mpx"] == 4.5
    assert found["network_without_halo_cpu_s"] == pytest.approx(1.5 * (2 + 200 / 512))
    assert report.typical.mapping.wall_s == 9.0
    assert report.to_dict()["gpu"] == "not measured"
    assert ("GPU", "not measured") in [row for group in list_rows(report) for row in group]


def test_on_a_gpu_the_limit_is_the_longer_part() -> None:
    assert make_report(9.0, device="cuda").compute_medians()["limit_s"] == 7.0 / 2  # the network takes 2.5 s


def test_tiles_without_a_valid_pixel_are_not_counted(tmp_path: Path) -> None:
    classes = np.full((712, 1024), 255, dtype=np.uint8)
    classes[:512, :512] = 2  # cloud alone, for which no network is needed
    classes[511, 512] = 1
    profile = {"driver": "GTiff", "width": 1024, "height": 712, "count": 1, "dtype": "uint8", "crs": "EPSG:32630"}
    with rasterio.open(tmp_path / "water.tif", "w", **profile, transform=from_origin(0, 0, 10, 10)) as dataset:
        dataset.write(classes, 1)
    asked = count_tiles(tmp_path / "water.tif", make_network())
    assert (dict(asked.counts), asked.kept_px) == ({(640, 640): 1}, 512 * 512)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(simulate_scenes(tmp_path_factory.mktemp("scene"), 1)[0])


def test_all_that_mapping_reads_is_decoded(scene: str) -> None:
    found = open_scene(scene)
    files = (*found.bands, found.classification)
    cost = measure_decoding(scene, MapOptions())
    assert cost.files == len(files) == 13
    assert cost.megapixels == sum(f.grid.width * f.grid.height for f in files if f is not None) / 1e6
    assert cost.cpu_s > 0
    assert measure_decoding(scene, MapOptions(cloud_classes=frozenset())).files == 12


@pytest.mark.parametrize("framework", ["torch", "openvino"])
def test_the_bare_network_says_what_mapping_hears(framework: Framework) -> None:
    if framework == "openvino":
        pytest.importorskip("openvino")
    inputs = (0, 1, 2, 3, 7, 8)  # without the others, whose absence the network is told
    runtime = build_runtime(resolve_path("strandline-small"), framework=framework, precision="fp32", channels=inputs)
    noise = np.random.default_rng(3).uniform(0.01, 0.3, (2, 1, len(inputs), 64, 96)).astype(np.float32)
    card = runtime.card
    batches = noise
    if framework == "torch":
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (card.mean, card.std))
        batches = (np.clip(noise, *card.reflectance_range) - mean) / std
    for call, batch in zip(build_calls(runtime, batches, margin=16), noise, strict=True):
        answer = np.asarray(call()) if framework == "torch" else np.asarray(call()[0])  # type: ignore[index]
        if framework == "torch":
            odds = np.exp(answer / card.temperature)
            answer = (odds / odds.sum(axis=1, keepdims=True))[:, [card.water_class]]
        np.testing.assert_allclose(answer[:, 0], runtime.predict(batch, margin=16), atol=1e-4)


@pytest.mark.parametrize("measure", [run_decoding, run_mapping])
def test_an_error_of_a_part_is_told_in_one_line(measure: object, tmp_path: Path) -> None:
    assert callable(measure)
    with pytest.raises(BenchError, match=r"found nothing at .*missing") as caught:
        measure(str(tmp_path / "missing.SAFE"), tmp_path, options=MapOptions())
    assert caught.value.exit_code == 2
