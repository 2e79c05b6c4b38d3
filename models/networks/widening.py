"""Make a wider network of a trained one: it begins with what the narrow one knows, and learns on from there.

Each new channel is a copy of an old one, and whatever reads the copies shares its weight among them, so that the wide
network answers as the narrow one does. A little noise on the weights then lets the copies part.

Source: Chen, Goodfellow & Shlens 2016, Net2Net: accelerating learning via knowledge transfer, arXiv:1511.05641.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from models.errors import ModelConfigError
from models.networks.autoencoder import Autoencoder
from models.networks.classifier import Classifier
from models.networks.unet import UNet

__all__ = ["carry_encoder", "widen"]


def widen(source: UNet, width: int, *, noise: float = 0.0) -> UNet:
    """A wider U-Net that answers as a narrower one.

    Args:
        source: The narrower network; not changed.
        width: Channels of the wider one at full resolution.
        noise: Deviation of what is added to each kernel, as a share of the deviation of its own weights; drawn from
            torch's global generator.

    Raises:
        ModelConfigError: It would not be wider.
    """
    config = source.config
    if width <= config.width:
        raise ModelConfigError(f"Expected a width beyond {config.width} to widen to, found {width}.")
    target = UNet(replace(config, width=width))
    maps = [_copy_of(old, new) for old, new in zip(config.widths, target.config.widths, strict=True)]
    with torch.no_grad():
        _widen_encoder(source, target, maps)
        _widen_decoder(source, target, maps)
        _carry(source.head, target.head, torch.arange(config.classes), maps[0])
        for name, value in target.named_parameters():
            if noise and value.ndim > 1 and "absence" not in name:
                value.add_(noise * value.std() * torch.randn_like(value))
    return target.train(source.training)


def _copy_of(old: int, new: int) -> Tensor:
    """Which old channel each new one copies: all in order, then again from the first."""
    return torch.arange(new) % old


def _widen_encoder(source: UNet, target: UNet, maps: list[Tensor]) -> None:
    incoming = [torch.arange(source.config.in_channels), *maps[:-1]]
    stages = zip(source.encoder.stages, target.encoder.stages, incoming, maps, strict=True)
    for narrow, wide, inputs, outputs in stages:
        _carry_block(narrow, wide, inputs, outputs)
    if source.encoder.absence is not None and target.encoder.absence is not None:
        target.encoder.absence.weight.copy_(source.encoder.absence.weight[maps[0]])


def _widen_decoder(source: UNet, target: UNet, maps: list[Tensor]) -> None:
    coarse_to_fine = list(zip(maps[:0:-1], maps[-2::-1], strict=True))
    blocks = zip(source.decoder.ups, target.decoder.ups, source.decoder.stages, target.decoder.stages, strict=True)
    for (narrow_up, wide_up, narrow, wide), (coarse, fine) in zip(blocks, coarse_to_fine, strict=True):
        for old, new in zip(narrow_up.modules(), wide_up.modules(), strict=True):
            if isinstance(old, nn.Conv2d | nn.ConvTranspose2d):
                _carry(old, new, fine, coarse)
        # The skip comes first, then what came up; each has as many channels as the other.
        joined = torch.cat((fine, fine + int(fine.max()) + 1)) if source.config.skips else fine
        _carry_block(narrow, wide, joined, fine)


def _carry_block(narrow: nn.Module, wide: nn.Module, inputs: Tensor, outputs: Tensor) -> None:
    """Two convolutions with their norms: from the inputs to the outputs, then among the outputs."""
    for old, new in zip(narrow.children(), wide.children(), strict=True):
        _carry(old, new, outputs, inputs)
        if isinstance(old, nn.Conv2d):
            inputs = outputs


def _carry(old: nn.Module, new: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
    if isinstance(old, nn.Conv2d | nn.ConvTranspose2d) and isinstance(new, nn.Conv2d | nn.ConvTranspose2d):
        share = 1 / torch.bincount(inputs)[inputs]  # (new inputs,): copies divide what is read from them
        if isinstance(old, nn.ConvTranspose2d):  # (in, out, h, w)
            new.weight.copy_(old.weight[inputs][:, outputs] * share[:, None, None, None])
        else:  # (out, in, h, w)
            new.weight.copy_(old.weight[outputs][:, inputs] * share[None, :, None, None])
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias[outputs])
    elif isinstance(old, nn.BatchNorm2d):
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(new, name).copy_(getattr(old, name)[outputs])
    elif isinstance(old, nn.GroupNorm):
        raise ModelConfigError("A network with group norms cannot be widened: its groups would hold other channels.")


def carry_encoder(source: Autoencoder | Classifier | UNet, target: Autoencoder | Classifier | UNet) -> None:
    """Copy the encoder's weights, and the statistics of its norms.

    What only one of the two has to say about absent channels stays behind.

    Args:
        source: Where from; not changed.
        target: Where to; keeps its decoder and head.

    Raises:
        ModelConfigError: The encoders differ: nothing is copied.
    """
    weights, place = source.encoder.state_dict(), target.encoder.state_dict()
    absence = "absence.weight"
    if (absence in weights) != (absence in place):
        weights.pop(absence, None)
        if absence in place:
            weights[absence] = place[absence]
    shapes, expected = ({name: tuple(t.shape) for name, t in state.items()} for state in (weights, place))
    if shapes != expected:
        name = next(name for name in (*expected, *shapes) if shapes.get(name) != expected.get(name))
        raise ModelConfigError(
            f"Expected encoders of the same channels, depth, width and norm; found {name} of {shapes.get(name)} for "
            f"{expected.get(name)}. Build both from the same hyperparameters."
        )
    target.encoder.load_state_dict(weights)
