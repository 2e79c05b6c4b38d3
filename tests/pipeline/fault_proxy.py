"""A proxy before a real server that fails on purpose: a busy host, a host that is down for a moment, a line cut."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(slots=True)
class Seen:
    """A request, and what was done with it.

    Attributes:
        method: GET or POST.
        path: With its query.
        fault: ``429``, ``503``, ``cut``, ``cut unsized`` or ``None``.
        at_s: When, by a clock that only goes forward.
        token: What stood in ``Authorization``.
    """

    method: str
    path: str
    fault: str | None
    at_s: float
    token: str | None


@dataclass(slots=True)
class FaultProxy:
    """Faults are used up one by one, by the requests whose path begins with ``path``.

    Attributes:
        url: Its address.
        faults: What the next requests meet; ``None`` is an honest answer.
        path: Requests that are met.
        seen: All requests.
    """

    url: str = ""
    faults: list[str | None] = field(default_factory=list)
    path: str = "/search"
    seen: list[Seen] = field(default_factory=list)

    @property
    def injected(self) -> list[str]:
        """Faults that were really met."""
        return [entry.fault for entry in self.seen if entry.fault is not None]


@contextmanager
def run_fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy before ``upstream``; its address stands in for the server's in all that passes."""
    proxy = FaultProxy()
    host = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            met = self.path.startswith(proxy.path) and bool(proxy.faults)
            fault = proxy.faults.pop(0) if met else None
            token = self.headers.get("Authorization")
            proxy.seen.append(Seen(self.command, self.path, fault, time.monotonic(), token))
            if fault in {"429", "503"}:
                self.send_response(int(fault))
                if fault == "429":
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            line = http.client.HTTPConnection(host)
            line.request(self.command, self.path, asked or None, {"Content-Type": "application/json"})
            got = line.getresponse()
            body = got.read().replace(upstream.encode(), proxy.url.encode())
            line.close()
            self.send_response(got.status)
            self.send_header("Content-Type", got.getheader("Content-Type") or "application/json")
            if fault != "cut unsized":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault else body)
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
