"""items remember what their copy says, so that edits on either side are seen"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("visibility", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("target_hash", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("foreign_hash", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="0", nullable=False))
