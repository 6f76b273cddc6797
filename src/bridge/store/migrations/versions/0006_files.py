"""files: what became of each source file on each target ticket"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("ticket", sa.String(length=384), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("origin", sa.String(length=384), nullable=False),
        sa.Column("operation_key", sa.String(length=64), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("copy", sa.Text(), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticket", "source"),
    )
    op.create_index("file_operation", "file", ["operation_key"])
