from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from models.errors import DeviceError, ModelInputError
from models.networks.checkpoint import Model
from models.networks.normalisation import Normalisation
from models.networks.unet import UNetConfig
from models.runtimes.registry import load_model
from models.runtimes.torch_predictor import Runtime

Floats = NDArray[np.float32]


def draw_scene(seed: int, channels: int, rows: int, cols: int) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.normal(0.15, 0.1, (1, channels, rows, cols)).astype(np.float32)


@pytest.fixture(scope="module")
def runtime(tiny: Model) -> Runtime:
    return Runtime(tiny, device="cpu", precision="fp32")


def predict_plainly(model: Model, batch: Floats) -> Floats:
    """The same, as the definition has it: no folding, no channels-last."""
    card = model.card
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (card.mean, card.std))
    low, high = card.reflectance_range
    image = np.nan_to_num((np.clip(batch, low, high) - mean) / std)
    with torch.inference_mode():
        logits = model.network(torch.from_numpy(image.astype(np.float32))) / card.temperature
        answer: Floats = logits.softmax(dim=1)[:, card.water_class].numpy()
    return answer


CONFIGS = [
    UNetConfig(in_channels=4, depth=2, width=6),
    UNetConfig(in_channels=3, depth=1, width=5, norm="none", activation="gelu", upsampling="bilinear"),
    UNetConfig(in_channels=2, depth=2, width=4, norm="group", skips=False, classes=3),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_it_computes_what_the_definition_says(make_model: Callable[[UNetConfig], Model], config: UNetConfig) -> None:
    model = make_model(config)
    batch = draw_scene(5, config.in_channels, 40, 64)
    answer = Runtime(model, device="cpu", precision="fp32").predict(batch)
    assert answer.shape == (1, 40, 64)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, predict_plainly(model, batch), atol=2e-5)
    assert np.ptp(answer) > 0.02  # not a constant, which would agree with anything


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 12), st.integers(0, 12), st.integers(1, 3))
def test_the_answer_does_not_depend_on_tile_or_batch(
    runtime: Runtime, seed: int, row: int, col: int, copies: int
) -> None:
    reach, stride = runtime.reach_px, runtime.stride
    assert reach is not None
    scene = draw_scene(seed, 4, 112, 128)
    whole = runtime.predict(scene)[0]
    top, left = row * stride, col * stride
    part = scene[:, :, top : top + 64, left : left + 72]
    other = draw_scene(seed + 1, *part.shape[1:])
    tile = runtime.predict(np.concatenate([other] * (copies - 1) + [part]))[-1]
    inside = (slice(reach, 64 - reach), slice(reach, 72 - reach))
    expected = whole[top : top + 64, left : left + 72]
    assert np.abs(tile[inside] - expected[inside]).max() <= 1e-5


def test_it_gives_the_same_bits_twice(runtime: Runtime) -> None:
    scene = draw_scene(3, 4, 64, 64)
    np.testing.assert_array_equal(runtime.predict(scene), runtime.predict(scene))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_missing_pixels_are_the_fill(runtime: Runtime, seed: int) -> None:
    scene = draw_scene(seed, 4, 48, 48)
    hole = np.random.default_rng(seed).random((48, 48)) < 0.3
    filled = np.where(hole, runtime.fill[:, None, None], scene)
    missing = np.where(hole, np.float32(np.nan), scene)
    np.testing.assert_allclose(runtime.predict(missing), runtime.predict(filled), atol=1e-6)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 6.5535, -5.0, 1e30])
def test_absurd_reflectance_is_clamped(runtime: Runtime, value: float) -> None:
    low, high = runtime.model.card.reflectance_range
    scene = draw_scene(1, 4, 32, 32)
    absurd, clamped = scene.copy(), scene.copy()
    absurd[:, :, 10, 10] = value
    clamped[:, :, 10, 10] = high if value > 0 else low
    np.testing.assert_array_equal(runtime.predict(absurd), runtime.predict(clamped))


def test_it_normalises_as_in_training(runtime: Runtime) -> None:
    image = torch.from_numpy(draw_scene(4, 4, 24, 24))
    image[0, :, 3, 3], image[0, :, 4, 4] = torch.nan, 9.0
    expected = Normalisation.from_card(runtime.card)(image)
    assert torch.equal(runtime.normalise(image), expected)
    assert (expected[0, :, 3, 3] == 0).all()


def test_a_batch_on_the_device_stays_there(runtime: Runtime) -> None:
    scene = draw_scene(6, 4, 64, 48)
    answer = runtime.predict_tensor(torch.from_numpy(scene), margin=8)
    assert answer.dtype == torch.float32
    np.testing.assert_array_equal(answer.numpy(), runtime.predict(scene, margin=8))
    np.testing.assert_allclose(answer.numpy(), runtime.predict(scene)[:, 8:-8, 8:-8], atol=1e-5)


def test_norms_are_folded_and_the_model_keeps_its_own(tiny: Model) -> None:
    runtime = Runtime(tiny, device="cpu", precision="fp32")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in runtime._network.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in tiny.network.modules())
    assert next(tiny.network.parameters()).dtype == torch.float32


def test_it_says_what_it_chose(runtime: Runtime, tiny: Model) -> None:
    assert runtime.description.startswith("tiny 1, PyTorch, cpu (")
    assert runtime.description.endswith("fp32")
    assert runtime.reach_px == 23
    assert runtime.stride == 4
    np.testing.assert_array_equal(runtime.fill, np.array(tiny.card.mean, np.float32))


@pytest.mark.parametrize("shape", [(4, 16, 16), (1, 3, 16, 16), (1, 4, 16, 15)])
def test_a_batch_that_does_not_fit_is_refused(runtime: Runtime, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelInputError, match="expected"):
        runtime.predict(np.zeros(shape, np.float32))


def test_a_gpu_that_is_not_there_is_one_clear_line(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="cuda was asked for"):
        Runtime(tiny, device="cuda")
    assert Runtime(tiny, device="auto").device == "cpu"


def test_bfloat16_that_is_not_there_is_refused_and_auto_does_without(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(DeviceError, match="bf16 was asked for"):
        Runtime(tiny, device="cpu", precision="bf16")
    assert Runtime(tiny, device="cpu", precision="auto").precision == "fp32"


@pytest.mark.parametrize("options", [{"device": "tpu"}, {"precision": "fp8"}])
def test_no_such_choice(tiny: Model, options: dict[str, str]) -> None:
    with pytest.raises(DeviceError, match="one of"):
        Runtime(tiny, **options)  # type: ignore[arg-type]


needs_bf16 = pytest.mark.skipif(
    not (torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16")),
    reason="this processor has no bfloat16",
)


@needs_bf16
def test_bfloat16_stays_near_fp32(tiny: Model) -> None:
    scene = draw_scene(9, 4, 128, 128)
    exact = Runtime(tiny, device="cpu", precision="fp32").predict(scene)
    rounded = Runtime(tiny, device="cpu", precision="bf16").predict(scene)
    assert 0 < np.abs(rounded - exact).max() < 0.05


def test_the_bundled_model_runs() -> None:
    runtime = Runtime(load_model(), device="cpu")
    answer = runtime.predict(np.full((1, 12, 64, 64), np.nan, np.float32))
    assert answer.shape == (1, 64, 64)
    assert ((answer >= 0) & (answer <= 1)).all()


def test_a_worker_computes_on_one_core_and_leaves_the_others_theirs(tiny: Model) -> None:
    runtime, before = Runtime(tiny, device="cpu"), torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=runtime.enter_worker) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before
