"""Try stores that fsspec knows: one map, a batch, both again, a result in place of another, a large file in parts.

    python -m benchmarks.stores --out DIR --to az://coast/trial --to gs://coast/trial

The stores must be there, with what their libraries need in the environment (``AZURE_STORAGE_CONNECTION_STRING``;
``STORAGE_EMULATOR_HOST``): docs/stores.md has emulators for loopback. Simulated scenes are mapped into each store, and
into a folder to compare; the same commands again, from another machine (an empty scratch folder), must map nothing. A
line a store is printed with what was wrong and the seconds of each step, and appended to
``benchmarks/results/stores.jsonl``; the exit code says whether all held.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.batch_kills import ROOT, make_scenes
from benchmarks.coast_kills import compare, read_files, read_timeless
from pipeline.publish.publish import open_destination, publish_result
from pipeline.record.result import ITEM_NAME
from tests.pipeline.publish.test_publish import list_files, make_result, read_asset

RESULTS = Path(__file__).parent / "results" / "stores.jsonl"
PACKAGES = ("fsspec", "s3fs", "gcsfs", "adlfs")


def main() -> None:
    """Try each store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--to", action="append", required=True)
    parser.add_argument("--large-mb", type=int, default=120)
    parser.add_argument("--said", default="", help="what the store is, for the record")
    arguments = parser.parse_args()
    scenes = make_scenes(arguments.out / "scenes", 2)
    bad = False
    for url in arguments.to:
        trial = Trial(arguments.out, scenes, url)
        trial.map_and_batch()
        trial.replace()
        trial.publish_large(arguments.large_mb)
        record = {"store": url.partition(":")[0], "said": arguments.said, "packages": list_packages()}
        record |= {"seconds": trial.seconds, "large_mb": arguments.large_mb, "faults": trial.faults}
        print(json.dumps(record), flush=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")
        bad |= bool(trial.faults)
    sys.exit(bad)


class Trial:
    """One store."""

    def __init__(self, out: Path, scenes: Path, url: str) -> None:
        self._out, self._scenes, self._url = out, scenes, url.rstrip("/")
        self.faults: list[str] = []
        self.seconds: dict[str, float] = {}

    def map_and_batch(self) -> None:
        """Map into the store and into a folder: the bytes must be the same, and nothing is mapped twice."""
        scene = min(self._scenes.glob("*.SAFE"))
        for name, source in (("map", scene), ("batch", self._scenes)):
            folder, url = self._out / name, f"{self._url}/{name}"
            shutil.rmtree(folder, ignore_errors=True)
            self._run(f"{name} into a folder", name, source, "--out", folder)
            said = self._run(name, name, source, "--out", url)
            wanted = {path: data for path, data in read_files(folder).items() if path != "view.html"}
            held = {strip_version(path): data for path, data in list_files(url).items()}
            found = {path: read_timeless(path, data) for path, data in held.items() if path != "summary.json"}
            # Records name addresses, which are others in a store.
            self.faults += compare(
                {path: data for path, data in wanted.items() if not path.endswith((".json", ".parquet"))},
                {path: data for path, data in found.items() if not path.endswith((".json", ".parquet"))},
            )
            self.faults += [f"{name}: no {path}" for path in wanted if path.endswith(".json") and path not in held]
            again = self._run(f"{name} again", name, source, "--out", url)
            if "already mapped" not in again.lower() or "already mapped" in said.lower():
                self.faults.append(f"{name} was mapped twice: {again[-300:]}")

    def replace(self) -> None:
        """Another result stands in place of the first, which goes."""
        for text in ("old", "new"):
            publish_result(make_result(self._out / "work", "replaced", text=text), self._url)
        held = list_files(f"{self._url}/replaced")
        if len(held) != 4 or b"old" in b"".join(held.values()):
            self.faults.append(f"what was replaced is still there: {sorted(held)}")

    def publish_large(self, size_mb: int) -> None:
        """Bring up one large file, twice."""
        folder = make_result(self._out / "work", "large")
        large = os.urandom(size_mb * 1_000_000)
        (folder / "water.tif").write_bytes(large)
        item = json.loads((folder / ITEM_NAME).read_text())
        item["assets"]["water"]["file:size"] = len(large)
        (folder / ITEM_NAME).write_text(json.dumps(item))
        with self._timed("large"):
            published = publish_result(folder, self._url)
        with self._timed("large again"):
            again = publish_result(folder, self._url)
        if published.already_made or not again.already_made:
            self.faults.append("the large result did not go up once")
        if read_asset(self._url, "large") != large:
            self.faults.append("the large file is another")
        place = open_destination(self._url)
        names = {result.name for result in place.list_results() if result.whole}
        if not {"large", "replaced"} <= names or place.write_catalogue().count < 2:
            self.faults.append(f"whole results: {sorted(names)}")
        removed = [place.remove_result(name) for name in ("large", "replaced")]
        if not all(removed) or list_files(f"{self._url}/large"):
            self.faults.append("a result could not be removed")

    def _run(self, step: str, *words: object) -> str:
        scratch = self._out / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        environment = {**os.environ, "STRANDLINE_SCRATCH": str(scratch), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "workflows.cli", *map(str, words)]
        with self._timed(step):
            ran = subprocess.run(command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True)
        if ran.returncode:
            self.faults.append(f"{step}: exit code {ran.returncode}: {ran.stderr[-300:]}")
        return ran.stderr

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 1)


def strip_version(path: str) -> str:
    """The path of a file as it is in a folder: without the version that a store keeps it in."""
    return "/".join(part for part in path.split("/") if not (len(part) == 12 and set(part) <= set("0123456789abcdef")))


def list_packages() -> dict[str, str]:
    """What speaks to stores, by its version."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
