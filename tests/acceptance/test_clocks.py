"""The clocks of a contract run over both sides, through the whole bridge, in a time that moves only when it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.cli.story.config import SITES
from bridge.cli.story.script import Opened
from bridge.engine.intake.past import Chronicle
from bridge.store.clocks import ClockRow, Fired

from .stage import START, Stage

CONTRACT = """\
customer: ACME GmbH
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-18:00"]}}
severities:
  critical: {means: production down, calendar: 24x7, first_response: 4h, workaround: 1d, resolution: 5d}
  major: {means: main function broken, calendar: office, first_response: 8h, workaround: 3d, resolution: 10d}
  minor: {means: anything else, calendar: office, first_response: 2d, resolution: 30d}
  trivial: {means: cosmetic, calendar: office, first_response: 5d}
escalation:
  - {at: 50%, tell: [lead]}
  - {at: breach, tell: [lead]}
"""
HOUR = 3600


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose routes have a contract, with everything at rest."""
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    made = Stage(tmp_path, f"contract: {tmp_path / 'contract.yaml'}")
    yield made
    made.close()


def look(stage: Stage) -> None:
    """Every site and every history is read, and what is due is worked off."""
    for _round in range(4):
        [chronicle] = [duty for duty in stage.start().duties if isinstance(duty, Chronicle)]
        for site in sorted(SITES):
            stage.poll(site)
            chronicle.read_all(site)
        stage.work()
        stage.pass_time(1)


def later(stage: Stage, **length: float) -> None:
    """Time passes, with a look now and then as a running bridge takes."""
    stage.pass_time(timedelta(**length).total_seconds())
    look(stage)


def clock(stage: Stage, opened: Opened, metric: str) -> ClockRow:
    """The newest cycle of a clock."""
    with stage.start().ledger.begin() as transaction:
        rows = [one for one in transaction.clocks.all() if one.group.endswith(f"/{opened.ticket}")]
    return [one for one in rows if one.metric == metric][-1]


def fired(stage: Stage, opened: Opened) -> list[Fired]:
    """What was acted on in a case."""
    route = {"acme-desk": "acme", "globex-desk": "globex"}[opened.site]
    with stage.start().ledger.begin() as transaction:
        return transaction.clocks.fired(f"{route}:{opened.site}/{opened.ticket}")


def notes(stage: Stage, opened: Opened, words: str) -> int:
    """How many comments of the issue say so."""
    [case] = [one for one in stage.jira.cases("ACME") if one.summary == opened.summary]
    return len([said for said in case.said if words in said.words])


def test_a_critical_case_is_due_after_four_hours_around_the_clock_and_a_released_reply_keeps_it(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    first = clock(stage, opened, "first_response")
    assert (first.state, first.severity, first.target) == ("running", "critical", timedelta(hours=4))
    assert first.due_at is not None
    assert abs(first.due_at - START - timedelta(hours=4)) < timedelta(seconds=30)
    key = stage.key(opened)
    assert key is not None
    stage.jira.comment(key, "Looks like the cache.")
    later(stage, hours=1)
    assert clock(stage, opened, "first_response").state == "running"
    stage.jira.comment(key, "#reply We are on it.")
    later(stage, minutes=5)
    first = clock(stage, opened, "first_response")
    assert (first.state, first.breached_at) == ("stopped", None)
    assert timedelta(hours=1) < first.consumed < timedelta(hours=1, minutes=10)
    assert fired(stage, opened) == []


def test_a_warning_and_a_breach_are_told_once_where_only_the_vendor_reads_and_solved_at_the_end(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    later(stage, hours=2, minutes=5)
    assert [(one.metric, one.kind, one.label) for one in fired(stage, opened)] == [("first_response", "warn", "50%")]
    assert notes(stage, opened, "First response: 50% of the time is used up.") == 1
    later(stage, hours=2)
    stage.kill()
    later(stage, minutes=5)
    told = [(one.kind, one.label, one.provisional) for one in fired(stage, opened)]
    assert told == [("warn", "50%", False), ("breach", "breach", False)]
    assert notes(stage, opened, "the promise is broken") == 1
    assert len(stage.desks["acme-desk"].cases()[0].said) == 1
    key = stage.key(opened)
    assert key is not None
    stage.jira.comment(key, "#reply Sorry for the wait.")
    later(stage, minutes=5)
    first = clock(stage, opened, "first_response")
    assert first.state == "stopped"
    assert first.breached_at is not None
    assert abs(first.breached_at - START - timedelta(hours=4)) < timedelta(seconds=30)


def test_a_filled_workaround_stops_the_clock_of_a_ticket_once_the_customer_is_told(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    key = stage.key(opened)
    assert key is not None
    later(stage, hours=3)
    stage.jira.fill(key, "Workaround", "Restart the worker every night.")
    later(stage, minutes=5)
    assert clock(stage, opened, "workaround").state == "stopped"
    assert clock(stage, opened, "first_response").state == "stopped"
    assert clock(stage, opened, "resolution").state == "running"


def test_w22_hours_count_in_the_contract_s_calendar_over_a_weekend_and_the_change_to_summer_time(stage: Stage) -> None:
    stage.pass_time(timedelta(days=25, hours=6).total_seconds())  # Friday 2026-03-27, 16:00 in Berlin
    opened = stage.file("acme-desk", "Search is slow", "high")
    look(stage)
    first = clock(stage, opened, "first_response")
    # 2 h are left of Friday and 6 h of the target, on a Monday that begins an hour earlier by UTC.
    assert first.due_at is not None
    assert f"{first.due_at:%Y-%m-%d %H:%M}" == "2026-03-30 13:00"
    later(stage, days=2)
    assert clock(stage, opened, "first_response").state == "running"
    assert fired(stage, opened) == []


def test_w23_a_clock_stands_still_while_the_customer_is_waited_for_and_ends_with_the_solution(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    key = stage.key(opened)
    assert key is not None
    stage.jira.move(key, "Selected")
    stage.jira.move(key, "In Progress")
    stage.jira.comment(key, "#reply Which browser is it?")
    stage.jira.move(key, "Waiting")
    later(stage, minutes=10)
    resolution = clock(stage, opened, "resolution")
    assert (resolution.state, resolution.reason, resolution.due_at) == ("paused", "waiting_customer", None)
    later(stage, days=20)
    assert clock(stage, opened, "resolution").breached_at is None
    stage.desks["acme-desk"].reply(opened.ticket, "Firefox.")
    stage.desks["acme-desk"].change(opened.ticket, status="open", assignee_id=stage.desks["acme-desk"].user("agent"))
    later(stage, hours=1)
    resolution = clock(stage, opened, "resolution")
    assert resolution.state == "running"
    assert resolution.consumed < timedelta(hours=2)
    key = stage.key(opened)
    assert key is not None
    stage.jira.move(key, "Done", resolution={"name": "Fixed"})
    later(stage, minutes=10)
    later(stage, days=30)
    resolution = clock(stage, opened, "resolution")
    assert (resolution.state, resolution.breached_at) == ("stopped", None)
    assert resolution.consumed < timedelta(hours=4)


def test_a_severity_that_is_raised_carries_what_was_used_up_and_is_never_broken_before_the_change(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "high")
    look(stage)
    later(stage, hours=6)
    raised_at = stage.time.shown()
    stage.desks["acme-desk"].change(opened.ticket, priority="urgent")
    later(stage, minutes=20)
    first = clock(stage, opened, "first_response")
    assert first.severity == "critical"
    assert first.breached_at is not None
    assert first.breached_at >= raised_at.replace(microsecond=0)
    assert [one.kind for one in fired(stage, opened)].count("breach") == 1


def test_what_was_over_before_the_route_was_known_is_written_down_and_told_to_nobody(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    stage.pass_time(timedelta(hours=9).total_seconds())
    look(stage)
    later(stage, minutes=10)
    told = fired(stage, opened)
    assert {one.kind for one in told} == {"warn", "breach"}
    assert all(one.quiet for one in told)
    assert notes(stage, opened, "First response") == 0


def test_a_breach_is_provisional_while_the_helpdesk_cannot_be_read_and_taken_back_when_a_late_fact_says_otherwise(
    stage: Stage,
) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    later(stage, hours=3)
    stage.fault(site="acme-desk", kind="status", status=503)
    stage.pass_time(HOUR / 2)
    stage.desks["acme-desk"].change(opened.ticket, priority="low")
    stage.pass_time(HOUR)
    stage.work()
    [breach] = [one for one in fired(stage, opened) if one.kind == "breach"]
    assert (breach.provisional, breach.retracted_at) == (True, None)
    assert notes(stage, opened, "Not certain yet") == 1
    stage.calm()
    later(stage, minutes=20)
    [breach] = [one for one in fired(stage, opened) if one.kind == "breach"]
    assert breach.retracted_at is not None
    assert notes(stage, opened, "Solved") == 1
    first = clock(stage, opened, "first_response")
    assert (first.state, first.severity, first.breached_at) == ("running", "trivial", None)


def ask(stage: Stage, *words: str) -> str:
    """What `bridge sla …` prints."""
    command = [sys.executable, "-m", "bridge", "sla", *words, "--config", str(stage.home / "config.yaml")]
    environment = {**os.environ, "SANDBOX_TOKEN": "sandbox", "COLUMNS": "160"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_people_see_what_is_due_next_and_why(stage: Stage) -> None:
    opened = stage.file("acme-desk", "Checkout fails", "urgent")
    look(stage)
    key = stage.key(opened)
    assert key is not None
    later(stage, hours=2, minutes=30)
    stage.jira.comment(key, "#reply We are on it.")
    stage.jira.move(key, "Selected")
    stage.jira.move(key, "In Progress")
    stage.jira.move(key, "Waiting")
    later(stage, minutes=2)
    later(stage, hours=5)
    stage.kill()
    clocks = {one["metric"]: one for one in json.loads(ask(stage, "list", "--json"))["clocks"]}
    assert "first_response" not in clocks
    assert clocks["resolution"]["stands"] == "waits: waiting customer"
    assert (clocks["resolution"]["ticket"], clocks["resolution"]["issue"]) == (f"#{opened.ticket}", key)
    shown = ask(stage, "explain", key)
    assert "severity became critical" in shown
    assert "First response: kept" in shown
    assert "stood still, waiting customer" in shown
    assert json.loads(ask(stage, "explain", opened.ticket, "--json"))["clocks"]
    print(ask(stage, "list"), shown)


def test_w24_a_new_version_reaches_open_cases_and_what_was_judged_before_stays_as_it_was(tmp_path: Path) -> None:
    first = CONTRACT.replace("2026-12-31", "2026-03-09")
    second = CONTRACT.replace("2026-01-01", "2026-03-10").replace("resolution: 5d", "resolution: 6d")
    second = second.replace("period: {", "version: 2\nperiod: {applies_to_open: true, ")
    for name, text in (("first.yaml", first), ("second.yaml", second)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    stage = Stage(tmp_path, f"contract: [{tmp_path / 'first.yaml'}, {tmp_path / 'second.yaml'}]")
    try:
        opened = stage.file("acme-desk", "Checkout fails", "urgent")
        look(stage)
        later(stage, hours=5)
        key = stage.key(opened)
        assert key is not None
        stage.jira.comment(key, "#reply Sorry for the wait.")
        later(stage, minutes=5)
        later(stage, days=6)
        before = fired(stage, opened)
        resolution = clock(stage, opened, "resolution")
        assert resolution.breached_at is not None
        assert ("first_response", "breach") in {(one.metric, one.kind) for one in before}
        later(stage, days=3)
        answered, resolution = clock(stage, opened, "first_response"), clock(stage, opened, "resolution")
        assert (answered.terms_version, answered.breached_at is not None) == (1, True)
        # The new version runs from its first day on; what was broken under the old one stays broken.
        assert (resolution.terms_version, resolution.target) == (2, timedelta(days=6))
        assert resolution.breached_at is not None
        assert [one for one in fired(stage, opened) if one in before] == before
        again = stage.file("acme-desk", "Search is slow", "urgent")
        later(stage, minutes=5)
        assert clock(stage, again, "resolution").terms_version == 2
    finally:
        stage.close()
