"""Where a person deals with dead letters and conflicts.

Everything is written in one transaction of the ledger that first looks whether the letter still lies there, and marks its
group as due. So it is safe beside a running daemon, which plans the group anew, and decides by the rules of then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.engine.route import Route
from bridge.engine.state import ends_of
from bridge.engine.values.fields import Pair, pairs_between
from bridge.errors import BridgeError
from bridge.model.document import Node, from_plain
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Snapshot
from bridge.model.words import Side
from bridge.store.ledger import Transaction

PLAIN = ("summary", "requester")
"""What a create says beside its fields and its text."""


class LetterError(BridgeError):
    """What a person asked of a dead letter cannot be done. The message says why and what can."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person deals with dead letters, within one transaction. `who` goes to the audit trail."""

    transaction: Transaction
    routes: Mapping[str, Route]
    who: str

    def find(self, prefix: str) -> Operation:
        """The dead letter whose id begins so. Raises LetterError if there is none, or more than one."""
        found = self.transaction.journal.beginning_with(prefix, OperationState.DEAD)
        if not found:
            raise LetterError(
                f"No dead letter begins with {prefix}; it may have been solved. See `bridge failures list`."
            )
        if len(found) > 1:
            raise LetterError(f"{len(found)} dead letters begin with {prefix}; give more of the id.")
        return found[0]

    def retry(self, one: Operation) -> None:
        """Plan it again, as if it had never been tried."""
        self._plan_again(one, "letter_retried")

    def edit(self, one: Operation, *, values: Mapping[str, str], words: str | None) -> Operation:
        """Change what would be written, and plan it again. `values` are native names and their new values; `words` the
        new text of a comment or issue. Rules decide once more about who may read it."""
        payload = dict(one.payload)
        if words is not None:
            if "body" not in payload:
                raise LetterError("This letter writes fields and has no text: use --set NAME=VALUE.")
            payload["body"] = from_plain(words)
        if values:
            payload |= _with_values(payload, values)
        self.transaction.journal.freeze(one.key, payload)
        self._plan_again(one, "letter_edited", edited=True, fields=sorted(values), words=words is not None)
        return one

    def discard(self, one: Operation) -> None:
        """Accept that it will not be written (row 16): for a field, both bases become what the sides show now."""
        route = self._route(one.group)
        if one.kind is OperationKind.UPDATE:
            self._accept(one.group, route, one.field_name)
        # The text that a ticket was to be made for is given up with it: nothing else would carry it.
        carried = [one.payload["carries"]] if "carries" in one.payload else []
        self.transaction.journal.change([one.key, *carried], state=OperationState.DISCARDED)
        self._done(one.group, route, "letter_discarded", key=one.key, field=one.field_name)

    def discard_conflict(self, group: str, name: str) -> None:
        """Accept that the two sides of a field differ: neither is written until one changes again."""
        route = self._route(group)
        self._accept(group, route, name)
        self.transaction.links.clear_conflict(group, name)
        self._done(group, route, "conflict_discarded", field=name)

    def _plan_again(self, one: Operation, what: str, *, edited: bool = False, **detail: Any) -> None:
        route = self._route(one.group)
        self.transaction.journal.change(
            [one.key], state=OperationState.PLANNED, attempts=0, due_at=None, error="", edited=edited or one.edited
        )
        self._done(one.group, route, what, key=one.key, **detail)

    def _done(self, group: str, route: Route, what: str, **detail: Any) -> None:
        self.transaction.hands.want(group, route.name)
        self.transaction.note(what, group=group, by_person=True, who=self.who, **detail)

    def _route(self, group: str) -> Route:
        name = group.partition(":")[0]
        route = self.routes.get(name)
        if route is None:
            raise LetterError(f"The config has no route {name} any more, so nothing can be planned for {group}.")
        return route

    def _accept(self, group: str, route: Route, name: str) -> None:
        pair = next((pair for pair in pairs_between(route) if pair.name == name), None)
        if pair is None:
            raise LetterError(
                f"No rule of the route {route.name} speaks of {name} any more; there is nothing to accept."
            )
        for side, snapshot in self._snapshots(group).items():
            if snapshot is None or not _is_readable(pair, side, snapshot):
                raise LetterError(
                    f"{name} cannot be read at {route.end(side).site} now, so it cannot be accepted as it is."
                )
            self.transaction.links.move_base(group, side, name, pair.natives(side, snapshot.fields))

    def _snapshots(self, group: str) -> dict[Side, Snapshot | None]:
        link = self.transaction.links.get(group)
        refs = ends_of(group, self._route(group), link)
        return {side: self.transaction.readings.get(refs[side]) if side in refs else None for side in Side}


def _is_readable(pair: Pair, side: Side, snapshot: Snapshot) -> bool:
    return pair.read(side, snapshot.fields) is not None


def _with_values(payload: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = dict(payload.get("fields") or {})
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name in fields:
            fields[name] = _like(fields[name], value)
        elif name in PLAIN and name in payload:
            changed[name] = value
        else:
            known = ", ".join([*fields, *(name for name in PLAIN if name in payload)]) or "no field"
            raise LetterError(f"This letter does not write {name}. It writes {known}.")
    return {**changed, "fields": fields} if "fields" in payload else changed


def _like(before: Any, value: str) -> Any:
    """A value as a person types it, in the form of the one it replaces: a text, a list parted by commas, nothing."""
    if isinstance(before, Node):
        return from_plain(value)
    if isinstance(before, bool):
        return value.casefold() in ("yes", "true", "1")
    if isinstance(before, list):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(before, int | float):
        try:
            return type(before)(value)
        except ValueError:
            raise LetterError(f"{value} is no number, and this field holds one.") from None
    return value or None
