"""Kill -9 who brings a coast up to an object store while files are on their way, go on, and compare.

    python -m benchmarks.upload_kills --out /tmp/kills [--trials 20] [--seed 1] [--maps 6]

``coast_kills`` kills whole runs; here a process does nothing but bring up a coast that is made (stand-ins for maps and
a mosaic, some files of random bytes each), so that many kills hit the upload itself. A trial is three kills, each some
milliseconds after moto's server saw a PUT that was drawn, and then the same to its end. At each kill all results that
are to be seen must be whole, at the end all objects must be those of an undisturbed upload. Results are appended to
``benchmarks/results/coast_kills.jsonl``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.batch_kills import ENVIRONMENT, ROOT
from benchmarks.coast_kills import KILLS, RESULTS, URL, StorePlace, compare, open_place
from pipeline.checksums import format_multihash
from pipeline.coast.outlet import upload_coast, upload_maps, upload_plan
from pipeline.publish.outlet import open_outlet
from pipeline.record.result import ITEM_NAME
from tests.pipeline.publish.test_publish import make_result

SIZE = 300_000


def main() -> None:
    """Bring the coast up undisturbed, then disturbed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--maps", type=int, default=6)
    arguments = parser.parse_args()
    draw, bad, hits = random.Random(arguments.seed), 0, 0  # noqa: S311 (moments, not secrets)
    coast = make_coast(arguments.out / "made", arguments.maps, draw)
    with open_place(arguments.out, store=True) as place:
        assert isinstance(place, StorePlace)  # noqa: S101 (asked for)
        place.clear()
        if start(coast).wait() != 0:
            raise SystemExit("the undisturbed upload failed")
        wanted, steps = place.read(), place.count_steps()
        print(f"undisturbed: {len(wanted)} objects, {steps} PUTs", flush=True)
        for number in range(arguments.trials):
            kills, faults = disturb(coast, place, draw, steps)
            faults += compare(wanted, place.read())
            hits, bad = hits + sum(bool(kill["hit"]) for kill in kills), bad + bool(faults)
            record = {"into": "store, upload alone", "seed": arguments.seed, "kills": kills, "faults": faults}
            print(f"{number + 1:2d}: {json.dumps(record)}", flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")
    print(f"{bad} of {arguments.trials} trials left something wrong; {hits} kills hit")
    sys.exit(bool(bad))


def make_coast(out: Path, maps: int, draw: random.Random) -> Path:
    """A coast as a run leaves it, with files that take a moment to go up."""
    for folder, name in (*((out / "maps", f"map {number}") for number in range(maps)), (out, "2025")):
        result = make_result(folder, name, text=name)
        item = json.loads((result / ITEM_NAME).read_text())
        for asset in (item["assets"][key] for key in ("water", "coastline")):
            content = draw.randbytes(SIZE)
            (result / asset["href"]).write_bytes(content)
            asset |= {"file:size": SIZE, "file:checksum": format_multihash(hashlib.sha256(content).hexdigest())}
            asset["href"] = f"./{asset['href']}"
        (result / ITEM_NAME).write_text(json.dumps(item))
    for name in ("coast.json", "plan.json", "view.html", "maps/batch.json", "maps/view.html"):
        (out / name).write_text(json.dumps({"name": name}))
    return out


def disturb(
    coast: Path, place: StorePlace, draw: random.Random, steps: int
) -> tuple[list[dict[str, object]], list[str]]:
    """Kill the upload three times, then let it end."""
    place.clear()
    kills, faults = list[dict[str, object]](), list[str]()
    for _ in range(KILLS):
        process, look = start(coast), place.watch()
        left, delay_s = draw.randrange(steps // KILLS), draw.uniform(0, 0.05)
        moment = f"PUT {left + 1}, {1000 * delay_s:.0f} ms"
        while process.poll() is None and left >= 0:
            if look() is None:
                time.sleep(0.001)
            else:
                left -= 1
        time.sleep(delay_s)
        kills.append({"actor": "uploader", "moment": moment, "hit": process.poll() is None})
        process.kill()
        process.wait()
        faults += place.find_halves()
    code = start(coast).wait()
    return kills, faults + ([] if code == 0 else [f"exit code {code}"])


def start(coast: Path) -> subprocess.Popen[bytes]:
    """A process that brings the coast up."""
    words = [sys.executable, "-m", "benchmarks.upload_kills", "--child", str(coast)]
    return subprocess.Popen(words, env={**ENVIRONMENT, **os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)


def upload(coast: Path) -> None:
    """Bring a coast up, as ``run_coast`` does."""
    place = open_outlet(URL, scratch=coast)
    upload_plan(place)
    upload_maps(place)
    upload_coast(place)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        upload(Path(sys.argv[2]))
    else:
        main()
