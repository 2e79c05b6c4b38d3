"""Write a mosaic's lines as they come, batch by batch: into one GeoPackage, and into GeoParquet files of bounded size.

The GeoPackage is what an analyst opens; the parts are what a program reads when the whole does not fit its memory.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow
import pyproj

from pipeline.errors import output_errors
from pipeline.export.finish import finish_layers
from pipeline.export.options import VectorOptions
from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.output.fields import Layer, conform_layer
from pipeline.output.geopackage import append_features, explain_geopackage
from pipeline.output.vectors import resolve_formats, write_vectors

__all__ = ["CoastWriter", "finish_coast", "write_more_formats"]


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
            with output_errors(self._package, RuntimeError, sqlite3.Error, pyarrow.ArrowException):
                append_features(self._package, numbered, layer)
                folder = self._folder / layer.name
                folder.mkdir(exist_ok=True)
                conform_layer(numbered, layer).to_parquet(
                    folder / f"part-{self._part[layer.name]:05d}.parquet",
                    index=False,
                    compression="zstd",
                    schema_version="1.1.0",
                    write_covering_bbox=True,
                )
            self._part[layer.name] += 1

    def finish(self, crs: pyproj.CRS) -> None:
        """Add layers that have no features, and what explains the GeoPackage.

        Args:
            crs: Of the layers.

        Raises:
            OutputError: It cannot be written.
        """
        for layer in self._layers:
            if self._part[layer.name] == 0:
                columns = [field.name for field in layer.fields if field.name != "id"]
                self.add({layer.name: gpd.GeoDataFrame(pd.DataFrame(columns=columns), geometry=[], crs=crs)})
        with output_errors(self._package, sqlite3.Error):
            explain_geopackage(self._package, self._layers)


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
