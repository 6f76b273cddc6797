"""Tickets are put on one issue and taken off again, on both databases, whoever works on them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.engine.life.joining import join, leave, relink
from bridge.engine.state import issue_name
from bridge.errors import HandLostError, LinkError
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Reading, TicketRef
from bridge.model.words import Side
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, Transaction, open_ledger
from bridge.store.links import Link
from bridge.testing.clock import FakeClock

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ISSUE = TicketRef("vendor-jira", "10042")
ROUTES: Any = {
    name: SimpleNamespace(name=name, tracker=SimpleNamespace(site=site, scope={"project": "ACME"}))
    for name, site in (("acme", "vendor-jira"), ("other", "vendor-github"))
}


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    opened = open_ledger(clock=FakeClock(AT), directory=None if url else tmp_path, url=url)
    yield opened
    opened.close()


def link(number: int, issue: TicketRef = ISSUE, route: str = "acme") -> Link:
    desk = TicketRef("acme-desk", str(number))
    return Link(f"{route}:{desk}", route, desk, issue, f"ACME-{issue.id}", created="tracker")


def linked(transaction: Transaction, *links: Link) -> None:
    for one in links:
        transaction.links.add(one)
        transaction.hands.want(one.group, one.route)


def claim(ledger: Ledger) -> list[Hand]:
    with ledger.begin() as transaction:
        return transaction.hands.claim("worker", lease_s=60.0, limit=10)


def test_joined_tickets_are_held_by_one_hand_whichever_of_them_was_wanted(ledger: Ledger) -> None:
    first, second, third = link(1), link(2, TicketRef("vendor-jira", "7")), link(3, TicketRef("vendor-jira", "8"))
    with ledger.begin() as transaction:
        linked(transaction, first, second, third)
        join(transaction, ROUTES, second, first, why="same")
        join(transaction, ROUTES, third, transaction.links.sharing(ISSUE)[1], why="same")
    [hand] = claim(ledger)
    assert [seat.group for seat in hand.seats] == [first.group, second.group, third.group]
    with ledger.begin() as transaction:
        transaction.hands.release(hand, due_at=None)
    with ledger.begin() as transaction:
        transaction.hands.want(third.group, "acme")
    [hand] = claim(ledger)
    assert hand.group == first.group
    assert claim(ledger) == []
    with ledger.begin(hand.at(hand.seats[2])) as transaction:
        transaction.hands.extend(hand, lease_s=60.0)


def test_joining_takes_the_hand_from_whoever_works_on_either(ledger: Ledger) -> None:
    first, second = link(1), link(2, TicketRef("vendor-jira", "7"))
    with ledger.begin() as transaction:
        linked(transaction, first, second)
    for hand in claim(ledger):
        if hand.group == second.group:
            held = hand
    with ledger.begin() as transaction:
        join(transaction, ROUTES, second, first, why="same")
    with pytest.raises(HandLostError), ledger.begin(held):
        pass
    [hand] = claim(ledger)
    assert len(hand.seats) == 2


def test_a_newcomer_starts_with_nothing_agreed_and_what_was_unsent_is_cancelled(ledger: Ledger) -> None:
    first, second = link(1), link(2, TicketRef("vendor-jira", "7"))
    planned = Operation("k", second.group, OperationKind.UPDATE, Side.TRACKER, {"fields": {}, "prior": {}})
    with ledger.begin() as transaction:
        linked(transaction, first, second)
        for one in (first, second):
            transaction.links.move_base(one.group, Side.TRACKER, "severity", {"Severity": Reading.of("S2")})
        transaction.journal.add(planned)
        joined = join(transaction, ROUTES, second, first, why="same")
    assert (joined.tracker, joined.generation, joined.created) == (ISSUE, 1, "")
    with ledger.begin() as transaction:
        assert transaction.links.bases(second.group)[Side.TRACKER] == {}
        assert transaction.links.bases(issue_name(ISSUE))[Side.TRACKER] == {"severity": {"Severity": Reading.of("S2")}}
        found = transaction.journal.get("k")
    assert found is not None
    assert found.state is OperationState.CANCELLED


def test_a_group_of_two_is_two_again_after_one_has_left(ledger: Ledger) -> None:
    first, second = link(1), link(2, TicketRef("vendor-jira", "7"))
    with ledger.begin() as transaction:
        linked(transaction, first, second)
        join(transaction, ROUTES, second, first, why="same")
        transaction.links.move_base(issue_name(ISSUE), Side.TRACKER, "severity", {"Severity": Reading.of("S1")})
        leave(transaction, first.group, why="another fault")
    with ledger.begin() as transaction:
        assert transaction.links.get(first.group) is None
        assert transaction.hands.suspensions() == [(first.group, "unlinked: another fault")]
        assert transaction.links.bases(second.group)[Side.TRACKER]["severity"] == {"Severity": Reading.of("S1")}
    hands = {hand.group: hand for hand in claim(ledger)}
    assert hands.keys() == {first.group, second.group}
    hand = hands[second.group]
    assert (hand.seats, hand.lead, hand.rests) == ((), "", "")
    # The one that left is taken in hand once more, for its signposts only.
    assert hands[first.group].rests == "unlinked: another fault"
    with ledger.begin() as transaction:
        transaction.hands.release(hands[first.group], due_at=None)
        transaction.hands.release(hand, due_at=None)
        assert transaction.hands.count_waiting() == 0


def test_when_the_lead_leaves_another_one_bears_the_hand(ledger: Ledger) -> None:
    first, second, third = link(1), link(2, TicketRef("vendor-jira", "7")), link(3, TicketRef("vendor-jira", "8"))
    with ledger.begin() as transaction:
        linked(transaction, first, second, third)
        join(transaction, ROUTES, second, first, why="same")
        join(transaction, ROUTES, third, first, why="same")
        relink(transaction, ROUTES, link(1, TicketRef("vendor-jira", "9")), why="mistaken")
    hands = {hand.group: hand for hand in claim(ledger)}
    assert set(hands) == {first.group, second.group}
    assert [seat.group for seat in hands[second.group].seats] == [second.group, third.group]
    with ledger.begin() as transaction:
        moved = transaction.links.get(first.group)
    assert moved is not None
    assert (moved.tracker.id, moved.generation) == ("9", 1)


def test_a_ticket_whose_route_leads_elsewhere_cannot_join(ledger: Ledger) -> None:
    first, stranger = link(1), link(2, TicketRef("vendor-github", "5"), route="other")
    with ledger.begin() as transaction:
        linked(transaction, first, stranger)
    with pytest.raises(LinkError, match="leads to vendor-github"), ledger.begin() as transaction:
        join(transaction, ROUTES, stranger, first, why="same")
    with ledger.begin() as transaction:
        assert transaction.links.get(stranger.group) == stranger


def test_a_ticket_whose_create_is_in_doubt_cannot_join(ledger: Ledger) -> None:
    first, second = link(1), link(2, TicketRef("vendor-jira", "7"))
    create = Operation("c", second.group, OperationKind.CREATE, Side.TRACKER, {}, state=OperationState.UNKNOWN)
    with ledger.begin() as transaction:
        linked(transaction, first)
        transaction.hands.want(second.group, "acme", due_at=AT + timedelta(days=1))
        transaction.journal.add(create)
        with pytest.raises(LinkError, match="not known yet"):
            join(transaction, ROUTES, second, first, why="same")
