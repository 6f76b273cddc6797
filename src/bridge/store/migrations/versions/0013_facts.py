"""facts: what happened to tickets, kept for clocks"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket", sa.Column("past_at", sa.BigInteger()))
    op.create_table(
        "fact",
        sa.Column("site", sa.String(128), primary_key=True),
        sa.Column("event", sa.String(255), primary_key=True),
        sa.Column("ticket", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("field", sa.String(255), nullable=False),
        sa.Column("old", sa.Text()),
        sa.Column("new", sa.Text()),
        sa.Column("member", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("offset_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("fact_ticket", "fact", ["site", "ticket"])
