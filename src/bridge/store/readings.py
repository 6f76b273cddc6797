"""What sites showed: the newest reading of each ticket, and how far each feed has been read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_, update

from bridge.model.codec import decode_snapshot, encode_snapshot
from bridge.model.ticket import Reading, Snapshot, TicketRef, Version
from bridge.store.schema import EPOCH, feed, ticket
from bridge.store.upsert import insert_if_absent, put_row

OUTDATED = EPOCH
"""The `read_at` of a reading that has to be made again before anything rests on it."""
CHUNK = 400
"""Refs a query: below every database's limit on bound values."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ticket without opening its snapshot."""

    group: str
    version: Version
    read_at: datetime


class Readings:
    """Readings and cursors, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def known(self, refs: Iterable[TicketRef]) -> dict[TicketRef, Known]:
        """What is known of these tickets; unknown ones are left out."""
        wanted = list(refs)
        found: dict[TicketRef, Known] = {}
        table = ticket
        for start in range(0, len(wanted), CHUNK):
            names = [(ref.site, ref.id) for ref in wanted[start : start + CHUNK]]
            rows = self._connection.execute(
                select(
                    table.c.site, table.c.id, table.c.group_id, table.c.version_at, table.c.version_tag, table.c.read_at
                ).where(tuple_(table.c.site, table.c.id).in_(names))
            )
            for row in rows:
                version = Version(row.version_at, row.version_tag)
                found[TicketRef(row.site, row.id)] = Known(row.group_id, version, row.read_at)
        return found

    def get(self, ref: TicketRef) -> Snapshot | None:
        """The newest reading of a ticket."""
        value = self._connection.execute(
            select(ticket.c.snapshot).where(ticket.c.site == ref.site, ticket.c.id == ref.id)
        ).scalar_one_or_none()
        return None if value is None else decode_snapshot(ref, value)

    def put(self, snapshot: Snapshot, group: str, *, asked_at: datetime | None = None) -> bool:
        """Keep a reading that was asked for at `asked_at`. False if a newer one is known already, which then stands.

        One asked for before our own last write to the ticket was confirmed may show it without that write: it is not
        kept either, but the ticket is marked as to be read again, since it may hold other news.
        """
        ref = snapshot.ref
        if asked_at is not None and self._is_overtaken(ref, asked_at):
            self._outdate(ref)
            return True
        known = self.known([ref]).get(ref)
        values = {
            "group_id": group,
            "key": snapshot.key,
            "version_at": snapshot.version.at,
            "version_tag": snapshot.version.tag,
            "read_at": snapshot.read_at,
            "suspect_at": None,
            "snapshot": encode_snapshot(snapshot),
        }
        if known is None:
            if insert_if_absent(self._connection, ticket, {"site": ref.site, "id": ref.id, **values}):
                return True
            known = self.known([ref])[ref]
        if snapshot.version.at < known.version.at:
            return False
        if snapshot.thread is None:
            earlier = self.get(ref)
            if earlier is not None and earlier.thread is not None:
                merged_into = snapshot.merged_into or earlier.merged_into
                of = earlier.duplicate_of if snapshot.duplicate_of is None else snapshot.duplicate_of
                kept = replace(snapshot, thread=earlier.thread, merged_into=merged_into, duplicate_of=of)
                values["snapshot"] = encode_snapshot(kept)
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        self._connection.execute(update(ticket).where(*where).values(values))
        return True

    def _is_overtaken(self, ref: TicketRef, asked_at: datetime) -> bool:
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        written_at: datetime | None = self._connection.execute(
            select(ticket.c.written_at).where(*where)
        ).scalar_one_or_none()
        return written_at is not None and asked_at < written_at

    def _outdate(self, ref: TicketRef) -> None:
        known = self.get(ref)
        if known is not None:
            self._connection.execute(
                update(ticket)
                .where(ticket.c.site == ref.site, ticket.c.id == ref.id)
                .values(snapshot=encode_snapshot(replace(known, read_at=OUTDATED)))
            )

    def patch(self, ref: TicketRef, fields: Mapping[str, Reading], version: Version | None) -> None:
        """Lay our own confirmed write over the newest reading, so that its echo is recognised as nothing new."""
        earlier = self.get(ref)
        if earlier is None:
            return
        newest = earlier.version if version is None or version.at < earlier.version.at else version
        changed = replace(earlier, fields={**earlier.fields, **fields}, version=newest)
        self._connection.execute(
            update(ticket)
            .where(ticket.c.site == ref.site, ticket.c.id == ref.id)
            .values(
                version_at=newest.at,
                version_tag=newest.tag,
                written_at=self._now,
                snapshot=encode_snapshot(changed),
            )
        )

    def suspect(self, ref: TicketRef) -> datetime:
        """Note that a ticket did not come back when asked for; when that was first seen."""
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        since: datetime | None = self._connection.execute(
            select(ticket.c.suspect_at).where(*where)
        ).scalar_one_or_none()
        if since is None:
            self._connection.execute(update(ticket).where(*where).values(suspect_at=self._now))
        return since or self._now

    def of_group(self, group: str) -> list[TicketRef]:
        """The tickets that were last read for a group, those it left included."""
        rows = self._connection.execute(
            select(ticket.c.site, ticket.c.id).where(ticket.c.group_id == group).order_by(ticket.c.site, ticket.c.id)
        )
        return [TicketRef(row.site, row.id) for row in rows]

    def assign(self, ref: TicketRef, group: str) -> None:
        """Let a ticket's readings belong to another group from now on."""
        where = (ticket.c.site == ref.site, ticket.c.id == ref.id)
        self._connection.execute(update(ticket).where(*where).values(group_id=group))

    def forget(self, ref: TicketRef) -> None:
        """Drop a ticket's reading."""
        self._connection.execute(delete(ticket).where(ticket.c.site == ref.site, ticket.c.id == ref.id))

    def cursor(self, site: str, name: str) -> str | None:
        """The place reached in a feed, None before the first page."""
        return self._connection.execute(
            select(feed.c.cursor).where(feed.c.site == site, feed.c.name == name)
        ).scalar_one_or_none()

    def set_cursor(self, site: str, name: str, cursor: str, *, settled_through: datetime | None) -> None:
        """Keep the place reached, in the same transaction as the page it ends."""
        values = {"cursor": cursor, "read_at": self._now}
        if settled_through is not None:
            values["settled_through"] = settled_through
        put_row(self._connection, feed, {"site": site, "name": name}, values)

    def feeds(self) -> list[tuple[str, str, datetime]]:
        """Every feed ever read: site, name, when last."""
        rows = self._connection.execute(select(feed.c.site, feed.c.name, feed.c.read_at).order_by(feed.c.site))
        return [(row.site, row.name, row.read_at) for row in rows]

    def keys(self, site: str) -> list[str]:
        """The keys of all known tickets of a site."""
        return list(self._connection.execute(select(ticket.c.key).where(ticket.c.site == site)).scalars())
