"""What every network of ours has in common: a configuration to make it from again, and a grid that it fits on."""

from __future__ import annotations

from dataclasses import Field
from typing import Any, ClassVar, Protocol

from torch import nn

__all__ = ["Network", "NetworkConfig"]


class NetworkConfig(Protocol):
    """The hyperparameters of a network: a frozen dataclass that validates itself; ``build_network`` makes it."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    architecture: ClassVar[str]
    """The name under which ``models.networks.architecture`` knows it."""

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        ...

    @property
    def classes(self) -> int:
        """Channels of the output."""
        ...

    @property
    def any_channels(self) -> bool:
        """Whether channels may be absent, and the network is told which are present."""
        ...

    @property
    def stride(self) -> int:
        """Rows and columns of the input must be multiples of this."""
        ...


class Network(nn.Module):
    """A network that knows its own hyperparameters.

    Its ``forward`` takes an image (B, in_channels, H, W), normalised, 0 in absent channels, and optionally ``present``
    (B, in_channels), True where an image has the channel.

    Attributes:
        config: Hyperparameters.
        in_channels: Channels that it takes: those of the config, or fewer in what ``models.networks.absence`` makes of
            it.
    """

    config: NetworkConfig
    in_channels: int
