"""Kill -9 a worker, the scheduler and the client of a batch at random moments, go on, and compare with a quiet run.

    python benchmarks/batch_kills.py --out /tmp/kills [--kills 20] [--seed 1] [--targets worker,scheduler,client]

Real ``dask scheduler`` and ``dask worker`` processes on this machine map small simulated scenes. At each kill, every
result that is to be seen must be whole and already the right one; after going on, all rasters must be the same to the
byte, and so must the vectors. A line a kill is printed; the exit code says whether all held. Results are appended to
``benchmarks/results/batch_kills.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from pipeline.record.result import read_fingerprint
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "batch_kills.jsonl"
PYTHON = [sys.executable, "-m"]
PATIENCE_S = 300
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def main() -> None:
    """Run the quiet batch, then the disturbed ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--targets", default="worker,scheduler,client")
    arguments = parser.parse_args()
    scenes = make_scenes(arguments.out / "scenes", arguments.scenes)
    quiet = arguments.out / "quiet"
    shutil.rmtree(quiet, ignore_errors=True)
    draw = random.Random(arguments.seed)  # noqa: S311 (moments, not secrets)
    bad = 0
    with Cluster.started(arguments.out) as cluster:
        scene_s = run_quietly(scenes, quiet, cluster) / arguments.scenes
        print(f"quiet run: a scene each {scene_s:.1f} s on two workers", flush=True)
        for target in arguments.targets.split(","):
            for number in range(arguments.kills):
                moment = draw.randrange(arguments.scenes), draw.uniform(0, scene_s)
                trial = Trial(scenes, quiet, arguments.out / "disturbed", target, *moment)
                verdict = trial.run(cluster)
                bad += bool(verdict["faults"])
                print(f"{target} {number + 1:2d}: {json.dumps(verdict)}", flush=True)
                keep({"target": target, "seed": arguments.seed, **verdict})
    print(f"{bad} of {arguments.kills * len(arguments.targets.split(','))} kills left something wrong")
    sys.exit(bool(bad))


def run_quietly(scenes: Path, out: Path, cluster: Cluster) -> float:
    """Map the scenes twice, for the first time warms the workers up; returns the seconds of the second."""
    for _ in range(2):
        shutil.rmtree(out, ignore_errors=True)
        client = Client(scenes, out, cluster.address)
        client.wait_for("started")
        began = time.monotonic()
        if client.wait() != 0:
            raise SystemExit("the quiet run failed")
    return time.monotonic() - began


def make_scenes(folder: Path, count: int) -> Path:
    """Small simulated products; made once."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ProductOptions(cloud_cover=0.2, swath="full", complete=False, overwrite=True)
    for seed in range(21, 21 + count - len(list(folder.glob("*.SAFE")))):
        simulate_scene(folder, seed=seed, size=240, options=options)
    for truth in folder.glob("*_truth"):
        shutil.rmtree(truth)
    return folder


def keep(record: dict[str, object]) -> None:
    """Append a line to the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


class Cluster:
    """A scheduler and two workers, as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.address = ""
        self.start()

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Cluster]:
        """A cluster that is ended with the block."""
        cluster = cls(folder)
        try:
            yield cluster
        finally:
            cluster.stop()

    @property
    def scheduler(self) -> int:
        """Process of the scheduler."""
        return self._processes[0].pid

    def workers(self) -> list[int]:
        """Processes that do the work: the nannies' children."""
        found = []
        for nanny in self._processes[1:]:
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(nanny.pid).children()
                found += [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
        return found

    def start(self) -> None:
        """Start all three, and wait until the workers are there."""
        file = self._folder / "scheduler.json"
        file.unlink(missing_ok=True)
        log = (self._folder / "cluster.log").open("ab")
        quiet = {"stdout": log, "stderr": log, "env": ENVIRONMENT, "cwd": ROOT}
        scheduler = [*PYTHON, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self._processes = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **quiet)]
        worker = [*PYTHON, "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
        worker += [
            "--preload",
            "pipeline.batch.units",
            "--memory-limit",
            "3GiB",
            "--no-dashboard",
            "--local-directory",
            str(self._folder / "dask"),
        ]
        self._processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        deadline = time.monotonic() + PATIENCE_S
        while not file.exists() or not file.read_text().endswith("}"):
            if time.monotonic() > deadline:
                raise SystemExit("the scheduler did not start")
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def stop(self) -> None:
        """End all of it, and wait for the end."""
        for process in reversed(self._processes):
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()


class Client:
    """``strandline batch`` in a process of its own."""

    def __init__(self, scenes: Path, out: Path, address: str) -> None:
        command = [sys.executable, __file__, "--child", str(scenes), str(out), address]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT, text=True)

    def wait_for(self, event: str) -> None:
        """Read what it says until it says this, or ends."""
        for line in self.process.stdout or ():
            if json.loads(line)["event"] == event:
                return

    def wait(self) -> int:
        """Its exit code."""
        for _ in self.process.stdout or ():
            pass
        return self.process.wait(timeout=PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Trial:
    """One kill and what comes after."""

    scenes: Path
    quiet: Path
    out: Path
    target: str
    after: int  # scenes, and then
    moment_s: float

    def run(self, cluster: Cluster) -> dict[str, object]:
        """Disturb a run, go on with it, and say what was wrong."""
        shutil.rmtree(self.out, ignore_errors=True)
        client = Client(self.scenes, self.out, cluster.address)
        client.wait_for("started")
        while not list(self.out.glob(".*.begun-*")) and not list(self.out.glob("[!.]*/item.json")):
            time.sleep(0.01)  # workers that just started import a good deal first
        for _ in range(self.after):
            client.wait_for("scene")
        time.sleep(self.moment_s)
        os.kill(self.find_victim(cluster, client), signal.SIGKILL)
        done, faults = self.look()
        code = client.wait()
        if self.target == "scheduler":
            cluster.stop()
            cluster.start()
        codes = [code]
        if self.target != "worker":
            codes.append(Client(self.scenes, self.out, cluster.address).wait())
        if codes[-1] != 0:
            faults.append(f"exit code {codes[-1]}")
        faults += self.compare()
        return {
            "after": f"{self.after} scenes and {self.moment_s:.2f} s",
            "whole_at_kill": done,
            "exit_codes": codes,
            "faults": faults,
        }

    def find_victim(self, cluster: Cluster, client: Client) -> int:
        """The process that is to die."""
        if self.target == "worker":
            return random.Random(self.moment_s).choice(cluster.workers())  # noqa: S311
        return cluster.scheduler if self.target == "scheduler" else client.process.pid

    def look(self) -> tuple[int, list[str]]:
        """At the moment of the kill: what is to be seen must be whole, and the right thing."""
        faults, done = [], 0
        for folder in sorted(self.out.glob("[!.]*/")):
            if read_fingerprint(folder) is None:
                faults.append(f"half a result: {folder.name}")
            else:
                done += 1
                faults += compare_folders(self.quiet / folder.name, folder)
        return done, faults

    def compare(self) -> list[str]:
        """At the end: the same results as of the quiet run, and nothing left over."""
        names = {path.name for path in self.quiet.glob("[!.]*/")}
        found = {path.name for path in self.out.glob("[!.]*/")}
        faults = [f"missing {name}" for name in names - found] + [f"too much: {name}" for name in found - names]
        faults += [f"left over: {path.name}" for path in self.out.glob(".S2*")]
        for name in names & found:
            faults += compare_folders(self.quiet / name, self.out / name)
        return faults


def compare_folders(wanted: Path, found: Path) -> list[str]:
    """The same files with the same bytes; of the record, all but the time of writing."""
    names = {path.name for path in wanted.iterdir()}
    faults = [] if names == {path.name for path in found.iterdir()} else [f"other files in {found.name}"]
    for name in names:
        one, other = wanted / name, found / name
        same = read_record(one) == read_record(other) if name == "item.json" else same_bytes(one, other)
        faults += [] if same else [f"{found.name}/{name} differs"]
    return faults


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    return other.exists() and one.read_bytes() == other.read_bytes()


def read_record(path: Path) -> dict[str, object]:
    """A record without the time at which it was written."""
    item = json.loads(path.read_text())
    del item["properties"]["created"]
    return dict(item)


def run_child(scenes: str, out: str, address: str) -> None:
    """Map the scenes as ``strandline batch`` does, with its events on standard output."""
    from pipeline.batch.run_batch import run_batch
    from pipeline.cluster.client import ClusterOptions
    from pipeline.mapping.options import MapOptions
    from strandline import StrandlineError

    job = partial(
        run_batch,
        source=Path(scenes),
        out=Path(out),
        options=MapOptions(tile_size=64, formats=("gpkg", "geojson")),
        cluster=ClusterOptions(scheduler=address),
    )
    try:
        summary = job(report=lambda event: print(json.dumps(event), flush=True))
    except StrandlineError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(6 if summary.failed else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(*sys.argv[2:])
    else:
        main()
