"""A ledger for one group, kept in memory: as much of a transaction as recording a plan and confirming a write need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.engine.values.fields import FieldsPlan
from bridge.model.operation import OPEN, UNSENT, Operation, OperationState
from bridge.model.ticket import Reading
from bridge.model.words import Side
from bridge.store.links import Bases, Link


@dataclass(slots=True)
class MemoryJournal:
    """Operations by key, in the order they were planned."""

    rows: dict[str, Operation] = field(default_factory=dict)

    def add(self, planned: Operation) -> Operation:
        """Journal an operation, once."""
        return self.rows.setdefault(planned.key, planned)

    def get(self, key: str) -> Operation | None:
        """One operation."""
        return self.rows.get(key)

    def change(self, keys: Iterable[str], **values: Any) -> None:
        """Set columns of operations."""
        for key in keys:
            self.rows[key] = replace(self.rows[key], **values)

    def freeze(self, key: str, payload: Mapping[str, Any]) -> None:
        """Replace the payload of an unsent operation."""
        self.rows[key] = replace(self.rows[key], payload=payload)

    def unfinished(self) -> list[Operation]:
        """Open operations and dead letters."""
        return [one for one in self.rows.values() if one.state in OPEN | {OperationState.DEAD}]


@dataclass(slots=True)
class MemoryLinks:
    """The group's link, bases and conflicts."""

    link: Link | None = None
    bases: Bases = field(default_factory=lambda: {side: {} for side in Side})
    held: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def get(self, group: str) -> Link | None:
        """The link, None before there is one."""
        return self.link

    def add(self, link: Link) -> None:
        """Record the link."""
        self.link = link

    def move_base(self, group: str, side: Side, name: str, native: Mapping[str, Reading], **_more: Any) -> None:
        """Move one base."""
        self.bases[side][name] = dict(native)

    def conflicts(self, group: str) -> frozenset[str]:
        """The fields that wait for a person."""
        return frozenset(self.held)

    def set_conflict(self, group: str, name: str, *, helpdesk: Any, tracker: Any) -> None:
        """Record a conflict."""
        self.held.setdefault(name, (helpdesk, tracker))

    def clear_conflict(self, group: str, name: str) -> None:
        """It is over."""
        self.held.pop(name, None)


class NoNotices:
    """What is told to the vendor's people is no part of this."""

    def record(self, *_what: Any) -> None:
        """Said to nobody."""


@dataclass(slots=True)
class Book:
    """What recording a plan and confirming a write leave behind."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    links: MemoryLinks = field(default_factory=MemoryLinks)
    notices: NoNotices = field(default_factory=NoNotices)
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def write_down(self, plan: FieldsPlan, updates: Iterable[Operation]) -> list[Operation]:
        """Record what a plan says of fields, as the engine does; the updates as they now stand in the journal."""
        updates = list(updates)
        kept = {one.key for one in updates}
        for operations, state in (
            (plan.cancelled, OperationState.CANCELLED),
            (plan.confirmed, OperationState.CONFIRMED),
            (plan.voided, OperationState.VOID),
        ):
            self.journal.change([one.key for one in operations if one.key not in kept], state=state)
        for side, name, natives in plan.bases:
            self.links.move_base("", side, name, natives)
        for name, helpdesk, tracker in plan.conflicts:
            self.links.set_conflict("", name, helpdesk=helpdesk, tracker=tracker)
        for name in plan.agreed:
            self.links.clear_conflict("", name)
        return [self._planned(one) for one in updates]

    def _planned(self, one: Operation) -> Operation:
        if one.key:
            self.journal.freeze(one.key, one.payload)
            return self.journal.rows[one.key]
        for earlier in self.journal.unfinished():
            if earlier.field_name == one.field_name and earlier.state in UNSENT | {OperationState.DEAD}:
                self.journal.change([earlier.key], state=OperationState.SUPERSEDED)
        return self.journal.add(replace(one, key=str(len(self.journal.rows))))

    def note(self, what: str, *, group: str = "", by_person: bool = False, **detail: Any) -> None:
        """Append to the audit trail."""
        self.notes.append((what, detail))
