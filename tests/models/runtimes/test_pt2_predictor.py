"""What an exported file says of itself, where it runs, and which batches it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import DeviceError, ModelFileError, ModelInputError
from models.networks.checkpoint import Model
from models.runtimes.pt2_archive import read_pt2_header
from models.runtimes.pt2_predictor import Pt2Predictor
from models.runtimes.torch_predictor import Runtime


@pytest.fixture(scope="module")
def predictor(exported: dict[str, Path]) -> Pt2Predictor:
    return Pt2Predictor(exported["pt2"], device="cpu")


def test_it_says_what_the_model_says(predictor: Pt2Predictor, exported: dict[str, Path], small: Model) -> None:
    runtime = Runtime(small, device="cpu", precision="fp32")
    header = read_pt2_header(exported["pt2"])
    assert predictor.card == header.card == small.card
    assert (predictor.stride, predictor.reach_px) == (runtime.stride, runtime.reach_px) == (2, header.reach_px)
    assert predictor.hyperparameters == runtime.hyperparameters
    assert header.weights_sha256 == small.sha256
    assert predictor.fill.tolist() == pytest.approx([0.1, 0.11, 0.12])
    assert (predictor.device, predictor.precision, predictor.workers) == ("cpu", "fp32", 1)
    assert predictor.description.startswith("tiny 1, PyTorch program ")
    assert predictor.description.endswith(", cpu, fp32")


@pytest.mark.parametrize("margin", [0, 1])
def test_it_answers_from_two_strides_on_less_the_margin(predictor: Pt2Predictor, small: Model, margin: int) -> None:
    batch = np.random.default_rng(0).uniform(0, 0.4, (1, 3, 4, 6)).astype(np.float32)
    expected = Runtime(small, device="cpu", precision="fp32").predict(batch, margin=margin)
    answer = predictor.predict(batch, margin=margin)
    assert answer.shape == (1, 4 - 2 * margin, 6 - 2 * margin)
    np.testing.assert_allclose(answer, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 2, 4), (1, 3, 4, 2), (1, 3, 5, 4), (1, 3, 4, 5), (1, 2, 4, 4), (3, 4, 4)])
def test_a_batch_that_does_not_fit_is_refused(predictor: Pt2Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelInputError, match="multiples of 2, from 4 on"):
        predictor.predict(np.zeros(shape, np.float32))


def test_it_runs_in_fp32_on_devices_that_are_here(exported: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Pt2Predictor(str(exported["pt2"]), precision="fp32").device == "cpu"
    for precision in ("bf16", "int8"):
        with pytest.raises(DeviceError, match=f"{precision} was asked for"):
            Pt2Predictor(exported["pt2"], precision=precision)
    with pytest.raises(DeviceError, match="cuda was asked for"):
        Pt2Predictor(exported["pt2"], device="cuda")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.pt2") as caught:
        read_pt2_header(tmp_path / "absent.pt2")
    assert "\n" not in str(caught.value)
