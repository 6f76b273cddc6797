"""What tickets and issues go through that nobody planned: transfers, clones, splits, spam, suspended people."""

from __future__ import annotations

import shutil
from typing import Any

from bridge.cli.story.scenes import SECOND_LINE
from bridge.cli.story.script import Opened
from bridge.model.feed import Hint
from bridge.model.operation import OperationState
from bridge.model.ticket import TicketRef

from .conftest import World
from .test_failures import command
from .test_life import said_at, said_in, solve


def tracker_of(world: World, opened: Opened) -> TicketRef:
    ref = TicketRef(opened.site, opened.ticket)
    with world.converged().ledger.begin() as transaction:
        return transaction.links.find([ref])[ref].tracker


def test_a_github_issue_transferred_away_rests_and_goes_on_when_it_is_back(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number, tracker = world.issue(opened).ticket, tracker_of(world, opened)
    hub: Any = world.sandbox.sites["vendor-github"]
    with world.sandbox.world.lock:
        hub.add_repository("vendor/other", private=True)
        there = hub.transfer_issue("vendor/platform", int(number), "vendor/other")
    world.converged().daemon.intake.hint("vendor-github", (Hint(tracker),))
    world.globex.reply(opened.ticket, "Is anybody looking?")
    world.converge()
    assert world.github.cases() == []
    shown = hub.data["repositories"]["vendor/other"]["comments"].values()
    assert not any("Is anybody looking?" in one["body"] for one in shown)
    assert world.ticket(opened).fields["status"] not in ("solved", "closed")
    with world.sandbox.world.lock:
        hub.transfer_issue("vendor/other", there, "vendor/platform")
    world.converged().daemon.intake.hint("vendor-github", (Hint(tracker),))
    world.converge()
    [case] = world.github.cases()
    assert len([one for one in case.said if "Is anybody looking?" in one.words]) == 1
    world.github.comment(case.ticket, "#reply We are.")
    world.converge()
    assert "We are." in " ".join(one.words for one in world.ticket(opened).said)
    assert len(world.github.cases()) == 1


def test_a_clone_of_an_issue_of_ours_is_never_taken_for_it(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    clone = world.jira.clone(key, project="ACME")
    world.jira.comment(clone, "#reply This is about the clone.")
    world.converge()
    # Even a bridge that lost its ledger (not its key) knows which of the two is the ticket's.
    world.stop()
    key_file = (world.home / "data" / "marker.key").read_bytes()
    shutil.rmtree(world.home / "data")
    (world.home / "data").mkdir()
    (world.home / "data" / "marker.key").write_bytes(key_file)
    world.acme.reply(opened.ticket, "Still failing.")
    world.converge()
    assert any("Still failing." in words for words in said_at(world, key))
    assert not any("Still failing." in words for words in said_at(world, clone))
    assert "about the clone" not in said_in(world, opened.ticket)
    assert len(world.jira.cases("ACME")) == 2


def test_a_refused_requester_is_one_letter_each_and_no_storm(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    said = {"requester": [{"description": "Requester: Customer User is suspended."}]}
    no = {"error": "RecordInvalid", "description": "Record validation errors", "details": said}
    world.fault(site="acme-desk", kind="status", status=422, method="PUT", path="/tickets/", body=no)
    world.jira.comment(key, "#reply We look into it.")
    world.jira.move(key, "Selected")
    world.jira.move(key, "In Progress")
    world.converge()
    world.jira.comment(key, "Nothing to do with it.")
    world.sandbox.clear_log()
    for _ in range(2):
        world.converge()
    assert world.requests(site="acme-desk", writes=True) == []
    letters = command(world, "failures", "list")
    assert len([one for one in letters if one["what"] == "comment"]) == 1
    assert len([one for one in letters if one["what"] == "update"]) <= 1
    assert all("suspended" in one["why"] for one in letters)
    assert any("Customer User is suspended" in words for words in said_at(world, key))
    world.calm()
    for one in letters:
        command(world, "failures", "retry", one["id"])
    world.converge()
    assert said_in(world, opened.ticket).count("We look into it.") == 1
    assert world.ticket(opened).fields["status"] == "open"


def test_spam_that_was_none_goes_on_and_a_split_ticket_is_a_case_of_its_own(world: World) -> None:
    opened = world.file(world.acme, "Win a prize")
    world.converge()
    key = world.issue(opened).ticket
    world.acme.mark_as_spam(opened.ticket)
    world.jira.comment(key, "#reply What is this about?")
    world.converge()
    assert any("was deleted at acme-desk" in words for words in said_at(world, key))
    world.acme.restore(opened.ticket)
    world.converge()
    assert said_in(world, opened.ticket).count("What is this about?") == 1
    desk: Any = world.sandbox.sites["acme-desk"]
    with world.sandbox.world.lock:
        for person in desk.data["users"].values():
            person["suspended"] = False
    # The agent takes one question out into a ticket of its own, with the tags and fields of the first.
    first = next(case for case in world.acme.cases() if case.ticket == opened.ticket)
    split = world.file(world.acme, "The second question", "Taken out of another ticket.")
    world.acme.change(split.ticket, tags=first.fields["tags"], comment={"body": f"Split from #{opened.ticket}"})
    world.converge()
    other = world.issue(split).ticket
    assert other != key
    world.jira.comment(other, "#reply About the second question.")
    world.acme.reply(opened.ticket, "About the first one.")
    world.converge()
    assert "About the second question." in said_in(world, split.ticket)
    assert "About the second question." not in said_in(world, opened.ticket)
    assert any("About the first one." in words for words in said_at(world, key))
    assert not any("About the first one." in words for words in said_at(world, other))


def test_what_waits_for_a_closed_ticket_reaches_the_one_with_which_the_customer_follows_it(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    world.converge()
    # The site takes no new ticket just now, so that what engineers say has to wait.
    busy = {"site": "acme-desk", "kind": "status", "status": 503, "method": "POST", "retry_after_s": 5}
    world.fault(path="/tickets", **busy)
    world.jira.comment(key, "#reply The fix is in 2.4.1.")
    world.jira.comment(key, "#reply It needs a restart.")
    world.converge(patience_s=0.0)
    follower = world.acme.follow_up(opened.ticket, "It is back.")
    world.acme.change(follower, group_id=world.acme.group(SECOND_LINE))
    world.converge(patience_s=0.0)
    world.calm()
    world.converge()
    told = said_in(world, follower)
    assert told.count("The fix is in 2.4.1.") == 1
    assert told.count("It needs a restart.") == 1
    assert len(world.acme.cases()) == 2
    assert any("It is back." in words for words in said_at(world, key))
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.in_state(OperationState.PLANNED, OperationState.DEAD) == []
