"""People who are faster than bridge's first look at an issue it made: what they did is news, not the beginning."""

from __future__ import annotations

import shutil

import pytest

from bridge.cli.story.people import Case
from bridge.cli.story.script import Reach
from bridge.engine.turns import Turns
from bridge.engine.worker import Worker
from bridge.model.feed import Hint
from bridge.store.ledger import FILE

from .conftest import World, turn_the_second


def moved(world: World, summary: str, site: str) -> None:
    """An engineer finds the issue and begins, before bridge has seen it."""
    if site == "acme-desk":
        key = world.jira.find(summary, project="ACME")
        assert key is not None
        world.jira.move(key, "Selected")
        world.jira.move(key, "In Progress")
    else:
        number = world.github.find(summary)
        assert number is not None
        world.github.change(number, labels=["severity: major", "status: on hold"])


def keep(world: World) -> None:
    """Copy the ledger of a bridge that is stopped."""
    shutil.copy(world.home / "data" / FILE, world.home / "copy")


def put_back(world: World) -> None:
    """Put that copy in the place of the ledger."""
    for path in (world.home / "data").glob(f"{FILE}*"):
        path.unlink()
    shutil.copy(world.home / "copy", world.home / "data" / FILE)


def issues(world: World, site: str) -> list[Case]:
    """Every issue of the tracker that serves a helpdesk."""
    return world.jira.cases("ACME") if site == "acme-desk" else world.github.cases()


@pytest.mark.parametrize(("site", "status"), [("acme-desk", "open"), ("globex-desk", "hold")])
def test_work_begun_while_the_reply_to_the_create_was_lost_reaches_the_customer(
    world: World, site: str, status: str
) -> None:
    desk = world.acme if site == "acme-desk" else world.globex
    opened = world.file(desk, "Checkout fails")
    tracker = "vendor-jira" if site == "acme-desk" else "vendor-github"
    world.fault(site=tracker, kind="drop_after", method="POST", count=1)
    world.converge(patience_s=0.0)
    world.stop()
    moved(world, "Checkout fails", site)
    world.converge()
    assert world.ticket(opened).fields["status"] == status
    assert world.verdict().is_clean


def test_with_the_ledger_lost_both_sides_later_changes_are_told_from_how_the_issue_was_made(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.start()
    world.stop()
    keep(world)
    world.converge()
    world.stop()
    key = world.issue(opened).ticket
    world.jira.move(key, "Selected")
    world.acme.change(opened.ticket, priority="urgent")
    put_back(world)
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"
    assert world.ticket(opened).fields["status"] == "open"
    assert world.ticket(opened).fields["priority"] == "urgent"
    assert world.verdict().is_clean


def test_an_issue_nobody_touched_costs_no_look_at_its_past(world: World) -> None:
    world.file(world.acme, "Checkout fails")
    world.file(world.globex, "Search is slow")
    world.converge()
    assert not [one for one in world.requests() if "changelog" in one or "/events" in one or "audits" in one]


@pytest.mark.parametrize("site", ["acme-desk", "globex-desk"])
def test_w09_put_back_to_an_older_copy_nothing_is_made_again_though_the_trackers_tell_nothing_yet(
    world: World, site: str
) -> None:
    desk = world.acme if site == "acme-desk" else world.globex
    tracker = "vendor-jira" if site == "acme-desk" else "vendor-github"
    first = world.file(desk, "Search is slow")
    world.converge()
    world.stop()
    keep(world)
    second = world.file(desk, "Checkout fails")
    world.converge()
    if site == "acme-desk":
        world.jira.comment(world.issue(first).ticket, "#reply We are on it.")
    else:
        world.github.comment(world.issue(first).ticket, "#reply We are on it.")
    world.converge()
    world.stop()
    put_back(world)
    # The feed that would show what was made since is out of order; what is asked by name is answered.
    for path in ("/rest/api/3/search/jql", "/repos/vendor/platform/issues"):
        world.fault(site=tracker, kind="status", status=503, method="GET", path=path, count=3)
    world.converge(patience_s=10.0)
    world.calm()
    world.converge()
    assert [case.summary for case in issues(world, site)].count("Checkout fails") == 1
    assert len(world.ticket(first).said) == 2
    assert world.issue(second)
    assert world.verdict().is_clean


@pytest.mark.parametrize("first", ["the ticket", "the issue"])
def test_put_back_to_an_older_copy_a_webhook_that_comes_before_any_poll_makes_nothing_again(
    world: World, first: str
) -> None:
    world.start()
    world.stop()
    keep(world)
    opened = world.file(world.acme, "Checkout fails")
    world.acme.reply(opened.ticket, f"Is there any news? {world.word(opened, 'acme-desk', Reach.TRACKER)}")
    world.converge()
    with world.converged().ledger.begin() as transaction:
        [link] = transaction.links.all("acme")
    world.stop()
    put_back(world)
    daemon = world.start().daemon
    ref = link.helpdesk if first == "the ticket" else link.tracker
    daemon.intake.hint(ref.site, (Hint(ref),))
    turns = Turns(daemon.ledger, daemon.clock, workers=1, routes=len(daemon.routes))
    Worker(daemon.batch, turns).work_off()
    world.converge()
    assert [case.summary for case in issues(world, "acme-desk")].count("Checkout fails") == 1
    assert world.verdict().is_clean


def test_put_back_to_a_copy_with_a_comment_in_doubt_a_later_comment_is_not_made_again(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    world.fault(site="vendor-github", kind="drop_after", method="POST", path="/comments$", count=1)
    world.globex.reply(opened.ticket, f"It is worse now. {world.word(opened, 'globex-desk', Reach.TRACKER)}")
    world.converge(patience_s=0.0)
    world.stop()
    keep(world)
    world.converge()
    world.globex.reply(opened.ticket, f"Is there any news? {world.word(opened, 'globex-desk', Reach.TRACKER)}")
    world.converge()
    assert len(world.issue(opened).said) == 3
    world.stop()
    put_back(world)
    world.converge()
    assert len(world.issue(opened).said) == 3
    assert world.verdict().is_clean


@pytest.mark.parametrize("tracker", ["vendor-jira", "vendor-github"])
def test_put_back_to_a_copy_that_takes_a_comment_for_unsent_it_is_not_made_again(world: World, tracker: str) -> None:
    desk = world.acme if tracker == "vendor-jira" else world.globex
    opened = world.file(desk, "Search is slow")
    world.converge()
    world.fault(site=tracker, kind="status", status=429, retry_after_s=4, method="POST", path="/comment", count=1)
    desk.reply(opened.ticket, f"It is worse now. {world.word(opened, desk.site, Reach.TRACKER)}")
    world.converge(patience_s=0.0)
    world.stop()
    keep(world)
    world.converge()
    assert len(world.issue(opened).said) == 2
    world.stop()
    put_back(world)
    world.converge()
    assert len(world.issue(opened).said) == 2
    assert world.verdict().is_clean


@pytest.mark.parametrize("tracker", ["vendor-jira", "vendor-github"])
def test_put_back_to_an_old_copy_words_rewritten_since_replace_those_that_stand(world: World, tracker: str) -> None:
    desk = world.acme if tracker == "vendor-jira" else world.globex
    people = world.jira if tracker == "vendor-jira" else world.github
    opened = world.file(desk, "Search is slow")
    world.converge()
    world.stop()
    keep(world)
    desk.reply(opened.ticket, "My password is hunter2.")
    people.comment(world.issue(opened).ticket, "#reply Restart the worker.")
    world.converge()
    turn_the_second()
    turn_the_second()
    desk.redact(opened.ticket, "hunter2", "hunter2")
    people.edit_comment(world.issue(opened).ticket, "Restart the worker", "#reply Restart the database.")
    world.stop()
    put_back(world)
    world.converge()
    world.converge()
    told = [said.words for said in world.ticket(opened).said]
    assert len([words for words in told if "Restart the worker" in words]) == 1
    assert len([words for words in told if "Restart the database" in words]) == 1
    issue = [said.words for said in world.issue(opened).said]
    assert not [words for words in issue if "hunter2" in words]
    assert len([words for words in issue if "My password is" in words]) == 1
