"""Write down what a benchmark found: a JSON file, and the rows of a table."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import rasterio

from pipeline.atomic import write_whole
from pipeline.bench.report import LARGE_MPX, BenchReport
from strandline import __version__
from tiles.cores import count_cores

__all__ = ["describe_machine", "list_rows", "write_record"]

Row = tuple[str, str]

_SMALL = "; of a scene so small, much is start-up: give --scene a whole product"


def write_record(path: Path, report: BenchReport) -> None:
    """Write all figures as JSON.

    Args:
        path: Where to; replaced where it exists.
        report: What was found.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(path, json.dumps(report.to_dict(), indent=1) + "\n")


def list_rows(report: BenchReport) -> tuple[tuple[Row, ...], ...]:
    """What and how much, in the order in which a person asks, for a table of two columns.

    Args:
        report: What was found.

    Returns:
        Groups of rows.
    """
    stages = sorted(report.typical.mapping.stages_s.items(), key=lambda stage: -stage[1])
    return (
        _list_circumstances(report),
        _list_limit(report),
        _list_mapping(report),
        tuple((f"  {name}", f"{seconds:.2f} s") for name, seconds in stages),
    )


def _list_circumstances(report: BenchReport) -> tuple[Row, ...]:
    machine, scene, choices, rounds = report.machine, report.scene, report.choices, len(report.runs)
    return (
        ("processor", f"{machine['processor']}, {report.cores} cores, {machine['memory_mib'] / 1024:.1f} GiB"),
        ("versions", ", ".join(f"{name} {version}" for name, version in machine["versions"].items())),
        ("scene", f"{scene.id}, {scene.width} x {scene.height} px ({scene.megapixels:.1f} Mpx)"),
        ("network", f"{choices.description}; tiles of {choices.tile_size} px at the most, {choices.workers} at once"),
        ("figures", "of 1 run" if rounds == 1 else f"medians of {rounds} runs"),
    )


def _list_limit(report: BenchReport) -> tuple[Row, ...]:
    medians = report.compute_medians()
    overlap = "the longer of both" if report.choices.device == "cuda" else f"both on {report.cores} cores"
    return (
        (
            "decoding alone",
            f"{medians['decoding_cpu_s']:.1f} core-s, {medians['decoding_wall_s']:.1f} s, "
            f"{medians['decoding_mpx_per_s']:.1f} Mpx/s of {report.runs[0].decoding.files} files",
        ),
        (
            "network alone",
            f"{medians['network_cpu_s']:.1f} core-s, {medians['network_wall_s']:.1f} s; "
            f"{medians['network_without_halo_cpu_s']:.1f} core-s without a halo",
        ),
        ("limit", f"{medians['limit_s']:.1f} s ({overlap})"),
    )


def _list_mapping(report: BenchReport) -> tuple[Row, ...]:
    medians, gpu = report.compute_medians(), report.runs[0].network.gpu
    return (
        (
            "map, all outputs",
            f"{medians['map_wall_s']:.1f} s, {medians['map_cpu_s']:.1f} core-s, "
            f"at most {medians['map_peak_rss_mib']:,.0f} MiB",
        ),
        ("", f"{medians['map_mpx_per_s']:.2f} Mpx/s, {medians['map_s_per_mpx']:.3f} s/Mpx"),
        ("map to limit", f"{medians['ratio']:.2f}" + (_SMALL if report.scene.megapixels < LARGE_MPX else "")),
        ("GPU", f"{gpu['name']}, at most {gpu['peak_memory_mib']:,} MiB" if gpu else "not measured"),
    )


_LIBRARIES = ("numpy", "torch", "openvino", "onnxruntime")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, and versions of what does the work; no name of a host."""
    versions = {"strandline": __version__, "python": platform.python_version(), "gdal": rasterio.__gdal_version__}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _find_processor(),
        "cores": count_cores(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.system(),
        "versions": versions,
    }


def _find_processor() -> str:
    """Its trade name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
