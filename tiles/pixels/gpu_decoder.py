"""JPEG 2000 decoded on a GPU, by nvImageCodec and nvJPEG2000, where those are installed.

It was never run on a GPU. The same library's decoder for the processor went by this code over all band files of real
products at hand, and gave what GDAL gives, pixel for pixel; it always decodes the whole file, so it is for tests alone.

Source: nvImageCodec 0.9, https://docs.nvidia.com/cuda/nvimagecodec/ (Python API); JP2 boxes: ISO/IEC 15444-1, annex I.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiles.errors import BlockDecodeError, DecoderError
from tiles.grid import Window

__all__ = ["NvImageDecoder", "find_codestream"]


class NvImageDecoder:
    """Decodes windows of one JPEG 2000 file: a ``tiles.pixels.decoder.BlockDecoder``.

    Each file has its own, since a decoder is not said to be safe for several threads.

    Args:
        path: The file, on a disk.
        device: ``cuda``: the GPU; ``cpu`` is for tests.

    Raises:
        DecoderError: nvImageCodec is not installed, or finds no GPU.
        BlockDecodeError: The file is no JPEG 2000.
    """

    def __init__(self, path: str, *, device: Literal["cuda", "cpu"] = "cuda") -> None:
        self._path = path
        self._library = library = _import_library()
        kinds = library.BackendKind
        allowed = [kinds.CPU_ONLY] if device == "cpu" else [kinds.HW_GPU_ONLY, kinds.GPU_ONLY, kinds.HYBRID_CPU_GPU]
        try:
            self._decoder = library.Decoder(
                device_id=library.NVIMGCODEC_DEVICE_CPU_ONLY if device == "cpu" else library.NVIMGCODEC_DEVICE_CURRENT,
                max_num_cpu_threads=1,  # files are decoded beside each other
                backends=[library.Backend(kind) for kind in allowed],
            )
        except RuntimeError as error:
            raise DecoderError(
                f"The decoder nvimgcodec was asked for, and it finds no GPU that it can use ({_format_reason(error)}): "
                "take gdal."
            ) from error
        # DN as they are: not scaled to 8 bits, not converted to a colour space, not turned.
        self._choices = library.DecodeParams(
            apply_exif_orientation=False, color_spec=library.ColorSpec.UNCHANGED, allow_any_depth=True
        )
        # The bare codestream: nvImageCodec 0.9 refuses boxes with a length of 64 bits, which ESA's files have.
        self._bytes = find_codestream(path)
        try:
            self._stream = library.CodeStream(self._bytes)
        except RuntimeError as error:
            raise BlockDecodeError(
                f"{path} holds no JPEG 2000 that nvImageCodec knows ({_format_reason(error)})."
            ) from error

    def decode(self, window: Window, indexes: Sequence[int]) -> NDArray[Any]:
        """Decode a window, as ``BlockDecoder`` has it."""
        region = self._library.Region(window.row_off, window.col_off, window.row_stop, window.col_stop)
        part = self._stream.get_sub_code_stream(region=region)
        try:
            image = self._decoder.decode(part, params=self._choices)
        except RuntimeError as error:
            raise BlockDecodeError(_format_reason(error)) from error
        if image is None:
            raise BlockDecodeError("nvImageCodec gave nothing; or its nvJPEG2000, nvidia-nvjpeg2k-cu13, is missing")
        decoded = np.asarray(image.cpu())  # (row, col, band)
        if decoded.shape[:2] != window.shape:
            raise BlockDecodeError(f"nvImageCodec gave {decoded.shape[0]} x {decoded.shape[1]} pixels")
        return np.moveaxis(decoded, -1, 0)[[index - 1 for index in indexes]]  # a copy: the image goes

    def split(self, window: Window, indexes: Sequence[int]) -> list[Window]:
        """It as it is: a GPU is quickest with much at once."""
        return [window]


def find_codestream(path: str) -> NDArray[np.uint8]:
    """The codestream in a JP2 file, or the file where it is a bare codestream; mapped, not read.

    Args:
        path: The file.

    Raises:
        BlockDecodeError: There is none.
    """
    try:
        data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:  # numpy's word for an empty file
        raise BlockDecodeError(f"Cannot read {path}: {error}") from error
    if bytes(data[:4]) == _START_OF_CODESTREAM:
        return data
    start = 0
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8].tobytes())
        head = 8
        if length == 1 and start + 16 <= len(data):  # the length follows, in 64 bits
            (length,), head = struct.unpack(">Q", data[start + 8 : start + 16].tobytes()), 16
        stop = len(data) if length == 0 else start + length  # 0: to the end of the file
        if kind == b"jp2c":
            return data[start + head : stop]
        if stop < start + head:
            break
        start = stop
    raise BlockDecodeError(f"{path} is no JPEG 2000 file: it has no codestream. Fetch it again.")


_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"


def _import_library() -> Any:  # noqa: ANN401 (it has no types)
    try:
        return importlib.import_module("nvidia.nvimgcodec")
    except ImportError as error:
        raise DecoderError(
            "The decoder nvimgcodec was asked for, and nvImageCodec is not installed: pip install 'strandline[gpu]', "
            "or take gdal."
        ) from error


def _format_reason(error: Exception) -> str:
    """In one line."""
    return " ".join(str(error).split())
