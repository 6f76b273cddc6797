"""Parsed plain data that remembers where it stood, and the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from bridge.errors import ConfigurationError, Place

NOWHERE = Place("(built in memory)")


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a file. `value` is a scalar (None, bool, int, float, str, date), a tuple of items, or a read-only
    mapping of items by key; `keys` tells where each key of a mapping stands."""

    value: Any
    place: Place = NOWHERE
    keys: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_map(self) -> bool:
        """Whether this is a mapping of keys to items."""
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        """Whether this is a list of items."""
        return isinstance(self.value, tuple)

    @property
    def plain(self) -> Any:
        """The same as plain Python data: dicts, lists and scalars."""
        if self.is_map:
            return {key: item.plain for key, item in self.value.items()}
        if self.is_list:
            return [item.plain for item in self.value]
        return self.value

    @classmethod
    def of(cls, plain: Any, place: Place = NOWHERE) -> Item:
        """Wrap plain data; every value stands at `place`."""
        if isinstance(plain, Mapping):
            items = {str(key): cls.of(value, place) for key, value in plain.items()}
            return cls(MappingProxyType(items), place, MappingProxyType(dict.fromkeys(items, place)))
        if isinstance(plain, list | tuple):
            return cls(tuple(cls.of(value, place) for value in plain), place)
        return cls(plain, place)

    def get(self, key: str) -> Item | None:
        """The item under `key` of a mapping, or None."""
        found: Item | None = self.value.get(key) if self.is_map else None
        return found

    def key_place(self, key: str) -> Place:
        """Where the key stands, or where this item begins if it has no such key."""
        return self.keys.get(key, self.place)

    def find(self, path: Iterable[str | int]) -> Item:
        """The item at `path`, or the deepest one on the way there."""
        here = self
        for step in path:
            if here.is_map and str(step) in here.value:
                here = here.value[str(step)]
            elif here.is_list and isinstance(step, int) and step < len(here.value):
                here = here.value[step]
            else:
                break
        return here


def describe(value: Any) -> str:
    """What kind of value this is, in an admin's words."""
    if isinstance(value, Mapping):
        return "a group of keys"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value `{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number `{value}`"
    if isinstance(value, date):
        return f"the date `{value}`"
    return f"the text `{value}`"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean `x`?` for the choice closest to `word`, or an empty text."""
    by_fold = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f"did you mean `{by_fold[near[0]]}`?" if near else ""


def one_of(choices: Iterable[str]) -> str:
    """`one of a, b, c` for a sentence."""
    return "one of " + ", ".join(f"`{choice}`" for choice in choices)


class Problems:
    """What was found wrong so far, in the order found. Reading goes on after a problem, so that all are shown at once."""

    def __init__(self) -> None:
        self.found: list[ConfigurationError] = []

    def add(self, message: str, place: Place, suggestion: str = "") -> None:
        """Note one problem: a sentence, its place, and perhaps how to mend it. The same one is noted once."""
        problem = ConfigurationError(message, place, suggestion)
        if str(problem) not in {str(known) for known in self.found}:
            self.found.append(problem)

    def keys(self, item: Item, what: str, known: Iterable[str]) -> Mapping[str, Item]:
        """The keys of `item`, which must be a mapping with no others than `known`. Empty if it is not."""
        names = tuple(known)
        if not item.is_map:
            self.add(f"{what} must be a group of keys, not {describe(item.value)}", item.place)
            return {}
        for key in item.value:
            if key not in names:
                hint = did_you_mean(key, names) or f"known here: {', '.join(names)}"
                self.add(f"{what} has the unknown key `{key}`", item.key_place(key), hint)
        return {key: value for key, value in item.value.items() if key in names}

    def text(self, item: Item | None, what: str) -> str:
        """The text of `item`; empty if absent or not a text."""
        if item is None:
            return ""
        if not isinstance(item.value, str) or not item.value:
            self.add(f"{what} must be a text, not {describe(item.value)}", item.place, quoting(item.value))
            return ""
        return item.value

    def items(self, item: Item | None, what: str) -> tuple[Item, ...]:
        """The items of a list; a single value counts as a list of one; absent is none."""
        if item is None:
            return ()
        if item.is_list:
            members: tuple[Item, ...] = item.value
            return members
        if item.is_map or item.value is None:
            self.add(f"{what} must be a list, not {describe(item.value)}", item.place)
            return ()
        return (item,)

    def texts(self, item: Item | None, what: str) -> tuple[str, ...]:
        """The texts of a list (or of a single text)."""
        return tuple(text for member in self.items(item, what) if (text := self.text(member, f"each of {what}")))

    def truth(self, item: Item | None, what: str, default: bool = False) -> bool:
        """`true` or `false`; anything else is a problem."""
        if item is None:
            return default
        if not isinstance(item.value, bool):
            self.add(f"{what} must be `true` or `false`, not {describe(item.value)}", item.place)
            return default
        return item.value

    def word(self, item: Item | None, what: str, choices: Iterable[str]) -> str:
        """One of the closed `choices`; empty if absent or another."""
        names = tuple(choices)
        text = self.text(item, what)
        if text and text not in names and item is not None:
            self.add(f"{what} must be {one_of(names)}, not `{text}`", item.place, did_you_mean(text, names))
            return ""
        return text


def quoting(value: Any) -> str:
    """The advice to quote a number, truth value or date that was meant as text."""
    if isinstance(value, bool):
        return f'write "{str(value).lower()}" in quotes if the text is meant'
    return f'write "{value}" in quotes if the text is meant' if isinstance(value, int | float | date) else ""
