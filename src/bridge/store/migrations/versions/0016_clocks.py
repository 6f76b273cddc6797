"""clocks: the promises of contracts as last folded, and what was done when they ran"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("group_id", sa.String(512), primary_key=True),
        sa.Column("metric", sa.String(64), primary_key=True),
        sa.Column("cycle", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("route", sa.String(128), nullable=False),
        sa.Column("owner", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("target_s", sa.BigInteger()),
        sa.Column("consumed_us", sa.BigInteger(), nullable=False),
        sa.Column("anchor_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("breach_at", sa.BigInteger()),
        sa.Column("breached_at", sa.BigInteger()),
        sa.Column("wake_at", sa.BigInteger()),
        sa.Column("terms", sa.String(255), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("calendar", sa.String(128), nullable=False),
        sa.Column("calendar_version", sa.String(64), nullable=False),
        sa.Column("tzdata", sa.String(32), nullable=False),
    )
    op.create_index("clock_wake", "clock", ["wake_at"])
    op.create_index("clock_due", "clock", ["ended_at", "due_at"])
    op.create_table(
        "firing",
        sa.Column("group_id", sa.String(512), primary_key=True),
        sa.Column("metric", sa.String(64), primary_key=True),
        sa.Column("cycle", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("label", sa.String(64), primary_key=True),
        sa.Column("severity", sa.String(16), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=False),
        sa.Column("late_s", sa.BigInteger(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("retracted_at", sa.BigInteger()),
    )
