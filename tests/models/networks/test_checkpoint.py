from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.card import ModelCard
from models.errors import ModelFileError
from models.model_file import read_card
from models.networks.architecture import build_network
from models.networks.checkpoint import Model, read_model, save_model
from models.networks.unet import UNetConfig


def test_what_was_saved_is_what_is_loaded(tiny: Model, tmp_path: Path) -> None:
    path = tmp_path / "copy.safetensors"
    save_model(path, tiny.network, tiny.card)
    again = read_model(path)
    assert again.card == tiny.card == read_card(path)
    assert again.network.config == tiny.network.config
    for name, tensor in again.network.state_dict().items():
        assert torch.equal(tensor, tiny.network.state_dict()[name]), name
    assert again.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not again.network.training
    assert all(p.dtype == torch.float32 for p in again.network.parameters())


def test_the_same_model_makes_the_same_bytes(tiny: Model, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_model(tmp_path / name, tiny.network, tiny.card)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", ["torch", 0, 2, 5])
def test_no_pickle_is_ever_loaded(tmp_path: Path, protocol: str | int) -> None:
    path, mark = tmp_path / "model.pt", tmp_path / "exploded"
    if protocol == "torch":
        torch.save(Bomb(mark), path)
    else:
        path.write_bytes(pickle.dumps(Bomb(mark), protocol=int(protocol)))
    with pytest.raises(ModelFileError, match="foreign" if protocol == 0 else "pickle") as caught:
        read_model(path)
    assert not mark.exists()
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_one_clear_line(tiny: Model, tmp_path: Path, share: float) -> None:
    whole = Path(tiny.source).read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match="found nothing"):
        read_model(path)


def test_weights_of_another_shape_are_refused(tiny: Model, tmp_path: Path) -> None:
    path = tmp_path / "wrong.safetensors"
    wider = build_network(UNetConfig(in_channels=4, depth=2, width=7))
    object.__setattr__(wider, "config", tiny.network.config)
    save_model(path, wider, tiny.card)
    with pytest.raises(ModelFileError, match="do not fit") as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


def test_a_card_that_contradicts_its_network_is_not_written(tiny: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelFileError, match="names 4 inputs"):
        save_model(path, build_network(UNetConfig(in_channels=5, depth=1, width=1)), tiny.card)
    assert not path.exists()


def test_a_bad_card_is_one_clear_line(tiny: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    broken = tiny.card.model_copy(update={"temperature": -1.0})
    save_model(path, tiny.network, broken)
    with pytest.raises(ModelFileError, match="temperature"):
        read_card(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.safetensors"):
        with pytest.raises(ModelFileError, match="model file"):
            read_model(path)


def test_nothing_is_left_where_writing_fails(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the one before")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ModelFileError, match="No space left"):
        save_model(path, tiny.network, tiny.card)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"the one before"


def test_the_card_is_read_without_the_weights(tiny: Model) -> None:
    assert isinstance(read_card(tiny.source), ModelCard)
