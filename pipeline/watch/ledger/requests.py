"""What people ask of scenes that are known: map them again, or keep them out, for good or until that is taken back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.errors import BusyError
from pipeline.watch.ledger.holder import read_holder_life
from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.rows import FREE, change_row, fresh_start
from pipeline.watch.ledger.tables import SCENES, make_row
from pipeline.watch.ledger.values import Row, one_line

__all__ = ["Requests"]

_BY_HAND = "hand"


class Requests(LedgerPart):
    """The part of the ledger that hears what people want of scenes."""

    def remap(self, area: str, recipe: str, *, standing: Collection[str]) -> int:
        """Make scenes due again whose map was made with another model or other choices; what is published stands on.

        Args:
            area: Name of the area.
            recipe: Names the model and the choices of now.
            standing: Names of the maps that stand at the destination: what was removed for its age is not made again.

        Returns:
            How many.
        """
        columns = SCENES.c
        query = sa.select(SCENES).where(
            columns.area == area,
            columns.holder.is_(None),
            columns.state.in_(["mapped", "published"]),
            columns.recipe.is_distinct_from(recipe),
        )
        count = 0
        with self._database.write() as connection:
            now = self._clock()
            for row in connection.execute(query).mappings().all():
                if row["state"] == "published" and not set(make_row(row).maps) & set(standing):
                    continue
                event = {
                    "what": "remap",
                    "product": row["product"],
                    "state": row["state"],
                    "folder": row["folder"],
                    "fingerprint": row["fingerprint"],
                    "recipe": row["recipe"],
                    "published_to": row["published_to"],
                }
                count += change_row(connection, row, {**fresh_start(), "lane": "remap"}, now=now, event=event)
        return count

    def exclude(self, area: str, name: str, *, why: str) -> Row | None:
        """Keep a scene out: it is not mapped, and what is published of it is to be taken back.

        Args:
            area: Name of the area.
            name: Of the acquisition, or of any product of it.
            why: For a person.

        Returns:
            As it stands now; ``None`` where the area has no such scene.

        Raises:
            BusyError: It is being mapped right now.
            LedgerError: The database is away.
        """
        with self._database.write() as connection:
            row = self._find(connection, area, name)
            if row is None:
                return None
            if row["holder"] is not None and read_holder_life(row["holder"]) != "dead":
                raise BusyError(f"{row['product']} of {area} is being mapped right now: exclude it once that is done.")
            now, reason = self._clock(), one_line(why)
            skip = {"state": "skipped", "skip": "excluded", "skipped_by": _BY_HAND, "reason": reason, "next_try": None}
            before = None if row["skipped_by"] == _BY_HAND else {name: row[name] for name in _KEPT}
            changes = {**FREE, **skip, "fence": row["fence"] + 1, "pending": None}
            event = {"what": "excluded", "reason": reason, "before": before}
            change_row(connection, row, changes, now=now, event=event)
            return self._read(connection, row)

    def include(self, area: str, name: str) -> Row | None:
        """Take an exclusion back: the scene is to be mapped, or skipped for what it was skipped for before.

        Args:
            area: Name of the area.
            name: Of the acquisition, or of any product of it.

        Returns:
            As it stands now; ``None`` where the area has no such scene that is excluded.

        Raises:
            LedgerError: The database is away.
        """
        with self._database.write() as connection:
            row = self._find(connection, area, name)
            if row is None or row["skipped_by"] != _BY_HAND:
                return None
            changes = {**fresh_start(), "lane": "new"}
            kept = (event.get("before") for event in reversed(row["history"]) if event["what"] == "excluded")
            before: dict[str, Any] = next((one for one in kept if one is not None), {})
            if before.get("state") == "skipped":
                changes |= before
            change_row(connection, row, changes, now=self._clock(), event={"what": "included"})
            return self._read(connection, row)

    def list_to_withdraw(self, area: str) -> list[Row]:
        """Scenes that were excluded and of which something still stands, as far as is known.

        Args:
            area: Name of the area.
        """
        columns = SCENES.c
        query = sa.select(SCENES).where(
            columns.area == area,
            columns.skipped_by == _BY_HAND,
            sa.or_(columns.folder.is_not(None), columns.published_to.is_not(None)),
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(columns.acquired, columns.id)).mappings()
            return [make_row(row) for row in rows]

    def mark_withdrawn(self, row: Row) -> bool:
        """What was published of an excluded scene was taken back.

        Args:
            row: As it was read.

        Returns:
            Whether it was still excluded.
        """
        gone = {"folder": None, "fingerprint": None, "recipe": None, "published_to": None}
        query = sa.select(SCENES).where(SCENES.c.id == row.id, SCENES.c.skipped_by == _BY_HAND)
        with self._database.write() as connection:
            current = connection.execute(query).mappings().one_or_none()
            event = {"what": "withdrawn", "product": row.product, "from": row.published_to}
            return current is not None and change_row(connection, current, gone, now=self._clock(), event=event)

    @staticmethod
    def _find(connection: sa.Connection, area: str, name: str) -> RowMapping | None:
        """The row of an acquisition by any of its names; a duplicate's own row comes last."""
        rows = connection.execute(sa.select(SCENES).where(SCENES.c.area == area)).mappings().all()
        known = [row for row in rows if name in {row["acquisition"], row["product"]}]
        known += [row for row in rows if any(event.get("product") == name for event in row["history"])]
        return min(known, key=lambda row: row["skip"] == "duplicate", default=None)

    @staticmethod
    def _read(connection: sa.Connection, row: RowMapping) -> Row:
        return make_row(connection.execute(sa.select(SCENES).where(SCENES.c.id == row["id"])).mappings().one())


_KEPT = ("state", "skip", "skipped_by", "reason")
"""What an exclusion takes back to, where the scene was skipped before."""
