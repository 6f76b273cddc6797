"""The static proof: what is wrong with a mapping is found before it runs, and said with its place."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.reading import parse_yaml
from bridge.mapping import Item, Problems, SideMapping
from bridge.mapping.check import check_routes_fields, check_side
from bridge.mapping.compile import compile_side
from bridge.mapping.defaults import RouteWishes, compile_policies
from bridge.mapping.examples import run_examples
from bridge.mapping.overlay import lay_over
from bridge.model.document import EMPTY, from_plain
from bridge.model.ticket import EMPTY_READING, UNREADABLE, Presence, Reading
from bridge.model.words import Direction, HeldBy, OnConflict, Side

SEVERITY = """\
severity:
  native: priority
  pairs:
    critical: urgent
    major: high
    minor: normal
    trivial: low
"""


def parsed(text: str) -> Item:
    problems = Problems()
    item = parse_yaml(text, shown="mine.yaml", problems=problems)
    assert problems.found == []
    assert item is not None
    return item


def compiled(item: Item, side: Side = Side.TRACKER) -> tuple[SideMapping, Problems]:
    problems = Problems()
    return compile_side(item, name="mine", side=side, helpdesk_held_by=HeldBy.CUSTOMER, problems=problems), problems


def faults(text: str) -> list[str]:
    mapping, problems = compiled(parsed(text))
    check_side(mapping, problems)
    run_examples(mapping, problems)
    return [str(problem) for problem in problems.found]


def changed(*changes: tuple[str, str]) -> str:
    text = SEVERITY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_sound_table_has_no_faults() -> None:
    assert faults(SEVERITY) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            changed(("    trivial: low\n", "")),
            "mine.yaml:2:3: `trivial` of `severity` cannot be written on this side (add it to `pairs`, or to "
            "`write_also` if it may turn into another severity)",
        ),
        (
            changed(("trivial: low", "trivial: Normal")),
            "mine.yaml:7:14: `trivial` of `severity` written over an empty ticket reads back as `minor` (make priority "
            "Normal say everything that tells it from `minor`)",
        ),
        (
            changed(("trivial: low", "trivial: normal")),
            "mine.yaml:7:14: `minor` and `trivial` of `severity` are both written as priority normal, so `trivial` is "
            "never read (move `trivial` to `write_also` if it may turn into `minor`)",
        ),
        (
            changed(("critical:", "critcal:")),
            "mine.yaml:4:5: `critcal` is no severity: it is one of `critical`, `major`, `minor`, `trivial` (did you "
            "mean `critical`?)",
        ),
        (
            changed(("severity:", "severty:")),
            "mine.yaml:1:1: the mapping `mine` has the unknown key `severty` (did you mean `severity`?)",
        ),
        (
            SEVERITY + "  also_read: [{when: {priority: low}, is: minor}]\n",
            "mine.yaml:8:15: this `also_read` rule of `severity` is never reached: rules above it decide",
        ),
        (
            SEVERITY + "  otherwise: midling\n",
            "mine.yaml:8:14: `otherwise` of `severity` must be one of `critical`, `major`, `minor`, `trivial`, not "
            "`midling`",
        ),
        (
            changed(("trivial: low", "trivial: 1.10")),
            'mine.yaml:7:14: a native value must be a name, not the number `1.1` (write "1.1" in quotes if the text is '
            "meant)",
        ),
        (
            changed(("trivial: low", "trivial: [low, lowest]")),
            "mine.yaml:7:14: `trivial` is written as one value, not as a list (put the others under `also_read`)",
        ),
        (
            SEVERITY + "  write_also: {trivial: normal}\n",
            "mine.yaml:8:25: `trivial` of `severity` is in `pairs` and in `write_also` (keep one of them)",
        ),
        (
            SEVERITY + "tests:\n  - {given: {priority: high}, expect: {severity: critical}}\n",
            "mine.yaml:9:50: a test fails: `severity` is major, not critical",
        ),
        (
            SEVERITY + "tests:\n  - {given: {prioriti: high}, expect: {severity: critical}}\n",
            "mine.yaml:9:14: the test gives `prioriti`, which no rule speaks of (did you mean `priority`?)",
        ),
        (
            SEVERITY + "summary: {native: priority}\n",
            "mine.yaml:2:3: `severity` and `summary` both write the native field `priority`",
        ),
        (
            "labels: {native: tags}\n",
            'mine.yaml:1:9: `labels` must say which labels travel (add `only: ["product-*"]`)',
        ),
    ],
)
def test_one_fault_is_one_sentence_with_its_place(text: str, sentence: str) -> None:
    assert sentence in faults(text)


def test_a_pair_hidden_by_a_wider_one_above_it_is_found() -> None:
    text = changed(
        ("minor: normal", "minor: {priority: normal}"), ("trivial: low", "trivial: {priority: normal, label: t}")
    )

    assert any("`trivial` of `severity` written over" in fault for fault in faults(text))


def test_a_pair_that_leaves_another_ones_label_on_is_found() -> None:
    text = """\
severity:
  native: priority
  pairs:
    critical: {priority: high, label: crit}
    major: high
    minor: normal
    trivial: low
"""

    assert faults(text) == [
        "mine.yaml:5:12: `major` of `severity` written over labels crit reads back as `critical` "
        "(make priority high say everything that tells it from `critical`)"
    ]
    assert faults(text.replace("major: high", "major: {priority: high, label: null}")) == []


def test_one_label_named_by_two_blocks_is_a_contradiction() -> None:
    pairs = "{critical: {label: a}, major: {label: b}, minor: {label: c}, trivial: {label: null}}"
    priority = "{highest: {label: a}, high: {label: x}, medium: {label: y}, low: {label: z}, lowest: {label: null}}"

    found = faults(f"severity: {{pairs: {pairs}}}\npriority: {{pairs: {priority}}}\n")

    assert found == ["mine.yaml:2:11: the label `a` is named by both `severity` and `priority`"]


def test_a_value_no_rule_speaks_of_is_unreadable_and_an_empty_field_is_empty() -> None:
    lens = compiled(parsed(SEVERITY))[0].lenses["severity"]

    assert lens.read({"priority": Reading.of("blocker")}) == UNREADABLE
    assert lens.read({"priority": EMPTY_READING}) == EMPTY_READING
    assert lens.read({}) == UNREADABLE
    with pytest.raises(ValueError, match="unreadable field 'priority'"):
        lens.write("major", {"priority": UNREADABLE})


def test_a_fold_leaves_a_value_that_already_reads_as_what_it_folds_into() -> None:
    text = changed(("    trivial: low\n", "")) + "  write_also: {trivial: normal}\n"
    text += "  also_read: [{when: {priority: low}, is: minor}]\n"
    lens = compiled(parsed(text))[0].lenses["severity"]

    assert faults(text) == []
    assert lens.fold("trivial") == "minor"
    assert lens.write("trivial", {"priority": Reading.of("low")}) == {}
    assert lens.write("trivial", {"priority": Reading.of("high")}) == {"priority": "normal"}


def test_a_description_is_a_document_and_plain_text_is_taken_as_one() -> None:
    lens = compiled(Item.of({"description": {"native": "body"}}))[0].lenses["description"]
    words = from_plain("It is down.")

    assert lens.read({"body": Reading.of("It is down.")}).value == words
    assert lens.read({"body": Reading(Presence.VALUE, EMPTY)}) == EMPTY_READING
    assert lens.write(words, {"body": Reading.of("It is down.")}) == {}
    assert lens.write(words, {}) == {"body": words}


def test_custom_fields_travel_as_text_as_lists_or_by_their_own_pairs() -> None:
    fields = [
        {"canonical": "affected", "native": "Affects versions", "kind": "list"},
        {"canonical": "customer", "native": "Customer"},
        {"canonical": "plan", "native": "Plan", "pairs": {"gold": "G", "silver": "S"}},
    ]
    mapping, problems = compiled(Item.of({"fields": fields}))
    versions = Reading.of([{"name": "2.0", "released": True}, {"name": "1.0", "released": False}])

    assert problems.found == []
    assert mapping.lenses["affected"].read({"Affects versions": versions}).value == ("1.0", "2.0")
    assert mapping.lenses["affected"].write(("3.0",), {"Affects versions": versions}) == {"Affects versions": ["3.0"]}
    assert mapping.lenses["affected"].write(("1.0", "2.0"), {"Affects versions": versions}) == {}
    assert mapping.lenses["customer"].read({"Customer": Reading.of(" ACME  GmbH ")}).value == "ACME GmbH"
    assert mapping.lenses["plan"].write("gold", {}) == {"Plan": "G"}


def test_a_mapping_laid_over_another_changes_what_it_says_and_keeps_the_rest() -> None:
    base = parsed(
        SEVERITY + "  otherwise: minor\nlabels: {native: tags, only: [a-*]}\ndeny: [{tags: x}]\n"
        "tests: [{given: {}, expect: {severity: minor}}]\n"
    )
    over = parsed(
        "extends: base\nseverity: {pairs: {trivial: lowest}, otherwise: trivial}\nlabels:\ndeny: [{tags: y}]\n"
    )

    mapping, problems = compiled(lay_over(base, over))
    check_side(mapping, problems)

    assert problems.found == []
    assert set(mapping.lenses) == {"severity"}
    assert mapping.lenses["severity"].write("trivial", {"priority": Reading.of("high")}) == {"priority": "lowest"}
    assert mapping.lenses["severity"].write("major", {}) == {"priority": "high"}
    assert mapping.denied({"tags": Reading.of(["x"])}) is not None
    assert mapping.denied({"tags": Reading.of(["y"])}) is not None
    assert mapping.denied({"tags": Reading.of(["z"])}) is None
    assert mapping.examples == ()


def test_a_value_given_a_form_of_its_own_no_longer_folds_and_the_other_way_round() -> None:
    folds = parsed(changed(("    trivial: low\n", "")) + "  write_also: {trivial: normal}\n")
    own = parsed("severity: {pairs: {trivial: low}}\n")
    again = parsed("severity: {write_also: {trivial: normal}}\n")

    paired, _ = compiled(lay_over(folds, own))
    folded, problems = compiled(lay_over(lay_over(folds, own), again))

    assert paired.lenses["severity"].fold("trivial") == "trivial"
    assert folded.lenses["severity"].fold("trivial") == "minor"
    assert problems.found == []


def test_the_digest_follows_the_meaning_and_nothing_else() -> None:
    first, _ = compiled(parsed(SEVERITY))

    assert compiled(parsed("# a comment\n" + SEVERITY))[0].digest == first.digest
    assert compiled(parsed(SEVERITY + "tests: [{given: {}, expect: {}}]\n"))[0].digest == first.digest
    assert compiled(parsed(changed(("urgent", "now"))))[0].digest != first.digest


def route(helpdesk: Any, tracker: Any, wishes: RouteWishes | None = None) -> tuple[dict[str, Any], list[str]]:
    problems = Problems()
    sides = [
        compile_side(Item.of(plain), name=str(side), side=side, helpdesk_held_by=HeldBy.CUSTOMER, problems=problems)
        for side, plain in ((Side.HELPDESK, helpdesk), (Side.TRACKER, tracker))
    ]
    policies = compile_policies(sides[0], sides[1], wishes or RouteWishes(), problems)
    directions = {name: policy.direction for name, policy in policies.items()}
    check_routes_fields(sides[0], sides[1], directions, problems)
    return dict(policies), [problem.message for problem in problems.found]


def test_the_routes_word_stands_over_the_mappings_and_the_mappings_over_the_default() -> None:
    summary = {"summary": {"native": "subject", "owner": "tracker"}}

    assert route(summary, {"summary": {"native": "summary"}})[0]["summary"].direction is Direction.TO_HELPDESK
    wished = route(summary, {"summary": {"native": "summary"}}, RouteWishes(owner={"summary": "case"}))
    assert wished[0]["summary"].direction is Direction.CASE
    _, found = route(summary, {"summary": {"native": "summary", "owner": "helpdesk"}})
    assert found == ["`helpdesk` and `tracker` disagree about who owns `summary`"]


def test_a_field_that_flows_to_a_side_that_never_takes_it_is_refused() -> None:
    fixed = {"description": {"native": "description", "read_only": True}}
    free = {"description": {"native": "description"}}

    assert route(fixed, free)[1] == []
    _, found = route(fixed, free, RouteWishes(owner={"description": "both"}))
    assert found == ["`description` flows both, but this side never takes writes of it"]


def test_a_custom_value_the_other_side_cannot_write_is_refused() -> None:
    def plan(**pairs: str) -> dict[str, Any]:
        return {"fields": [{"canonical": "plan", "native": "Plan", "pairs": pairs}]}

    assert route(plan(gold="G"), plan(gold="Gold", silver="Silver"))[1] == []
    _, found = route(plan(gold="G", bronze="B"), plan(gold="Gold"))
    assert found == ["`bronze` of `plan` comes from the other side and cannot be written on this one"]


def test_an_example_may_ask_what_the_other_side_is_given() -> None:
    problems = Problems()
    tests = [{"given": {"Severity": "S2"}, "expect": {"zendesk": {"priority": "low"}}}]
    tracker_rules = {
        "severity": {"native": "Severity", "pairs": {"critical": "S1", "major": "S2", "minor": "S3", "trivial": "S4"}},
        "tests": tests,
    }
    tracker, _ = compiled(Item.of(tracker_rules))
    helpdesk, _ = compiled(parsed(SEVERITY), Side.HELPDESK)

    assert run_examples(tracker, problems, other=helpdesk, other_names=["zendesk"]) == 1
    assert [problem.message for problem in problems.found] == ["a test fails: zendesk's `priority` is high, not low"]


def test_ties_are_never_decided_by_the_newest() -> None:
    with pytest.raises(ValueError, match="tie decides where newest cannot"):
        route(
            {"summary": {"native": "subject"}},
            {"summary": {"native": "summary"}},
            RouteWishes(tie={"summary": OnConflict.NEWEST}),
        )


def test_folds_that_send_a_value_round_and_round_are_refused() -> None:
    helpdesk = {
        "severity": {
            "native": "priority",
            "pairs": {"critical": "a", "major": "b"},
            "write_also": {"minor": "b", "trivial": "a"},
        }
    }
    tracker = {
        "severity": {
            "native": "Severity",
            "pairs": {"minor": "c", "trivial": "d"},
            "write_also": {"critical": "c", "major": "d"},
        }
    }

    _, found = route(helpdesk, tracker)

    assert len(found) == 1
    assert "the two sides would never agree" in found[0]
