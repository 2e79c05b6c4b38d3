"""Tell by e-mail, through a server of the user's.

Source: RFC 5321 and 5322; RFC 3834 for ``Auto-Submitted``.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import localtime

from pipeline.errors import AreasError
from pipeline.watch.notify.delivery import DeliveryError, find_reason
from pipeline.watch.notify.settings import EmailChannel

__all__ = ["send_email", "try_email"]

_TIMEOUT_S = 20.0
_TRIES = 3
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def send_email(
    channel: EmailChannel,
    *,
    subject: str,
    text: str,
    id: str,  # noqa: A002
    pause_s: float,
) -> str | None:
    """Send an event.

    Args:
        channel: To whom, through which server.
        subject: A line.
        text: The letter.
        id: Becomes the ``Message-ID``: mail programs show one letter, however often it arrives.
        pause_s: Seconds before the second try.

    Returns:
        Which of several addresses were refused; ``None``: none.

    Raises:
        DeliveryError: The server did not take it for anybody.
        SecretError: A variable of the environment is not set.
    """
    letter = _write_letter(channel, subject=subject, text=text, id=id)
    for attempt in range(1, _TRIES + 1):
        try:
            refused = _send_letter(channel, letter)
            break
        except (smtplib.SMTPException, OSError) as error:
            # No traceback: what the server says may hold the password.
            if attempt == _TRIES or not _may_pass(error):
                raise DeliveryError(
                    f"{channel.name}: the mail was not taken ({_find_answer(error) or find_reason(error)})."
                ) from None
            time.sleep(pause_s * 2 ** (attempt - 1))
    return f"refused for {', '.join(sorted(refused))}" if refused else None


def try_email(channel: EmailChannel) -> None:
    """Ask the server whether it would take a letter, and send none.

    Args:
        channel: To whom, through which server.

    Raises:
        DeliveryError: It would not, or does not answer.
        SecretError: A variable of the environment is not set.
    """
    try:
        with _connect(channel) as server:
            server.ehlo_or_helo_if_needed()
            codes = [server.mail(channel.sender.reveal()), *(server.rcpt(address.reveal()) for address in channel.to)]
            server.rset()
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(
            f"{channel.name}: no letter would be taken ({_find_answer(error) or find_reason(error)})."
        ) from None
    for code, words in codes:
        if code >= 300:
            raise DeliveryError(f"{channel.name}: no letter would be taken ({code} {_decode(words)}).")


def _write_letter(channel: EmailChannel, *, subject: str, text: str, id: str) -> EmailMessage:  # noqa: A002
    sender = channel.sender.reveal()
    letter = EmailMessage()
    try:
        letter["From"], letter["To"] = sender, ", ".join(address.reveal() for address in channel.to)
    except ValueError as error:
        raise AreasError(f"{channel.name}: expected addresses of one line.") from error
    letter["Subject"] = f"[strandline] {subject}"
    letter["Date"] = localtime()
    letter["Message-ID"] = f"<{id}@{sender.rpartition('@')[2].strip('> ') or 'strandline'}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text)
    return letter


def _send_letter(channel: EmailChannel, letter: EmailMessage) -> dict[str, tuple[int, bytes]]:
    with _connect(channel) as server:
        return dict(server.send_message(letter))


@contextmanager
def _connect(channel: EmailChannel) -> Iterator[smtplib.SMTP]:
    """The server, once it knows who we are."""
    host, port = channel.host.reveal(), channel.port or _PORTS[channel.security]
    context = ssl.create_default_context()
    if channel.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    with server:
        if channel.security == "starttls":
            server.starttls(context=context)
        if channel.user is not None and channel.password is not None:
            server.login(channel.user.reveal(), channel.password.reveal())
        yield server


def _may_pass(error: Exception) -> bool:
    """Whether another try may do: the server is busy (4xx) or the line was cut, and nobody said no."""
    if isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError):
        return False
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in error.recipients.values())
    return not isinstance(error, smtplib.SMTPResponseException) or 400 <= error.smtp_code < 500


def _find_answer(error: Exception) -> str | None:
    """The words of a server that said no; ``None`` where none did."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{address}: {code} {_decode(text)}" for address, (code, text) in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decode(error.smtp_error)}"
    return None


def _decode(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text
