"""The files of a product, whether in a folder or in a zip that is read in place; and which of them hold bands."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tiles.bands import resolve_band
from tiles.errors import SceneError, UnsafeArchiveError

__all__ = [
    "SIMULATION_RECORD",
    "BandFile",
    "ListedFiles",
    "ProductFiles",
    "find_band_files",
    "list_product_files",
    "rank_file",
    "select_listed_files",
]

SIMULATION_RECORD = "simulation.json"
"""Lies in the root of a simulated product, and in no real one."""

_MOST_FILES = 20_000
"""A product has some 150 files; a folder with more than this is somebody's archive."""

_LARGEST_TEXT = 64 << 20

_BAND_FILE = re.compile(
    r"(?:^|[_.\- ])(?P<band>B\d{1,2}|B8A|SCL)(?:_(?P<resolution>10|20|60)m)?\.(?:jp2|tiff?|vrt)$", re.IGNORECASE
)
_RESOLUTION_FOLDER = re.compile(r"R(10|20|60)m", re.IGNORECASE)
_NOT_IMAGES = ("QI_DATA", "AUX_DATA", "HTML", "rep_info", "DATASTRIP", "__MACOSX")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFiles:
    """The files below a folder or within a zip.

    Attributes:
        root: The folder, or the zip.
        names: Paths relative to the root, with ``/``, sorted.
        archive: True for a zip.
    """

    root: Path
    names: tuple[str, ...]
    archive: bool

    def gdal_path(self, name: str) -> str:
        """What GDAL opens to read a file, in place."""
        return f"/vsizip/{self.root.resolve().as_posix()}/{name}" if self.archive else str(self.root / name)

    def local_path(self, name: str) -> str:
        """The file that a checksum of ``name`` covers: the zip, or the file itself."""
        return str(self.root) if self.archive else str(self.root / name)

    def read(self, name: str) -> bytes:
        """Content of a small file, such as metadata.

        Raises:
            SceneError: It cannot be read.
            UnsafeArchiveError: It would unpack to more than any metadata has.
        """
        try:
            if not self.archive:
                return (self.root / name).read_bytes()
            with zipfile.ZipFile(self.root) as archive:
                if archive.getinfo(name).file_size > _LARGEST_TEXT:
                    raise UnsafeArchiveError(f"Expected metadata of under 64 MB, found more in {self.root}/{name}.")
                return archive.read(name)
        except (OSError, zipfile.BadZipFile, RuntimeError, KeyError) as error:
            raise SceneError(f"Could not read {name} in {self.root} ({error}). Fetch the product again.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFile:
    """A file that holds one band, by its name.

    Attributes:
        band: Band as in ``tiles.bands``, or ``SCL``.
        name: Path relative to the product's root.
        resolution_m: As the name or the folder says, else ``None``.
    """

    band: str
    name: str
    resolution_m: int | None


def list_product_files(path: Path) -> ProductFiles:
    """List a folder or a zip.

    Args:
        path: A folder, or a file ending in ``.zip``.

    Raises:
        SceneError: The zip is empty or broken, or the folder holds far more than a product.
        UnsafeArchiveError: The zip names files outside itself, or holds links.
    """
    if path.is_dir():
        return ProductFiles(root=path, names=_list_folder(path), archive=False)
    return ProductFiles(root=path, names=_list_zip(path), archive=True)


def _list_folder(folder: Path) -> tuple[str, ...]:
    names: list[str] = []
    for name in _walk_folder(folder, above=()):
        names.append(name)
        if len(names) > _MOST_FILES:
            raise SceneError(
                f"Expected one product, found over {_MOST_FILES:,} files in {folder}. Give its own folder."
            )
    return tuple(sorted(names))


def _walk_folder(folder: Path, *, above: tuple[Path, ...]) -> Iterator[str]:
    """Relative paths of all files, those of linked folders too, but of no folder within itself."""
    real = folder.resolve()
    if real in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return  # what may not be listed holds nothing for us
    for entry in entries:
        if entry.is_dir():
            yield from (f"{entry.name}/{name}" for name in _walk_folder(entry, above=(*above, real)))
        else:
            yield entry.name


def _list_zip(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise SceneError(f"Expected a zip, found something else in {path} ({error}). Fetch it again.") from error
    for entry in entries:
        _refuse_unsafe(entry, path)
    names = tuple(sorted(entry.filename for entry in entries if not entry.is_dir()))
    if not names:
        raise SceneError(f"Expected a product in the zip, found no file in {path}. Fetch it again.")
    return names


def _refuse_unsafe(entry: zipfile.ZipInfo, path: Path) -> None:
    parts = entry.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        raise UnsafeArchiveError(
            f"Expected files below the zip's own folder, found {entry.filename!r} in {path}. "
            "Real products have no such name: fetch it again from a source you trust."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UnsafeArchiveError(
            f"Expected plain files, found the link {entry.filename!r} in {path}. "
            "Real products have no links: fetch it again from a source you trust."
        )


def find_band_files(names: Iterable[str]) -> tuple[BandFile, ...]:
    """Find the files that hold a band, by their names and wherever they lie.

    Args:
        names: Relative paths, such as ``GRANULE/…/IMG_DATA/R10m/T33TVM_…_B02_10m.jp2``, ``R10m/B02.jp2``, ``B02.tif``.

    Returns:
        The files in the order given; masks and previews are left out.
    """
    files = (_parse_band_file(name) for name in names)
    return tuple(file for file in files if file is not None)


def _parse_band_file(name: str) -> BandFile | None:
    *folders, last = name.split("/")
    match = _BAND_FILE.search(last)
    if match is None or last.upper().startswith(("MSK_", ".")) or any(folder in _NOT_IMAGES for folder in folders):
        return None
    band = "SCL" if match["band"].upper() == "SCL" else resolve_band(match["band"])
    if band is None:
        return None
    folder = _RESOLUTION_FOLDER.fullmatch(folders[-1]) if folders else None
    stated = match["resolution"] or (folder[1] if folder else None)
    return BandFile(band=band, name=name, resolution_m=int(stated) if stated else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFiles:
    """The band files of a product, by its own list.

    Attributes:
        files: Those that are the product's and are there.
        missing: Those that its list names and that are not there.
    """

    files: tuple[BandFile, ...]
    missing: tuple[BandFile, ...] = ()


def select_listed_files(files: Sequence[BandFile], listed: Iterable[str]) -> ListedFiles:
    """Tell a product's own band files from what else lies in its folder.

    A file is the product's by its name, wherever it lies and whatever its format: users flatten folders and convert
    images. Where none bears a listed name (a copy with names of its own), all are taken.

    Args:
        files: Band files that are there.
        listed: Paths that the product's list names, without their ending.
    """
    paths = {PurePosixPath(path).name.lower(): path for path in listed}
    named = [file for file in files if _get_stem(file.name) in paths]
    chosen: dict[str, BandFile] = {}
    for file in sorted(named, key=lambda file: (not _is_at(file, paths[_get_stem(file.name)]), rank_file(file))):
        chosen.setdefault(_get_stem(file.name), file)
    kept = tuple(chosen.values()) or tuple(files)
    if not chosen and any(file.resolution_m is None for file in files):
        return ListedFiles(files=kept)
    there = {(file.band, file.resolution_m) for file in kept}
    parsed = find_band_files(f"{path}.jp2" for path in paths.values())
    return ListedFiles(files=kept, missing=tuple(f for f in parsed if (f.band, f.resolution_m) not in there))


def rank_file(file: BandFile) -> tuple[bool, int, bool, bool, str]:
    """What to sort files of one band by: the finest first, of equals the one where products have it.

    A name without a resolution says nothing of how fine the file is.
    """
    *folders, last = file.name.split("/")
    at_home = any(folder.upper() == "IMG_DATA" or _RESOLUTION_FOLDER.fullmatch(folder) for folder in folders)
    return file.resolution_m is None, file.resolution_m or 0, not at_home, not last.lower().endswith(".jp2"), file.name


def _get_stem(name: str) -> str:
    return PurePosixPath(name).stem.lower()


def _is_at(file: BandFile, path: str) -> bool:
    return f"/{PurePosixPath(file.name).with_suffix('')}".lower().endswith(f"/{path}".lower())
