"""Networks of segmentation-models-pytorch, by name: ``Unet/resnet18``, ``FPN/efficientnet-b0``, ``Segformer/mit_b0``.

They come with fresh weights (none is fetched), and most see far beyond a tile's halo:
``models.networks.receptive_field`` finds out, and what has no finite receptive field is blended.

Source: segmentation-models-pytorch, https://smp.readthedocs.io.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from models.errors import ModelConfigError
from models.model_file import explain_error
from models.networks.network import Network
from models.networks.unet import require_image

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SmpConfig", "SmpNetwork"]

_STRIDE = 32
"""All of these encoders halve the resolution five times by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmpConfig:
    """The hyperparameters of a network of segmentation-models-pytorch; ``build_network`` makes it.

    Attributes:
        name: Architecture and encoder as that library calls them, with a slash between: ``Unet/resnet18``.
        in_channels: Channels of the input.
        classes: Channels of the output.
        any_channels: Whether channels may be absent: the network is then given, beside each channel, whether it is
            there.

    Raises:
        ModelConfigError: A value is out of range.
    """

    architecture: ClassVar[str] = "smp"

    name: str
    in_channels: int = 12
    classes: int = 2
    any_channels: bool = False

    def __post_init__(self) -> None:
        kind, _, encoder = str(self.name).partition("/")
        if not kind or not encoder:
            raise ModelConfigError(
                f"smp: expected name to be Architecture/encoder (Unet/resnet18), found {self.name!r}."
            )
        for name, low in (("in_channels", 1), ("classes", 2)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= 1024:
                raise ModelConfigError(f"smp: expected {name} to be a whole number, {low} to 1024; found {value!r}.")
        if type(self.any_channels) is not bool:
            raise ModelConfigError(f"smp: expected any_channels to be true or false; found {self.any_channels!r}.")

    @property
    def stride(self) -> int:
        """Rows and columns of the input must be multiples of this."""
        return _STRIDE


class SmpNetwork(Network):
    """A network of segmentation-models-pytorch that is called as ours are.

    Args:
        config: Hyperparameters, kept as ``config``.

    Raises:
        ModelConfigError: The library is not installed, or knows no such architecture or encoder.
    """

    config: SmpConfig

    def __init__(self, config: SmpConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels
        self.network = _build(config)

    def forward(self, image: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits a pixel and class, on the grid of the input.

        Args:
            image: (B, in_channels, H, W), normalised, 0 in absent channels; H and W multiples of ``config.stride``.
            present: (B, in_channels), True where an image has the channel; default all. Without ``any_channels`` it
                plays no part.

        Returns:
            Logits (B, classes, H, W).

        Raises:
            ModelInputError: The shape does not fit.
        """
        require_image(self.config.name, image, channels=self.in_channels, stride=_STRIDE)
        if self.config.any_channels:
            flags = torch.ones_like(image) if present is None else present[:, :, None, None].expand_as(image)
            image = torch.cat((image, flags.to(image.dtype)), dim=1)  # (B, 2 * in_channels, H, W)
        logits: Tensor = self.network(image)
        return logits


def _build(config: SmpConfig) -> nn.Module:
    try:
        import segmentation_models_pytorch as smp  # noqa: PLC0415 (only who asks for such a network needs it)
    except ImportError as error:
        raise ModelConfigError(
            f"{config.name} needs segmentation-models-pytorch, which is not installed: pip install strandline[train]."
        ) from error
    kind, _, encoder = config.name.partition("/")
    channels = config.in_channels * (2 if config.any_channels else 1)
    try:
        network: nn.Module = smp.create_model(
            kind, encoder_name=encoder, encoder_weights=None, in_channels=channels, classes=config.classes
        )
    except (KeyError, ValueError, RuntimeError) as error:
        reason = explain_error(error)
        raise ModelConfigError(f"segmentation-models-pytorch cannot build {config.name}: {reason}.") from error
    return network
