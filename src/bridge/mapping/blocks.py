"""The blocks of a mapping, one canonical field each, compiled to lenses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bridge.mapping.condition import compile_condition
from bridge.mapping.dates import DateLens
from bridge.mapping.lens import DocumentLens, LabelsLens, Lens, LineLens, ListLens
from bridge.mapping.people import People, PersonLens
from bridge.mapping.source import Item, Problems, describe, did_you_mean, one_of, quoting
from bridge.mapping.table import AlsoRead, Form, TableLens
from bridge.model.words import DESCRIPTION, DUE, LABELS, SUMMARY

LABEL_KEYS = {"label": "labels", "tag": "tags"}
"""The keys of a form that stand for one label out of those the block names, and the native list they stand in."""

TABLE_KEYS = ("native", "pairs", "write_also", "also_read", "otherwise", "owner", "read_only")
TEXT_KEYS = ("native", "owner", "read_only")
LABELS_KEYS = ("native", "only", "except", "spelling", "owner", "read_only")
PERSON_KEYS = ("kind", *TEXT_KEYS)
CUSTOM_KEYS = ("canonical", "kind", *TABLE_KEYS)


def compile_summary(item: Item, problems: Problems) -> Lens | None:
    """`summary: {native: subject}`."""
    block = problems.keys(item, "`summary`", TEXT_KEYS)
    native = _native(block, item, SUMMARY, problems)
    return LineLens(SUMMARY, native, item.place, _writable(block, problems)) if native else None


def compile_description(item: Item, problems: Problems) -> Lens | None:
    """`description: {native: description, read_only: true}`."""
    block = problems.keys(item, "`description`", TEXT_KEYS)
    native = _native(block, item, DESCRIPTION, problems)
    return DocumentLens(DESCRIPTION, native, item.place, _writable(block, problems)) if native else None


def compile_labels(item: Item, taken: frozenset[str], problems: Problems) -> LabelsLens | None:
    """`labels: {native: tags, only: [product-*], except: [product-internal-*]}`."""
    block = problems.keys(item, "`labels`", LABELS_KEYS)
    native = _native(block, item, LABELS, problems)
    only = problems.texts(block.get("only"), "`only`")
    if native and not only:
        problems.add("`labels` must say which labels travel", item.place, 'add `only: ["product-*"]`')
    spelling = problems.word(block.get("spelling"), "`spelling`", ("as_is", "tag"))
    return (
        LabelsLens(
            LABELS,
            native,
            item.place,
            only,
            problems.texts(block.get("except"), "`except`"),
            taken,
            spelling == "tag",
            _writable(block, problems),
        )
        if native and only
        else None
    )


def compile_person(name: str, item: Item, people: People, problems: Problems) -> PersonLens | None:
    """`assignee: {native: assignee}`; with `kind: list` where the native field holds several accounts."""
    block = problems.keys(item, f"`{name}`", PERSON_KEYS)
    native = _native(block, item, name, problems)
    kind = problems.word(block.get("kind"), "`kind`", ("one", "list"))
    writable = _writable(block, problems)
    return PersonLens(name, native, item.place, people, kind == "list", writable) if native else None


def compile_due(item: Item, problems: Problems) -> DateLens | None:
    """`due: {native: duedate}`."""
    block = problems.keys(item, f"`{DUE}`", TEXT_KEYS)
    native = _native(block, item, DUE, problems)
    return DateLens(DUE, native, item.place, _writable(block, problems)) if native else None


def compile_custom(item: Item, problems: Problems) -> Lens | None:
    """One entry of `fields:`: a table if it has `pairs`, else a line of text or (`kind: list`) a set of names."""
    block = problems.keys(item, "an entry of `fields`", CUSTOM_KEYS)
    name = problems.text(block.get("canonical"), "`canonical`")
    if not name:
        problems.add("an entry of `fields` must name its `canonical` field", item.place)
        return None
    if "pairs" in block:
        pairs = block["pairs"]
        vocabulary = tuple(pairs.value) if pairs.is_map else ()
        rest = Item(
            MappingProxyType({key: value for key, value in block.items() if key not in ("canonical", "kind")}),
            item.place,
            item.keys,
        )
        return compile_table(name, rest, vocabulary, problems)
    native = _native(block, item, name, problems)
    kind = problems.word(block.get("kind"), "`kind`", ("text", "list"))
    lens = ListLens if kind == "list" else LineLens
    return lens(name, native, item.place, _writable(block, problems)) if native else None


def compile_table(name: str, item: Item, vocabulary: Iterable[str], problems: Problems) -> TableLens | None:
    """A block with `pairs`. Notes values outside `vocabulary`, and a value that is both paired and folded."""
    block = problems.keys(item, f"`{name}`", TABLE_KEYS)
    if not block:
        return None
    native = problems.text(block.get("native"), f"`native` of `{name}`")
    values = tuple(vocabulary)
    pairs = _forms(block.get("pairs"), name, native, values, problems)
    folds = _forms(block.get("write_also"), name, native, values, problems)
    if not pairs:
        problems.add(f"`{name}` has no `pairs`", item.place, "write `pairs: {canonical value: native value}`")
        return None
    for value in folds.keys() & pairs.keys():
        problems.add(f"`{value}` of `{name}` is in `pairs` and in `write_also`", folds[value].place, "keep one of them")
    otherwise = problems.word(block.get("otherwise"), f"`otherwise` of `{name}`", values)
    lens = TableLens(
        field=name,
        place=item.place,
        pairs=MappingProxyType(pairs),
        folds=MappingProxyType(folds),
        exceptions=_exceptions(block.get("also_read"), name, values, problems),
        otherwise=otherwise,
        named=MappingProxyType(_named((*pairs.values(), *folds.values()))),
        writable=_writable(block, problems),
    )
    _note_no_native(lens, native, item, problems)
    return lens


def _note_no_native(lens: TableLens, native: str, item: Item, problems: Problems) -> None:
    if native and native not in lens.natives:
        problems.add(f"no rule of `{lens.field}` speaks of its native field `{native}`", item.key_place("native"))


def _forms(
    item: Item | None, name: str, native: str, vocabulary: tuple[str, ...], problems: Problems
) -> dict[str, Form]:
    if item is None:
        return {}
    if not item.is_map:
        problems.add(f"`pairs` of `{name}` must be a group of keys, not {describe(item.value)}", item.place)
        return {}
    forms = {}
    for value, wanted in item.value.items():
        if value not in vocabulary:
            hint = did_you_mean(value, vocabulary)
            problems.add(f"`{value}` is no {name}: it is {one_of(vocabulary)}", item.key_place(value), hint)
            continue
        if form := _form(wanted, value, native, problems):
            forms[value] = form
    return forms


def _form(item: Item, value: str, native: str, problems: Problems) -> Form | None:
    if item.is_list:
        problems.add(
            f"`{value}` is written as one value, not as a list", item.place, "put the others under `also_read`"
        )
        return None
    if not item.is_map:
        if not native:
            problems.add(f"`{value}` names no native field", item.place, "add `native:` to the block")
            return None
        return Form(((native, wanted),), (), item.place) if _is_scalar(wanted := item.value, item, problems) else None
    fields: list[tuple[str, Any]] = []
    picks: list[tuple[str, str | None]] = []
    for key, part in item.value.items():
        if key in LABEL_KEYS:
            label = problems.text(part, f"`{key}`") if part.value is not None else None
            picks.append((LABEL_KEYS[key], label))
        elif _is_scalar(part.value, part, problems):
            fields.append((key, part.value))
    return Form(tuple(fields), tuple(picks), item.place) if fields or picks else None


def _is_scalar(value: Any, item: Item, problems: Problems) -> bool:
    if item.is_map or item.is_list or isinstance(value, float):
        problems.add(f"a native value must be a name, not {describe(value)}", item.place, quoting(value))
        return False
    return True


def _exceptions(item: Item | None, name: str, vocabulary: tuple[str, ...], problems: Problems) -> tuple[AlsoRead, ...]:
    rules = []
    for each in problems.items(item, f"`also_read` of `{name}`"):
        block = problems.keys(each, f"an `also_read` rule of `{name}`", ("when", "is"))
        if not {"when", "is"} <= block.keys():
            problems.add(f"an `also_read` rule of `{name}` needs both `when` and `is`", each.place)
            continue
        when = compile_condition(block["when"], problems, f"`when` of `{name}`")
        value = problems.word(block["is"], f"`is` of `{name}`", vocabulary)
        if when and value:
            rules.append(AlsoRead(when, value, each.place))
    return tuple(rules)


def _named(forms: Iterable[Form]) -> dict[str, tuple[str, ...]]:
    named: dict[str, dict[str, None]] = {}
    for form in forms:
        for native, label in form.picks:
            known = named.setdefault(native, {})
            if label:
                known[label] = None
    return {native: tuple(labels) for native, labels in named.items()}


def _native(block: Mapping[str, Item], item: Item, name: str, problems: Problems) -> str:
    if "native" not in block:
        if item.is_map:
            problems.add(f"`{name}` does not name its native field", item.place, "add `native:`")
        return ""
    return problems.text(block["native"], f"`native` of `{name}`")


def _writable(block: Mapping[str, Item], problems: Problems) -> bool:
    return not problems.truth(block.get("read_only"), "`read_only`")
