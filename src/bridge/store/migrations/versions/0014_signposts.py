"""signposts: what stands on tickets so that people find the other one; a case that rests may be looked at for them"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signpost",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("ticket", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("is_field", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "place"),
    )
    op.add_column("work_group", sa.Column("tidy", sa.Boolean(), nullable=False, server_default=sa.false()))
