"""A write of unknown outcome in whose place another write of ours stands is over: it must not stay in doubt for ever."""

from __future__ import annotations

from dataclasses import replace

from bridge.engine.values.fields import is_overtaken
from bridge.model.policy import FieldPolicy
from bridge.model.words import Direction, Side
from bridge.sync.table import Action, FieldCase, Pending, SideView, Standing, Value, decide


def value(name: str) -> Value:
    return Value(name, name)


SEEN = SideView(value("in_progress"), value("in_progress"))
LOST = Pending(
    Standing.SETTLED, Side.TRACKER, "on_hold", "resolved", "on_hold", frozenset({"in_progress", "on_hold"}), by_us=True
)
CASE = FieldCase(FieldPolicy("state", Direction.BOTH), SEEN, SEEN, LOST)


def test_a_settled_write_is_over_where_an_earlier_one_of_ours_stands_and_nothing_else_is_to_do() -> None:
    decision = decide(CASE)
    assert (decision.row, decision.action) == (11, Action.NOTHING)
    assert is_overtaken(LOST, decision)


def test_it_is_over_too_where_the_other_side_has_moved_on() -> None:
    decision = decide(replace(CASE, helpdesk=SideView(value("waiting_customer"), value("in_progress"))))
    assert decision.action is Action.WRITE
    assert is_overtaken(LOST, decision)


def test_it_stays_in_doubt_before_its_horizon_and_while_a_brake_holds_the_field() -> None:
    unknown = replace(LOST, standing=Standing.UNKNOWN)
    assert not is_overtaken(unknown, decide(replace(CASE, pending=unknown)))
    assert not is_overtaken(LOST, decide(replace(CASE, blocked="a brake")))
