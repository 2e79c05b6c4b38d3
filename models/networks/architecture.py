"""The networks by name: from the plain values in a recipe or a model file to a network, and back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from models.errors import ModelConfigError
from models.networks.autoencoder import Autoencoder, AutoencoderConfig
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.network import Network, NetworkConfig
from models.networks.smp import SmpConfig, SmpNetwork
from models.networks.unet import UNet, UNetConfig

__all__ = ["ARCHITECTURES", "build_network", "describe", "parse_config"]

_NETWORKS: MappingProxyType[type[NetworkConfig], Callable[[Any], Network]] = MappingProxyType(
    {UNetConfig: UNet, AutoencoderConfig: Autoencoder, ClassifierConfig: Classifier, SmpConfig: SmpNetwork}
)

ARCHITECTURES: MappingProxyType[str, type[NetworkConfig]] = MappingProxyType(
    {kind.architecture: kind for kind in _NETWORKS}
)
"""What a recipe or a model file may name, and whose hyperparameters follow."""


def parse_config(config: Mapping[str, Any]) -> NetworkConfig:
    """The hyperparameters that plain values stand for, validated.

    Args:
        config: ``architecture`` (one of ``ARCHITECTURES``, or ``smp:Unet/resnet18`` for short; left out, a U-Net, as
            the first model files have it) and that network's hyperparameters.

    Raises:
        ModelConfigError: No such architecture or hyperparameter exists, or a value is out of range.
    """
    values = dict(config)
    architecture = str(values.pop("architecture", UNetConfig.architecture))
    if architecture.startswith("smp:"):
        architecture, values["name"] = architecture.split(":", 1)
    kind = ARCHITECTURES.get(architecture)
    if kind is None:
        raise ModelConfigError(
            f"Expected the architecture to be one of {', '.join(ARCHITECTURES)}; found {architecture!r}."
            f"{_suggest(architecture, ARCHITECTURES)}"
        )
    known = kind.__dataclass_fields__
    for name in values:
        if name not in known:
            raise ModelConfigError(f"{architecture}: has no hyperparameter {name!r}.{_suggest(str(name), known)}")
    try:
        return kind(**values)
    except TypeError as error:  # smp without a name
        raise ModelConfigError(f"{architecture}: a hyperparameter is missing ({error}).") from error


def build_network(config: NetworkConfig | Mapping[str, Any]) -> Network:
    """Make a network, with fresh random weights drawn from torch's global generator.

    Args:
        config: Hyperparameters, or plain values as ``parse_config`` takes them.

    Raises:
        ModelConfigError: As ``parse_config``; or a library that the network needs is not installed.
    """
    values = parse_config(config) if isinstance(config, Mapping) else config
    return _NETWORKS[type(values)](values)


def describe(config: NetworkConfig) -> dict[str, int | str | bool]:
    """The plain values that ``parse_config`` reads back as the same hyperparameters.

    Args:
        config: Hyperparameters of any network of ours.
    """
    return {"architecture": config.architecture, **asdict(config)}


def _suggest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" Known: {', '.join(known)}."
