"""From a mapping as written to a mapping that runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

from bridge.mapping.blocks import (
    compile_custom,
    compile_description,
    compile_due,
    compile_labels,
    compile_person,
    compile_summary,
    compile_table,
)
from bridge.mapping.comments import compile_comments
from bridge.mapping.condition import Condition, compile_condition
from bridge.mapping.lens import Lens
from bridge.mapping.people import People
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems
from bridge.mapping.table import TableLens
from bridge.mapping.updates import compile_updates
from bridge.model.words import (
    ASSIGNEE,
    CANONICAL_FIELDS,
    DESCRIPTION,
    DUE,
    LABELS,
    PRIORITY,
    REPORTER,
    SEVERITY,
    STATE,
    SUMMARY,
    HeldBy,
    Priority,
    Severity,
    Side,
    State,
)

VOCABULARIES: Mapping[str, tuple[str, ...]] = {
    SEVERITY: tuple(Severity),
    PRIORITY: tuple(Priority),
    STATE: tuple(State),
}
"""The canonical values of the fields that have a closed list of them."""

KEYS = (
    "extends",
    SUMMARY,
    DESCRIPTION,
    SEVERITY,
    PRIORITY,
    STATE,
    LABELS,
    ASSIGNEE,
    REPORTER,
    DUE,
    "fields",
    "comments",
    "case",
    "deny",
    "tests",
)
OWNERS = ("helpdesk", "tracker", "both", "case")


def compile_side(
    item: Item,
    *,
    name: str,
    side: Side,
    helpdesk_held_by: HeldBy,
    problems: Problems,
    people: People = MappingProxyType({}),
) -> SideMapping:
    """Compile a mapping (already laid over what it extends) for one side of a route, whose site knows these `people`.

    What is wrong is noted in `problems`, and the rest compiled, so that everything wrong is found at once; a mapping
    with problems must not be run.
    """
    blocks = problems.keys(item, f"the mapping `{name}`", KEYS)
    lenses = _lenses(blocks, people, problems)
    return SideMapping(
        name=name,
        side_kind=side,
        digest=_digest(item, side, helpdesk_held_by, people if _speaks_of_people(blocks) else {}),
        place=item.place,
        lenses=MappingProxyType(lenses),
        comment_rules=compile_comments(blocks.get("comments"), side=side, held_by=helpdesk_held_by, problems=problems),
        updates=compile_updates(blocks.get("case"), side=side, held_by=helpdesk_held_by, problems=problems),
        deny=_deny(blocks.get("deny"), problems),
        owners=MappingProxyType(_owners(blocks, problems)),
        examples=problems.items(blocks.get("tests"), "`tests`"),
    )


def _speaks_of_people(blocks: Mapping[str, Item]) -> bool:
    return any(name in blocks and blocks[name].value is not None for name in (ASSIGNEE, REPORTER))


def _lenses(blocks: Mapping[str, Item], people: People, problems: Problems) -> dict[str, Lens]:
    """The lenses, tables first, because their labels do not travel as labels."""
    lenses: dict[str, Lens] = {}
    present = {key: item for key, item in blocks.items() if item.value is not None}
    for name, vocabulary in VOCABULARIES.items():
        if name in present and (table := compile_table(name, present[name], vocabulary, problems)):
            lenses[name] = table
    for each in problems.items(present.get("fields"), "`fields`"):
        custom = compile_custom(each, problems)
        if custom is None:
            continue
        if custom.field in lenses or custom.field in KEYS:
            problems.add(f"`{custom.field}` is mapped twice", each.place)
        lenses[custom.field] = custom
    if SUMMARY in present and (summary := compile_summary(present[SUMMARY], problems)):
        lenses[SUMMARY] = summary
    if DESCRIPTION in present and (description := compile_description(present[DESCRIPTION], problems)):
        lenses[DESCRIPTION] = description
    if LABELS in present:
        tables = [lens for lens in lenses.values() if isinstance(lens, TableLens)]
        taken = {label.casefold() for table in tables for labels in table.named.values() for label in labels}
        if labels := compile_labels(present[LABELS], frozenset(taken), problems):
            lenses[LABELS] = labels
    for name in (ASSIGNEE, REPORTER):
        if name in present and (person := compile_person(name, present[name], people, problems)):
            lenses[name] = person
    if DUE in present and (due := compile_due(present[DUE], problems)):
        lenses[DUE] = due
    order = CANONICAL_FIELDS
    return {name: lenses[name] for name in (*order, *sorted(set(lenses) - set(order))) if name in lenses}


def _deny(item: Item | None, problems: Problems) -> tuple[Condition, ...]:
    if item is None or item.value is None:
        return ()
    found = (compile_condition(each, problems, "a `deny` rule") for each in problems.items(item, "`deny`"))
    return tuple(condition for condition in found if condition)


def _owners(blocks: Mapping[str, Item], problems: Problems) -> dict[str, str]:
    owners = {}
    for name in CANONICAL_FIELDS:
        block = blocks.get(name)
        if block and (word := problems.word(block.get("owner"), f"`owner` of `{name}`", OWNERS)):
            owners[name] = word
    fields = blocks.get("fields")
    for each in fields.value if fields and fields.is_list else ():
        canonical = each.get("canonical")
        if canonical and (word := problems.word(each.get("owner"), f"`owner` of `{canonical.value}`", OWNERS)):
            owners[str(canonical.value)] = word
    return owners


def _digest(item: Item, side: Side, held_by: HeldBy, people: People) -> str:
    """A hash of what the rules mean: neither comments, nor places, nor tests. The order of rules counts."""
    plain = item.plain if item.is_map else {}
    plain.pop("tests", None)
    known = [{key: list(names) for key, names in people.items()}] if people else []
    text = json.dumps([plain, side, held_by, *known], ensure_ascii=True, default=str)
    return sha256(text.encode()).hexdigest()[:16]
