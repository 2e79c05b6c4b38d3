"""Add scenes to a real STAC API while a watcher runs, and hold all that it did against the truth.

    python -m benchmarks.watch --out /tmp/watch [--steps 4] [--prefect] [--interval 20s]

Three simulated coasts, 66 acquisitions, some over the limit of cloud, one a coast reprocessed: its newer product comes
after the older was published on two coasts, and together with it on one. Measured: whether each is mapped once and
published once, whether those with too much cloud are skipped and say why, whether ``strandline status`` is right at
each look (while rounds run, and after each step), and the seconds of a round. Without ``--prefect`` each step is
followed by ``strandline watch --once``; with it, one ``strandline watch`` runs on a short schedule throughout, and
scenes are added without regard for what it is at. Prints a line a step; appends to ``benchmarks/results/watch.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.watch_api import StacApi
from benchmarks.watch_check import check_all, check_status, find_fates, read_told
from benchmarks.watch_rig import Coast, Rig, Scene, make_coasts, write_areas
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.status import read_watch_status
from tests.pipeline.watch.notify.notify_receivers import Hook, run_hook

RESULTS = Path(__file__).parent / "results" / "watch.jsonl"
STRANDLINE = [sys.executable, "-m", "workflows.cli"]
PATIENCE_S = 1200
LOOK_EVERY_S = 1.0


def main() -> None:
    """Run all steps; the exit code says whether all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--dates", type=int, default=22, help="acquisitions of each coast")
    parser.add_argument("--prefect", action="store_true", help="one watcher on a schedule, not a round a step")
    parser.add_argument("--interval", default="20s", help="of the schedule with --prefect")
    arguments = parser.parse_args()
    scenes, home = (arguments.out / "scenes").resolve(), arguments.out.resolve() / "watcher"
    coasts = make_coasts(scenes, dates=arguments.dates)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with StacApi(home, scenes) as api, run_hook() as hook:
        rig = Rig(coasts=coasts, api=api, shown=[])
        changes = {"defaults": {"schedule": arguments.interval}} if arguments.prefect else {}
        areas = write_areas(home / "areas.yaml", rig, hook=f"http://127.0.0.1:{hook.port}/", **changes)
        trial = Trial(rig=rig, areas=areas, settings=read_areas(areas), hook=hook)
        steps = plan_steps(coasts, arguments.steps)
        if arguments.prefect:
            with watching(areas, home) as trial.watcher:
                trial.run(steps, by_itself=True)
        else:
            trial.run(steps, by_itself=False)
        record = trial.sum_up(mode="prefect" if arguments.prefect else "once")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(record, indent=1))
    sys.exit(bool(record["findings"]))


def plan_steps(coasts: Sequence[Coast], steps: int) -> Iterator[list[Scene]]:
    """What is added together: a part of each coast, and twins last, but for the last coast's, which comes at once."""
    for number in range(steps):
        part = [scene for coast in coasts for scene in coast.scenes[number::steps]]
        together = {scene.acquisition for scene in part}
        yield part + [scene for scene in coasts[-1].twins if scene.acquisition in together]
    yield [scene for coast in coasts[:-1] for scene in coast.twins]


@contextmanager
def watching(areas: Path, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A watcher on its schedule; it must end well when it is asked to."""
    with (home / "watcher.txt").open("w") as log:
        process = subprocess.Popen([*STRANDLINE, "watch", str(areas)], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=120)
            print(f"the watcher ended with {code}", flush=True)


@dataclass(slots=True, kw_only=True)
class Trial:
    """A watcher, its truth, and what was found.

    Attributes:
        rig: The host.
        areas: The watcher's file.
        settings: What it says.
        hook: Who is told.
        watcher: The one that runs by itself.
        looks: How often the status was looked at, while at work and at rest.
        rounds_s: Seconds of each ``--once``.
        findings: What did not hold.
    """

    rig: Rig
    areas: Path
    settings: WatchSettings
    hook: Hook
    watcher: subprocess.Popen[bytes] | None = None
    looks: Counter[str] = field(default_factory=Counter)
    rounds_s: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def run(self, steps: Iterator[list[Scene]], *, by_itself: bool) -> None:
        """Add scenes step by step, and look.

        Args:
            steps: What is added together.
            by_itself: A watcher runs; else a round is run for each step.
        """
        for number, scenes in enumerate(steps, start=1):
            began = time.monotonic()
            self.rig.show(scenes)
            if by_itself:
                self._wait_until_done()
            else:
                self._run_round()
            self._look_at_rest(wait=by_itself)
            found = check_all(self.settings, self.rig, self.hook)
            self.findings += [f"step {number}: {line}" for line in found]
            seconds = time.monotonic() - began
            print(f"step {number}: {len(scenes)} added, {seconds:.0f} s, {len(self.findings)} findings", flush=True)

    def _run_round(self) -> None:
        began = time.monotonic()
        log = self.areas.with_name("watcher.txt").open("a")
        process = subprocess.Popen([*STRANDLINE, "watch", str(self.areas), "--once"], stdout=log, stderr=log)
        while process.poll() is None:
            self._look()
            time.sleep(LOOK_EVERY_S)
        self.rounds_s.append(time.monotonic() - began)
        if process.returncode:
            self.findings.append(f"strandline watch --once ended with {process.returncode}")

    def _wait_until_done(self) -> None:
        """Until everything that the host has is decided; looks meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        wanted = {scene.product for scene in self._list_final()}
        while time.monotonic() < deadline:
            self._look()
            if Path(self.settings.ledger).exists():
                rows = open_ledger(self.settings.reveal_ledger_url()).rows(states=["published", "skipped"], items=False)
                if wanted <= {row.product for row in rows}:
                    return
            if self.watcher is not None and self.watcher.poll() is not None:
                raise SystemExit(f"the watcher ended by itself, see {self.areas.with_name('watcher.txt')}")
            time.sleep(LOOK_EVERY_S)
        self.findings.append(f"not done after {PATIENCE_S} s")

    def _list_final(self) -> Iterator[Scene]:
        for coast in self.rig.coasts:
            yield from find_fates(self.rig.list_shown(coast.name)).values()

    def _look(self) -> None:
        """At work: what is told must be possible, and what is told as published must stand there."""
        if not Path(self.settings.ledger).exists():
            return
        found = read_watch_status(self.settings, scenes=True)
        self.looks["at work"] += 1
        ledger = open_ledger(self.settings.reveal_ledger_url())
        self.findings += check_status(asdict(found), ledger, self.rig, at_rest=False)
        for area in found.areas:
            home = Path(self.settings.get_area(area.area).destination)
            for scene in area.scenes:
                if scene.state == "published" and not (home / scene.product / "item.json").exists():
                    self.findings.append(f"{scene.product} is told as published, and is not there")
            if area.round == "cut off":
                self.findings.append(f"{area.area}: the round is told as cut off while it runs")

    def _look_at_rest(self, *, wait: bool) -> None:
        """After a step: by the real command, against rows and truth. A round that goes on by itself is waited for."""
        deadline = time.monotonic() + (120 if wait else 0)
        while True:
            done = subprocess.run(
                [*STRANDLINE, "status", str(self.areas), "--json"], check=True, capture_output=True, text=True
            )
            self.looks["at rest"] += 1
            ledger = open_ledger(self.settings.reveal_ledger_url())
            found = check_status(json.loads(done.stdout), ledger, self.rig, at_rest=True)
            if not found or time.monotonic() > deadline:
                self.findings += found
                return

    def sum_up(self, *, mode: str) -> dict[str, Any]:
        """All that was measured.

        Args:
            mode: ``once`` or ``prefect``.
        """
        rows = open_ledger(self.settings.reveal_ledger_url()).rows(items=False)
        made = Counter(event["what"] for row in rows for event in row.history)
        told = read_told(self.hook)
        return {
            "mode": mode,
            "areas": len(self.rig.coasts),
            "acquisitions": len({(row.area, row.acquisition) for row in rows if row.skip != "duplicate"}),
            "products": sum(map(len, self.rig.shown)),
            "mapped": made["mapped"],
            "published": made["published"],
            "replaced": made["replaced"],
            "skipped": dict(Counter(row.skip for row in rows if row.skip)),
            "standing": sum(row.state == "published" for row in rows),
            "told": told.count(),
            "told_twice": told.doubled,
            "looks": dict(self.looks),
            "rounds_s": [round(seconds, 1) for seconds in self.rounds_s],
            "findings": self.findings,
        }


if __name__ == "__main__":
    main()
