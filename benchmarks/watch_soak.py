"""Let a watcher run on a fast schedule for a while, and measure whether it grows.

    python -m benchmarks.watch_soak --out /tmp/soak [--minutes 30] [--interval 20s] [--every 60] [--once] [--faults]

One ``strandline watch`` (with its Prefect server) watches three simulated coasts behind a real STAC API, to which an
acquisition is added every minute. Every ten seconds: resident memory and open files of the watcher itself, of each of
its long-lived children (the server, the runner) and of all of its children together, and the sizes of its logs. From
what comes after the first five minutes follow the slopes (MiB an hour, least squares; for all children together the
lowest of each minute counts, since rounds come and go). Afterwards all that was added must be published once and the
watcher must end well. With ``--once`` rounds are started one after another, as cron would, in place of one watcher.
With ``--faults`` bands of some scenes are missing for a while, and the host is busy, then away; then each failure must
be told once, and once that it was over. With ``--dates 20`` three coasts have 60 acquisitions, and where a round stands
for an hour, 24 of them are a day. Writes ``watch_soak.json`` and ``watch_soak.png`` into the folder; appends the sums
to ``benchmarks/results/watch_soak.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.watch_bench import STRANDLINE, Bench, open_bench
from benchmarks.watch_check import read_told
from benchmarks.watch_rig import Scene, make_coasts
from pipeline.watch.ledger.ledger import open_ledger

RESULTS = Path(__file__).parent / "results" / "watch_soak.jsonl"
SAMPLE_S = 10.0
SETTLE_S = 300.0
MIB = 1 << 20
STOP_S = 150
LAST_ROUND_S = 3600
MOST_LAST_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A look at the watcher.

    Attributes:
        at_s: Since it was started.
        rss_mib: Resident memory by part: ``watcher``, ``server``, ``runner``, ``all``.
        fds: Open files by part.
        processes: How many there are.
        logs: Bytes of each log.
    """

    at_s: float
    rss_mib: dict[str, float]
    fds: dict[str, int]
    processes: int
    logs: dict[str, int]


def main() -> None:
    """Run, sample, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--interval", default="20s", help="of the schedule")
    parser.add_argument("--every", type=float, default=60, help="seconds from one new acquisition to the next")
    parser.add_argument("--dates", type=int, default=22, help="acquisitions of each coast")
    parser.add_argument("--once", action="store_true", help="rounds one after another, without Prefect")
    parser.add_argument("--faults", action="store_true", help="missing bands, a host that is busy, then away")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    coasts = make_coasts((out / "scenes").resolve(), dates=arguments.dates)
    home = out / "watcher"
    with open_bench(home, out / "scenes", coasts, defaults={"schedule": arguments.interval}) as bench:
        bench.rig.show([coast.scenes[0] for coast in coasts])
        late = list_late(bench)
        faults = Faults(
            bench,
            [scene for scene in late if not scene.is_clouded][:6:2] if arguments.faults else [],
            seconds=arguments.minutes * 60,
        )
        process = bench.start() if arguments.once else start(bench)
        coming = iter(late)
        try:
            samples, process = watch(
                bench, process, late=lambda: next(coming, None), faults=faults, arguments=arguments
            )
        finally:
            code = bench.finish(process) if arguments.once else stop(process)
            faults.end()
        (out / "watch_soak.json").write_text(json.dumps([asdict(sample) for sample in samples]))
        bench.rig.show(list(coming))
        # What the last rounds had no time for, however slow the machine: then nothing may be left.
        for _ in range(MOST_LAST_ROUNDS):
            if bench.finish(bench.start(), limit_s=LAST_ROUND_S) == 0 and not count_backlog(bench):
                break
        record = sum_up(samples, minutes=arguments.minutes) | bench.conclude({"exit_code": code}, expected={})
        record |= {"mode": "once" if arguments.once else "prefect", "acquisitions": arguments.dates * len(coasts)}
        record["rounds_of_an_area"] = count_rounds(bench)
        record["findings"] += faults.check() + check_doubles(bench)
    if code != 0 and not (arguments.once and code in {6, 8}):
        record["findings"].append(f"the watcher ended with {code}")
    draw(samples, out / "watch_soak.png")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(record, indent=1))
    sys.exit(bool(record["findings"]))


class Faults:
    """What disturbs a watcher: bands of some scenes are missing, then the host is busy, then it is away."""

    def __init__(self, bench: Bench, broken: Sequence[Scene], *, seconds: float) -> None:
        """Take a band of each scene away.

        Args:
            bench: Whose host.
            broken: Scenes that are not shown yet; without any nothing is disturbed.
            seconds: For how long it runs.
        """
        self.bench, self.broken = bench, tuple(broken)
        bands = [Path(scene.item["assets"]["green"]["href"].removeprefix("file://")) for scene in broken]
        self.bands = bands
        for path in bands:
            path.rename(path.with_suffix(".away"))
        steps: list[tuple[float, Callable[[], None]]] = [
            (0.3, lambda: bench.api.die("503")),
            (0.4, bench.api.live),
            (0.55, self._give_back),
            (0.65, lambda: bench.api.die("refuse")),
            (0.75, bench.api.live),
        ]
        self.steps = [(share * seconds, step) for share, step in steps] if broken else []

    def apply(self, now_s: float) -> None:
        """Do what is due."""
        while self.steps and now_s >= self.steps[0][0]:
            self.steps.pop(0)[1]()

    def end(self) -> None:
        """All that is left, so that it can come to rest."""
        self.apply(float("inf"))

    def check(self) -> list[str]:
        """Each broken scene that had its turn is told once as failed and once as well after all."""
        told = count_scenes(self.bench)
        rows = open_ledger(self.bench.settings.reveal_ledger_url()).rows(items=False)
        failed = {row.product for row in rows if any(event["what"] == "failed" for event in row.history)}
        if self.broken and not failed & {scene.product for scene in self.broken}:
            return ["no broken scene had its turn: let it run for longer"]
        return [
            f"{scene.product} was told {told[scene.product, state]} times as {state}"
            for scene in self.broken
            for state in ("tried", "recovered")
            if told[scene.product, state] != (scene.product in failed)
        ]

    def _give_back(self) -> None:
        for path in self.bands:
            path.with_suffix(".away").rename(path)


def count_backlog(bench: Bench) -> int:
    """Scenes that are still to be mapped or published."""
    areas = open_ledger(bench.settings.reveal_ledger_url()).summarise().values()
    return sum(area.backlog for area in areas)


def count_scenes(bench: Bench) -> Counter[tuple[str, str]]:
    """How often each scene was told to have failed, or to have gone well after all."""
    events = read_told(bench.hook).events.values()
    return Counter((one["product"], one["state"]) for event in events for one in event["facts"].get("scenes", ()))


def check_doubles(bench: Bench) -> list[str]:
    """Nothing is told twice: neither an event nor a scene in two of them."""
    doubled = read_told(bench.hook).doubled
    twice = [
        f"{name} was told {count} times as {state}" for (name, state), count in count_scenes(bench).items() if count > 1
    ]
    return [*([f"{doubled} events came twice"] if doubled else []), *twice]


def count_rounds(bench: Bench) -> dict[str, int]:
    """Rounds of each area that came to an end, by the log."""
    logs = (Path(bench.settings.work) / "logs").glob("watch.log*")
    lines = [line for log in logs for line in log.read_text().splitlines() if "mapped," in line and " s" in line]
    return {coast.name: sum(f" {coast.name}: " in line for line in lines) for coast in bench.rig.coasts}


def start(bench: Bench) -> subprocess.Popen[bytes]:
    """Start the watcher."""
    with (bench.home / "watcher.txt").open("w") as log:
        return subprocess.Popen([*STRANDLINE, "watch", str(bench.areas)], stdout=log, stderr=log)


def stop(process: subprocess.Popen[bytes]) -> int | None:
    """Ask the watcher to end; ``None`` where it had to be killed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()
        return None


def list_late(bench: Bench) -> list[Scene]:
    """All that is added while it runs, one coast after another."""
    groups = zip_longest(*(coast.scenes[1:] for coast in bench.rig.coasts))
    scenes = [scene for scene in chain.from_iterable(groups) if scene is not None]
    return scenes + [twin for coast in bench.rig.coasts for twin in coast.twins]


def watch(
    bench: Bench,
    process: subprocess.Popen[bytes],
    *,
    late: Callable[[], Scene | None],
    faults: Faults,
    arguments: argparse.Namespace,
) -> tuple[list[Sample], subprocess.Popen[bytes]]:
    """Sample until the time is over, and add scenes; gives the process that runs by then."""
    began, samples, added = time.monotonic(), list[Sample](), 0
    while (now := time.monotonic() - began) < arguments.minutes * 60:
        if process.poll() is not None:
            if not arguments.once:
                break
            bench.finish(process)
            process = bench.start()
        faults.apply(now)
        if now >= (added + 1) * arguments.every:
            added += 1
            if (scene := late()) is not None:
                bench.rig.show([scene])
        with suppress(psutil.NoSuchProcess):
            samples.append(look(process.pid, Path(bench.settings.work), at_s=now))
        time.sleep(min(SAMPLE_S, max(0.1, len(samples) * SAMPLE_S - (time.monotonic() - began))))
    return samples, process


def look(pid: int, work: Path, *, at_s: float) -> Sample:
    """Measure the watcher and its children now."""
    watcher = psutil.Process(pid)
    children = watcher.children(recursive=True)
    rss: dict[str, float] = {"all": 0.0}
    fds: dict[str, int] = {"all": 0}
    for process in (watcher, *children):
        with suppress(psutil.Error):
            part = "watcher" if process.pid == pid else name_part(process)
            size, files = process.memory_info().rss / MIB, process.num_fds()
            for name in {"all", part} - {""}:
                rss[name] = rss.get(name, 0.0) + size
                fds[name] = fds.get(name, 0) + files
    logs = {path.name: path.stat().st_size for path in sorted((work / "logs").glob("*")) if path.is_file()}
    return Sample(at_s=at_s, rss_mib=rss, fds=fds, processes=1 + len(children), logs=logs)


def name_part(process: psutil.Process) -> str:
    """``server`` or ``runner``; empty for what comes and goes."""
    line = " ".join(process.cmdline())
    if "server" in line and "prefect" in line:
        return "server"
    return "runner" if "watcher.runner" in line else ""


def sum_up(samples: Sequence[Sample], *, minutes: float) -> dict[str, Any]:
    """Slopes after the first minutes, open files at both ends, logs that turned over."""
    settled = [sample for sample in samples if sample.at_s >= min(SETTLE_S, minutes * 60 / 3)]
    parts = sorted({name for sample in settled for name in sample.rss_mib})
    names = {name for sample in samples for name in sample.logs}
    return {
        "minutes": minutes,
        "samples": len(samples),
        "slope_mib_an_hour": {part: fit_slope(settled, part) for part in parts},
        "rss_mib": {part: describe([sample.rss_mib.get(part) for sample in settled]) for part in parts},
        "fds": {part: describe([sample.fds.get(part) for sample in settled]) for part in parts},
        "processes": describe([sample.processes for sample in settled]),
        "logs": {name: max(sample.logs.get(name, 0) for sample in samples) for name in sorted(names)},
        "log_rotations": sum(name.rpartition(".")[2].isdigit() for name in names),
    }


def fit_slope(samples: Sequence[Sample], part: str) -> float | None:
    """MiB an hour; of each minute the lowest counts."""
    lowest: dict[int, float] = {}
    for sample in samples:
        if part in sample.rss_mib:
            minute = int(sample.at_s // 60)
            lowest[minute] = min(sample.rss_mib[part], lowest.get(minute, np.inf))
    if len(lowest) < 3:
        return None
    return round(float(np.polyfit(np.array(list(lowest)) / 60, list(lowest.values()), 1)[0]), 2)


def describe(values: Sequence[float | None]) -> dict[str, float]:
    """First, last, least and most."""
    found = [value for value in values if value is not None]
    if not found:
        return {}
    return {
        name: round(value, 1)
        for name, value in (("first", found[0]), ("last", found[-1]), ("least", min(found)), ("most", max(found)))
    }


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Memory and open files over time."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    for part in sorted({name for sample in samples for name in sample.rss_mib}):
        minutes = [sample.at_s / 60 for sample in samples if part in sample.rss_mib]
        axes[0].plot(minutes, [sample.rss_mib[part] for sample in samples if part in sample.rss_mib], label=part)
        axes[1].plot(minutes, [sample.fds[part] for sample in samples if part in sample.fds], label=part)
    axes[0].set(ylabel="resident memory, MiB", yscale="log")
    axes[1].set(ylabel="open files", xlabel="minutes", yscale="log")
    axes[0].legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
