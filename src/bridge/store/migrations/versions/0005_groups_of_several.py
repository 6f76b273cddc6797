"""groups of several: links that share an issue, and what a member's value was before bridge wrote over it"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_group", sa.Column("joined", sa.String(length=512), nullable=False, server_default=""))
    op.add_column("work_group", sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("work_group_joined", "work_group", ["joined"])
    op.add_column("base", sa.Column("own", sa.Text(), nullable=True))
