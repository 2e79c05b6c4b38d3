"""How searching, status, comparing and following grow: each is to be a straight line.

    python -m benchmarks.growth --out /tmp/growth [--parts search,file,status,change,timeseries] [--runs 3]

``search``: an API on loopback that holds as many items, in pages of 250. ``file``: the same items in one file.
``status``: the folder of a batch with as many mapped scenes. ``change``: two maps of as many pixels a side, one shore
in every 2.5 km. ``timeseries``: as many dates of one shore of 5 km. Each is the command of a user, in a process of its
own; of several runs the one of the fewest core-seconds counts. Results are appended to
``benchmarks/results/growth.jsonl``, a line a size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from pipeline.batch.record import BatchRecord, Entry, append_entries, begin_journal, hold_batch
from tests.pipeline.mosaic.mapped_dates import Field, write_dates
from tests.pipeline.stac_items import BOX, make_item, write_items

Floats = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results" / "growth.jsonl"
PAGE = 250
FIRST_DAY = datetime(2017, 4, 1, tzinfo=UTC)
AREA = ["--aoi", ",".join(map(str, BOX)), "--dates", "2017/2027"]
SIZES = {
    "search": (1_000, 10_000, 100_000),
    "file": (1_000, 10_000, 100_000),
    "status": (100, 1_000, 10_000),
    "change": (1_000, 2_000, 4_000),
    "timeseries": (10, 40, 160),
}


def main() -> None:
    """Measure each part at each of its sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(SIZES))
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    for part in arguments.parts.split(","):
        for size in SIZES[part]:
            folder = arguments.out / f"{part}-{size}"
            runs = PARTS[part](folder, size, arguments.runs)
            best = min(runs, key=lambda run: run["core_s"])
            record = {"part": part, "size": size, **best, "load": round(os.getloadavg()[0], 1)}
            print(json.dumps(record), flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")


def run_command(*words: str) -> dict[str, float]:
    """A command of Strandline in a process of its own: seconds, core-seconds, peak memory as the kernel counted it."""
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "workflows.cli", *words], stdout=subprocess.DEVNULL)
    # What wait4 calls the highest is at least this process's own memory, which the child had until it began.
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max(peak, int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))
        time.sleep(0.02)
    _, status, usage = ended
    if status != 0:
        raise SystemExit(f"{' '.join(words)} failed with {os.waitstatus_to_exitcode(status)}")
    return {
        "wall_s": round(time.perf_counter() - began, 2),
        "core_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(peak / 1024),
    }


def make_items(count: int) -> list[dict[str, Any]]:
    """Items of real products' names, fifty minutes apart."""
    moments = [FIRST_DAY + timedelta(minutes=50 * number) for number in range(count)]
    return [
        make_item(
            f"S2A_MSIL2A_{moment:%Y%m%dT%H%M%S}_N0510_R{number % 143 + 1:03d}_T32UPF_{moment:%Y%m%dT%H%M%S}",
            when=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        )
        for number, moment in enumerate(moments)
    ]


def search_api(folder: Path, size: int, runs: int) -> list[dict[str, float]]:
    """Ask an API for all that it has."""
    folder.mkdir(parents=True, exist_ok=True)
    with serve(make_items(size)) as url:
        return [
            run_command("search", *AREA, "--stac", url, "--out", str(folder / f"plan-{run}.json"))
            for run in range(runs)
        ]


def search_file(folder: Path, size: int, runs: int) -> list[dict[str, float]]:
    """Read one file of items."""
    file = write_items(folder / "items.json", make_items(size))
    return [
        run_command("search", *AREA, "--stac", str(file), "--out", str(folder / f"plan-{run}.json"))
        for run in range(runs)
    ]


@contextmanager
def serve(items: list[dict[str, Any]]) -> Iterator[str]:
    """A STAC API of one collection, page by page; each page is written beforehand, so that little is its own time."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = urlsplit(self.path)
            self.answer(parse_qs(path.query).get("token", ["0"])[0] if path.path == "/search" else path.path)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
            self.answer(str(asked.get("token", "0")))

        def answer(self, key: str) -> None:
            body = pages.get(key.rstrip("/"))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/geo+json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    url = f"http://127.0.0.1:{server.server_port}"
    pages = {key: json.dumps(page).encode() for key, page in list_pages(url, items)}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url
    finally:
        server.shutdown()


def list_pages(url: str, items: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The root, the collection, and the pages of the one search that is asked."""
    core = [f"https://api.stacspec.org/v1.0.0/{name}" for name in ("core", "item-search", "collections")]
    links = [{"rel": "self", "href": url}, {"rel": "root", "href": url}, {"rel": "data", "href": f"{url}/collections"}]
    links += [
        {"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": method}
        for method in ("GET", "POST")
    ]
    root = {"type": "Catalog", "stac_version": "1.0.0", "id": "growth", "description": "growth", "links": links}
    yield "", {**root, "conformsTo": core}
    extent = {"spatial": {"bbox": [list(BOX)]}, "temporal": {"interval": [[None, None]]}}
    name = "sentinel-2-l2a"
    collection = {**root, "type": "Collection", "id": name, "license": "other", "extent": extent, "links": []}
    yield "/collections", {"collections": [collection], "links": []}
    yield f"/collections/{name}", collection
    for first in range(0, len(items), PAGE):
        following = first + PAGE
        body = {"token": str(following), "limit": PAGE}
        link = {"rel": "next", "href": f"{url}/search", "method": "POST", "body": body, "merge": True}
        yield (
            str(first),
            {
                "type": "FeatureCollection",
                "features": items[first:following],
                "links": [link] if following < len(items) else [],
            },
        )


def show_status(folder: Path, size: int, runs: int) -> list[dict[str, float]]:
    """The folder of a batch of as many scenes, one in ten of which failed."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        names = [f"scene-{number:05d}" for number in range(size)]
        entries = []
        for number, name in enumerate(names):
            if number % 10 == 0:
                entries.append(Entry(id=name, kind="failed", reason="its file is cut", tries=3))
            else:
                (folder / name).mkdir()
                (folder / name / "item.json").write_text("{}")
                entries.append(Entry(id=name, kind="mapped", tries=1, seconds=60.0))
        with hold_batch(folder):
            begin_journal(folder, BatchRecord(model="a model", model_sha256="0" * 64, parameters={}), names)
            append_entries(folder, entries)
    return [run_command("status", str(folder)) for _ in range(runs)]


def compare(folder: Path, size: int, runs: int) -> list[dict[str, float]]:
    """Two maps with a shore in every 2.5 km, 20 m apart."""
    maps = make_dates(folder / "maps", 2, size=size, step_m=20.0)
    dates = [str(path) for path in sorted(maps.iterdir())]
    return [run_command("change", *dates, "--out", str(folder / f"change-{run}"), "--no-view") for run in range(runs)]


def follow(folder: Path, size: int, runs: int) -> list[dict[str, float]]:
    """As many dates of two shores of 5 km that retreat."""
    maps = str(make_dates(folder / "maps", size, size=500, step_m=0.2))
    return [run_command("timeseries", maps, "--out", str(folder / f"series-{run}")) for run in range(runs)]


def make_dates(out: Path, dates: int, *, size: int, step_m: float) -> Path:
    """Mapped scenes of winding shores that run from west to east, and move from date to date; made once."""

    def shores(date: int) -> Field:
        def measure(x: Floats, y: Floats) -> Floats:
            phase = (y + step_m * date + 120 * np.sin(x / 900)) % 5000
            return 1250 - np.abs(phase - 2500)

        return measure

    return out if out.is_dir() else write_dates(out, [shores(date) for date in range(dates)], every_days=15, size=size)


PARTS: dict[str, Callable[[Path, int, int], list[dict[str, float]]]] = {
    "search": search_api,
    "file": search_file,
    "status": show_status,
    "change": compare,
    "timeseries": follow,
}

if __name__ == "__main__":
    main()
