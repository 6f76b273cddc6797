"""Files on their way to a ticket and those that stand there: one row a source file and target ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.model.operation import Uploaded
from bridge.model.ticket import TicketRef
from bridge.model.words import Visibility
from bridge.store.schema import file as table
from bridge.store.upsert import put_row


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of one source file on one ticket.

    `source` is its key (`model.files.source_key`), `origin` the ticket it comes from. `copy` is what stands there, or
    waits for a comment with its token. `settled`: it stands, and the comment of `operation` shows it to whoever may read
    `visibility`. `tries` counts what failed for good or seemed to; `refused` is why it is not carried over, for people.
    """

    ticket: TicketRef
    source: str
    group: str
    origin: TicketRef
    operation: str
    visibility: Visibility
    copy: Uploaded | None = None
    settled: bool = False
    tries: int = 0
    refused: str = ""
    at: datetime | None = None


class Files:
    """Copies of files, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def on(self, ticket: TicketRef) -> dict[str, Copy]:
        """Everything known of files for a ticket, by source."""
        rows = self._connection.execute(select(table).where(table.c.ticket == str(ticket)))
        return {row.source: _copy(row) for row in rows}

    def put(self, wanted: Copy) -> None:
        """Keep what has become of a file."""
        copy = wanted.copy
        values: dict[str, Any] = {
            "group_id": wanted.group,
            "origin": str(wanted.origin),
            "operation_key": wanted.operation,
            "visibility": wanted.visibility.value,
            "copy": None if copy is None else [copy.name, copy.size, copy.id, copy.url, copy.token, copy.sha256],
            "settled": wanted.settled,
            "tries": wanted.tries,
            "refused": wanted.refused,
            "at": self._now,
        }
        put_row(self._connection, table, {"ticket": str(wanted.ticket), "source": wanted.source}, values)

    def settle(self, operation: str) -> None:
        """The comment of an operation stands, and its files with it."""
        where = table.c.operation_key == operation
        self._connection.execute(update(table).where(where, table.c.refused == "").values(settled=True))


def _copy(row: Any) -> Copy:
    return Copy(
        ticket=TicketRef.parse(row.ticket),
        source=row.source,
        group=row.group_id,
        origin=TicketRef.parse(row.origin),
        operation=row.operation_key,
        visibility=Visibility(row.visibility),
        copy=None if row.copy is None else Uploaded(*row.copy),
        settled=bool(row.settled),
        tries=row.tries,
        refused=row.refused,
        at=row.at,
    )
