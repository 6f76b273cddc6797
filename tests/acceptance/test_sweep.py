"""The wide sweep finds what neither feed nor webhook told of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from bridge.bootstrap import Bridge
from bridge.engine.sweep import SWEEP, Sweeper
from bridge.sandbox.faults import Fault
from bridge.store.links import Link
from bridge.store.schema import work_group

from .conftest import World


def sweeper_of(bridge: Bridge) -> Sweeper:
    [found] = [duty for duty in bridge.duties if isinstance(duty, Sweeper)]
    return found


def sweep(bridge: Bridge, site: str, *, begin: bool = True) -> dict[str, Any]:
    """Sweep a site from beginning to end; what it found."""
    sweeper = sweeper_of(bridge)
    if begin:
        sweeper.begin(site)
    for _page in range(100):
        sweeper.step(site)
        with bridge.ledger.begin() as transaction:
            chore = transaction.chores.get(site, SWEEP)
        if chore.place is None:
            return chore.result
    raise AssertionError("the sweep has no end")


def skip(world: World, site: str) -> None:
    """Move the cursors of a site past everything that has happened, as if its feeds had never shown it."""
    bridge = world.converged()
    connector = bridge.daemon.connections.to(site)
    for feed in connector.feeds():
        more = True
        while more:
            with bridge.ledger.begin() as transaction:
                cursor = transaction.readings.cursor(site, feed.name)
            page = connector.changes(feed.name, cursor, begin=bridge.daemon.intake._begin_at(site))
            with bridge.ledger.begin() as transaction:
                transaction.readings.set_cursor(site, feed.name, page.cursor, settled_through=None)
            more = page.more


@pytest.fixture
def quick(world: World) -> World:
    """A world whose sweeps do not pause."""
    world.edit = lambda text: text + "sweep: {pace: 0s}\n"
    return world


def test_changes_and_tickets_that_neither_feed_nor_webhook_told_of_are_found(quick: World) -> None:
    world = quick
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
    world.converge()
    world.sandbox.world.advance(120)
    world.acme.reply(first.ticket, "It fails again.")
    missed = world.file(world.acme, "Nobody told of this one")
    world.github.comment(world.issue(second).ticket, "#reply It is the index.")
    # Old overlap windows do not reach back to it either.
    world.sandbox.world.advance(7200)
    for site in ("acme-desk", "vendor-github"):
        skip(world, site)
    world.converge()
    assert [case.summary for case in world.jira.cases("ACME")] == ["Checkout fails"]
    assert len(world.ticket(second).said) == 1
    bridge = world.converged()
    found = {site: sweep(bridge, site) for site in world.sandbox.sites}
    assert found["acme-desk"]["missed"] == 2
    assert found["vendor-github"]["missed"] == 1
    world.converge()
    assert world.issue(missed).summary == "Nobody told of this one"
    assert any("It fails again." in said.words for said in world.issue(first).said)
    assert any("It is the index." in said.words for said in world.ticket(second).said)
    assert world.verdict().is_clean
    again = {site: sweep(bridge, site) for site in world.sandbox.sites}
    assert {site: (one["missed"], one["drifted"], one["gone"]) for site, one in again.items()} == dict.fromkeys(
        again, (0, 0, 0)
    )
    assert again["acme-desk"]["looked"] >= 3


def test_a_pair_that_was_forgotten_is_found_and_an_agreed_difference_is_left(quick: World) -> None:
    world = quick
    forgotten, kept = world.file(world.acme, "Checkout fails", priority="low"), world.file(world.globex, "Export fails")
    world.converge()
    world.sandbox.world.advance(120)
    # An edit of a field the helpdesk owns is left alone: a difference that is agreed on, and that no sweep brings up.
    world.github.change(world.issue(kept).ticket, title="Ours to name")
    world.converge()
    world.acme.change(forgotten.ticket, priority="urgent")
    bridge = world.converged()
    bridge.daemon.intake.poll("acme-desk", every_feed=True)
    with bridge.ledger.begin() as transaction:
        transaction.connection.execute(update(work_group).values(due_at=None))
    world.converge()
    assert world.issue(forgotten).fields["Severity"] == "S4"
    world.sandbox.clear_log()
    assert sweep(bridge, "acme-desk")["drifted"] == 1
    assert sweep(bridge, "globex-desk")["drifted"] == sweep(bridge, "vendor-github")["drifted"] == 0
    assert world.requests(writes=True) == []
    world.converge()
    assert world.issue(forgotten).fields["Severity"] == "S1"
    assert [case.summary for case in world.github.cases()] == ["Ours to name"]


def test_a_deleted_issue_that_nobody_told_of_is_found(quick: World) -> None:
    world = quick
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.delete(world.issue(opened).ticket)
    bridge = world.converged()
    assert sweep(bridge, "vendor-jira")["gone"] == 1
    with bridge.ledger.begin() as transaction:
        assert transaction.hands.count_due() == 1


def test_a_sweep_goes_on_where_it_stopped_and_waits_while_its_site_is_down(quick: World) -> None:
    world = quick
    for number in range(3):
        world.file(world.globex, f"Ticket {number}")
    world.converge()
    bridge = world.converged()
    sweeper_of(bridge).begin("globex-desk")
    sweeper_of(bridge).step("globex-desk")
    with bridge.ledger.begin() as transaction:
        halfway = transaction.chores.get("globex-desk", SWEEP)
    assert halfway.place["feeds"] == []
    bridge = world.start()
    world.sandbox.clear_log()
    with world.sandbox.world.lock:
        world.sandbox.faults.add(Fault(kind="status", status=503, site="globex-desk"))
    sweeper_of(bridge).step("globex-desk")
    with bridge.ledger.begin() as transaction:
        stopped = transaction.chores.get("globex-desk", SWEEP)
    assert stopped.place == halfway.place
    assert "sweep of globex-desk waits" in stopped.problem
    world.calm()
    bridge = world.start()
    world.sandbox.clear_log()
    found = sweep(bridge, "globex-desk", begin=False)
    assert (found["looked"], found["missed"]) == (6, 0)
    assert not [line for line in world.requests() if "incremental" in line]
    assert len([line for line in world.requests() if "show_many" in line]) == 1


class Stumbling(Sweeper):
    """A sweeper with a defect that one pair brings out."""

    def _judge(self, transaction: Any, link: Link, answers: Any) -> str:
        if link.group.endswith("/1"):
            raise ZeroDivisionError
        return super()._judge(transaction, link, answers)


def test_a_pair_over_which_a_defect_stumbles_holds_up_no_other(quick: World) -> None:
    world = quick
    opened = [world.file(world.acme, f"Checkout {number} fails", priority="low") for number in range(3)]
    world.converge()
    bridge = world.converged()
    for one in opened:
        world.acme.change(one.ticket, priority="urgent")
    bridge.daemon.intake.poll("acme-desk", every_feed=True)
    with bridge.ledger.begin() as transaction:
        transaction.connection.execute(update(work_group).values(due_at=None))
    right = sweeper_of(bridge)
    stumbling = Stumbling(
        right.ledger, right.connections, right.intake, right.routes, right.tools, right.clock, right.times
    )
    stumbling.begin("acme-desk")
    stumbling.step("acme-desk")
    with pytest.raises(ZeroDivisionError):
        stumbling.step("acme-desk")
    again = replace(stumbling, _next_at={})
    again.step("acme-desk")
    again.step("acme-desk")
    with bridge.ledger.begin() as transaction:
        chore = transaction.chores.get("acme-desk", SWEEP)
        assert transaction.hands.count_due() == 2
    assert chore.place is None
    assert chore.result["drifted"] == 2
