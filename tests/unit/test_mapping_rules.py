"""Conditions, comment rules and update rules: what they take, and what they refuse to be."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import Place
from bridge.mapping import Command, CommentFacts, FieldFilled, Item, Problems, Released, SideMapping
from bridge.mapping.compile import compile_side
from bridge.mapping.condition import Condition, compile_condition
from bridge.mapping.dates import DateLens
from bridge.mapping.lens import after
from bridge.mapping.people import PersonLens
from bridge.model.ticket import EMPTY_READING, UNREADABLE, Presence, Reading
from bridge.model.words import Audience, HeldBy, Party, Side, Visibility


def condition(when: Any) -> Condition:
    problems = Problems()
    found = compile_condition(Item.of(when), problems, "`when`")
    assert problems.found == []
    assert found is not None
    return found


def mapping(plain: Any, *, side: Side = Side.TRACKER, held_by: HeldBy = HeldBy.CUSTOMER) -> SideMapping:
    found, faults = tried(plain, side=side, held_by=held_by)
    assert faults == []
    return found


def tried(plain: Any, *, side: Side = Side.TRACKER, held_by: HeldBy = HeldBy.CUSTOMER) -> tuple[SideMapping, list[str]]:
    problems = Problems()
    found = compile_side(Item.of(plain), name="mine", side=side, helpdesk_held_by=held_by, problems=problems)
    return found, [problem.message for problem in problems.found]


def comment(line: str = "", **facts: Any) -> CommentFacts:
    given = {"plain": line, "visibility": Visibility.PUBLIC, **facts}
    return CommentFacts(body_first_line=line, **given)


REPLY = {
    "comments": {
        "to_other_side": [
            {
                "when": {"body": {"starts_with": "#reply"}, "author": {"role": ["lead", "engineer"]}},
                "audience": "customer",
                "strip": True,
            },
            {"otherwise": "skip"},
        ]
    }
}


@pytest.mark.parametrize(
    ("when", "value", "holds"),
    [
        ({"status": "Done"}, "done", True),
        ({"status": "Done"}, "Done ", True),
        ({"status": ["In Review", "In Test"]}, "In Test", True),
        ({"status": {"any": ["In Review"]}}, "Done", False),
        ({"status": {"none": ["Done"]}}, "Done", False),
        ({"status": {"none": ["Done"]}}, None, True),
        ({"status": {"empty": True}}, None, True),
        ({"status": {"empty": False}}, None, False),
        ({"status": {"starts_with": "in "}}, "In Test", True),
        ({"status": {"any": ["a", "b"], "none": ["c"]}}, ["a", "c"], False),
        ({"status": "a"}, ["A", "x"], True),
        ({"status": 3}, 3, True),
        ({"status": 3}, "3", False),
        ({"status": "1.2"}, [{"name": "1.2", "released": True}], True),
        ([{"status": "a"}, {"status": "b"}], "b", True),
    ],
)
def test_a_condition_judges_one_field(when: Any, value: Any, holds: bool) -> None:
    assert condition(when).holds({"status": Reading.of(value)}) is holds


def test_several_keys_must_all_hold() -> None:
    both = condition({"status": "Done", "resolution": {"none": ["Fixed"]}})

    assert both.holds({"status": Reading.of("Done"), "resolution": EMPTY_READING})
    assert not both.holds({"status": Reading.of("Done"), "resolution": Reading.of("Fixed")})
    assert both.natives == {"status", "resolution"}


def test_a_deny_rule_on_an_unreadable_field_denies_and_no_other_condition_holds_on_one() -> None:
    guarded = mapping({"deny": [{"labels": "security-embargo"}, {"level": {"empty": False}}]})
    clean = {"labels": Reading.of(["bug"]), "level": EMPTY_READING}

    assert guarded.denied(clean) is None
    assert guarded.denied(clean | {"labels": Reading.of(["Security-Embargo"])}) is not None
    assert guarded.denied(clean | {"level": UNREADABLE}) is not None
    assert guarded.denied({"labels": Reading.of(["bug"])}) is not None
    assert not condition({"level": "x"}).holds({"level": UNREADABLE})
    assert guarded.matches(None, {})


def test_only_an_engineers_reply_leaves_the_tracker_and_its_command_is_taken_off() -> None:
    tracker = mapping(REPLY)

    released = tracker.release(comment("#Reply it is fixed", author_roles=frozenset({"engineer"})))

    assert released is not None
    assert released.audience is Audience.CUSTOMER_TEAM
    assert released.strip_prefix == "#Reply"
    assert tracker.release(comment("#reply hello", author_roles=frozenset({"stranger"}))) is None
    assert tracker.release(comment("the customer is wrong", author_roles=frozenset({"lead"}))) is None
    assert tracker.release(comment("#replying is rude", author_roles=frozenset({"lead"}))) is None


def test_a_restricted_comment_never_leaves_whatever_rules_say() -> None:
    open_side = mapping({"comments": {"to_other_side": [{"otherwise": "vendor"}]}}, side=Side.HELPDESK)

    assert open_side.release(comment("hello")) is not None
    assert open_side.release(comment("hello", visibility=Visibility.RESTRICTED)) is None


def test_without_comment_rules_nothing_leaves() -> None:
    assert mapping({}).release(comment("hello")) is None


def test_customer_means_the_users_where_the_vendor_holds_the_helpdesk() -> None:
    released = mapping(REPLY, held_by=HeldBy.VENDOR).release(comment("#reply", author_roles=frozenset({"lead"})))

    assert released is not None
    assert released.audience is Audience.CUSTOMER_USER


def test_rules_may_ask_for_author_channel_and_whether_a_machine_wrote() -> None:
    rules = [
        {"when": {"auto": True}, "skip": True},
        {
            "when": {"author": {"party": "customer", "email": "*@acme.example"}, "channel": "email"},
            "audience": "vendor",
        },
        {"when": {"body": {"contains": "urgent"}}, "audience": "vendor"},
    ]
    desk = mapping({"comments": {"to_other_side": rules}}, side=Side.HELPDESK)
    theirs = {"author_party": Party.CUSTOMER, "author_email": "User@ACME.example", "channel": "email"}

    assert desk.release(comment("hi", **theirs)) is not None
    assert desk.release(comment("hi", **theirs, auto=True)) is None
    assert desk.release(comment("hi", **(theirs | {"channel": "web"}))) is None
    assert desk.release(comment("this is URGENT")) is not None


@pytest.mark.parametrize(
    ("side", "held_by", "audience", "complaint"),
    [
        (
            Side.TRACKER,
            HeldBy.VENDOR,
            "customer_team",
            "`customer_team` cannot be reached in a helpdesk the vendor holds",
        ),
        (Side.TRACKER, HeldBy.CUSTOMER, "vendor", "`vendor` cannot be reached in a helpdesk the customer holds"),
        (Side.HELPDESK, HeldBy.CUSTOMER, "customer", "what leaves the helpdesk is read by the vendor"),
    ],
)
def test_an_audience_nobody_could_be_told_apart_for_is_refused(
    side: Side, held_by: HeldBy, audience: str, complaint: str
) -> None:
    rules = {"comments": {"to_other_side": [{"otherwise": audience}]}}

    _, faults = tried(rules, side=side, held_by=held_by)

    assert len(faults) == 1
    assert complaint in faults[0]


def test_a_comment_rule_below_one_that_takes_everything_is_refused() -> None:
    rules = [{"otherwise": "skip"}, {"when": {"visibility": "public"}, "audience": "customer"}]

    _, faults = tried({"comments": {"to_other_side": rules}})

    assert len(faults) == 1
    assert "never reached" in faults[0]


@pytest.mark.parametrize(
    ("plain", "complaint"),
    [
        ({"comments": {"to_other_side": [{"when": {"visibility": "publik"}, "audience": "customer"}]}}, "`visibility`"),
        ({"comments": {"to_other_side": [{"when": {"body": {"begins": "x"}}, "audience": "customer"}]}}, "`begins`"),
        ({"comments": {"to_other_side": [{"when": {"visibility": "public"}}]}}, "who may read"),
        ({"comments": {"to_other_side": [{"otherwise": "everybody"}]}}, "`everybody`"),
        ({"case": {"cause": {"any": []}}}, "nothing that triggers"),
        ({"case": {"cause": {"command": "cause"}}}, "begins with a slash"),
        ({"case": {"cause": {"command": "/x"}, "workaround": {"command": "/x"}}}, "stands for `cause` already"),
        ({"case": {"rumour": {"command": "/x"}}}, "unknown key `rumour`"),
        ({"deny": [{"labels": {"some": ["a"]}}]}, "unknown key `some`"),
        ({"deny": ["embargo"]}, "must name fields"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(plain: Any, complaint: str) -> None:
    _, faults = tried(plain)

    assert any(complaint in fault for fault in faults), faults


def test_updates_name_their_triggers_audience_and_who_releases_them() -> None:
    case = {
        "cause": {"any": [{"field": "Root cause"}, {"command": "/cause"}]},
        "delivered": {"released": "Fix versions", "release": "lead", "audience": "customer_user"},
    }

    cause, delivered = mapping({"case": case}).updates

    assert cause.triggers == (FieldFilled("Root cause"), Command("/cause"))
    assert cause.audience is Audience.CUSTOMER_TEAM
    assert cause.release_by == ""
    assert delivered.triggers == (Released("Fix versions"),)
    assert delivered.audience is Audience.CUSTOMER_USER
    assert delivered.release_by == "lead"


PEOPLE = {"engineer": ("acc-1", "engineer@vendor.example"), "lead": ("lead@vendor.example",)}
SOMEWHERE = Place("people.yaml", 1)


@pytest.mark.parametrize("is_list", [False, True])
def test_a_person_is_read_by_any_of_their_names_and_written_by_the_first(*, is_list: bool) -> None:
    lens = PersonLens("assignee", "assignee", SOMEWHERE, PEOPLE, is_list)

    def native(*names: str) -> dict[str, Reading]:
        return {"assignee": Reading.of(list(names) if is_list else next(iter(names), None))}

    assert lens.read(native("Engineer@Vendor.example")).value == "engineer"
    assert lens.read(native()).presence is Presence.EMPTY
    assert not lens.read(native("stranger@elsewhere.example")).readable
    for wanted in ("engineer", "lead", None):
        for current in (native(), native("acc-1"), native("engineer@vendor.example"), native("LEAD@vendor.example")):
            written = lens.write(wanted, current)
            then = after(current, written)
            assert lens.read(then).value == wanted
            assert lens.write(wanted, then) == {}
            assert lens.write(lens.read(current).value, current) == {}
    assert lens.write("engineer", native("stranger@elsewhere.example")) == {}
    assert lens.write("nobody", native("acc-1")) == {}
    assert lens.fold("nobody") is None
    assert lens.form("engineer") == {"assignee": ["acc-1"] if is_list else "acc-1"}


def test_of_several_accounts_those_nobody_mapped_stay() -> None:
    lens = PersonLens("assignee", "assignees", SOMEWHERE, PEOPLE, is_list=True)
    both = {"assignees": Reading.of(["acc-1", "stranger"])}
    assert lens.read(both).value == "engineer"
    assert lens.write("lead", both) == {"assignees": ["stranger", "lead@vendor.example"]}
    assert lens.write(None, both) == {"assignees": ["stranger"]}
    assert lens.touches("assignees", frozenset({"acc-1"}))
    assert not lens.touches("assignees", frozenset({"stranger"}))


def test_a_day_is_read_from_dates_and_moments_and_written_as_a_date() -> None:
    lens = DateLens("due", "Due day", SOMEWHERE)
    for shown in ("2026-03-02", "2026-03-02T16:00:00Z", "2026-03-02T23:30:00+01:00"):
        now = {"Due day": Reading.of(shown)}
        assert lens.read(now).value == "2026-03-02"
        assert lens.write("2026-03-02", now) == {}
        assert lens.write("2026-03-03", now) == {"Due day": "2026-03-03"}
    assert not lens.read({"Due day": Reading.of("soon")}).readable
    assert lens.write("2026-03-03", {"Due day": Reading.of("soon")}) == {}
    assert lens.form(None) == {}
