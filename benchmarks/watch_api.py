"""A real STAC API on loopback to which items are added while it runs, and whose network can die.

``rustac serve`` answers the searches. It cannot take items while it runs, so a server with more items is started, and
a proxy with a fixed address turns to it once it answers. The proxy also serves the pixels, by ranges as a bucket does:
when the network dies, it dies for both.
"""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.pipeline.stac_items import find_port, wait_for, write_items

__all__ = ["Death", "StacApi"]

Death = Literal["refuse", "hang", "503", "cut"]
"""How a network dies: nothing listens, nothing answers, the host is busy, or bodies end half-way."""

_LONGEST_HANG_S = 300
_CHUNK = 1 << 16


class StacApi:
    """The API, its files, and their network.

    Attributes:
        port: Fixed, on 127.0.0.1.
        items: All that were added, by id.
        files_url: Another host of the files; ``None``: this one.
        met: Requests by what they met: ``search``, ``files``, or the death that was on.
    """

    def __init__(self, folder: Path, files: Path) -> None:
        """Start it without items.

        Args:
            folder: For the files of the servers.
            files: What is served under ``/files/``.
        """
        self._folder, self._files = folder, files.resolve()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._upstream: subprocess.Popen[bytes] | None = None
        self._retired: list[subprocess.Popen[bytes]] = []
        self._death: Death | None = None
        self._alive = threading.Event()
        self.upstream_port = 0
        self.port = find_port()
        self.items: dict[str, dict[str, Any]] = {}
        self.files_url: str | None = None
        self.met: Counter[str] = Counter()
        self.live()

    def __enter__(self) -> StacApi:
        """It runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        self._alive.set()
        self._close()
        for process in (*self._retired, *([self._upstream] if self._upstream else [])):
            process.kill()
            process.wait()

    @property
    def url(self) -> str:
        """Its address, the same for ever."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def death(self) -> Death | None:
        """How the network is dead now."""
        return self._death

    def name_file(self, path: Path) -> str:
        """The address of a file.

        Args:
            path: In the folder of files.
        """
        return f"{self.files_url or f'{self.url}/files'}/{path.resolve().relative_to(self._files).as_posix()}"

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        """Add items; searches see either none of them or all.

        Args:
            items: With the addresses of their files.
        """
        self.items |= {item["id"]: item for item in items}
        path = write_items(self._folder / f"items-{len(self.items)}.json", self.items.values())
        port = find_port()
        program = Path(sys.executable).with_name("rustac")
        command = [str(program), "serve", "--create-collections", "--addr", f"127.0.0.1:{port}", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(port, process)
        # The server before may still be answering: it goes when the next one after comes.
        for old in self._retired:
            old.kill()
            old.wait()
        self._retired = [self._upstream] if self._upstream else []
        self._upstream, self.upstream_port = process, port

    def die(self, how: Death) -> None:
        """Let the network die; what is under way ends as it can.

        Args:
            how: In which way.
        """
        self._alive.clear()
        self._death = how
        if how == "refuse":
            self._close()

    def live(self) -> None:
        """Let the network live."""
        self._death = None
        self._alive.set()
        if self._server is None:
            self._server = _Server(self)
            self._thread = threading.Thread(
                target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
            )
            self._thread.start()

    def find_file(self, name: str) -> Path | None:
        """A file that is served.

        Args:
            name: Its path from the folder of files.
        """
        path = (self._files / name).resolve()
        return path if path.is_relative_to(self._files) and path.is_file() else None

    def wait_alive(self) -> None:
        """Wait until the network lives again."""
        self._alive.wait(_LONGEST_HANG_S)

    def _close(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, api: StacApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", api.port), _Handler)

    def handle_error(self, *_: object) -> None:
        """A line that was cut is no news here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        """A search, a document or a file."""
        self._answer()

    def do_POST(self) -> None:
        """A search."""
        self._answer()

    def do_HEAD(self) -> None:
        """Whether there is a file, and how long it is."""
        self._answer()

    def _answer(self) -> None:
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        death = api.death
        api.met[death or ("files" if self.path.startswith("/files/") else "search")] += 1
        if death in {"hang", "refuse"}:
            # The line is closed once the network lives: whoever still waits learns that it was cut.
            api.wait_alive()
            return
        if death == "503":
            self.send_error(503)
        elif self.path.startswith("/files/"):
            self._send_file(cut=death == "cut")
        else:
            self._forward(body, cut=death == "cut")

    def _forward(self, body: bytes, *, cut: bool) -> None:
        api = self.server.api
        upstream = f"127.0.0.1:{api.upstream_port}"
        line = http.client.HTTPConnection(upstream, timeout=60)
        line.request(self.command, self.path, body or None, {"Content-Type": "application/json"})
        got = line.getresponse()
        text = got.read().replace(f"http://{upstream}".encode(), api.url.encode())
        line.close()
        self.send_response(got.status)
        self.send_header("Content-Type", got.getheader("Content-Type") or "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if cut else text)

    def _send_file(self, *, cut: bool) -> None:
        path = self.server.api.find_file(urlsplit(self.path).path.removeprefix("/files/"))
        if path is None:
            self.send_error(404)
            return
        size = path.stat().st_size
        first, last = _read_range(self.headers.get("Range"), size)
        whole = self.headers.get("Range") is None
        self.send_response(200 if whole else 206)
        self.send_header("Content-Type", "image/tiff")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if not whole:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        left = (last - first + 1) // (2 if cut else 1)
        with path.open("rb") as file:
            file.seek(first)
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                self.wfile.write(chunk)
                left -= len(chunk)


def _read_range(text: str | None, size: int) -> tuple[int, int]:
    """First and last byte that are asked for."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", text or "")
    if found is None:
        return 0, size - 1
    return int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
