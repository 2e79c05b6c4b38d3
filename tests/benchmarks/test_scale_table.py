"""The table of costs: requests counted from blocks, figures scaled from records, and nothing made up where none is."""

from __future__ import annotations

import json
from pathlib import Path

import rasterio

from benchmarks.scale_table import (
    BEGIN,
    END,
    compute_rows,
    count_requests,
    find_last,
    format_table,
    update_document,
)


def test_requests_are_those_of_the_blocks_of_such_files(tmp_path: Path) -> None:
    blocks, rows = 0, 0
    for size, files in ((10_980, 4), (5_490, 7), (1_830, 2)):
        path = tmp_path / f"{size}.tif"
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": size, "height": size, "tiled": True}
        with rasterio.open(path, "w", **profile, blockxsize=1024, blockysize=1024, sparse_ok=True) as file:
            windows = [place for place, _ in file.block_windows(1)]
        blocks += files * len(windows)
        rows += files * len({row for row, _ in windows})
    asked = count_requests(block_px=1024)
    assert asked.separate == blocks + 3 * 13
    assert asked.merged == rows + 2 * 13
    assert count_requests(block_px=512).separate > asked.separate


def test_without_records_nothing_is_claimed(tmp_path: Path) -> None:
    rows = {row[0]: row[1:] for row in compute_rows(tmp_path)}
    for name in ("mapping, core-hours", "network, GPU-hours", "mosaic, storage", "scheduler memory"):
        assert rows[name] == ["not measured"] * 3


def test_figures_are_scaled_from_the_last_record(tmp_path: Path) -> None:
    _write(
        tmp_path / "full_scene.jsonl",
        {"cpu_s": 100, "options": {}},
        {"cpu_s": 45, "pixels": 10_980**2 // 4},
        {"cpu_s": 1, "options": {"a": 1}},
    )
    outputs = {"pixels": 10_980**2 // 4, "raster_bytes": 12_500_000, "vector_bytes": 4_000_000}
    outputs |= {"coastline_vertices": 200_000, "coastline_km": 100}
    _write(tmp_path / "scene_outputs.jsonl", outputs | {"raster_bytes": 1}, outputs)
    _write(tmp_path / "batch.jsonl", {"scenes": 10_000, "scheduler_rss_mib": 300, "client_rss_mib": 250})
    read = {"part": "read", "requests": 146}
    _write(tmp_path / "store_requests.jsonl", read | {"requests": 1}, read, {"part": "publish", "requests": 20.5})
    rows = {row[0]: row[1:] for row in compute_rows(tmp_path)}
    assert rows["requests to read COGs, counted"] == ["146,000", "1,460,000", "14,600,000"]
    assert rows["requests to put results into a store, counted"][0] == "20,500"
    assert rows["mapping, core-hours"] == ["50", "500", "5,000"]
    assert rows["vectors of scenes, storage"][0] == "40.0 GB"
    assert rows["rasters of scenes, storage"] == ["50.0 GB", "0.50 TB", "5.00 TB"]
    assert rows["coastline vertices, overlaps counted twice"][0] == "2,000 million"
    assert rows["scheduler memory"] == ["not measured", "300 MiB", "not measured"]
    assert find_last("batch.jsonl", "overhead_share", folder=tmp_path) is None


def _write(path: Path, *records: dict[str, object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_the_table_goes_between_the_marks_however_often(tmp_path: Path) -> None:
    document = tmp_path / "scale.md"
    document.write_text(f"before\n\n{BEGIN}\n{END}\n\nafter\n")
    table = format_table([["mapping", "1", "2", "3"]])
    for _ in range(2):
        update_document(document, table)
        assert document.read_text() == f"before\n\n{BEGIN}\n{table}\n{END}\n\nafter\n"
    assert {line.count("|") for line in table.splitlines()} == {5}
