"""What a coast of 1,000, 10,000 and 100,000 scenes costs, from measured figures: the table of ``docs/scale.md``.

    python benchmarks/scale_table.py                            # prints the table
    python benchmarks/scale_table.py --update docs/scale.md     # writes it between the marks in the document
    python benchmarks/scale_table.py --outputs MAPS             # measures a folder of mapped scenes first

Measured figures are JSON lines in ``benchmarks/results``; the last line that has a key counts, of ``full_scene.jsonl``
the last without options, by its ``pixels`` where it was no full tile. What has no line yet is "not measured".

| file | keys that are read |
| --- | --- |
| ``full_scene.jsonl`` | ``cpu_s``, ``wall_s``, ``peak_rss_mib`` of one scene |
| ``scene_outputs.jsonl`` | ``pixels``, ``raster_bytes``, ``vector_bytes``, ``coastline_vertices``, ``coastline_km`` |
| ``batch.jsonl`` | ``overhead_share``: time of a worker that is not at a scene |
| ``store_requests.jsonl`` | ``part`` (read, publish) and ``requests`` of a scene |
| ``batch.jsonl`` | ``scheduler_rss_mib``, ``client_rss_mib`` at their highest in a run of so many ``scenes`` |
| ``mosaic.jsonl`` | ``cpu_s``, ``output_bytes``, ``peak_rss_mib`` and ``pixels`` (of all scenes read) of a mosaic |
| ``gpu.jsonl`` | ``device``, ``scenes`` (of 10980²) and ``gpu_s`` they took |
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SIZES = (1_000, 10_000, 100_000)
BEGIN, END = "<!-- table: benchmarks/scale_table.py -->", "<!-- end of table -->"

SCENE_PX = 10_980
SCENE_FILES = {10: 4, 20: 7, 60: 2}  # files by resolution in metres: 12 bands, and the classification at 20 m
SHORE_KM = 1_000  # of mapped shoreline a scene, rivers and lakes too: an assumption, and that of an indented coast
INPUT_BYTES = 620e6  # 12 bands of a full scene in JPEG 2000; COGs of the same pixels are larger
NETWORK_FLOP_A_PIXEL = 95_168  # strandline-small on 12 bands, counted by torch.utils.flop_counter on 512²
HALO = (1 + 2 * 112 / 512) ** 2  # pixels computed for each one kept: tiles of 512 and a halo of 112
PEAK_FLOP_S = {"NVIDIA H100 SXM": 989e12, "NVIDIA A100": 312e12}  # published, bfloat16, dense
PAGE_ITEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """How often a host is asked for one scene of cloud-optimised GeoTIFFs.

    Attributes:
        merged: One request for each row of blocks, whose bytes lie together in the file, and two to open a file.
        separate: One request for each block, and three to open a file.
    """

    merged: int
    separate: int


def count_requests(*, block_px: int = 1_024) -> Requests:
    """Count requests from the block structure: each file is read once, in whole rows of blocks.

    Args:
        block_px: Side of the files' blocks; 1024 in the Sentinel-2 COGs on AWS, 512 is GDAL's own choice.
    """
    rows = {resolution: math.ceil(SCENE_PX * 10 / resolution / block_px) for resolution in SCENE_FILES}
    files = sum(SCENE_FILES.values())
    return Requests(
        merged=sum(count * rows[resolution] for resolution, count in SCENE_FILES.items()) + 2 * files,
        separate=sum(count * rows[resolution] ** 2 for resolution, count in SCENE_FILES.items()) + 3 * files,
    )


def read_lines(name: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All records of a file of results; none where it is not there."""
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def find_last(name: str, *keys: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The last record that has all the keys, or ``None``."""
    found = [record for record in read_lines(name, folder) if all(key in record for key in keys)]
    return found[-1] if found else None


def find_mapping_s(folder: Path = RESULTS) -> float | None:
    """Core-seconds of mapping a full tile, from the last record of default options, or ``None``."""
    maps = [record for record in read_lines("full_scene.jsonl", folder) if not record.get("options")]
    return float(maps[-1]["cpu_s"]) * SCENE_PX**2 / maps[-1].get("pixels", SCENE_PX**2) if maps else None


def find_requests(part: str, folder: Path = RESULTS) -> float | None:
    """Requests of a scene that were counted last, or ``None``."""
    counted = [record for record in read_lines("store_requests.jsonl", folder) if record["part"] == part]
    return float(counted[-1]["requests"]) if counted else None


def measure_outputs(folder: Path) -> dict[str, Any]:
    """Size of a folder of mapped scenes: pixels, bytes in GeoPackages and all else, vertices and kilometres of line."""
    import pyogrio
    import rasterio
    import shapely

    found = dict.fromkeys(("scenes", "pixels", "raster_bytes", "vector_bytes", "coastline_vertices"), 0)
    kilometres = 0.0
    for item in sorted(folder.glob("*/item.json")):
        with rasterio.open(item.parent / "water.tif") as file:
            found["pixels"] += file.width * file.height
        lines = pyogrio.read_dataframe(item.parent / "coastline.gpkg", layer="coastline").geometry.to_numpy()
        found["coastline_vertices"] += int(shapely.get_num_coordinates(lines).sum())
        kilometres += float(shapely.length(lines).sum()) / 1000
        for path in item.parent.iterdir():
            found["vector_bytes" if path.suffix == ".gpkg" else "raster_bytes"] += path.stat().st_size
        found["scenes"] += 1
    return found | {"coastline_km": round(kilometres, 1)}


def compute_rows(folder: Path = RESULTS) -> list[list[str]]:
    """The table: a row a cost, a column a number of scenes; each first cell says what it is."""
    scene, whole = SCENE_PX**2, find_mapping_s(folder)
    outputs = find_last("scene_outputs.jsonl", "pixels", "raster_bytes", "coastline_km", folder=folder)
    mosaic = find_last("mosaic.jsonl", "pixels", "cpu_s", "output_bytes", folder=folder)
    memory = {"scenes", "scheduler_rss_mib", "client_rss_mib"}
    batches = [record for record in read_lines("batch.jsonl", folder) if memory <= record.keys()]
    overhead = find_last("batch.jsonl", "overhead_share", folder=folder)
    gpu = find_last("gpu.jsonl", "device", "scenes", "gpu_s", folder=folder)
    asked = count_requests()
    flop = NETWORK_FLOP_A_PIXEL * HALO * scene

    def scale(record: dict[str, Any] | None, key: str) -> float | None:
        """A figure of a record for one full scene, by its pixels."""
        return None if record is None else float(record[key]) / record["pixels"] * scene

    def format_count(cost: float, scenes: int) -> str:
        return f"{cost * scenes:,.0f}"

    def scale_shore(key: str) -> float | None:
        """A figure of the vectors for one full scene, by its kilometres of shore."""
        return None if outputs is None else float(outputs[key]) / outputs["coastline_km"] * SHORE_KM

    rows = [
        _make_row("mapping, core-hours", whole, lambda cost, n: f"{cost * n / 3600:,.0f}"),
        _make_row(
            "Dask's own work, core-hours",
            None if overhead is None or whole is None else max(0.0, overhead["overhead_share"]) * whole,
            lambda cost, n: f"{cost * n / 3600:,.1f}",
        ),
        _make_row(
            "mosaic and coastline, core-hours", scale(mosaic, "cpu_s"), lambda cost, n: f"{cost * n / 3600:,.0f}"
        ),
    ]
    if gpu is not None:
        cost = gpu["gpu_s"] / gpu["scenes"]
        rows.append(_make_row(f"network on {gpu['device']}, GPU-hours", cost, lambda c, n: f"{c * n / 3600:,.1f}"))
    else:
        rows.append(_make_row("network, GPU-hours", None, lambda _, __: ""))
        rows += [
            _make_row(f"… {name}: cannot be less than", flop / peak, lambda cost, n: f"{cost * n / 3600:,.3f}")
            for name, peak in PEAK_FLOP_S.items()
        ]
    return [
        *rows,
        _make_row("bytes read (JPEG 2000)", INPUT_BYTES, lambda cost, n: _format_bytes(cost * n)),
        _make_row(
            "rasters of scenes, storage", scale(outputs, "raster_bytes"), lambda cost, n: _format_bytes(cost * n)
        ),
        _make_row("vectors of scenes, storage", scale_shore("vector_bytes"), lambda cost, n: _format_bytes(cost * n)),
        _make_row("mosaic, storage", scale(mosaic, "output_bytes"), lambda cost, n: _format_bytes(cost * n)),
        _make_row("requests to read COGs, counted", find_requests("read", folder), format_count),
        _make_row("… a request a row of blocks", asked.merged, format_count),
        _make_row("… a request a block", asked.separate, format_count),
        _make_row("requests to put results into a store, counted", find_requests("publish", folder), format_count),
        _make_row("requests to search", 1.0, lambda _, n: f"{math.ceil(n / PAGE_ITEMS):,}"),
        _make_row(
            "coastline vertices, overlaps counted twice",
            scale_shore("coastline_vertices"),
            lambda cost, n: f"{cost * n / 1e6:,.0f} million",
        ),
        *([f"{who} memory", *(_describe_memory(batches, who, n) for n in SIZES)] for who in ("scheduler", "client")),
    ]


def _describe_memory(batches: list[dict[str, Any]], who: str, scenes: int) -> str:
    """Memory is said for a number of scenes that was run, and for no other."""
    measured = [batch[f"{who}_rss_mib"] for batch in batches if batch["scenes"] == scenes]
    return f"{measured[-1]:,.0f} MiB" if measured else "not measured"


def _make_row(name: str, cost: float | None, format_cost: Callable[[float, int], str]) -> list[str]:
    return [name, *("not measured" if cost is None else format_cost(cost, scenes) for scenes in SIZES)]


def _format_bytes(count: float) -> str:
    return f"{count / 1e12:,.2f} TB" if count >= 1e11 else f"{count / 1e9:,.1f} GB"


def format_table(rows: list[list[str]]) -> str:
    """The rows as Markdown."""
    head = ["scenes of 10980²", *(f"{scenes:,}" for scenes in SIZES)]
    lines = [head, ["---", *("---:" for _ in SIZES)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def update_document(path: Path, table: str) -> None:
    """Replace what stands between the marks of a document."""
    before, rest = path.read_text().split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}")


def main() -> None:
    """Measure outputs where asked to, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=Path, help="folder of mapped scenes to measure first")
    parser.add_argument("--update", type=Path, help="document to write the table into")
    arguments = parser.parse_args()
    if arguments.outputs:
        record = measure_outputs(arguments.outputs)
        print(json.dumps(record))
        with (RESULTS / "scene_outputs.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")
    table = format_table(compute_rows())
    print(table)
    if arguments.update:
        update_document(arguments.update, table)


if __name__ == "__main__":
    main()
