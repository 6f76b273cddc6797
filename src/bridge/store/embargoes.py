"""Linked cases that a deny rule holds, and what had left before it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from bridge.store.schema import embargo
from bridge.store.upsert import insert_if_absent


@dataclass(frozen=True, slots=True)
class Embargo:
    """A linked case that is frozen in both directions. `already_out` names what had reached the other side by then."""

    group: str
    route: str
    rule: str
    since_at: datetime
    already_out: tuple[Mapping[str, Any], ...]


class Embargoes:
    """Embargoes, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def get(self, group: str) -> Embargo | None:
        """The embargo a case is under, as far as the ledger was told."""
        row = self._connection.execute(select(embargo).where(embargo.c.group_id == group)).one_or_none()
        return None if row is None else _embargo(row)

    def begin(self, group: str, route: str, rule: str, already_out: list[dict[str, Any]]) -> bool:
        """Write down that a case is frozen from now on. False if it was already."""
        row = {
            "group_id": group,
            "route": route,
            "rule": rule,
            "since_at": self._now,
            "already_out": already_out,
        }
        return insert_if_absent(self._connection, embargo, row)

    def end(self, group: str) -> bool:
        """It was lifted. False if there was none."""
        return self._connection.execute(delete(embargo).where(embargo.c.group_id == group)).rowcount > 0

    def all(self) -> list[Embargo]:
        """Every embargo, oldest first."""
        return [_embargo(row) for row in self._connection.execute(select(embargo).order_by(embargo.c.since_at))]


def _embargo(row: Any) -> Embargo:
    return Embargo(row.group_id, row.route, row.rule, row.since_at, tuple(row.already_out))
