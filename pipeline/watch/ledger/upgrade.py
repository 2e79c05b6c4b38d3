"""Bring the tables of a ledger to what this version of Strandline needs, and refuse a ledger that is newer.

The steps are Alembic's; its revisions are modules of ours (``pipeline.watch.ledger.revision_1`` …), so that they work
from an installed wheel without a folder of scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import sqlalchemy as sa

from pipeline.errors import MissingExtraError
from pipeline.watch.ledger import revision_1 as ledger_revision_1
from pipeline.watch.ledger.database import Database
from pipeline.watch.ledger.values import LedgerError

try:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import Script
    from alembic.script.revision import RevisionMap
except ImportError as error:  # pragma: no cover (without Alembic there is no ledger)
    raise MissingExtraError("The ledger needs Alembic: pip install 'strandline[schedule]'.") from error

__all__ = ["REVISIONS", "VERSION_TABLE", "upgrade_ledger"]

REVISIONS: tuple[ModuleType, ...] = (ledger_revision_1,)
"""Oldest first; each follows from the one before."""

VERSION_TABLE = "strandline_ledger_version"


def upgrade_ledger(database: Database, *, revisions: Sequence[ModuleType] = REVISIONS) -> None:
    """Run the revisions that a ledger lacks, all of them or none; of two that come together, one waits.

    Args:
        database: Where the ledger is, or is to be.
        revisions: All that there are, oldest first.

    Raises:
        LedgerError: The ledger was written by a newer version, or cannot be written.
    """
    head = revisions[-1].revision
    with database.read() as connection:
        found = _read_revision(connection)
    if found == head:
        return
    with database.write() as connection:
        # Asked again under the lock: another process may have come first.
        found = _read_revision(connection)
        if found not in {None, *(module.revision for module in revisions)}:
            raise LedgerError(
                f"The ledger {database.name} was written by a newer Strandline (its tables are of revision {found}, "
                f"this one knows them up to {head}): upgrade Strandline."
            )
        _run_revisions(connection, revisions)


def _read_revision(connection: sa.Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _run_revisions(connection: sa.Connection, revisions: Sequence[ModuleType]) -> None:
    known = RevisionMap(
        lambda: [Script(module, module.revision, str(getattr(module, "__file__", ""))) for module in revisions]
    )

    def list_steps(heads: tuple[str, ...], _: MigrationContext) -> list[Any]:
        missing = known.iterate_revisions("head", heads or "base")
        return [MigrationStep.upgrade_from_script(known, script) for script in reversed(list(missing))]  # type: ignore[arg-type]

    context = MigrationContext.configure(connection, opts={"fn": list_steps, "version_table": VERSION_TABLE})
    with Operations.context(context):
        context.run_migrations()
