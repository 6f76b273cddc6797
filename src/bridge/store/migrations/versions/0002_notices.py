"""notices: what the vendor's own people are told about a group"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=191), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=True),
        sa.Column("side", sa.String(length=16), nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "topic", "id"),
    )
