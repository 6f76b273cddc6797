"""Sequences that went wrong in the field, or would with a simpler design, each played through the whole bridge."""

from __future__ import annotations

import os

from bridge.cli.story.script import Reach
from bridge.model.operation import OperationState
from bridge.model.ticket import TicketRef

from .conftest import World

MANY = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 40
"""How many links rules are changed over."""


def test_a_value_that_went_there_and_back_around_a_late_write_ends_as_the_customer_left_it(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.fault(site="vendor-jira", kind="late_write", method="PUT", delay_s=0.3, count=1)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge(patience_s=0.0)
    world.acme.change(opened.ticket, priority="low")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S4"
    assert world.ticket(opened).fields["priority"] == "low"
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.in_state(OperationState.SENDING, OperationState.UNKNOWN) == []


def test_a_reply_taken_back_while_a_limit_lasted_is_never_published(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.fault(site="globex-desk", kind="status", status=429, retry_after_s=3, method="PUT", count=1)
    world.github.comment(number, "#reply Our test account is admin/admin.")
    assert world.converge(patience_s=0.0).waiting == 1
    world.sandbox.world.advance(2)  # GitHub's stamps are whole seconds
    world.github.edit_comment(number, "admin/admin", "Sorry, wrong window.")
    world.converge()
    assert len(world.ticket(opened).said) == 1


def test_a_marker_quoted_by_the_customer_means_nothing(world: World) -> None:
    first, second = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    with world.sandbox.world.lock:
        bodies = [
            entry["body"]["body"] for entry in world.sandbox.log if entry["url"].endswith("/issues") and entry["body"]
        ]
    quoted = bodies[0].splitlines()[-1]
    assert "bridge:1" in quoted
    word = world.word(second, "globex-desk", Reach.TRACKER)
    world.globex.reply(second.ticket, f"I found this in your issue: {word}\n\n{quoted}")
    world.converge()
    world.stop()
    world.converge()
    assert world.verdict().is_clean
    assert world.issue(first).ticket != world.issue(second).ticket


def test_a_field_that_a_screen_hides_for_a_while_is_no_change(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="urgent")
    world.converge()
    site = world.sandbox.sites["vendor-jira"]
    with world.sandbox.world.lock:
        site.settings["hidden_fields"] = ["Severity"]
    key = world.issue(opened).ticket
    world.jira.comment(key, "Just a remark.")
    world.converge()
    with world.sandbox.world.lock:
        site.settings["hidden_fields"] = []
    world.jira.comment(key, "Another.")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"
    assert world.ticket(opened).fields["priority"] == "urgent"


def test_both_sides_setting_the_same_value_leads_to_no_write(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    world.github.change(world.issue(opened).ticket, state="closed", state_reason="completed")
    world.globex.change(opened.ticket, status="solved", assignee_id=world.globex.user("agent"))
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert world.ticket(opened).fields["status"] == "solved"


def test_text_the_server_trims_is_not_taken_for_somebodys_edit(world: World) -> None:
    opened = world.file(world.acme, "Checkout   fails " + "x" * 300)
    world.converge()
    world.sandbox.clear_log()
    world.acme.change(opened.ticket, priority="low")
    world.converge()
    [case] = world.jira.cases("ACME")
    assert case.summary.startswith("Checkout fails xxx")
    assert len(case.summary) <= 255
    assert [line for line in world.requests(writes=True) if "acme" in line] == []
    assert world.requests(site="acme-desk", writes=True) == []


def test_a_transition_that_fails_half_way_is_tried_again_and_arrives(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.fault(site="vendor-jira", kind="status", status=500, method="POST", path="transitions", count=1)
    world.acme.change(opened.ticket, status="pending", assignee_id=world.acme.user("agent"))
    world.converge()
    assert world.issue(opened).fields["status"] == "Waiting"
    assert world.ticket(opened).fields["status"] == "pending"


def test_the_second_hop_of_a_transition_failing_leads_on_from_the_first_and_not_back(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    hops = {"site": "vendor-jira", "method": "POST", "path": "transitions", "count": 1}
    world.fault(kind="slow_body", **hops)  # the first hop is only seen, the second fails
    world.fault(kind="status", status=500, **hops)
    world.acme.change(opened.ticket, status="pending", assignee_id=world.acme.user("agent"))
    world.sandbox.clear_log()
    world.converge()
    moves = [line for line in world.requests(site="vendor-jira", writes=True) if line.endswith("/transitions")]
    assert len(moves) == 3
    assert world.issue(opened).fields["status"] == "Waiting"
    assert world.requests(site="acme-desk", writes=True) == []
    assert world.ticket(opened).fields["status"] == "pending"


def test_a_default_the_tracker_sets_on_our_new_issue_is_not_written_to_the_customer(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority=None)
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(site="acme-desk", writes=True) == []
    assert world.ticket(opened).fields["priority"] is None


def test_an_edit_of_our_copy_in_the_tracker_is_not_sent_back(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.globex.reply(opened.ticket, "It got worse.")
    world.converge()
    world.sandbox.world.advance(2)
    world.github.edit_comment(number, "It got worse", "#reply Somebody rewrote our copy.", who="vendor-bridge")
    world.converge()
    assert len(world.ticket(opened).said) == 2


def test_changed_rules_over_many_links_write_nothing_by_themselves(world: World) -> None:
    for number in range(MANY):
        world.file(world.acme, f"Problem {number}", priority=("urgent", "high", "normal", "low")[number % 4])
    world.converge()
    world.stop()
    mapping = "extends: jira-software\nseverity:\n  pairs: {critical: S2, major: S1}\n"
    (world.home / "swapped.yaml").write_text(mapping, encoding="utf-8")
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./swapped.yaml")
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    opened = world.script.opened[0]
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"


def test_an_old_severity_beside_a_fresh_label_edit_is_left_alone(world: World) -> None:
    opened = world.file(world.globex, "Search is slow", priority="urgent")
    world.converge()
    number = world.issue(opened).ticket
    world.github.change(number, labels=["severity: critical", "needs-design"])
    world.converge()
    world.globex.change(opened.ticket, tags=["area-search"])
    world.converge()
    labels = world.issue(opened).fields["labels"]
    assert set(labels) == {"severity: critical", "needs-design", "area-search"}
    assert world.ticket(opened).fields["priority"] == "urgent"


def test_the_same_value_said_in_other_words_before_the_rules_changed_is_no_edit_after(world: World) -> None:
    opened = world.file(world.globex, "Search is slow", priority="normal")
    world.edit = lambda text: text.replace("undo: 0s", "undo: 0s\n    owner: {severity: both}")
    world.converge()
    world.github.change(world.issue(opened).ticket, labels=[])  # no label means minor, as the label did
    world.converge()
    world.stop()
    mapping = "extends: github-labels\nseverity: {otherwise: trivial}\n"
    (world.home / "other.yaml").write_text(mapping, encoding="utf-8")
    world.edit = lambda text: text.replace("undo: 0s", "undo: 0s\n    owner: {severity: both}").replace(
        "mapping: github-labels", "mapping: ./other.yaml"
    )
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert world.ticket(opened).fields["priority"] == "normal"


def test_an_issue_deleted_in_the_tracker_lets_the_link_rest_and_closes_nothing(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.delete(world.issue(opened).ticket)
    world.acme.change(opened.ticket, priority="low")
    world.acme.reply(opened.ticket, "Hello?")
    world.converge(patience_s=0.0)
    ticket = world.ticket(opened)
    assert ticket.fields["status"] == "new"
    assert world.jira.cases("ACME") == []
    with world.converged().ledger.begin() as transaction:
        link = transaction.links.find([TicketRef("acme-desk", opened.ticket)])
    assert len(link) == 2


def test_a_row_of_a_lagging_index_after_a_confirmed_write_takes_nothing_back(world: World) -> None:
    with world.sandbox.world.lock:
        world.sandbox.sites["vendor-jira"].settings["index_lag_s"] = 5.0
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.sandbox.world.advance(6)
    world.converge()
    world.sandbox.clear_log()
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert len(world.requests(writes=True)) == 1
    for _ in range(3):
        world.converge()  # the index shows the issue as it was before the write, then as it is
        world.sandbox.world.advance(3)
    assert len(world.requests(writes=True)) == 1
    assert world.ticket(opened).fields["priority"] == "urgent"
    assert world.issue(opened).fields["Severity"] == "S1"
