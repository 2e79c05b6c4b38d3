"""Hold on to scenes for as long as the work on them lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import LedgerError

__all__ = ["keep_renewed"]

_LOG = logging.getLogger(__name__)


@contextmanager
def keep_renewed(ledger: Ledger, holder: Holder | str) -> Iterator[None]:
    """Renew what a holder has in hand, three times a lease, while the block runs.

    A database that is away is asked again at the next time; whether the scenes were lost meanwhile is told where the
    result is written down.

    Args:
        ledger: Where the scenes stand.
        holder: Who has them in hand.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(ledger.lease_s / 3):
            try:
                ledger.renew(holder)
            except LedgerError as error:
                _LOG.warning("%s", error)

    thread = threading.Thread(target=renew, name="strandline-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
