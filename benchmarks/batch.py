"""What Dask brings and what it costs: two workers against one, Dask against a plain loop, and 10,000 scenes.

    python benchmarks/batch.py workers  --out /tmp/batch [--scenes 8] [--size 1024] [--runs 3]
    python benchmarks/batch.py overhead --out /tmp/batch [--scenes 8] [--size 1024] [--runs 3]
    python benchmarks/batch.py graph    --out /tmp/batch [--tasks 10000]

``workers`` and ``overhead`` map simulated scenes with one thread a worker, on workers that are warm, the two ways by
turns; the median of the ratios counts. Each worker keeps to a core of its own, as where a queue gives out cores
(``--loose``: to none, and then one worker decodes on a second core while it computes on the first). Beside the seconds
stand the share of them that workers were at a scene (``busy``), the core-seconds of all processes of a run and of the
client with the scheduler alone (``client_s``), which say something on a busy machine too, and how many programs wanted
a core in the last minute (``load``). ``graph`` sends a plan of so many scenes through ``run_batch``, in which the work
itself is replaced by a stand-in that returns at once, and looks at the memory of the scheduler (a process of its own)
and of the client, at how long the client was silent, and at how long the scheduler took to answer it. Results are
appended to ``benchmarks/results/batch.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import dask
import psutil
from batch_kills import Cluster
from distributed import Client, LocalCluster

import pipeline.batch.run_batch
from pipeline.batch.run_batch import run_batch
from pipeline.batch.units import SceneUnit, UnitResult, map_unit
from pipeline.cluster.client import _LOCAL_CONFIG, ClusterOptions
from pipeline.mapping.options import MapOptions
from strandline import __version__
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

RESULTS = Path(__file__).parent / "results" / "batch.jsonl"
OPTIONS = MapOptions(threads=1)


def main() -> None:
    """Measure one part, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("workers", "overhead", "graph"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--loose", action="store_true")
    parser.add_argument("--tasks", type=int, default=10_000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    measure = {"workers": measure_workers, "overhead": measure_overhead, "graph": measure_graph}[arguments.part]
    machine = f"{platform.machine()}, {multiprocessing.cpu_count()} cores"
    record = {"version": __version__, "machine": machine, "part": arguments.part, **measure(arguments)}
    print(json.dumps(record, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


def make_scenes(arguments: argparse.Namespace) -> list[Path]:
    """Simulated products; made once."""
    folder = arguments.out / f"scenes-{arguments.size}"
    folder.mkdir(exist_ok=True)
    options = ProductOptions(cloud_cover=0.1, swath="full", complete=False, overwrite=True)
    for seed in range(31 + len(list(folder.glob("*.SAFE"))), 31 + arguments.scenes):
        simulate_scene(folder, seed=seed, size=arguments.size, options=options)
        for truth in folder.glob("*_truth"):
            shutil.rmtree(truth)
    return sorted(folder.glob("*.SAFE"))[: arguments.scenes]


def measure_workers(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same scenes on one worker and on two, by turns."""
    scenes = make_scenes(arguments)
    listed = arguments.out / "scenes.txt"
    listed.write_text("".join(f"{scene}\n" for scene in scenes))
    with ExitStack() as stack:
        clusters = {count: stack.enter_context(start_warm(count, scenes[0], arguments)) for count in (1, 2)}
        runs = {count: lambda c=cluster: time_batch(listed, arguments.out, c) for count, cluster in clusters.items()}
        taken = alternate(runs, arguments.runs)
    return {
        "scenes": len(scenes),
        "size": arguments.size,
        "loose": arguments.loose,
        **taken,
        "overhead_share": 1 / statistics.median(taken["busy"][1]) - 1,
        "speed-up": summarise(divide(taken["seconds"], 1, 2)),
        "core_s_of_two": summarise(divide(taken["core_s"], 2, 1)),
    }


def measure_overhead(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same scenes in a plain loop, and on Dask with one worker, by turns."""
    scenes = make_scenes(arguments)
    listed = arguments.out / "scenes.txt"
    listed.write_text("".join(f"{scene}\n" for scene in scenes))
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool, start_warm(1, scenes[0], arguments) as cluster:
        pool.apply(keep_to_core, (None if arguments.loose else 0,))
        pool.apply(loop, ([scenes[0]], arguments.out / "warm-loop"))
        runs: dict[str, Callable[[], tuple[float, float]]] = {
            "loop": lambda: pool.apply(loop, (scenes, arguments.out / "loop")),
            "dask": lambda: time_batch(listed, arguments.out, cluster),
        }
        taken = alternate(runs, arguments.runs)
    return {
        "scenes": len(scenes),
        "size": arguments.size,
        "loose": arguments.loose,
        **taken,
        "overhead_share": 1 / statistics.median(taken["busy"]["dask"]) - 1,
        "overhead_of_core_s": statistics.median(divide(taken["core_s"], "dask", "loop")) - 1,
        "overhead_of_seconds": statistics.median(divide(taken["seconds"], "dask", "loop")) - 1,
    }


def measure_graph(arguments: argparse.Namespace) -> dict[str, Any]:
    """Many scenes whose work is a stand-in."""
    listed, out = arguments.out / "many.txt", arguments.out / "many"
    listed.write_text("".join(f"https://example.org/S2_{number:06d}.json\n" for number in range(arguments.tasks)))
    shutil.rmtree(out, ignore_errors=True)
    pipeline.batch.run_batch.map_unit = stand_in
    pipeline.batch.run_batch.write_catalogue = lambda _: None  # there is nothing in the folder
    with Cluster.started(arguments.out) as cluster, Client(cluster.address) as asker:
        watch = Watch(cluster.scheduler, asker, every=max(1, arguments.tasks // 40))
        job = partial(run_batch, source=listed, out=out, cluster=ClusterOptions(scheduler=cluster.address))
        began = time.perf_counter()
        summary = job(report=watch.take)
        seconds = time.perf_counter() - began
    if summary.counts != {"mapped": arguments.tasks}:
        raise SystemExit(f"not all came back: {summary.counts}")
    return {
        "scenes": arguments.tasks,
        "seconds": round(seconds, 1),
        "ms_a_task": round(1000 * seconds / arguments.tasks, 2),
        "longest_silence_s": round(watch.longest_s, 3),
        "answer_s": summarise(watch.answers_s),
        "scheduler_rss_mib": max(watch.scheduler_mib),
        "client_rss_mib": max(watch.client_mib),
        "scheduler_mib": watch.scheduler_mib,
        "client_mib": watch.client_mib,
    }


class Watch:
    """Looks at memory now and then, and at the time between two events."""

    def __init__(self, scheduler: int, asker: Client, *, every: int) -> None:
        self._processes = psutil.Process(scheduler), psutil.Process()
        self._asker, self._every, self._last_s = asker, every, 0.0
        self.longest_s = 0.0
        self.answers_s: list[float] = []
        self.scheduler_mib: list[int] = []
        self.client_mib: list[int] = []

    def take(self, event: Mapping[str, Any]) -> None:
        """Look, as an event comes by."""
        now = time.perf_counter()
        if event["event"] == "scene" and self._last_s:
            self.longest_s = max(self.longest_s, now - self._last_s)
        if event["event"] == "scene" and event["done"] % self._every == 0:
            for process, store in zip(self._processes, (self.scheduler_mib, self.client_mib), strict=True):
                store.append(process.memory_info().rss >> 20)
            self._asker.nthreads()
            self.answers_s.append(time.perf_counter() - now)
        self._last_s = time.perf_counter()


def stand_in(unit: SceneUnit) -> UnitResult:
    """What mapping a scene returns, without the mapping."""
    return UnitResult(
        folder=unit.out, already_made=False, seconds=0.0, notes=("A note of some length.",), worker="", peak_rss_mib=0
    )


def start_warm(workers: int, scene: Path, arguments: argparse.Namespace) -> LocalCluster:
    """Workers that have mapped a scene before."""
    with dask.config.set(_LOCAL_CONFIG):
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    with Client(cluster) as client:
        for core, address in enumerate(client.nthreads()):
            client.run(keep_to_core, None if arguments.loose else core, workers=[address])
        client.run(warm_up, str(scene), str(arguments.out / "warm"))
    return cluster


def keep_to_core(core: int | None) -> None:
    """Let all threads of this process, and those that they start, run on one core."""
    if core is not None:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def warm_up(scene: str, out: str) -> None:
    """Map a scene for nobody."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="warm-", dir=Path(out).parent) as folder:
        map_unit(SceneUnit(source=scene, out=folder, options=OPTIONS))


def time_batch(listed: Path, out: Path, cluster: LocalCluster) -> tuple[float, float]:
    """Seconds of a whole batch, and the share of them that its workers were at a scene."""
    shutil.rmtree(out / "maps", ignore_errors=True)
    job = partial(
        run_batch,
        source=listed,
        out=out / "maps",
        options=OPTIONS,
        cluster=ClusterOptions(scheduler=cluster.scheduler_address),
    )
    began = time.perf_counter()
    events: list[Mapping[str, Any]] = []
    summary = job(report=events.append)
    seconds = time.perf_counter() - began
    if summary.counts != {"mapped": summary.planned}:
        raise SystemExit(f"not all were mapped: {summary.problems}")
    at_work = sum(event["seconds"] for event in events if event["event"] == "scene")
    return seconds, at_work / seconds / len(cluster.workers)


def loop(scenes: list[Path], out: Path) -> tuple[float, float]:
    """Seconds of the same scenes one after the other, without Dask."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    for scene in scenes:
        map_unit(SceneUnit(source=str(scene), out=str(out), options=OPTIONS))
    return time.perf_counter() - began, 1.0


def alternate(runs: Mapping[Any, Callable[[], tuple[float, float]]], times: int) -> dict[str, dict[Any, list[float]]]:
    """Run each by turns, so that a busy minute of the machine meets all of them."""
    taken: dict[str, dict[Any, list[float]]] = {
        key: {name: [] for name in runs} for key in ("seconds", "busy", "core_s", "client_s", "load")
    }
    for _ in range(times):
        for name, run in runs.items():
            began, client_began = count_core_s(), time.process_time()
            seconds, busy = run()
            taken["seconds"][name].append(round(seconds, 2))
            taken["busy"][name].append(round(busy, 3))
            taken["core_s"][name].append(round(count_core_s() - began, 2))
            taken["client_s"][name].append(round(time.process_time() - client_began, 2))
            taken["load"][name].append(round(psutil.getloadavg()[0], 1))
            print(name, *(values[name][-1] for values in taken.values()), flush=True)
    return taken


def count_core_s() -> float:
    """Core-seconds of this process and all that it started."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def divide(values: Mapping[Any, list[float]], one: object, other: object) -> list[float]:
    """Ratios of runs that followed each other."""
    return [first / second for first, second in zip(values[one], values[other], strict=True)]


def summarise(values: list[float]) -> dict[str, float]:
    """Median and range."""
    middle = statistics.median(values)
    return {"median": round(middle, 4), "least": round(min(values), 4), "most": round(max(values), 4)}


if __name__ == "__main__":
    main()
