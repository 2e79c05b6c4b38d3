"""How a name or a path becomes something that predicts, whatever its file is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from models.errors import ModelInputError
from models.model_file import read_card
from models.runtimes.exported import ExportedPredictor
from models.runtimes.framework_choice import build_runtime
from models.runtimes.onnx_predictor import OnnxPredictor
from models.runtimes.predictor import Device, Framework, Precision, Predictor
from models.runtimes.registry import resolve_path
from models.runtimes.rounding import name_rounding

__all__ = ["resolve_predictor"]

_KEPT = 4
"""Models in memory: scenes that lack bands need the same model cut another way."""


def resolve_predictor(
    name_or_path: str,
    *,
    inputs: Sequence[str] | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    framework: Framework = "auto",
) -> Predictor:
    """Load the model that a user means, ready to predict from the inputs that there are.

    A process loads it once, however many scenes it maps, and again where the file has changed.

    Args:
        name_or_path: The name of a bundled model, or the path of a model file: our own (``.safetensors``), or one that
            was exported (``.onnx``, ``.pt2``).
        inputs: Those of the model's inputs that there are, in its order; ``None``: all.
        device: ``auto`` takes the GPU where there is one.
        precision: ``auto`` takes bfloat16 where the device multiplies it natively; ``int8`` is OpenVINO's.
        framework: ``auto`` takes what is fastest here; an exported model has its own.

    Raises:
        UnknownModelError: There is no such model; the message lists the known names.
        ModelFileError: The file is no model.
        ModelInputError: The model cannot do without the other inputs.
        DeviceError: There is no such device here, or no such choice.
    """
    path = resolve_path(name_or_path)
    chosen = None if inputs is None else tuple(inputs)
    identity = *_read_identity(path), *_read_identity(name_rounding(path))
    return _load(path, identity, chosen, device=device, precision=precision, framework=framework)


def _read_identity(path: Path) -> tuple[int, ...]:
    """What tells a file from another that takes its place; nothing where there is none, and loading says so."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=_KEPT)
def _load(
    path: Path,
    _identity: tuple[int, ...],
    inputs: tuple[str, ...] | None,
    *,
    device: Device,
    precision: Precision,
    framework: Framework,
) -> Predictor:
    if path.suffix in {".onnx", ".pt2"}:
        return _open_exported(path, inputs, device=device, precision=precision)
    channels = None if inputs is None else read_card(path).find_channels(inputs)
    return build_runtime(path, framework=framework, device=device, precision=precision, channels=channels)


def _open_exported(
    path: Path, inputs: Sequence[str] | None, *, device: Device, precision: Precision
) -> ExportedPredictor:
    predictor: ExportedPredictor
    if path.suffix == ".onnx":
        predictor = OnnxPredictor(path, device=device, precision=precision)
    else:
        from models.runtimes.pt2_predictor import Pt2Predictor  # noqa: PLC0415 (torch)

        predictor = Pt2Predictor(path, device=device, precision=precision)
    if inputs is not None and tuple(inputs) != predictor.card.inputs:
        raise ModelInputError(
            f"{path} reads {', '.join(predictor.card.inputs)}, all of them; found {', '.join(inputs)}. Export it for "
            f"these: strandline export-model --bands {','.join(inputs)}."
        )
    return predictor
