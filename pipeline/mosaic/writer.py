"""Write a mosaic's lines as they come, batch by batch: into one GeoPackage, and into GeoParquet files of bounded size.

The GeoPackage is what an analyst opens; the parts are what a program reads when the whole does not fit its memory.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow
import pyproj
import shapely

from pipeline.errors import output_errors
from pipeline.export.finish import finish_layers
from pipeline.export.options import VectorOptions
from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.output.fields import Layer, conform_layer
from pipeline.output.geopackage import append_features, explain_geopackage
from pipeline.output.vectors import resolve_formats, write_vectors

__all__ = ["CoastWriter", "finish_coast", "write_more_formats"]

_GROUP: Final = 100
"""Features a group of rows in GeoParquet: what a reader of a window must take at a time."""

_PART: Final = 20_000
_POINTS: Final = 4_000_000
"""Features, or vertices, that make a part, some 100 MB: the end of each part is read for every window."""

_COVERING: Final = ["bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"]
"""Columns whose bounds are kept for each group; those of the others would make the file's end larger than a window."""


class CoastWriter:
    """Takes frames of features, numbers them, and writes them out.

    Args:
        folder: Existing folder; gets ``coastline.gpkg`` and ``<layer>/part-00000.parquet`` ….
        layers: What the frames hold.
    """

    def __init__(self, folder: Path, layers: Sequence[Layer]) -> None:
        self._folder, self._layers = folder, tuple(layers)
        self._package = folder / "coastline.gpkg"
        self._part = dict.fromkeys((layer.name for layer in self._layers), 0)
        self._count = dict(self._part)
        self._waiting: dict[str, list[gpd.GeoDataFrame]] = {layer.name: [] for layer in self._layers}
        for path in (self._package, *self._package.parent.glob("coastline.gpkg-*")):
            path.unlink(missing_ok=True)

    @property
    def counts(self) -> Mapping[str, int]:
        """Features written, by layer."""
        return self._count

    def add(self, frames: Mapping[str, gpd.GeoDataFrame]) -> None:
        """Write some features of some layers.

        Args:
            frames: By layer; without the column ``id``.

        Raises:
            OutputError: They cannot be written.
        """
        for layer in (layer for layer in self._layers if layer.name in frames):
            frame = frames[layer.name]
            first = self._count[layer.name] + 1
            numbered = frame.assign(id=np.arange(first, first + len(frame)))
            self._count[layer.name] += len(frame)
            with output_errors(self._package, RuntimeError, sqlite3.Error):
                append_features(self._package, numbered, layer)
            self._waiting[layer.name].append(conform_layer(numbered, layer))
            if _is_enough(self._waiting[layer.name]):
                self._write_part(layer)

    def _write_part(self, layer: Layer) -> None:
        """Write the features of a layer that wait as one part."""
        folder, frames = self._folder / layer.name, self._waiting[layer.name]
        path = folder / f"part-{self._part[layer.name]:05d}.parquet"
        with output_errors(path, pyarrow.ArrowException):
            folder.mkdir(exist_ok=True)
            _sort_along_hilbert(pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]).to_parquet(
                path,
                index=False,
                compression="zstd",
                schema_version="1.1.0",
                write_covering_bbox=True,
                row_group_size=_GROUP,
                write_statistics=_COVERING,
            )
        self._part[layer.name] += 1
        frames.clear()

    def finish(self, crs: pyproj.CRS) -> None:
        """Add layers that have no features, and what explains the GeoPackage.

        Args:
            crs: Of the layers.

        Raises:
            OutputError: It cannot be written.
        """
        for layer in self._layers:
            if not self._count[layer.name] and not self._waiting[layer.name]:
                columns = [field.name for field in layer.fields if field.name != "id"]
                self.add({layer.name: gpd.GeoDataFrame(pd.DataFrame(columns=columns), geometry=[], crs=crs)})
            if self._waiting[layer.name]:
                self._write_part(layer)
        with output_errors(self._package, sqlite3.Error):
            explain_geopackage(self._package, self._layers)


def _is_enough(frames: Sequence[gpd.GeoDataFrame]) -> bool:
    """Whether frames make a part."""
    points = sum(int(shapely.get_num_coordinates(frame.geometry.to_numpy()).sum()) for frame in frames)
    return points >= _POINTS or sum(map(len, frames)) >= _PART


def _sort_along_hilbert(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Features that lie near each other follow each other, so that a window is in few groups of rows.

    Source: GeoParquet 1.1.0, bounding box columns; the curve is geopandas's.
    """
    if len(frame) <= _GROUP:
        return frame
    left, bottom, right, top = frame.total_bounds
    side = max(right - left, top - bottom)  # a square, or the curve runs in strips where the ground is one
    order = frame.hilbert_distance(total_bounds=(left, bottom, left + side, bottom + side)).to_numpy()
    return frame.iloc[np.argsort(order, kind="stable")]


def finish_coast(folder: Path, options: VectorOptions) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Bring a mosaic's vectors into the shape that the user wants, all of them at once, in memory.

    Args:
        folder: Where ``coastline.gpkg`` and the parts in GeoParquet are; they are written anew where that is asked for.
        options: What is wanted.

    Returns:
        The layers that the GeoPackage has now, and what the user should be told.

    Raises:
        OptionError: It cannot be had.
        OutputError: It cannot be written.
    """
    if not options.vector_parameters():
        return MOSAIC_LAYERS, ()
    finished = finish_layers(read_coast(folder, MOSAIC_LAYERS), MOSAIC_LAYERS, options)
    for layer in MOSAIC_LAYERS:
        shutil.rmtree(folder / layer.name)
    writer = CoastWriter(folder, finished.layers)
    writer.add({name: frame.drop(columns="id") for name, frame in finished.frames.items()})
    writer.finish(pyproj.CRS.from_user_input(finished.frames["coastline"].crs))
    return finished.layers, finished.notes


def read_coast(folder: Path, layers: Sequence[Layer]) -> dict[str, gpd.GeoDataFrame]:
    """Read the layers of a GeoPackage of ours, whole.

    Args:
        folder: Where ``coastline.gpkg`` is.
        layers: What it holds.
    """
    package = folder / "coastline.gpkg"
    return {layer.name: gpd.read_file(package, layer=layer.name, fid_as_index=False) for layer in layers}


def write_more_formats(folder: Path, formats: Sequence[str], layers: Sequence[Layer] = MOSAIC_LAYERS) -> None:
    """Write the finished GeoPackage of a mosaic in other formats too, all of it at once.

    Args:
        folder: Where ``coastline.gpkg`` is.
        formats: Names of ``vectors.FORMATS``; what the ``CoastWriter`` has written is passed over.
        layers: What the GeoPackage holds.

    Raises:
        OutputError: A file cannot be written, or would pass its format's limit.
    """
    wanted = [name for name in resolve_formats(formats) if name not in {"gpkg", "parquet"}]
    if not wanted:
        return
    write_vectors(read_coast(folder, layers), folder, formats=wanted, layers=layers)
