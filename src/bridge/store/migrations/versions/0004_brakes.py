"""brakes, and what is counted towards them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brake",
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=True),
        sa.Column("clear_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("route", "kind", "group_id", "field"),
    )
    op.create_table(
        "pulse",
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=512), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("route", "kind", "subject"),
    )
    op.create_table(
        "embargo",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("already_out", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id"),
    )
