"""The lens laws: for every mapping the checker passes, and every ticket, write then read gives the value back, and
writing what was read changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.routes import MappingFiles
from bridge.mapping.check import check_side
from bridge.mapping.compile import VOCABULARIES, compile_side
from bridge.mapping.lens import LabelsLens, Lens, LineLens, after
from bridge.mapping.side import SideMapping
from bridge.mapping.source import NOWHERE, Item, Problems
from bridge.mapping.table import TableLens
from bridge.model.ticket import Presence, Reading
from bridge.model.words import HeldBy, Severity, Side

PACKS = ("zendesk-default", "jira-software", "jira-service-management", "github-labels")
NAMES = st.sampled_from(["urgent", "high", "normal", "low", "Open", "open", "x y", "", "solved"])
LABELS = st.lists(st.sampled_from(["a", "A", "b", "c", "d", "product-x", "Product-X", "product-y", "vip"]), unique=True)


def pack(name: str) -> SideMapping:
    problems = Problems()
    rules = MappingFiles(Path(), problems).load(Item.of(name))
    assert rules is not None
    return compile_side(rules, name=name, side=Side.TRACKER, helpdesk_held_by=HeldBy.CUSTOMER, problems=problems)


MAPPINGS = {name: pack(name) for name in PACKS}


def mentioned(lens: TableLens, native: str) -> list[str]:
    words = [value for form in lens.forms() for name, value in form.fields if name == native and value]
    words += [value for rule in lens.exceptions for test in rule.when.tests() for value in test.values]
    return [*words, "never heard of", ""]


@st.composite
def tickets(draw: st.DrawFn, lens: Lens) -> dict[str, Reading]:
    """Any ticket: mentioned and unmentioned values, any set of labels, anything empty."""
    fields: dict[str, Reading] = {}
    for native in lens.natives:
        if isinstance(lens, TableLens) and native in lens.named:
            some = st.sampled_from([*lens.named[native], "bug", *(label.upper() for label in lens.named[native])])
            fields[native] = Reading.of(draw(st.lists(some, unique=True)))
        elif isinstance(lens, TableLens):
            fields[native] = Reading.of(draw(st.sampled_from(mentioned(lens, native))))
        elif isinstance(lens, LabelsLens):
            fields[native] = Reading.of(draw(st.lists(st.sampled_from(["product-x", "Area-DB", "vip", "area-a b"]))))
        else:
            fields[native] = Reading.of(draw(st.text(max_size=8)))
    return fields


def check_laws(lens: Lens, value: Any, current: dict[str, Reading]) -> None:
    read = lens.read(current)
    if read.presence is Presence.VALUE:
        assert lens.write(read.value, current) == {}, "GetPut"
    then = after(current, lens.write(value, current))
    expected = value if lens.read(current).value == value else lens.fold(value)
    assert lens.read(then).value == expected, "PutGet"
    assert lens.write(value, then) == {}, "a second write changes nothing"
    assert lens.fold(lens.fold(value)) == lens.fold(value), "folding is done once"


@pytest.mark.parametrize("field", ["severity", "priority", "state"])
@pytest.mark.parametrize("name", PACKS)
@given(data=st.data())
def test_every_packs_tables_keep_the_laws_on_every_ticket(name: str, field: str, data: st.DataObject) -> None:
    lens = MAPPINGS[name].lenses.get(field)
    if lens is None:
        return
    value = data.draw(st.sampled_from(VOCABULARIES[field]))

    check_laws(lens, str(value), data.draw(tickets(lens)))


@pytest.mark.parametrize("name", PACKS)
@given(data=st.data())
def test_every_packs_labels_keep_the_laws_and_leave_other_labels_alone(name: str, data: st.DataObject) -> None:
    lens = MAPPINGS[name].lenses["labels"]
    assert isinstance(lens, LabelsLens)
    current = data.draw(tickets(lens))
    wanted = data.draw(st.lists(st.sampled_from(["product-x", "Product-X", "area-db", "vip", "severity: major"])))
    value = lens.fold(wanted)

    check_laws(lens, value, current)

    before = [label for label in current[lens.native].value or () if not lens.travels(label)]
    then = after(current, lens.write(value, current))[lens.native].value or []
    assert [label for label in then if not lens.travels(label)] == before


@given(text=st.text(), current=st.text())
def test_a_line_of_text_keeps_the_laws(text: str, current: str) -> None:
    lens = LineLens("summary", "subject", NOWHERE)

    check_laws(lens, lens.fold(text), {"subject": Reading.of(current)})


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    """Blocks an admin might write, most of them wrong."""
    label = st.sampled_from(["a", "b", "c", None])
    form = st.one_of(
        NAMES.filter(bool),
        st.fixed_dictionaries({"status": NAMES.filter(bool)}, optional={"label": label, "reason": NAMES}),
        st.fixed_dictionaries({"label": label}),
    )
    values = st.sampled_from(tuple(str(value) for value in Severity))
    forms = draw(st.lists(form, min_size=1, max_size=4, unique_by=lambda form: str(form).lower()))
    pairs = dict(zip((str(value) for value in Severity), forms, strict=False))
    block: dict[str, Any] = {"native": "status", "pairs": pairs}
    rest = [value for value in Severity if value not in pairs]
    block["write_also"] = {str(value): draw(st.sampled_from(forms)) for value in rest}
    when = st.dictionaries(st.sampled_from(["status", "reason"]), st.lists(NAMES.filter(bool), min_size=1), min_size=1)
    block["also_read"] = draw(st.lists(st.fixed_dictionaries({"when": when, "is": values}), max_size=2))
    if draw(st.booleans()):
        block["otherwise"] = draw(values)
    return block


@settings(max_examples=200)
@given(block=blocks(), data=st.data())
def test_whatever_the_checker_passes_keeps_the_laws(block: dict[str, Any], data: st.DataObject) -> None:
    problems = Problems()
    item = Item.of({"severity": block})
    mapping = compile_side(item, name="any", side=Side.TRACKER, helpdesk_held_by=HeldBy.VENDOR, problems=problems)
    check_side(mapping, problems)
    if problems.found:
        return
    lens = mapping.lenses["severity"]

    for value in Severity:
        check_laws(lens, str(value), data.draw(tickets(lens)))
