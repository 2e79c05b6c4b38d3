"""``strandline bench``: its table, its two files, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.workflows.conftest import Run
from tiles.simulate.product.simulate import SimulatedProduct


def test_a_table_and_two_files(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    out = tmp_path / "found"
    ran = run("bench", "--scene", product.path, "--out", out, "--runs", 1)
    assert ran.code == 0, ran.err
    for word in (
        "processor",
        "decoding alone",
        "network alone",
        "limit",
        "map, all outputs",
        "not measured",
        "coastline",
    ):
        assert word in ran.out
    assert str(out / "bench.json") in ran.err
    assert sorted(path.name for path in out.iterdir()) == ["bench.json", "bench.png"]
    found = json.loads((out / "bench.json").read_text())
    medians = found["medians"]
    wanted = (medians["decoding_cpu_s"] + medians["network_cpu_s"]) / found["machine"]["cores"]
    assert medians["limit_s"] == pytest.approx(wanted, abs=1e-3)
    assert medians["ratio"] == pytest.approx(medians["map_wall_s"] / medians["limit_s"], rel=0.01)
    assert all(value > 0 for value in medians.values())
    assert 100 < medians["map_peak_rss_mib"] < 4000
    assert found["choices"]["framework"] in {"torch", "openvino"}
    assert found["runs"][0]["tiles"][0]["in_scene"] == 1
    assert str(tmp_path) not in json.dumps(found)
    assert {"decode", "network", "coastline"} <= {span[0] for span in found["spans"]}
    with Image.open(out / "bench.png") as picture:
        picture.load()
        assert picture.width == 1300


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--scene", "nowhere.SAFE"), "found nothing at nowhere.SAFE"),
        (("--model", "nobody"), "nobody"),
        (("--runtime", "abacus"), "--runtime"),
        (("--runs", "0"), "runs"),
    ],
)
def test_what_will_not_do_ends_in_one_line_and_leaves_nothing(
    options: tuple[str, str], word: str, run: Run, tmp_path: Path
) -> None:
    ran = run("bench", "--out", tmp_path / "out", *options)
    assert ran.code == 2
    assert word in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_here_is_told_by_the_process_that_wants_it(
    run: Run, product: SimulatedProduct, tmp_path: Path
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    ran = run("bench", "--scene", product.path, "--out", tmp_path / "out", "--runtime", "torch", "--device", "cuda")
    assert ran.code == 2
    assert "take cpu or auto" in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
