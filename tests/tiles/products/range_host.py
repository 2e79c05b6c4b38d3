"""A host that serves files by range requests, as buckets do, and fails on purpose."""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

Fault = Literal["429", "503", "403", "404", "cut", "short", "shifted", "whole", "trickle", "zeros", "page", "portal"]
"""``cut``: the line is cut in the middle of a body; ``short``: an answer of half the bytes, which says that it is
whole; ``shifted``: bytes of another place; ``zeros``, ``page``: zeros, or a web page, as long as what was asked, under
right headers; ``portal``: a web page in place of the file; ``whole``: the whole file, whatever was asked;
``trickle``: a byte a while."""

_TRICKLE_S = 0.2
_HOSTS = itertools.count()
_PAGE = b"<!DOCTYPE html><html><body>Sign in to this network</body></html>\n"


@dataclass(slots=True)
class RangeHost:
    """Faults are met by requests for bytes of a file whose path contains ``path``.

    Attributes:
        url: Its address.
        faults: What the next requests meet, each used up once; ``None`` is an honest answer.
        always: What all requests meet, once ``faults`` are used up.
        path: Requests that are met.
        skip: Honest answers before the first fault.
        seen: How many requests there were, a path.
        met: Faults that were really met.
    """

    url: str = ""
    faults: list[Fault | None] = field(default_factory=list)
    always: Fault | None = None
    path: str = ""
    skip: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def choose(self, path: str) -> Fault | None:
        """What a request meets."""
        self.seen[path] += 1
        if self.path not in path:
            return None
        if self.skip:
            self.skip -= 1
            return None
        fault = self.faults.pop(0) if self.faults else self.always
        self.met.update([fault] if fault else [])
        return fault


@contextmanager
def serve_ranges(folder: Path) -> Iterator[RangeHost]:
    """Serve the files of a folder."""
    host, lock, ended = RangeHost(), threading.Lock(), threading.Event()
    # GDAL remembers what it read of an address, and a port may be had again.
    folder_of_url = f"/{next(_HOSTS)}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(head=True)

        def do_GET(self) -> None:
            self.answer(head=False)

        def answer(self, *, head: bool) -> None:
            name = self.path.partition("?")[0].removeprefix(folder_of_url)
            with lock:
                fault = host.choose(name)
            path = folder / name.lstrip("/")
            if not path.is_file():
                fault = "404"
            if fault is not None and fault.isdecimal():
                self.refuse(int(fault))
                return
            data = path.read_bytes()
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if fault == "portal" and not head:
                self.send(200, _PAGE, size=len(_PAGE), fault=fault)
                return
            if asked is None or fault == "whole" or head:
                self.send(200, data, size=len(data), fault=fault, head=head)
                return
            first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
            part = data[first : last + 1]
            if fault == "shifted":
                part = (data * 2)[first + len(part) : first + 2 * len(part)]
            if fault == "zeros":
                part = bytes(len(part))
            if fault == "page":
                part = (_PAGE * (len(part) // len(_PAGE) + 1))[: len(part)]
            if fault == "short":
                part = part[: len(part) // 2]
            self.send(206, part, size=len(part), fault=fault, span=f"bytes {first}-{last}/{len(data)}")

        def refuse(self, status: int) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send(
            self, status: int, body: bytes, *, size: int, fault: str | None, span: str = "", head: bool = False
        ) -> None:
            self.send_response(status)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(size))
            if span:
                self.send_header("Content-Range", span)
            self.end_headers()
            if head:
                return
            if fault == "trickle":
                for index in range(len(body)):
                    self.wfile.write(body[index : index + 1])
                    if ended.wait(_TRICKLE_S):
                        return
                return
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
            self.close_connection = self.close_connection or fault == "cut"

        def handle(self) -> None:
            with suppress(ConnectionError):  # who reads gave up
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}{folder_of_url}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
