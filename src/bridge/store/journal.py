"""The journal: operations before they are sent, attempts while they are, and what became of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from bridge.model.codec import decode, decode_marker, encode, encode_marker
from bridge.model.operation import OPEN, Operation, OperationKind, OperationState
from bridge.model.words import Side
from bridge.store.schema import attempt, operation


class Journal:
    """Operations and attempts, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, planned: Operation) -> Operation:
        """Journal an operation. Planning the same key again returns the row that stands already."""
        existing = self.get(planned.key)
        if existing is not None:
            return existing
        self._connection.execute(
            operation.insert().values(
                key=planned.key,
                group_id=planned.group,
                kind=planned.kind.value,
                side=planned.side.value,
                field=planned.field_name,
                item=planned.item,
                marker=encode_marker(planned.marker),
                payload=encode(planned.payload),
                sources=encode(planned.sources),
                state=planned.state.value,
                reason=planned.reason,
                sequence=planned.order,
                attempts=planned.attempts,
                due_at=planned.due_at,
                planned_at=self._now,
            )
        )
        return replace(planned, planned_at=self._now)

    def get(self, key: str) -> Operation | None:
        """One operation."""
        row = self._connection.execute(select(operation).where(operation.c.key == key)).one_or_none()
        return None if row is None else _operation(row)

    def of_group(self, group: str) -> list[Operation]:
        """The operations of a group that are not over: open ones and dead letters, in the order they were planned; and
        a create that a person decided against."""
        states = [state.value for state in OPEN | {OperationState.DEAD}]
        unwanted = and_(
            operation.c.state == OperationState.DISCARDED.value, operation.c.kind == OperationKind.CREATE.value
        )
        rows = self._connection.execute(
            select(operation)
            .where(operation.c.group_id == group, or_(operation.c.state.in_(states), unwanted))
            .order_by(operation.c.planned_at, operation.c.sequence, operation.c.key)
        )
        return [_operation(row) for row in rows]

    def made(self, group: str) -> list[tuple[Side, str]]:
        """The tickets that were ever made for a group: the side and the id there."""
        rows = self._connection.execute(
            select(operation.c.side, operation.c.remote_id).where(
                operation.c.group_id == group,
                operation.c.kind == OperationKind.CREATE.value,
                operation.c.state == OperationState.CONFIRMED.value,
                operation.c.remote_id != "",
            )
        )
        return [(Side(row.side), str(row.remote_id)) for row in rows]

    def signs(self, group: str) -> dict[str, list[Operation]]:
        """Everything that was ever to be put or taken at each place of a group's signposts, in the order planned."""
        kinds = [OperationKind.SIGN.value, OperationKind.UNSIGN.value]
        rows = self._connection.execute(
            select(operation)
            .where(operation.c.group_id == group, operation.c.kind.in_(kinds))
            .order_by(operation.c.planned_at, operation.c.sequence)
        )
        found: dict[str, list[Operation]] = {}
        for row in rows:
            found.setdefault(row.item, []).append(_operation(row))
        return found

    def count_field(self, group: str, side: Side, field: str) -> int:
        """How many updates of this field were ever planned there: the next one's number."""
        return int(
            self._connection.execute(
                select(func.count())
                .select_from(operation)
                .where(
                    operation.c.group_id == group,
                    operation.c.side == side.value,
                    operation.c.field == field,
                    operation.c.kind == OperationKind.UPDATE.value,
                )
            ).scalar_one()
        )

    def sent_values(
        self, group: str, side: Side, field: str, *, since: datetime | None = None
    ) -> list[Mapping[str, Any]]:
        """The payloads of every update of this field that was ever sent there, or after `since`."""
        query = select(operation.c.payload).where(
            operation.c.group_id == group,
            operation.c.side == side.value,
            operation.c.field == field,
            operation.c.kind == OperationKind.UPDATE.value,
            operation.c.sent_at.is_not(None),
        )
        if since is not None:
            query = query.where(operation.c.sent_at > since)
        return [decode(payload) for payload in self._connection.execute(query).scalars()]

    def count_texts(self, group: str, side: Side, *, since: datetime) -> int:
        """How many different comments and updates were sent there after `since`; the parts of one count once, and
        notes to the vendor's own people not at all."""
        return int(
            self._connection.execute(
                select(func.count(operation.c.item.distinct())).where(
                    operation.c.group_id == group,
                    operation.c.side == side.value,
                    operation.c.kind == OperationKind.COMMENT.value,
                    operation.c.reason.not_like("note:%"),
                    operation.c.sent_at > since,
                )
            ).scalar_one()
        )

    def confirmed(self, group: str) -> list[tuple[Operation, datetime]]:
        """What of a group took effect at a site, and when that was known, oldest first."""
        rows = self._connection.execute(
            select(operation)
            .where(operation.c.group_id == group, operation.c.state == OperationState.CONFIRMED.value)
            .order_by(operation.c.settled_at, operation.c.sequence)
        )
        return [(_operation(row), row.settled_at) for row in rows]

    def has_made(self, group: str, side: Side) -> bool:
        """Whether a ticket was ever made for this group on one side, whatever became of it since."""
        made = select(operation.c.key).where(
            operation.c.group_id == group,
            operation.c.side == side.value,
            operation.c.kind == OperationKind.CREATE.value,
            operation.c.state == OperationState.CONFIRMED.value,
        )
        return self._connection.execute(made.limit(1)).first() is not None

    def change(self, keys: Iterable[str], **values: Any) -> None:
        """Set columns of operations: `state`, `due_at`, `error`, `attempts`, `horizon_at`, `remote_id`, …"""
        if isinstance(values.get("state"), OperationState):
            if values["state"] not in OPEN:
                values["settled_at"] = self._now
            values["state"] = values["state"].value
        wanted = list(keys)
        if wanted:
            self._connection.execute(update(operation).where(operation.c.key.in_(wanted)).values(**values))

    def settle(self, key: str, *, remote_id: str) -> None:
        """What an open operation was to make was found standing: it is confirmed."""
        where = (operation.c.key == key, operation.c.state.in_([state.value for state in OPEN]))
        values = {"state": OperationState.CONFIRMED.value, "remote_id": remote_id, "settled_at": self._now, "error": ""}
        self._connection.execute(update(operation).where(*where).values(values))

    def freeze(self, key: str, payload: Mapping[str, Any]) -> None:
        """Replace the payload of an operation that was never sent."""
        self._connection.execute(update(operation).where(operation.c.key == key).values(payload=encode(payload)))

    def start_attempt(self, group: str, site: str, keys: Iterable[str], *, fence: int, horizon_at: datetime) -> int:
        """Write down that a request carrying these operations is about to be sent; the attempt's number."""
        wanted = list(keys)
        self._connection.execute(
            update(operation)
            .where(operation.c.key.in_(wanted))
            .values(
                state=OperationState.SENDING.value,
                sent_at=self._now,
                horizon_at=horizon_at,
                attempts=operation.c.attempts + 1,
            )
        )
        done = self._connection.execute(
            attempt.insert().values(group_id=group, site=site, operations=wanted, fence=fence, sent_at=self._now)
        )
        key = done.inserted_primary_key
        assert key is not None
        return int(key[0])

    def end_attempt(self, number: int, outcome: str, error: str = "") -> None:
        """Write down what became of a request: `confirmed`, `refused`, `unknown`, `temporary`."""
        self._connection.execute(
            update(attempt).where(attempt.c.id == number).values(outcome=outcome, error=error, answered_at=self._now)
        )

    def bury(self, key: str, *, error: str, letter: Mapping[str, Any]) -> None:
        """Give an operation up, and keep what stood around it."""
        self.change([key], state=OperationState.DEAD, error=error, letter=encode(letter))

    def beginning_with(self, prefix: str, state: OperationState) -> list[Operation]:
        """The operations in this state whose key begins so."""
        rows = self._connection.execute(
            select(operation).where(
                operation.c.state == state.value, operation.c.key.startswith(prefix, autoescape=True)
            )
        )
        return [_operation(row) for row in rows]

    def in_state(self, *states: OperationState) -> list[Operation]:
        """Every operation in one of these states, oldest first."""
        rows = self._connection.execute(
            select(operation)
            .where(operation.c.state.in_([state.value for state in states]))
            .order_by(operation.c.planned_at, operation.c.sequence)
        )
        return [_operation(row) for row in rows]

    def count(self) -> dict[str, int]:
        """How many operations stand in each state."""
        rows = self._connection.execute(select(operation.c.state, func.count()).group_by(operation.c.state))
        return {state: int(number) for state, number in rows}

    def oldest_unconfirmed_at(self) -> datetime | None:
        """When the oldest operation that is not over was planned."""
        states = [state.value for state in OPEN]
        oldest_at: datetime | None = self._connection.execute(
            select(func.min(operation.c.planned_at)).where(operation.c.state.in_(states))
        ).scalar_one()
        return oldest_at


def _operation(row: Any) -> Operation:
    return Operation(
        key=row.key,
        group=row.group_id,
        kind=OperationKind(row.kind),
        side=Side(row.side),
        payload=MappingProxyType(decode(row.payload)),
        sources=MappingProxyType(decode(row.sources)),
        field_name=row.field,
        item=row.item,
        marker=decode_marker(row.marker),
        state=OperationState(row.state),
        reason=row.reason,
        order=row.sequence,
        attempts=row.attempts,
        due_at=row.due_at,
        sent_at=row.sent_at,
        horizon_at=row.horizon_at,
        error=row.error,
        remote_id=row.remote_id,
        planned_at=row.planned_at,
        letter=MappingProxyType(decode(row.letter) or {}),
        edited=bool(row.edited),
    )
