"""How a mapping that `extends:` another is laid over it.

Blocks are merged key by key, `pairs` and `write_also` value by value, `fields` by canonical name, `case` by kind; a block
written as nothing (`labels:` or `labels: null`) removes the other's. Deny rules of both count, because deny rules win.
Everything else written here replaces what it stands over; `tests` belong to the file they stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bridge.mapping.source import Item

BY_VALUE = ("pairs", "write_also")


def lay_over(base: Item, over: Item) -> Item:
    """The mapping `over`, with what it does not say taken from `base`. Both are mappings."""
    merged = {key: item for key, item in base.value.items() if key not in ("extends", "tests")}
    places = {key: base.key_place(key) for key in merged}
    for key, item in over.value.items():
        if key == "extends":
            continue
        known = merged.get(key)
        places[key] = over.key_place(key)
        if known is None or item.value is None:
            merged[key] = item
        elif key == "deny" and known.is_list and item.is_list:
            merged[key] = Item((*known.value, *item.value), item.place)
        elif key == "fields" and known.is_list and item.is_list:
            merged[key] = _fields(known, item)
        elif known.is_map and item.is_map:
            merged[key] = _block(known, item)
        else:
            merged[key] = item
    return _map(merged, places, over)


def _fields(base: Item, over: Item) -> Item:
    named = {_canonical(item): item for item in base.value}
    for item in over.value:
        known = named.get(_canonical(item))
        named[_canonical(item)] = _block(known, item) if known and known.is_map and item.is_map else item
    return Item(tuple(named.values()), over.place)


def _canonical(item: Item) -> object:
    name = item.get("canonical")
    return name.value if name else id(item)


def _block(base: Item, over: Item) -> Item:
    merged = dict(base.value)
    for key, item in over.value.items():
        known = merged.get(key)
        if key in BY_VALUE and known is not None and known.is_map and item.is_map:
            merged[key] = _map({**known.value, **item.value}, {**known.keys, **item.keys}, item)
        else:
            merged[key] = item
    for key, rival in (BY_VALUE, BY_VALUE[::-1]):
        _drop_overruled(merged, over, key, rival)
    return _map(merged, {**base.keys, **over.keys}, over)


def _drop_overruled(merged: dict[str, Item], over: Item, key: str, rival: str) -> None:
    """A value that `over` gives a pair no longer folds as the base said, and the other way round."""
    given, others = over.get(key), merged.get(rival)
    if given is None or others is None or not given.is_map or not others.is_map:
        return
    own = over.get(rival)
    kept = {name: item for name, item in others.value.items() if name not in given.value or (own and own.get(name))}
    merged[rival] = _map(kept, others.keys, others)


def _map(items: Mapping[str, Item], keys: Mapping[str, object], like: Item) -> Item:
    places = {name: place for name, place in keys.items() if name in items}
    return Item(MappingProxyType(dict(items)), like.place, MappingProxyType(places))  # type: ignore[arg-type]
