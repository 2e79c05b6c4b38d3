"""What it takes to compute layers of a network in 8 bits: the range of what each is given, and what makes up for it.

Beside a model's file, ``strandline-small.int8.json`` beside ``strandline-small.safetensors``, stands what
``benchmarks/calibrate.py`` found for it with NNCF. Other layers are computed in fp32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import DeviceError, ModelFileError

__all__ = ["LEVELS", "Rounding", "name_rounding", "read_rounding", "write_rounding"]

LEVELS = 256
"""Of what a layer is given; its kernels have one less, so that zero is in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rounding:
    """How one layer is rounded.

    Attributes:
        low: The least of what it is given; what is less counts as that.
        high: The most, likewise.
        room: Range of a kernel over its largest number, of each output: 1, or 2 where sums might else overflow on
            processors that add products of 8 bits in 16.
        bias: (out,) float32, in place of its own: it makes up for what rounding changes in the mean.
    """

    low: float
    high: float
    room: int
    bias: NDArray[np.float32]

    @property
    def is_possible(self) -> bool:
        """Whether a layer can be rounded so."""
        is_finite = np.isfinite([self.low, self.high]).all() and bool(np.isfinite(self.bias).all())
        return bool(is_finite and self.low < self.high and self.room in {1, 2} and self.bias.ndim == 1)


def name_rounding(path: Path) -> Path:
    """The file beside a model's.

    Args:
        path: The model's.
    """
    return path.with_suffix(".int8.json")


def read_rounding(path: Path, *, sha256: str) -> dict[str, Rounding]:
    """How the layers of a model are rounded, by name.

    Args:
        path: The model's file.
        sha256: Of that file, in hexadecimal.

    Raises:
        DeviceError: It was never calibrated, or is another by now.
        ModelFileError: What stands beside it is no such file.
    """
    beside = name_rounding(path)
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
        layers = {
            name: Rounding(
                low=float(one["low"]),
                high=float(one["high"]),
                room=int(one["room"]),
                bias=np.array(one["bias"], np.float32),
            )
            for name, one in found["layers"].items()
        }
        calibrated = str(found["model_sha256"])
    except FileNotFoundError:
        raise DeviceError(
            f"The precision int8 was asked for, and {path} was not calibrated for it: take fp32 or auto."
        ) from None
    except (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{beside} does not say how a network is rounded to 8 bits: {error!r}.") from error
    wrong = sorted(name for name, layer in layers.items() if not layer.is_possible)
    if wrong:
        raise ModelFileError(f"{beside} has a range, a room or a bias that cannot be, of {', '.join(wrong)}.")
    if calibrated != sha256:
        raise DeviceError(f"{beside} was found for another file than {path}: take fp32 or auto, or calibrate it anew.")
    return layers


def write_rounding(path: Path, layers: Mapping[str, Rounding], *, sha256: str) -> None:
    """Write what ``read_rounding`` reads.

    Args:
        path: The model's file.
        layers: By name.
        sha256: Of that file, in hexadecimal.
    """
    listed = {
        name: {
            "low": one.low,
            "high": one.high,
            "room": one.room,
            "bias": [float(f"{value:.9g}") for value in one.bias],
        }
        for name, one in layers.items()
    }
    text = json.dumps({"model_sha256": sha256, "layers": listed}, indent=1)
    name_rounding(path).write_text(text + "\n", encoding="utf-8")
