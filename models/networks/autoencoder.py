"""An autoencoder from the U-Net's own parts: it learns what images look like, and needs no labels for that.

It has no skips: with them it would hand the image across at full resolution and learn nothing. Its encoder can be
carried into a U-Net (``models.networks.widening``).

Source: Hinton & Salakhutdinov 2006, Reducing the dimensionality of data with neural networks,
doi:10.1126/science.1127647.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

from torch import Tensor, nn

from models.errors import ModelInputError
from models.networks.network import Network
from models.networks.unet import Activation, Decoder, Encoder, Norm, UNetConfig, Upsampling, require_image

__all__ = ["Autoencoder", "AutoencoderConfig", "compute_reconstruction_loss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderConfig:
    """The hyperparameters of an autoencoder, as those of ``UNetConfig``; ``build_network`` makes the network.

    Attributes:
        in_channels: Channels of the input, and of the output.
        depth: How many times the resolution is halved.
        width: Channels at full resolution; they double at each halving.
        activation: Nonlinearity after each 3x3 convolution.
        norm: Which norm follows each 3x3 convolution.
        upsampling: How the decoder doubles the resolution.
        any_channels: Whether channels may be absent: the network then learns to guess them from the others.

    Raises:
        ModelConfigError: A value is out of range, or no such choice exists.
    """

    architecture: ClassVar[str] = "autoencoder"

    in_channels: int = 12
    depth: int = 3
    width: int = 16
    activation: Activation = "relu"
    norm: Norm = "batch"
    upsampling: Upsampling = "deconvolution"
    any_channels: bool = False

    def __post_init__(self) -> None:
        _ = self.body  # validates

    @property
    def body(self) -> UNetConfig:
        """The U-Net without skips whose encoder and decoder these are."""
        return UNetConfig(skips=False, **asdict(self))

    @property
    def classes(self) -> int:
        """Channels of the output: as many as go in."""
        return self.in_channels

    @property
    def stride(self) -> int:
        """Rows and columns of the input must be multiples of this."""
        return self.body.stride


class Autoencoder(Network):
    """Encoder, decoder without skips, and a 1x1 convolution back onto the channels.

    Args:
        config: Hyperparameters, kept as ``config``.
    """

    config: AutoencoderConfig

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels
        self.encoder = Encoder(config.body)
        self.decoder = Decoder(config.body)
        self.head = nn.Conv2d(config.width, config.in_channels, kernel_size=1)

    def forward(self, image: Tensor, present: Tensor | None = None) -> Tensor:
        """The image again, after it went through the bottom.

        Args:
            image: (B, in_channels, H, W), normalised, 0 in absent channels; H and W multiples of ``config.stride``.
            present: (B, in_channels), True where an image has the channel; default all.

        Returns:
            (B, in_channels, H, W), normalised as the input is; absent channels are guessed.

        Raises:
            ModelInputError: The shape does not fit.
        """
        require_image("Autoencoder", image, channels=self.in_channels, stride=self.config.stride)
        features = self.encoder(image, present)  # depth + 1 tensors, from (B, width, H, W) on
        again: Tensor = self.head(self.decoder(features))  # (B, in_channels, H, W)
        return again


def compute_reconstruction_loss(again: Tensor, image: Tensor, *, known: Tensor | None = None) -> Tensor:
    """Mean squared error of a reconstruction.

    Args:
        again: (B, C, H, W), what the autoencoder returned.
        image: (B, C, H, W), what it should have returned, normalised; any value, NaN too, where not known.
        known: (B, C, H, W), True where there is a value to compare with; default all.

    Returns:
        A scalar; 0 where nothing is known.

    Raises:
        ModelInputError: Shapes disagree.
    """
    if again.shape != image.shape or (known is not None and known.shape != image.shape):
        shapes = [tuple(tensor.shape) for tensor in (again, image, known) if tensor is not None]
        raise ModelInputError(f"Expected reconstruction, image and mask of one shape (B, C, H, W), found {shapes}.")
    if known is None:
        return (again - image).square().mean()
    difference = again.where(known, 0) - image.where(known, 0)  # before squaring: NaN times zero is NaN
    return difference.square().sum() / known.sum().clamp_min(1)
