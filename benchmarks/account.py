"""Where the core-seconds of a map go: stage by stage, and library by library, as ``perf`` (linux-perf) samples them.

    python -m benchmarks.account SCENE --work DIR [--against BEFORE.json]

A stage gives its name to the thread that it runs in, and threads that libraries start inherit it, so that GDAL's and
OpenVINO's own are counted for the stage that they work for; what runs in no stage goes by the name of its thread. The
samples are held against the time that the system says the process took. The table is kept in ``DIR/account.json``.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RATE_HZ = 400
NAME_LETTERS, SET_NAME = 15, 15
"""Letters of a thread's name that Linux keeps, and the number of the call of ``prctl`` that sets it."""

LIBRARIES = {
    "openjp2": "OpenJPEG",
    "[JIT]": "oneDNN",
    "openvino": "OpenVINO",
    "[kernel": "system",
    "_multiarray_umath": "NumPy",
    "_nd_image": "SciPy",
    "_ni_label": "SciPy",
    "libpython": "Python",
    "deflate": "DEFLATE",
    "libz.": "DEFLATE",
    "libgdal": "GDAL",
    "libtiff": "GDAL",
    "_imaging": "Pillow",
    "proj": "PROJ",
}


def main() -> None:
    """Sample one map, and print what each stage took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("--work", type=Path, required=True, help="folder for the map and the samples")
    parser.add_argument("--against", type=Path, help="account.json of another run, to print beside")
    parser.add_argument("--map", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.map:
        map_by_name(given.scene, given.work)
        return
    given.work.mkdir(parents=True, exist_ok=True)
    samples, again = given.work / "account.perf", [sys.executable, "-m", "benchmarks.account", given.scene]
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(RATE_HZ), "-o", str(samples), "--"]
    subprocess.run([*record, *again, "--work", str(given.work), "--map"], check=True)
    table = read_samples(samples)
    process_s = json.loads((given.work / "process.json").read_text())["cpu_s"]
    (given.work / "account.json").write_text(json.dumps(table, indent=1))
    report(table, json.loads(given.against.read_text()) if given.against else {})
    total = sum(sum(libraries.values()) for libraries in table.values())
    print(
        f"sampled {total:.1f} s of the {process_s:.1f} s that the process took: {100 * (total / process_s - 1):+.1f}%"
    )


def map_by_name(scene: str, work: Path) -> None:
    """Map with all default outputs, each thread named after what it does."""
    name_thread("start")
    import pipeline.clock  # the thread has its name before it is imported

    time_stage, run_thread = pipeline.clock.StageClock.stage, threading.Thread.run

    @contextmanager
    def stage(self: pipeline.clock.StageClock, name: str) -> Iterator[None]:
        name_thread(name)
        try:
            with time_stage(self, name):
                yield
        finally:
            name_thread(threading.current_thread().name)

    def run(self: threading.Thread) -> None:
        name_thread(self.name)
        run_thread(self)

    pipeline.clock.StageClock.stage, threading.Thread.run = stage, run  # type: ignore[method-assign]
    from pipeline.mapping.map_scene import MapOptions, map_scene

    shutil.rmtree(work / "maps", ignore_errors=True)
    map_scene(scene, work / "maps", options=MapOptions(overwrite=True))
    (work / "process.json").write_text(json.dumps({"cpu_s": time.process_time()}))
    gc.freeze()  # as at the end of a command


def name_thread(name: str) -> None:
    """Give this thread a name that the system knows."""
    ctypes.CDLL(None).prctl(SET_NAME, name.encode()[:NAME_LETTERS], 0, 0, 0)


def read_samples(path: Path) -> dict[str, dict[str, float]]:
    """Core-seconds by thread name and library."""
    command = ["perf", "report", "-q", "--stdio", "-n", "--sort", "comm,dso", "-i", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    table: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in text.splitlines():
        found = re.match(r"\s*[\d.]+%\s+(\d+)\s+(\S.*?)\s{2,}(\S.*?)\s*$", line)
        if found:
            count, name, library = found.groups()
            known = (known for part, known in LIBRARIES.items() if part in library)
            table[name.split("_")[0]][next(known, "other")] += int(count) / RATE_HZ
    return {name: dict(libraries) for name, libraries in table.items()}


def report(table: dict[str, dict[str, float]], before: dict[str, dict[str, float]]) -> None:
    """Print a table in Markdown, the largest first."""
    totals = Counter({name: sum(libraries.values()) for name, libraries in table.items()})
    totals["**all**"] = sum(totals.values())
    earlier = {name: sum(libraries.values()) for name, libraries in before.items()}
    earlier["**all**"] = sum(earlier.values())
    print("| stage | before | core-seconds | in |\n| --- | --- | --- | --- |")
    for name, seconds in totals.most_common():
        largest = Counter(table.get(name, {})).most_common(4)
        inside = ", ".join(f"{library} {part:.1f}" for library, part in largest if part >= 0.05)
        print(f"| {name} | {earlier.get(name, 0.0):.1f} | {seconds:.1f} | {inside} |")


if __name__ == "__main__":
    main()
