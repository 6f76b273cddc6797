"""The truth table, a test a row, then what must hold in every row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.policy import FieldPolicy
from bridge.model.words import Direction, Drift, OnConflict, Side
from bridge.sync.table import Action, Decision, FieldCase, Pending, SideView, Standing, Value, decide

TWO_WAY = FieldPolicy("state", Direction.BOTH, OnConflict.HELPDESK, OnConflict.HELPDESK, Drift.KEEP)
TO_TRACKER = FieldPolicy("severity", Direction.TO_TRACKER)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def value(name: str | None) -> Value:
    return Value(name, name)


def view(now: str | None, base: str | None, changed_at: datetime | None = None) -> SideView:
    return SideView(value(now), value(base), changed_at)


def case(helpdesk: SideView, tracker: SideView, policy: FieldPolicy = TWO_WAY, **more: Any) -> FieldCase:
    return FieldCase(policy, helpdesk, tracker, **more)


def pending(standing: Standing, *, wanted: str = "b", prior: str = "a", source: str = "b", **more: Any) -> Pending:
    return Pending(standing, Side.TRACKER, wanted, prior, source, **more)


def test_row_1_a_blocked_field_sends_nothing_and_cancels_what_is_unsent() -> None:
    blocked = case(view("b", "a"), view("a", "a"), blocked="a deny rule")
    assert decide(blocked) == Decision(1, Action.NOTHING, cancel=True)


def test_row_2_a_case_field_is_only_ever_proposed() -> None:
    policy = replace(TWO_WAY, direction=Direction.CASE)
    assert decide(case(view("b", "a"), view("a", "a"), policy)).action is Action.PROPOSE
    assert decide(case(view("a", "a"), view("a", "a"), policy)) == Decision(2, Action.NOTHING)


def test_row_3_an_unread_side_is_waited_for() -> None:
    assert decide(case(SideView(None, value("a")), view("a", "a"))) == Decision(3, Action.WAIT)
    assert decide(case(view("b", "a"), SideView(None))) == Decision(3, Action.WAIT)


def test_row_4_nothing_is_planned_while_an_outcome_is_unknown() -> None:
    doubtful = case(view("c", "a"), view("a", "a"), pending=pending(Standing.UNKNOWN))
    assert decide(doubtful) == Decision(4, Action.WAIT)


def test_row_5_a_write_that_shows_is_confirmed() -> None:
    shown = case(view("b", "a"), view("b", "a"), pending=pending(Standing.SETTLED))
    assert decide(shown) == Decision(5, Action.CONFIRM, Side.TRACKER)


def test_row_6_a_write_that_left_no_trace_is_void() -> None:
    absent = case(view("b", "a"), view("a", "a"), pending=pending(Standing.SETTLED))
    assert decide(absent) == Decision(6, Action.VOID, Side.TRACKER)


def test_row_7_a_late_echo_of_an_earlier_write_of_ours_is_no_edit() -> None:
    late = pending(Standing.SETTLED, wanted="c", prior="a", source="c", sent=frozenset({"b", "c"}), by_us=True)
    decision = decide(case(view("c", "a"), view("b", "a"), pending=late))
    assert decision == Decision(17, Action.WRITE, Side.TRACKER)


def test_row_8_another_value_by_another_hand_voids_the_write() -> None:
    foreign = case(view("b", "a"), view("x", "a"), pending=pending(Standing.SETTLED))
    assert decide(foreign) == Decision(8, Action.VOID, Side.TRACKER)


def test_row_9_sides_that_meet_equal_or_by_our_own_create_are_adopted() -> None:
    assert decide(case(SideView(value("a")), SideView(value("a")))) == Decision(9, Action.ADOPT, cancel=True)
    ours = case(SideView(value("a")), SideView(value("z")), created=Side.TRACKER)
    assert decide(ours).action is Action.ADOPT


def test_row_10_sides_that_meet_different_follow_the_preferred_one_or_wait_for_a_person() -> None:
    met = case(SideView(value("a")), SideView(value("z")))
    assert decide(met) == Decision(10, Action.CONFLICT)
    assert decide(replace(met, prefer=Side.TRACKER)) == Decision(10, Action.WRITE, Side.HELPDESK)


def test_row_11_no_change_cancels_an_unsent_write() -> None:
    back = case(view("a", "a"), view("a", "a"), pending=pending(Standing.UNSENT))
    assert decide(back) == Decision(11, Action.NOTHING, cancel=True)


def test_row_12_both_sides_set_the_same_value_and_nothing_is_sent() -> None:
    assert decide(case(view("b", "a"), view("b", "a"))) == Decision(12, Action.ADOPT, cancel=True)


def test_row_12_judges_equality_by_what_the_poorer_side_can_hold() -> None:
    helpdesk = SideView(Value("in_progress", "in_progress"), value("waiting"))
    tracker = SideView(Value("triaged", "in_progress"), value("waiting"))
    assert decide(case(helpdesk, tracker)).row == 12


def test_row_13_a_dead_letter_with_the_same_inputs_stays_dead() -> None:
    dead = case(view("b", "a"), view("a", "a"), pending=pending(Standing.DEAD))
    assert decide(dead) == Decision(13, Action.NOTHING)


def test_row_14_a_newer_source_value_supersedes_a_dead_letter() -> None:
    dead = case(view("c", "a"), view("a", "a"), pending=pending(Standing.DEAD))
    assert decide(dead) == Decision(14, Action.WRITE, Side.TRACKER)


def test_row_15_an_edit_of_a_dead_letters_target_is_merged_by_policy() -> None:
    dead = case(view("b", "a"), view("x", "a"), pending=pending(Standing.DEAD))
    assert decide(dead) == Decision(15, Action.NOTHING)
    tracker_wins = replace(dead, policy=replace(TWO_WAY, on_conflict=OnConflict.TRACKER))
    assert decide(tracker_wins) == Decision(20, Action.WRITE, Side.HELPDESK, lost=True)


def test_row_17_a_change_on_one_side_is_written_to_the_other() -> None:
    assert decide(case(view("b", "a"), view("a", "a"))) == Decision(17, Action.WRITE, Side.TRACKER)
    assert decide(case(view("a", "a"), view("b", "a"))) == Decision(17, Action.WRITE, Side.HELPDESK)


def test_row_18_an_edit_against_the_direction_is_kept_or_restored() -> None:
    edited = case(view("a", "a"), view("z", "a"), TO_TRACKER)
    assert decide(edited) == Decision(18, Action.KEEP, Side.TRACKER)
    restoring = replace(edited, policy=replace(TO_TRACKER, drift=Drift.RESTORE))
    assert decide(restoring) == Decision(18, Action.WRITE, Side.TRACKER, lost=True)


def test_row_18_the_tracker_does_not_reopen_what_the_customer_solved() -> None:
    policy = replace(TWO_WAY, allowed_from=frozenset({"in_progress"}))
    reopened = case(view("resolved", "resolved"), view("in_progress", "resolved"), policy)
    assert decide(reopened) == Decision(18, Action.KEEP, Side.TRACKER)


def test_rows_18_and_19_a_tracker_that_owns_the_state_does_not_reopen_it_either() -> None:
    owned = FieldPolicy("state", Direction.TO_HELPDESK, drift=Drift.RESTORE, allowed_from=frozenset({"in_progress"}))
    solved = case(view("resolved", "in_progress"), view("in_progress", "in_progress"), owned)
    assert decide(solved) == Decision(18, Action.KEEP, Side.HELPDESK)
    both = case(view("resolved", "in_progress"), view("triaged", "in_progress"), owned)
    assert decide(both) == Decision(19, Action.ADOPT, cancel=True)


def test_row_19_both_changed_and_the_source_of_a_one_way_field_wins() -> None:
    assert decide(case(view("b", "a"), view("c", "a"), TO_TRACKER)) == Decision(
        19, Action.WRITE, Side.TRACKER, lost=True
    )


@pytest.mark.parametrize(
    ("policy", "loser"), [(OnConflict.HELPDESK, Side.TRACKER), (OnConflict.TRACKER, Side.HELPDESK)]
)
def test_row_20_both_changed_and_the_policy_names_the_winner(policy: OnConflict, loser: Side) -> None:
    both = case(view("b", "a"), view("c", "a"), replace(TWO_WAY, on_conflict=policy))
    assert decide(both) == Decision(20, Action.WRITE, loser, lost=True)


def test_row_20_the_newest_edit_wins_when_the_times_tell() -> None:
    newest = replace(TWO_WAY, on_conflict=OnConflict.NEWEST)
    later = NOON + timedelta(minutes=5)
    both = case(view("b", "a", NOON), view("c", "a", later), newest)
    assert decide(both) == Decision(20, Action.WRITE, Side.HELPDESK, lost=True)
    nearly = case(view("b", "a", NOON), view("c", "a", NOON + timedelta(seconds=59)), newest)
    assert decide(nearly).target is Side.TRACKER


def test_row_21_a_held_conflict_waits_for_a_person() -> None:
    both = view("b", "a"), view("c", "a")
    assert decide(case(*both, replace(TWO_WAY, on_conflict=OnConflict.HOLD))) == Decision(21, Action.CONFLICT)
    tied = replace(TWO_WAY, on_conflict=OnConflict.NEWEST, tie=OnConflict.HOLD)
    assert decide(case(*both, tied)) == Decision(21, Action.CONFLICT)


def test_row_22_a_vanished_side_suspends_the_link_and_sends_nothing() -> None:
    assert decide(case(view("b", "a"), view("a", "a"), gone=Side.TRACKER)) == Decision(22, Action.SUSPEND, cancel=True)


names = st.sampled_from(["a", "b", "c"])
views = st.builds(lambda now, base: view(now, base), names, names)
policies = st.builds(
    FieldPolicy,
    field=st.just("state"),
    direction=st.sampled_from([Direction.BOTH, Direction.TO_TRACKER, Direction.TO_HELPDESK]),
    on_conflict=st.sampled_from(OnConflict),
    tie=st.sampled_from([OnConflict.HELPDESK, OnConflict.TRACKER, OnConflict.HOLD]),
    drift=st.sampled_from(Drift),
)


@given(views, views, policies)
def test_deciding_and_writing_settles_in_one_step(helpdesk: SideView, tracker: SideView, policy: FieldPolicy) -> None:
    """After the decision is carried out, the next look at the same two sides asks for nothing more."""
    decision = decide(case(helpdesk, tracker, policy))
    after = carried_out(helpdesk, tracker, decision)
    if decision.action is not Action.CONFLICT:
        assert decide(case(*after, policy)).row == 11


@given(views, views, policies)
def test_a_side_that_did_not_change_is_never_the_source_of_a_write(
    helpdesk: SideView, tracker: SideView, policy: FieldPolicy
) -> None:
    decision = decide(case(helpdesk, tracker, policy))
    if decision.action is Action.WRITE and decision.target is not None and decision.row != 18:
        source = helpdesk if decision.target is Side.TRACKER else tracker
        assert source.changed or decision.row == 19


@given(views, views, policies)
def test_the_table_is_its_own_mirror_image(helpdesk: SideView, tracker: SideView, policy: FieldPolicy) -> None:
    swap = {Direction.TO_TRACKER: Direction.TO_HELPDESK, Direction.TO_HELPDESK: Direction.TO_TRACKER}
    turn = {OnConflict.HELPDESK: OnConflict.TRACKER, OnConflict.TRACKER: OnConflict.HELPDESK}
    mirrored = replace(
        policy,
        direction=swap.get(policy.direction, policy.direction),
        on_conflict=turn.get(policy.on_conflict, policy.on_conflict),
        tie=turn.get(policy.tie, policy.tie),
    )
    one, other = decide(case(helpdesk, tracker, policy)), decide(case(tracker, helpdesk, mirrored))
    assert (one.row, one.action, one.lost) == (other.row, other.action, other.lost)
    assert one.target is (other.target.other if other.target else None)


def carried_out(helpdesk: SideView, tracker: SideView, decision: Decision) -> tuple[SideView, SideView]:
    """The two sides after the decision: values written, bases moved as the table says."""
    sides = {Side.HELPDESK: helpdesk, Side.TRACKER: tracker}
    if decision.action is Action.WRITE and decision.target is not None:
        wanted = sides[decision.target.other].now
        sides = {side: SideView(wanted, wanted) for side in sides}
    elif decision.action is Action.ADOPT:
        sides = {side: SideView(one.now, one.now) for side, one in sides.items()}
    elif decision.action is Action.KEEP and decision.target is not None:
        sides[decision.target] = SideView(sides[decision.target].now, sides[decision.target].now)
    return sides[Side.HELPDESK], sides[Side.TRACKER]
