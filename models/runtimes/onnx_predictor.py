"""Run a model that was exported as ONNX, with ONNX Runtime.

Source: ONNX, https://onnx.ai (``metadata_props`` holds our card); ONNX Runtime, https://onnxruntime.ai.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import DeviceError, ModelFileError
from models.model_file import explain_error
from models.runtimes.exported import EXPORT_KEY, ExportedPredictor, ExportHeader
from models.runtimes.predictor import Device, Precision

__all__ = ["OnnxPredictor", "read_onnx_header"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxPredictor(ExportedPredictor):
    """An ONNX file of ours, ready to predict.

    Args:
        path: A file that ``models.runtimes.export`` wrote.
        device: ``auto`` takes the GPU where this ONNX Runtime was built for it.
        precision: ``auto`` and ``fp32`` are the same.

    Raises:
        ModelFileError: The file is no ONNX model of ours, or ONNX Runtime is not installed.
        DeviceError: There is no such device here, or bfloat16 was asked for.
    """

    def __init__(self, path: Path | str, *, device: Device = "auto", precision: Precision = "auto") -> None:
        path = Path(path)
        header = read_onnx_header(path)
        where = _resolve_device(device)
        super().__init__(path, header, device=where, precision=precision)
        self._session = _open(path, where)
        (entry,) = self._session.get_inputs()
        if entry.shape[1] != len(header.card.inputs):
            raise ModelFileError(
                f"The card in {path} names {len(header.card.inputs)} inputs, the network wants {entry.shape[1]}: "
                "the file contradicts itself."
            )
        self._input = entry.name

    @property
    def framework(self) -> str:
        """The library that runs it, with its version."""
        return f"ONNX Runtime {_import().__version__}"

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, with their versions."""
        return {"ONNX Runtime": _import().__version__}

    def _compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        return answer


def read_onnx_header(path: Path | str) -> ExportHeader:
    """What an ONNX file says beside its weights.

    Raises:
        ModelFileError: The file is no ONNX model of ours, or ONNX Runtime is not installed.
    """
    path = Path(path)
    metadata = _open(path, "cpu").get_modelmeta().custom_metadata_map
    return ExportHeader.from_json(metadata.get(EXPORT_KEY), path)


def _resolve_device(device: Device) -> Literal["cpu", "cuda"]:
    present = _PROVIDERS["cuda"] in _import().get_available_providers()
    if device == "cuda" and not present:
        raise DeviceError(
            "The device cuda was asked for, and this ONNX Runtime was not built for it: take cpu or auto, or install "
            "onnxruntime-gpu."
        )
    return "cuda" if device != "cpu" and present else "cpu"


def _open(path: Path, device: Literal["cpu", "cuda"]) -> Any:  # noqa: ANN401 (onnxruntime has no types)
    runtime = _import()
    if not path.is_file():
        raise ModelFileError(f"Expected a model file at {path}, found none to read.")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone: what is wrong is raised, and warnings are for who exports
    try:
        return runtime.InferenceSession(str(path), options, providers=[_PROVIDERS[device]])
    except Exception as error:  # its errors have no root of their own
        raise ModelFileError(
            f"Expected an ONNX model, found a truncated or foreign file in {path}: {explain_error(error)}."
        ) from error


def _import() -> Any:  # noqa: ANN401 (onnxruntime has no types)
    try:
        import onnxruntime  # noqa: PLC0415 (only who runs an ONNX model needs it)
    except ImportError as error:
        raise ModelFileError(
            "An ONNX model needs onnxruntime, which is not installed: pip install strandline[train]."
        ) from error
    return onnxruntime
