"""The `when:` language: what must hold of a ticket's native fields.

`{status: Done}` equality (a list of values: any of them) · `{status: {any: [A, B]}}` · `{labels: {none: [a]}}` ·
`{resolution: {empty: true}}` · `{summary: {starts_with: "["}}`. Several keys: all of them. A list of such maps: one of
them. On lists (labels, versions) a value equals when it is among them. Names are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import Place
from bridge.mapping.source import Item, Problems, describe
from bridge.model.ticket import Presence, Reading

OPERATORS = ("any", "none", "empty", "starts_with")


def same(one: Any, other: Any) -> bool:
    """Whether two native scalars are the same name or value. Texts: without case and outer white space."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return type(one) is type(other) and bool(one == other)


def members(value: Any) -> tuple[Any, ...]:
    """A native value as the list of what is in it: a list's members, or the scalar itself.

    A member that is a record with a name (a version: name, and whether it is released) counts as that name.
    """
    if value is None:
        return ()
    each = value if isinstance(value, list | tuple) else (value,)
    return tuple(member["name"] if isinstance(member, Mapping) and "name" in member else member for member in each)


@dataclass(frozen=True, slots=True)
class Test:
    """One requirement on one native field."""

    __test__ = False

    field: str
    kind: Literal["any", "none", "empty", "starts_with"]
    values: tuple[Any, ...]

    def judge(self, reading: Reading | None) -> bool | None:
        """Whether the reading meets it; None when the field could not be read."""
        if reading is None or not reading.readable:
            return None
        if self.kind == "empty":
            return (reading.presence is Presence.EMPTY) is self.values[0]
        present = members(reading.value)
        if self.kind == "starts_with":
            prefixes = tuple(str(value).casefold() for value in self.values)
            return any(isinstance(value, str) and value.casefold().startswith(prefixes) for value in present)
        met = any(same(value, wanted) for value in present for wanted in self.values)
        return met if self.kind == "any" else not met


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled `when:`: one of `alternatives` must hold, each of them a set of tests that must all hold."""

    alternatives: tuple[tuple[Test, ...], ...]
    place: Place

    @property
    def natives(self) -> frozenset[str]:
        """The native fields it asks about."""
        return frozenset(test.field for tests in self.alternatives for test in tests)

    def tests(self) -> Iterable[Test]:
        """All its tests, of every alternative."""
        for tests in self.alternatives:
            yield from tests

    def judge(self, fields: Mapping[str, Reading]) -> bool | None:
        """True, False, or None when that hangs on a field that could not be read."""
        verdict: bool | None = False
        for tests in self.alternatives:
            answers = [test.judge(fields.get(test.field)) for test in tests]
            if all(answer is True for answer in answers):
                return True
            if not any(answer is False for answer in answers):
                verdict = None
        return verdict

    def holds(self, fields: Mapping[str, Reading]) -> bool:
        """Whether it certainly holds."""
        return self.judge(fields) is True

    def may_hold(self, fields: Mapping[str, Reading]) -> bool:
        """Whether it holds, or cannot be excluded because a field is unreadable."""
        return self.judge(fields) is not False


def compile_condition(item: Item, problems: Problems, what: str) -> Condition | None:
    """Read a `when:`. None, with the problems noted, if it makes no sense."""
    maps = item.value if item.is_list else (item,)
    alternatives = []
    for each in maps:
        if not each.is_map or not each.value:
            problems.add(f"{what} must name fields and their values, not {describe(each.value)}", each.place)
            return None
        tests = [test for name, wanted in each.value.items() for test in _tests(name, wanted, problems, what)]
        if not tests:
            return None
        alternatives.append(tuple(tests))
    return Condition(tuple(alternatives), item.place) if alternatives else None


def _tests(name: str, wanted: Item, problems: Problems, what: str) -> Iterable[Test]:
    if not wanted.is_map:
        yield Test(name, "any", _scalars(wanted, problems, f"`{name}` in {what}"))
        return
    for operator, operand in problems.keys(wanted, f"`{name}` in {what}", OPERATORS).items():
        about = f"`{operator}` of `{name}` in {what}"
        if operator == "empty":
            yield Test(name, "empty", (problems.truth(operand, about),))
        elif operator == "starts_with":
            yield Test(name, "starts_with", problems.texts(operand, about))
        elif operator == "any":
            yield Test(name, "any", _scalars(operand, problems, about))
        else:
            yield Test(name, "none", _scalars(operand, problems, about))


def _scalars(item: Item, problems: Problems, about: str) -> tuple[Any, ...]:
    values = []
    for member in problems.items(item, about):
        if member.is_map or member.is_list or member.value is None or isinstance(member.value, float):
            problems.add(f"{about} must be a name, not {describe(member.value)}", member.place)
        else:
            values.append(member.value)
    return tuple(values)
