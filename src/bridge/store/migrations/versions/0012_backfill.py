"""backfill: tickets that a person asked to be taken up, in the background"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_group", sa.Column("backfill", sa.Integer(), nullable=False, server_default="0"))
