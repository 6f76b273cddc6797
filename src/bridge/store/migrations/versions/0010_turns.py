"""routes are served in turn: each finds its longest waiting group at once"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("work_group", schema=None) as batch_op:
        batch_op.drop_index("work_group_route")
        batch_op.create_index("work_group_route", ["route", "due_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("work_group", schema=None) as batch_op:
        batch_op.drop_index("work_group_route")
        batch_op.create_index("work_group_route", ["route"], unique=False)
