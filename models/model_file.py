"""The file of a model as it lies on disk: header, card and plain arrays, without PyTorch.

A pickle can run any code when it is loaded, so none ever is: what is no safetensors file is refused.

Source: safetensors format, https://huggingface.co/docs/safetensors (an 8-byte header length, a JSON header with
free ``__metadata__`` strings, then plain tensors).
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from models.card import ModelCard
from models.errors import ModelFileError

__all__ = [
    "FORMAT",
    "compute_file_sha256",
    "explain_error",
    "open_draft",
    "parse_card",
    "read_arrays",
    "read_card",
    "read_header",
]

_LONGEST_REASON = 200
_PICKLE = re.compile(rb"PK|\x80[\x02-\x05]")  # zip archives (torch.save), and pickles of protocol 2 to 5

FORMAT = "strandline-model-1"
"""The one entry of the header's metadata (its order is not kept): JSON with ``config`` and ``card``.

A config without ``architecture`` is a U-Net's, as in the first model files.
"""


def read_card(path: Path | str) -> ModelCard:
    """The card of a model file; the weights are not read.

    Raises:
        ModelFileError: As ``read_model``.
    """
    path = Path(path)
    return parse_card(path, read_header(path))


def read_header(path: Path) -> dict[str, Any]:
    """What a model file says beside its weights.

    Returns:
        ``config``, the network's hyperparameters, and ``card``, as text.

    Raises:
        ModelFileError: The file is missing, truncated, a pickle, or no model of ours.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
        with safe_open(path, framework="np") as opened:
            metadata = opened.metadata() or {}
    except OSError as error:
        raise ModelFileError(f"Expected a model file at {path}, found none to read: {explain_error(error)}.") from error
    except SafetensorError as error:
        raise ModelFileError(_explain(path, start, error)) from error
    try:
        header = json.loads(metadata[FORMAT])
        return {"config": dict(header["config"]), "card": json.dumps(header["card"])}
    except (KeyError, TypeError, ValueError) as error:
        names = ", ".join(metadata) or "nothing"
        raise ModelFileError(
            f"Expected {FORMAT} in the header of a model file, found {names} in {path}. "
            "Write model files with models.networks.checkpoint.save_model."
        ) from error


def _explain(path: Path, start: bytes, error: Exception) -> str:
    if _PICKLE.match(start):
        return (
            f"Expected a safetensors model file, found a pickle (torch.save) in {path}. A pickle can run code, so none "
            "is loaded: convert it where you trust it, with models.networks.checkpoint.save_model."
        )
    return f"Expected a safetensors model file, found a truncated or foreign file in {path}: {explain_error(error)}."


def parse_card(path: Path, header: dict[str, Any]) -> ModelCard:
    """The card in a header.

    Raises:
        ModelFileError: It is not valid.
    """
    try:
        return ModelCard.model_validate_json(header["card"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise ModelFileError(f"The card in {path} is not valid at {where}: {first['msg']}.") from error


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as float32; counters are left out.

    Raises:
        ModelFileError: The file is damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"The weights in {path} cannot be read: {explain_error(error)}.") from error
    return {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype.kind == "f"}


@contextmanager
def open_draft(path: Path) -> Iterator[Path]:
    """Give a draft to write into; when the block ends without an error, it takes the place of the file.

    Args:
        path: The file; replaced where it exists, and untouched until the draft is whole. Its folder is made.

    Yields:
        Where to write: a file of the same ending, in a hidden folder beside the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / f"draft{path.suffix}"
        yield draft
        draft.replace(path)


def compute_file_sha256(path: Path) -> str:
    """The checksum of a model file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def explain_error(error: Exception) -> str:
    """What an error says, in one line without a full stop, of at most 200 characters."""
    return " ".join(str(error).split())[:_LONGEST_REASON].rstrip(".")
