"""The `tests:` of a mapping: small examples an admin writes, run by every check.

`{given: {Severity: S2}, expect: {severity: major}}`: these native values read as those canonical ones. With `write:
{state: resolved}` the expectation is the native values after that write. `expect: {helpdesk: {…}}` or `{tracker: {…}}` (or
the other side's connector) asks for what the other side of the route would be given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.mapping.condition import members, same
from bridge.mapping.lens import after
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems, did_you_mean
from bridge.model.ticket import EMPTY_READING, Reading


def run_examples(
    mapping: SideMapping, problems: Problems, *, other: SideMapping | None = None, other_names: Iterable[str] = ()
) -> int:
    """Run the examples of a mapping; each unmet expectation is noted. The number of expectations judged.

    Without `other`, what is expected of the other side is left out.
    """
    names = (mapping.side_kind.other.value, *other_names)
    judged = 0
    for item in mapping.examples:
        block = problems.keys(item, "a test", ("given", "write", "expect"))
        if "expect" not in block or not block["expect"].is_map:
            problems.add("a test must say what to `expect`", item.place)
            continue
        given = _given(mapping, block.get("given"), problems)
        if "write" in block:
            given = _written(mapping, given, block["write"], problems)
        judged += _judge(mapping, given, block, (names, other, problems))
    return judged


def _judge(
    mapping: SideMapping,
    given: Mapping[str, Reading],
    block: Mapping[str, Item],
    about: tuple[tuple[str, ...], SideMapping | None, Problems],
) -> int:
    names, other, problems = about
    judged = 0
    for key, wanted in block["expect"].value.items():
        if key in names and key not in mapping.lenses:
            if other is not None:
                values = {field: lens.read(given).value for field, lens in mapping.lenses.items()}
                there = other.new_fields({field: value for field, value in values.items() if value is not None})
                judged += _compare_natives(there, wanted, f"{key}'s", problems)
        elif "write" in block:
            shown = {key: given.get(key, EMPTY_READING).value}
            judged += _compare_natives(shown, Item({key: wanted}, wanted.place), "the", problems)
        elif key in mapping.lenses:
            read = mapping.lenses[key].read(given).value
            judged += _compare(read, wanted, f"`{key}`", problems)
        else:
            hint = did_you_mean(key, (*mapping.lenses, *names))
            problems.add(f"the test expects `{key}`, which is not mapped here", wanted.place, hint)
    return judged


def _given(mapping: SideMapping, item: Item | None, problems: Problems) -> dict[str, Reading]:
    fields = dict.fromkeys(mapping.native_fields(), EMPTY_READING)
    if item is None or not item.is_map:
        return fields
    for name, value in item.value.items():
        if name not in fields:
            hint = did_you_mean(name, fields)
            problems.add(f"the test gives `{name}`, which no rule speaks of", item.key_place(name), hint)
        fields[name] = Reading.of(value.plain)
    return fields


def _written(mapping: SideMapping, given: dict[str, Reading], item: Item, problems: Problems) -> dict[str, Reading]:
    known = problems.keys(item, "`write` of a test", mapping.lenses)
    changes = mapping.write_all({field: value.plain for field, value in known.items()}, given)
    for change in changes.values():
        given = after(given, change)
    return given


def _compare_natives(there: Mapping[str, Any], wanted: Item, whose: str, problems: Problems) -> int:
    if not wanted.is_map:
        problems.add("the test must name the other side's fields and their values", wanted.place)
        return 0
    return sum(_compare(there.get(name), value, f"{whose} `{name}`", problems) for name, value in wanted.value.items())


def _compare(read: Any, wanted: Item, what: str, problems: Problems) -> int:
    got, want = members(read), members(wanted.plain)
    equal = len(got) == len(want) and all(any(same(one, other) for other in got) for one in want)
    if not equal:
        shown = ", ".join(str(value) for value in got) or "empty"
        asked = ", ".join(str(value) for value in want) or "empty"
        problems.add(f"a test fails: {what} is {shown}, not {asked}", wanted.place)
    return 1
