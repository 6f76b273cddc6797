"""Report figures count what became of promises, and leave nothing out that would make a rate look better."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.cases import BERLIN, Story, act, becomes, hours, local, opened, reply, waits

from bridge.model.words import Party
from bridge.sla.facts import CaseEvent
from bridge.sla.figures import Figures, figures, out_of_support, outcomes, percentile

NOW = local("02-02 12:00")
SETTLED = local("02-02 11:59")


def counted(*stories: Story, metric: str = "first_response") -> list[Figures]:
    cases = [(str(number), story.folded()) for number, story in enumerate(stories)]
    found = figures(outcomes(cases, as_of=NOW, settled_at=SETTLED, zone=BERLIN))
    return [one for one in found if one.metric == metric]


def begun(at: str = "01-05 09:00", severity: str = "major") -> Story:
    return Story().tell(at, *opened(severity))


def test_promises_are_counted_by_the_month_they_ended_in() -> None:
    kept = begun().tell("01-05 12:00", reply())
    late = begun().tell("01-06 12:00", reply())
    [january] = counted(kept, late, kept)
    assert (january.month, january.met, january.breached, january.cancelled) == ("2026-01", 2, 1, 0)
    assert january.rate == 2 / 3
    assert (january.consumed, january.overrun) == (hours(3 + 11 + 3), hours(3))
    assert january.terms == "ACME, version 1"
    [(terms, calendar, tzdata)] = january.judged_by
    assert january.percentiles == {50: hours(3), 90: hours(11), 95: hours(11)}
    assert terms == "ACME, version 1"
    assert len(calendar) == 16
    assert tzdata


def test_a_case_that_runs_and_is_over_counts_as_breached_though_nobody_closed_it() -> None:
    [running] = counted(begun(), begun("02-02 09:00"))
    assert (running.month, running.running, running.running_over, running.breached) == ("", 1, 1, 1)
    assert running.rate == 0


def test_what_was_cancelled_in_time_counts_in_no_rate_and_what_was_late_before_does() -> None:
    withdrawn = begun().tell("01-05 12:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    too_late = begun().tell("01-08 12:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    [january] = counted(withdrawn, too_late)
    assert (january.cancelled, january.breached, january.met, january.rate) == (1, 1, 0, 0.0)
    [only] = counted(withdrawn)
    assert only.rate is None


def test_a_breach_that_some_source_could_still_undo_is_provisional() -> None:
    # One minute before noon all was read; the target was exceeded after that.
    story = Story().tell("02-02 07:59", *opened("critical"))
    found = outcomes([("1", story.folded())], as_of=NOW, settled_at=SETTLED, zone=BERLIN)
    assert [one.provisional for one in found if one.metric == "first_response"] == [True]


def test_time_stood_still_is_told_by_reason() -> None:
    story = begun().tell("01-05 10:00", reply(), waits()).tell("01-05 12:00", waits("waiting_third_party"))
    story.tell("01-05 15:00", waits("")).tell("01-05 16:00", act(CaseEvent.RESOLVED))
    [resolution] = counted(story, metric="resolution")
    assert resolution.pauses == {"waiting_customer": hours(2), "waiting_third_party": hours(3)}
    assert resolution.consumed == hours(2)


def test_severities_are_told_apart_and_duties_of_the_customer_left_out() -> None:
    story = begun().tell("01-05 10:00", reply(), act(CaseEvent.ASKED, Party.BRIDGE))
    other = begun(severity="critical").tell("01-05 10:00", reply())
    assert [one.severity for one in counted(story, other)] == ["critical", "major"]
    assert counted(story, metric="authorisation") == []


def test_cases_without_a_contract_are_told_apart() -> None:
    outside = Story().tell("2027-03-01 09:00", *opened())
    cases = [("1", outside.folded()), ("2", begun().folded())]
    assert out_of_support(cases) == ["1"]
    assert counted(outside) == []


@pytest.mark.parametrize(
    ("amounts", "share", "found"),
    [
        ([7], 50, 7),
        ([7], 95, 7),
        ([2, 1], 50, 1),
        ([2, 1], 51, 2),
        ([3, 1, 2], 50, 2),
        (range(1, 11), 50, 5),
        (range(1, 11), 90, 9),
        (range(1, 11), 95, 10),
        (range(1, 101), 95, 95),
        (range(1, 102), 95, 96),
        ([5, 5, 5, 9], 75, 5),
        ([4, 8], 0, 4),
        ([4, 8], 100, 8),
    ],
)
def test_a_percentile_is_the_least_amount_that_this_share_does_not_exceed(
    amounts: list[int], share: int, found: int
) -> None:
    assert percentile([hours(one) for one in amounts], share) == hours(found)


def test_there_is_no_percentile_of_nothing_and_none_of_what_was_cancelled_or_may_still_be_kept() -> None:
    assert percentile([], 50) is None
    withdrawn = begun().tell("01-05 12:00", act(CaseEvent.RESOLVED, Party.CUSTOMER))
    assert [one.percentiles for one in counted(withdrawn, begun("02-02 09:00"))] == [{}, {}]
    [over] = counted(begun())
    assert over.percentiles[50] > hours(8)


def test_what_stands_still_is_told_apart_from_what_runs_unless_it_is_over() -> None:
    waiting = begun().tell("01-05 10:00", reply(), waits())
    [resolution] = counted(waiting, begun(), metric="resolution")
    assert (resolution.paused, resolution.running, resolution.running_over) == (1, 0, 1)
    assert resolution.rate == 0


def test_a_month_counts_what_ended_in_it_with_what_still_runs_and_nothing_else() -> None:
    kept, running = begun().tell("01-05 12:00", reply()), begun("02-02 09:00")
    cases = [("1", kept.folded()), ("2", running.folded())]
    found = outcomes(cases, as_of=NOW, settled_at=SETTLED, zone=BERLIN)
    [january] = [one for one in figures(found, month="2026-01") if one.metric == "first_response"]
    [february] = [one for one in figures(found, month="2026-02") if one.metric == "first_response"]
    assert (january.month, january.met, january.running) == ("2026-01", 1, 1)
    assert (february.month, february.met, february.running) == ("2026-02", 0, 1)


def test_every_calendar_that_measured_a_piece_is_named() -> None:
    raised = begun("01-05 09:00", "minor").tell("01-05 10:00", becomes("critical")).tell("01-05 11:00", reply())
    [first] = counted(raised)
    assert (first.severity, first.met, first.consumed) == ("critical", 1, timedelta(hours=2))
    assert len({judge.calendar for judge in first.judged_by}) == 2
    assert {judge.terms for judge in first.judged_by} == {"ACME, version 1"}
