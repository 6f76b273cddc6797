"""Whom a text on a shared issue is for: its first words name a ticket of the group, or `all` of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.engine.state import GroupState
from bridge.model import document as rich
from bridge.model.document import Document

ALL = "all"
UNADDRESSED = "unaddressed: "
"""How the reason begins for which a text on a shared issue was told to nobody."""
COMMAND_ITEM = "command:"
"""How the name of an item begins that remembers such a command; the comment's id follows."""
OTHERS = "for another ticket of the group"
_NAMES = re.compile(r"(?P<names>[^\s,:]+(?::[^\s,:]+)?(?:,\s?[^\s,:]+(?::[^\s,:]+)?)*)(?P<end>:?)(?=\s|$)")


FIELD_ITEM = ":field:"
"""What stands in the item of an update that a filled field asks for, between its kind and the field's native name."""
SEVERAL = "several customers share the issue, and a field names none of them"


@dataclass(frozen=True, slots=True)
class Addressed:
    """The links a text is for, and the text without the words that named them. `problem` says why it is for none."""

    groups: frozenset[str]
    body: Document
    problem: str = ""


def addressed(state: GroupState, body: Document) -> Addressed:
    """Whom a text is for. On an issue of one ticket that is this one, and no words are taken off."""
    if not state.others:
        return Addressed(frozenset({state.hand.group}), body)
    match = _NAMES.match(rich.first_line(body).strip())
    if match is None:
        return Addressed(frozenset(), body, _unnamed(state))
    groups: set[str] = set()
    for name in re.split(r",\s?", match["names"]):
        found, problem = _members(state, name)
        if problem:
            return Addressed(frozenset(), body, problem)
        groups |= found
    return Addressed(frozenset(groups), rich.without_prefix(body, match[0]))


def _members(state: GroupState, name: str) -> tuple[set[str], str]:
    """The links that a name means, or why it means none."""
    if name.casefold() == ALL:
        closed = [one.route.name for one in state.members if not one.route.shared.reply_all]
        if closed:
            return set(), f"`{ALL}` is not allowed by route {closed[0]} (shared: reply_all)"
        return {one.hand.group for one in state.members}, ""
    found = {one.hand.group for one in state.members if name.casefold() in names_of(one)}
    if not found:
        return set(), _unnamed(state)
    if len(found) > 1:
        return set(), f"`{name}` names more than one ticket; {_choices(state)}"
    return found, ""


def names_of(member: GroupState) -> frozenset[str]:
    """What a ticket of a group may be called: its number, with or without its route's name before it."""
    numbers = {member.source_ref.id.casefold()}
    numbers |= {
        snapshot.key.lstrip("#").casefold() for side, snapshot in member.snapshots.items() if side == "helpdesk"
    }
    plain = numbers | {f"#{number}" for number in numbers}
    return frozenset(plain | {f"{member.route.name.casefold()}:{number}" for number in numbers})


def _unnamed(state: GroupState) -> str:
    return f"it names no ticket; {_choices(state)}"


def _choices(state: GroupState) -> str:
    tickets = [f"{one.route.name}:{one.source_ref.id}" for one in state.members]
    return f"this issue is shared by {', '.join(tickets)}"
