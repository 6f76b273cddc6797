"""The page of what a customer could see holds everything that is ever planned for a helpdesk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.bootstrap import _route, templates
from bridge.cli.exposure import exposed
from bridge.cli.story.config import SITES, config_text
from bridge.config import Config, load_config
from bridge.connect.port import Capabilities
from bridge.engine.plan import Tools, make_plan
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.engine.texts.notes import is_note
from bridge.mapping.table import TableLens
from bridge.model.document import from_plain, to_plain
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind
from bridge.model.ticket import Comment, Person, Reading, Snapshot, Thread, TicketRef, Version
from bridge.model.words import Mode, Side, Visibility
from bridge.store.hands import Hand
from bridge.store.links import Link
from bridge.text import marker as signing

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=30)
OVERLAY = """\
comments:
  to_other_side:
    - {when: {body: {contains: internal}}, skip: true}
    - {when: {author: {role: lead}}, audience: customer_user}
    - {when: {body: {starts_with: "#reply"}}, audience: customer, strip: true}
    - {when: {auto: true}, skip: true}
case:
  workaround: {any: [{command: /workaround}], audience: customer_user}
  delivered: {any: [{released: FIX}, {command: /hotfix}], release: lead}
"""
OPENS = """open_when: {labels: {any: [area-search]}},
      new_ticket: {requester: a@acme.example, message: {command: "#reply", role: lead}, fields: {tags: [b]}}"""
TOOLS = Tools(
    sign=lambda one: signing.sign(b"k" * 32, one),
    split=lambda _site, body: (body,),
    show=lambda _site, body: body,
    templates=templates(),
    capabilities=lambda _site: Capabilities(internal_comments=True),
    opened_at=NOW,
)


@cache
def configured(mode: str, owner: str, held_by: str, own_rules: bool) -> Config:
    """A config of two routes in one of its many shapes."""
    text = config_text({site: f"https://{site}.example" for site in SITES}).replace("mode: live", f"mode: {mode}")
    text = text.replace(
        "    undo: 0s\n", f"    undo: 0s\n    owner: {{summary: {owner}, severity: {owner}, labels: {owner}}}\n"
    )
    text = text.replace("held_by: customer", f"held_by: {held_by}")
    text = text.replace("type: Bug}", f"type: Bug, {OPENS}}}").replace(
        "vendor/platform}", f"vendor/platform, {OPENS}}}"
    )
    with TemporaryDirectory() as home:
        if own_rules:
            for pack, fix in (("jira-software", "Fix versions"), ("github-labels", "fix_versions")):
                rules = f"extends: {pack}\n" + OVERLAY.replace("FIX", fix)
                (Path(home) / f"{pack}.yaml").write_text(rules, encoding="utf-8")
                text = text.replace(f"mapping: {pack}", f"mapping: ./{pack}.yaml")
        path = Path(home) / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, environ={"SANDBOX_TOKEN": "x"})


comments = st.lists(
    st.builds(
        dict,
        words=st.sampled_from(
            ["#reply hello", "/workaround restart", "/hotfix 2.1", "internal #reply", "just talk", "/release", "#reply"]
        ),
        who=st.sampled_from(["lead", "engineer", "stranger", "ours"]),
        visibility=st.sampled_from(list(Visibility)),
        auto=st.booleans(),
    ),
    max_size=5,
)


def person(who: str, *, staff: bool) -> Person:
    return Person(f"id-{who}", who, f"{who}@vendor.example", staff=staff, ours=who == "ours")


def values_of(route: Route, side: Side) -> dict[str, list[Any]]:
    """Native values that mean something to the rules of a side, by field."""
    found: dict[str, list[Any]] = {}
    for name, lens in route.end(side).mapping.lenses.items():
        for native in lens.natives:
            found.setdefault(native, [None])
            if isinstance(lens, TableLens):
                found[native] += [value for form in lens.forms() for part, value in form.fields if part == native]
                found[native] += [
                    [label] for form in lens.forms() for part, label in form.picks if part == native and label
                ]
            elif name == "description":
                found[native] += [from_plain("One."), from_plain("Another.")]
            elif name == "labels":
                found[native] += [["area-search"], ["product-shop", "vip"]]
            else:
                found[native] += ["A title", "Another title"]
    return found


def draw_state(data: st.DataObject, route: Route, *, is_unlinked: bool = False) -> GroupState:
    refs = {Side.HELPDESK: TicketRef(route.helpdesk.site, "1"), Side.TRACKER: TicketRef(route.tracker.site, "2")}
    group = f"{route.name}:{refs[Side.HELPDESK]}"
    snapshots, bases = {}, {}
    for side, ref in refs.items():
        natives = values_of(route, side)
        pick = {name: data.draw(st.sampled_from(options)) for name, options in natives.items()}
        before = {name: data.draw(st.sampled_from([pick[name], *options])) for name, options in natives.items()}
        said = tuple(
            Comment(
                id=str(number),
                created_at=NOW - timedelta(hours=1),
                author=person(one["who"], staff=side is Side.TRACKER),
                body=from_plain(one["words"]),
                visibility=one["visibility"],
                auto=one["auto"],
            )
            for number, one in enumerate(data.draw(comments))
        )
        fields = {name: Reading.of(value) for name, value in pick.items()}
        for versions in ("Fix versions", "fix_versions"):
            fields[versions] = Reading.of(data.draw(st.sampled_from([[], [{"name": "2.4", "released": True}]])))
        for each in route.end(side).mapping.native_fields():
            fields.setdefault(each, Reading.of(None))
        snapshots[side] = Snapshot(ref, ref.id, "", Version(NOW), NOW, NOW - timedelta(days=1), fields, Thread(said))
        bases[side] = {
            name: {native: Reading.of(before[native]) for native in lens.natives if native in before}
            for name, lens in route.end(side).mapping.lenses.items()
        }
    if is_unlinked:
        group = f"{route.name}:{refs[Side.TRACKER]}"
        snapshots = {Side.TRACKER: snapshots[Side.TRACKER]}
        bases = {side: {} for side in Side}
    link = None if is_unlinked else Link(group, route.name, refs[Side.HELPDESK], refs[Side.TRACKER], "2")
    hand = Hand(group, route.name, "", 1, 1)
    return GroupState(hand, route, NOW, link, snapshots, bases, [], {}, frozenset(), {})


def to_the_customer(operations: list[Operation]) -> Iterator[Operation]:
    return (one for one in operations if one.side is Side.HELPDESK and not is_note(one))


@settings(max_examples=300)
@given(
    st.data(),
    st.sampled_from(list(Mode)),
    st.sampled_from(["helpdesk", "tracker", "both"]),
    st.sampled_from(["customer", "vendor"]),
    st.booleans(),
    st.sampled_from([0, 1]),
)
def test_whatever_is_planned_for_a_helpdesk_stands_on_the_page(
    data: st.DataObject, mode: Mode, owner: str, held_by: str, own_rules: bool, which: int
) -> None:
    config = configured(mode.value, owner, held_by, own_rules)
    plan = config.routes_compiled[which]
    route = _route(plan, config, began_at=NOW)
    page = exposed(plan)
    for one in to_the_customer(make_plan(draw_state(data, route), TOOLS).operations):
        rows = [row for row in page if row.covers(one)]
        assert rows, (one.kind, one.field_name, one.reason)
        if mode is Mode.INTERNAL:
            assert any(row.flows for row in rows)
        if one.kind is OperationKind.COMMENT:
            assert one.payload["audience"] in {row.audience.value for row in rows}


def test_the_page_of_another_route_does_not_cover_a_text() -> None:
    plan = configured("live", "helpdesk", "customer", False).routes_compiled[0]
    [row] = [row for row in exposed(plan) if row.kind == "comment"]
    marker = Marker("acme", "x/1", "comment", "1")
    mine = Operation("k", "g", OperationKind.COMMENT, Side.HELPDESK, {}, marker=marker, reason=str(row.place))
    strange = Operation("k", "g", OperationKind.COMMENT, Side.HELPDESK, {}, marker=marker, reason="elsewhere.yaml:1:1")
    assert row.covers(mine)
    assert not row.covers(strange)


@settings(max_examples=100)
@given(st.data(), st.sampled_from(list(Mode)), st.sampled_from(["customer", "vendor"]), st.sampled_from([0, 1]))
def test_a_ticket_for_an_issue_says_only_what_its_rule_on_the_page_releases(
    data: st.DataObject, mode: Mode, held_by: str, which: int
) -> None:
    config = configured(mode.value, "helpdesk", held_by, True)
    plan = config.routes_compiled[which]
    state = draw_state(data, _route(plan, config, began_at=OLD), is_unlinked=True)
    issue = state.snapshots[Side.TRACKER]
    lead = Comment("lead", NOW, person("lead", staff=True), from_plain("#reply we know"), Visibility.PUBLIC)
    said = list(issue.thread.comments if issue.thread else ())
    said.insert(data.draw(st.integers(0, len(said))), lead)
    labels = data.draw(st.sampled_from([["area-search"], ["area-search", "security-embargo"]]))
    fields = {**issue.fields, "labels": Reading.of(labels), "status": Reading.of("To Do"), "state": Reading.of("open")}
    state.snapshots[Side.TRACKER] = replace(issue, fields=fields, thread=Thread(tuple(said)))
    made = list(to_the_customer(make_plan(state, TOOLS).operations))
    assert len(made) == (mode is not Mode.INTERNAL and "security-embargo" not in labels)
    for one in made:
        [row] = [row for row in exposed(plan) if row.covers(one)]
        assert (row.kind, row.flows) == ("ticket", mode is Mode.LIVE)
        words = to_plain(one.payload["body"])
        assert from_plain(f"#reply {words}") in [each.body for each in said if each.author.id == "id-lead"]
        assert one.payload["audience"] == row.audience.value
        assert one.payload["summary"] == words
        assert {"Severity", "summary", "description"}.isdisjoint(one.payload["fields"])
