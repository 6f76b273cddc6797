"""links by hand: which side is believed at the first meeting, and what of the issue is past"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("prefer", sa.String(length=16), nullable=False, server_default=""))
    op.add_column("link", sa.Column("past_until", sa.BigInteger(), nullable=True))
