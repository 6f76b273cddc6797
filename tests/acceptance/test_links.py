"""Linking by hand: what a person says about which tickets are the same case, and what becomes of what was said before."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import typer
from sqlalchemy import select
from typer.testing import CliRunner

from bridge.cli import links as commands
from bridge.cli.story.people import Case
from bridge.cli.story.script import Opened
from bridge.errors import ConfigurationError, LinkError
from bridge.store import schema

from .conftest import World, turn_the_second

terminal = typer.Typer()
terminal.command()(commands.link)
terminal.command()(commands.unlink)
terminal.command()(commands.relink)


def bridge(world: World, *arguments: str) -> Any:
    """A colleague's terminal, beside the running bridge: what the command answers as JSON."""
    command = [*arguments, "--json", "--config", str(world.home / "config.yaml")]
    result = CliRunner().invoke(terminal, command, env=world.variables)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def issue_at(world: World, key: str) -> Case:
    return next(case for case in world.jira.cases("ACME") if case.ticket == key)


def said_at(world: World, key: str) -> list[str]:
    """The comments of an issue."""
    return [said.words for said in issue_at(world, key).said[1:]]


def told(world: World, opened: Opened) -> list[str]:
    """What bridge wrote into a ticket: everything but the description and what its own people marked as (own)."""
    texts = [re.sub("<[^>]+>", " ", said.words) for said in world.ticket(opened).said[1:]]
    return [" ".join(one.split()) for one in texts if "(own)" not in one]


def file_before(world: World, summary: str, *replies: str, priority: str | None = "high") -> Opened:
    """A ticket that is older than the route, so that it gets no issue by itself."""
    world.edit = lambda text: text.replace("mode: live", "mode: live\n    begin: {link: new}")
    opened = world.file(world.acme, summary, f"{summary}, since noon.", priority=priority)
    for words in replies:
        world.acme.reply(opened.ticket, words)
    return opened


def audit(world: World, what: str) -> list[dict[str, Any]]:
    table = schema.audit
    with world.converged().ledger.begin() as transaction:
        rows = transaction.connection.execute(select(table).where(table.c.what == what))
        return [{**row.detail, "by_person": row.by_person} for row in rows]


def test_w13_comments_older_than_the_link_are_mirrored_in_order_with_authors_and_times(world: World) -> None:
    opened = file_before(world, "Checkout fails", "First of all.", "Second thought.", "Third time lucky.")
    world.acme.note(opened.ticket, "Between us: they pay late.")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    world.jira.comment(key, "It is the pool.")
    world.converge()
    assert said_at(world, key) == ["It is the pool."]
    bridge(world, "link", "acme", opened.ticket, key, "--prefer", "helpdesk")
    world.converge()
    [_own, linked, *copies] = said_at(world, key)
    assert "was linked with a ticket" in linked
    assert "Checkout fails, since noon." in linked
    places = ["".join(copies).index(words) for words in ("First of all.", "Second thought.", "Third time lucky.")]
    assert places == sorted(places)
    assert len(copies) == 3
    assert all(re.search(r"\(the customer\) wrote in #\d+ on \d{4}-\d\d-\d\d \d\d:\d\d UTC:", one) for one in copies)
    assert "they pay late" not in "".join(said_at(world, key))
    world.start()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    world.acme.reply(opened.ticket, "Any news? (own)")
    world.converge()
    assert "UTC" not in said_at(world, key)[-1]


def test_w13_the_customer_is_not_told_of_the_past_of_an_issue_but_of_what_comes_after(world: World) -> None:
    opened = file_before(world, "Checkout fails")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    world.jira.comment(key, "#reply We told somebody else so.")
    world.jira.comment(key, "/cause The pool was too small.")
    world.jira.fill(key, "Workaround", "Restart it twice.")
    world.converge()
    bridge(world, "link", "acme", opened.ticket, key)
    world.converge()
    assert told(world, opened) == []
    world.jira.comment(key, "#reply It is the pool.")
    world.jira.fill(key, "Workaround", "Restart it once.")
    world.converge()
    after = told(world, opened)
    assert len(after) == 2
    assert "It is the pool." in "".join(after)
    assert "Restart it once." in "".join(after)


def test_the_customer_is_told_of_the_past_where_that_is_asked_for(world: World) -> None:
    opened = file_before(world, "Checkout fails")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    world.jira.comment(key, "#reply We are looking.")
    world.converge()
    bridge(world, "link", "acme", opened.ticket, key, "--tell-past")
    world.converge()
    [words] = told(world, opened)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC We are looking\.", words)


@pytest.mark.parametrize(
    ("prefer", "ticket", "issue"), [("helpdesk", "urgent", "S1"), ("tracker", "urgent", "S4"), ("hold", "urgent", "S4")]
)
def test_where_the_two_differ_the_preferred_side_is_written_and_texts_stay(
    world: World, prefer: str, ticket: str, issue: str
) -> None:
    opened = file_before(world, "Checkout fails", priority="urgent")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    world.jira.change(key, Severity="S4")
    world.jira.move(key, "Selected")
    world.jira.move(key, "In Progress")
    world.converge()
    bridge(world, "link", "acme", opened.ticket, key, "--prefer", prefer)
    world.converge()
    # The severity is the helpdesk's to say, so the tracker's word for it stays where it is.
    assert world.ticket(opened).fields["priority"] == ticket
    assert issue_at(world, key).fields["Severity"] == issue
    assert issue_at(world, key).summary == "Payment service times out"
    state = {"helpdesk": ("new", "To Do"), "tracker": ("open", "In Progress"), "hold": ("new", "In Progress")}[prefer]
    assert (world.ticket(opened).fields["status"], issue_at(world, key).fields["status"]) == state
    with world.converged().ledger.begin() as transaction:
        assert [link.prefer for link in transaction.links.all()] == [""]
        conflicts = {field for _group, field in transaction.links.all_conflicts()}
    assert conflicts == ({"severity", "state"} if prefer == "hold" else set())
    world.acme.change(opened.ticket, priority="normal")
    world.converge()
    assert issue_at(world, key).fields["Severity"] == ("S4" if prefer == "hold" else "S3")


def test_w18_an_unlinked_pair_stays_as_it_is_and_nothing_crosses_any_more(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    assert bridge(world, "unlink", opened.ticket)["unlinked"]["issue"] == key
    world.acme.reply(opened.ticket, "Any news? (own)")
    world.jira.comment(key, "#reply It is mended.")
    world.sandbox.clear_log()
    world.converge()
    [gone] = world.requests(writes=True)
    assert gone.startswith("DELETE ")
    assert gone.endswith("/remotelink")
    assert [case.ticket for case in world.jira.cases("ACME")] == [key]
    [entry] = audit(world, "unlinked")
    assert entry["by_person"]
    assert entry["why"].startswith("by hand, by ")
    bridge(world, "link", "acme", f"acme-desk/{opened.ticket}", key)
    world.converge()
    assert sum("Any news?" in words for words in said_at(world, key)) == 1
    assert told(world, opened) == []


def test_w18_a_ticket_is_moved_to_another_issue_with_all_that_was_said(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.acme.reply(opened.ticket, "It fails for all of us. (own)")
    world.converge()
    former = world.issue(opened).ticket
    before = issue_at(world, former)
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    answer = bridge(world, "relink", opened.ticket, key.lower(), "--prefer", "helpdesk")
    assert answer["linked"]["issue"] == key
    world.converge()
    assert sum("It fails for all of us. (own)" in words for words in said_at(world, key)) == 1
    assert issue_at(world, key).fields["Severity"] == "S2"
    assert issue_at(world, former) == before
    world.jira.comment(former, "#reply Wrong place.")
    world.jira.comment(key, "#reply Right place.")
    world.acme.reply(opened.ticket, "Thank you, it is here. (own)")
    world.converge()
    assert told(world, opened) == ["Right place."]
    assert issue_at(world, former).said[: len(before.said)] == before.said
    assert any("it is here" in words for words in said_at(world, key))


def test_a_second_ticket_may_be_linked_with_an_issue_and_it_is_said_with_whom_it_shares(world: World) -> None:
    opened = file_before(world, "Cannot pay", "Nothing works.")
    first = Opened("acme-desk", opened.ticket, "Cannot pay", "high")
    world.converge()
    turn_the_second()
    second = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(second).ticket
    answer = bridge(world, "link", "acme", first.ticket, key)
    assert answer["shares_with"] == [f"acme-desk/{second.ticket}"]
    world.converge()
    words = "".join(said_at(world, key))
    assert "shares this issue" in words
    assert words.count("Nothing works.") == 1


def test_commands_work_beside_a_running_daemon(world: World) -> None:
    opened = file_before(world, "Checkout fails", "Since yesterday.")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    with world.running() as running:
        bridge(world, "link", "acme", opened.ticket, key)
        assert running.daemon.settle(patience_s=30)
        assert any("Since yesterday." in words for words in said_at(world, key))
        bridge(world, "unlink", opened.ticket)
        world.acme.reply(opened.ticket, "Hello?")
        assert running.daemon.settle(patience_s=30)
        assert not any("Hello?" in words for words in said_at(world, key))


def test_every_wrong_input_gets_one_sentence_and_changes_nothing(world: World) -> None:
    opened = file_before(world, "Checkout fails")
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    world.converge()
    path = ["--config", str(world.home / "config.yaml")]
    wrong: list[tuple[type[Exception], list[str], str]] = [
        (ConfigurationError, ["link", "acmee", opened.ticket, key], "There is no route acmee; the config has acme"),
        (ConfigurationError, ["link", "acme", opened.ticket, key, "--prefer", "newest"], "helpdesk, tracker or hold"),
        (LinkError, ["link", "acme", "99999", key], "There is no ticket 99999 at acme-desk"),
        (LinkError, ["link", "acme", opened.ticket, "ACME-99999"], "There is no ticket ACME-99999 at vendor-jira"),
        (LinkError, ["link", "acme", opened.ticket, "what?"], "There is no ticket what? at vendor-jira"),
        (LinkError, ["unlink", "99999"], "No ticket 99999 is linked"),
        (LinkError, ["relink", opened.ticket, key], f"No ticket {opened.ticket} is linked"),
    ]
    for kind, arguments, sentence in wrong:
        result = CliRunner().invoke(terminal, [*arguments, *path], env=world.variables)
        assert type(result.exception) is kind, (arguments, result.exception)
        assert sentence in str(result.exception)
    world.converge()
    assert said_at(world, key) == []
    bridge(world, "link", "acme", opened.ticket, key)
    for arguments, sentence in (
        (["link", "acme", opened.ticket, key], f"is linked with {key} already"),
        (["relink", opened.ticket, key], f"is linked with {key} already"),
    ):
        result = CliRunner().invoke(terminal, [*arguments, *path], env=world.variables)
        assert sentence in str(result.exception)
