"""The demo simulates, maps and measures one coast, and says how well the map fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.evaluation import map_accuracy
from pipeline.evaluation.map_accuracy import Accuracy, DistanceStats, PixelStats
from pipeline.mapping import map_scene
from tiles.simulate.product import simulate
from workflows.demo import demo

DRAWN = DistanceStats(count=9, median=1.234, mean=2.0, rmse=2.345, p95=5.678)
ACCURACY = Accuracy(
    pixels=PixelStats(true_positive=6, false_positive=1, false_negative=3, true_negative=10),
    mapped_to_true=DRAWN,
    true_to_mapped=replace(DRAWN, median=3.456),
    within_1_sigma=0.7,
    within_2_sigma=0.9,
    loose_ends=2,
    lines=17,
    mapped_length_m=12345.0,
)


def test_the_demo_maps_what_it_simulated_and_measures_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: dict[str, Any] = {}

    def simulate_scene(out: Path, **choices: object) -> SimpleNamespace:
        calls["simulate"] = (out, choices)
        return SimpleNamespace(path=out / "product.SAFE", truth=out / "truth")

    def make_map(source: Path, out: Path, **choices: object) -> SimpleNamespace:
        calls["map"] = (source, out, choices)
        return SimpleNamespace(folder=out / "product")

    def compute_accuracy(folder: Path, truth: Path) -> Accuracy:
        calls["measure"] = (folder, truth)
        return ACCURACY

    def write_page(folder: Path) -> SimpleNamespace:
        calls["page"] = folder
        return SimpleNamespace(path=folder / "view.html")

    monkeypatch.setattr("pipeline.view.write_page.write_page", write_page)
    monkeypatch.setattr(simulate, "simulate_scene", simulate_scene)
    monkeypatch.setattr(map_scene, "map_scene", make_map)
    monkeypatch.setattr(map_accuracy, "compute_accuracy", compute_accuracy)
    demo(out=tmp_path)

    out, choices = calls["simulate"]
    assert (out, choices["seed"], choices["size"]) == (tmp_path / "product", 7, 1536)
    options = choices["options"]
    assert (options.kind, options.cloud_cover, options.swath, options.overwrite) == ("archipelago", 0.03, "full", True)
    source, folder, choices = calls["map"]
    assert (source, folder) == (tmp_path / "product" / "product.SAFE", tmp_path / "map")
    assert choices["options"].overwrite is True
    assert calls["measure"] == (tmp_path / "map" / "product", tmp_path / "product" / "truth")

    printed = capsys.readouterr().out
    assert "1536 x 1536 pixels" in printed
    assert "water IoU 0.6000, precision 0.8571, recall 0.6667" in printed
    assert "mapped to true coastline: median 1.23 m, RMSE 2.35 m, 95th percentile 5.68 m" in printed
    assert "true to mapped coastline: median 3.46 m, RMSE 2.35 m" in printed
    assert "17 lines, 12.3 km; loose ends: 2" in printed
    assert str(tmp_path / "map" / "product" / "preview.png") in printed
    assert calls["page"] == tmp_path / "map" / "product"
    assert str(tmp_path / "map" / "product" / "view.html") in printed
    assert "Done in 0 s." in printed
