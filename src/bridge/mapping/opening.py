"""What the customer's ticket says that an issue begins: who asks for it, its title, its first message. Only what is named
here leaves the tracker; an issue's own title and description do so only where a rule says that word for word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bridge.errors import Place
from bridge.mapping.comments import AUDIENCES, CommentRule, check_audience, resolve_audience
from bridge.mapping.source import Item, Problems, did_you_mean
from bridge.model.words import Audience, HeldBy, Side

KEYS = ("requester", "message", "title", "audience", "fields")
ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


@dataclass(frozen=True, slots=True)
class Words:
    """A text of the config, or else a native field of the issue that holds it."""

    text: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a ticket is made for an issue. `message` is a field of the issue, or the rule of the comment that is told;
    `title` None is the message's first line; `fields` are native values of the new ticket."""

    requester: Words
    message: Words | CommentRule
    title: Words | None
    audience: Audience
    fields: Mapping[str, Any]
    place: Place

    @property
    def natives(self) -> frozenset[str]:
        """The native fields of the issue it reads."""
        asked = (self.requester, self.message, self.title)
        return frozenset(words.field for words in asked if isinstance(words, Words) and words.field)


def compile_opening(item: Item, *, held_by: HeldBy, roles: Collection[str], problems: Problems) -> Opening | None:
    """Read a `new_ticket:`. None, with the problems noted, if it makes no sense. `held_by`: whose the helpdesk is."""
    before = len(problems.found)
    block = problems.keys(item, "`new_ticket`", KEYS)
    for key, why in (("requester", "who asks for the ticket"), ("message", "where the words for the customer stand")):
        if item.is_map and key not in item.value:
            problems.add(f"`new_ticket` does not say {why}", item.place, f"add `{key}:`")
    requester = _words(block.get("requester"), "requester", problems)
    if requester and requester.text and not ADDRESS.match(requester.text):
        hint = "write an address, or `{field: NAME}` for a field of the issue that holds one"
        problems.add(f"`requester` must be an e-mail address, not `{requester.text}`", block["requester"].place, hint)
    audience = _audience(block.get("audience"), item, held_by, problems)
    message = _message(block.get("message"), audience, roles, problems)
    title = _words(block.get("title"), "title", problems)
    fields = dict(_fields(block.get("fields"), problems))
    if len(problems.found) > before or requester is None or message is None:
        return None
    return Opening(requester, message, title, audience, MappingProxyType(fields), item.place)


def _audience(item: Item | None, block: Item, held_by: HeldBy, problems: Problems) -> Audience:
    audience = resolve_audience(problems.word(item, "`audience`", AUDIENCES) or "customer", held_by)
    place = item.place if item is not None else block.place
    if audience is Audience.VENDOR:
        problems.add(
            "a ticket made for a customer cannot be for `vendor` alone", place, "write `audience: customer_user`"
        )
    else:
        check_audience(audience, side=Side.TRACKER, held_by=held_by, place=place, problems=problems)
    return audience


def _words(item: Item | None, key: str, problems: Problems) -> Words | None:
    if item is None:
        return None
    if not item.is_map:
        text = problems.text(item, f"`{key}`")
        return Words(text=text) if text else None
    block = problems.keys(item, f"`{key}`", ("field",))
    field = problems.text(block.get("field"), f"`field` of `{key}`")
    if not field and not block:
        problems.add(f"`{key}` names neither a text nor a field", item.place, "write `{field: NAME}`")
    return Words(field=field) if field else None


def _message(
    item: Item | None, audience: Audience, roles: Collection[str], problems: Problems
) -> Words | CommentRule | None:
    if item is None:
        return None
    hint = '`{command: "#open", role: [lead]}` for a comment, `{field: NAME}` for a field of the issue'
    if not item.is_map:
        problems.add("`message` must say where the words for the customer stand", item.place, hint)
        return None
    block = problems.keys(item, "`message`", ("command", "role", "field"))
    if ("command" in block) is ("field" in block):
        problems.add("`message` names either a `command` or a `field`", item.place, hint)
        return None
    if "field" in block:
        if "role" in block:
            problems.add("a `role` is asked of a comment's author, not of a field", block["role"].place)
        field = problems.text(block["field"], "`field` of `message`")
        return Words(field=field) if field else None
    commands = problems.texts(block["command"], "`command`")
    allowed = problems.texts(block.get("role"), "`role` of `message`")
    if not allowed:
        problems.add(
            "`message` does not say whose command makes a ticket at the customer", item.place, "add `role: [lead]`"
        )
    for role in allowed:
        if role not in roles:
            hint = did_you_mean(role, roles) or f"add `{role}` to `people:` of the config"
            problems.add(f"`{role}` is not among the people of the config", block["role"].place, hint)
    if not commands or not allowed:
        return None
    return CommentRule(audience, item.place, prefixes=commands, roles=frozenset(allowed), auto=False, strip=True)


def _fields(item: Item | None, problems: Problems) -> Iterator[tuple[str, Any]]:
    if item is None:
        return
    if not item.is_map:
        problems.add("`fields` must name fields and their values", item.place, "such as `{group: Support}`")
        return
    for name, value in item.value.items():
        if value.is_map or value.value is None or isinstance(value.value, float):
            problems.add(f"`{name}` in `fields` must be a value or a list of values", value.place)
        elif value.is_list:
            yield name, list(problems.texts(value, f"`{name}` in `fields`"))
        else:
            yield name, value.value
