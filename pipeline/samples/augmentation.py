"""What a scene may look like on another day, under another sky, from another product: variations of a batch.

All happens on reflectance and on the device of the batch, before normalisation: quarter turns, gains and veils of the
atmosphere's correction, cloud and shadow, noise, blur, products clipped at zero, holes, bands that are absent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.errors import TrainingError
from pipeline.samples.band_dropout import BandDropout
from pipeline.samples.chips import Chip

__all__ = ["Augmentation", "coarsen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How strong the variations are, and how often they come.

    Attributes:
        wavelengths_nm: Central wavelength a channel; veils fall off with it.
        bands: Which bands are taken away, and how often; ``None`` takes none.
        turn: Whether tiles are turned by quarters and mirrored.
        gain: Deviation of the logarithm of the gain that all channels share (illumination).
        band_gain: The same for each channel alone.
        veil: Deviation of what haze, or its over-correction, adds at 490 nm; half of it varies over the tile.
        offset: Deviation of what is added to each channel alone.
        noise: Largest deviation of the noise of a pixel.
        clip_chance: Chance that the image is clipped at zero, as old products are.
        hole_chance: Chance that an image has holes.
        cloud_chance: Chance that a cloud is pasted in; its opaque part does not count.
        shadow_chance: Chance that a shadow is pasted in; what lies in it still counts.
        blur_chance: Chance that the image is seen through coarser pixels, up to twice as large.

    Raises:
        TrainingError: A strength is negative, or a chance is none.
    """

    wavelengths_nm: tuple[float, ...]
    bands: BandDropout | None = None
    turn: bool = True
    gain: float = 0.1
    band_gain: float = 0.03
    veil: float = 0.006
    offset: float = 0.002
    noise: float = 0.003
    clip_chance: float = 0.25
    hole_chance: float = 0.3
    cloud_chance: float = 0.15
    shadow_chance: float = 0.2
    blur_chance: float = 0.2

    def __post_init__(self) -> None:
        chances = (self.clip_chance, self.hole_chance, self.cloud_chance, self.shadow_chance, self.blur_chance)
        strengths = (self.gain, self.band_gain, self.veil, self.offset, self.noise)
        if min(strengths) < 0 or min(chances) < 0 or max(chances) > 1:
            raise TrainingError(f"Expected strengths from 0 on, and chances from 0 to 1; found {self}.")

    def __call__(
        self, image: Tensor, fraction: Tensor, valid: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Vary a batch.

        Args:
            image: (B, C, H, W), reflectance; NaN where there is no data, H and W equal.
            fraction: (B, H, W), share of water.
            valid: (B, H, W), True where a pixel counts.
            generator: Source of chance, on the device of the batch.

        Returns:
            The image, NaN in holes and in absent channels; the fraction; and where a pixel still counts.
        """
        if self.turn:
            image, fraction, valid = _turn(image, fraction, valid, generator)
        image = self._blur(image, generator)
        image = self._recolour(image, generator)
        image, valid = self._overcast(image, valid, generator)
        holes = _draw_blobs(image, generator, self.hole_chance, straight=0.25)  # (B, H, W)
        image, valid = image.masked_fill(holes[:, None], torch.nan), valid & ~holes
        if self.bands is not None:
            absent = self.bands.draw(image.isfinite().any(dim=(2, 3)), generator)  # (B, C)
            image = image.masked_fill(absent[:, :, None, None], torch.nan)
        return image, fraction, valid

    def _recolour(self, image: Tensor, generator: torch.Generator) -> Tensor:
        batch, channels, height, width = image.shape
        device = image.device

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=device)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=device)

        gain = torch.exp(self.gain * normal(batch, 1) + self.band_gain * normal(batch, channels))
        slope = 4 * uniform(batch, 1)  # Angstrom exponent 0 (sea salt, cirrus) to 4 (Rayleigh)
        fall = (490 / torch.tensor(self.wavelengths_nm, device=device)) ** slope  # (B, C)
        drift = functional.interpolate(normal(batch, 1, 3, 3), (height, width), mode="bilinear", align_corners=True)
        veil = self.veil * (normal(batch, 1, 1, 1) + 0.5 * drift)  # (B, 1, H, W)
        shift = self.offset * normal(batch, channels)
        noise = self.noise * uniform(batch, 1, 1, 1) * normal(*image.shape)
        image = image * gain[:, :, None, None] + veil * fall[:, :, None, None] + shift[:, :, None, None] + noise
        clipped = uniform(batch, 1, 1, 1) < self.clip_chance
        return torch.where(clipped, image.clamp_min(0), image)

    def _overcast(self, image: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clouds, whose thin parts are seen through, and shadows, in which the ground is as it was."""
        batch, channels = image.shape[:2]
        draw = torch.rand(batch, 4, 1, 1, generator=generator, device=image.device)
        shadow = _draw_field(image, generator)
        depth = (0.3 + 0.5 * draw[:, :1]) * (draw[:, 1:2] < self.shadow_chance)  # (B, 1, 1, 1)
        image = image * (1 - depth * torch.sigmoid(4 * (shadow - 0.8))[:, None])
        cloud = torch.sigmoid(4 * (_draw_field(image, generator) - 1.0 - draw[:, 2])) * (draw[:, 3] < self.cloud_chance)
        tint = 1 + 0.04 * torch.randn(batch, channels, 1, 1, generator=generator, device=image.device)
        image = image + cloud[:, None] * (0.25 + 0.6 * draw[:, :1]) * tint
        return image, valid & (cloud < 0.3)

    def _blur(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """All of the batch through coarser pixels, or through its own."""
        chance, factor = torch.rand(2, generator=generator, device=image.device).tolist()
        if chance >= self.blur_chance:
            return image
        size = tuple(max(8, round(side / (1 + factor))) for side in image.shape[-2:])
        coarse = functional.interpolate(image, size, mode="area")
        return functional.interpolate(coarse, image.shape[-2:], mode="bilinear", align_corners=False)


def _turn(image: Tensor, fraction: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Each tile turned and mirrored its own way: nothing on the ground knows which way is north, but for the sun."""
    ways = torch.randint(8, (len(image),), generator=generator, device=image.device).tolist()

    def apply(batch: Tensor) -> Tensor:
        turned = [torch.rot90(tile, way % 4, (-2, -1)) for tile, way in zip(batch, ways, strict=True)]
        return torch.stack([tile.flip(-1) if way > 3 else tile for tile, way in zip(turned, ways, strict=True)])

    return apply(image), apply(fraction), apply(valid)


def _draw_field(image: Tensor, generator: torch.Generator) -> Tensor:
    """(B, H, W), smooth, some unit of deviation, with blobs of any size."""
    batch, height, width = image.shape[0], *image.shape[-2:]
    grain = int(torch.randint(3, 13, (), generator=generator, device=image.device))
    blobs = torch.randn(batch, 1, grain, grain, generator=generator, device=image.device)
    return functional.interpolate(blobs, (height, width), mode="bicubic", align_corners=False)[:, 0]


def _draw_blobs(image: Tensor, generator: torch.Generator, chance: float, *, straight: float) -> Tensor:
    """(B, H, W), True in a hole: blobs of any size, and now and then a straight edge."""
    batch, height, width = image.shape[0], *image.shape[-2:]
    device = image.device
    field = _draw_field(image, generator)
    angle = 2 * torch.pi * torch.rand(batch, 1, 1, generator=generator, device=device)
    rows = torch.linspace(-1.5, 1.5, height, device=device)[None, :, None]
    cols = torch.linspace(-1.5, 1.5, width, device=device)[None, None, :]
    edge = rows * torch.cos(angle) + cols * torch.sin(angle)
    draw = torch.rand(batch, 1, 1, generator=generator, device=device)
    field = torch.where(draw < straight * chance, edge, field)
    level = 0.5 + 1.5 * torch.rand(batch, 1, 1, generator=generator, device=device)
    return (field > level) & (draw < chance)


def coarsen(chip: Chip, factor: int, size: int) -> Chip:
    """The chip as a sensor with pixels ``factor`` times as large would see it, in the corner of ``size`` pixels.

    Args:
        chip: At least ``factor`` pixels each way.
        factor: How many pixels become one, each way.
        size: Rows and columns of the answer; what the chip does not reach is not valid, and NaN.
    """
    if factor == 1:
        return chip

    def average(array: NDArray[np.float32]) -> NDArray[np.float32]:
        side = min(array.shape[-1] // factor, size)
        cut = array[..., : side * factor, : side * factor]
        # Whole rows first, then every n-th column: three times as fast as one mean over both axes.
        rows = reduce(np.add, (cut[..., index::factor, :] for index in range(factor)))
        means = reduce(np.add, (rows[..., index::factor] for index in range(factor))) / np.float32(factor**2)
        margin = [(0, 0)] * (array.ndim - 2) + [(0, size - side)] * 2
        return np.pad(means, margin, constant_values=np.nan)

    valid = average(chip.valid.astype(np.float32)) > 0.999  # NaN is not
    fraction = np.nan_to_num(average(chip.fraction))
    return replace(chip, reflectance=average(chip.reflectance), fraction=fraction, valid=valid)
