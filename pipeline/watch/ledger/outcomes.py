"""Write down what became of a scene; only who has it in hand may, by the very claim that gave it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.errors import OptionError
from pipeline.watch.ledger.failures import describe_failure, describe_recovery
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.rows import FREE, add_history, apply_pending, change_row
from pipeline.watch.ledger.tables import SCENES, make_row
from pipeline.watch.ledger.values import SKIP_KINDS, BackOff, LostClaimError, Row, SkipKind, State, one_line

__all__ = ["Outcomes"]


class Outcomes(LedgerPart):
    """The part of the ledger that hears what became of scenes."""

    def mark_mapped(
        self, row: Row, holder: Holder | str, *, fingerprint: str, folder: str | Path, recipe: str | None = None
    ) -> Row:
        """A map was made. The scene stays in hand, to be published.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            fingerprint: Of the map.
            folder: Where it is.
            recipe: Names the model and the choices of which it was made.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        place = str(folder)
        with self._database.write() as connection:
            now = self._clock()
            held = _read_held(connection, row, holder, outcome="mapped")
            if held["state"] == "mapped" and held["folder"] == place and held["fingerprint"] == fingerprint:
                return make_row(held)
            changes = {
                "state": "mapped",
                "before": None,
                "fingerprint": fingerprint,
                "folder": place,
                "recipe": recipe,
                "deaths": 0,
                "renewed_at": now,
                "lease_until": now + self._lease,
                "doubted_at": None,
                "pruned_at": None,
            }
            event = {"what": "mapped", "product": row.product, "folder": place, "recipe": recipe}
            return _write_outcome(connection, held, changes, event, now=now)

    def mark_published(self, row: Row, holder: Holder | str, *, to: str) -> Row:
        """A map was published. The scene is out of hand.

        Args:
            row: As it was claimed, or as ``mark_mapped`` gave it.
            holder: Who has it in hand.
            to: Where to, without secrets.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
            OptionError: It was not mapped.
        """
        with self._database.write() as connection:
            now = self._clock()
            held = _read_held(connection, row, holder, outcome="published")
            if held["holder"] is None:
                return make_row(held)
            if held["folder"] is None:
                raise OptionError(f"Expected a map of {row.product} before it is published, found none in the ledger.")
            changes = {
                **FREE,
                "state": "published",
                "published_at": now,
                "published_to": to,
                "deaths": 0,
                "next_try": None,
                "lane": "new",
                **describe_recovery(held, now=now),
            }
            event = {"what": "published", "product": row.product, "to": to}
            return _write_outcome(connection, held, changes, event, now=now)

    def mark_failed(
        self, row: Row, holder: Holder | str, *, error: str, may_pass: bool, back_off: BackOff | None = None
    ) -> Row:
        """Work on a scene failed. The scene is out of hand, and due again after a while, or never.

        A map that was made stays made.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            error: Why, without secrets.
            may_pass: Whether another try makes sense.
            back_off: When, and how often.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        with self._database.write() as connection:
            now = self._clock()
            held = _read_held(connection, row, holder, outcome="failed")
            if held["holder"] is None:
                return make_row(held)
            line, tries = one_line(error), held["tries"] + 1
            wait = (back_off or BackOff()).compute_wait(tries) if may_pass else None
            if held["pending"]:  # what failed is of no account: the newer product is next
                changes: dict[str, Any] = {}
            else:
                changes = describe_failure(held, line, next_try=None if wait is None else now + wait, now=now)
            event = {"what": "failed", "product": row.product, "error": line, "tries": tries, "final": wait is None}
            return _write_outcome(connection, held, {**FREE, **changes}, event, now=now)

    def mark_skipped(self, row: Row, holder: Holder | str, *, kind: SkipKind, reason: str) -> Row:
        """A look at a scene showed that it is not to be mapped, until a newer product comes.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            kind: Why.
            reason: The same for a person.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
            OptionError: There is no such reason.
        """
        if kind not in SKIP_KINDS:
            raise OptionError(f"Expected {', '.join(SKIP_KINDS)} as reason to skip, found {kind!r}.")
        line = one_line(reason)
        with self._database.write() as connection:
            now = self._clock()
            held = _read_held(connection, row, holder, outcome="skipped")
            if held["holder"] is None:
                return make_row(held)
            changes = {**FREE, "state": "skipped", "skip": kind, "skipped_by": "work", "reason": line, "next_try": None}
            return _write_outcome(connection, held, changes, {"what": "skipped", "skip": kind, "reason": line}, now=now)

    def retry(self, area: str, products: Collection[str] | None = None) -> int:
        """Make failed scenes due at once.

        Args:
            area: Name of the area.
            products: Which, those among them that a look had set aside as well; ``None``: all failed ones.

        Returns:
            How many.
        """
        columns = SCENES.c
        query = sa.select(SCENES).where(columns.area == area, columns.holder.is_(None))
        if products is None:
            query = query.where(columns.state == "failed")
        else:
            by_work = sa.and_(columns.state == "skipped", columns.skipped_by == "work")
            query = query.where(sa.or_(columns.state == "failed", by_work), columns.product.in_(list(products)))
        changes = {"skip": None, "skipped_by": None, "reason": "", "tries": 0, "deaths": 0, "next_try": None}
        count = 0
        with self._database.write() as connection:
            now = self._clock()
            for row in connection.execute(query).mappings().all():
                state = "seen" if row["folder"] is None else "mapped"
                count += change_row(connection, row, {**changes, "state": state}, now=now, event={"what": "retry"})
        return count

    def mark_pruned(self, rows: Collection[Row]) -> int:
        """The files of published scenes were removed for their age. The scenes stay published, and are not made again.

        Args:
            rows: As they were read.

        Returns:
            How many; those that have changed since are passed over.
        """
        count = 0
        with self._database.write() as connection:
            now = self._clock()
            for row in rows:
                current = connection.execute(sa.select(SCENES).where(SCENES.c.id == row.id)).mappings().one_or_none()
                if current is None or current["state"] != "published" or current["product"] != row.product:
                    continue
                if current["pruned_at"]:
                    continue
                event = {"what": "pruned", "product": row.product, "folder": current["folder"]}
                count += change_row(connection, current, {"folder": None, "pruned_at": now}, now=now, event=event)
        return count


def _read_held(connection: sa.Connection, row: Row, holder: Holder | str, *, outcome: State) -> RowMapping:
    """The row as it stands, if it is still in the hands that claimed it.

    Also where this very claim has written the same already, and only the answer was lost: then nobody holds it.
    """
    query = sa.select(SCENES).where(SCENES.c.id == row.id, SCENES.c.fence == row.fence)
    current = connection.execute(query).mappings().one_or_none()
    if current is not None and current["product"] == row.product:
        if current["holder"] == str(holder):
            return current
        if current["holder"] is None and current["state"] == outcome and row.holder == str(holder):
            return current
    raise LostClaimError(
        f"{row.product} of {row.area} is no longer in the hands of {holder}: another watcher has taken it over, "
        "and this result is dropped."
    )


def _write_outcome(
    connection: sa.Connection, held: RowMapping, changes: Mapping[str, Any], event: Mapping[str, Any], *, now: datetime
) -> Row:
    """Write what became of a scene; where a newer product has come meanwhile and the work is over, that is next."""
    # The row as it will be, which decides whether a newer product that waits is next.
    written = {**held, **changes, "history": add_history(held["history"], event, now=now), "changed": now}
    if written["holder"] is None:
        written |= apply_pending(written, now=now)
    new = {name: value for name, value in written.items() if value != held[name]}
    if not change_row(connection, held, new, now=now):
        raise LostClaimError(f"{held['product']} of {held['area']} was taken over just now: this result is dropped.")
    return make_row(connection.execute(sa.select(SCENES).where(SCENES.c.id == held["id"])).mappings().one())
