from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from models import errors
from models.errors import ModelConfigError, ModelInputError
from models.model_file import FORMAT
from models.networks.absence import select_channels
from models.networks.architecture import ARCHITECTURES, build_network, describe, parse_config
from models.networks.checkpoint import Model, read_model, save_model
from tests.models.conftest import build_card

TINY: dict[str, dict[str, Any]] = {
    "unet": {"in_channels": 4, "depth": 1, "width": 4},
    "autoencoder": {"in_channels": 4, "depth": 1, "width": 4},
    "classifier": {"in_channels": 4, "depth": 1, "width": 4},
    "smp": {"name": "Unet/resnet18", "in_channels": 4},
}
KINDS = pytest.mark.parametrize("kind", TINY)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_all_architectures_are_tried_here() -> None:
    assert set(TINY) == set(ARCHITECTURES)


@KINDS
def test_a_description_builds_the_same_network(kind: str) -> None:
    network = build_network({"architecture": kind, **TINY[kind]})
    assert describe(network.config)["architecture"] == kind
    assert parse_config(describe(network.config)) == network.config
    image = torch.randn(2, 4, 2 * network.config.stride, network.config.stride)
    answer = network.eval()(image)
    assert answer.shape[:2] == (2, network.config.classes)
    assert answer.shape[2:] == (() if kind == "classifier" else image.shape[2:])
    assert answer.isfinite().all()


@KINDS
@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (4, 32, 32), (1, 4, 33, 32), (1, 4, 0, 32)])
def test_a_shape_that_does_not_fit_is_one_clear_line(kind: str, shape: tuple[int, ...]) -> None:
    network = build_network({"architecture": kind, **TINY[kind]})
    with pytest.raises(ModelInputError, match="expected") as caught:
        network(torch.zeros(shape))
    assert "\n" not in str(caught.value)


@KINDS
def test_a_network_of_any_kind_goes_through_a_file(kind: str, tmp_path: Path) -> None:
    network = build_network({"architecture": kind, **TINY[kind]}).eval()
    card = build_card(network.config)
    save_model(tmp_path / "a.safetensors", network, card)
    again = read_model(tmp_path / "a.safetensors")
    assert again.network.config == network.config
    save_model(tmp_path / "b.safetensors", again.network, again.card)  # rounded once, and never again
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_file_without_the_key_is_a_unet(tiny: Model, tmp_path: Path) -> None:
    with safe_open(tiny.source, framework="pt") as file:
        header = file.metadata()[FORMAT]
    old = tmp_path / "old.safetensors"
    save_file(load_file(tiny.source), old, metadata={FORMAT: header.replace('"architecture": "unet", ', "")})
    assert "architecture" not in old.read_bytes().decode("latin-1")
    assert read_model(old).network.config == tiny.network.config


@KINDS
@settings(max_examples=5, deadline=None)
@given(absent=st.sets(st.integers(0, 3), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_what_is_absent_has_no_say(kind: str, absent: set[int], seed: int) -> None:
    torch.manual_seed(seed)
    network = build_network({"architecture": kind, **TINY[kind], "any_channels": True}).eval()
    channels = [index for index in range(4) if index not in absent]
    present = torch.tensor([index in channels for index in range(4)])
    image = torch.randn(1, 4, 32, 32) * present[:, None, None]
    with torch.inference_mode():
        whole = network(image, present[None])
        part = select_channels(network, channels)(image[:, channels])
        untold = network(image)
    torch.testing.assert_close(part, whole, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(whole, untold, rtol=1e-4, atol=1e-5)  # being told makes a difference


@KINDS
def test_who_needs_all_channels_says_so(kind: str) -> None:
    with pytest.raises(ModelConfigError, match="any_channels"):
        select_channels(build_network({"architecture": kind, **TINY[kind]}), [0, 2])


def test_the_short_name_of_a_foreign_network_is_known() -> None:
    config = parse_config({"architecture": "smp:Unet/resnet18", "in_channels": 3})
    assert describe(config) == {
        "architecture": "smp", "name": "Unet/resnet18", "in_channels": 3, "classes": 2, "any_channels": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "u-net"}, "Did you mean unet"),
        ({"dept": 3}, "Did you mean depth"),
        ({"architecture": "autoencoder", "skips": True}, "no hyperparameter 'skips'"),
        ({"architecture": "autoencoder", "depth": 0}, "depth"),
        ({"architecture": "classifier", "classes": 1}, "classes"),
        ({"architecture": "smp"}, "missing"),
        ({"architecture": "smp", "name": "Unet"}, "Architecture/encoder"),
        ({"architecture": "smp", "name": "Unet/none"}, "cannot build"),
        ({"architecture": "smp:None/resnet18"}, "cannot build"),
        ({"architecture": "smp:Unet/resnet18", "in_channels": 0}, "in_channels"),
        ({"architecture": "smp:Unet/resnet18", "any_channels": 1}, "any_channels"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ModelConfigError, match=message) as caught:
        build_network(config)
    assert "\n" not in str(caught.value)


def test_errors_have_exit_codes_on_which_scripts_rest() -> None:
    codes = {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert codes == dict.fromkeys(errors.__all__, 2) | {"ModelFileError": 4}
