"""The hyperparameters of a U-Net, and what follows from them alone: how far it sees, what its decoder may leave out.

Nothing here needs PyTorch, which takes a second and half a gigabyte to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal, get_args

from models.errors import ModelConfigError

__all__ = ["Activation", "Norm", "UNetConfig", "Upsampling", "compute_crops", "compute_reach"]

Activation = Literal["relu", "leaky_relu", "silu", "gelu"]
Norm = Literal["batch", "group", "none"]
Upsampling = Literal["deconvolution", "bilinear"]

CONVOLUTIONS_A_STAGE = 2
"""Of 3x3: each lets a pixel reach one further."""

_LIMITS = MappingProxyType({"in_channels": (1, 1024), "classes": (2, 1024), "depth": (1, 7), "width": (1, 1024)})
_CHOICES = MappingProxyType({"activation": Activation, "norm": Norm, "upsampling": Upsampling})


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetConfig:
    """The hyperparameters of a U-Net, validated; ``build_network`` makes the network.

    Attributes:
        in_channels: Channels of the input.
        classes: Channels of the output.
        depth: How many times the resolution is halved.
        width: Channels at full resolution; they double at each halving.
        activation: Nonlinearity after each 3x3 convolution.
        norm: ``batch`` (folded away at inference), ``group`` (its receptive field is the whole tile), or ``none``.
        upsampling: ``deconvolution`` (learned, 2x2, as in the paper) or ``bilinear`` (followed by a 1x1 convolution).
        skips: Whether the decoder sees the encoder's features of the same resolution.
        any_channels: Whether channels may be absent: the network is then told which are, and has learned to do
            without (``models.networks.absence``).

    Raises:
        ModelConfigError: A value is out of range, or no such choice exists.
    """

    architecture: ClassVar[str] = "unet"

    in_channels: int = 12
    classes: int = 2
    depth: int = 3
    width: int = 16
    activation: Activation = "relu"
    norm: Norm = "batch"
    upsampling: Upsampling = "deconvolution"
    skips: bool = True
    any_channels: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ModelConfigError(
                    f"U-Net: expected {name} to be a whole number, {low} to {high}; found {value!r}."
                )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise ModelConfigError(f"U-Net: expected {name} to be one of {known}; found {getattr(self, name)!r}.")
        for name in ("skips", "any_channels"):
            if type(getattr(self, name)) is not bool:
                raise ModelConfigError(f"U-Net: expected {name} to be true or false; found {getattr(self, name)!r}.")

    @property
    def stride(self) -> int:
        """Rows and columns of the input must be multiples of this: 2 to the power of ``depth``."""
        return 1 << self.depth

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each resolution, from full to coarsest: ``depth + 1`` numbers."""
        return tuple(self.width * 2**level for level in range(self.depth + 1))

    @property
    def spread_px(self) -> int:
        """Pixels that a stage of the decoder, with its up-sampling, mixes on each side at its own resolution."""
        # Bilinear up-sampling sees the pixel beside at the coarse resolution, which is two fine ones away.
        return CONVOLUTIONS_A_STAGE + (2 if self.upsampling == "bilinear" else 0)


def compute_crops(margin: int, *, depth: int, spread: int) -> list[int]:
    """How many pixels a decoder may leave out at each edge of each resolution, so that none is missed.

    A tile is read with a halo as wide as the network sees, but the decoder sees only a few pixels of it: most of the
    halo speaks through the coarse features. What is left out there saves half of what a halo costs.

    Args:
        margin: Pixels at each edge of the image whose answer is not wanted.
        depth: Resolutions of the decoder.
        spread: Pixels that a stage of the decoder, with its up-sampling, mixes on each side at its own resolution.

    Returns:
        Pixels at each edge, coarsest resolution first; each is at least twice the one before.
    """
    crops = []
    unneeded = margin
    for _ in range(depth):
        crops.append(max(unneeded - spread, 0))
        unneeded = crops[-1] // 2
    return crops[::-1]


def compute_reach(config: UNetConfig) -> int | None:
    """How far a U-Net sees, in rows or columns: what ``receptive_field`` measures, from the hyperparameters.

    Args:
        config: Hyperparameters.

    Returns:
        The farthest input pixel that any output pixel depends on; ``None`` with a norm over the tile.
    """
    if config.norm == "group":
        return None
    return max(_compute_reach_of(config, pixel) for pixel in range(config.stride))


def _compute_reach_of(config: UNetConfig, pixel: int) -> int:
    """Follow one output pixel down the decoder, and up the encoder again, to the first input pixel that it sees.

    The network is its own mirror: over all pixels it sees as far to the last as to the first.
    """
    first = pixel
    for _ in range(config.depth):
        first -= CONVOLUTIONS_A_STAGE
        if config.upsampling == "bilinear":  # a pixel lies between two coarse centres
            first -= 1
        first //= 2
    for _ in range(config.depth):
        first = 2 * (first - CONVOLUTIONS_A_STAGE)
    return pixel - first + CONVOLUTIONS_A_STAGE
