"""Clocks as folds: each odd case of a contract's life, one test each. The numbers are those of the list they come from.

The calendar is Monday to Friday 09:00-17:00 in Berlin; 2026-01-05 is a Monday.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.cases import STANDARD, Story, act, asks, becomes, hours, local, opened, reply, shown, terms, waits

from bridge.model.words import Audience, Party
from bridge.sla.calendar import CalendarVersion, Span
from bridge.sla.clock import ClockState, Fire, Kind
from bridge.sla.facts import CaseEvent
from bridge.sla.fold import fold
from bridge.sla.terms import Course, Terms, Timeline
from bridge.sla.timetable import Timetable
from bridge.sla.wake import compare, due, next_wake, restate

BREACH = Fire("first_response", 1, Kind.BREACH, "breach")
HALF = Fire("first_response", 1, Kind.WARN, "50%", "major")


def test_a_running_clock_shows_both_limits_and_what_comes_next() -> None:
    folded = Story().tell("01-05 09:00", *opened()).folded()
    clock = folded.last("first_response")
    assert clock.state is ClockState.RUNNING
    assert (shown(clock.due_at), shown(clock.breach_at)) == ("01-05 17:00", "01-06 09:00")
    assert clock.met is None
    assert [(str(one.fire.kind), one.fire.label, shown(one.at)) for one in clock.armed] == [
        ("warn", "50%", "01-05 13:00"),
        ("warn", "80%", "01-05 15:24"),
        ("breach", "breach", "01-06 09:00"),
    ]
    assert next_wake(folded) == (local("01-05 13:00"), "warn")


def test_an_answer_after_closing_at_the_last_limit_is_in_time() -> None:
    story = Story().tell("01-05 09:00", *opened())
    assert story.tell("01-05 22:00", reply()).folded().last("first_response").met is True
    late = Story().tell("01-05 09:00", *opened()).tell("01-06 09:01", reply()).folded().last("first_response")
    assert late.met is False
    assert (shown(late.due_at), shown(late.breached_at)) == ("01-05 17:00", "01-06 09:00")
    assert late.consumed == hours(8) + timedelta(minutes=1)


def test_an_answer_at_the_very_last_instant_is_in_time() -> None:
    clock = Story().tell("01-05 09:00", *opened()).tell("01-06 09:00", reply()).folded().last("first_response")
    assert (clock.met, clock.consumed, shown(clock.due_at)) == (True, hours(8), "01-05 17:00")
    critical = Story().tell("01-05 09:00", *opened("critical")).tell("01-05 13:00", reply()).folded()
    assert critical.last("first_response").met is True


def test_a_severity_whose_target_is_just_used_up_is_not_breached_by_the_change() -> None:
    story = Story().tell("01-05 09:00", *opened("minor")).tell("01-05 13:00", becomes("critical"))
    clock = story.folded().last("first_response")
    assert (clock.breached_at, shown(clock.breach_at), clock.left) == (None, "01-05 13:00", timedelta())
    assert story.tell("01-05 13:00", reply()).folded().last("first_response").met is True


def test_the_clock_begins_when_the_case_is_handed_over_and_rests_while_it_is_handed_back() -> None:
    story = Story().tell("01-05 09:00", (CaseEvent.OPENED, {}), becomes("major"))
    assert story.folded().clocks == ()
    story.tell("01-05 11:00", act(CaseEvent.HANDED_OVER)).tell("01-05 12:00", act(CaseEvent.HANDED_BACK))
    paused = story.folded().last("first_response")
    assert (paused.state, paused.reason, paused.consumed) == (ClockState.PAUSED, "handed_back", hours(1))
    story.tell("01-06 09:00", act(CaseEvent.HANDED_OVER))
    assert shown(story.folded().last("first_response").due_at) == "01-06 16:00"


def test_a_contract_may_begin_with_the_ticket() -> None:
    story = Story(Timeline.of([terms(("customer: ACME", "customer: ACME\nstarts: opened"))]))
    story.tell("01-05 09:00", (CaseEvent.OPENED, {}), becomes("major")).tell("01-05 11:00", act(CaseEvent.HANDED_OVER))
    assert shown(story.folded().last("first_response").started_at) == "01-05 09:00"


def test_21_a_reply_and_pending_in_one_update_stop_one_clock_and_pause_the_other() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 11:00", waits(), reply())
    folded = story.folded()
    assert folded.last("first_response").met is True
    resolution = folded.last("resolution")
    assert (resolution.state, resolution.reason) == (ClockState.PAUSED, "waiting_customer")
    assert resolution.due_at is None
    assert resolution.left == hours(78)
    assert resolution.flags == frozenset()
    story.tell("01-07 09:00", waits(""), asks())
    assert shown(story.folded().last("resolution").due_at) == "01-20 15:00"
    assert next_wake(Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply(), waits()).folded()) is not None


def test_22_a_second_message_that_nobody_answered_does_not_restart() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply())
    story.tell("01-05 11:00", asks()).tell("01-05 15:00", asks())
    clock = story.folded().last("next_response")
    assert (clock.cycle, shown(clock.started_at), shown(clock.due_at)) == (1, "01-05 11:00", "01-06 11:00")
    story.tell("01-05 16:00", reply()).tell("01-05 16:30", asks())
    first, second = story.folded().of("next_response")
    assert first.met is True
    assert (second.cycle, shown(second.started_at)) == (2, "01-05 16:30")


def test_22_messages_before_the_first_answer_are_answered_by_it() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 09:30", asks()).tell("01-05 10:00", reply())
    assert story.folded().of("next_response") == ()


@pytest.mark.parametrize(
    "message",
    [
        reply(audience=Audience.VENDOR),
        reply(human=False),
        reply(party=Party.CUSTOMER),
        reply(party=Party.CUSTOMER, audience=Audience.CUSTOMER_TEAM),
        reply(party=Party.BRIDGE),
    ],
    ids=["a note among engineers", "an automatic reply", "an agent of the customer", "their own note", "bridge"],
)
def test_23_only_a_person_at_the_vendor_whom_the_customer_can_read_answers(
    message: tuple[CaseEvent, dict[str, object]],
) -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", message)
    assert story.folded().last("first_response").state is ClockState.RUNNING


def test_23_who_acted_counts_as_of_that_time_and_their_team_can_be_answered_too() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply(audience=Audience.CUSTOMER_TEAM))
    assert story.folded().last("first_response").met is True


def test_23_what_the_customers_people_say_among_themselves_wants_no_answer() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply())
    story.tell("01-05 11:00", asks(audience=Audience.CUSTOMER_TEAM)).tell("01-05 12:00", asks(human=False))
    assert story.folded().of("next_response") == ()


def test_24_a_case_opened_as_pending_stands_still_from_the_start_and_says_that_nobody_answered() -> None:
    folded = Story().tell("01-05 09:00", *opened(), waits()).folded(upto="01-07 12:00")
    resolution = folded.last("resolution")
    assert (resolution.state, resolution.consumed) == (ClockState.PAUSED, timedelta())
    assert resolution.flags == {"paused_without_reply"}
    assert folded.last("first_response").state is ClockState.RUNNING


def test_25_what_an_agent_opens_for_the_customer_is_a_question_and_no_answer() -> None:
    story = Story().tell("01-05 09:00", *opened(party=Party.VENDOR), reply())
    assert story.folded().last("first_response").state is ClockState.RUNNING
    # The same if it becomes the vendor's later only.
    story = Story().tell("01-05 09:00", (CaseEvent.OPENED, {"party": Party.VENDOR}), reply(), becomes("major"))
    clock = story.tell("01-05 10:00", act(CaseEvent.HANDED_OVER)).folded().last("first_response")
    assert clock.state is ClockState.RUNNING


def test_25_a_call_counts_from_when_it_came_though_it_was_registered_later() -> None:
    story = Story().tell("01-05 09:00", *opened(), seen="01-05 11:00")
    assert shown(story.folded().last("first_response").due_at) == "01-05 17:00"


def test_25_an_answer_before_the_case_was_handed_over_keeps_the_promise_at_once() -> None:
    story = Story().tell("01-05 09:00", (CaseEvent.OPENED, {}), becomes("major")).tell("01-05 10:00", reply())
    folded = story.tell("01-05 11:00", act(CaseEvent.HANDED_OVER)).folded()
    clock = folded.last("first_response")
    assert (clock.met, clock.consumed, clock.flags) == (True, timedelta(), {"stopped_before_start"})
    assert shown(folded.last("next_update").started_at) == "01-05 11:00"


def test_26_a_case_closed_without_an_answer_is_judged_and_says_so() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", act(CaseEvent.RESOLVED))
    clock = story.folded().last("first_response")
    assert (clock.met, clock.flags) == (True, {"resolved_without_it"})
    late = Story().tell("01-05 09:00", *opened()).tell("01-07 12:00", act(CaseEvent.RESOLVED)).folded()
    assert late.last("first_response").met is False


def test_26_the_customer_cannot_stop_a_clock_of_the_vendor_but_takes_the_case_back() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    clock = story.folded().last("first_response")
    assert (clock.state, clock.reason, clock.met) == (ClockState.CANCELLED, "withdrawn_by_customer", None)
    late = Story().tell("01-05 09:00", *opened()).tell("01-07 12:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    assert late.folded().last("first_response").met is False


def test_27_a_case_reopened_soon_goes_on_without_the_time_it_was_solved() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply())
    story.tell("01-05 17:00", act(CaseEvent.RESOLVED)).tell(
        "01-12 09:00", act(CaseEvent.REOPENED, Party.CUSTOMER), asks()
    )
    folded = story.folded()
    clock = folded.last("resolution")
    assert (clock.cycle, clock.consumed, clock.state) == (1, hours(8), ClockState.RUNNING)
    assert shown(clock.first_stopped_at) == "01-05 17:00"
    assert folded.last("first_response").cycle == 1
    assert shown(folded.last("next_response").started_at) == "01-12 09:00"
    assert folded.last("confirmation").state is ClockState.STOPPED
    ended = story.tell("01-12 12:00", act(CaseEvent.RESOLVED)).folded().last("resolution")
    assert (ended.consumed, shown(ended.first_stopped_at), shown(ended.ended_at)) == (
        hours(11),
        "01-05 17:00",
        "01-12 12:00",
    )


def test_27_a_breach_stays_though_the_case_is_reopened() -> None:
    story = Story().tell("01-05 09:00", *opened("critical")).tell("01-12 09:00", act(CaseEvent.RESOLVED))
    story.tell("01-13 09:00", act(CaseEvent.REOPENED))
    clock = story.folded().last("resolution")
    assert (clock.cycle, clock.met, shown(clock.breached_at)) == (1, False, "01-10 09:00")


def test_27_a_case_reopened_weeks_later_begins_a_new_resolution() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", reply(), act(CaseEvent.RESOLVED))
    story.tell("01-20 09:00", act(CaseEvent.REOPENED, Party.CUSTOMER))
    first, second = story.folded().of("resolution")
    assert first.met is True
    assert (second.cycle, shown(second.started_at), second.consumed) == (2, "01-20 09:00", timedelta())
    assert len(story.folded().of("first_response")) == 1


def test_27_a_case_the_customer_closed_and_opens_again_still_wants_its_first_answer() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 11:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    story.tell("01-07 09:00", act(CaseEvent.REOPENED, Party.CUSTOMER))
    clock = story.folded().last("first_response")
    assert (clock.state, clock.consumed, shown(clock.due_at)) == (ClockState.RUNNING, hours(2), "01-07 15:00")


def test_28_thanks_after_the_case_was_solved_begin_nothing() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply(), act(CaseEvent.RESOLVED))
    folded = story.tell("01-06 10:00", asks()).folded()
    assert folded.of("next_response") == ()
    assert folded.last("resolution").state is ClockState.STOPPED


def test_29_a_merged_case_cancels_its_clocks_and_the_survivor_keeps_its_own() -> None:
    gone = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", act(CaseEvent.MERGED_INTO, value="2")).folded()
    assert {(clock.state, clock.reason) for clock in gone.clocks} == {(ClockState.CANCELLED, "merged")}
    assert next_wake(gone) is None
    merged = act(CaseEvent.MERGED_FROM, value=local("01-02 09:00").isoformat())
    kept = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", merged).folded().last("first_response")
    assert shown(kept.due_at) == "01-05 17:00"


def test_29_the_survivor_may_count_from_the_earliest_start_and_is_not_breached_in_the_past() -> None:
    earliest = Timeline.of([terms(("customer: ACME", "customer: ACME\nmerged: earliest"))])
    merged = act(CaseEvent.MERGED_FROM, value=local("01-02 14:00").isoformat())
    clock = Story(earliest).tell("01-05 09:00", *opened()).tell("01-05 12:00", merged).folded().last("first_response")
    assert (shown(clock.started_at), clock.consumed, shown(clock.due_at)) == ("01-02 14:00", hours(6), "01-05 14:00")
    merged = act(CaseEvent.MERGED_FROM, value=local("01-02 09:00").isoformat())
    clock = Story(earliest).tell("01-05 09:00", *opened()).tell("01-05 12:00", merged).folded().last("first_response")
    assert (shown(clock.breached_at), clock.breach_reason) == ("01-05 12:00", "merged")


def test_29_what_is_split_off_is_a_case_of_its_own() -> None:
    split = Story().tell("01-06 09:00", *opened(party=Party.VENDOR)).folded()
    assert shown(split.last("first_response").started_at) == "01-06 09:00"


def test_30_a_deleted_case_cancels_its_clocks_and_goes_on_where_it_is_restored() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 11:00", act(CaseEvent.DELETED))
    assert {clock.reason for clock in story.folded().clocks} == {"deleted"}
    story.tell("01-07 09:00", act(CaseEvent.RESTORED))
    clock = story.folded().last("first_response")
    assert (clock.cycle, clock.consumed, shown(clock.due_at)) == (1, hours(2), "01-07 15:00")


def test_31_a_severity_that_goes_up_carries_what_was_used_each_piece_by_its_own_calendar() -> None:
    story = Story().tell("01-09 15:00", *opened("minor")).tell("01-12 10:00", becomes("critical"))
    clock = story.folded().last("first_response")
    # Friday 15-17 and Monday 9-10 are three hours of office time, not the sixty-seven of the weekend.
    assert (clock.consumed, clock.target, shown(clock.due_at)) == (hours(3), hours(4), "01-12 11:00")
    assert [segment.severity for segment in clock.segments] == ["minor"]
    assert clock.crossed[0].reason == "severity_change"


def test_31_up_beyond_the_new_target_is_a_breach_at_the_change_and_not_before() -> None:
    story = Story().tell("01-05 09:00", *opened("minor")).tell("01-05 16:00", becomes("critical"))
    clock = story.folded().last("first_response")
    assert (shown(clock.breached_at), clock.breach_reason) == ("01-05 16:00", "severity_change")
    story.tell("01-05 16:30", becomes("minor"))
    assert story.folded().last("first_response").met is False


def test_31_down_gives_more_time_and_up_again_takes_it_away() -> None:
    story = Story().tell("01-05 09:00", *opened("critical")).tell("01-05 11:00", becomes("minor"))
    assert shown(story.folded().last("first_response").due_at) == "01-06 17:00"
    story.tell("01-05 12:00", becomes("critical"))
    clock = story.folded().last("first_response")
    assert (clock.consumed, shown(clock.due_at), clock.met) == (hours(3), "01-05 13:00", None)
    # What was promised to one of them only is left alone meanwhile.
    workaround = story.folded().last("workaround")
    assert (workaround.consumed, workaround.target) == (hours(2), hours(24))


def test_31_a_contract_may_restart_instead() -> None:
    restart = Timeline.of([terms(("customer: ACME", "customer: ACME\nseverity_change: restart"))])
    story = Story(restart).tell("01-05 09:00", *opened("minor")).tell("01-05 16:00", becomes("critical"))
    assert shown(story.folded().last("first_response").due_at) == "01-05 20:00"


def test_31_what_ran_before_a_severity_was_known_counts_by_the_first_one() -> None:
    story = Story().tell("01-05 09:00", *opened(""))
    unknown = story.folded().last("first_response")
    assert (unknown.target, unknown.due_at, unknown.armed) == (None, None, ())
    story.tell("01-05 12:00", becomes("major"))
    clock = story.folded().last("first_response")
    assert (clock.consumed, shown(clock.due_at)) == (hours(3), "01-05 17:00")
    assert clock.met is None


def test_31_a_reply_and_a_severity_in_one_update_are_judged_by_the_old_one() -> None:
    story = Story().tell("01-05 09:00", *opened("minor")).tell("01-05 16:00", becomes("critical"), reply())
    assert story.folded().last("first_response").met is True


def test_more_time_that_the_customer_agreed_to_moves_the_target_and_takes_no_breach_back() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", act(CaseEvent.EXTENDED, value="resolution 2d"))
    clock = story.folded().last("resolution")
    assert (clock.target, clock.flags, shown(clock.due_at)) == (hours(96), {"extended"}, "01-20 17:00")
    story.tell("01-06 09:00", becomes("critical"))
    assert story.folded().last("resolution").target == hours(7 * 24)
    late = (
        Story().tell("01-05 09:00", *opened()).tell("01-06 12:00", act(CaseEvent.EXTENDED, value="first_response 1d"))
    )
    assert late.folded().last("first_response").met is False


def test_32_a_case_that_no_longer_matches_is_cancelled_and_goes_on_when_it_does_again() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 11:00", act(CaseEvent.UNMATCHED))
    folded = story.folded()
    assert {(clock.state, clock.reason) for clock in folded.clocks} == {(ClockState.CANCELLED, "unmatched")}
    assert next_wake(folded) is None
    story.tell("01-05 14:00", act(CaseEvent.MATCHED))
    clock = story.folded().last("first_response")
    assert (clock.cycle, shown(clock.started_at), clock.consumed) == (1, "01-05 09:00", hours(2))
    # Coming back from one thing is no coming back from another.
    story.tell("01-05 15:00", act(CaseEvent.DELETED)).tell("01-05 16:00", act(CaseEvent.MATCHED))
    assert story.folded().last("first_response").reason == "deleted"


def test_32_nothing_promised_to_a_severity_wakes_nobody() -> None:
    folded = Story().tell("01-05 09:00", *opened("trivial")).folded()
    assert [clock.target for clock in folded.of("first_response")] == [None]
    assert next_wake(folded) is None or next_wake(folded) == (local("2027-01-01 00:00"), "terms")


def office(*spans: tuple[int, int], name: str = "office") -> Timetable:
    hours_of = tuple(Span(start * 3600, end * 3600) for start, end in spans)
    weekly = (*(hours_of,) * 5, (), ())
    return Timetable(CalendarVersion(name=name, timezone="Europe/Berlin", weekly=weekly), ZoneInfo("Europe/Berlin"))


def with_course(course: Course) -> Timeline:
    one = terms()
    return Timeline.of([Terms(one.contract, {**one.calendars, "office": course}, one.zone, one.digest)])


def test_33_a_calendar_edit_leaves_what_lies_before_it_and_moves_what_lies_ahead() -> None:
    edited = with_course(Course.of(office((9, 17)), (local("01-06 00:00"), office((9, 12)))))
    facts = Story().tell("01-05 15:00", *opened()).facts
    clock = fold(facts, edited).last("first_response")
    # Two hours on Monday by the old hours, three each on Tuesday and Wednesday by the new ones.
    assert (shown(clock.due_at), shown(clock.breach_at)) == ("01-07 12:00", "01-08 09:00")
    facts = Story().tell("01-05 15:00", *opened()).tell("01-07 10:00", reply()).facts
    answered = fold(facts, edited).last("first_response")
    assert [segment.used for segment in answered.segments] == [hours(2), hours(4)]
    assert len({segment.calendar for segment in answered.segments}) == 2


def test_33_a_target_used_up_just_before_a_calendar_edit_is_breached_when_the_new_hours_begin() -> None:
    edited = with_course(Course.of(office((9, 17)), (local("01-06 00:00"), office((11, 12)))))
    clock = fold(Story().tell("01-05 09:00", *opened()).facts, edited).last("first_response")
    assert (shown(clock.due_at), shown(clock.breach_at)) == ("01-05 17:00", "01-06 11:00")


def test_33_a_correction_of_the_past_is_shown_before_it_is_made() -> None:
    facts = Story().tell("01-05 09:00", *opened()).facts
    before = fold(facts, with_course(Course.of(office((9, 17)))))
    after = fold(facts, with_course(Course.of(office((9, 13)))))
    preview = compare(before, after, as_of=local("01-06 12:00"))
    assert BREACH in preview.retracted
    back = compare(after, before, as_of=local("01-06 12:00"))
    assert BREACH in [firing.fire for firing in back.newly_due]


YEAR = "period: {from: 2026-01-01, to: 2026-12-31}"


def versions(first: str, *second: tuple[str, str]) -> Timeline:
    return Timeline.of([terms((YEAR, first)), *([terms(*second)] if second else [])])


def test_34_a_running_case_finishes_under_the_terms_of_its_start() -> None:
    timeline = versions("period: {from: 2026-01-01, to: 2026-06-30}")
    story = Story(timeline).tell("06-30 16:00", *opened())
    assert shown(story.folded(upto="07-02 12:00").last("first_response").due_at) == "07-01 16:00"
    new = Story(timeline).tell("07-01 09:00", *opened()).folded()
    assert (new.out_of_support, new.clocks) == (True, ())


def test_34_a_contract_may_suspend_what_runs_when_it_ends() -> None:
    timeline = versions("period: {from: 2026-01-01, to: 2026-06-30, running_cases: suspend}")
    story = Story(timeline).tell("06-30 16:00", *opened())
    assert story.folded(upto="06-30 17:00").next_boundary_at == local("07-01 00:00")
    clock = story.folded(upto="07-02 12:00").last("first_response")
    assert (clock.state, clock.reason, clock.consumed) == (ClockState.PAUSED, "out_of_support", hours(1))


def test_34_a_gap_covers_new_cases_if_the_contract_says_so() -> None:
    timeline = versions("period: {from: 2026-01-01, to: 2026-06-30, gaps: cover}")
    assert Story(timeline).tell("07-01 09:00", *opened()).folded().last("first_response").terms_version == 1


SECOND = (
    ("version: 1", "version: 2"),
    (YEAR, "period: {from: 2026-07-01}"),
    ("major: {calendar: office, first_response: 8h", "major: {calendar: office, first_response: 4h"),
)


def test_34_a_renewal_with_other_terms_holds_for_cases_that_begin_under_it() -> None:
    timeline = versions("period: {from: 2026-01-01, to: 2026-06-30}", *SECOND)
    old = Story(timeline).tell("06-30 16:00", *opened()).folded(upto="07-02 12:00").last("first_response")
    assert (old.terms_version, old.target) == (1, hours(8))
    new = Story(timeline).tell("07-01 09:00", *opened()).folded().last("first_response")
    assert (new.terms_version, new.target) == (2, hours(4))


def test_34_a_renewal_may_take_over_open_cases_with_what_they_used() -> None:
    takes = (SECOND[0], (YEAR, "period: {from: 2026-07-01, applies_to_open: true}"), SECOND[2])
    timeline = versions("period: {from: 2026-01-01, to: 2026-06-30}", *takes)
    story = Story(timeline).tell("06-30 15:00", *opened())
    clock = story.folded(upto="07-02 12:00").last("first_response")
    assert (clock.terms_version, clock.consumed, shown(clock.due_at)) == (2, hours(2), "07-01 11:00")
    over = Story(timeline).tell("06-30 10:00", *opened()).folded(upto="07-02 12:00").last("first_response")
    assert (shown(over.breached_at), over.breach_reason) == ("07-01 00:00", "terms_change")


def test_34_a_contract_that_begins_tomorrow_promises_nothing_today() -> None:
    later = (YEAR, "period: {from: 2026-07-01, applies_to_open: true}")
    story = Story(Timeline.of([terms(later)])).tell("06-30 15:00", *opened())
    assert story.folded(upto="06-30 18:00").out_of_support is True
    folded = story.folded(upto="07-01 09:00")
    assert folded.out_of_support is False
    assert shown(folded.last("first_response").started_at) == "07-01 00:00"


def test_35_a_warning_comes_in_business_time_and_never_if_it_leaves_no_less_than_the_target() -> None:
    left = terms(("at: 50%", "at: 1h left"), text=CONTRACT_OF_DAYS)
    story = Story(Timeline.of([left])).tell("01-09 16:30", *opened())
    [_, warning, _] = story.folded().last("first_response").armed
    # Nine hours of time: half an hour on Friday, eight hours on Monday; one hour before that is Monday 16:00.
    assert (warning.fire.label, shown(warning.at)) == ("1h left", "01-12 16:30")
    long = CONTRACT_OF_DAYS.replace("at: 50%", "at: 10h left, metrics: resolution")
    armed = Story(Timeline.of([terms(text=long)])).tell("01-09 16:30", *opened()).folded().last("first_response").armed
    assert [one.fire.label for one in armed] == ["80%", "breach"]


CONTRACT_OF_DAYS = """\
customer: ACME
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-17:00"]}}
severities:
  major: {calendar: office, first_response: 9h, resolution: 10d}
escalation:
  - {at: 50%, tell: assignee}
  - {at: 80%, tell: assignee}
"""


def test_36_facts_out_of_order_doubled_or_at_one_time_count_once_and_in_order() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", reply()).tell("01-05 12:00", asks())
    straight = story.folded()
    assert straight == story.folded(facts=[*reversed(story.facts), *story.facts])
    assert shown(straight.last("next_response").started_at) == "01-05 12:00"


def test_36_a_fact_that_claims_to_lie_ahead_is_set_aside() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", reply(), seen="01-05 11:00")
    folded = story.folded()
    assert folded.last("first_response").state is ClockState.RUNNING
    assert [fact.kind for fact in folded.set_aside] == [CaseEvent.MESSAGE]


def test_36_a_fact_from_before_the_case_was_opened_is_not_believed() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 08:00", reply())
    folded = story.folded()
    assert folded.last("first_response").state is ClockState.RUNNING
    assert folded.flags == {"before_opening"}


def test_37_an_answer_that_is_learned_of_late_takes_the_breach_back() -> None:
    story = Story().tell("01-05 09:00", *opened())
    now = local("01-06 09:30")
    fired = [firing.fire for firing in due(story.folded(), as_of=now, settled_at=now)]
    assert BREACH in fired
    story.tell("01-05 16:00", reply(), seen="01-06 10:00")
    said = restate(fired, story.folded(), as_of=local("01-06 10:00"), settled_at=local("01-06 10:00"))
    assert said.retracted == (BREACH,)
    assert said.newly_due == ()


def test_37_a_fact_that_is_learned_of_late_can_also_make_a_breach() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply())
    before = story.folded()
    story.tell("01-05 11:00", asks(), seen="01-07 12:00")
    found = compare(before, story.folded(), as_of=local("01-07 12:00"))
    breach = next(firing for firing in found.newly_due if firing.fire.kind is Kind.BREACH)
    assert (breach.fire.metric, shown(breach.at), breach.late_by) == ("next_response", "01-06 11:00", hours(25))


def test_38_what_was_missed_over_a_weekend_happens_once_in_order_and_is_marked_late() -> None:
    folded = Story().tell("01-09 09:00", *opened()).folded()
    monday = local("01-12 09:30")
    first = due(folded, as_of=monday, settled_at=monday)
    mine = [(firing.fire.label, firing.late_by) for firing in first if firing.fire.metric == "first_response"]
    assert mine == [("50%", hours(68.5)), ("80%", timedelta(hours=66, minutes=6)), ("breach", hours(0.5))]
    assert due(folded, as_of=monday, settled_at=monday, fired=[firing.fire for firing in first]) == ()


def test_38_a_breach_is_repeated_while_it_lasts_and_only_the_newest_repetition_is_caught_up_on() -> None:
    repeating = terms(
        ("{at: breach, tell: assignee}", "{at: breach, tell: assignee, repeat: 2h, metrics: first_response}")
    )
    folded = Story(Timeline.of([repeating])).tell("01-05 09:00", *opened()).folded()
    now = local("01-06 15:30")
    found = due(folded, as_of=now, settled_at=now)
    repeats = [(firing.fire.label, shown(firing.at)) for firing in found if firing.fire.kind is Kind.REPEAT]
    assert repeats == [("breach+3", "01-06 15:00")]
    fired = [firing.fire for firing in found]
    clock = folded.last("first_response")
    assert next_wake(folded, fired) is not None
    answered = Story(Timeline.of([repeating])).tell("01-05 09:00", *opened()).tell("01-06 16:00", reply()).folded()
    assert clock.repeat_every == hours(2)
    assert answered.last("first_response").repeat_every is None


def test_39_a_clock_stepped_back_fires_nothing_twice() -> None:
    folded = Story().tell("01-05 09:00", *opened()).folded()
    now = local("01-05 13:30")
    fired = [firing.fire for firing in due(folded, as_of=now, settled_at=now)]
    assert HALF in fired
    assert due(folded, as_of=now - hours(1), settled_at=now, fired=fired) == ()
    assert due(folded, as_of=now + hours(1), settled_at=now, fired=fired) == ()


def test_40_an_answer_that_is_hidden_afterwards_was_given_and_says_so() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply())
    story.tell("01-05 11:00", act(CaseEvent.WITHDRAWN, value=story.facts[-1].id))
    clock = story.folded().last("first_response")
    assert (clock.met, clock.flags) == (True, {"reply_withdrawn"})


def test_40_a_question_that_is_taken_back_wants_no_answer() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply()).tell("01-05 11:00", asks())
    story.tell("01-05 12:00", act(CaseEvent.WITHDRAWN, Party.CUSTOMER, value=story.facts[-1].id))
    assert story.folded().last("next_response").reason == "message_withdrawn"


def test_40_where_the_oldest_question_is_taken_back_the_next_one_waits_since_it_was_asked() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply()).tell("01-05 11:00", asks())
    first = story.facts[-1].id
    story.tell("01-05 13:00", asks()).tell("01-05 15:00", act(CaseEvent.WITHDRAWN, Party.CUSTOMER, value=first))
    old, new = story.folded().of("next_response")
    assert (old.state, new.state) == (ClockState.CANCELLED, ClockState.RUNNING)
    assert (shown(new.started_at), shown(new.due_at)) == ("01-05 13:00", "01-06 13:00")


def test_40_a_note_that_is_shown_later_answers_when_it_is_shown() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply(audience=Audience.VENDOR))
    story.tell("01-05 15:00", reply())
    assert story.folded().last("first_response").consumed == hours(6)


def test_a_breach_waits_for_every_source_and_is_provisional_after_a_while() -> None:
    folded = Story().tell("01-05 09:00", *opened()).folded()

    def breaches(now: str, settled: str) -> list[bool]:
        found = due(folded, as_of=local(now), settled_at=local(settled))
        return [firing.provisional for firing in found if firing.fire == BREACH]

    assert breaches("01-06 09:05", "01-06 08:55") == []
    assert breaches("01-06 09:05", "01-06 09:01") == [False]
    assert breaches("01-06 09:15", "01-06 08:55") == [True]
    later = restate([BREACH], folded, as_of=local("01-06 10:00"), settled_at=local("01-06 09:30"), provisional=[BREACH])
    assert later.confirmed == (BREACH,)


def test_periodic_updates_begin_with_the_first_answer_and_follow_each_other() -> None:
    story = Story().tell("01-05 09:00", *opened())
    assert story.folded().of("next_update") == ()
    story.tell("01-05 10:00", reply()).tell("01-06 10:00", reply())
    first, second = story.folded().of("next_update")
    assert (first.met, shown(second.started_at), shown(second.due_at)) == (True, "01-06 10:00", "01-08 10:00")
    story.tell("01-07 10:00", act(CaseEvent.RESOLVED))
    assert len(story.folded().of("next_update")) == 2
    story.tell("01-08 10:00", act(CaseEvent.REOPENED, Party.CUSTOMER))
    assert shown(story.folded().last("next_update").started_at) == "01-08 10:00"


def test_a_workaround_stops_its_own_clock_only_and_is_not_wanted_again() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 12:00", reply(), act(CaseEvent.WORKAROUND))
    story.tell("01-06 09:00", act(CaseEvent.RESOLVED)).tell("01-07 09:00", act(CaseEvent.REOPENED, Party.CUSTOMER))
    folded = story.folded()
    assert [(clock.met, clock.consumed) for clock in folded.of("workaround")] == [(True, hours(3))]
    assert folded.last("resolution").state is ClockState.RUNNING


def test_the_customers_duties_run_in_their_hours_and_are_nobodys_breach_of_ours() -> None:
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 15:00", reply(), act(CaseEvent.ASKED, Party.BRIDGE))
    folded = story.folded()
    duty = folded.last("authorisation")
    assert (duty.owner, shown(duty.due_at)) == (Party.CUSTOMER, "01-06 15:00")
    assert [(one.fire.label, shown(one.at)) for one in duty.armed] == [
        ("50%", "01-06 11:00"),
        ("100%", "01-06 15:00"),
        ("breach", "01-06 15:00"),
    ]
    assert folded.last("resolution").reason == "waiting_authorisation"
    story.tell("01-06 12:00", act(CaseEvent.ANSWERED))
    assert story.folded().last("authorisation").is_open
    story.tell("01-06 13:00", act(CaseEvent.ANSWERED, Party.CUSTOMER))
    assert story.folded().last("authorisation").met is True
    assert story.folded().last("resolution").state is ClockState.RUNNING


def test_a_duty_that_a_severity_does_not_need_asks_nothing() -> None:
    story = Story().tell("01-05 09:00", *opened("critical")).tell("01-05 10:00", act(CaseEvent.ASKED, Party.BRIDGE))
    assert story.folded().last("authorisation").target is None


def test_without_facts_there_are_no_clocks() -> None:
    assert fold((), STANDARD).clocks == ()
    assert fold((), STANDARD, facts_upto=datetime(2026, 1, 1, tzinfo=UTC)).next_boundary_at is not None
