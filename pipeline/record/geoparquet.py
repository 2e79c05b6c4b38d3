"""An index of many items in one stac-geoparquet file, made some hundred items at a time.

rustac makes a table of each batch, with the columns that its items have. No two maps say quite the same of themselves
(notes, parameters), so the tables' columns differ; pyarrow brings them to one layout and writes them one after another.

Source: stac-geoparquet 1.0.0, GeoParquet 1.1.0.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow
import pyarrow.parquet
import rustac

__all__ = ["IndexDraft"]

_GEO, _STAC = b"geo", b"stac-geoparquet"
_GROUP = 1000
"""Rows a group: what a reader must hold at a time."""


class IndexDraft:
    """Batches of items that become one file; use it as a context manager.

    Attributes:
        dropped: Properties whose values are of kinds that no column holds together; the items' files have them.
    """

    def __init__(self) -> None:
        """Make room for the batches."""
        self._folder = tempfile.TemporaryDirectory()
        self._batches: list[Path] = []
        self.dropped: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def add(self, items: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
        """Take a batch of items.

        Args:
            items: STAC items.

        Returns:
            Id and reason of each item that fits into no table; the others are taken.
        """
        path = Path(self._folder.name) / f"{len(self._batches):06d}.parquet"
        try:
            if items:
                rustac.write_sync(str(path), list(items))
                self._batches.append(path)
        except rustac.RustacError as error:
            path.unlink(missing_ok=True)
            if len(items) == 1:
                return [(str(items[0]["id"]), " ".join(str(error).split())[:160])]
            middle = len(items) // 2
            return [*self.add(items[:middle]), *self.add(items[middle:])]
        return []

    def write(self, path: Path) -> bool:
        """Write all batches as one file; the same items give the same bytes.

        Args:
            path: Where to.

        Returns:
            Whether there was an item to write.
        """
        if not self._batches:
            return False
        schema = self._unify()
        metadata = {_GEO: self._merge_geo(), _STAC: self._read_metadata(self._batches[0])[_STAC]}
        with pyarrow.parquet.ParquetWriter(path, schema.with_metadata(metadata), compression="zstd") as writer:
            for batch in self._batches:
                table = pyarrow.parquet.read_table(batch)
                columns = [
                    table[field.name].cast(field.type)
                    if field.name in table.column_names
                    else pyarrow.nulls(table.num_rows, field.type)
                    for field in schema
                ]
                whole = pyarrow.Table.from_arrays(columns, schema=schema.with_metadata(metadata))
                writer.write_table(whole, row_group_size=_GROUP)
        return True

    def _unify(self) -> pyarrow.Schema:
        """A layout that holds every batch, column by column, so that one that fits nowhere costs only itself."""
        fields: dict[str, pyarrow.Field] = {}
        dropped: set[str] = set()
        for batch in self._batches:
            for field in pyarrow.parquet.read_schema(batch):
                one = pyarrow.schema([field])
                other = pyarrow.schema([fields.get(field.name, field)])
                try:
                    fields[field.name] = pyarrow.unify_schemas([other, one], promote_options="permissive").field(0)
                except (pyarrow.ArrowTypeError, pyarrow.ArrowInvalid):
                    dropped.add(field.name)
        self.dropped = tuple(sorted(dropped))
        return pyarrow.schema([field for name, field in sorted(fields.items()) if name not in dropped])

    def _merge_geo(self) -> bytes:
        """What GeoParquet says of the geometries, for all batches together."""
        described = [json.loads(self._read_metadata(batch)[_GEO]) for batch in self._batches]
        columns = [entry["columns"]["geometry"] for entry in described]
        boxes = [column["bbox"] for column in columns if column.get("bbox")]
        merged = described[0]
        column = merged["columns"]["geometry"]
        column["geometry_types"] = sorted({name for entry in columns for name in entry["geometry_types"]})
        if boxes:
            half = len(boxes[0]) // 2
            column["bbox"] = [
                *(min(box[axis] for box in boxes) for axis in range(half)),
                *(max(box[axis] for box in boxes) for axis in range(half, 2 * half)),
            ]
        return json.dumps(merged, sort_keys=True).encode()

    @staticmethod
    def _read_metadata(path: Path) -> dict[bytes, bytes]:
        return dict(pyarrow.parquet.read_metadata(path).metadata)
