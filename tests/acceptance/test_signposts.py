"""From each ticket people find the other one: a web link on the Jira issue that also tells how the mirroring stands, and
the issue's key in a field of the customer's ticket."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bridge.cli.story.script import Opened
from bridge.engine.people.desk import Desk
from bridge.errors import ConfigurationError
from bridge.model.feed import Hint
from bridge.model.operation import OperationState
from bridge.model.ticket import TicketRef

from .conftest import World
from .test_links import bridge, terminal

KEY, URL = "Vendor issue", "Vendor issue link"


def shown(world: World, key: str) -> dict[str, str]:
    """What an issue's links to tickets say: by title, the words beside each."""
    return {one["object"]["title"]: one["object"]["summary"] for one in world.jira.links(key)}


def field(world: World, opened: Opened, name: str = KEY) -> Any:
    """One of the fields of the customer's ticket."""
    return world.acme.custom(opened.ticket, name)


def with_fields(world: World, text: str) -> str:
    more = f"issue_key_field: {KEY}, issue_url_field: {URL}, open_when"
    return text.replace(
        "{site: acme-desk, mapping: zendesk-default, open_when", f"{{site: acme-desk, mapping: zendesk-default, {more}"
    )


@pytest.fixture
def fields(world: World) -> World:
    """The customer's admin added two fields, and the config names them."""
    site: Any = world.sandbox.sites["acme-desk"]
    with world.sandbox.world.lock:
        for name in (KEY, URL):
            site.add_field(name, "text")
    world.edit = lambda text: with_fields(world, text)
    return world


def quiet(world: World) -> None:
    """Nothing more is written, however often everything is looked at."""
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_each_ticket_leads_to_the_other_and_nobody_is_written_to_twice(fields: World) -> None:
    world = fields
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    [link] = world.jira.links(key)
    assert link["object"]["url"].endswith(f"/agent/tickets/{opened.ticket}")
    assert link["object"]["status"] == {"resolved": False}
    assert link["relationship"] == "mirrored with"
    assert shown(world, key) == {f"Helpdesk ticket #{opened.ticket} (acme)": "in agreement"}
    assert field(world, opened) == key
    assert field(world, opened, URL).endswith(f"/browse/{key}")
    assert [said.public for said in world.ticket(opened).said] == [True]
    quiet(world)
    world.acme.reply(opened.ticket, "Any news?")
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert [one for one in world.requests(writes=True) if "remotelink" in one] == []
    # Whoever changes the field is left in peace; the next start tells nothing anew either.
    world.acme.fill(opened.ticket, KEY, "see ours")
    world.start()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert field(world, opened) == "see ours"
    world.acme.change(opened.ticket, status="solved")
    world.converge()
    [link] = world.jira.links(key)
    assert link["object"]["status"] == {"resolved": True}
    assert world.verdict().is_clean


def test_w16_the_issue_shows_what_does_not_go_on_and_that_it_does_again(fields: World) -> None:
    world = fields
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key, title = world.issue(opened).ticket, f"Helpdesk ticket #{opened.ticket} (acme)"
    world.fault(kind="status", status=422, site="acme-desk", path=r"/tickets/\d+", writes_only=True)
    world.jira.comment(key, "#reply It is the pool.")
    world.converge()
    assert shown(world, key) == {title: "1 text could not be delivered: see the note"}
    quiet(world)
    world.calm()
    with world.converged().ledger.begin() as transaction:
        dead = transaction.journal.in_state(OperationState.DEAD)
        Desk(transaction, world.converged().routes, "somebody").retry(dead[0])
    world.converge()
    assert shown(world, key) == {title: "in agreement"}
    world.acme.delete(opened.ticket)
    world.converge()
    assert shown(world, key)[title].startswith("rests: the helpdesk's ticket was deleted")
    world.acme.restore(opened.ticket)
    world.converge()
    assert shown(world, key) == {title: "in agreement"}
    quiet(world)


def test_signposts_go_where_the_case_goes_and_leave_with_it(fields: World) -> None:
    world = fields
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Cannot pay")
    world.converge()
    key, other = world.issue(first).ticket, world.issue(second).ticket
    titles = [f"Helpdesk ticket #{one.ticket} (acme)" for one in (first, second)]
    bridge(world, "relink", second.ticket, key)
    world.converge()
    assert shown(world, key) == dict.fromkeys(titles, "in agreement")
    assert shown(world, other) == {}
    assert [field(world, one) for one in (first, second)] == [key, key]
    bridge(world, "unlink", first.ticket)
    world.converge()
    assert shown(world, key) == {titles[1]: "in agreement"}
    assert [field(world, one) for one in (first, second)] == [None, key]
    assert field(world, first, URL) is None
    survivor = world.acme.file("Everything is down", "From another mail.", priority="urgent", group="Support")
    world.acme.merge(second.ticket, into=survivor)
    world.converge()
    assert shown(world, key) == {f"Helpdesk ticket #{survivor} (acme)": "in agreement"}
    assert world.acme.custom(survivor, KEY) == key
    quiet(world)


def test_an_issue_with_a_new_key_is_shown_by_it_and_a_case_that_left_the_route_rests(fields: World) -> None:
    world = fields
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key, title = world.issue(opened).ticket, f"Helpdesk ticket #{opened.ticket} (acme)"
    site: Any = world.sandbox.sites["vendor-jira"]
    with world.sandbox.world.lock:
        moved = site.move_issue(key, "CORE")
    bridge_ = world.converged()
    with bridge_.ledger.begin() as transaction:
        tracker = transaction.links.find([TicketRef("acme-desk", opened.ticket)])[
            TicketRef("acme-desk", opened.ticket)
        ].tracker
    bridge_.daemon.intake.hint("vendor-jira", (Hint(tracker),))
    world.converge()
    assert shown(world, moved)[title].startswith("rests: the issue was moved to project CORE")
    assert field(world, opened) == key
    world.edit = lambda text: with_fields(world, text).replace("project: ACME", "project: CORE")
    world.start()
    world.converge()
    assert shown(world, moved) == {title: "in agreement"}
    assert field(world, opened) == moved
    quiet(world)


@pytest.mark.parametrize("kind", ["drop_after", "late_write"])
def test_what_was_in_doubt_or_an_old_ledger_forgot_stands_once(fields: World, kind: str) -> None:
    world = fields
    opened = world.file(world.acme, "Checkout fails")
    world.fault(site="vendor-jira", kind=kind, path="/remotelink", delay_s=0.3, count=2)
    world.fault(site="acme-desk", kind=kind, method="PUT", delay_s=0.3, count=2)
    world.converge()
    world.stop()
    shutil.copytree(world.home / "data", world.home / "backup")
    key = world.issue(opened).ticket
    late = world.file(world.acme, "Cannot pay")
    world.acme.change(opened.ticket, status="solved")
    world.converge()
    world.stop()
    shutil.rmtree(world.home / "data")
    shutil.move(world.home / "backup", world.home / "data")
    world.converge()
    assert [one["object"]["status"] for one in world.jira.links(key)] == [{"resolved": True}]
    assert len(world.jira.links(world.issue(late).ticket)) == 1
    assert [field(world, one) for one in (opened, late)] == [key, world.issue(late).ticket]
    quiet(world)


def test_modes_and_a_missing_right_keep_signposts_back_and_nothing_else(fields: World) -> None:
    world = fields
    world.edit = lambda text: with_fields(world, text).replace("mode: live", "mode: observe")
    opened = world.file(world.acme, "Checkout fails")
    quiet(world)
    world.edit = lambda text: with_fields(world, text).replace("mode: live", "mode: internal")
    world.start()
    world.converge()
    key = world.issue(opened).ticket
    assert list(shown(world, key).values()) == ["in agreement"]
    assert (field(world, opened), world.requests(site="acme-desk", writes=True)) == (None, [])
    world.edit = lambda text: with_fields(world, text).replace("type: Bug}", "type: Bug, link_back: false}")
    world.start()
    world.converge()
    assert (shown(world, key), field(world, opened)) == ({}, key)
    site: Any = world.sandbox.sites["vendor-jira"]
    site.settings["denied_permissions"] = ["LINK_ISSUES"]
    world.edit = lambda text: with_fields(world, text)
    world.start()
    world.acme.reply(opened.ticket, "Any news?")
    world.converge(patience_s=5)
    said = [one.words for one in world.issue(opened).said]
    assert any("Any news?" in words for words in said)
    assert not any("could not" in words for words in said)


def clean(world: World, *arguments: str) -> Result:
    command = ["unlink", *arguments, "--clean", "--config", str(world.home / "config.yaml")]
    return CliRunner().invoke(terminal, command, env=world.variables)


def traces(world: World) -> list[str]:
    """Whatever at Jira and GitHub looks like ours, and is no word of people."""
    issues = world.sandbox.sites["vendor-jira"].data["issues"].values()
    comments = world.sandbox.sites["vendor-jira"].data["comments"].values()
    found = [f"{one['key']}: {name}" for one in issues for name in ("properties", "links") if one[name]]
    found += [f"{one['key']}: a label" for one in issues if one["fields"].get("labels")]
    found += ["a comment's property" for one in comments if "bridge" in str(one.get("properties"))]
    found += [one.summary for one in world.github.cases() for said in one.said if "bridge:1" in said.words]
    return found


def test_a_cleaned_link_leaves_the_words_of_people_and_says_what_cannot_be_taken_away(fields: World) -> None:
    world = fields
    opened = world.file(world.acme, "Checkout fails")
    shared = world.file(world.acme, "Cannot pay")
    elsewhere = world.file(world.globex, "Search is slow")
    world.converge()
    world.acme.reply(opened.ticket, "Any news?")
    world.globex.reply(elsewhere.ticket, "Any news here?")
    key = world.issue(opened).ticket
    bridge(world, "relink", f"acme-desk/{shared.ticket}", key)
    world.converge()
    world.fault(kind="status", status=422, site="acme-desk", path=r"/tickets/\d+", writes_only=True)
    world.jira.comment(key, f"#reply {opened.ticket} It is the pool.")
    world.converge()
    world.calm()
    said = [one.words for one in world.issue(opened).said]
    assert any("could not be" in words for words in said)
    name = f"acme-desk/{opened.ticket}"
    refused = clean(world, name)
    assert isinstance(refused.exception, ConfigurationError)
    assert "add --yes" in str(refused.exception)
    assert [field(world, one) for one in (opened, shared)] == [key, key]
    # Jira is not to be had after the link is taken apart: the same call goes on where this one ended.
    world.fault(kind="status", status=503, site="vendor-jira", method="DELETE")
    broken = clean(world, name, "--yes")
    assert broken.exit_code == 1, broken.output
    assert "call again" in broken.output
    world.calm()
    with world.running():
        done = clean(world, name, "--yes")
    assert done.exit_code == 0, done.output
    assert f"1 of 1: acme-desk/{opened.ticket} and {key}: cleaned" in done.output
    assert list(shown(world, key)) == [f"Helpdesk ticket #{shared.ticket} (acme)"]
    assert [field(world, one) for one in (opened, shared)] == [None, key]
    assert "could not be" not in "".join(one.words for one in world.issue(opened).said)
    done = clean(world, "--all", "--yes")
    assert done.exit_code == 0, done.output
    assert "2 of 2: " in done.output
    assert "GitHub keeps what a text said before" in done.output
    assert traces(world) == []
    assert any("Any news?" in one.words for one in world.issue(opened).said)
    assert any("Any news here?" in one.words for one in world.issue(elsewhere).said)
    quiet(world)
    assert clean(world, "--all", "--yes").output == "No link is there.\n"
