"""The U-Net: a contracting path, an expanding path, and skips that carry detail across.

It differs from the paper in two ways that a mapper needs: convolutions are padded, so that the output lies on the
grid of the input, and each is followed by a norm.

Source: Ronneberger, Fischer & Brox 2015, doi:10.1007/978-3-319-24574-4_28; batch norm: Ioffe & Szegedy 2015,
arXiv:1502.03167; group norm: Wu & He 2018, doi:10.1007/978-3-030-01261-8_1.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor, nn

from models.errors import ModelInputError
from models.networks.network import Network
from models.networks.unet_config import Activation, Norm, UNetConfig, Upsampling, compute_crops

__all__ = [
    "Activation",
    "Decoder",
    "Encoder",
    "Norm",
    "UNet",
    "UNetConfig",
    "Upsampling",
    "crop_edges",
    "require_image",
]

_ACTIVATIONS: MappingProxyType[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "relu": lambda: nn.ReLU(inplace=True),
        "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True),
        "silu": lambda: nn.SiLU(inplace=True),
        "gelu": nn.GELU,
    }
)


def _build_norm(config: UNetConfig, channels: int) -> nn.Module:
    if config.norm == "batch":
        return nn.BatchNorm2d(channels)
    if config.norm == "group":
        return nn.GroupNorm(next(n for n in (8, 4, 2, 1) if channels % n == 0), channels)
    return nn.Identity()


class DoubleConvolution(nn.Sequential):
    """Two padded 3x3 convolutions, each with norm and activation: (B, in, H, W) to (B, out, H, W)."""

    def __init__(self, config: UNetConfig, in_channels: int, out_channels: int) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            # A norm has a shift of its own, which makes the convolution's bias redundant.
            layers += [
                nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=config.norm == "none"),
                _build_norm(config, out_channels),
                _ACTIVATIONS[config.activation](),
            ]
        super().__init__(*layers)


class Encoder(nn.Module):
    """The contracting path: double convolution, then 2x2 max-pool, ``depth`` times, and the bottom.

    Args:
        config: Hyperparameters.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        incoming = (config.in_channels, *config.widths[:-1])
        stages = [DoubleConvolution(config, i, o) for i, o in zip(incoming, config.widths, strict=True)]
        self.stages = nn.ModuleList(stages)
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.absence = nn.Linear(config.in_channels, config.width, bias=False) if config.any_channels else None

    def forward(self, image: Tensor, present: Tensor | None = None) -> list[Tensor]:
        """Features at each resolution, finest first; the last are the bottom's.

        Args:
            image: (B, C, H, W), H and W multiples of the stride; 0 in absent channels.
            present: (B, C), True where an image has the channel; default all.
        """
        features: list[Tensor] = []
        x = self._enter(image, present)  # (B, width, H, W)
        for level, stage in enumerate(self.stages):
            if level > 0:
                x = stage(self.pool(x))  # (B, width * 2**level, H / 2**level, W / 2**level)
            features.append(x)
        return features

    def _enter(self, image: Tensor, present: Tensor | None) -> Tensor:
        """The first stage: what is known of absent channels is that they are absent, which shifts its first sum."""
        convolution, *rest = self.stages[0].children()
        x: Tensor = convolution(image)  # (B, width, H, W)
        if self.absence is not None and present is not None:
            x = x + self.absence((~present).to(x.dtype))[:, :, None, None]
        for layer in rest:
            x = layer(x)
        return x


class Decoder(nn.Module):
    """The expanding path: double the resolution, join the skip, double convolution, ``depth`` times.

    Args:
        config: Hyperparameters.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.skips = config.skips
        self.spread = config.spread_px
        self.whole = config.norm == "group"  # which takes its mean over all that there is
        pairs = list(zip(config.widths[:0:-1], config.widths[-2::-1], strict=True))  # (coarse, fine), bottom up
        self.ups = nn.ModuleList([_build_upsampling(config, coarse, fine) for coarse, fine in pairs])
        joined = 2 if config.skips else 1
        self.stages = nn.ModuleList([DoubleConvolution(config, joined * fine, fine) for _, fine in pairs])

    def forward(self, features: list[Tensor], *, margin: int = 0) -> Tensor:
        """Features at full resolution.

        Args:
            features: What the encoder returned, finest first.
            margin: Pixels at each edge of the image whose answer is not wanted.

        Returns:
            (B, width, H - 2 * margin, W - 2 * margin).
        """
        *skips, x = features  # x: the bottom, (B, width * 2**depth, H / stride, W / stride)
        croppable = 0 if self.whole else margin
        crops = compute_crops(croppable, depth=len(skips), spread=self.spread)
        above = 0  # pixels that x has lost at each edge, at its own resolution
        for up, stage, skip, crop in zip(self.ups, self.stages, reversed(skips), crops, strict=True):
            x = crop_edges(up(x), crop - 2 * above)  # (B, w, h, w) at the skip's resolution and width
            if self.skips:
                x = torch.cat((crop_edges(skip, crop), x), dim=1)  # twice the channels
            x = stage(x)  # back to the skip's width
            above = crop
        return crop_edges(x, margin - above)


def crop_edges(image: Tensor, pixels: int) -> Tensor:
    """Leave out as many pixels at each edge: (B, C, H, W) to (B, C, H - 2 * pixels, W - 2 * pixels)."""
    return image if pixels == 0 else image[:, :, pixels:-pixels, pixels:-pixels]


def _build_upsampling(config: UNetConfig, coarse: int, fine: int) -> nn.Module:
    if config.upsampling == "deconvolution":
        return nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
    # The 1x1 convolution comes first: it commutes with interpolation, and costs a quarter at the coarse size.
    interpolation = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(nn.Conv2d(coarse, fine, kernel_size=1), interpolation)


class UNet(Network):
    """Encoder, decoder, and a 1x1 convolution onto the classes.

    Args:
        config: Hyperparameters, kept as ``config``.
    """

    config: UNetConfig

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels  # fewer in what models.networks.absence makes of it
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.head = nn.Conv2d(config.width, config.classes, kernel_size=1)

    def forward(self, image: Tensor, present: Tensor | None = None, *, margin: int = 0) -> Tensor:
        """Logits a pixel and class, on the grid of the input.

        Args:
            image: (B, in_channels, H, W), normalised, 0 in absent channels; H and W multiples of ``config.stride``.
            present: (B, in_channels), True where an image has the channel; default all.
            margin: Pixels at each edge whose answer is not wanted, and that need not be computed; what is left is the
                same as without. Less than half of H and W.

        Returns:
            Logits (B, classes, H - 2 * margin, W - 2 * margin): no softmax is applied, since the losses want logits.

        Raises:
            ModelInputError: The shape does not fit.
        """
        require_image("U-Net", image, channels=self.in_channels, stride=self.config.stride)
        features = self.encoder(image, present)  # depth + 1 tensors, from (B, width, H, W) on
        x = self.decoder(features, margin=margin)  # (B, width, H, W), less the margin
        logits: Tensor = self.head(x)  # (B, classes, H, W), less the margin
        return logits


def require_image(name: str, image: Tensor, *, channels: int, stride: int) -> None:
    """Refuse a batch that a network cannot take.

    Args:
        name: What the network is called in the message.
        image: The batch.
        channels: Channels that it must have.
        stride: Rows and columns must be multiples of this.

    Raises:
        ModelInputError: It is no batch (B, channels, H, W), or H or W does not fit.
    """
    shape = tuple(image.shape)
    if len(shape) != 4 or shape[1] != channels:
        raise ModelInputError(f"{name}: expected a batch (B, {channels}, H, W), found the shape {shape}.")
    if min(shape[2:]) < stride or shape[2] % stride or shape[3] % stride:
        raise ModelInputError(
            f"{name}: expected rows and columns to be multiples of {stride}, found {shape[2]} x {shape[3]}. "
            "Pad the tile (the tile grid does)."
        )
