"""The models that come with Strandline, and how a name or a path becomes a model."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from models.card import ModelCard
from models.errors import UnknownModelError
from models.model_file import read_card
from models.runtimes.onnx_predictor import read_onnx_header

if TYPE_CHECKING:
    from models.networks.checkpoint import Model

__all__ = ["DEFAULT_MODEL", "list_models", "load_model", "resolve_card", "resolve_path"]

DEFAULT_MODEL = "strandline-small"
"""The model that is used where none is named."""

SUFFIX = ".safetensors"
WEIGHTS = Path(__file__).parents[1] / "weights"


def list_models() -> tuple[ModelCard, ...]:
    """The cards of the bundled models, by name; no weights are read."""
    return tuple(read_card(path) for path in _bundled().values())


def load_model(name_or_path: str | Path = DEFAULT_MODEL) -> Model:
    """Decide which model a user means, and load it.

    Args:
        name_or_path: The name of a bundled model, or the path of a model file.

    Raises:
        UnknownModelError: It is neither; the message lists the known names.
        ModelFileError: The file is no model.
    """
    from models.networks.checkpoint import read_model  # noqa: PLC0415 (torch)

    return read_model(resolve_path(str(name_or_path)))


def resolve_card(name_or_path: str) -> ModelCard:
    """The card of the model that a user means; the weights are not read.

    Args:
        name_or_path: The name of a bundled model, or the path of a model file: our own, or one that was exported.

    Raises:
        UnknownModelError: It is neither; the message lists the known names.
        ModelFileError: The file is no model.
    """
    path = resolve_path(name_or_path)
    if path.suffix == ".onnx":
        return read_onnx_header(path).card
    if path.suffix == ".pt2":
        from models.runtimes.pt2_archive import read_pt2_header  # noqa: PLC0415 (torch)

        return read_pt2_header(path).card
    return read_card(path)


def resolve_path(name_or_path: str) -> Path:
    """The file of the model that a user means.

    Args:
        name_or_path: The name of a bundled model, or the path of a model file.

    Raises:
        UnknownModelError: It is neither; the message lists the known names.
    """
    bundled = _bundled()
    if name_or_path in bundled:
        return bundled[name_or_path]
    path = Path(name_or_path)
    if path.is_file() or path.suffix:
        return path
    close = difflib.get_close_matches(name_or_path.lower(), bundled, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    known = ", ".join(bundled) or "none"
    raise UnknownModelError(
        f"No model is called {name_or_path!r}, and no file is there; bundled models: {known}.{hint}"
    )


def _bundled() -> dict[str, Path]:
    return {path.stem: path for path in sorted(WEIGHTS.glob(f"*{SUFFIX}"))}
