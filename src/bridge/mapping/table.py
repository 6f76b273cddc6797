"""The lens of a closed vocabulary: two-way tables first, then exceptions, first match wins.

A *form* is how one canonical value looks on a side: values of native fields, and perhaps exactly one of the labels that
the block names (none of them for `label: null`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import Place
from bridge.mapping.condition import Condition, members, same
from bridge.mapping.lens import after, settled
from bridge.model.ticket import EMPTY_READING, UNREADABLE, Presence, Reading


@dataclass(frozen=True, slots=True)
class Form:
    """One native form. `fields`: native name and wanted value, None for empty. `picks`: native list of labels and the
    one wanted of those the block names there, None for none of them."""

    fields: tuple[tuple[str, Any], ...]
    picks: tuple[tuple[str, str | None], ...]
    place: Place

    @property
    def natives(self) -> tuple[str, ...]:
        """The native fields it speaks of."""
        return tuple(name for name, _ in (*self.fields, *self.picks))

    @property
    def short(self) -> str:
        """The bare value of a form of one part, for sentences; longer forms in full."""
        only = [value for _, value in (*self.fields, *self.picks)]
        return str(only[0]) if len(only) == 1 and only[0] is not None else str(self)

    def __str__(self) -> str:
        parts = [f"{name} {value}" if value is not None else f"no {name}" for name, value in self.fields]
        parts += [f"label {label}" if label else "no such label" for _, label in self.picks]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class AlsoRead:
    """An `also_read` rule: when the condition holds, the side reads as `value`."""

    when: Condition
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class TableLens:
    """A canonical vocabulary in native values.

    `pairs` go both ways. `folds` are written only: forms that belong to another value, for canonical values this side
    has no own form for. `exceptions` and `otherwise` are read only. `named` holds, per native list, the labels that
    the block names: they are this block's own and never travel as labels.
    """

    field: str
    place: Place
    pairs: Mapping[str, Form]
    folds: Mapping[str, Form]
    exceptions: tuple[AlsoRead, ...]
    otherwise: str
    named: Mapping[str, tuple[str, ...]]
    writable: bool = True

    @property
    def natives(self) -> tuple[str, ...]:
        """Every native field that a rule of the block mentions, in the order of first mention."""
        names: dict[str, None] = {}
        for form in self.forms():
            names.update(dict.fromkeys(form.natives))
        for rule in self.exceptions:
            names.update(dict.fromkeys(sorted(rule.when.natives)))
        return tuple(names)

    @property
    def written(self) -> frozenset[str]:
        """The native fields it writes."""
        return frozenset(name for form in self.forms() for name in form.natives)

    def forms(self) -> Iterator[Form]:
        """All forms, two-way ones first."""
        yield from self.pairs.values()
        yield from self.folds.values()

    def read(self, fields: Mapping[str, Reading]) -> Reading:
        """The first pair that fits, else the first exception that holds, else `otherwise`."""
        if any(not fields.get(name, UNREADABLE).readable for name in self.natives):
            return UNREADABLE
        value, _ = self.explain(fields)
        if value:
            return Reading(Presence.VALUE, value)
        return EMPTY_READING if self._blank(fields) else UNREADABLE

    def touches(self, native: str, members: frozenset[str]) -> bool:
        """Whether the block speaks of the field, and of one of the labels where it is a list."""
        named = {label.casefold() for label in self.named.get(native, ())}
        return native in self.natives and (not members or any(label.casefold() in named for label in members))

    def explain(self, fields: Mapping[str, Reading]) -> tuple[str, Place]:
        """The canonical value (empty text if no rule speaks) and where the rule that decided stands."""
        for value, form in self.pairs.items():
            if self._fits(form, fields):
                return value, form.place
        for rule in self.exceptions:
            if rule.when.holds(fields):
                return rule.value, rule.place
        return self.otherwise, self.place

    def write(self, value: Any, current: Mapping[str, Reading]) -> dict[str, Any]:
        """What differs between `current` and the form of `value`. A value this side has no form for, and None, write
        nothing."""
        readings = settled(self.natives, current)
        form = self.form_of(value)
        if form is None or self._reads_as(value, readings):
            return {}
        changes: dict[str, Any] = {name: wanted for name, wanted in form.fields if not _has(readings[name], wanted)}
        for name, label in form.picks:
            present = [str(member) for member in members(readings[name].value)]
            picked = self._pick(name, present, label)
            if picked != present:
                changes[name] = picked
        return changes

    def form(self, value: Any) -> dict[str, Any]:
        """The whole form of `value` for a new ticket; {} for a value without one."""
        form = self.form_of(value)
        if form is None:
            return {}
        plain = {name: wanted for name, wanted in form.fields if wanted is not None}
        return plain | {name: [label] for name, label in form.picks if label}

    def fold(self, value: Any) -> Any:
        """The canonical value the side would read after `value` was written to an empty ticket."""
        empty = dict.fromkeys(self.natives, EMPTY_READING)
        if value is None or self.form_of(value) is None:
            return None
        return self.read(after(empty, self.write(value, empty))).value

    def form_of(self, value: Any) -> Form | None:
        """How `value` is written here."""
        return self.pairs.get(value) or self.folds.get(value)

    def _reads_as(self, value: Any, readings: Mapping[str, Reading]) -> bool:
        """Whether the ticket reads as `value`, or, where that is a fold, as what it folds into."""
        now = self.explain(readings)[0]
        if value in self.folds and now and now != value:
            empty = dict.fromkeys(self.natives, EMPTY_READING)
            return now == self.explain(after(empty, self.form(value)))[0]
        return bool(now == value)

    def _fits(self, form: Form, fields: Mapping[str, Reading]) -> bool:
        if not all(_has(fields.get(name, EMPTY_READING), wanted) for name, wanted in form.fields):
            return False
        return all(self._picked(name, label, fields.get(name, EMPTY_READING)) for name, label in form.picks)

    def _picked(self, name: str, label: str | None, reading: Reading) -> bool:
        present = members(reading.value)
        if label is not None:
            return any(same(member, label) for member in present)
        return not any(self._names(name, member) for member in present)

    def _pick(self, name: str, present: list[str], label: str | None) -> list[str]:
        kept = [each for each in present if not self._names(name, each) or (label is not None and same(each, label))]
        return kept if label is None or any(same(each, label) for each in kept) else [*kept, label]

    def _names(self, name: str, label: Any) -> bool:
        return any(same(label, known) for known in self.named.get(name, ()))

    def _blank(self, fields: Mapping[str, Reading]) -> bool:
        """Whether nothing is set that the block speaks of, other labels aside."""
        for name in self.natives:
            if name in self.named:
                if any(self._names(name, member) for member in members(fields[name].value)):
                    return False
            elif fields[name].presence is Presence.VALUE:
                return False
        return True


def _has(reading: Reading, wanted: Any) -> bool:
    if wanted is None:
        return reading.presence is Presence.EMPTY
    return any(same(member, wanted) for member in members(reading.value))
