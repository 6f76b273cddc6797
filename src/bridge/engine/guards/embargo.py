"""A deny rule that begins to hold when a case is linked already: frozen in both directions, and what had left is told.

Nothing can call back what a customer or an engineer has read. So the one useful thing is to know it at once and exactly:
the list stands in the audit trail, in `bridge status`, and in a note to the vendor's own people.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import structlog

from bridge.engine.state import GroupState
from bridge.engine.texts.notes import is_note
from bridge.model.document import Document, doc, node, paragraph, text
from bridge.model.operation import Operation, OperationKind
from bridge.model.words import Side
from bridge.store.embargoes import Embargo
from bridge.store.ledger import Transaction

log = structlog.get_logger(__name__)


def note_embargo(transaction: Transaction, state: GroupState, denied: str) -> None:
    """Write down that a linked case is frozen since now, or that it no longer is."""
    group, route = state.hand.group, state.route
    if denied and state.link is not None and state.embargo is None:
        sites = {side: route.end(side).site for side in Side}
        out = [_line(one, at, sites) for one, at in transaction.journal.confirmed(group) if not is_note(one)]
        rule = denied.removeprefix("denied by ")
        if transaction.embargoes.begin(group, route.name, rule, out):
            transaction.note("embargo_set", group=group, rule=rule, already_out=out)
            # Looked at once more, because the vendor's people are told of it.
            transaction.hands.want(group, route.name)
            log.error("embargo.set", group=group, rule=rule, already_out=len(out))
    elif not denied and state.embargo is not None and transaction.embargoes.end(group):
        transaction.note("embargo_lifted", group=group, rule=state.embargo.rule)
        log.warning("embargo.lifted", group=group)


def _line(one: Operation, at: datetime, sites: dict[Side, str]) -> dict[str, Any]:
    """One thing that reached a site, without its words: those are where it went."""
    if one.kind is OperationKind.CREATE and one.side is Side.HELPDESK:
        what = "a ticket that follows the closed one, with a text"
    elif one.kind is OperationKind.CREATE:
        what = "the issue, with summary, description and " + (", ".join(sorted(one.payload["fields"])) or "no fields")
    elif one.kind is OperationKind.UPDATE:
        what = one.field_name
    else:
        what = one.marker.kind if one.marker is not None else "comment"
    files = len(one.payload.get("files", ()))
    if files:
        what += " with a file" if files == 1 else f" with {files} files"
    return {"what": what, "site": sites[one.side], "id": one.remote_id, "at": at.isoformat(), "rule": one.reason}


def embargo_words(embargo: Embargo) -> Document:
    """What the vendor's own people are told: the rule, since when, and what had left."""
    lines = Counter(f"{line['what']} at {line['site']}" for line in embargo.already_out)
    items = [
        node("item", paragraph(text(f"{what}" + (f" ({count} times)" if count > 1 else ""))))
        for what, count in lines.items()
    ]
    head = paragraph(node("strong", text("Nothing of this case crosses any more, in either direction.")))
    since = paragraph(text(f"The rule {embargo.rule} holds since {embargo.since_at:%Y-%m-%d %H:%M} UTC."))
    if not items:
        return doc(head, since, paragraph(text("Nothing had left before.")))
    return doc(head, since, paragraph(text("What had reached the other side before:")), node("bullets", *items))
