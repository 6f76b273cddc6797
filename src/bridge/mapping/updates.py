"""Which native events make a customer update: the `case:` block of a tracker's mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.errors import Place
from bridge.mapping.comments import AUDIENCES, check_audience, resolve_audience
from bridge.mapping.source import Item, Problems
from bridge.model.words import Audience, HeldBy, Side

KINDS = ("cause", "workaround", "delivered")
"""The updates there are templates for."""


@dataclass(frozen=True, slots=True)
class FieldFilled:
    """A native field got a text."""

    native: str


@dataclass(frozen=True, slots=True)
class Command:
    """A comment begins with this command, slash included."""

    word: str


@dataclass(frozen=True, slots=True)
class Released:
    """A version named in this native field was released."""

    native: str


Trigger = FieldFilled | Command | Released
TRIGGERS: Mapping[str, type[FieldFilled] | type[Command] | type[Released]] = {
    "field": FieldFilled,
    "command": Command,
    "released": Released,
}


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """An update of this `kind` is made when any trigger fires, for `audience`. `release_by` names who must release it
    first; empty means nobody need to."""

    kind: str
    triggers: tuple[Trigger, ...]
    release_by: str
    audience: Audience
    place: Place

    @property
    def natives(self) -> frozenset[str]:
        """The native fields its triggers watch."""
        return frozenset(trigger.native for trigger in self.triggers if not isinstance(trigger, Command))


def compile_updates(item: Item | None, *, side: Side, held_by: HeldBy, problems: Problems) -> tuple[UpdateRule, ...]:
    """Read the `case:` block of a mapping."""
    if item is None or item.value is None:
        return ()
    rules = []
    commands: dict[str, str] = {}
    for kind, block in problems.keys(item, "`case`", KINDS).items():
        if block.value is None:
            continue
        rule = _rule(kind, block, side, held_by, problems)
        if rule is None:
            continue
        for trigger in rule.triggers:
            if isinstance(trigger, Command) and commands.setdefault(trigger.word, kind) != kind:
                problems.add(f"the command `{trigger.word}` stands for `{commands[trigger.word]}` already", block.place)
        rules.append(rule)
    return tuple(rules)


def _rule(kind: str, item: Item, side: Side, held_by: HeldBy, problems: Problems) -> UpdateRule | None:
    block = problems.keys(item, f"`{kind}`", ("any", "release", "audience", *TRIGGERS))
    triggers: list[Trigger] = []
    for name in TRIGGERS:
        if name in block:
            triggers.extend(_trigger(name, block[name], problems))
    for each in problems.items(block.get("any"), f"`any` of `{kind}`"):
        for name, value in problems.keys(each, f"a trigger of `{kind}`", TRIGGERS).items():
            triggers.extend(_trigger(name, value, problems))
    if not triggers:
        problems.add(f"`{kind}` says nothing that triggers it", item.place, "add `field:`, `command:` or `released:`")
        return None
    where = block.get("audience", Item("customer", item.place))
    word = problems.word(where, "`audience`", AUDIENCES) or "customer"
    audience = resolve_audience(word, held_by)
    if side is Side.TRACKER:
        check_audience(audience, side=side, held_by=held_by, place=where.place, problems=problems)
    return UpdateRule(kind, tuple(triggers), problems.text(block.get("release"), "`release`"), audience, item.place)


def _trigger(name: str, item: Item, problems: Problems) -> tuple[Trigger, ...]:
    text = problems.text(item, f"`{name}`")
    if not text:
        return ()
    if name == "command" and (not text.startswith("/") or " " in text):
        problems.add(
            f"a command is one word that begins with a slash, not `{text}`", item.place, "for example `/cause`"
        )
        return ()
    return (TRIGGERS[name](text),)
