"""What becomes of a case when its tickets are merged, solved, reopened, followed up, deleted or moved."""

from __future__ import annotations

from bridge.cli.story.scenes import SECOND_LINE
from bridge.cli.story.script import Opened
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef

from .conftest import World


def issue_of(world: World, summary: str) -> list[str]:
    return [case.ticket for case in world.jira.cases("ACME") if case.summary == summary]


def said_at(world: World, key: str, project: str = "ACME") -> list[str]:
    return [said.words for said in next(case for case in world.jira.cases(project) if case.ticket == key).said]


def said_in(world: World, ticket: str) -> str:
    return " ".join(said.words for case in world.acme.cases() if case.ticket == ticket for said in case.said)


def solve(world: World, opened: Opened) -> None:
    """The engineer finishes, and the customer's ticket is solved by it."""
    key = world.issue(opened).ticket
    for status in ("Selected", "In Progress"):
        world.jira.move(key, status)
    world.jira.move(key, "Done", resolution={"name": "Fixed"})
    world.converge()
    assert world.ticket(opened).fields["status"] == "solved"


def test_w03_merging_tickets_that_both_have_issues_marks_one_a_duplicate_and_closes_neither(world: World) -> None:
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Cannot pay")
    world.converge()
    good, other = world.issue(first).ticket, world.issue(second).ticket
    world.acme.merge(second.ticket, into=first.ticket)
    world.converge()
    assert any(f"This one is a duplicate of {good}" in words for words in said_at(world, other))
    assert any(f"Its own issue was {other}, now a duplicate" in words for words in said_at(world, good))
    assert [world.issue(one).fields["status"] for one in (first, second)] == ["To Do", "To Do"]
    world.acme.reply(first.ticket, "Both are broken.")
    world.converge()
    assert any("Both are broken." in words for words in said_at(world, good))
    assert not any("Both are broken." in words for words in said_at(world, other))
    world.jira.comment(other, "#reply This must not reach a closed ticket.")
    world.converge()
    assert "must not reach" not in said_in(world, first.ticket) + said_in(world, second.ticket)
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_w03_a_merge_of_a_merge_leads_from_every_issue_to_the_last_one(world: World) -> None:
    first, second, third = (world.file(world.acme, words) for words in ("Checkout fails", "Cannot pay", "All is down"))
    bare = world.acme.file("Is anybody there?", "Hello.", priority=None, group="Support")
    world.converge()
    one, two, three = (world.issue(opened).ticket for opened in (first, second, third))
    # Both merges are there at the next look: a ticket that had no issue lies between two that have one.
    world.acme.merge(first.ticket, into=bare)
    world.acme.merge(bare, into=second.ticket)
    world.converge()
    assert any(f"This one is a duplicate of {two}" in words for words in said_at(world, one))
    world.acme.merge(second.ticket, into=third.ticket)
    world.converge()
    assert any(f"This one is a duplicate of {three}" in words for words in said_at(world, two))
    assert any(f"Its own issue was {two}, now a duplicate" in words for words in said_at(world, three))
    world.acme.reply(third.ticket, "Now everything is in one ticket.")
    world.jira.comment(three, "#reply We look at all of it here.")
    world.converge()
    assert any("in one ticket" in words for words in said_at(world, three))
    assert not any("in one ticket" in words for key in (one, two) for words in said_at(world, key))
    assert "We look at all of it here." in said_in(world, third.ticket)
    # Whoever reads the first issue is told where the case is now.
    assert any(f"duplicate of {three}" in words for words in said_at(world, one))
    assert all(world.issue(opened).fields["status"] == "To Do" for opened in (first, second, third))
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_w04_replies_in_the_survivor_of_a_merge_land_on_the_issue_that_was_there(world: World) -> None:
    first = world.file(world.acme, "Checkout fails")
    survivor = world.acme.file("Everything is down", "From another mail.", priority="urgent", group="Support")
    world.converge()
    key = world.issue(first).ticket
    world.acme.merge(first.ticket, into=survivor)
    world.converge()
    assert issue_of(world, "Everything is down") == []
    assert any(
        "This case goes on in another ticket" in words and "From another mail." in words
        for words in said_at(world, key)
    )
    assert any("The case goes on there" in words for words in said_at(world, key))
    assert world.issue(first).fields["Severity"] == "S1"
    world.acme.reply(survivor, "Still down.")
    world.jira.comment(key, "#reply We are on it.")
    world.converge()
    assert any("Still down." in words for words in said_at(world, key))
    assert "We are on it." in said_in(world, survivor)
    assert "We are on it." not in said_in(world, first.ticket)
    assert len(world.jira.cases("ACME")) == 1


def test_w05_a_reopened_ticket_reopens_its_issue(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    world.acme.reply(opened.ticket, "It fails again since this morning.")
    world.converge()
    assert world.ticket(opened).fields["status"] == "open"
    assert world.issue(opened).fields["status"] not in ("Done", "Closed")


def test_thanks_after_the_solution_reopen_nothing_and_ask_the_lead(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.reply(opened.ticket, "Thank you very much, works now!")
    world.converge()
    assert world.issue(opened).fields["status"] == "Done"
    assert any("The customer's thanks reopened" in words for words in said_at(world, key))
    world.acme.reply(opened.ticket, "Sorry, the second page still fails.")
    world.converge()
    assert world.issue(opened).fields["status"] != "Done"
    assert any("Solved." in words for words in said_at(world, key))


def test_w05_a_ticket_that_follows_a_closed_one_reopens_the_same_issue(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    world.converge()
    follower = world.acme.follow_up(opened.ticket, "It is back.")
    world.acme.change(follower, group_id=world.acme.group(SECOND_LINE))
    world.converge()
    assert [case.ticket for case in world.jira.cases("ACME")] == [key]
    assert world.issue(opened).fields["status"] not in ("Done", "Closed")
    assert any("It is back." in words for words in said_at(world, key))
    world.jira.comment(key, "#reply We look again.")
    world.converge()
    assert "We look again." in said_in(world, follower)


def test_w05_where_the_route_says_so_a_follow_up_gets_an_issue_of_its_own_that_names_the_old_one(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: live\n    follow_up: new", 1)
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    follower = world.acme.follow_up(opened.ticket, "It is back.")
    world.acme.change(follower, group_id=world.acme.group(SECOND_LINE))
    world.converge()
    old, new = sorted(world.jira.cases("ACME"), key=lambda case: case.ticket)
    assert old.ticket == key
    assert old.fields["status"] in ("Done", "Closed")
    assert any(f"follows {key}" in said.words for said in new.said)


def test_w18_a_deleted_ticket_closes_nothing_is_told_of_and_goes_on_when_it_is_restored(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.acme.delete(opened.ticket)
    world.jira.comment(key, "#reply Are you there?")
    world.converge()
    assert world.issue(opened).fields["status"] == "To Do"
    assert any("was deleted at acme-desk" in words for words in said_at(world, key))
    world.acme.restore(opened.ticket)
    world.converge()
    assert any("Solved." in words for words in said_at(world, key))
    assert "Are you there?" in said_in(world, opened.ticket)


def test_w18_spam_is_a_deletion_and_of_several_tickets_only_the_one_rests(world: World) -> None:
    opened = world.file(world.acme, "Win a prize")
    world.converge()
    key = world.issue(opened).ticket
    world.acme.mark_as_spam(opened.ticket)
    world.converge()
    assert world.issue(opened).fields["status"] == "To Do"
    assert any("was deleted at acme-desk" in words for words in said_at(world, key))


def test_w10_close_with_comment_is_one_link_one_hand_and_one_state(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.acme.change(
        opened.ticket,
        status="solved",
        assignee_id=world.acme.user("agent"),
        comment={"body": "Ours, sorry.", "public": True},
    )
    for _ in range(2):
        world.converge()
    [case] = world.jira.cases("ACME")
    assert len([said for said in case.said if "Ours, sorry." in said.words]) == 1
    with world.converged().ledger.begin() as transaction:
        assert transaction.links.count() == {"acme": 1}


def test_w18_an_issue_moved_out_of_the_routes_reach_rests_with_a_word_and_comes_back(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    site = world.sandbox.sites["vendor-jira"]
    with world.sandbox.world.lock:
        moved = site.move_issue(key, "CORE")  # type: ignore[attr-defined]
    # The project's feed does not show it any more; a webhook, or the sweep, names it.
    bridge = world.converged()
    ref = TicketRef("acme-desk", opened.ticket)
    with bridge.ledger.begin() as transaction:
        tracker = transaction.links.find([ref])[ref].tracker
    bridge.daemon.intake.hint("vendor-jira", (Hint(tracker),))
    world.converge()
    assert any("outside of what route acme mirrors" in words for words in said_at(world, moved, "CORE"))
    world.acme.reply(opened.ticket, "Hello?")
    world.converge()
    assert not any("Hello?" in words for words in said_at(world, moved, "CORE"))
    with world.sandbox.world.lock:
        back = site.move_issue(moved, "ACME")  # type: ignore[attr-defined]
    world.converge()
    assert any("Hello?" in words for words in said_at(world, back))
    assert len(world.jira.cases("ACME")) == 1


def test_a_ticket_that_another_route_claims_rests_and_goes_on_when_it_is_back(world: World) -> None:
    others = "".join(
        f"""  {name}:
    helpdesk: {{site: acme-desk, mapping: zendesk-default, open_when: {{tags: {{any: [{name}, twice]}}}}}}
    tracker: {{site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}}
    mode: live
    undo: 0s
"""
        for name in ("other", "more")
    )
    when = "{group: Vendor 2nd line", "{group: Vendor 2nd line, tags: {none: [other]}"
    world.edit = lambda text: text.replace(*when, 1).replace("store:", f"{others}store:", 1)
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, tags=["other"])
    world.acme.reply(opened.ticket, "To whom do I belong?")
    world.converge()
    assert any("belongs to route other now" in words for words in said_at(world, key))
    assert not any("To whom" in words for words in said_at(world, key))
    world.acme.change(opened.ticket, tags=[])
    world.converge()
    assert any("To whom" in words for words in said_at(world, key))
    twice = world.acme.file("Claimed twice", "Hm.", priority=None, group="Support")
    world.acme.change(twice, tags=["twice"])
    world.converge()
    assert len(world.jira.cases("ACME")) == 1
    with world.converged().ledger.begin() as transaction:
        [unrouted] = transaction.notices.standing("unrouted")
    assert unrouted.id == twice


def test_w05_a_fix_that_comes_after_the_ticket_was_closed_goes_out_as_a_follow_up_and_the_case_goes_on(
    world: World,
) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    world.converge()
    world.fault(site="acme-desk", kind="late_write", method="POST", path="tickets", delay_s=0.3, count=1)
    world.jira.comment(key, "#reply The fix is in 2.4.1.")
    world.jira.comment(key, "#reply It needs a restart.")
    world.converge()
    [follower] = [case for case in world.acme.cases() if case.ticket != opened.ticket]
    words = " ".join(said.words for said in follower.said)
    assert words.count("The fix is in 2.4.1.") == 1
    assert words.count("It needs a restart.") == 1
    # Released to the customer's team, so neither the new ticket's first text nor the next one is for their users.
    assert not any(said.public for said in follower.said)
    assert world.issue(opened).fields["status"] in ("Done", "Closed")
    assert len(world.jira.cases("ACME")) == 1
    world.acme.change(follower.ticket, comment={"body": "Which restart?", "public": True})
    world.converge()
    assert any("Which restart?" in said for said in said_at(world, key))
    assert len(world.acme.cases()) == 2
