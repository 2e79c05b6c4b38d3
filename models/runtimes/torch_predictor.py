"""A forward pass that is fast on the machine at hand, and the same wherever a tile lies.

What it does, in the order of what each gave: bfloat16 where the processor or GPU has it, channels-last memory,
batch norm folded into the convolutions, and one output channel less to exponentiate.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.card import ModelCard
from models.errors import DeviceError, ModelConfigError
from models.networks.absence import select_channels
from models.networks.architecture import describe
from models.networks.checkpoint import Model
from models.networks.receptive_field import compute_receptive_field
from models.networks.smp import SmpConfig
from models.networks.unet import UNet, crop_edges
from models.runtimes.predictor import Device, Precision, require_batch, require_choice

__all__ = [
    "Runtime",
    "exact_fp32",
    "fold_norms",
    "resolve_device",
    "resolve_precision",
    "resolve_training_precision",
    "select_network",
]


class Runtime:
    """A model made ready to predict: a ``models.runtimes.predictor.Predictor``.

    Attributes:
        model: The model.
        source: The model's file.
        sha256: Of that file, in hexadecimal.
        hyperparameters: Of the network, for the record.
        card: What it says about itself, of the channels that are read.
        device: Where it runs: ``cpu`` or ``cuda``.
        precision: ``fp32``, or ``bf16``, which moves some 0.02% of the pixels across the threshold
            (``docs/performance.md``).
        stride: Rows and columns of a batch must be multiples of this, and tiles start at multiples of it.
        reach_px: How far the network sees; ``None`` where it sees the whole tile, which then needs blending.
        fill: Mean reflectance a channel: what stands in for pixels without data.
        workers: How many calls of ``predict`` at once keep the device busy: the threads of torch, or one for a GPU.

    Args:
        model: The model.
        device: ``auto`` takes the GPU where there is one.
        precision: ``auto`` takes bfloat16 where the device multiplies it natively.
        channels: Which of the card's inputs there are, rising, counted from 0; the network is told that the others are
            absent, and they are neither read nor computed. ``None``: all.

    Raises:
        DeviceError: There is no such device here, or no such choice.
        ModelConfigError: The network cannot do without the other channels.
        ModelInputError: The card says that the model cannot.
    """

    def __init__(
        self,
        model: Model,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        channels: Sequence[int] | None = None,
    ) -> None:
        self.model = model
        self.source, self.sha256 = model.source, model.sha256
        self.hyperparameters: Mapping[str, Any] = describe(model.network.config)
        network, self.card = select_network(model, channels)
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device)
        stride = model.network.config.stride
        field = compute_receptive_field(network, in_channels=len(self.card.inputs), stride=stride)
        self.stride = field.stride
        self.reach_px = field.reach_px
        self.fill: NDArray[np.float32] = np.array(self.card.mean, np.float32)
        self._dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self._network = fold_norms(network).to(self.device, self._dtype).to(memory_format=torch.channels_last)
        # On the device from the start: to make them anew for each tile would wait for all that it has still to do.
        self._mean = torch.tensor(self.card.mean, device=self.device)[:, None, None]
        self._scale = 1 / torch.tensor(self.card.std, device=self.device)[:, None, None]
        self.workers = 1 if self.device == "cuda" else torch.get_num_threads()

    @property
    def description(self) -> str:
        """What was chosen, in one line for the record."""
        where = torch.cuda.get_device_name() if self.device == "cuda" else f"{torch.get_num_threads()} threads"
        return f"{self.card.name} {self.card.version}, PyTorch, {self.device} ({where}), {self.precision}"

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, with their versions."""
        own = {"PyTorch": str(torch.__version__)}
        if isinstance(self.model.network.config, SmpConfig):
            own["segmentation-models-pytorch"] = version("segmentation-models-pytorch")
        return own

    def enter_worker(self) -> None:
        """Let this thread compute alone: the other threads have tiles of their own."""
        torch.get_num_threads()  # torch sets a thread's number when first asked, and would undo ours
        threadpool_limits(limits=1, user_api="openmp")

    def release_memory(self) -> None:
        """PyTorch gives features back by itself: nothing is to be done."""

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        """As ``Predictor.predict`` has it."""
        require_batch(batch, self.card, margin=margin)
        image = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self.device)
        probability: NDArray[np.float32] = self.predict_tensor(image, margin=margin).cpu().numpy()
        return probability

    def predict_tensor(self, image: Tensor, *, margin: int = 0) -> Tensor:
        """As ``predict``, for a batch that lies on the device, where the answer stays; on a GPU nothing waits for it.

        Args:
            image: (B, C, H, W), float32 reflectance, as ``predict`` takes it.
            margin: Pixels at each edge whose answer is not wanted, and need not be computed.

        Returns:
            float32 (B, H - 2 * margin, W - 2 * margin), on the device, 0 to 1.
        """
        card = self.card
        with torch.inference_mode(), exact_fp32():
            image = self.normalise(image).to(dtype=self._dtype, memory_format=torch.channels_last)
            logits = self._compute_logits(image, margin).float()  # (B, classes, H, W), less the margin
            return torch.softmax(logits / card.temperature, dim=1)[:, card.water_class]  # (B, H, W), less the margin

    def normalise(self, image: Tensor) -> Tensor:
        """What ``Normalisation`` gives, to the last bit, from constants that lie on the device.

        Args:
            image: (B, C, H, W), float32 reflectance on the device; NaN where there is no data.
        """
        low, high = self.card.reflectance_range
        return image.clamp(low, high).sub_(self._mean).mul_(self._scale).nan_to_num_(nan=0.0)

    def _compute_logits(self, image: Tensor, margin: int) -> Tensor:
        if isinstance(self._network, UNet):
            logits: Tensor = self._network(image, margin=margin)
            return logits
        return crop_edges(self._network(image), margin)


def select_network(model: Model, channels: Sequence[int] | None) -> tuple[nn.Module, ModelCard]:
    """The network and card for these channels alone.

    Args:
        model: The model.
        channels: Which of the card's inputs there are, rising, counted from 0; ``None``: all.

    Raises:
        ModelConfigError: The network cannot do without the other channels.
        ModelInputError: The card says that the model cannot.
    """
    if channels is None:
        return model.network, model.card
    known = dict(enumerate(model.card.inputs))
    if not {*channels} <= known.keys():
        raise ModelConfigError(f"Expected rising channels from 0 to {len(known) - 1}, found {list(channels)}.")
    card = model.card.select([known[channel] for channel in channels])
    if len(card.inputs) == len(known):
        return model.network, card
    return select_channels(model.network, channels), card


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Decide where to run: ``auto`` takes the GPU where there is one.

    Raises:
        DeviceError: There is no such device here, or no such choice.
    """
    require_choice("device", device, Device)
    present = torch.cuda.is_available()
    if device == "cuda" and not present:
        raise DeviceError(
            "The device cuda was asked for, and this machine has none that torch can use: take cpu or auto."
        )
    return "cuda" if device == "cuda" or (device == "auto" and present) else "cpu"


def resolve_precision(precision: str, device: str) -> Literal["fp32", "bf16"]:
    """Decide what to multiply in: ``auto`` takes bfloat16 where the device has it natively.

    Raises:
        DeviceError: The device has none, or there is no such choice.
    """
    require_choice("precision", precision, Precision)
    if precision == "fp32":
        return "fp32"
    if precision == "int8":
        raise DeviceError("The precision int8 was asked for, which OpenVINO alone computes here: take fp32 or auto.")
    native = _gpu_has_bf16() if device == "cuda" else _cpu_has_bf16()
    if precision == "bf16" and not native:
        raise DeviceError(
            f"The precision bf16 was asked for, and this {device} does not multiply it: take fp32 or auto."
        )
    return "bf16" if native else "fp32"


def resolve_training_precision(precision: str, device: str) -> str:
    """Decide what a training computes in, by Lightning's names.

    Args:
        precision: ``auto``: ``bf16-mixed`` where the device multiplies bfloat16 natively, else ``32-true``, since
            emulated it takes ten times as long; anything else stays.
        device: ``cpu`` or ``cuda``.
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if resolve_precision("auto", device) == "bf16" else "32-true"


def _cpu_has_bf16() -> bool:
    # Without AVX-512 BF16 or AMX, bfloat16 is emulated, and slower than fp32.
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _gpu_has_bf16() -> bool:
    return torch.cuda.get_device_capability() >= (8, 0)


@contextlib.contextmanager
def exact_fp32() -> Iterator[None]:
    """Keep cuDNN from rounding fp32 to TF32, and from choosing kernels by trial."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def fold_norms(network: nn.Module) -> nn.Module:
    """A copy whose batch norms are folded into the convolutions before them."""
    folded = copy.deepcopy(network).eval()
    for block in folded.modules():
        if isinstance(block, nn.Sequential):
            for index in range(len(block) - 1):
                convolution, norm = block[index], block[index + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    block[index] = fuse_conv_bn_eval(convolution, norm)
                    block[index + 1] = nn.Identity()
    return folded
