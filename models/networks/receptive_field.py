"""How far a network sees, found by asking the network.

NaN is a tracer that no weight can hide: what a NaN touches becomes NaN, whatever it is multiplied by. One line of
NaN is put into an otherwise blank image; the output pixels that become NaN are those that can depend on that line.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn

from models.errors import ModelInputError

__all__ = ["ReceptiveField", "compute_receptive_field"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptiveField:
    """How much of its surroundings an output pixel depends on.

    Attributes:
        reach_px: The farthest input pixel that any output pixel depends on, in rows or columns away from it;
            ``None`` where the network sees the whole tile, which then needs blending instead of a halo.
        stride: Tiles must start at multiples of this for their results to agree.
    """

    reach_px: int | None
    stride: int


def compute_receptive_field(
    network: nn.Module, *, in_channels: int, stride: int, limit_px: int = 1024
) -> ReceptiveField:
    """Measure the receptive field of a convolutional network with a NaN tracer.

    Args:
        network: Maps (B, in_channels, H, W) to (B, any, H, W). It is copied, and not changed.
        in_channels: Channels of its input.
        stride: Rows and columns of its input must be multiples of this.
        limit_px: A reach beyond this counts as not finite.

    Returns:
        The reach over rows and columns, whichever is longer, over all positions within the stride.

    Raises:
        ModelInputError: The output is not on the grid of the input.
    """
    # A copy in evaluation mode, since a norm over the batch would spread the tracer; and in fp64, for which torch has
    # direct kernels alone: Winograd and FFT transforms mix neighbours that the sum itself does not.
    probe = copy.deepcopy(network).to("cpu", torch.float64).eval()
    reaches = [_measure_axis(probe, in_channels, stride, limit_px, transposed=flag) for flag in (False, True)]
    known = [reach for reach in reaches if reach is not None]
    return ReceptiveField(reach_px=max(known) if len(known) == 2 else None, stride=stride)


def _measure_axis(probe: nn.Module, in_channels: int, stride: int, limit_px: int, *, transposed: bool) -> int | None:
    length = max(256, 16 * stride)  # long at once: a dilated convolution jumps over the ends of a short image
    while True:
        reach = _trace(probe, in_channels, stride, length, transposed=transposed)
        if reach is not None or length > 2 * limit_px:
            return reach if reach is not None and reach <= limit_px else None
        length *= 2


def _trace(probe: nn.Module, in_channels: int, stride: int, length: int, *, transposed: bool) -> int | None:
    """The reach, or ``None`` where the trace runs into an end of the image."""
    image = torch.zeros(stride, in_channels, length, stride, dtype=torch.float64)  # one image a phase, long and thin
    middle = length // 2 // stride * stride
    lines = torch.arange(stride) + middle
    image[torch.arange(stride), :, lines] = torch.nan
    with torch.inference_mode():
        output = probe(image.mT if transposed else image)
    output = output.mT if transposed else output
    if output.shape[2:] != image.shape[2:]:
        raise ModelInputError(
            f"Expected a network whose output lies on the grid of its input, found {tuple(output.shape[2:])} "
            f"for {tuple(image.shape[2:])} (H, W)."
        )
    touched = output.isnan().any(dim=3).any(dim=1)  # (phase, row)
    if touched[:, 0].any() or touched[:, -1].any():
        return None
    away = (torch.arange(length) - lines[:, None]).abs()  # (phase, row)
    return int((away * touched).max())
