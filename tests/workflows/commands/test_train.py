"""``strandline train``: every recipe that comes with Strandline trains; a run is killed and goes on; two processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.networks.checkpoint import read_model
from models.runtimes.registry import load_model
from pipeline.training.recipe import RECIPES, read_recipe
from pipeline.training.train import STATE_FILE
from tests.tiles.samples.swed_folder import write_swed
from tests.tiles.samples.test_folder import GRIDS, make_image, make_mask, write
from tests.workflows.conftest import Run

SMALL = ("trainer.steps=2", "trainer.round_steps=1", "trainer.batch=2", "trainer.workers=0", "data.tile_px=32",
         "trainer.accelerator=cpu", "data.validation_tiles=2", "model.network.width=4")  # fmt: skip
SIMULATED = "data.parts.0.source=simulated:7-9"
TRAINABLE = sorted(path.stem for path in RECIPES.glob("*.yaml") if "\ndata:" in path.read_text())


@pytest.fixture(scope="module")
def swed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_swed(tmp_path_factory.mktemp("swed"))


REAL = ("swed", "own_data", "small", "small_shore", "small_beach", "small_sand", "wider")


@pytest.mark.parametrize("name", [name for name in TRAINABLE if name not in REAL])
def test_recipes_on_simulated_tiles_train(run: Run, tmp_path: Path, name: str) -> None:
    ran = run("train", name, "--out", tmp_path / "run", "--set", SIMULATED, *SMALL, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert read_model(next((tmp_path / "run").glob("*.safetensors"))).card.training.steps == 2


def test_swed_trains_and_resumes_with_one_command_each(run: Run, tmp_path: Path, swed: Path) -> None:
    out = tmp_path / "run"
    ran = run("train", RECIPES / "swed.yaml", "--out", out, "--set", f"data.root={swed}", *SMALL)
    assert ran.code == 0, ran.err
    assert str(out / "swed-unet.safetensors") in ran.out
    first = load_file(out / "swed-unet.safetensors")
    (out / "swed-unet.safetensors").unlink()
    assert run("train", "--resume", out, "--quiet").code == 0  # nothing is left to learn: the file comes back
    for name, tensor in load_file(out / "swed-unet.safetensors").items():
        assert torch.equal(tensor, first[name]), name


SAND = (
    "data.parts.1.source=simulated:7-9:harbour",
    "data.parts.2.source=simulated:7-9:beach",
    "data.parts.5.source=shares:{root}:harbours",
    "model.keep=0",
)


@pytest.mark.parametrize("name", REAL)
def test_recipes_say_what_can_be_done(name: str, shared: Path) -> None:
    recipe = read_recipe(RECIPES / f"{name}.yaml", changes=(f"data.root={shared / 'scenes'}",))
    assert recipe.trainer.steps > 1000


# The stages before and after learn from parts of what the last one learns from.
@pytest.mark.parametrize(("name", "more"), [("small", ()), ("small_sand", SAND), ("wider", ())])
def test_recipes_train_on_the_real_crops(
    run: Run, tmp_path: Path, shared: Path, name: str, more: tuple[str, ...]
) -> None:
    changes = (SIMULATED, f"data.root={shared / 'scenes'}", "model.start=null", *SMALL, *more)
    ran = run("train", name, "--out", tmp_path / "run", "--set", *changes, "--quiet")
    assert (ran.code, ran.err) == (0, "")


def test_a_folder_of_ones_own_teaches_the_bundled_model_further(run: Run, tmp_path: Path) -> None:
    for name, (crs, transform, shape) in GRIDS.items():
        write(tmp_path / "mine" / "images" / f"{name}.tif", make_image(shape), crs, transform, nodata=0)
        write(tmp_path / "mine" / "masks" / f"{name}.tif", make_mask(shape), crs, transform)
    changes = [change for change in SMALL if "width" not in change]
    out = tmp_path / "run"
    ran = run("train", "own_data", "--out", out, "--set", f"data.root={tmp_path / 'mine'}", *changes, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    taught, bundled = read_model(out / "own-unet.safetensors"), load_model()
    assert taught.card.mean == bundled.card.mean
    kernel, first = (model.network.state_dict()["encoder.stages.0.0.weight"] for model in (taught, bundled))
    torch.testing.assert_close(kernel, first, atol=0.02, rtol=0)


def test_two_processes_train_one_model(run: Run, tmp_path: Path, swed: Path) -> None:
    command = [sys.executable, "-m", "workflows.cli", "train", "swed", "--out", tmp_path / "run", "--set",
               f"data.root={swed}", *SMALL, "trainer.devices=2", "trainer.precision=32-true", "--quiet"]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    assert ended.returncode == 0, ended.stderr
    both = read_model(tmp_path / "run" / "swed-unet.safetensors")
    assert both.card.training.steps == 2
    settings = (f"data.root={swed}", *SMALL, "trainer.precision=32-true")
    assert run("train", "swed", "--out", tmp_path / "one", "--set", *settings, "--quiet").code == 0
    alone = read_model(tmp_path / "one" / "swed-unet.safetensors")  # it saw half of the tiles
    kernel, other = (model.network.state_dict()["head.weight"] for model in (both, alone))
    assert not torch.equal(kernel, other)


def test_a_run_that_is_interrupted_says_so_and_goes_on(tmp_path: Path, swed: Path) -> None:
    run_folder = tmp_path / "run"
    command = [sys.executable, "-m", "workflows.cli", "train", "swed", "--out", run_folder, "--set",
               f"data.root={swed}", *SMALL, "trainer.steps=100000", "--quiet"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (run_folder / STATE_FILE).exists():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                pytest.fail(process.communicate()[1])
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("strandline: Stopped")
    assert (run_folder / STATE_FILE).exists()
    assert not list(run_folder.glob("*.safetensors"))


def test_nothing_but_the_line_is_said_of_a_wrong_recipe(tmp_path: Path) -> None:
    words = ["train", "pretrain_small", "--set", "trainer.precision=half", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "workflows.cli", *words]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1, ended.stderr  # libraries have their say as the process ends
    assert "trainer.precision" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a recipe to begin with"),
        (("swed", "--resume", "x"), "name a recipe to begin with"),
        (("--resume", "absent"), "Expected a run"),
        (("absent.yaml",), "absent.yaml"),
        (("swedd",), "Did you mean swed?"),
        (("swed",), "data.root=FOLDER"),
        (("swed", "--set", "data.root=/absent"), "/absent"),
        (("pretrain_small", "--set", "trainer.step=3"), "did you mean steps"),
        (("pretrain_small", "--set", "model.network.widht=3"), "width"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("train", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.ckpt"))
