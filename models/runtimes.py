"""How a name or a path becomes something that predicts, whatever its file is."""

from __future__ import annotations

from collections.abc import Sequence

from models.card import ModelCard
from models.predictor import Device, Precision, Predictor
from models.registry import resolve_model
from models.runtime import Runtime

__all__ = ["resolve_predictor"]


def resolve_predictor(
    name_or_path: str, *, inputs: Sequence[str] | None = None, device: Device = "auto", precision: Precision = "auto"
) -> Predictor:
    """Load the model that a user means, ready to predict from the inputs that there are.

    Args:
        name_or_path: The name of a bundled model, or the path of a model file.
        inputs: Those of the model's inputs that there are, in its order; ``None``: all.
        device: ``auto`` takes the GPU where there is one.
        precision: ``auto`` takes bfloat16 where the device multiplies it natively.

    Raises:
        UnknownModelError: There is no such model; the message lists the known names.
        ModelFileError: The file is no model.
        ModelInputError: The model cannot do without the other inputs.
        DeviceError: There is no such device here, or no such choice.
    """
    model = resolve_model(name_or_path)
    return Runtime(model, device=device, precision=precision, channels=_find_channels(model.card, inputs))


def _find_channels(card: ModelCard, inputs: Sequence[str] | None) -> list[int] | None:
    return None if inputs is None else [card.inputs.index(name) for name in card.select(inputs).inputs]
