"""A model in a format that others can run, with its card inside: what is common to ONNX and exported programs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.card import ModelCard
from models.errors import DeviceError, ModelFileError, ModelInputError
from models.model_file import compute_file_sha256, explain_error
from models.runtimes.predictor import Precision

__all__ = ["EXPORT_KEY", "ExportHeader", "ExportedPredictor"]

EXPORT_KEY = "strandline-export-1"
"""Under this name the header stands in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHeader:
    """What an exported model says beside its weights.

    Attributes:
        card: What the model is; its inputs are the channels of the exported network, in order.
        stride: Rows and columns of a batch must be multiples of this.
        reach_px: How far the network sees; ``None`` where it sees the whole tile.
        hyperparameters: Of the network that was exported.
        weights_sha256: Of the model file that it was made from, in hexadecimal.
    """

    card: ModelCard
    stride: int
    reach_px: int | None
    hyperparameters: Mapping[str, Any]
    weights_sha256: str

    def to_json(self) -> str:
        """The header as text."""
        return json.dumps(
            {
                "card": self.card.model_dump(mode="json"),
                "stride": self.stride,
                "reach_px": self.reach_px,
                "hyperparameters": dict(self.hyperparameters),
                "weights_sha256": self.weights_sha256,
            }
        )

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> ExportHeader:
        """Read a header back.

        Args:
            text: What the file holds under ``EXPORT_KEY``, or ``None`` where it holds nothing.
            path: The file, for the message.

        Raises:
            ModelFileError: There is none, or it is not valid.
        """
        if text is None:
            raise ModelFileError(
                f"Expected a model with our card ({EXPORT_KEY}) in {path}, found none: it cannot be known which bands "
                "it wants. Write such files with strandline export-model."
            )
        try:
            values = json.loads(text)
            reach = values["reach_px"]
            return cls(
                card=ModelCard.model_validate_json(json.dumps(values["card"])),
                stride=int(values["stride"]),
                reach_px=None if reach is None else int(reach),
                hyperparameters=dict(values["hyperparameters"]),
                weights_sha256=str(values["weights_sha256"]),
            )
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise ModelFileError(f"The card ({EXPORT_KEY}) in {path} is not valid: {explain_error(error)}.") from error


class ExportedPredictor(ABC):
    """A model file that another runtime than ours runs: a ``models.runtimes.predictor.Predictor``.

    Attributes:
        source: The file.
        sha256: Its checksum.
        card: What the model says about itself.
        hyperparameters: Of the network that was exported.
        stride: Rows and columns of a batch must be multiples of this.
        reach_px: How far the network sees; ``None`` where it sees the whole tile.
        device: Where it runs: ``cpu`` or ``cuda``.
        precision: ``fp32``, always.
        fill: Mean reflectance a channel: what stands in for pixels without data.
        workers: 1: the runtime spreads each call over the cores by itself.

    Args:
        path: The file.
        header: What it says beside its weights.
        device: Where it runs.
        precision: ``auto`` and ``fp32`` are the same.

    Raises:
        DeviceError: Another precision than fp32 was asked for.
    """

    def __init__(
        self, path: Path, header: ExportHeader, *, device: Literal["cpu", "cuda"], precision: Precision
    ) -> None:
        if precision in {"bf16", "int8"}:
            raise DeviceError(
                f"The precision {precision} was asked for, and {path} computes in fp32: take fp32 or auto, or the "
                "model's own file (.safetensors)."
            )
        self.source = str(path)
        self.sha256 = compute_file_sha256(path)
        self.card, self.hyperparameters = header.card, header.hyperparameters
        self.stride, self.reach_px = header.stride, header.reach_px
        self.device = device
        self.precision: Literal["fp32", "bf16"] = "fp32"
        self.fill: NDArray[np.float32] = np.array(header.card.mean, np.float32)
        self.workers = 1

    @property
    def description(self) -> str:
        """What runs where, in one line for the record."""
        return f"{self.card.name} {self.card.version}, {self.framework}, {self.device}, fp32"

    @property
    @abstractmethod
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, by name, with their versions; what computes the network comes first."""

    @property
    @abstractmethod
    def framework(self) -> str:
        """The library that runs it, with its version: ``ONNX Runtime 1.20``."""

    def enter_worker(self) -> None:  # noqa: B027
        """The runtime has threads of its own: nothing is to be done."""

    def release_memory(self) -> None:  # noqa: B027
        """The runtime keeps what it keeps: nothing is to be done."""

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        """The probability that a pixel is water, calibrated to be its share of water.

        Args:
            batch: (B, C, H, W), reflectance in the order of the card's inputs, not normalised; NaN is filled with
                the channel's mean. H and W multiples of ``stride``, two of them at least.
            margin: Pixels at each edge whose answer is not wanted.

        Returns:
            (B, H - 2 * margin, W - 2 * margin), 0 to 1.

        Raises:
            ModelInputError: The shape does not fit.
        """
        names, stride = self.card.inputs, self.stride
        fits = batch.ndim == 4 and batch.shape[1] == len(names)
        if not fits or min(batch.shape[2:]) < 2 * stride or batch.shape[2] % stride or batch.shape[3] % stride:
            raise ModelInputError(
                f"{self.card.name}: expected a batch (B, {len(names)}, H, W) of {', '.join(names)} whose rows and "
                f"columns are multiples of {stride}, from {2 * stride} on; found the shape {batch.shape}."
            )
        answer = self._compute(np.ascontiguousarray(batch, np.float32))
        return answer[:, margin : batch.shape[2] - margin, margin : batch.shape[3] - margin]

    @abstractmethod
    def _compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Water probability (B, H, W) of a batch that fits."""
