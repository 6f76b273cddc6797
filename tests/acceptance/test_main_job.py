"""The main job, as a customer and an engineer see it."""

from __future__ import annotations

import pytest

from bridge.cli.story.config import SITES
from bridge.cli.story.script import Reach

from .conftest import World, turn_the_second


@pytest.mark.parametrize(
    ("priority", "severity", "label"),
    [
        ("urgent", "S1", "severity: critical"),
        ("high", "S2", "severity: major"),
        ("normal", "S3", "severity: minor"),
        ("low", "S4", "severity: trivial"),
        (None, "S3", "severity: minor"),
    ],
)
def test_a_ticket_becomes_one_issue_with_the_mapped_severity(
    world: World, priority: str | None, severity: str, label: str
) -> None:
    for_jira = world.file(world.acme, "Checkout fails", priority=priority)
    for_github = world.file(world.globex, "Search is slow", priority=priority)
    world.converge()
    assert world.issue(for_jira).fields["Severity"] == severity
    assert label in world.issue(for_github).fields["labels"]


def test_the_issue_says_whose_ticket_it_is_and_what_the_problem_was(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", "The *page* stays white since noon.")
    world.converge()
    description = world.issue(opened).said[0].words
    assert "The *page* stays white since noon." in description
    assert f"#{opened.ticket}" in description
    assert "Customer User" in description


def test_a_ticket_that_was_not_handed_over_stays_with_the_customer(world: World) -> None:
    world.acme.file("Internal matter", "Nothing for the vendor.", priority="high", group="Support")
    world.converge()
    assert world.jira.cases("ACME") == []


def test_a_ticket_handed_over_later_is_linked_then(world: World) -> None:
    ticket = world.acme.file("Harder than thought", "Words.", priority="high", group="Support")
    world.converge()
    world.acme.change(ticket, group_id=world.acme.group("Vendor 2nd line"))
    world.converge()
    assert [case.summary for case in world.jira.cases("ACME")] == ["Harder than thought"]


def test_texts_reach_exactly_those_whom_a_rule_released_them_to(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    other = world.file(world.globex, "Search is slow")
    world.converge()
    for case, tracker in ((opened, "vendor-jira"), (other, "vendor-github")):
        secret = world.word(case, tracker, Reach.NOBODY)
        public = world.word(case, tracker, Reach.TEAM)
        key = world.issue(case).ticket
        comment = world.jira.comment if tracker == "vendor-jira" else world.github.comment
        comment(key, f"Our database is a mess. {secret}")
        comment(key, f"#reply We are on it. {public}")
    world.acme.note(opened.ticket, f"Only for us. {world.word(opened, 'acme-desk', Reach.NOBODY)}")
    world.acme.reply(opened.ticket, f"Thank you. {world.word(opened, 'acme-desk', Reach.TRACKER)}")
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict
    released = next(said for said in world.ticket(opened).said if "We are on it." in said.words)
    assert "#reply" not in released.words
    assert not released.public


def test_a_reply_by_somebody_without_the_role_goes_nowhere(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    word = world.word(opened, "vendor-github", Reach.NOBODY)
    world.github.comment(world.issue(opened).ticket, f"#reply Me too! {word}", who="reporter")
    world.converge()
    assert world.verdict().is_clean


def test_a_raised_severity_reaches_the_tracker(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"


def test_a_severity_edited_in_the_tracker_changes_nothing_for_the_customer(world: World) -> None:
    opened = world.file(world.globex, "Search is slow", priority="low")
    world.converge()
    number = world.issue(opened).ticket
    world.github.change(number, labels=["severity: critical"])
    world.converge()
    assert world.ticket(opened).fields["priority"] == "low"
    assert world.issue(opened).fields["labels"] == ["severity: critical"]


def test_states_follow_each_other_and_a_reply_reopens(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    for status in ("Selected", "In Progress"):
        world.jira.move(key, status)
        world.converge()
    assert world.ticket(opened).fields["status"] == "open"
    world.jira.move(key, "Waiting")
    world.converge()
    assert world.ticket(opened).fields["status"] == "pending"
    world.jira.move(key, "In Progress")
    world.converge()
    world.jira.move(key, "Done", resolution={"name": "Fixed"})
    world.converge()
    assert world.ticket(opened).fields["status"] == "solved"
    world.acme.reply(opened.ticket, "It is still broken.")
    world.converge()
    assert world.ticket(opened).fields["status"] == "open"
    assert world.issue(opened).fields["status"] == "In Progress"


def test_what_the_customer_solved_is_not_reopened_by_the_tracker(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.acme.change(opened.ticket, status="solved", assignee_id=world.acme.user("agent"))
    world.converge()
    key = world.issue(opened).ticket
    world.jira.move(key, "Closed") if world.issue(opened).fields["status"] == "Done" else None
    world.converge()
    assert world.ticket(opened).fields["status"] == "solved"


def test_the_second_run_writes_nothing_and_reads_each_feed_once(world: World) -> None:
    for number in range(5):
        world.file(world.acme, f"Problem {number}")
        world.file(world.globex, f"Question {number}")
    world.converge()
    # GitHub's feed shows what changed within the second of its answer once more.
    turn_the_second()
    world.converge()
    world.stop()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    per_feed = [request for site in SITES for request in world.requests(site=site)]
    feeds = sum(len(world.converged().daemon.connections.to(site).feeds()) for site in SITES)
    # Before anything else it is asked whether anybody can read the repository.
    assert per_feed.count("GET /repos/vendor/platform") == 1
    assert len(per_feed) - 1 == feeds == 6, per_feed


def test_a_ticket_without_text_or_with_odd_text_is_mirrored_all_the_same(world: World) -> None:
    odd = "<script>alert(1)</script> {{ 7919*104729 }} {code} *bold* @octocat #1 \u202eevil\u202c 😀"
    opened = world.file(world.globex, f"Odd {odd}", odd)
    world.converge()
    case = next(case for case in world.github.cases() if "Odd" in case.summary)
    assert "alert(1)" in case.said[0].words
    assert "829348951" not in case.said[0].words
    assert world.ticket(opened).fields["status"] == "new"


def test_a_text_too_long_for_the_other_side_arrives_whole_in_numbered_parts(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    words = [f"line{number:05d}" for number in range(5000)]
    world.acme.reply(opened.ticket, "\n\n".join(" ".join(words[at : at + 10]) for at in range(0, 5000, 10)))
    world.fault(site="vendor-jira", kind="drop_after", method="POST", path="/comment$", count=1)
    world.fault(site="vendor-jira", kind="status", status=503, method="POST", path="/comment$", probability=0.3)
    world.converge()
    world.calm()
    world.converge()
    parts = [said.words for said in world.issue(opened).said[1:]]
    assert len(parts) > 1
    assert [f"({number}/{len(parts)})" in part for number, part in enumerate(parts, 1)] == [True] * len(parts)
    told = " ".join(parts).split()
    assert [word for word in told if word.startswith("line")] == words
