"""Real receivers on loopback: a host of webhooks and a mail server, which keep what they were told."""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.watch.notify.settings import Notification


def read_channel(values: Mapping[str, Any]) -> Any:  # noqa: ANN401 (a channel of any kind)
    """A channel as a file of areas says it."""
    return TypeAdapter(Notification).validate_python(values)


@dataclass(slots=True)
class Hook:
    """A host of webhooks.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        answers: Status of the next answers; ``cut`` hangs up; without any left, 204.
        got: Path, headers and body of each request.
    """

    port: int = 0
    answers: list[int | str] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def run_hook() -> Iterator[Hook]:
    """Run a host of webhooks."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hook.got.append((self.path, dict(self.headers), body))
            status = hook.answers.pop(0) if hook.answers else 204
            self.close_connection = True
            if isinstance(status, int):
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{hook.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, _running(server):
        hook.port = server.server_port
        yield hook


@dataclass(slots=True)
class Mail:
    """A mail server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        answers: What the next letters meet in place of 250, after their text.
        refused: Addresses that it does not take.
        letters: Sender, receivers and text of each letter that it took.
        logins: User and password of each login.
        encrypted: Whether each letter came over an encrypted line.
    """

    port: int = 0
    answers: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    letters: list[tuple[str, list[str], str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


@contextmanager
def run_mail(*, certificate: Path | None = None, password: str | None = None) -> Iterator[Mail]:
    """Run a mail server.

    Args:
        certificate: File with key and certificate; with it, the server offers STARTTLS.
        password: The one that it takes; without it, it knows no logins.
    """
    mail = Mail()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.line, self.encrypted = self.request, False
            self.file = self.line.makefile("rb")
            self.say("220 here")
            sender, receivers = "", list[str]()
            while command := self.file.readline().decode().strip():
                verb = command.upper()
                if verb.startswith("EHLO"):
                    offers = ["STARTTLS"] if context and not self.encrypted else []
                    offers += ["AUTH PLAIN"] if password else []
                    for offer in ("here", *offers):
                        self.say(f"250-{offer}")
                    self.say("250 SIZE 1000000")
                elif verb == "STARTTLS" and context:
                    self.say("220 go")
                    self.line = context.wrap_socket(self.line, server_side=True)
                    self.file, self.encrypted = self.line.makefile("rb"), True
                elif verb.startswith("AUTH PLAIN"):
                    _, user, given = base64.b64decode(command.split()[2]).decode().split("\0")
                    mail.logins.append((user, given))
                    # Some servers tell what they were told: nobody else may.
                    self.say("235 welcome" if given == password else f"535 {user} may not come in with {given}")
                elif verb.startswith("MAIL FROM:"):
                    sender, receivers = command[10:].split()[0].strip("<>"), []
                    self.say("250 ok")
                elif verb.startswith("RCPT TO:"):
                    address = command[8:].strip().strip("<>")
                    if address in mail.refused:
                        self.say("550 nobody of that name")
                        continue
                    receivers.append(address)
                    self.say("250 ok")
                elif verb == "DATA":
                    self.take(sender, receivers)
                else:
                    self.say("221 bye" if verb == "QUIT" else "250 ok")
                    if verb == "QUIT":
                        break

        def take(self, sender: str, receivers: list[str]) -> None:
            self.say("354 go on")
            lines = []
            while (line := self.file.readline()) not in {b".\r\n", b""}:
                lines.append(line.decode())
            answer = mail.answers.pop(0) if mail.answers else "250 taken"
            if answer.startswith("250"):
                mail.letters.append((sender, receivers, "".join(lines)))
                mail.encrypted.append(self.encrypted)
            self.say(answer)

        def say(self, text: str) -> None:
            self.line.sendall(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A line that was cut is no news here."""

    with Server(("127.0.0.1", 0), Handler) as server, _running(server):
        mail.port = server.server_address[1]
        yield mail


def make_certificate(folder: Path) -> Path:
    """A key and a certificate of its own for localhost, in one file."""
    key, certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + certificate.read_text())
    return both


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
