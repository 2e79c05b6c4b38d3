"""Errors about pixels on a grid: products, bands, rasters, areas of interest."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = [
    "AreaOutsideSceneError",
    "BandError",
    "BlockDecodeError",
    "DecoderError",
    "GridError",
    "HostDownError",
    "NoValidPixelsError",
    "OptionError",
    "ProductWriteError",
    "RasterReadError",
    "SampleError",
    "SceneError",
    "UnnamedBandsError",
    "UnsafeArchiveError",
]


class OptionError(StrandlineError, ValueError):
    """A choice is out of its range, does not exist, or contradicts another.

    Args:
        message: What was expected, and what was found.
        option: Name of the choice, where one alone is wrong.
    """

    exit_code = 2

    def __init__(self, message: str, *, option: str | None = None) -> None:
        self.option = option
        super().__init__(message if option is None else f"{option}: {message}")


class SceneError(StrandlineError, ValueError):
    """The input is no scene that can be read: not a product, two granules, metadata missing."""

    exit_code = 2


class UnsafeArchiveError(SceneError):
    """An archive or an XML file asks for something that only an attacker needs."""


class BandError(SceneError):
    """A band that is needed is not in the scene."""


class UnnamedBandsError(BandError):
    """A raster with as many bands as a scene has does not say which they are."""


class GridError(StrandlineError, ValueError):
    """A grid, window or CRS is impossible or cannot be used."""

    exit_code = 2


class AreaOutsideSceneError(GridError):
    """The area of interest does not touch the scene."""


class NoValidPixelsError(StrandlineError, ValueError):
    """Every pixel of the scene, or of the area of interest, is nodata: there is nothing to map."""

    exit_code = 3


class RasterReadError(StrandlineError, OSError):
    """A raster file is truncated or corrupt, or cannot be decoded."""

    exit_code = 4


class HostDownError(RasterReadError):
    """A host failed so often in a row that it is left alone for a while.

    Attributes:
        wait_s: For how long.
    """

    wait_s = 60.0


class ProductWriteError(StrandlineError, OSError):
    """A simulated product could not be written whole: disk full, no permission."""

    exit_code = 5


class SampleError(StrandlineError, ValueError):
    """Training data is missing, contradicts itself, or cannot be divided as asked."""

    exit_code = 2


class DecoderError(StrandlineError, ValueError):
    """The decoder that was asked for is not on this machine, or has no GPU to run on."""

    exit_code = 2


class BlockDecodeError(StrandlineError, OSError):
    """A part of a file cannot be decoded; the caller knows which bands and rows it holds."""

    exit_code = 4
