"""Writes the pixels of a simulated product: rendered strip by strip, then encoded file by file.

Memory holds three strips of rows at most, for one is rendered while another is written; what is rendered waits in
uncompressed rasters, in a scratch folder on the same disk, until it is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter

from tiles.bands import BANDS
from tiles.grid import Grid, Window
from tiles.progress import Progress, ignore_progress
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.layers import (
    NATIVE_LAYERS,
    Layer,
    compute_classification_mask,
    compute_cloud_probability,
    compute_coarse_dn,
    compute_dn,
    compute_smooth_field,
    compute_snow_probability,
    compute_true_colour,
)
from tiles.simulate.product.swath import Swath

__all__ = ["FRACTION_NODATA", "FRACTION_STEPS", "PixelWriter", "RenderedStrip", "compute_strips", "encode_jp2"]

_PREVIEW_M = 320
_MASK_BLOCK_60M = 256
FRACTION_STEPS = 250
"""Value of a pixel of the true water fraction that is all water."""

FRACTION_NODATA = 255
"""Value of a pixel of the true water fraction beyond the swath."""

_FRACTION_BLOCK = 480
_FILES_AT_ONCE = 2
_FINAL = ("TCI", "AOT", "WVP")  # nothing else is made of these, so their scratch files can go at once


class RenderedStrip(Protocol):
    """What a renderer gives for a window of 10 m pixels whose edges are multiples of 6."""

    @property
    def reflectance(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Each band of the L2A stack at its native resolution, ``(row, col)``."""

    @property
    def water_fraction(self) -> npt.NDArray[np.float32]:
        """Share of water of each 10 m pixel, 0 to 1."""

    @property
    def classification(self) -> npt.NDArray[np.uint8]:
        """Scene classification at 20 m."""


def compute_strips(*, size: int, rows: int) -> Iterator[Window]:
    """Windows over the whole width, from north to south.

    Args:
        size: Columns and rows at 10 m.
        rows: Rows of a strip; a multiple of 6.
    """
    for first in range(0, size, rows):
        yield Window(0, first, size, min(rows, size - first))


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelWriter:
    """Renders a scene into a scratch folder and encodes it into a product.

    Attributes:
        acquisition: Grid, names and baseline.
        swath: The edge of the data, or ``None`` for a tile that is full.
        scratch: Folder for uncompressed rasters.
        folder: The product's folder.
        strip_rows: 10 m rows that are held at a time; a multiple of 6.
    """

    acquisition: Acquisition
    swath: Swath | None
    scratch: Path
    folder: Path
    strip_rows: int

    def compute_grid(self, resolution_m: int) -> Grid:
        """The product's grid at a resolution."""
        left, top = self.acquisition.square.corner
        edge = self.acquisition.size * 10 // resolution_m
        return Grid(
            crs=rasterio.CRS.from_string(self.acquisition.square.crs),
            transform=Affine(resolution_m, 0, left, 0, -resolution_m, top),
            width=edge,
            height=edge,
        )

    def render(
        self,
        render: Callable[[Window], RenderedStrip],
        *,
        fraction_file: Path,
        progress: Progress = ignore_progress,
    ) -> None:
        """Render every strip into the scratch folder, and the true water fraction beside it.

        Args:
            render: Gives the pixels of a window.
            fraction_file: GeoTIFF of the true water fraction: uint8, 0 to 250 for 0 to 1, 255 is nodata.
            progress: Told of each strip.
        """
        with ExitStack() as stack:
            files = {layer: stack.enter_context(self._create_scratch(layer)) for layer in NATIVE_LAYERS}
            truth = stack.enter_context(self._create_fraction(fraction_file))
            strips = compute_strips(size=self.acquisition.size, rows=self.strip_rows)
            for strip, rendered in _look_ahead(render, strips):
                for layer in NATIVE_LAYERS:
                    window = _scale_window(strip, layer.resolution_m)
                    pixels = self._compute_pixels(rendered, layer, window)
                    files[layer].write(pixels, 1, window=window.to_rasterio())
                truth.write(self._compute_fraction(rendered, strip), 1, window=strip.to_rasterio())
                progress("rendering", strip.row_stop / self.acquisition.size)

    def encode(self, layers: Sequence[Layer], *, progress: Progress = ignore_progress) -> list[str]:
        """Encode image files, from what was rendered or is in the list before them.

        Two at a time, while the pixels of the next are derived: OpenJPEG by itself leaves cores idle between its steps.

        Args:
            layers: Native layers, and such as follow from those (TCI after B02 to B04 at its resolution).
            progress: Told of each file.

        Returns:
            The path of each within the product, without ending.
        """
        with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
            files: list[Future[str]] = []
            for number, layer in enumerate(layers):
                progress("encoding", number / len(layers))
                self._derive(layer)
                files.append(pool.submit(self._encode, layer))
                if number >= _FILES_AT_ONCE:
                    files[number - _FILES_AT_ONCE].result()
            return [file.result() for file in files]

    def _derive(self, layer: Layer) -> None:
        """Write the raster of a layer that was not rendered."""
        if self._scratch_file(layer).exists():
            return
        with self._create_scratch(layer) as dst:
            for strip in compute_strips(size=self.acquisition.size, rows=self.strip_rows):
                window = _scale_window(strip, layer.resolution_m)
                dst.write(self._derive_pixels(layer, window), window=window.to_rasterio())

    def _encode(self, layer: Layer) -> str:
        raster = self._scratch_file(layer)
        path = self.acquisition.image_path(layer.name, layer.resolution_m)
        bits = 8 if layer.dtype == "uint8" else 15
        encode_jp2(raster, self.folder / f"{path}.jp2", block_size=layer.block_size, bits=bits)
        if layer.name in _FINAL:
            raster.unlink()
        return path

    def encode_masks(self) -> list[tuple[str, str]]:
        """Encode the cloud and snow masks of ``QI_DATA``, which follow from the classification.

        Returns:
            The type and the path within the product of each.
        """
        written = []
        for resolution_m in (20, 60):
            for kind, compute in (("CLDPRB", compute_cloud_probability), ("SNWPRB", compute_snow_probability)):
                file = f"MSK_{kind}_{resolution_m}m.jp2"
                block_size = Layer(name="SCL", resolution_m=resolution_m).block_size
                self._encode_mask(file, compute, resolution_m=resolution_m, block_size=block_size)
                written.append((f"MSK_{kind}", self.acquisition.quality_path(file)))
        if self.acquisition.has_offset:
            file = "MSK_CLASSI_B00.jp2"
            self._encode_mask(file, compute_classification_mask, resolution_m=60, block_size=_MASK_BLOCK_60M)
            written.insert(0, ("MSK_CLASSI", self.acquisition.quality_path(file)))
        return written

    def encode_preview(self) -> None:
        """Encode the preview of 320 m pixels, from the true-colour image or the bands it is made of."""
        edge = max(round(self.acquisition.size * 10 / _PREVIEW_M), 1)
        rgb = np.stack([self._read_small(name, edge) for name in ("B04", "B03", "B02")])
        grid = self.compute_grid(10)
        raster = self.scratch / "preview.tif"
        transform = Affine(_PREVIEW_M, 0, grid.transform.c, 0, -_PREVIEW_M, grid.transform.f)
        profile = {"driver": "GTiff", "dtype": "uint8", "crs": grid.crs, "transform": transform}
        with rasterio.open(raster, "w", count=3, width=edge, height=edge, **profile) as dst:
            dst.write(compute_true_colour(rgb, has_offset=self.acquisition.has_offset))
        encode_jp2(raster, self.folder / f"{self.acquisition.preview_path}.jp2", block_size=512, bits=8)

    def count_classes(self) -> list[int]:
        """Pixels of each class of the 20 m scene classification, 0 to 11."""
        counts = np.zeros(12, np.int64)
        for strip in compute_strips(size=self.acquisition.size, rows=self.strip_rows):
            classes = self._read_scratch(Layer(name="SCL", resolution_m=20), _scale_window(strip, 20))
            counts += np.bincount(classes.ravel(), minlength=12)[:12]
        return [int(count) for count in counts]

    def _compute_pixels(self, rendered: RenderedStrip, layer: Layer, window: Window) -> npt.NDArray[Any]:
        if layer.name == "SCL":
            valid = self._compute_valid(window, band=None, resolution_m=20)
            return np.where(valid, rendered.classification, 0).astype(np.uint8)
        valid = self._compute_valid(window, band=layer.name, resolution_m=layer.resolution_m)
        return compute_dn(rendered.reflectance[layer.name], valid, has_offset=self.acquisition.has_offset)

    def _compute_fraction(self, rendered: RenderedStrip, window: Window) -> npt.NDArray[np.uint8]:
        fraction = np.rint(np.clip(rendered.water_fraction, 0, 1) * FRACTION_STEPS).astype(np.uint8)
        valid = self._compute_valid(window, band=None, resolution_m=10)
        return np.where(valid, fraction, np.uint8(FRACTION_NODATA))

    def _compute_valid(self, window: Window, *, band: str | None, resolution_m: int) -> npt.NDArray[np.bool_]:
        if self.swath is None:
            return np.ones(window.shape, np.bool_)
        return self.swath.compute_valid(window, band=band, resolution_m=resolution_m)

    def _derive_pixels(self, layer: Layer, window: Window) -> npt.NDArray[Any]:
        """The pixels of a layer that is not rendered, ``(channel, row, col)``."""
        if layer.name == "TCI":
            names = ("B04", "B03", "B02")
            rgb = np.stack([self._read_scratch(Layer(name=n, resolution_m=layer.resolution_m), window) for n in names])
            return compute_true_colour(rgb, has_offset=self.acquisition.has_offset)
        if layer.name in ("AOT", "WVP"):
            valid = self._compute_valid(window, band=None, resolution_m=layer.resolution_m)
            return compute_smooth_field(self.acquisition, layer, first_row=window.row_off, valid=valid)[None]
        if layer.name == "SCL":
            return self._read_scratch(Layer(name="SCL", resolution_m=20), _zoom_window(window, 3))[None, 1::3, 1::3]
        native_m = BANDS[layer.name].resolution_m
        native = Layer(name=layer.name, resolution_m=native_m)
        if native_m > layer.resolution_m:
            return self._read_finer(native, window, native_m // layer.resolution_m)[None]
        factor = layer.resolution_m // native_m
        return compute_coarse_dn(self._read_scratch(native, _zoom_window(window, factor)), factor)[None]

    def _read_finer(self, native: Layer, window: Window, factor: int) -> npt.NDArray[Any]:
        coarse = Window(*(edge // factor for edge in (window.col_off, window.row_off, window.width, window.height)))
        return np.asarray(self._read_scratch(native, coarse).repeat(factor, axis=0).repeat(factor, axis=1))

    def _read_scratch(self, layer: Layer, window: Window) -> npt.NDArray[Any]:
        with rasterio.open(self._scratch_file(layer)) as src:
            return np.asarray(src.read(1, window=window.to_rasterio()))

    def _read_small(self, name: str, edge: int) -> npt.NDArray[Any]:
        with rasterio.open(self._scratch_file(Layer(name=name, resolution_m=10))) as src:
            return np.asarray(src.read(1, out_shape=(edge, edge), resampling=Resampling.nearest))

    def _encode_mask(
        self,
        file: str,
        compute: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]],
        *,
        resolution_m: int,
        block_size: int,
    ) -> None:
        raster, grid = self.scratch / "mask.tif", self.compute_grid(resolution_m)
        count = 3 if compute is compute_classification_mask else 1
        with rasterio.open(raster, "w", count=count, **_make_profile(grid, "uint8")) as dst:
            for strip in compute_strips(size=self.acquisition.size, rows=self.strip_rows):
                window = _scale_window(strip, resolution_m)
                step = resolution_m // 20
                classes = self._read_scratch(Layer(name="SCL", resolution_m=20), _zoom_window(window, step))
                mask = compute(classes[step // 2 :: step, step // 2 :: step])
                dst.write(mask.reshape(count, *window.shape), window=window.to_rasterio())
        encode_jp2(raster, self.folder / self.acquisition.quality_path(file), block_size=block_size, bits=8)

    def _scratch_file(self, layer: Layer) -> Path:
        return self.scratch / f"{layer.name}_{layer.resolution_m}m.tif"

    def _create_scratch(self, layer: Layer) -> DatasetWriter:
        profile = _make_profile(self.compute_grid(layer.resolution_m), layer.dtype)
        return rasterio.open(self._scratch_file(layer), "w", count=layer.count, **profile)

    def _create_fraction(self, path: Path) -> DatasetWriter:
        profile = _make_profile(self.compute_grid(10), "uint8") | {
            "tiled": True,
            "blockxsize": _FRACTION_BLOCK,
            "blockysize": _FRACTION_BLOCK,
            "compress": "deflate",
            "nodata": FRACTION_NODATA,
        }
        dst = rasterio.open(path, "w", count=1, **profile)
        dst.scales = (1 / FRACTION_STEPS,)
        dst.set_band_description(1, "water fraction")
        return dst


def _look_ahead(
    render: Callable[[Window], RenderedStrip], strips: Iterable[Window]
) -> Iterator[tuple[Window, RenderedStrip]]:
    """Strips with their pixels; the next is rendered while one is used."""
    with ThreadPoolExecutor(1) as pool:
        begun: tuple[Window, Future[RenderedStrip]] | None = None
        for strip in strips:
            ahead = strip, pool.submit(render, strip)
            if begun is not None:
                yield begun[0], begun[1].result()
            begun = ahead
        if begun is not None:
            yield begun[0], begun[1].result()


def _make_profile(grid: Grid, dtype: str) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "dtype": dtype,
        "width": grid.width,
        "height": grid.height,
        "crs": grid.crs,
        "transform": grid.transform,
        "interleave": "pixel",
    }


def _scale_window(strip: Window, resolution_m: int) -> Window:
    """A window of 10 m pixels in pixels of another resolution."""
    factor = resolution_m // 10
    return Window(*(edge // factor for edge in (strip.col_off, strip.row_off, strip.width, strip.height)))


def _zoom_window(window: Window, factor: int) -> Window:
    """The same ground in pixels that are ``factor`` times smaller."""
    return Window(*(edge * factor for edge in (window.col_off, window.row_off, window.width, window.height)))


_LEVELS = 5


def encode_jp2(raster: Path, path: Path, *, block_size: int, bits: int) -> None:
    """Encode a raster as one of the product's image files.

    OpenJPEG uses all cores for one file and holds a row of blocks at a time.

    Args:
        raster: What GDAL opens, uint8 or uint16, with CRS and transform.
        path: The ``.jp2`` file; its folder is made.
        block_size: Edge of the JPEG 2000 tiles; cut to the raster where that is smaller.
        bits: Significant bits of a pixel: 15 for bands, 8 for classes and colours, 1 for flags.
    """
    with rasterio.open(raster) as src:
        width, height = src.width, src.height
    # As many levels of half the size as the smallest tile bears.
    levels = min(_LEVELS, min(block_size, width, height).bit_length())
    path.parent.mkdir(parents=True, exist_ok=True)
    rasterio.shutil.copy(
        raster,
        path,
        driver="JP2OpenJPEG",
        QUALITY=100,
        REVERSIBLE="YES",
        YCBCR420="NO",
        YCC="NO",
        BLOCKXSIZE=block_size,
        BLOCKYSIZE=block_size,
        RESOLUTIONS=levels,
        PROGRESSION="LRCP",
        PRECINCTS=",".join(["{64,64}"] * levels),
        PLT="YES",
        GMLJP2="YES",
        GeoJP2="NO",
        NBITS=bits,
    )
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)
