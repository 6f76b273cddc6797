"""The proof, without a network, that a mapping holds together.

For every table: each canonical value can be written or is a declared fold; each rule can be reached; writing gives the
value back and writing what was read changes nothing, over every combination of the native values its rules mention (and
one value none mentions, and none at all). Between tables: no two write the same native field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, product
from math import prod
from typing import Any

from bridge.errors import Place
from bridge.mapping.compile import VOCABULARIES
from bridge.mapping.dates import DateLens
from bridge.mapping.lens import Lens, after
from bridge.mapping.people import PersonLens
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Problems, did_you_mean
from bridge.mapping.table import TableLens
from bridge.model.ticket import EMPTY_READING, Reading
from bridge.model.words import Direction

MOST_COMBINATIONS = 20_000
"""How many combinations of native values one table may have; a larger one is refused, since it cannot be proved."""

UNKNOWN_NAME = "a name no rule mentions"


def check_side(mapping: SideMapping, problems: Problems) -> None:
    """Prove one side's mapping; what fails is noted."""
    tables = [lens for lens in mapping.lenses.values() if isinstance(lens, TableLens)]
    for table in tables:
        _check_total(table, problems)
        check_laws(table, problems)
    _check_shared_fields(mapping.lenses.values(), problems)
    _check_shared_labels(tables, problems)


def check_routes_fields(
    helpdesk: SideMapping, tracker: SideMapping, directions: Mapping[str, Direction], problems: Problems
) -> None:
    """Prove what only both sides together show: whoever receives a field can write it, in the sender's vocabulary."""
    for name, direction in directions.items():
        pair = (helpdesk.lenses[name], tracker.lenses[name])
        receivers = {
            Direction.TO_HELPDESK: pair[:1],
            Direction.TO_TRACKER: pair[1:],
            Direction.BOTH: pair,
            Direction.CASE: pair,
        }[direction]
        for lens in receivers:
            sender = pair[1] if lens is pair[0] else pair[0]
            if not lens.writable:
                problems.add(
                    f"`{name}` flows {direction.replace('_', ' ')}, but this side never takes writes of it",
                    lens.place,
                    f"say who owns `{name}` in the route",
                )
            elif isinstance(lens, DateLens) != isinstance(sender, DateLens):
                problems.add(f"`{name}` is a day on one side only", lens.place)
            elif isinstance(lens, TableLens) != isinstance(sender, TableLens):
                problems.add(f"`{name}` has `pairs` on one side only", lens.place)
            elif isinstance(lens, TableLens) and isinstance(sender, TableLens):
                _check_vocabulary(lens, sender, problems)
        if all(isinstance(lens, TableLens) for lens in pair):
            _check_folds_settle(pair, problems)


def check_people(mapping: SideMapping, site: str, problems: Problems) -> None:
    """A field that names people needs somebody of the config's people who has an account at the site."""
    for lens in mapping.lenses.values():
        if isinstance(lens, PersonLens) and not lens.people:
            hint = f"give somebody there `accounts: {{{site}: …}}` or an `email`"
            problems.add(
                f"`{lens.field}` names people, and nobody under `people:` is known at {site}", lens.place, hint
            )


def check_roles(mapping: SideMapping, roles: Iterable[str], problems: Problems) -> None:
    """Every role that a rule of the mapping names must be one of the config's people."""
    known = tuple(roles)
    asked: list[tuple[str, Place]] = [
        (role, rule.place) for rule in mapping.comment_rules for role in sorted(rule.roles or ())
    ]
    asked += [(rule.release_by, rule.place) for rule in mapping.updates if rule.release_by]
    for role, place in asked:
        if role not in known:
            hint = did_you_mean(role, known) or f"add `{role}` to `people:` of the config"
            problems.add(f"the mapping speaks of `{role}`, who is not among the people of the config", place, hint)


def native_combinations(table: TableLens) -> Iterator[dict[str, Reading]]:
    """Every combination of the native values that the table's rules mention, empty and unmentioned ones included."""
    choices = {name: tuple(_choices(table, name)) for name in table.natives}
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def check_laws(table: TableLens, problems: Problems) -> None:
    """PutGet and GetPut over all native combinations, and reachability of every rule."""
    reached: set[Place] = set()
    if prod(len(tuple(_choices(table, name))) for name in table.natives) > MOST_COMBINATIONS:
        problems.add(f"`{table.field}` speaks of too many native values together to be proved", table.place)
        return
    for current in native_combinations(table):
        value, place = table.explain(current)
        if value:
            reached.add(place)
        if any(_breaks_law(table, wanted, current, problems) for wanted in (*table.pairs, *table.folds)):
            return
    for name, form in table.pairs.items():
        if form.place not in reached:
            problems.add(f"`{name}` of `{table.field}` is never read: the rules above it take {form} first", form.place)
    for rule in table.exceptions:
        if rule.place not in reached:
            problems.add(
                f"this `also_read` rule of `{table.field}` is never reached: rules above it decide", rule.place
            )


def _breaks_law(table: TableLens, value: str, current: Mapping[str, Reading], problems: Problems) -> bool:
    form = table.form_of(value)
    if form is None:
        return False
    now = table.read(current).value
    written = table.write(value, current)
    if now == value:
        if written:
            problems.add(f"writing `{value}` of `{table.field}` over itself would change the ticket", form.place)
        return bool(written)
    then = after(current, written)
    read = table.read(then).value
    expected = table.fold(value) if value in table.folds else value
    if read == expected and not table.write(value, then):
        return False
    if value in table.pairs and read in table.pairs and str(table.pairs[read]) == str(form):
        message = f"`{read}` and `{value}` of `{table.field}` are both written as {form}, so `{value}` is never read"
        problems.add(message, form.place, f"move `{value}` to `write_also` if it may turn into `{read}`")
    else:
        message = f"`{value}` of `{table.field}` written over {_show(current)} reads back as {_name(read)}"
        problems.add(message, form.place, f"make {form} say everything that tells it from {_name(read)}")
    return True


def _check_total(table: TableLens, problems: Problems) -> None:
    if not table.writable:
        return
    for value in VOCABULARIES.get(table.field, ()):
        if table.form_of(value) is None:
            problems.add(
                f"`{value}` of `{table.field}` cannot be written on this side",
                table.place,
                f"add it to `pairs`, or to `write_also` if it may turn into another {table.field}",
            )
    for value, form in table.folds.items():
        if table.fold(value) is None:
            problems.add(f"`{value}` of `{table.field}` is written as {form}, which no rule reads", form.place)


def _check_vocabulary(receiver: TableLens, sender: TableLens, problems: Problems) -> None:
    readable = [*sender.pairs, *(rule.value for rule in sender.exceptions)]
    for value in dict.fromkeys(readable):
        if receiver.form_of(value) is None and receiver.field not in VOCABULARIES:
            message = f"`{value}` of `{receiver.field}` comes from the other side and cannot be written on this one"
            problems.add(message, receiver.place, did_you_mean(value, receiver.pairs) or "add it to `pairs`")


def _check_folds_settle(pair: tuple[Lens, Lens], problems: Problems) -> None:
    """A value and its mirror image must be lens-equal, whichever side it comes from; else two sides never agree."""
    helpdesk, tracker = pair
    for value in VOCABULARIES.get(helpdesk.field, ()):
        for one, other in ((helpdesk, tracker), (tracker, helpdesk)):
            image = one.fold(value)
            if one.fold(other.fold(image)) != one.fold(other.fold(value)):
                problems.add(
                    f"`{value}` of `{helpdesk.field}` turns into {_name(image)} on this side, and back into "
                    f"{_name(other.fold(image))} on the other: the two sides would never agree",
                    one.place,
                    "give it a form of its own on both sides",
                )
                return


def _check_shared_fields(lenses: Iterable[Lens], problems: Problems) -> None:
    """Two blocks may share a list of labels, each with its own labels, and nothing else."""
    owner: dict[str, str] = {}
    for lens in lenses:
        if isinstance(lens, TableLens):
            names = {name for form in lens.forms() for name, _ in form.fields}
            lists = set(lens.named)
        else:
            names, lists = (set(), set(lens.natives)) if lens.field == "labels" else (set(lens.natives), set())
        for name in sorted(names):
            other = owner.setdefault(name, lens.field)
            if other != lens.field:
                problems.add(f"`{lens.field}` and `{other}` both write the native field `{name}`", lens.place)
        for name in lists & owner.keys():
            problems.add(f"`{lens.field}` keeps labels in `{name}`, which `{owner[name]}` writes whole", lens.place)


def _check_shared_labels(tables: Iterable[TableLens], problems: Problems) -> None:
    owner: dict[tuple[str, str], str] = {}
    for table in tables:
        for native, labels in table.named.items():
            for label in labels:
                other = owner.setdefault((native, label.casefold()), table.field)
                if other != table.field:
                    message = f"the label `{label}` is named by both `{other}` and `{table.field}`"
                    problems.add(message, table.place)


def _choices(table: TableLens, native: str) -> Iterator[Reading]:
    yield EMPTY_READING
    if native in table.named:
        labels = list(table.named[native])
        labels += [value for value in _mentioned(table, native) if isinstance(value, str) and value not in labels]
        yield Reading.of([UNKNOWN_NAME])
        for size in (1, 2):
            for some in combinations(labels, size):
                yield Reading.of([UNKNOWN_NAME, *some])
        return
    yield Reading.of(UNKNOWN_NAME)
    for value in _mentioned(table, native):
        yield Reading.of(value)


def _mentioned(table: TableLens, native: str) -> list[Any]:
    values = [value for form in table.forms() for name, value in form.fields if name == native and value is not None]
    for rule in table.exceptions:
        for test in rule.when.tests():
            if test.field == native and test.kind != "empty":
                values += test.values
    return list(dict.fromkeys(values))


def _name(value: Any) -> str:
    return f"`{value}`" if value else "nothing"


def _show(current: Mapping[str, Reading]) -> str:
    shown = [f"{name} {_plain(reading.value)}" for name, reading in current.items() if reading.value is not None]
    return ", ".join(shown) or "an empty ticket"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(str(each) for each in value if each != UNKNOWN_NAME) or "(others)"
    return "(any other)" if value == UNKNOWN_NAME else str(value)
