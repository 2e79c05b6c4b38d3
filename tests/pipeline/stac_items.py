"""STAC items as hosts give them, and a real STAC API on loopback that serves them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import shapely

BOX = (10.0, 54.0, 11.0, 55.0)


def make_item(
    name: str,
    *,
    when: str = "2024-06-10T10:20:30Z",
    box: tuple[float, float, float, float] = BOX,
    cloud: float | None = 5.0,
    tile: str = "32UPF",
    collection: str | None = "sentinel-2-l2a",
    assets: dict[str, Any] | None = None,
    **properties: object,
) -> dict[str, Any]:
    """An item with two bands; ``box`` is west, south, east, north."""
    stated = {"datetime": when, "platform": "sentinel-2a", "grid:code": f"MGRS-{tile}", **properties}
    if cloud is not None:
        stated["eo:cloud_cover"] = cloud
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "geometry": shapely.geometry.mapping(shapely.box(*box)),
        "bbox": list(box),
        "properties": stated,
        "links": [],
        "assets": assets
        if assets is not None
        else {key: {"href": f"https://files.test/{name}/{key}.tif"} for key in ("B03", "B08")},
    }
    return item | ({"collection": collection} if collection else {})


def make_many(count: int) -> list[dict[str, Any]]:
    """Items of one place, three hours apart, from the first of June 2024."""
    return [
        make_item(
            f"S2A_32UPF_{index:04d}",
            when=f"2024-{6 + index // 240:02d}-{1 + index % 240 // 8:02d}T{3 * (index % 8):02d}:00:00Z",
            cloud=float(index % 50),
        )
        for index in range(count)
    ]


def write_items(path: Path, items: Iterable[dict[str, Any]]) -> Path:
    """Write a collection of items."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return path


@contextmanager
def serve_items(path: Path) -> Iterator[str]:
    """Serve a collection of items with ``rustac serve``; gives the address of the API."""
    port = find_port()
    program = Path(sys.executable).with_name("rustac")
    command = [str(program), "serve", "--create-collections", "--addr", f"127.0.0.1:{port}", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def find_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], *, limit_s: float = 30) -> None:
    """Wait until a server listens."""
    deadline, pause = time.monotonic() + limit_s, threading.Event()
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.02)
    raise AssertionError(f"nothing listens on {port} after {limit_s} s")


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, as a bucket does."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
