"""Dead letters, kept whole: why an operation was given up, and what that rested on.

A letter keeps the site's answer, the digest of the rules it was planned by, and what its target showed about the fields
(where it stood, whether they could be read). The operation itself keeps the source's values and the payload. It is planned
again only when one of these changes, or when a person says so (`desk`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.engine.route import Route
from bridge.errors import RemoteError
from bridge.model.operation import Operation, OperationKind
from bridge.model.ticket import Snapshot


def describe(
    one: Operation, error: RemoteError, *, route: Route, key: str, snapshot: Snapshot | None
) -> dict[str, Any]:
    """What is kept of an operation that is given up, as plain JSON."""
    return {
        "site": route.end(one.side).site,
        "ticket": key,
        "status": error.status,
        "detail": error.detail,
        "field": error.field,
        "rules": route.digest,
        "target": target_of(one, snapshot),
    }


def target_of(one: Operation, snapshot: Snapshot | None) -> dict[str, Any]:
    """What a target shows about the fields an operation writes: another answer is to be expected when this changes."""
    if snapshot is None or one.kind is not OperationKind.UPDATE:
        return {}
    shown = {name: snapshot.fields[name].readable for name in one.payload["fields"] if name in snapshot.fields}
    return {"life": snapshot.life.value, "scope": dict(snapshot.scope), "readable": shown}


def is_outdated(one: Operation, route: Route, snapshot: Snapshot | None = None) -> bool:
    """Whether the rules, or what its target shows, have changed since a letter was given up."""
    letter = one.letter
    if not letter:
        return False
    if letter.get("rules") != route.digest:
        return True
    return (
        one.kind is OperationKind.UPDATE and snapshot is not None and letter.get("target") != target_of(one, snapshot)
    )


def names_of(operations: Iterable[Operation]) -> dict[str, str]:
    """Each operation's key and the shortest beginning of it, of at least eight digits, that names no other."""
    keys = sorted(one.key for one in operations)
    length = 8
    while len({key[:length] for key in keys}) < len(set(keys)):
        length += 1
    return {key: key[:length] for key in keys}
