"""People and days: who works on a case, and until when, on both sides."""

from __future__ import annotations

from typing import Any

from bridge.cli.story.script import Opened
from bridge.config.describe import worked_examples

from .conftest import World
from .test_failures import command

DESK = """\
extends: zendesk-default
assignee: {native: assignee}
due: {native: Due day}
"""
JIRA = """\
extends: jira-software
assignee: {native: assignee}
due: {native: duedate}
"""
GITHUB = """\
extends: github-labels
assignee: {native: assignees, kind: list}
"""


def map_people(world: World, owner: str) -> None:
    """The engineer is the desks' agent there, the lead is at the trackers only."""
    files = {"desk": DESK, "jira": JIRA, "hub": GITHUB}
    for name, text in files.items():
        (world.home / f"{name}.yaml").write_text(text, encoding="utf-8")
    for site in ("acme-desk", "globex-desk"):
        desk: Any = world.sandbox.sites[site]
        with world.sandbox.world.lock:
            desk.add_field("Due day", "date")
    agents = "acme-desk: agent@acme-desk.example, globex-desk: agent@globex-desk.example"
    pairs = (
        ("{vendor-github: engineer}", f"{{vendor-github: engineer, {agents}}}"),
        ("mapping: zendesk-default", "mapping: ./desk.yaml"),
        ("mapping: jira-software", "mapping: ./jira.yaml"),
        ("mapping: github-labels", "mapping: ./hub.yaml"),
        ("mode: live", f"mode: live\n    owner: {{assignee: {owner}}}"),
    )

    def edit(text: str) -> str:
        for old, new in pairs:
            text = text.replace(old, new)
        return text

    world.edit = edit


def desk_shows(world: World, opened: Opened) -> tuple[str, str]:
    """Who is assigned in the desk, and the day that stands there."""
    site: Any = world.sandbox.sites[opened.site]
    ticket = site.data["tickets"][opened.ticket]
    person = site.data["users"].get(str(ticket["assignee_id"])) or {}
    field = next(one["id"] for one in site.data["ticket_fields"].values() if one["title"] == "Due day")
    return person.get("email", ""), ticket["_custom"].get(str(field)) or ""


def jira_account(world: World, email: str) -> dict[str, str]:
    site: Any = world.sandbox.sites["vendor-jira"]
    return {"accountId": next(ident for ident, one in site.data["users"].items() if one["emailAddress"] == email)}


def test_whom_engineers_assign_and_their_day_reach_the_desk_and_strangers_are_left_alone(world: World) -> None:
    map_people(world, "tracker")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    engineer = jira_account(world, "engineer@vendor.example")
    world.jira.change(key, assignee=engineer, duedate="2026-12-24")
    world.converge()
    assert desk_shows(world, opened) == ("agent@acme-desk.example", "2026-12-24")
    # The lead has no account in the desk, and whoever is nobody of the config's people is not known there at all.
    for email in ("lead@vendor.example", "bridge@vendor.example"):
        world.jira.change(key, assignee=jira_account(world, email))
        world.converge()
        assert desk_shows(world, opened)[0] == "agent@acme-desk.example"
    # Somebody of the customer's own whom nobody mapped is not displaced.
    world.acme.change(opened.ticket, assignee_id=world.acme.user("manager"))
    world.jira.change(key, assignee=engineer, duedate="2026-12-31")
    world.converge()
    assert desk_shows(world, opened) == ("manager@acme-desk.example", "2026-12-31")
    assert command(world, "failures", "list") == []
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    said = worked_examples(world.converged().config)
    assert any(
        "engineer is `agent@acme-desk.example` there and `engineer@vendor.example` here" in line for line in said
    )


def test_an_assignee_flows_both_ways_and_github_keeps_those_beside(world: World) -> None:
    map_people(world, "both")
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.github.change(number, assignees=["reporter"])
    world.converge()
    assert desk_shows(world, opened)[0] == ""
    world.github.change(number, assignees=["reporter", "engineer"])
    world.converge()
    assert desk_shows(world, opened)[0] == "agent@globex-desk.example"
    hub: Any = world.sandbox.sites["vendor-github"]
    world.github.change(number, assignees=[])
    world.converge()
    assert desk_shows(world, opened)[0] == ""
    world.globex.change(opened.ticket, assignee_id=world.globex.user("agent"))
    world.converge()
    assert hub.data["repositories"]["vendor/platform"]["issues"][number]["assignees"] == ["engineer"]
    assert command(world, "failures", "list") == []
