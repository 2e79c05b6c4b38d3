"""The ledger as it began: a table of scenes, a table of rounds.

A revision is history: it is never changed once it was released, and imports nothing that may change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "strandline_scenes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("area", sa.Text, nullable=False),
        sa.Column("acquisition", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("acquired", sa.DateTime(timezone=True), nullable=False),
        sa.Column("baseline", sa.Text),
        sa.Column("generated", sa.DateTime(timezone=True)),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("skip", sa.Text),
        sa.Column("skipped_by", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("next_try", sa.DateTime(timezone=True)),
        sa.Column("holder", sa.Text),
        sa.Column("renewed_at", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("doubted_at", sa.DateTime(timezone=True)),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text),
        sa.Column("folder", sa.Text),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.Column("published_to", sa.Text),
        sa.Column("pruned_at", sa.DateTime(timezone=True)),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failure_id", sa.Text),
        sa.Column("told", sa.DateTime(timezone=True)),
        sa.Column("untold", sa.Text, nullable=False),
        sa.Column("pending", sa.Text),
        sa.Column("history", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.UniqueConstraint("area", "acquisition", name="strandline_scenes_once"),
    )
    op.create_index("strandline_scenes_by_state", "strandline_scenes", ["area", "state", "acquired"])
    op.create_index("strandline_scenes_by_holder", "strandline_scenes", ["holder"])
    op.create_table(
        "strandline_rounds",
        sa.Column("area", sa.Text, primary_key=True),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("last_success", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.Column("failures_in_a_row", sa.Integer, nullable=False),
        sa.Column("next_run", sa.DateTime(timezone=True)),
        sa.Column("untold", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables, and with them all that they hold."""
    op.drop_table("strandline_rounds")
    op.drop_table("strandline_scenes")
