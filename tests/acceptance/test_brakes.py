"""Brakes: what bridge stops by itself, who hears of it, and how it goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from sqlalchemy import select
from typer.testing import CliRunner

from bridge.cli import brakes as commands
from bridge.cli import status
from bridge.cli.story.script import Opened
from bridge.errors import BrakeError, ConfigurationError
from bridge.store import schema

from .conftest import World

terminal = typer.Typer()
"""The commands without the options before them, which turn the log to a terminal of their own."""
terminal.add_typer(commands.app, name="brakes")
terminal.command()(status.status)


def bridge(world: World, *arguments: str) -> Any:
    """A colleague's terminal, beside the running bridge: what the command answers as JSON."""
    command = [*arguments, "--json", "--config", str(world.home / "config.yaml")]
    result = CliRunner().invoke(terminal, command, env=world.variables)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def brakes(world: World) -> list[tuple[str, str, str]]:
    """What is braked: kind, whether one case alone, field."""
    listed = bridge(world, "brakes", "list")["brakes"]
    return [(one["kind"], "case" if one["group"] else "route", one["field"]) for one in listed]


def limits(world: World, words: str) -> None:
    """Both routes with these brakes."""
    world.edit = lambda text: text.replace("    undo: 0s\n", f"    undo: 0s\n    brakes: {{{words}}}\n")


def audit(world: World, what: str) -> list[dict[str, Any]]:
    """The audit trail's lines about something."""
    with world.converged().ledger.begin() as transaction:
        table = schema.audit
        query = select(table.c.detail).where(table.c.what == what).order_by(table.c.id)
        return list(transaction.connection.execute(query).scalars())


@pytest.fixture
def fight(world: World) -> Opened:
    """A trigger at the customer's and an automation at the vendor's that each want another severity."""
    limits(world, "oscillation: {after: 3, within: 1h}")
    calm = world.edit
    world.edit = lambda text: calm(text).replace("    undo: 0s\n", "    undo: 0s\n    owner: {severity: both}\n")
    opened = world.file(world.globex, "Search is slow", priority="low")
    world.converge()
    number = world.issue(opened).ticket
    for _turn in range(6):
        world.sandbox.world.advance(2)
        world.github.change(number, labels=["severity: critical"])
        world.converge()
        if world.ticket(opened).fields["priority"] == "urgent":
            world.globex.change(opened.ticket, priority="low")
            world.converge()
    return opened


def test_w20_two_sides_that_correct_each_other_for_ever_are_stopped_after_n_flips_and_it_is_said(
    world: World, fight: Opened
) -> None:
    assert brakes(world) == [("oscillation", "case", "severity")]
    [why] = [one["why"] for one in bridge(world, "brakes", "list")["brakes"]]
    assert "3 times" in why
    assert "globex-desk" in why
    assert "vendor-github" in why
    assert len(world.requests(site="globex-desk", writes=True)) == 3
    assert [one["why"] for one in audit(world, "brake_closed")] == [why]
    assert bridge(world, "status")["brakes"][0]["field"] == "severity"


def test_w20_only_the_field_is_stopped_and_the_case_goes_on(world: World, fight: Opened) -> None:
    world.sandbox.world.advance(2)
    world.github.comment(world.issue(fight).ticket, "#reply We are on it.")
    world.globex.change(fight.ticket, status="pending", assignee_id=world.globex.user("agent"))
    world.converge()
    assert "We are on it" in world.ticket(fight).said[-1].words
    assert "status: waiting" in " ".join(world.issue(fight).fields["labels"])


def test_w20_a_released_field_is_evaluated_again_and_who_released_it_is_kept(world: World, fight: Opened) -> None:
    world.github.change(world.issue(fight).ticket, labels=["severity: major"])
    world.converge()
    assert world.ticket(fight).fields["priority"] == "low"
    released = bridge(world, "brakes", "release", "globex", "--who", "lead")["released"]
    assert [one["field"] for one in released] == ["severity"]
    world.converge()
    assert world.ticket(fight).fields["priority"] == "high"
    assert brakes(world) == []
    assert [(one["who"], one["kind"]) for one in audit(world, "brake_released")] == [("lead", "oscillation")]


def test_w20_what_was_stopped_stays_stopped_over_a_restart(world: World, fight: Opened) -> None:
    world.stop()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert brakes(world) == [("oscillation", "case", "severity")]


def test_the_people_of_the_vendor_are_told_in_the_issue_where_only_they_read(world: World) -> None:
    limits(world, "oscillation: {after: 1, within: 1h}")
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    for priority in ("high", "low", "high", "low"):
        world.acme.change(opened.ticket, priority=priority)
        world.converge()
    assert brakes(world) == [("oscillation", "case", "severity")]
    assert any("stopped mirroring severity" in said.words for said in world.issue(opened).said)
    assert len(world.ticket(opened).said) == 1
    bridge(world, "brakes", "release", "acme", "--kind", "oscillation")
    world.converge()
    assert any("Solved" in said.words for said in world.issue(opened).said)


def test_a_machine_that_answers_every_text_is_stopped_before_it_floods_the_customer(world: World) -> None:
    limits(world, "mail_loop: {after: 3, within: 1h}")
    opened, other = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    number = world.issue(opened).ticket
    for turn in range(5):
        world.sandbox.world.advance(2)
        world.github.comment(number, f"#reply Thank you for your mail number {turn}.")
        world.converge()
    said = [one.words for one in world.ticket(opened).said if "Thank you" in one.words]
    assert len(said) == 3
    assert brakes(world) == [("mail_loop", "case", "")]
    world.globex.reply(opened.ticket, "What is going on?")
    world.github.comment(world.issue(other).ticket, "#reply Another case goes on.")
    world.converge()
    assert any("What is going on" in one.words for one in world.issue(opened).said)
    assert any("goes on" in one.words for one in world.ticket(other).said)
    bridge(world, "brakes", "release", "globex")
    world.converge()
    assert len([one for one in world.ticket(opened).said if "Thank you" in one.words]) == 5


def linked_long_ago(world: World) -> None:
    """Let the links be older than any window."""
    with world.converged().ledger.begin() as transaction:
        transaction.connection.exec_driver_sql("update link set linked_at = linked_at - 86400000000")


def test_a_backlog_that_is_taken_up_is_no_mass_change(world: World) -> None:
    limits(world, "mass_change: {after: 2, within: 10m}")
    for number in range(5):
        opened = world.file(world.globex, f"Question {number}")
        world.globex.change(opened.ticket, status="pending", assignee_id=world.globex.user("agent"))
    world.converge()
    assert brakes(world) == []
    assert len(world.github.cases()) == 5


def test_too_many_cases_changed_at_once_stop_the_route_and_no_other(world: World) -> None:
    limits(world, "mass_change: {after: 2, within: 10m}")
    mine = [world.file(world.globex, f"Question {number}", priority="low") for number in range(5)]
    theirs = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    linked_long_ago(world)
    for opened in (*mine, theirs):
        desk = world.globex if opened in mine else world.acme
        desk.change(opened.ticket, priority="urgent")
    world.converge()
    moved = [opened for opened in mine if "severity: critical" in world.issue(opened).fields["labels"]]
    assert len(moved) == 2
    assert world.issue(theirs).fields["Severity"] == "S1"
    assert brakes(world) == [("mass_change", "route", "")]
    bridge(world, "brakes", "release", "globex")
    world.converge()
    assert all("severity: critical" in world.issue(opened).fields["labels"] for opened in mine)


def test_a_bulk_change_that_was_announced_goes_through(world: World) -> None:
    limits(world, "mass_change: {after: 2, within: 10m}")
    mine = [world.file(world.globex, f"Question {number}", priority="low") for number in range(5)]
    world.converge()
    linked_long_ago(world)
    bridge(world, "brakes", "allow", "globex", "--for", "30m")
    for opened in mine:
        world.globex.change(opened.ticket, priority="urgent")
    world.converge()
    assert all("severity: critical" in world.issue(opened).fields["labels"] for opened in mine)
    assert brakes(world) == []


def test_one_version_released_for_many_cases_is_one_change(world: World) -> None:
    limits(world, "mass_change: {after: 1, within: 10m}")
    mine = [world.file(world.acme, f"Problem {number}") for number in range(4)]
    world.converge()
    keys = [world.issue(opened).ticket for opened in mine]
    version = world.jira.plan_version(keys[0], "2.4.1", project="ACME")
    body = {"fields": {"fixVersions": [{"id": version}]}}
    for key in keys[1:]:
        world.jira._call("PUT", f"/rest/api/3/issue/{key}", login=world.jira._login("lead"), body=body)
    world.converge()
    linked_long_ago(world)
    world.jira.release(version)
    world.stop()  # versions are read once a minute, and at a start
    world.converge()
    assert [sum("2.4.1" in said.words for said in world.ticket(opened).said) for opened in mine] == [1, 1, 1, 1]
    assert brakes(world) == []


def test_new_rules_that_would_change_too_many_cases_stop_the_route_before_the_first_is_sent(world: World) -> None:
    (world.home / "silent.yaml").write_text(
        "extends: github-labels\ncomments: {to_other_side: [{otherwise: skip}]}\ncase: {workaround: {command: /way-out}}\n",
        encoding="utf-8",
    )
    limits(world, "mass_change: {after: 2, within: 10m}")
    strict = world.edit
    world.edit = lambda text: strict(text).replace("mapping: github-labels", "mapping: ./silent.yaml")
    mine = [world.file(world.globex, f"Question {number}") for number in range(4)]
    world.converge()
    for opened in mine:
        world.github.comment(world.issue(opened).ticket, "/workaround Restart it.")
    world.converge()
    linked_long_ago(world)
    assert [len(world.ticket(opened).said) for opened in mine] == [1, 1, 1, 1]
    world.edit = strict
    world.start()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert brakes(world) == [("mass_change", "route", "")]
    [why] = [one["why"] for one in bridge(world, "brakes", "list")["brakes"]]
    assert why.startswith("the changed config would change 4 cases at once, more than 2")
    bridge(world, "brakes", "release", "globex", "--for", "30m")
    world.converge()
    assert [len(world.ticket(opened).said) for opened in mine] == [2, 2, 2, 2]


def test_many_tickets_that_vanish_at_once_are_not_believed(world: World) -> None:
    limits(world, "mass_delete: {after: 1, within: 10m}")
    mine = [world.file(world.acme, f"Problem {number}") for number in range(3)]
    world.converge()
    for opened in mine:
        world.jira.delete(world.issue(opened).ticket)
        world.acme.change(opened.ticket, priority="low")
    with world.converged().ledger.begin() as transaction:
        for link in transaction.links.all("acme"):
            transaction.readings._outdate(link.tracker)
            transaction.readings.suspect(link.tracker)
        transaction.connection.exec_driver_sql("update ticket set suspect_at = suspect_at - 120000000")
    world.converge(patience_s=0.0)
    assert brakes(world) == [("mass_delete", "route", "")]
    assert len(bridge(world, "status")["suspended"]) == 1
    assert [world.ticket(opened).fields["status"] for opened in mine] == ["new", "new", "new"]


def test_a_brake_that_does_not_stand_and_a_kind_there_is_not_are_answered_in_one_sentence(world: World) -> None:
    world.file(world.acme, "Checkout fails")
    world.converge()
    with pytest.raises(BrakeError, match="No such brake of route acme stands"):
        bridge(world, "brakes", "release", "acme")
    with pytest.raises(ConfigurationError, match=r"--kind takes oscillation, .*, not speed"):
        bridge(world, "brakes", "release", "acme", "--kind", "speed")
    with pytest.raises(ConfigurationError, match="There is no route acne"):
        bridge(world, "brakes", "release", "acne")
    with pytest.raises(ConfigurationError, match="--for must be a duration with its unit"):
        bridge(world, "brakes", "allow", "acme", "--for", "soon")
