"""Networks that do without some of their channels: what is absent is declared to them, not guessed.

A network that was built with ``any_channels`` is trained on images of which some channels are zeroed, and is told
which. For a given set of channels that amounts to a smaller network: the kernels of absent channels fall away, and
what the network was told becomes a constant.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.errors import ModelConfigError
from models.networks.network import Network
from models.networks.unet import UNet

__all__ = ["compute_absence_shift", "select_channels"]


def select_channels(network: Network, channels: Sequence[int]) -> nn.Module:
    """A copy of the network for images that have some of its channels alone.

    Args:
        network: Built with ``any_channels``.
        channels: Which channels there are, rising, counted from 0.

    Returns:
        A network that takes (B, len(channels), H, W) and answers as the whole one does where it is told that the
        others are absent. All channels give a plain copy.

    Raises:
        ModelConfigError: The channels do not rise or do not exist, or the network cannot do without the others.
    """
    count = network.config.in_channels
    if list(channels) != sorted({*channels} & {*range(count)}) or not channels:
        raise ModelConfigError(f"Expected rising channels from 0 to {count - 1}, found {list(channels)}.")
    smaller = copy.deepcopy(network)
    if len(channels) == count:
        return smaller
    if not network.config.any_channels:
        raise ModelConfigError("This network needs all of its channels: it was not built with any_channels.")
    if not isinstance(smaller, UNet):
        return _Completed(smaller, channels).train(network.training)
    return _shrink(smaller, channels).train(network.training)


class _Completed(nn.Module):
    """A network of any kind, given zeros for its absent channels and told of them: as good, but no faster."""

    def __init__(self, network: Network, channels: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.in_channels = len(channels)
        self.channels = list(channels)
        present = torch.zeros(network.config.in_channels, dtype=torch.bool)
        present[self.channels] = True
        self.register_buffer("present", present, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """What the whole network answers: (B, len(channels), H, W) to logits."""
        present = self.get_buffer("present")
        whole = image.new_zeros(image.shape[0], len(present), *image.shape[2:])  # (B, in_channels, H, W)
        whole[:, self.channels] = image
        answer: Tensor = self.network(whole, present.expand(image.shape[0], -1))
        return answer


def _shrink(smaller: UNet, channels: Sequence[int]) -> UNet:
    """Take the kernels of absent channels out of the first convolution, and put what their absence adds into its bias.

    Args:
        smaller: A copy that may be changed.
        channels: Which channels there are.
    """
    shift = compute_absence_shift(smaller, channels)
    stage = smaller.encoder.stages[0]
    assert isinstance(stage, nn.Sequential)  # noqa: S101 (for the type checker)
    whole = stage[0]
    assert isinstance(whole, nn.Conv2d)  # noqa: S101
    part = nn.Conv2d(len(channels), whole.out_channels, kernel_size=3, padding=1).to(whole.weight)
    with torch.no_grad():
        part.weight.copy_(whole.weight[:, list(channels)])
        assert part.bias is not None  # noqa: S101
        part.bias.copy_(shift if whole.bias is None else shift + whole.bias)
    stage[0] = part
    smaller.in_channels = len(channels)
    return smaller


def compute_absence_shift(network: UNet, channels: Sequence[int]) -> Tensor:
    """What the absence of all other channels adds to the first convolution: (width,).

    Raises:
        ModelConfigError: The network was not built to do without channels.
    """
    absence = network.encoder.absence
    if absence is None:
        raise ModelConfigError("This network needs all of its channels: it was not built with any_channels.")
    absent = torch.ones(network.config.in_channels).to(absence.weight)
    absent[list(channels)] = 0
    with torch.no_grad():
        shift: Tensor = absence(absent)
    return shift
