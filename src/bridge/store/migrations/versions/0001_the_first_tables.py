"""the first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("operations", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("attempt_group", ["group_id"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("by_person", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("audit_group", ["group_id"], unique=False)

    op.create_table(
        "base",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("native", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "side", "field"),
    )
    op.create_table(
        "conflict",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("helpdesk", sa.Text(), nullable=True),
        sa.Column("tracker", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "field"),
    )
    op.create_table(
        "feed",
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_through", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site", "name"),
    )
    op.create_table(
        "item",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("fate", sa.String(length=16), nullable=False),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.Column("operation_key", sa.String(length=64), nullable=True),
        sa.Column("target_id", sa.String(length=255), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "side", "source_id", "part"),
    )
    op.create_table(
        "link",
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("helpdesk_site", sa.String(length=128), nullable=False),
        sa.Column("helpdesk_id", sa.String(length=255), nullable=False),
        sa.Column("tracker_site", sa.String(length=128), nullable=False),
        sa.Column("tracker_id", sa.String(length=255), nullable=False),
        sa.Column("tracker_key", sa.String(length=255), nullable=False),
        sa.Column("created", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id"),
    )
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.create_index("link_helpdesk", ["helpdesk_site", "helpdesk_id"], unique=True)
        batch_op.create_index("link_tracker", ["tracker_site", "tracker_id"], unique=False)

    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "operation",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("item", sa.String(length=255), nullable=False),
        sa.Column("marker", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("horizon_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.create_index("operation_group", ["group_id", "state"], unique=False)
        batch_op.create_index("operation_state", ["state"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("group_id", sa.String(length=512), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version_at", sa.BigInteger(), nullable=False),
        sa.Column("version_tag", sa.String(length=255), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("suspect_at", sa.BigInteger(), nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "id"),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index("ticket_group", ["group_id"], unique=False)

    op.create_table(
        "work_group",
        sa.Column("id", sa.String(length=512), nullable=False),
        sa.Column("route", sa.String(length=128), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("suspended", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("work_group", schema=None) as batch_op:
        batch_op.create_index("work_group_due", ["due_at"], unique=False)
        batch_op.create_index("work_group_route", ["route"], unique=False)
