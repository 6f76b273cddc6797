"""The ledger's tables. `migrations/` brings a database here; a test holds the two equal.

Times are whole microseconds since 1970 (UTC) in a BIGINT, so that both databases compare and index them alike.
JSON is TEXT: the ledger never looks inside it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Index, Integer, MetaData, String, Table, Text, false
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds."""
        return None if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From microseconds."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """Plain JSON data, kept as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From text."""
        return None if value is None else json.loads(value)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("read_at", Instant, nullable=False),
    Column("settled_through", Instant),
)

ticket = Table(
    "ticket",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("group_id", String(512), nullable=False),
    Column("key", String(255), nullable=False),
    Column("version_at", Instant, nullable=False),
    Column("version_tag", String(255), nullable=False),
    Column("read_at", Instant, nullable=False),
    Column("suspect_at", Instant),
    Column("written_at", Instant),
    Column("past_at", Instant),
    Column("snapshot", Json, nullable=False),
    Index("ticket_group", "group_id"),
)

fact = Table(
    "fact",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("event", String(255), primary_key=True),
    Column("ticket", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", Json, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("field", String(255), nullable=False),
    Column("old", Json),
    Column("new", Json),
    Column("member", Boolean, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("offset_us", BigInteger, nullable=False),
    Index("fact_ticket", "site", "ticket"),
)

clock = Table(
    "clock",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("route", String(128), nullable=False),
    Column("owner", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("target_s", BigInteger),
    Column("consumed_us", BigInteger, nullable=False),
    Column("anchor_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("breach_at", Instant),
    Column("breached_at", Instant),
    Column("wake_at", Instant),
    Column("terms", String(255), nullable=False),
    Column("terms_version", Integer, nullable=False),
    Column("calendar", String(128), nullable=False),
    Column("calendar_version", String(64), nullable=False),
    Column("tzdata", String(32), nullable=False),
    Index("clock_wake", "wake_at"),
    Index("clock_due", "ended_at", "due_at"),
)

firing = Table(
    "firing",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("label", String(64), primary_key=True),
    Column("severity", String(16), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("fired_at", Instant, nullable=False),
    Column("late_s", BigInteger, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("retracted_at", Instant),
    Column("acked_at", Instant),
    Column("acked_by", String(128)),
)

work_group = Table(
    "work_group",
    metadata,
    Column("id", String(512), primary_key=True),
    Column("route", String(128), nullable=False),
    Column("due_at", Instant),
    Column("wanted", Integer, nullable=False, default=0),
    Column("holder", String(128)),
    Column("held_until", Instant),
    Column("fence", Integer, nullable=False, default=0),
    Column("suspended", String(255), nullable=False, default=""),
    Column("joined", String(512), nullable=False, default="", server_default=""),
    Column("generation", Integer, nullable=False, default=0, server_default="0"),
    Column("backfill", Integer, nullable=False, default=0, server_default="0"),
    Column("tidy", Boolean, nullable=False, default=False, server_default=false()),
    Index("work_group_due", "due_at"),
    Index("work_group_route", "route", "due_at"),
    Index("work_group_joined", "joined"),
)

link = Table(
    "link",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("route", String(128), nullable=False),
    Column("helpdesk_site", String(128), nullable=False),
    Column("helpdesk_id", String(255), nullable=False),
    Column("tracker_site", String(128), nullable=False),
    Column("tracker_id", String(255), nullable=False),
    Column("tracker_key", String(255), nullable=False),
    Column("created", String(16), nullable=False),
    Column("generation", Integer, nullable=False, default=0),
    Column("linked_at", Instant, nullable=False),
    Column("prefer", String(16), nullable=False, default="", server_default=""),
    Column("past_until", Instant),
    Index("link_helpdesk", "helpdesk_site", "helpdesk_id", unique=True),
    Index("link_tracker", "tracker_site", "tracker_id"),
)

base = Table(
    "base",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("side", String(16), primary_key=True),
    Column("field", String(128), primary_key=True),
    Column("native", Json, nullable=False),
    Column("own", Json),
    Column("settled_at", Instant, nullable=False),
)

item = Table(
    "item",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("side", String(16), primary_key=True),
    Column("source_id", String(255), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("fate", String(16), nullable=False),
    Column("source_hash", String(64), nullable=False),
    Column("operation_key", String(64)),
    Column("target_id", String(255)),
    Column("reason", Text, nullable=False, default=""),
    Column("decided_at", Instant, nullable=False),
    Column("visibility", String(16), nullable=False, default="", server_default=""),
    Column("target_hash", String(64), nullable=False, default="", server_default=""),
    Column("foreign_hash", String(64), nullable=False, default="", server_default=""),
    Column("version", Integer, nullable=False, default=0, server_default="0"),
)

operation = Table(
    "operation",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("group_id", String(512), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("side", String(16), nullable=False),
    Column("field", String(128), nullable=False, default=""),
    Column("item", String(255), nullable=False, default=""),
    Column("marker", Json),
    Column("payload", Json, nullable=False),
    Column("sources", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("sequence", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant),
    Column("sent_at", Instant),
    Column("horizon_at", Instant),
    Column("error", Text, nullable=False, default=""),
    Column("remote_id", String(255), nullable=False, default=""),
    Column("planned_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("letter", Json),
    Column("edited", Boolean, nullable=False, default=False, server_default=false()),
    Index("operation_group", "group_id", "state"),
    Index("operation_state", "state"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("group_id", String(512), nullable=False),
    Column("site", String(128), nullable=False),
    Column("operations", Json, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("outcome", String(16), nullable=False, default="sent"),
    Column("error", Text, nullable=False, default=""),
    Index("attempt_group", "group_id"),
)

brake = Table(
    "brake",
    metadata,
    Column("route", String(128), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("group_id", String(512), primary_key=True),
    Column("field", String(128), primary_key=True),
    Column("why", Text, nullable=False, default=""),
    Column("set_at", Instant),
    Column("clear_until", Instant),
)

pulse = Table(
    "pulse",
    metadata,
    Column("route", String(128), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("subject", String(512), primary_key=True),
    Column("at", Instant, nullable=False),
)

embargo = Table(
    "embargo",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("route", String(128), nullable=False),
    Column("rule", Text, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("already_out", Json, nullable=False),
)

file = Table(
    "file",
    metadata,
    Column("ticket", String(384), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("group_id", String(512), nullable=False),
    Column("origin", String(384), nullable=False),
    Column("operation_key", String(64), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("copy", Json),
    Column("settled", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("refused", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("file_operation", "operation_key"),
)

conflict = Table(
    "conflict",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("field", String(128), primary_key=True),
    Column("helpdesk", Json),
    Column("tracker", Json),
    Column("seen_at", Instant, nullable=False),
)

unread = Table(
    "unread",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("why", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("again_at", Instant, nullable=False),
    Index("unread_again", "site", "again_at"),
)

notice = Table(
    "notice",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("id", String(191), primary_key=True),
    Column("body", Json),
    Column("stands", Boolean, nullable=False),
    Column("recorded", Boolean, nullable=False),
    Column("told", Boolean),
    Column("side", String(16)),
    Column("part", Integer, nullable=False),
    Column("comments", Json, nullable=False),
    Column("since_at", Instant, nullable=False),
)

signpost = Table(
    "signpost",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("place", String(40), primary_key=True),
    Column("site", String(128), nullable=False),
    Column("ticket", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("is_field", Boolean, nullable=False),
    Column("shown", Json),
    Column("at", Instant, nullable=False),
)

cleaning = Table(
    "cleaning",
    metadata,
    Column("group_id", String(512), primary_key=True),
    Column("link", Json, nullable=False),
    Column("remains", Json, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

notification = Table(
    "notification",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("group_id", String(512), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("label", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("person", String(128), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("batch", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("ended_at", Instant),
    Index("notification_due", "due_at"),
    Index("notification_group", "group_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("group_id", String(512), nullable=False, default=""),
    Column("what", String(64), nullable=False),
    Column("detail", Json, nullable=False),
    Column("by_person", Boolean, nullable=False, default=False),
    Index("audit_group", "group_id"),
)

chore = Table(
    "chore",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("place", Json),
    Column("begun_at", Instant),
    Column("ended_at", Instant),
    Column("result", Json, nullable=False),
    Column("problem", Text, nullable=False, default=""),
)
