"""Disturb a watcher in every way that a machine can, let it go on, and hold all that it did against the truth.

    python -m benchmarks.watch_faults --out /tmp/faults [--fault NAME]... [--kills 20] [--seed 1]

Rounds are run by ``strandline watch --once``, as processes of their own, on simulated coasts behind a real STAC API.
Each fault comes in the middle of a round, and stays for one or two more: the network dies in four ways; the host of the
pixels is busy, slow, cuts its answers or sends other bytes, for a moment and for whole rounds (then maps must be those
of a host without faults, to the byte); the disk is full (a small tmpfs, with the ledger on it or not); PostgreSQL is
stopped and started; SQLite is locked by another process, or its disk read-only; all processes of a round are killed
(SIGKILL) at random moments; the clock jumps by 400 days, forth and back, between rounds and within one (libfaketime).
After the last round, which runs undisturbed, every acquisition must be published once and whole, with one fingerprint
in the ledger, at the destination and in the work folder; nothing half-made may be left; the catalogue must list each
once; and each failure must have been told once: deliveries to a webhook are counted, those that a receiver drops by
their id apart. A line a fault is printed and appended to ``benchmarks/results/watch_faults.jsonl``; the exit code says
whether all held. Needs root (tmpfs), PostgreSQL and faketime.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.watch_api import Death
from benchmarks.watch_bench import Bench, open_bench
from benchmarks.watch_rig import Coast, make_coasts
from pipeline.publish.publish import open_destination
from tests.pipeline.watch.ledger.postgres_server import run_postgres
from tests.tiles.products.range_host import Fault, serve_ranges

RESULTS = Path(__file__).parent / "results" / "watch_faults.jsonl"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
LOCK_S = 45
"""Seconds for which another process locks SQLite: longer than the ledger waits."""

READ_FAULTS: tuple[Fault, ...] = (
    "429",
    "503",
    "trickle",
    "cut",
    "short",
    "whole",
    "zeros",
    "shifted",
    "page",
    "portal",
)
"""What a read of pixels meets."""

QUIET_S = 3600
"""Seconds after which a round without faults is given up, however slow the machine."""

HANG_S = 240
"""Seconds after which a round on a silent network is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What all faults share.

    Attributes:
        out: Folder for all.
        coasts: Simulated.
        kills: How many rounds are killed.
        seed: Decides the moments.
    """

    out: Path
    coasts: tuple[Coast, ...]
    kills: int
    seed: int

    @property
    def scenes(self) -> Path:
        """The simulated scenes."""
        return self.out / "scenes"

    def open(self, name: str, stack: ExitStack, *, areas: int = 1, **changes: Any) -> Bench:  # noqa: ANN401
        """A watcher of its own for a fault.

        Args:
            name: Of the fault.
            stack: Ends it.
            areas: How many coasts.
            changes: Of its file.
        """
        return stack.enter_context(open_bench(self.out / name, self.scenes, self.coasts[:areas], **changes))


def main() -> None:
    """Try the faults one by one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="may be given again; else all")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    trials = Trials(
        out=out,
        coasts=make_coasts((out / "scenes").resolve()),
        kills=arguments.kills,
        seed=arguments.seed,
    )
    RESULTS.parent.mkdir(exist_ok=True)
    bad = 0
    for name in arguments.fault or FAULTS:
        began = time.monotonic()
        with ExitStack() as stack:
            verdict = FAULTS[name](trials, stack)
        record = {"fault": name, "seconds": round(time.monotonic() - began), **verdict}
        bad += bool(record["findings"])
        print(json.dumps(record, indent=1), flush=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")
    print(f"{bad} faults left something wrong")
    sys.exit(bool(bad))


def kill_network(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """Bodies are cut in the middle of a round; the host is busy in the next, and gone in the one after."""
    bench = trials.open("network", stack)
    bench.rig.show(trials.coasts[0].scenes[:8])
    process = bench.start()
    bench.wait_for(": mapped", more=2, process=process)
    bench.api.die("cut")
    bench.finish(process)
    deaths: tuple[Death, ...] = ("503", "refuse")
    for how in deaths:
        bench.api.live()
        bench.api.die(how)
        bench.run()
    bench.api.live()
    # Two rounds: what was cut waits a second or two for its next try, and the search comes first.
    bench.run()
    bench.run()
    return bench.conclude({"met": dict(bench.api.met)}, expected={"failure": 1, "recovered": 1})


def hang_network(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """Nothing answers any more, in the middle of a round: it must end by itself."""
    bench = trials.open("hang", stack)
    bench.rig.show(trials.coasts[0].scenes[:4])
    process = bench.start()
    bench.wait_for(": mapped", more=1, process=process)
    bench.api.die("hang")
    code = bench.finish(process, limit_s=HANG_S)
    bench.api.live()
    bench.run()
    bench.run()
    found = bench.conclude({"met": dict(bench.api.met)}, expected={})
    if code is None:
        found["findings"].append(f"a round whose pixels do not come was still waiting after {HANG_S} s")
    return found


def fail_reads(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """Reads of pixels meet each fault for a moment; then the host is busy for a round, and sends zeros in another."""
    host = stack.enter_context(serve_ranges(trials.scenes))
    bench = trials.open("reads", stack)
    bench.api.files_url = host.url
    scenes = [scene for scene in trials.coasts[0].scenes if not scene.is_clouded]
    bench.rig.show(scenes[:5])
    host.skip, host.faults = 10, [met for fault in READ_FAULTS for met in (fault, None, None, None)]
    codes = [bench.run()]
    passing = dict(host.met)
    bench.rig.show(scenes[5:7])
    stay: tuple[Fault, ...] = ("429", "zeros")
    for fault in stay:
        host.always = fault
        codes.append(bench.run())
    host.always = None
    # Two rounds: the search comes first, and the next try of what failed is a second or two away.
    codes += [bench.run(), bench.run()]
    found = bench.conclude({"met": dict(host.met), "codes": codes}, expected={"failure": 1, "recovered": 1})
    found["findings"] += [f"no read met {fault}" for fault in READ_FAULTS if fault not in passing]
    found["findings"] += compare_maps(bench, trials, stack)
    return found


def compare_maps(bench: Bench, trials: Trials, stack: ExitStack) -> list[str]:
    """Published rasters that differ from those of a watcher whose host has no faults."""
    quiet = trials.open("reads-quiet", stack)
    quiet.rig.show([scene for together in bench.rig.shown for scene in together])
    quiet.finish(quiet.start(), limit_s=QUIET_S)
    area = trials.coasts[0].name
    homes = [Path(one.settings.get_area(area).destination) for one in (bench, quiet)]
    names = [{result.name for result in open_destination(str(home)).list_results()} - {"changes"} for home in homes]
    rasters = [path.relative_to(homes[1]) for name in names[1] for path in (homes[1] / name).glob("*.tif")]
    missing = [f"only one of both has {name}" for name in names[0] ^ names[1]] or ([] if rasters else ["no raster"])
    return missing + [
        f"{path} differs" for path in rasters if (homes[0] / path).read_bytes() != (homes[1] / path).read_bytes()
    ]


@contextmanager
def small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """A disk of its own in memory."""
    subprocess.run(["umount", folder], check=False, capture_output=True)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def fill(disk: Path) -> int:
    """Write until nothing more fits; gives the bytes."""
    path, written = disk / "filler", 0
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    written += file.write(b"\1" * size)
            except OSError:
                continue
    return written


def _fill_disk(trials: Trials, stack: ExitStack, name: str, *, ledger: bool) -> dict[str, Any]:
    disk = stack.enter_context(small_disk(trials.out / f"{name}-disk", size="200m"))
    changes = {"work": str(disk / "work")} | ({"ledger": str(disk / "ledger.db")} if ledger else {})
    bench = trials.open(name, stack, published=disk / "published", **changes)
    bench.rig.show(trials.coasts[0].scenes[:8])
    process = bench.start()
    bench.wait_for(": mapped", more=2, process=process)
    filled = fill(disk)
    bench.finish(process)
    codes = [bench.run(), bench.run()]
    (disk / "filler").unlink()
    bench.run()
    bench.run()
    facts = {"filled_mib": filled >> 20, "codes_while_full": codes}
    return bench.conclude(facts, expected={"failure": 1, "recovered": 1})


def fill_disk(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """The disk of work and destination is full; the ledger is on another."""
    return _fill_disk(trials, stack, "disk", ledger=False)


def fill_all(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """The disk of work, destination and ledger is full."""
    return _fill_disk(trials, stack, "disk-ledger", ledger=True)


def stop_postgres(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """PostgreSQL is stopped in the middle of a round, away for a whole one, and comes back."""
    server = stack.enter_context(run_postgres())
    url = server.empty_database()
    bench = trials.open("postgres", stack, ledger=url.replace("postgresql://", "postgresql+psycopg://"))
    bench.rig.show(trials.coasts[0].scenes[:6])
    process = bench.start()
    bench.wait_for(": mapped", more=1, process=process)
    server.stop()
    bench.finish(process)
    bench.run()
    server.start()
    bench.run()
    bench.run()
    return bench.conclude({}, expected={"failure": 1, "recovered": 1})


def lock_sqlite(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """Another process locks the ledger in the middle of a round, for longer than the round waits."""
    bench = trials.open("sqlite-locked", stack)
    bench.rig.show(trials.coasts[0].scenes[:6])
    process = bench.start()
    bench.wait_for(": mapped", more=1, process=process)
    other = sqlite3.connect(bench.settings.ledger, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    time.sleep(LOCK_S)
    other.rollback()
    other.close()
    bench.finish(process)
    bench.run()
    bench.run()
    return bench.conclude({"locked_s": LOCK_S}, expected={})


def lock_out_writers(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """The disk of the ledger is read-only from the middle of a round on, for a whole one."""
    disk = stack.enter_context(small_disk(trials.out / "read-only-disk", size="20m"))
    bench = trials.open("sqlite-read-only", stack, ledger=str(disk / "ledger.db"))
    bench.rig.show(trials.coasts[0].scenes[:6])
    process = bench.start()
    bench.wait_for(": mapped", more=1, process=process)
    remounted = _remount(disk, "ro")
    bench.finish(process)
    bench.run()
    _remount(disk, "rw")
    bench.run()
    bench.run()
    return bench.conclude({"remounted": remounted}, expected={"failure": 1, "recovered": 1})


def _remount(disk: Path, mode: str) -> bool:
    """A disk that is being written to at this moment refuses; then again."""
    for _ in range(100):
        done = subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=False, capture_output=True)
        if done.returncode == 0:
            return True
        time.sleep(0.05)
    return False


def kill_processes(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """All processes of a round die at once, at random moments; new scenes come meanwhile."""
    bench = trials.open("kills", stack, areas=len(trials.coasts))
    draw = random.Random(trials.seed)  # noqa: S311 (moments, not secrets)
    coasts, moments, survived = trials.coasts, list[str](), 0
    bench.rig.show([scene for coast in coasts for scene in coast.scenes[:2]])
    groups = zip(*(coast.scenes[2:] for coast in coasts), strict=True)
    late = [scene for group in groups for scene in group]
    twins = [twin for coast in coasts for twin in coast.twins]
    while len(moments) < trials.kills and late:
        # A scene is added for each round, so that each has something to do when it is killed.
        scene = late.pop(0)
        bench.rig.show([scene, *([twins.pop()] if twins and len(moments) % 5 == 4 else [])])
        process = bench.start("--area", scene.area)
        lines, wait_s = draw.randrange(3), draw.uniform(0, 2)
        if lines:
            bench.wait_for("ed\n", more=lines, process=process)
        else:
            wait_s = draw.uniform(1, 9)
        time.sleep(wait_s)
        if process.poll() is None:
            bench.kill(process)
            moments.append(f"{lines} lines + {wait_s:.1f} s")
        else:
            survived += 1
    bench.run()
    bench.run()
    return bench.conclude({"kills": len(moments), "survived": survived, "moments": moments}, expected={"failure": 0})


def turn_clock(trials: Trials, stack: ExitStack) -> dict[str, Any]:
    """The clock jumps 400 days forth and back between rounds, and both ways within rounds; one round fails ahead."""
    bench = trials.open("clock", stack)
    offset = bench.home / "offset"
    environment = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "NO_FAKE_STAT": "1",  # else no compiled module is young enough to be used
        # Looks at the clock are slow under it, and Dask's profiler does little else.
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    scenes = iter(trials.coasts[0].scenes)
    jumps = (("+0", None), ("+400d", None), ("+0", None), ("-400d", None), ("+0", "+400d"), ("+0", "-400d"))
    for begin, within in jumps:
        offset.write_text(f"{begin}\n")
        bench.rig.show([next(scenes), next(scenes)])
        process = bench.start(environment=environment)
        if begin == "+400d":  # what fails there is due in a year
            bench.wait_for("to map", more=1, process=process)
            bench.api.die("cut")
        if within is not None:
            bench.wait_for(": mapped", more=1, process=process)
            offset.write_text(f"{within}\n")
        bench.finish(process)
        bench.api.live()
    bench.run()
    bench.run()
    return bench.conclude({"jumps": jumps}, expected={"failure": 0})


FAULTS: dict[str, Callable[[Trials, ExitStack], dict[str, Any]]] = {
    "network": kill_network,
    "hang": hang_network,
    "reads": fail_reads,
    "disk": fill_disk,
    "disk-ledger": fill_all,
    "postgres": stop_postgres,
    "sqlite-locked": lock_sqlite,
    "sqlite-read-only": lock_out_writers,
    "kills": kill_processes,
    "clock": turn_clock,
}


if __name__ == "__main__":
    main()
