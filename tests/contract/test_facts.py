"""Facts are kept once, in the order things happened, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.model.feed import Fact
from bridge.model.ticket import Person, Snapshot, TicketRef, Version
from bridge.store.facts import order_of
from bridge.store.ledger import Ledger
from bridge.testing.clock import FakeClock

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DESK = TicketRef("acme-desk", "17")
AGENT = Person("5", "Agent", "agent@acme.example", staff=True)


def change(event: str, *, at: datetime = AT, new: object = "open", ref: TicketRef = DESK) -> Fact:
    return Fact(ref, event, at, AGENT, "field", "status", "new", new)


def test_a_fact_told_again_is_kept_once_and_as_it_was_first_told(ledger: Ledger, clock: FakeClock) -> None:
    with ledger.begin() as transaction:
        seen_at = transaction.now
        assert transaction.facts.add([change("event 9")], offset=timedelta(seconds=2)) == {DESK}
    clock.advance(60)
    with ledger.begin() as transaction:
        assert transaction.facts.add([change("event 9", new="hold")], offset=timedelta()) == set()
        [told] = transaction.facts.of(DESK)
    assert told.fact == change("event 9")
    assert told.offset == timedelta(seconds=2)
    assert abs(told.seen_at - seen_at) < timedelta(seconds=1)


def test_facts_come_by_time_and_within_an_instant_as_their_site_numbered_them(ledger: Ledger) -> None:
    later = change("event 2", at=AT + timedelta(seconds=1))
    with ledger.begin() as transaction:
        transaction.facts.add([later, change("event 10"), change("event 9")], offset=timedelta())
        order = [told.fact.event_id for told in transaction.facts.of(DESK)]
    assert order == ["event 9", "event 10", "event 2"]


def test_only_tickets_of_a_group_are_known_and_their_past_is_whole_once_it_was_read(ledger: Ledger) -> None:
    stranger = TicketRef("acme-desk", "18")
    with ledger.begin() as transaction:
        shown = Snapshot(DESK, "#17", "https://acme.example/17", Version(AT), AT, created_at=AT, fields={})
        transaction.readings.put(shown, "acme:acme-desk/17")
        assert transaction.facts.known([DESK, stranger]) == {DESK: "acme:acme-desk/17"}
        assert not transaction.facts.is_whole(DESK)
        transaction.facts.whole(DESK)
        assert transaction.facts.is_whole(DESK)
        assert not transaction.facts.is_whole(stranger)


def test_numbers_in_event_ids_count_as_numbers() -> None:
    ids = ["change:100:10", "change:100:2", "change:99:3", "comment:5", "created:1"]
    ordered = ["change:99:3", "change:100:2", "change:100:10", "comment:5", "created:1"]
    assert sorted(ids, key=order_of) == ordered
