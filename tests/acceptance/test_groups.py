"""Several tickets on one issue."""

from __future__ import annotations

import pytest

from bridge.cli.story.script import Opened
from bridge.engine.life.joining import join, leave
from bridge.errors import ConfigurationError
from bridge.model.ticket import TicketRef
from bridge.store.links import Link

from .conftest import World

BOTH_IN_JIRA = (
    "tracker: {site: vendor-github, mapping: github-labels, repository: vendor/platform}",
    "tracker: {site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}",
)


def two_customers(world: World) -> None:
    world.edit = lambda text: text.replace(*BOTH_IN_JIRA)


def link_of(world: World, opened: Opened) -> Link:
    ref = TicketRef(opened.site, opened.ticket)
    with world.converged().ledger.begin() as transaction:
        return transaction.links.find([ref])[ref]


def put_together(world: World, first: Opened, *more: Opened) -> str:
    """A person puts tickets on the first one's issue, whose key this is; the issues they had are deleted."""
    issue = link_of(world, first)
    bridge = world.converged()
    for opened in more:
        former = link_of(world, opened)
        with bridge.ledger.begin() as transaction:
            join(transaction, bridge.routes, former, issue, why="the same fault", by_person=True)
        world.jira.delete(former.tracker_key)
    world.converge()
    return issue.tracker_key


def severity(world: World, key: str) -> str:
    return next(case.fields["Severity"] for case in world.jira.cases("ACME") if case.ticket == key)


def said_at(world: World, key: str) -> list[str]:
    return [said.words for said in next(case for case in world.jira.cases("ACME") if case.ticket == key).said]


def test_w06_two_tickets_on_one_issue_severity_up_then_down(world: World) -> None:
    first, second = world.file(world.acme, "Checkout fails", priority="low"), world.file(world.acme, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    assert severity(world, key) == "S2"
    world.acme.change(first.ticket, priority="urgent")
    world.converge()
    assert severity(world, key) == "S1"
    world.acme.change(first.ticket, priority="low")
    world.converge()
    assert severity(world, key) == "S2"
    world.acme.change(second.ticket, priority="low")
    world.converge()
    assert severity(world, key) == "S4"
    assert world.ticket(first).fields["priority"] == "low"
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_w06_a_severity_written_back_to_all_tickets_does_not_hold_itself_up(world: World) -> None:
    world.edit = lambda text: text.replace(
        "mode: live", "mode: live\n    owner: {severity: both}\n    shared: {fan_out: [severity]}", 1
    )
    first, second = world.file(world.acme, "Checkout fails", priority="low"), world.file(world.acme, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.acme.change(first.ticket, priority="urgent")
    world.converge()
    assert severity(world, key) == "S1"
    assert world.ticket(second).fields["priority"] == "urgent"
    world.acme.change(first.ticket, priority="low")
    world.converge()
    assert severity(world, key) == "S2"
    assert [world.ticket(one).fields["priority"] for one in (first, second)] == ["high", "high"]


def test_w06_the_issues_state_reaches_every_ticket_and_done_is_said_by_all(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.jira.move(key, "Selected")
    world.jira.move(key, "In Progress")
    world.converge()
    assert [world.ticket(one).fields["status"] for one in (first, second)] == ["open", "open"]
    world.acme.change(first.ticket, status="solved", assignee_id=world.acme.user("agent"))
    world.converge()
    assert world.issue(first).fields["status"] == "In Progress"
    assert world.ticket(second).fields["status"] == "open"
    world.jira.move(key, "Done", resolution={"name": "Fixed"})
    world.converge()
    assert world.ticket(second).fields["status"] == "solved"


def test_w06_one_customers_words_never_reach_another(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay", "Globex is down.")
    world.converge()
    key = put_together(world, first, second)
    world.acme.reply(first.ticket, "We at ACME lose money.")
    world.globex.reply(second.ticket, "We at Globex too.")
    world.converge()
    words = said_at(world, key)
    assert any("wrote in acme #" in said and "We at ACME lose money." in said for said in words)
    assert any("wrote in globex #" in said and "We at Globex too." in said for said in words)
    assert any("shares this issue" in said and "Globex is down." in said for said in words)
    world.jira.comment(key, f"#reply acme:{first.ticket} Dear ACME, please wait.")
    world.jira.comment(key, f"#reply globex:{second.ticket} Dear Globex, try again.")
    world.converge()
    acme, globex = (" ".join(said.words for said in world.ticket(one).said) for one in (first, second))
    assert "Dear ACME, please wait." in acme
    assert "Globex" not in acme
    assert "Dear Globex, try again." in globex
    assert "ACME" not in globex
    assert "#reply" not in acme + globex


def test_w06_a_reply_that_names_nobody_reaches_nobody_and_its_author_is_told(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.jira.comment(key, "#reply Please wait.")
    world.jira.comment(key, "#reply all Please wait, all of you.")
    world.converge()
    assert [len(world.ticket(one).said) for one in (first, second)] == [1, 1]
    told = [said for said in said_at(world, key) if "reached no customer" in said]
    assert len(told) == 2
    assert f"shared by acme:{first.ticket}, globex:{second.ticket}" in told[0]
    assert "not allowed by route" in told[1]
    assert [len(world.ticket(one).said) for one in (first, second)] == [1, 1]


def test_a_reply_to_all_reaches_all_where_the_routes_allow_it(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: live\n    shared: {reply_all: true}")
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.jira.comment(key, "#reply all It is mended.")
    world.jira.comment(key, f"#reply {second.ticket} Yours was special.")
    world.converge()
    told = [[said.words for said in world.ticket(one).said][1:] for one in (first, second)]
    assert [len(texts) for texts in told] == [1, 2]
    assert all("It is mended." in texts[0] for texts in told)
    assert "Yours was special." in told[1][1]


def test_a_ticket_taken_off_a_shared_issue_goes_its_own_way_again(world: World) -> None:
    first, second = world.file(world.acme, "Checkout fails", priority="low"), world.file(world.acme, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    group = link_of(world, second).group
    with world.converged().ledger.begin() as transaction:
        leave(transaction, group, why="another fault", rest=False, by_person=True)
    world.converge()
    assert link_of(world, second).tracker_key != key
    world.acme.reply(second.ticket, "Any news?")
    world.acme.change(first.ticket, priority="normal")
    world.converge()
    assert not any("Any news?" in said for said in said_at(world, key))
    assert any("Any news?" in said for said in said_at(world, link_of(world, second).tracker_key))
    assert severity(world, key) == "S3"


def test_w06_a_field_filled_while_two_customers_share_the_issue_is_told_to_neither(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.jira.fill(key, "Root cause", "The certificate of ACME's shop is too old.")
    world.converge()
    assert not [one for opened in (first, second) for one in world.ticket(opened).said if "certificate" in one.words]
    [note] = [one.words for one in world.issue(first).said if "What Root cause says reached no customer" in one.words]
    assert "/cause 1234" in note
    world.jira.comment(key, f"/cause acme:{first.ticket} Your certificate is too old.")
    world.converge()
    assert [one for one in world.ticket(first).said if "Your certificate is too old" in one.words]
    assert not [one for one in world.ticket(second).said if "certificate" in one.words]
    fan_out = "mode: live\n    owner: {summary: both}\n    shared: {fan_out: [summary]}"
    edit = world.edit
    world.edit = lambda text: edit(text).replace("mode: live", fan_out, 1)
    with pytest.raises(ConfigurationError, match="would bring words of one customer's case to another"):
        world.start()
