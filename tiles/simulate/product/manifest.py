"""The manifest of a simulated product: every file with its size and checksum.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Product packaging in SAFE".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.metadata import ProductContent, render_document

__all__ = ["write_manifest"]

_MIME_TYPES = {".xml": "text/xml", ".json": "application/json"}
_OBJECT_IDS = {
    "MTD_MSIL2A.xml": "S2_Level-2A_Product_Metadata",
    "MTD_TL.xml": "S2_Level-2A_Tile1_Metadata",
    "MTD_DS.xml": "S2_Level-2A_Datastrip1_Metadata",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    id: str
    path: str
    is_image: bool
    mime_type: str
    size: int
    checksum: str


def write_manifest(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``manifest.safe``. It comes last.

    Args:
        folder: The product's folder, complete but for the manifest.
        acquisition: Names, times and orbit.
        content: Footprint and notice.
    """
    checksum_name = "SHA3-256" if acquisition.baseline >= "05.00" else "MD5"
    algorithm = checksum_name.replace("-", "_").lower()
    files = [_describe_file(path, folder, algorithm=algorithm) for path in sorted(folder.rglob("*")) if path.is_file()]
    render_document(folder / "manifest.safe", acquisition, content, files=files, checksum_name=checksum_name)


def _describe_file(path: Path, folder: Path, *, algorithm: str) -> _File:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, algorithm).hexdigest()
    object_id = _resolve_object_id(path)
    return _File(
        id=object_id,
        path=path.relative_to(folder).as_posix(),
        is_image=object_id.startswith("IMG_DATA_"),
        mime_type=_MIME_TYPES.get(path.suffix, "application/octet-stream"),
        size=path.stat().st_size,
        checksum=checksum,
    )


def _resolve_object_id(path: Path) -> str:
    """The manifest's name for a file, as in real products."""
    if path.name in _OBJECT_IDS:
        return _OBJECT_IDS[path.name]
    if "IMG_DATA" in path.parts:
        name, resolution = path.stem.split("_")[-2:]
        return f"IMG_DATA_Band_{name}_{resolution}_Tile1_Data"
    return f"{path.stem}_Data"
