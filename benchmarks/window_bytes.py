"""Count the bytes that a reader takes of a mosaic's GeoParquet for a window of 1% of its area.

    python -m benchmarks.window_bytes [--features 20000]

Pieces of a winding shore over 100 km are written as a mosaic writes them, in parts of as many features as some cells
have, each part of a stripe of the ground. A reader with a window opens every part through a file that counts what is
read of it, footers too, and takes the groups of rows whose bounding boxes meet the window. Prints a line of JSON, and
appends it to ``benchmarks/results/window_bytes.jsonl``.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.mosaic.writer import CoastWriter

RESULTS = Path(__file__).parent / "results" / "window_bytes.jsonl"
EXTENT_M, PARTS = 100_000.0, 8
WINDOWS = 9


class CountingFile(io.FileIO):
    """A file that counts the bytes that are read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:  # type: ignore[override]
        """Read, and count."""
        data = super().read(-1 if size is None else size) or b""
        CountingFile.taken += len(data)
        return data


def make_pieces(rng: np.random.Generator, part: int, count: int) -> gpd.GeoDataFrame:
    """Pieces of shore of some hundred metres in a stripe of the ground, in no order."""
    stripe = EXTENT_M / PARTS
    starts = rng.uniform((0, part * stripe), (EXTENT_M, (part + 1) * stripe), (count, 2))
    steps = rng.normal(0, 8, (count, 60, 2)) + rng.normal(0, 8, (count, 1, 2))
    lines = shapely.linestrings(starts[:, None] + np.cumsum(steps, axis=1) + (500_000, 5_500_000))
    fields = [field for field in MOSAIC_LAYERS[1].fields if field.name != "id"]
    columns = {field.name: _make_values(rng, field.type, count) for field in fields}
    return gpd.GeoDataFrame(columns, geometry=lines, crs=32631)


def _make_values(rng: np.random.Generator, kind: str, count: int) -> pd.Series:
    """Numbers of no order, which compress as badly as real ones."""
    if kind == "text":
        return pd.Series(rng.choice(["sea", "lake", "river"], count))
    if kind == "flag":
        return pd.Series(rng.random(count) < 0.5)
    if kind == "time":
        return pd.Series(pd.Timestamp("2024-06-01", tz="UTC")).repeat(count).reset_index(drop=True)
    return pd.Series(rng.integers(0, 10**6, count) if kind == "int" else rng.random(count))


def main() -> None:
    """Write, read windows, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=20_000)
    count = parser.parse_args().features
    rng = np.random.default_rng(7)
    name = MOSAIC_LAYERS[1].name
    with tempfile.TemporaryDirectory() as folder:
        writer = CoastWriter(Path(folder), MOSAIC_LAYERS)
        for part in range(PARTS):
            writer.add({name: make_pieces(rng, part, count // PARTS)})
        writer.finish(pyproj.CRS(32631))
        parts = sorted((Path(folder) / name).glob("*.parquet"))
        total = sum(path.stat().st_size for path in parts)
        edge, shares, found = EXTENT_M / 10, [], 0
        for _ in range(WINDOWS):
            left, bottom = rng.uniform((500_000, 5_500_000), (500_000 + EXTENT_M - edge, 5_500_000 + EXTENT_M - edge))
            CountingFile.taken = 0
            for path in parts:
                with CountingFile(path) as file:
                    found += len(gpd.read_parquet(file, bbox=(left, bottom, left + edge, bottom + edge)))
            shares.append(CountingFile.taken / total)
    record = {
        "features": count,
        "bytes": total,
        "windows": WINDOWS,
        "found_mean": round(found / WINDOWS),
        "share_mean": round(float(np.mean(shares)), 4),
        "share_max": round(max(shares), 4),
    }
    print(json.dumps(record))
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
