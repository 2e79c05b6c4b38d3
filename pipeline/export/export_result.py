"""Write more formats of a map or a mosaic that exists, from its GeoPackage: nothing is mapped again.

In its own folder the files come beside those that are there, and its item names them; what decided the map stays what
it was, so that the command that made it still finds it done. In another folder they are a result of their own, which
may be in another CRS, smooth, dissolved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from pipeline.atomic import bring_to_disk, move, open_workspace
from pipeline.checksums import Basis, compute_basis, compute_sha256, format_multihash
from pipeline.errors import OptionError, output_errors
from pipeline.export.finish import FinishedLayers, finish_layers
from pipeline.export.options import VectorOptions
from pipeline.export.points import POINTS, make_point_layer
from pipeline.output.fields import Layer, read_layers
from pipeline.output.vectors import resolve_formats, write_vectors
from pipeline.record.links import make_whole_href
from pipeline.record.result import (
    ITEM_NAME,
    ResultItem,
    describe_file,
    is_result_there,
    read_sensing_time,
    write_json,
)
from pipeline.record.version import publish_work
from strandline import StrandlineError

__all__ = ["ExportError", "ExportOptions", "ExportResult", "export_result", "list_exportable"]

_PACKAGE: Final = "coastline.gpkg"


class ExportError(StrandlineError, ValueError):
    """A folder holds no vectors that could be written in other formats."""

    exit_code = 2


class ExportOptions(VectorOptions):
    """Choices for ``export_result``; see ``VectorOptions`` for the others.

    Attributes:
        formats: Vector formats.
        overwrite: Replace an export in another folder that was made from another map or with other choices.
    """

    formats: tuple[str, ...] = ("gpkg",)
    overwrite: bool = False

    def result_parameters(self) -> dict[str, Any]:
        """The choices that change what is written to another folder."""
        return {**self.vector_parameters(), "formats": sorted({*resolve_formats(self.formats)})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What came of an export.

    Attributes:
        folder: Where the files are.
        files: Their names; none where nothing was done.
        already_made: The folder held this very export, and nothing was done.
        notes: What the user should be told, a sentence each.
    """

    folder: Path
    files: tuple[str, ...] = ()
    already_made: bool = False
    notes: tuple[str, ...] = ()


def list_exportable(folder: Path) -> tuple[Path, ...]:
    """The results in a folder: itself, or those of a batch.

    Args:
        folder: Of a map, a mosaic or a batch.

    Raises:
        ExportError: There is none.
    """
    found = [path for path in (folder, *sorted(folder.glob("*/"))) if _is_exportable(path)]
    if not found:
        raise ExportError(
            f"Expected the folder of a map, a mosaic or a batch, found no {_PACKAGE} with its {ITEM_NAME} in {folder}. "
            "Give what strandline map or mosaic made."
        )
    return (folder,) if found[0] == folder else tuple(found)


def export_result(folder: Path, *, options: ExportOptions, out: Path | None = None) -> ExportResult:
    """Write formats of one result.

    Args:
        folder: Of a map or a mosaic.
        options: Which formats, and in what shape.
        out: Another folder, which appears when it is whole; ``None``: beside what is there.

    Raises:
        ExportError: The folder holds no vectors of ours.
        OptionError: Another shape was asked for beside the map's own, or cannot be had.
        StaleResultError: The other folder holds another export, which was not to be replaced.
        OutputError: A file cannot be written; nothing is left.
    """
    formats = resolve_formats(options.formats)
    if out is not None and out.resolve() != folder.resolve():
        return _export_apart(folder, out, formats, options)
    if shaped := options.vector_parameters():
        raise OptionError(
            f"Expected --out with another shape of the vectors ({', '.join(shaped)}), found none: beside the map's own "
            "they would be taken for them. Name a folder."
        )
    return _export_beside(folder, [name for name in formats if name != "gpkg"])


def _is_exportable(folder: Path) -> bool:
    return (folder / _PACKAGE).is_file() and (folder / ITEM_NAME).is_file()


def _export_beside(folder: Path, formats: Sequence[str]) -> ExportResult:
    folder = folder.resolve()
    if not formats:
        raise OptionError(f"Expected formats besides gpkg, which is there, found none ({folder}). Say --formats.")
    frames, layers = _read_frames(folder)
    with open_workspace(folder.parent, folder.name) as work:
        written = write_vectors(frames, work.folder, formats=formats, layers=layers)
        names = sorted(path.name for path in work.folder.iterdir())
        with output_errors(folder):
            for name in names:
                bring_to_disk(work.folder / name)
                move(work.folder / name, folder / name)
        item = _read_item(folder)
        titles = {layer.name: layer.title for layer in layers}
        for name in names:
            path = folder / name
            title = titles.get(path.name.partition(".")[0], "Coastline, water and land")
            item["assets"].setdefault(name.replace(".", "_"), {}).update(
                describe_file(path, folder, title=title).to_dict()
            )
        write_json(folder / ITEM_NAME, item)
    return ExportResult(folder=folder, files=tuple(path.name for path in written))


def _export_apart(folder: Path, out: Path, formats: Sequence[str], options: ExportOptions) -> ExportResult:
    out = out.resolve()
    checksum = compute_sha256(folder / _PACKAGE)
    inputs = {str(folder.resolve() / _PACKAGE): checksum}
    basis = compute_basis("export", inputs=inputs, choices=options.result_parameters())
    if is_result_there(out, basis, overwrite=options.overwrite):
        return ExportResult(folder=out, already_made=True)
    frames, layers = _read_frames(folder)
    if options.smooth_m or options.points_every_m:  # points of before lie on the lines of before
        layers = tuple(layer for layer in layers if layer.name != POINTS)
    finished = finish_layers({layer.name: frames[layer.name] for layer in layers}, layers, options)
    with open_workspace(out.parent, out.name) as work:
        written = write_vectors(finished.frames, work.folder, formats=formats, layers=finished.layers)
        _describe(folder, out.name, finished, basis, checksum=checksum).write(work.folder)
        publish_work(work)
    return ExportResult(folder=out, files=tuple(path.name for path in written), notes=finished.notes)


def _read_frames(folder: Path) -> tuple[dict[str, gpd.GeoDataFrame], tuple[Layer, ...]]:
    """All layers of a GeoPackage of ours, and what they are."""
    package = folder / _PACKAGE
    try:
        names = set(pyogrio.list_layers(package)[:, 0])
        layers = tuple(read_layers("mosaic" if "sources" in names else "map").values())
        if POINTS in names:
            layers += (make_point_layer(layers[0]),)
        return {layer.name: gpd.read_file(package, layer=layer.name, fid_as_index=False) for layer in layers}, layers
    except (DataSourceError, DataLayerError) as error:
        raise ExportError(
            f"Expected the coastline of a map or a mosaic in {package}, found what cannot be read ({error}). Make it "
            "anew."
        ) from error


def _read_item(folder: Path) -> dict[str, Any]:
    try:
        item: dict[str, Any] = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
        item["properties"], item["assets"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportError(
            f"Expected a STAC item in {folder / ITEM_NAME}, found none ({error}). Make it anew."
        ) from error
    return item


def _describe(folder: Path, name: str, finished: FinishedLayers, basis: Basis, *, checksum: str) -> ResultItem:
    item = _read_item(folder)
    said, package = item["properties"], make_whole_href(str(folder / _PACKAGE))
    return ResultItem(
        id=name,
        title=f"Vectors of {item['id']}",
        geometry=item["geometry"],
        bbox=item["bbox"],
        times=(read_sensing_time(said),),
        simulated=bool(said.get("strandline:simulated")),
        basis=basis,
        properties={
            "parameters": dict(basis.choices),
            "inputs": [{"href": package, "file:checksum": format_multihash(checksum)}],
            **({"smoothing": dict(finished.facts)} if finished.facts else {}),
            "notes": list(finished.notes),
        },
    )
