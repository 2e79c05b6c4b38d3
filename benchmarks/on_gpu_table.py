"""The results of ``benchmarks/on_gpu.py`` as tables in Markdown; imports nothing that must be installed.

python benchmarks/on_gpu_table.py results/results.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NOT_MEASURED = "not measured"
Record = dict[str, Any]


def format_table(records: list[Record]) -> str:
    """All that is known, part by part."""
    parts = [_format_machine(records), _format_checks(records), _format_network(records), _format_scene(records)]
    parts += [_format_steps(records), _format_train(records), _format_ends(records)]
    return "\n\n".join(parts) + "\n"


def _select(records: list[Record], part: str, key: str) -> list[Record]:
    return [record for record in records if record["part"] == part and key in record]


def _format_rows(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_format_value(value) for value in line) + " |" for line in lines)


def _format_value(value: object) -> str:
    return NOT_MEASURED if value is None else str(value)


def _format_machine(records: list[Record]) -> str:
    found = (_select(records, "machine", "device") or [{}])[-1]
    ceilings = {record["ceiling"]: record["value"] for record in _select(records, "machine", "ceiling")}
    missing = found.get("missing")
    rows = [
        ("device", found.get("device")),
        ("cores", found.get("cores")),
        ("Python, PyTorch", f"{found['python']}, {found['torch']}" if found else None),
        ("packages that are missing", None if missing is None else ", ".join(missing) or "none"),
        ("copying memory, GB/s", ceilings.get("copy_gb_s")),
        ("multiplying matrices in fp32, TFLOP/s", ceilings.get("fp32_tflop_s")),
        ("the same in bfloat16", ceilings.get("bf16_tflop_s")),
    ]
    return _format_rows(("machine", ""), rows)


def _format_checks(records: list[Record]) -> str:
    rows: list[tuple[object, ...]] = []
    for found in _select(records, "checks", "check"):
        beside = found.get("beside", "the processor in fp32")
        changed = found["class_changes_percent"] if "class_changes_percent" in found else (
            round(100 * found["changed"] / found["pixels"], 5)
        )  # fmt: skip
        shift = found.get("shift_median_m", "")
        holds = {True: "yes", False: "**no**", None: ""}[found["holds"]]
        what = f"{found['check']}, {found['device']}, {found['precision']}, beside {beside}"
        rows.append((what, f"{found['largest_difference']:.1g}", changed, shift, holds))
    head = ("check", "largest difference", "pixels that change class, %", "shift of the shore, m", "within the bound")
    return _format_rows(head, rows or [(NOT_MEASURED, "", "", "", "")])


def _format_network(records: list[Record]) -> str:
    keys = ("ms", "tiles_per_s", "to_memory_limit", "to_compute_limit", "largest_difference", "ready_s")
    rows = [
        (
            f"{found['way']}, {found['precision']}, {found['tile_size']}",
            *(found.get(key, found.get("error") if key == "ms" else "") for key in keys),
        )
        for found in _select(records, "network", "way")
    ]
    head = ("network alone: way, precision, tile", "ms a tile", "tiles/s", "time over the memory's limit",
            "time over the arithmetic's limit", "difference from fp32", "s until ready")  # fmt: skip
    return _format_rows(head, rows or [(NOT_MEASURED, *("" for _ in keys))])


SCENE_LINES = (
    ("wall_s", "end to end, s", False),
    ("cpu_s", "of the processor, core-seconds", False),
    ("network_s", "the network's own time, s", True),
    ("input_s", "up-sampling and masks on the GPU, s", True),
    ("copy_in_s", "copies to the GPU, s", True),
    ("copy_back_s", "copies back, s", True),
    ("utilisation", "share of the wall time in which the GPU computes", True),
    ("limit_s", "the memory-bound limit of the network, s", True),
    ("network_to_limit", "the network's time over that limit", True),
    ("peak_memory_mib", "memory on the GPU, MiB", True),
)


def _format_scene(records: list[Record]) -> str:
    runs = [record for record in records if record["part"] == "scene" and "run" in record]
    made = (_select(records, "simulate", "size") or [{}])[-1]
    alone = (_select(records, "scene", "alone") or [{}])[-1]
    head = (f"scene of {made.get('size', '?')}² ({made.get('wanted', '?')}² were wanted)",
            *(f"{run['decoder']}, run {run['run']}" for run in runs))  # fmt: skip
    rows: list[tuple[object, ...]] = [("decoding alone, s", *(alone.get("wall_s") for _ in runs))]
    for key, words, on_gpu in SCENE_LINES:
        rows.append((words, *(((run.get("gpu") or {}) if on_gpu else run).get(key) for run in runs)))
    stages = dict.fromkeys(stage for run in runs for stage in run.get("shares", {}))
    rows += [
        (f"share of the wall time: {stage}", *(run.get("shares", {}).get(stage) for run in runs)) for stage in stages
    ]
    errors = [f"- {run['decoder']}, run {run['run']}: {run['error']}" for run in runs if "error" in run]
    return "\n\n".join([_format_rows(head, rows), *(["\n".join(errors)] if errors else [])])


def _format_steps(records: list[Record]) -> str:
    rows = [
        (f"{found['recipe']}, batch of {found['batch']}", found.get("steps_per_s", found.get("error")),
         found.get("tiles_per_s", ""))
        for found in _select(records, "steps", "recipe")
    ]  # fmt: skip
    return _format_rows(("training, bfloat16", "steps/s", "tiles/s"), rows or [(NOT_MEASURED, "", "")])


def _format_train(records: list[Record]) -> str:
    found: Record = {}
    for record in records:
        if record["part"] == "train":
            found |= record
    weights, metrics = found.get("weights", {}), found.get("metrics", {})
    rows = [
        ("recipe", found.get("recipe")),
        ("chips that were simulated", found.get("chips")),
        ("steps that were planned", found.get("steps")),
        ("step of the last weights that came out", weights.get("step")),
        ("model file", found.get("model")),
        *((name, value) for name, value in metrics.items() if name.startswith("val/")),
    ]
    return _format_rows(("training for the rest of the time", ""), rows)


def _format_ends(records: list[Record]) -> str:
    rows = [(record["part"], record["seconds"], record["ended"]) for record in records if "ended" in record]
    return _format_rows(("part", "seconds", "how it ended"), rows)


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    sys.stdout.write(format_table([json.loads(line) for line in lines]))
