"""What a raster file says of itself before a pixel is read: grid, bands, nodata; and whether it is whole."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from tiles.bands import BANDS
from tiles.errors import GridError, RasterReadError, SceneError
from tiles.grid import Grid
from tiles.masks import MASK_NAMES
from tiles.remote import RetryBudget, is_remote, limit_listing, limit_patience, name_endpoint, read_again
from tiles.scene import BandSource
from tiles.zarr_raster import open_raster

__all__ = [
    "RasterHeader",
    "check_jp2_is_whole",
    "find_masks",
    "open_quietly",
    "read_header",
    "resolve_gdal_path",
    "resolve_scene_grid",
    "sort_bands",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """What a raster says of itself.

    Attributes:
        path: What GDAL opened.
        grid: Where its pixels lie.
        count: Bands in the file.
        dtypes: Type of the pixels a band.
        descriptions: A text a band; empty where there is none.
        markers: Nodata a band; ``None`` where none is stated.
        scales: Factor a band; 1 where none is stated.
        offsets: Term a band, after the factor; 0 where none is stated.
        tags: Metadata of the file, of the domain IMAGERY too.
        masked: Whether the file holds a mask of a band's own (internal, or ``.msk`` beside it), a band.
        alpha: Number of the band that says which pixels are valid; ``None`` where none does.
    """

    path: str
    grid: Grid
    count: int
    dtypes: tuple[str, ...]
    descriptions: tuple[str, ...]
    markers: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    tags: dict[str, str]
    masked: tuple[bool, ...]
    alpha: int | None

    def make_source(self, name: str, *, index: int = 1, bands: Container[int] = ()) -> BandSource:
        """The source of one of the file's bands, with all that says which of its pixels are valid.

        Args:
            name: Band as in ``tiles.bands``, or ``SCL``.
            index: Its number within the file, from 1.
            bands: Numbers of all that are known to be bands of Sentinel-2: programs mark the last of four as alpha
                whatever it holds.
        """
        own = (0,) if self.masked[index - 1] else ()
        alpha = () if self.alpha in {None, index} or self.alpha in bands else (self.alpha,)
        return BandSource(name=name, path=self.path, index=index, grid=self.grid, masks=(*own, *alpha))


_RETRIES = 4
"""Of opening one file on a host, beyond those of GDAL."""


@contextmanager
def open_quietly(path: str) -> Iterator[rasterio.io.DatasetReader]:
    """Open a raster; on a host without looking at its neighbours, which would cost a listing of the folder.

    On a disk GDAL looks for what belongs to the file: masks (``.msk``), metadata (``.aux.xml``), overviews (``.ovr``).

    Args:
        path: What GDAL opens.

    Raises:
        RasterReadError: GDAL cannot open or read it, or its host is down.
    """
    with limit_listing(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with read_again(path, lambda: open_raster(path), budget=RetryBudget(_RETRIES)) as dataset:
                yield dataset
        except RasterioError as error:
            advice = (
                "Check the address and the network; some hosts want signed links or keys"
                if is_remote(path)
                else "Fetch the file again; it may be incomplete"
            )
            reason = " ".join(str(error).split())
            message = f"Expected a raster that GDAL can read, found none in {path} ({reason}). {advice}."
            raise RasterReadError(message) from error


def resolve_gdal_path(path: str) -> str:
    """What GDAL opens for a path or URL; for hosts it is told to give up on what does not come.

    Args:
        path: A local path, ``file://``, ``http(s)://`` or ``s3://`` URL, or a ``/vsi...`` path.
    """
    if path.startswith(("http://", "https://", "s3://", "/vsi")):
        limit_patience()
    if path.startswith(("http://", "https://")):
        return f"/vsicurl/{path}"
    if path.startswith(("s3://", "/vsis3/")):
        name_endpoint()
    if path.startswith("s3://"):
        return f"/vsis3/{path.removeprefix('s3://')}"
    return path.removeprefix("file://")


def read_header(path: str) -> RasterHeader:
    """Read what a raster says of itself.

    Args:
        path: What GDAL opens: a file, ``/vsizip/...``, ``/vsicurl/...``.

    Raises:
        RasterReadError: GDAL cannot open it, or it is a JPEG 2000 file cut short.
        GridError: It has no usable CRS, or is not north up.
    """
    check_jp2_is_whole(path)
    with open_quietly(path) as dataset:
        _require_bands(dataset, path)
        _require_crs(dataset.crs, path)
        return RasterHeader(
            path=path,
            grid=_make_grid(dataset, path),
            count=dataset.count,
            dtypes=tuple(dataset.dtypes),
            descriptions=tuple(text or "" for text in dataset.descriptions),
            markers=tuple(dataset.nodatavals),
            scales=tuple(dataset.scales),
            offsets=tuple(dataset.offsets),
            tags={**dataset.tags(ns="IMAGERY"), **dataset.tags()},
            masked=tuple(_has_own_mask(dataset, index) for index in dataset.indexes),
            alpha=_find_alpha(dataset),
        )


def find_masks(dataset: rasterio.io.DatasetReader, bands: Sequence[int]) -> tuple[int, ...]:
    """What in a file says which of its pixels are valid, as ``BandSource.masks`` has it.

    Args:
        dataset: The file, open.
        bands: Numbers of all that are known to be bands of Sentinel-2, from 1.
    """
    alpha = _find_alpha(dataset)
    own = (0,) if any(_has_own_mask(dataset, index) for index in bands) else ()
    return own if alpha is None or alpha in bands else (*own, alpha)


def _has_own_mask(dataset: rasterio.io.DatasetReader, index: int) -> bool:
    """Whether a band has a mask that neither nodata nor an alpha band stands for."""
    flags = dataset.mask_flag_enums[index - 1]
    if MaskFlags.all_valid in flags or MaskFlags.alpha in flags:
        return False
    return MaskFlags.nodata not in flags or dataset.nodatavals[index - 1] is None


def _find_alpha(dataset: rasterio.io.DatasetReader) -> int | None:
    """The band that GDAL, or its name, says to hold the validity of the others."""
    named = [text is not None and text.strip().lower() in MASK_NAMES for text in dataset.descriptions]
    if any(named):
        return named.index(True) + 1
    # Of many bands programs mark the fourth, whatever it holds: alpha comes last.
    return dataset.count if dataset.count > 1 and dataset.colorinterp[-1] is ColorInterp.alpha else None


def _require_bands(dataset: rasterio.io.DatasetReader, path: str) -> None:
    """A container (NetCDF, HDF) holds no pixels itself: name what does."""
    if dataset.count == 0 or (dataset.crs is None and dataset.subdatasets):
        parts = ", ".join(dataset.subdatasets[:6]) + (" …" if len(dataset.subdatasets) > 6 else "")
        raise SceneError(
            f"Expected a raster with bands, found a container of {len(dataset.subdatasets)} rasters in {path}: "
            f"{parts or 'none'}. Give one of these, a GeoTIFF of the bands, or the cube (strandline.segment)."
        )


def _make_grid(dataset: rasterio.io.DatasetReader, path: str) -> Grid:
    try:
        return Grid(crs=dataset.crs, transform=dataset.transform, width=dataset.width, height=dataset.height)
    except GridError as error:
        raise GridError(f"{path} cannot be used as it is. {error}") from error


def _require_crs(crs: CRS | None, path: str) -> None:
    if crs is None or not (crs.is_projected or crs.is_geographic):
        kind = "none" if crs is None else "one that is neither projected nor geographic"
        raise GridError(
            f"Unreadable CRS: expected a coordinate reference system in {path}, found {kind}. "
            "If you know it, write it in: gdal_edit.py -a_srs EPSG:xxxxx FILE (and -a_ullr for the corners)."
        )


def check_jp2_is_whole(path: str) -> None:
    """Refuse a local JPEG 2000 file that was cut short; GDAL would open it and fail, or guess, hours later.

    The boxes of the file are walked: the last must end where the file ends, and a codestream of open length must
    end with its end marker. Other files, and files inside archives or on hosts, pass unread.

    Args:
        path: A file.

    Raises:
        RasterReadError: The file is shorter than it says.

    Source: ISO/IEC 15444-1, annex I.4 (boxes) and A.4.4 (EOC marker).
    """
    if not path.lower().endswith(".jp2") or path.startswith("/vsi"):
        return
    try:
        size, expected, end = _measure_jp2(Path(path))
    except OSError as error:
        raise RasterReadError(f"Could not read {path} ({error.strerror or error}).") from error
    if expected > size or end != b"\xff\xd9":
        raise RasterReadError(
            f"{path} is truncated: expected {max(expected, size + 1):,} bytes or more of JPEG 2000, found {size:,}. "
            "Fetch the file again."
        )


def _measure_jp2(path: Path) -> tuple[int, int, bytes]:
    """Size of the file, size that its boxes claim, and the last two bytes of its codestream."""
    size = path.stat().st_size
    end = b"\xff\xd9"
    position = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            length = length or size - position
            if length < 8:
                return size, size + 1, b""
            position += length
            if kind == b"jp2c" and position <= size:
                file.seek(position - 2)
                end = file.read(2)
    return size, max(position, 12), end


def sort_bands(sources: Sequence[BandSource]) -> tuple[BandSource, ...]:
    """Put bands in the order of the instrument.

    Args:
        sources: One source a band, in any order.
    """
    order = list(BANDS)
    return tuple(sorted(sources, key=lambda source: order.index(source.name)))


def resolve_scene_grid(sources: Sequence[BandSource], *, where: str) -> Grid:
    """Find the finest grid, and refuse bands that do not lie on the same ground.

    Args:
        sources: The bands.
        where: The scene, for messages.

    Raises:
        SceneError: Bands differ in CRS, or cover extents that differ by over half of the coarser pixel.
    """
    finest = min(sources, key=lambda source: source.grid.resolution[0] * source.grid.resolution[1])
    for source in sources:
        if source.grid.crs != finest.grid.crs:
            raise SceneError(
                f"Expected one CRS for all bands of {where}, found {_format_crs(finest.grid.crs)} for {finest.name} "
                f"and {_format_crs(source.grid.crs)} for {source.name}. Warp them to one grid first (gdalwarp)."
            )
        slack_x, slack_y = (size / 2 * 1.001 for size in source.grid.resolution)
        gaps = [abs(a - b) for a, b in zip(source.grid.bounds, finest.grid.bounds, strict=True)]
        if max(gaps[0], gaps[2]) > slack_x or max(gaps[1], gaps[3]) > slack_y:
            raise SceneError(
                f"Expected all bands of {where} to cover the same ground, found {tuple(finest.grid.bounds)} for "
                f"{finest.name} and {tuple(source.grid.bounds)} for {source.name}. "
                "Are these files of one product and tile?"
            )
    return finest.grid


def _format_crs(crs: CRS) -> str:
    return str(crs.to_string())[:60]
