"""Hours without bridge, or without a site: afterwards everything is there, once, and in order."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.cli.story.script import Opened

from .conftest import World

HOUR_S = 3600.0
HOURS = 4


def talk(world: World, acme: Opened, globex: Opened, hour: int) -> None:
    """What people say and do at all sites within an hour."""
    world.acme.reply(acme.ticket, f"Customer, hour {hour}.")
    world.jira.comment(world.issue(acme).ticket, f"#reply Engineer, hour {hour}.")
    world.globex.reply(globex.ticket, f"Customer, hour {hour}.")
    world.github.comment(world.issue(globex).ticket, f"#reply Engineer, hour {hour}.")
    world.acme.change(acme.ticket, priority=("urgent", "low")[hour % 2])
    world.sandbox.world.advance(HOUR_S)


def heard(world: World, acme: Opened, globex: Opened) -> None:
    """Everything that was said stands on the other side once, in the order it was said."""
    for opened in (acme, globex):
        for speaker, case in (("Customer", world.issue(opened)), ("Engineer", world.ticket(opened))):
            said = [part for one in case.said for part in one.words.split(".") if f"{speaker}, hour " in part]
            hours = [part.rpartition(" ")[2] for part in said]
            assert hours == [str(hour) for hour in range(HOURS)], (opened.summary, speaker)
    assert world.issue(acme).fields["Severity"] == "S4"
    assert world.verdict().is_clean
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_w17_hours_without_bridge_are_caught_up_in_order(world: World) -> None:
    acme, globex = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
    world.converge()
    world.stop()
    later = []
    for hour in range(HOURS):
        talk(world, acme, globex, hour)
        later.append(world.file(world.acme, f"Opened in hour {hour}"))
    world.converge()
    assert [world.issue(one).summary for one in later] == [one.summary for one in later]
    heard(world, acme, globex)


@pytest.mark.parametrize(
    ("site", "fault"),
    [("vendor-jira", {"kind": "status", "status": 503}), ("acme-desk", {"kind": "drop_before"})],
    ids=["tracker-fails", "helpdesk-hangs-up"],
)
def test_w17_hours_without_a_site_are_caught_up_in_order_and_the_others_go_on(
    world: World, site: str, fault: dict[str, Any]
) -> None:
    acme, globex = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
    world.converge()
    world.fault(site=site, **fault)
    for hour in range(HOURS):
        talk(world, acme, globex, hour)
        if hour in (1, 3):
            assert world.converge(patience_s=0.0).failed
    # The other customer has noticed nothing: up to the last look they were answered.
    answers = [said.words for said in world.ticket(globex).said if "Engineer, hour" in said.words]
    assert len(answers) == HOURS
    late = world.file(world.acme, "Opened while it was gone")
    world.converge(patience_s=0.0)
    world.calm()
    world.converge(patience_s=90.0)
    assert world.issue(late).summary == "Opened while it was gone"
    heard(world, acme, globex)
