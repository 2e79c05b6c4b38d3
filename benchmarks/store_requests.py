"""How often an object store is asked for one scene that is read, and for one result that goes up.

    python benchmarks/store_requests.py read    --out /tmp/store
    python benchmarks/store_requests.py publish --out /tmp/store --scenes FOLDER

``read`` makes a full tile of cloud-optimised GeoTIFFs (10980², blocks of 1024², overviews, noise that compresses as
reflectance does; 0.4 GB), serves it on loopback, and reads it as a map does, once as GDAL is by itself, and once as we
set it. ``publish`` maps the scenes of a folder into moto's server. Results are appended to
``benchmarks/results/store_requests.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from strandline import __version__
from tiles.bands import BANDS

RESULTS = Path(__file__).parent / "results" / "store_requests.jsonl"
TILE_PX = 10_980
BY_ITSELF = {"GDAL_MAX_RAW_BLOCK_CACHE_SIZE": "10485760", "CPL_VSIL_CURL_CACHE_SIZE": "16384000"}  # of GDAL


def main() -> None:
    """Count one side, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("read", "publish"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, help="folder of scenes to publish")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        read_scene(arguments.child, arguments.out)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    records = count_reading(arguments.out) if arguments.part == "read" else [count_publishing(arguments)]
    for record in records:
        line = json.dumps({"version": __version__, "part": arguments.part, **record})
        print(line)
        with RESULTS.open("a") as file:
            file.write(line + "\n")


def count_reading(out: Path) -> list[dict[str, Any]]:
    """Read the tile twice, each time in a process that knows nothing of it."""
    folder = make_tile(out / "tile")
    records = []
    for settings in (BY_ITSELF, {}):
        with serve(folder) as host:
            item = out / "item.json"
            item.write_text(json.dumps(make_item(host.url)))
            command = [sys.executable, __file__, "read", "--out", str(out), "--child", str(item)]
            _, status, usage = os.wait4(subprocess.Popen(command, env={**os.environ, **settings}).pid, 0)
        if status:
            raise SystemExit("the tile could not be read")
        asked = {"requests": sum(host.asked.values()), "bytes": host.sent, "by_file": dict(host.asked)}
        records.append({"settings": settings, **asked, "peak_rss_mib": usage.ru_maxrss >> 10})
    return records


def find_resolutions() -> dict[str, int]:
    """Metres of a pixel, by the name of the file: the bands of the default model, and the classification."""
    bands = {name: band.resolution_m for name, band in BANDS.items() if name != "B10"}
    return bands | {"SCL": 20}


def make_tile(folder: Path) -> Path:
    """The files of a tile; made once, one for each resolution and type, under as many names as needed."""
    folder.mkdir(exist_ok=True)
    for name, resolution in find_resolutions().items():
        first = folder / f"{'classes' if name == 'SCL' else 'pixels'}-{resolution}.tif"
        if not first.exists():
            write_file(first, resolution, has_classes=name == "SCL")
        if not (folder / f"{name}.tif").exists():
            (folder / f"{name}.tif").hardlink_to(first)
    return folder


def write_file(path: Path, resolution: int, *, has_classes: bool) -> None:
    """A file of Sentinel-2 as a host keeps it."""
    size, rng = TILE_PX * 10 // resolution, np.random.default_rng(resolution)
    pixels = np.full((size, size), 4, np.uint8)
    if not has_classes:
        pixels = (2_500 + 500 * rng.standard_normal((size, size), np.float32)).astype(np.uint16)
    profile = {"driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": pixels.dtype, "nodata": 0}
    grid = {"crs": "EPSG:32633", "transform": from_origin(300_000, 5_900_040, resolution, resolution)}
    with MemoryFile() as memory:
        with memory.open(**profile, **grid) as file:
            file.write(pixels, 1)
        with memory.open() as file:
            rasterio.shutil.copy(
                file, path, driver="COG", compress="DEFLATE", level=1, predictor="YES", blocksize=1024, num_threads=2
            )


def make_item(url: str) -> dict[str, Any]:
    """What a catalogue says of the tile."""
    properties = {"datetime": "2024-06-10T10:20:30Z", "platform": "sentinel-2a", "s2:processing_baseline": "05.11"}
    assets = {name: {"href": f"{url}/{name}.tif"} for name in find_resolutions()}
    stated = {"type": "Feature", "id": "S2A_33UUU_20240610_0_L2A", "geometry": None, "collection": "sentinel-2-l2a"}
    return stated | {"properties": properties, "assets": assets}


def read_scene(item: str, out: Path) -> None:
    """Read all that a map reads, and map nothing."""
    from pipeline.mapping.options import MapOptions
    from pipeline.mapping.plan_scene import plan_scene, prepare_prediction
    from tiles.pixels.reader import read_strips

    prediction = prepare_prediction(plan_scene(item, out / "maps", options=MapOptions(threads=2)))
    for _ in read_strips(prediction.plan, [row.read for row in prediction.tiling.rows()]):
        pass


@dataclass(slots=True)
class Host:
    """What a host was asked for.

    Attributes:
        url: Its address.
        asked: Requests, by path.
        sent: Bytes of answers.
    """

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    sent: int = 0


@contextmanager
def serve(folder: Path) -> Iterator[Host]:
    """Serve the files of a folder by ranges, as a bucket does."""
    host, lock = Host(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = folder / Path(self.path).name
            with lock:
                host.asked[path.name] += 1
            size = path.stat().st_size if path.exists() else 0
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            first, last = (int(asked[1]), min(int(asked[2] or size), size - 1)) if asked else (0, size - 1)
            self.send_response(404 if not size else 206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last - first + 1))
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.end_headers()
            if size and self.command == "GET":
                with path.open("rb") as file:
                    file.seek(first)
                    self.wfile.write(file.read(last - first + 1))
                with lock:
                    host.sent += last - first + 1

        do_HEAD = do_GET  # noqa: N815 (a name of the library)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def count_publishing(arguments: argparse.Namespace) -> dict[str, Any]:
    """Map scenes into a store: what each result costs, and what the batch does besides."""
    from pipeline.batch.run_batch import run_batch
    from pipeline.cluster.client import ClusterOptions
    from tests.pipeline.publish.store_server import KEY, SECRET, run_store_server

    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ["STRANDLINE_SCRATCH"] = str(arguments.out / "scratch")
    shutil.rmtree(arguments.out / "scratch", ignore_errors=True)
    with run_store_server() as store:
        os.environ["AWS_ENDPOINT_URL"] = store.url
        summary = run_batch(arguments.scenes, "s3://coast/maps", cluster=ClusterOptions(workers=1))
        first = Counter(describe(*request) for request in store.seen)
        store.seen.clear()
        run_batch(arguments.scenes, "s3://coast/maps", cluster=ClusterOptions(workers=1))
        again = Counter(describe(*request) for request in store.seen)
    scenes = summary.counts["mapped"]
    result = {name: sum(count for (method, what), count in first.items() if (name, "result") == (method, what)) / scenes
              for name in ("PUT", "HEAD", "GET", "POST", "DELETE")}  # fmt: skip
    besides = sum(count for (_, what), count in first.items() if what == "besides")
    return {"scenes": scenes, "requests": sum(result.values()), "by_method": result, "besides": besides,
            "again": sum(again.values()) / scenes}  # fmt: skip


def describe(method: str, path: str, _fault: str | None) -> tuple[str, str]:
    """A request by its method, and whether it is about the result of a scene."""
    return method, "result" if re.search(r"S2[ABC]_", path) else "besides"


if __name__ == "__main__":
    main()
