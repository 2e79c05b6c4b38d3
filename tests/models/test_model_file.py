"""What is no model file of ours is refused in words, without running anything in it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from models.errors import ModelFileError
from models.model_file import (
    FORMAT,
    compute_file_sha256,
    explain_error,
    open_draft,
    parse_card,
    read_arrays,
    read_card,
    read_header,
)
from models.networks.checkpoint import Model


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"PK\x03\x04", "a pickle"),
        (b"\x80\x02}q", "a pickle"),
        (b"\x80\x05\x95", "a pickle"),
        (b"\x80\x01}q", "truncated or foreign"),
        (b"\x80\x06\x95", "truncated or foreign"),
        (b"P", "truncated or foreign"),
        (b"", "truncated or foreign"),
    ],
)
def test_a_pickle_is_told_from_a_damaged_file(tmp_path: Path, start: bytes, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(start)
    with pytest.raises(ModelFileError, match=reason) as caught:
        read_header(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_none_to_read(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="found none to read"):
        read_card(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        (None, "nothing"),
        ({"format": "pt"}, "format"),
        ({FORMAT: "{"}, FORMAT),
        ({FORMAT: "{}"}, FORMAT),
        ({FORMAT: "[]"}, FORMAT),
    ],
)
def test_weights_without_our_header_are_refused(tmp_path: Path, metadata: dict[str, str] | None, names: str) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(2, np.float32)}, path, metadata=metadata)
    with pytest.raises(ModelFileError, match=f"in the header of a model file, found {names} in"):
        read_header(path)


def test_a_card_that_is_not_valid_is_named_by_its_field() -> None:
    with pytest.raises(ModelFileError, match=r"model\.st is not valid at name: "):
        parse_card(Path("model.st"), {"card": "{}"})
    with pytest.raises(ModelFileError, match="is not valid at card: "):
        parse_card(Path("model.st"), {"card": "{"})


def test_a_card_is_read_without_the_weights(tiny: Model) -> None:
    assert read_card(tiny.source) == tiny.card
    assert read_header(Path(tiny.source))["config"]["width"] == 6


def test_weights_become_float32_and_counters_stay_behind(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"half": np.array([0.5, 2], np.float16), "count": np.array([3], np.int64)}, path)
    arrays = read_arrays(path)
    assert list(arrays) == ["half"]
    assert (arrays["half"].dtype, arrays["half"].tolist()) == (np.float32, [0.5, 2])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_arrays(path)


def test_a_checksum_is_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"land" * 100_000)
    assert compute_file_sha256(path) == hashlib.sha256(b"land" * 100_000).hexdigest()


def test_an_error_is_one_line_without_a_full_stop() -> None:
    assert explain_error(ValueError("first\n  second.")) == "first second"


@pytest.mark.parametrize(("length", "kept"), [(199, 199), (200, 200), (201, 200), (5000, 200)])
def test_an_error_of_many_words_is_cut(length: int, kept: int) -> None:
    assert explain_error(ValueError("x" * length)) == "x" * kept


def test_a_draft_takes_the_place_of_the_file_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.onnx"
    with open_draft(path) as draft:
        assert (draft.suffix, draft.parent.parent) == (".onnx", path.parent)
        draft.write_text("first")
        assert not path.exists()
    with suppress(ZeroDivisionError), open_draft(path) as draft:
        draft.write_text("second")
        _ = 1 / 0
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]
