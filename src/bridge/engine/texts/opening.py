"""The ticket that an issue begins: whether one is to be made, and what it says.

Titles and descriptions of issues are written by engineers for engineers. So a ticket says only what the route's
`new_ticket:` names, to the readers it names, and it is worked out anew at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.engine.route import Route
from bridge.engine.texts.compose import fitting
from bridge.engine.texts.shown_files import without_files
from bridge.engine.texts.threads import facts_of, visibility_for
from bridge.mapping import CommentRule
from bridge.mapping.opening import ADDRESS, Words
from bridge.model import document as rich
from bridge.model.document import Document, Node
from bridge.model.operation import Operation, OperationKind
from bridge.model.ticket import Attachment, Comment, Life, Snapshot
from bridge.model.words import STATE, Mode, Side, State, Visibility
from bridge.text.quoted import fold_quoted

LONGEST_TITLE = 120
"""Characters of a title that is the message's own first line."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why there are no words for a ticket yet. `is_told`: somebody has to mend it; else it only takes its time."""

    why: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The words a rule releases. `item` is the comment they stand in, and `at` when it was written: whatever was said at
    the issue by then is past. A field tells neither."""

    body: Document
    item: str = ""
    at: datetime | None = None


def is_opening(one: Operation) -> bool:
    """Whether an operation makes a ticket for an issue."""
    return one.kind is OperationKind.CREATE and one.side is Side.HELPDESK and "carries" not in one.payload


def opens_not(route: Route, issue: Snapshot) -> str:
    """Why no ticket is to be made for an issue, "" if one is."""
    end = route.tracker
    if end.opening is None:
        return "no rule of the route lets an issue begin a case"
    if issue.life is not Life.ALIVE:
        return f"the issue is {issue.life.value}"
    if issue.marker is not None:
        return "bridge made it, for a case that is not settled yet"
    if any(issue.scope.get(name, wanted) != wanted for name, wanted in end.scope.items()):
        return "the issue was moved out of what the route is about"
    if not end.mapping.matches(end.open_when, issue.fields):
        return "open_when of the tracker does not hold"
    if issue.created_at < route.opens_at:
        return "the issue is older than begin.from, or than the rule that would open a ticket for it"
    lens = end.mapping.lenses.get(STATE)
    stands = lens.read(issue.fields).value if lens else None
    if stands in (State.RESOLVED, State.CLOSED):
        return f"the issue was {stands} before it had a ticket"
    return "the route lets no words reach the customer" if route.mode is Mode.INTERNAL else ""


def opening_of(route: Route, issue: Snapshot) -> dict[str, Any] | Lacking:
    """What a ticket for this issue says: the payload of its create, but for the fields. Lacking if there is no rule for
    that, or what it names is not there."""
    opening = route.tracker.opening
    visibility = visibility_for(opening.audience, route.helpdesk.held_by) if opening else None
    if opening is None or visibility is None:
        return Lacking("no rule says to whom its words may go")
    said = _said(route, issue, opening.message)
    if said is None:
        return Lacking("there is no message for the customer yet")
    requester = _words(opening.requester, issue).strip()
    if not ADDRESS.match(requester):
        shown = f"`{requester}`" if requester else "nothing"
        return Lacking(f"{opening.requester.field} holds {shown} where the requester's address should stand", True)
    title = _words(opening.title, issue).strip() if opening.title else ""
    return {
        "requester": requester,
        "summary": title or _title(said.body),
        "body": said.body,
        "visibility": visibility.value,
        "audience": opening.audience.value,
        "issue_key": issue.key,
        "past_until": said.at.isoformat() if said.at else "",
        "item": said.item,
    }


def opening_stands(route: Route, issue: Snapshot, one: Operation) -> str:
    """Why a journaled create of a ticket must not be sent any more, "" if it may: the rules as they are now release these
    very words of the issue, to the very same readers."""
    now = opening_of(route, issue)
    if isinstance(now, Lacking):
        return now.why
    words = () if one.edited else ("requester", "summary", "body")
    changed = [name for name in ("visibility", "audience", *words) if now[name] != one.payload[name]]
    return f"its {', '.join(changed)} changed since it was planned" if changed else ""


def _said(route: Route, issue: Snapshot, message: Words | CommentRule) -> Said | None:
    if isinstance(message, Words):
        reading = issue.fields.get(message.field)
        value = reading.value if reading is not None and reading.readable else None
        body = _without(value if isinstance(value, Node) else rich.from_plain(str(value or "")), issue.attachments)
        return Said(body) if rich.to_plain(body).strip() else None
    comments = issue.thread.comments if issue.thread else ()
    found = (_told(route, issue, comment, message) for comment in reversed(comments))
    return next((said for said in found if said is not None), None)


def _told(route: Route, issue: Snapshot, comment: Comment, rule: CommentRule) -> Said | None:
    """The words of a comment that the rule takes, and no other rule of the mapping keeps back."""
    if comment.author.ours or comment.visibility is Visibility.RESTRICTED:
        return None
    facts = facts_of(route, Side.TRACKER, comment)
    first = next((each for each in route.tracker.mapping.comment_rules if each.takes(facts)), None)
    is_kept = first is not None and first.audience is None and not first.unconditional
    release = rule.release(facts) if rule.takes(facts) and not is_kept else None
    if release is None:
        return None
    body = rich.without_prefix(fold_quoted(comment.body), release.strip_prefix)
    body = _without(body, (*comment.attachments, *issue.attachments))
    return Said(body, comment.id, comment.created_at) if rich.to_plain(body).strip() else None


def _without(body: Document, files: Iterable[Attachment]) -> Document:
    return fitting(without_files(body, files))


def _words(words: Words, issue: Snapshot) -> str:
    if words.text:
        return words.text
    reading = issue.fields.get(words.field)
    value = reading.value if reading is not None and reading.readable else None
    if isinstance(value, list | tuple):
        value = value[0] if len(value) == 1 else None
    return rich.to_plain(value) if isinstance(value, Node) else str(value or "")


def _title(body: Document) -> str:
    first = rich.to_plain(body).strip().split("\n", 1)[0].strip()
    return first if len(first) <= LONGEST_TITLE else first[: LONGEST_TITLE - 1] + "…"
