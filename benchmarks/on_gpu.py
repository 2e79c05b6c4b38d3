"""All that a GPU has to tell of this code, in one call on a bare machine: Python 3.12, PyTorch, CUDA, no network.

    python benchmarks/fetch_wheels.py --out wheels                    # beforehand, where there is a network
    python benchmarks/on_gpu.py --wheels wheels/1 --install-only      # there; a call a folder of wheels
    python benchmarks/on_gpu.py --wheels wheels/2 --out results [--minutes 8]

The parts, each a process of its own with a share of the time; one that fails or takes too long is written down, and the
next begins:

    machine   what there is, and two ceilings: how fast memory is copied, how fast matrices are multiplied
    simulate  a product to map, beside the parts before "scene" where there are cores for both; as large as time allows
    checks    the network and a whole map on the GPU against the processor, in fp32 and bfloat16
    network   tiles a second, beside what memory and arithmetic allow: eager, compiled, CUDA graphs, TensorRT
    scene     the simulated product end to end, decoded by GDAL and by nvImageCodec, stage by stage
    steps     training steps a second
    train     for the rest of the time by a committed recipe; its weights are out every minute

Results go to ``OUT/results.jsonl`` as they come, a line each, and to ``OUT/table.md`` after each part, so that what is
there is of use when the call is cut. Without a GPU all of it runs on the processor, and the table says "not measured"
where only a GPU has a figure. Nothing is installed but what the folder of wheels holds, into ``--site``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(tempfile.gettempdir()) / "strandline-site"
RESULTS_NAME = "results.jsonl"
BESIDE_CORES = 8
"""With so many cores the scene is simulated while the GPU is busy with the parts before it."""

SHARES = {"machine": 0.1, "simulate": 0.35, "checks": 0.25, "network": 0.3, "scene": 0.35, "steps": 0.12, "train": 1.0}
"""Of all the minutes, the most that a part may take; the training takes what is left."""

GRACE_S = 15.0
"""For a part that is told to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A part that runs.

    Attributes:
        name: The part.
        process: Its process, which leads a group of its own.
        began_s: When, on the clock of ``time.monotonic``.
        limit_s: Seconds that it may take.
        log: What it prints.
    """

    name: str
    process: subprocess.Popen[bytes]
    began_s: float
    limit_s: float
    log: Path


class Results:
    """Writes lines of results, each whole and on the disk before the next is made.

    Args:
        path: The file, to which is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, record: dict[str, Any]) -> None:
        """Write a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(json.dumps(record), flush=True)

    def read(self) -> list[dict[str, Any]]:
        """All lines but one that was cut."""
        records = []
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else ():
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
        return records


class Call:
    """One call: starts parts, ends those that take too long, and keeps the time.

    Args:
        given: The command line.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.began_s = time.monotonic()
        self.total_s = 60 * given.minutes
        self.results = Results(given.out / RESULTS_NAME)

    @property
    def left_s(self) -> float:
        """Seconds until all must be over."""
        return self.began_s + self.total_s - time.monotonic()

    def start(self, name: str) -> Started:
        """Begin a part."""
        limit_s = max(1.0, min(SHARES[name] * self.total_s, self.left_s - GRACE_S))
        log = self.given.out / "log.txt" if name != "simulate" else self.given.work / "simulate.log"
        choices = vars(self.given) | {"limit_s": limit_s}
        command = [sys.executable, "-m", "benchmarks.on_gpu_parts", name, json.dumps(choices, default=str)]
        paths = [str(ROOT), str(self.given.site), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        return Started(name=name, process=process, began_s=time.monotonic(), limit_s=limit_s, log=log)

    def finish(self, part: Started) -> None:
        """Wait for a part, and say how it ended."""
        error = None
        try:
            code = part.process.wait(max(0.0, part.began_s + part.limit_s - time.monotonic()))
            error = None if code == 0 else f"{_read_last_line(part.log)} (exit status {code})"
        except subprocess.TimeoutExpired:
            error = f"cut after {part.limit_s:.0f} s"
            end_group(part.process)
        seconds = round(time.monotonic() - part.began_s, 1)
        self.results.add({"part": part.name, "seconds": seconds, "ended": error or "whole"})
        self.write_table()

    def write_table(self) -> None:
        """The results for people."""
        from benchmarks.on_gpu_table import format_table

        (self.given.out / "table.md").write_text(format_table(self.results.read()), encoding="utf-8")


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a part and all that it started: asked first, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_S - 3)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _read_last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no word")[:500]


def install(wheels: Path, site: Path) -> None:
    """Unpack the wheels of a folder, and nothing else, into a folder of packages.

    Not by pip: what it puts into such a folder replaces there what an earlier call left of the same package, and pystac
    comes in twenty wheels.
    """
    files = sorted(wheels.glob("*.whl"))
    if not files:
        raise SystemExit(f"Expected wheels in {wheels}, found none: fetch them with benchmarks/fetch_wheels.py.")
    for path in files:
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(site)


def run_parts(call: Call, wanted: tuple[str, ...]) -> None:
    """Every part that is wanted, in order; the product is simulated beside the first ones where cores are many."""
    simulation = call.start("simulate") if "scene" in wanted else None
    if simulation and (os.cpu_count() or 1) < BESIDE_CORES:
        call.finish(simulation)
        simulation = None
    for name in wanted:
        if name == "scene" and simulation:
            call.finish(simulation)
        if call.left_s < 2 * GRACE_S:
            call.results.add({"part": name, "seconds": 0.0, "ended": "no time was left"})
            continue
        call.finish(call.start(name))


def read_choices(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install first")
    parser.add_argument("--site", type=Path, default=SITE, help="where to install them")
    parser.add_argument("--install-only", action="store_true")
    parser.add_argument("--work", type=Path, help="folder for what is not kept; default: a temporary one")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    parser.add_argument("--size", type=int, default=10_980, help="pixels a side of the scene, where time allows")
    parser.add_argument("--small", type=int, default=996, help="pixels a side of the scene of the checks")
    parser.add_argument("--model", default="strandline-small")
    parser.add_argument("--recipe", default="pretrain_small", help="what is trained")
    parser.add_argument("--set", dest="changes", nargs="*", default=[], help="settings of the recipe")
    parser.add_argument("--parts", default=",".join(name for name in SHARES if name != "simulate"))
    given = parser.parse_args(words)
    if given.out is None and not given.install_only:
        parser.error("--out is needed")
    unknown = set(given.parts.split(",")) - SHARES.keys()
    if unknown:
        parser.error(f"expected parts of {', '.join(SHARES)}; found {', '.join(sorted(unknown))}")
    return given


def main(words: list[str] | None = None) -> None:
    """Install, then all parts."""
    given = read_choices(words)
    if given.wheels:
        install(given.wheels, given.site)
    if given.install_only:
        return
    given.out = given.out.resolve()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="on-gpu-") as folder:
        given.work = (given.work or Path(folder)).resolve()
        given.work.mkdir(parents=True, exist_ok=True)
        call = Call(given)
        run_parts(call, tuple(name for name in SHARES if name in given.parts.split(",")))
    print((given.out / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
