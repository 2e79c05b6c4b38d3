"""What the simulator leaves out, or does too well: chance variations of a training batch.

All happens on reflectance, before normalisation, as it happens to real scenes: gains and veils of the atmosphere's
correction, noise, products clipped at zero, holes under cloud or beyond the swath, bands that are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.chips import Chip

__all__ = ["Augmentation", "coarsen", "turn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How strong the variations are.

    Attributes:
        wavelengths_nm: Central wavelength a channel; veils fall off with it.
        dropout: Chance a channel to be missing, one number a channel.
        gain: Deviation of the logarithm of the gain that all channels share.
        band_gain: The same for each channel alone.
        veil: Deviation of what haze, or its over-correction, adds at 490 nm.
        offset: Deviation of what is added to each channel alone.
        noise: Largest deviation of the noise of a pixel.
        clip_chance: Chance that the image is clipped at zero, as old products are.
        hole_chance: Chance that an image has holes.
    """

    wavelengths_nm: tuple[float, ...]
    dropout: tuple[float, ...]
    gain: float = 0.1
    band_gain: float = 0.03
    veil: float = 0.006
    offset: float = 0.002
    noise: float = 0.003
    clip_chance: float = 0.25
    hole_chance: float = 0.35

    def __call__(self, image: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Vary a batch.

        Args:
            image: (B, C, H, W), reflectance.
            valid: (B, H, W), True where a pixel counts.
            generator: Source of chance.

        Returns:
            The image, NaN in holes and missing channels, and where a pixel still counts.
        """
        image = self._recolour(image, generator)
        holes = self._draw_holes(image.shape, generator)  # (B, H, W)
        missing = torch.rand(image.shape[:2], generator=generator) < torch.tensor(self.dropout)  # (B, C)
        image = image.masked_fill(missing[:, :, None, None] | holes[:, None], torch.nan)
        return image, valid & ~holes

    def _recolour(self, image: Tensor, generator: torch.Generator) -> Tensor:
        batch, channels = image.shape[:2]

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        gain = torch.exp(self.gain * normal(batch, 1) + self.band_gain * normal(batch, channels))
        slope = 4 * torch.rand(batch, 1, generator=generator)  # Angstrom exponent 0 (sea salt, cirrus) to 4 (Rayleigh)
        fall = (490 / torch.tensor(self.wavelengths_nm)) ** slope
        shift = self.veil * normal(batch, 1) * fall + self.offset * normal(batch, channels)
        noise = self.noise * torch.rand(batch, 1, 1, 1, generator=generator) * normal(*image.shape)
        image = image * gain[:, :, None, None] + shift[:, :, None, None] + noise
        clipped = torch.rand(batch, 1, 1, 1, generator=generator) < self.clip_chance
        return torch.where(clipped, image.clamp_min(0), image)

    def _draw_holes(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """(B, H, W), True in a hole: blobs of any size, and now and then a straight edge."""
        batch, _, height, width = shape
        grain = int(torch.randint(3, 13, (), generator=generator))
        blobs = torch.randn(batch, 1, grain, grain, generator=generator)
        field = functional.interpolate(blobs, (height, width), mode="bicubic", align_corners=False)[:, 0]
        angle = 2 * torch.pi * torch.rand(batch, 1, 1, generator=generator)
        rows = torch.linspace(-1.5, 1.5, height)[None, :, None]
        cols = torch.linspace(-1.5, 1.5, width)[None, None, :]
        edge = rows * torch.cos(angle) + cols * torch.sin(angle)
        chance = torch.rand(batch, 1, 1, generator=generator)
        field = torch.where(chance < 0.25 * self.hole_chance, edge, field)
        level = 0.5 + 1.5 * torch.rand(batch, 1, 1, generator=generator)
        return (field > level) & (chance < self.hole_chance)


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
        means = cut.reshape(*cut.shape[:-2], side, factor, side, factor).mean(axis=(-3, -1))
        margin = [(0, 0)] * (array.ndim - 2) + [(0, size - side)] * 2
        return np.pad(means, margin, constant_values=np.nan)

    valid = average(chip.valid.astype(np.float32)) > 0.999  # NaN is not
    fraction = np.nan_to_num(average(chip.fraction))
    return replace(chip, reflectance=average(chip.reflectance), fraction=fraction, valid=valid)


def turn(chip: Chip, quarter_turns: int, *, flipped: bool) -> Chip:
    """The chip turned by quarters, and mirrored: nothing on the ground knows which way is north, but for the sun.

    Args:
        chip: The chip.
        quarter_turns: How many, anticlockwise.
        flipped: Whether it is mirrored afterwards.
    """

    def apply(array: NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.float32]:
        turned = np.rot90(array, quarter_turns, axes=(-2, -1))
        return np.ascontiguousarray(turned[..., ::-1] if flipped else turned)

    valid = apply(chip.valid).astype(np.bool_)
    return replace(chip, reflectance=apply(chip.reflectance), fraction=apply(chip.fraction), valid=valid)
