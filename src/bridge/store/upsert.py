"""Rows that several workers may bring at once: whoever comes first writes, and nobody's transaction fails over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, update
from sqlalchemy.dialects import postgresql, sqlite


def insert_if_absent(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key stands already; whether it was inserted.

    On PostgreSQL this waits for another transaction that is inserting the same key, so that the answer is final.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    # Without the option an INSERT on PostgreSQL tells no count.
    asked = insert(table).values(dict(values)).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(asked).rowcount == 1


def put_row(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set columns of the row with this key, inserting it if there is none."""
    if not _set(connection, table, key, values) and not insert_if_absent(connection, table, {**key, **values}):
        _set(connection, table, key, values)


def _set(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    where: list[ColumnElement[bool]] = [table.c[name] == value for name, value in key.items()]
    return connection.execute(update(table).where(and_(*where)).values(dict(values))).rowcount > 0
