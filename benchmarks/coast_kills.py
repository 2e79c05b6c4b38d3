"""Kill -9 ``strandline coast`` and its workers at random moments, go on, and compare with a run that nobody disturbed.

    python -m benchmarks.coast_kills --out /tmp/kills [--trials 20] [--seed 1] [--targets client,worker]

A trial is three kills, each at a moment drawn from the length of the undisturbed run, and then the same command to its
end. What is mapped: the simulated 2 x 2 tiles of two UTM zones on three dates, by quarters. At the end every file must
be there with the same bytes, times of writing aside, and nothing besides. A line a trial is printed; the exit code says
whether all held. Results are appended to ``benchmarks/results/coast_kills.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow.parquet

from tiles.simulate.coast.simulate_coast import CoastOptions, simulate_coast

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "coast_kills.jsonl"
KILLS = 3
HIDDEN = re.compile(r"/\.(batch|items)/")


def main() -> None:
    """Run the undisturbed coast, then the disturbed ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=20, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--extent", type=int, default=240)
    parser.add_argument("--targets", default="client,worker")
    arguments = parser.parse_args()
    sea = arguments.out / "sea"
    if not sea.is_dir():
        simulate_coast(sea, seed=3, options=CoastOptions(extent_px=arguments.extent))
    command = list_words(sea)
    out = arguments.out / "coast"  # one place for all runs, since records name it
    shutil.rmtree(out, ignore_errors=True)
    began = time.monotonic()
    if start(command, out).wait() != 0:
        raise SystemExit("the undisturbed run failed")
    seconds = time.monotonic() - began
    wanted = read_files(out)
    print(f"undisturbed: {seconds:.0f} s, {len(wanted)} files", flush=True)
    draw, bad = random.Random(arguments.seed), 0  # noqa: S311 (moments, not secrets)
    for target in arguments.targets.split(","):
        for number in range(arguments.trials):
            shutil.rmtree(out, ignore_errors=True)
            moments = [draw.uniform(0, seconds) for _ in range(KILLS)]
            faults = disturb(command, out, target, moments) + compare(wanted, read_files(out))
            bad += bool(faults)
            verdict = {"moments_s": [round(moment, 1) for moment in moments], "faults": faults}
            print(f"{target} {number + 1:2d}: {json.dumps(verdict)}", flush=True)
            record = {"target": target, "seed": arguments.seed, "undisturbed_s": round(seconds, 1), **verdict}
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")
    sys.exit(bool(bad))


def list_words(sea: Path) -> list[str]:
    """The command, but for its folder: all dates of the coast, as its catalogue has them, by quarters."""
    items = [json.loads(path.read_text()) for path in sea.glob("scenes/*/*.json")]
    west, south = (min(item["bbox"][side] for item in items) for side in (0, 1))
    east, north = (max(item["bbox"][side] for item in items) for side in (2, 3))
    days = sorted(item["properties"]["datetime"][:10] for item in items)
    area = ["--aoi", f"{west},{south},{east},{north}", "--dates", f"{days[0]}/{days[-1]}"]
    return ["coast", *area, "--stac", str(sea / "catalog.json"), "--every", "quarter", "--workers", "2"]


def start(command: Sequence[str], out: Path) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "workflows.cli", *command, "--out", str(out)]
    return subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def disturb(command: Sequence[str], out: Path, target: str, moments: Sequence[float]) -> list[str]:
    """Kill a run at each moment and begin it again, then let it end; says what was wrong."""
    for moment in moments:
        process = start(command, out)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment)
        if process.poll() is None:
            kill(process, target)
        if target == "worker":
            process.wait()  # goes on by itself, on a worker that is started anew
    code = start(command, out).wait()
    return [] if code == 0 else [f"exit code {code}"]


def kill(process: subprocess.Popen[bytes], target: str) -> None:
    """Kill the process, or one of its workers where there is one at that moment."""
    if target == "client":
        process.send_signal(signal.SIGKILL)
        process.wait()
        return
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        for worker in workers[:1]:
            worker.kill()


def read_files(out: Path) -> dict[str, bytes]:
    """All files of a coast with what is in them, without times of writing."""
    paths = (path for path in sorted(out.rglob("*")) if path.is_file() and not HIDDEN.search(str(path)))
    return {str(path.relative_to(out)): read_timeless(path) for path in paths if path.name != "summary.json"}


def read_timeless(path: Path) -> bytes:
    """The content of a file; of the record of a batch nothing, as it says how long it took."""
    if path.name == "items.parquet":
        table = pyarrow.parquet.read_table(path)
        return repr(table.select([name for name in table.column_names if name != "created"]).to_pylist()).encode()
    data = path.read_bytes()
    if path.name == "coast.json":  # its steps name the folder
        return re.sub(rb'"steps": \[[^\]]*\]', b"", data)
    return re.sub(rb'"created": "[^"]*"', b"", data) if path.suffix == ".json" else data


def compare(wanted: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """What is missing, too much, or of other bytes."""
    faults = [f"missing {name}" for name in sorted(wanted.keys() - found.keys())]
    faults += [f"too much: {name}" for name in sorted(found.keys() - wanted.keys())]
    return faults + [f"{name} differs" for name in sorted(wanted.keys() & found.keys()) if wanted[name] != found[name]]


if __name__ == "__main__":
    main()
