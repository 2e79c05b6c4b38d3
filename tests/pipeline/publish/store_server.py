"""An object store on loopback (moto's server speaks S3), behind a proxy that fails on purpose."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, SECRET = "AKIAQ7EXAMPLE1234567", "wJalrXUtnFEMIK7MDENGbPxRfiCYqq9EXAMPLEKEY"

_FAULTS = {
    "503": (503, "SlowDown", "Please reduce your request rate."),
    "expired": (400, "ExpiredToken", f"The provided token has expired. {SECRET}"),
    "denied": (403, "AccessDenied", "Access Denied"),
    "507": (507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."),
}


@dataclass(slots=True)
class StoreServer:
    """An object store, and what goes wrong with it.

    Attributes:
        url: Address of the proxy.
        fault: Says of a request, by method and path, what it meets: ``503``, ``expired``, ``denied``, ``507``, ``cut``
            (the line is cut while its body is sent), ``flip`` (a byte of its body arrives otherwise) or ``None``.
        seen: Requests: method, path, what they met.
        sent: Bytes that were answered with.
    """

    url: str = ""
    fault: Callable[[str, str], str | None] = lambda _method, _path: None
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    sent: int = 0

    def fail(self, fault: str, *, times: int = 1 << 30, method: str = "PUT", part: str = "") -> None:
        """Let the next requests fail that have this method and this in their path."""
        left = [times]

        def decide(asked: str, path: str) -> str | None:
            if asked != method or part not in path or left[0] == 0:
                return None
            left[0] -= 1
            return fault

        self.fault = decide

    def heal(self) -> None:
        """Let all that follows go well."""
        self.fault = lambda _method, _path: None
        self.seen.clear()


@contextmanager
def run_store_server() -> Iterator[StoreServer]:
    """Run a store with the bucket ``coast``, and the proxy before it."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host = "{}:{}".format(*moto.get_host_and_port())
    store = StoreServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(store, host))
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    line = http.client.HTTPConnection(host)
    line.request("PUT", "/coast")
    assert line.getresponse().status == 200
    line.close()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        moto.stop()


def _make_handler(store: StoreServer, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            fault = store.fault(self.command, self.path)
            store.seen.append((self.command, self.path, fault))
            size = int(self.headers.get("Content-Length") or 0)
            if fault == "cut":
                self.rfile.read(size // 2)
                self.close_connection = True
                return
            body = self.rfile.read(size)
            if fault in _FAULTS:
                code, name, message = _FAULTS[fault]
                text = f"<?xml version='1.0'?><Error><Code>{name}</Code><Message>{message}</Message></Error>"
                self.reply(code, [("Content-Type", "application/xml")], text.encode())
                return
            if fault == "flip":
                body = bytes([body[0] ^ 1]) + body[1:]
            # What proves the body right in transit is left out: what is tested is the look at what arrived.
            dropped = {"host", "x-amz-checksum-crc32", "content-md5"} if fault == "flip" else {"host"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            line = http.client.HTTPConnection(host)
            line.request(self.command, self.path, body or None, headers)
            got = line.getresponse()
            answer = got.read()
            line.close()
            self.reply(got.status, got.getheaders(), answer)

        def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in {"connection", "transfer-encoding", "server", "date"}:
                    self.send_header(name, value)
            if not any(name.lower() == "content-length" for name, _ in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            store.sent += len(body)
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 (names of the library)

    return Handler
