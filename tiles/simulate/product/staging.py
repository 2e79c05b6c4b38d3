"""Writes what is simulated whole or not at all, and says how far it is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyogrio.errors import DataLayerError, DataSourceError
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from strandline import StrandlineError
from tiles.errors import ProductWriteError, SceneError

__all__ = ["open_stage", "require_new_folder"]


def require_new_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse to write where something is already.

    Raises:
        SceneError: A file is there, or a folder with something in it that is not to be replaced.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not overwrite):
        raise SceneError(f"{out} exists already. Remove it, choose another folder, or overwrite it.")


@contextmanager
def open_stage(*targets: Path, where: Path) -> Iterator[Path]:
    """Give a hidden folder in which to make folders; they take their places when the block ends without an error.

    Args:
        targets: Folders of one parent, which is made; the block makes each under its own name within the hidden one.
            They take their places in this order, and what stands there is replaced.
        where: What a message names.

    Raises:
        ProductWriteError: Something cannot be written: no room, no permission.
    """
    parent, name = targets[-1].parent, targets[-1].name
    with _explain_write_errors(where):
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=parent) as folder:
            yield Path(folder)
            for target in targets:
                if target.exists():
                    shutil.rmtree(target)
                (Path(folder) / target.name).rename(target)


@contextmanager
def _explain_write_errors(out: Path) -> Iterator[None]:
    """Turn whatever GDAL or the system raises while a product is written into one clear line."""
    try:
        yield
    except StrandlineError:
        raise
    except (OSError, RasterioError, CPLE_BaseError, DataSourceError, DataLayerError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise ProductWriteError(
            f"Could not write the product to {out} ({reason.rstrip('.')}). "
            "Choose a folder that you may write to, on a disk with room."
        ) from error
