"""Run a model that was exported as a PyTorch program (``.pt2``).

Source: torch.export, https://docs.pytorch.org/docs/stable/export.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import ModelFileError
from models.model_file import explain_error
from models.runtimes.exported import ExportedPredictor, ExportHeader
from models.runtimes.predictor import Device, Precision
from models.runtimes.pt2_archive import read_pt2_header, require_plain
from models.runtimes.torch_predictor import exact_fp32, resolve_device

__all__ = ["Pt2Predictor"]


class Pt2Predictor(ExportedPredictor):
    """An exported program of ours, ready to predict.

    Args:
        path: A file that ``models.runtimes.export`` wrote.
        device: ``auto`` takes the GPU where there is one.
        precision: ``auto`` and ``fp32`` are the same.

    Raises:
        ModelFileError: The file is no exported program of ours, or holds more than tensors and their operators.
        DeviceError: There is no such device here, or bfloat16 was asked for.
    """

    def __init__(self, path: Path | str, *, device: Device = "auto", precision: Precision = "auto") -> None:
        path = Path(path)
        header: ExportHeader = read_pt2_header(path)
        super().__init__(path, header, device=resolve_device(device), precision=precision)
        require_plain(path)
        try:
            program = torch.export.load(path)
        except Exception as error:  # whatever torch finds wrong with a damaged archive
            raise ModelFileError(f"The exported program in {path} cannot be loaded: {explain_error(error)}.") from error
        self._module = program.module(check_guards=False).to(self.device)

    @property
    def framework(self) -> str:
        """The library that runs it, with its version."""
        return f"PyTorch program {torch.__version__}"

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, with their versions."""
        return {"PyTorch": str(torch.__version__)}

    def _compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), exact_fp32():
            answer: NDArray[np.float32] = self._module(torch.from_numpy(batch).to(self.device)).cpu().numpy()
        return answer
