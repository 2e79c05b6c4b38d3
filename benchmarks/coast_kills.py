"""Kill -9 the actors of ``strandline coast`` at random moments, go on, and compare with a run that nobody disturbed.

    python -m benchmarks.coast_kills --out /tmp/kills [--trials 27] [--seed 1] [--store]
        [--targets client,worker,scheduler,uploader] [--dates 1] [--extent 160]

What is mapped: simulated tiles of two UTM zones on some dates, by years, by a ``dask scheduler`` and two ``dask
worker`` processes of their own, into a folder or (``--store``) into moto's object store on loopback. A trial draws
three of the targets, kills one after the other, and then lets the same command end:

    client      the command, at a moment drawn from the length of the undisturbed run
    worker      a worker, likewise; the command goes on by itself
    scheduler   the scheduler, likewise; it and its workers are started again, and the command too
    uploader    who publishes: into a store the command, some milliseconds after the store saw a PUT; into a folder the
                workers while a map is whole and not yet in its place, the command while a mosaic is, or just after

Into a store, every third run after a kill begins on another machine, which has none of the scratch folder. At each
kill all results that are to be seen must be whole, and at the end every file must be there with the same bytes (and in
a store the same type), times of writing aside, and nothing besides. A line a trial is printed, with the kills that hit;
the exit code says whether all held. Results are appended to ``benchmarks/results/coast_kills.jsonl``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet

from benchmarks.batch_kills import ENVIRONMENT, PATIENCE_S, ROOT, Cluster
from pipeline.checksums import format_multihash
from pipeline.publish.publish import open_destination
from pipeline.record.result import read_fingerprint
from tests.pipeline.publish.store_server import KEY, SECRET, StoreServer, run_store_server
from tiles.simulate.coast.simulate_coast import CoastOptions, simulate_coast

RESULTS = Path(__file__).parent / "results" / "coast_kills.jsonl"
TARGETS = ("client", "worker", "scheduler", "uploader")
KILLS = 3
HIDDEN = re.compile(r"/\.(batch|items)/")
URL = "s3://coast/kills"
OTHER_MACHINE = 1 / 3


def main() -> None:
    """Run the undisturbed coast, then the disturbed ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=27)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--extent", type=int, default=160)
    parser.add_argument("--dates", type=int, default=1)
    arguments = parser.parse_args()
    sea = arguments.out / "sea"
    if not sea.is_dir():
        size = {"extent_px": arguments.extent, "dates": arguments.dates}
        simulate_coast(sea, seed=3, options=CoastOptions(**size, hidden=(0.0, 1.0)))
    draw, bad, hits = random.Random(arguments.seed), 0, Counter[str]()  # noqa: S311 (moments, not secrets)
    with Cluster.started(arguments.out) as cluster, open_place(arguments.out, store=arguments.store) as place:
        words = [*list_words(sea), "--scheduler-file", str(arguments.out / "scheduler.json")]
        run = Run(words=words, place=place, log=arguments.out / "coast.log")
        place.clear()
        began = time.monotonic()
        if run.start().wait() != 0:
            raise SystemExit(f"the undisturbed run failed: {run.log}")
        seconds = time.monotonic() - began
        wanted, steps = place.read(), place.count_steps()
        print(f"undisturbed: {seconds:.0f} s, {len(wanted)} files, {steps} steps of publishing", flush=True)
        for number in range(arguments.trials):
            actors = draw.choices(arguments.targets.split(","), k=KILLS)
            trial = Trial(run=run, cluster=cluster, draw=draw, seconds=seconds, steps=steps)
            faults = trial.disturb(actors) + compare(wanted, place.read())
            hits.update(kill["actor"] for kill in trial.kills if kill["hit"])
            bad += bool(faults)
            verdict = {"kills": trial.kills, "faults": faults}
            print(f"{number + 1:2d}: {json.dumps(verdict)}", flush=True)
            record = {"into": place.kind, "seed": arguments.seed, "undisturbed_s": round(seconds, 1), **verdict}
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")
    print(f"{bad} of {arguments.trials} trials left something wrong; kills that hit: {dict(hits)}")
    sys.exit(bool(bad))


def list_words(sea: Path) -> list[str]:
    """The command, but for its place: all dates of the coast, as its catalogue has them, by years."""
    items = [json.loads(path.read_text()) for path in sea.glob("scenes/*/*.json")]
    west, south = (min(item["bbox"][side] for item in items) for side in (0, 1))
    east, north = (max(item["bbox"][side] for item in items) for side in (2, 3))
    days = sorted(item["properties"]["datetime"][:10] for item in items)
    area = ["--aoi", f"{west},{south},{east},{north}", "--dates", f"{days[0]}/{days[-1]}"]
    return ["coast", *area, "--stac", str(sea / "catalog.json"), "--every", "year"]


@contextmanager
def open_place(out: Path, *, store: bool) -> Iterator[FolderPlace | StorePlace]:
    """Where the coast goes."""
    if not store:
        yield FolderPlace(path=out / "coast")
        return
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the server's line a request
    with run_store_server() as server:
        os.environ.update(keys, AWS_ENDPOINT_URL=server.url)
        yield StorePlace(server=server, scratch=out / "scratch")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPlace:
    """A folder."""

    path: Path

    kind = "folder"

    @property
    def url(self) -> str:
        """The place, as the command takes it."""
        return str(self.path)

    @property
    def environment(self) -> dict[str, str]:
        """What the command is told besides."""
        return {}

    def clear(self) -> None:
        """Begin with nothing."""
        shutil.rmtree(self.path, ignore_errors=True)

    def read(self) -> dict[str, bytes]:
        """All files, see ``read_files``."""
        return read_files(self.path)

    def move(self) -> None:
        """A folder has but one machine."""

    def count_steps(self) -> int:
        """Results, each of which is first whole in its workspace, and then in its place."""
        return 2 * len(list(self.path.glob("**/[!.]*/item.json")))

    def watch(self) -> Callable[[], str | None]:
        """What tells of the next step of publishing, by whom it is done."""
        known = self._list_steps()

        def look() -> str | None:
            fresh = self._list_steps() - known
            known.update(fresh)
            return next(("workers" if "maps" in path.parts else "client" for path in fresh), None)

        return look

    def _list_steps(self) -> set[Path]:
        return {path for room in (self.path, self.path / "maps") for path in room.glob("*/item.json")} | {
            path for room in (self.path, self.path / "maps") for path in room.glob(".*.begun-*/item.json")
        }

    def find_halves(self) -> list[str]:
        """Results that are to be seen and are not whole."""
        folders = [path for room in (self.path, self.path / "maps") for path in room.glob("[!.]*/")]
        results = [path for path in folders if path.name not in {"maps", "catalogues"}]
        return [f"half a result: {path.name}" for path in results if read_fingerprint(path) is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlace:
    """An object store, and the scratch folder of the machine that works for it."""

    server: StoreServer
    scratch: Path
    machines: list[int] = field(default_factory=lambda: [0])

    kind = "store"
    url = URL

    @property
    def environment(self) -> dict[str, str]:
        """What the command is told besides."""
        return {"STRANDLINE_SCRATCH": str(self.scratch / str(self.machines[-1]))}

    def clear(self) -> None:
        """Begin with nothing."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        files = _open_store()
        if files.exists(URL):
            files.rm(URL, recursive=True)
        self.server.seen.clear()

    def read(self) -> dict[str, bytes]:
        """All objects with their types and what is in them, without times of writing."""
        files = _open_store()
        paths = [path for path in sorted(files.find(URL)) if not path.endswith("/summary.json")]
        stem = len(URL.removeprefix("s3://")) + 1
        return {
            path[stem:]: files.info(path, refresh=True)["ContentType"].encode()
            + b" "
            + read_timeless(path, files.cat_file(path))
            for path in paths
        }

    def move(self) -> None:
        """Go to another machine, with an empty scratch folder."""
        self.machines.append(self.machines[-1] + 1)

    def count_steps(self) -> int:
        """Every PUT."""
        return sum(method == "PUT" for method, *_ in self.server.seen)

    def watch(self) -> Callable[[], str | None]:
        """What tells of the next PUT; the command alone publishes."""
        known = [self.count_steps()]

        def look() -> str | None:
            if self.count_steps() > known[0]:
                known[0] += 1
                return "client"
            return None

        return look

    def find_halves(self) -> list[str]:
        """Results whose item is to be seen, and files of which are not there or other than it says."""
        faults = []
        for url in (URL, f"{URL}/maps"):
            place = open_destination(url)
            faults += [f"half a result: {result.name}" for result in place.list_results() if not result.whole]
        files = _open_store()
        for path in files.glob(f"{URL}/**/item.json"):
            item = files.cat_file(path)
            for asset in json.loads(item)["assets"].values():
                if "file:checksum" in asset and asset["href"].startswith("./"):
                    try:
                        content = files.cat_file(f"{path.removesuffix('item.json')}{asset['href'][2:]}")
                    except FileNotFoundError:
                        if files.exists(path) and files.cat_file(path) == item:  # not replaced meanwhile
                            faults.append(f"{path}: {asset['href']} is missing")
                        continue
                    same = format_multihash(hashlib.sha256(content).hexdigest()) == asset["file:checksum"]
                    faults += [] if same else [f"{path}: {asset['href']} is another"]
        return faults


def _open_store() -> Any:  # noqa: ANN401
    return fsspec.filesystem("s3", use_listings_cache=False)  # the command writes meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The command, to be started again and again."""

    words: list[str]
    place: FolderPlace | StorePlace
    log: Path

    def start(self) -> subprocess.Popen[bytes]:
        """Start it."""
        words = [sys.executable, "-m", "workflows.cli", *self.words, "--out", self.place.url]
        environment = {**ENVIRONMENT, **os.environ, "PYTHONPATH": str(ROOT), **self.place.environment}
        with self.log.open("ab") as log:
            return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Three kills and what comes after."""

    run: Run
    cluster: Cluster
    draw: random.Random
    seconds: float
    steps: int
    kills: list[dict[str, object]] = field(default_factory=list)

    def disturb(self, actors: list[str]) -> list[str]:
        """Kill each actor in turn, then let the command end; says what was wrong."""
        place, process, faults = self.run.place, None, list[str]()
        place.clear()
        for actor in actors:
            process = process or self.run.start()
            victim, moment = self._wait(process, actor)
            is_hit = process.poll() is None
            self.kills.append({"actor": actor, "moment": moment, "hit": is_hit})
            if is_hit:
                self._kill(process, victim)
            faults += place.find_halves()
            if is_hit and victim in {"worker", "workers"}:
                continue  # it goes on by itself, on a worker that is started anew
            code = process.wait(timeout=PATIENCE_S)
            process = None
            if code not in {0, -signal.SIGKILL, 7 if victim == "scheduler" else 0}:
                faults.append(f"exit code {code} where the {victim} was killed")
            if victim == "scheduler" and is_hit:
                self.cluster.stop()
                self.cluster.start()
            if self.draw.random() < OTHER_MACHINE:
                place.move()
        code = (process or self.run.start()).wait(timeout=PATIENCE_S)
        return faults + ([] if code == 0 else [f"exit code {code}"])

    def _wait(self, process: subprocess.Popen[bytes], actor: str) -> tuple[str, str]:
        """Wait for the moment to kill; returns who is to be killed, and when that is."""
        if actor != "uploader":
            moment_s = self.draw.uniform(0, 0.6 * self.seconds)  # workers are warm by now
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moment_s)
            return actor, f"{moment_s:.1f} s"
        step, delay_s = self.draw.randrange(self.steps // 2), self.draw.uniform(0, 0.03)
        look, left, victim = self.run.place.watch(), step, None
        while process.poll() is None and (victim is None or left >= 0):
            if (seen := look()) is not None:
                victim, left = seen, left - 1
            else:
                time.sleep(0.002)
        time.sleep(delay_s)
        return victim or "client", f"step {step}, {1000 * delay_s:.0f} ms, {victim}"

    def _kill(self, process: subprocess.Popen[bytes], victim: str) -> None:
        if victim == "client":
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        workers = self.cluster.workers()
        pids = {"worker": workers[:1], "workers": workers, "scheduler": [self.cluster.scheduler]}[victim]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def read_files(out: Path) -> dict[str, bytes]:
    """All files of a coast with what is in them, without times of writing."""
    paths = (path for path in sorted(out.rglob("*")) if path.is_file() and not HIDDEN.search(str(path)))
    return {
        str(path.relative_to(out)): read_timeless(path.name, path.read_bytes())
        for path in paths
        if path.name != "summary.json"  # it says how long it took
    }


def read_timeless(name: str, data: bytes) -> bytes:
    """The content of a file without what each run has its own of."""
    if name.endswith("items.parquet"):
        table = pyarrow.parquet.read_table(io.BytesIO(data))
        return repr(table.select([name for name in table.column_names if name != "created"]).to_pylist()).encode()
    if name.endswith("coast.json"):  # its steps name the folder
        return re.sub(rb'"steps": \[[^\]]*\]', b"", data)
    return re.sub(rb'"created": "[^"]*"', b"", data) if name.endswith(".json") else data


def compare(wanted: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """What is missing, too much, or of other bytes."""
    faults = [f"missing {name}" for name in sorted(wanted.keys() - found.keys())]
    faults += [f"too much: {name}" for name in sorted(found.keys() - wanted.keys())]
    both = sorted(wanted.keys() & found.keys())
    return faults + [
        f"{name} differs: {_quote(wanted[name], found[name])}" for name in both if wanted[name] != found[name]
    ]


def _quote(wanted: bytes, found: bytes) -> str:
    """Where two contents part."""
    at = next((at for at, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]), 0)
    return " for ".join(repr(text[max(0, at - 40) : at + 40]) for text in (found, wanted))


if __name__ == "__main__":
    main()
