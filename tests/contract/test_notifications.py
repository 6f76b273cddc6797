"""The outbox of notifications, on both databases."""

from __future__ import annotations

from datetime import timedelta

from bridge.store.clocks import Fired
from bridge.store.ledger import Ledger
from bridge.store.notifications import Notification, Telling

GROUP = "acme:acme-desk/1"


def plan(ledger: Ledger, label: str, person: str) -> bool:
    with ledger.begin() as transaction:
        now = transaction.now
        fired = Fired(GROUP, "resolution", 1, "warn", label, "critical", now, now)
        one = Notification.of(fired, turn=0, person=person, channel="mail", title=label, body="It is so.", at=now)
        return transaction.notifications.plan(one)


def test_a_row_is_planned_once_and_comes_back_whole(ledger: Ledger) -> None:
    assert plan(ledger, "50%", "lead")
    assert not plan(ledger, "50%", "lead")
    with ledger.begin() as transaction:
        [one] = transaction.notifications.of_group(GROUP)
        assert (one.person, one.channel, one.title, one.state, one.batch) == (
            "lead",
            "mail",
            "50%",
            Telling.PLANNED,
            "",
        )
        fired = Fired(GROUP, "resolution", 1, "warn", "50%", "critical", one.planned_at, one.planned_at)
        assert transaction.notifications.of_firing(fired) == [one]
        assert transaction.notifications.count() == {"planned": 1}


def test_what_one_process_took_no_other_takes_until_its_time_is_over(ledger: Ledger) -> None:
    plan(ledger, "50%", "lead")
    plan(ledger, "80%", "lead")
    plan(ledger, "50%", "boss")
    with ledger.begin() as transaction:
        first = transaction.notifications.next_due()
        until = transaction.now + timedelta(minutes=10)
        mine = transaction.notifications.take(first, batch="one", until=until)
    with ledger.begin() as transaction:
        second = transaction.notifications.next_due()
        transaction.notifications.take(second, batch="two", until=transaction.now - timedelta(seconds=1))
        assert {one.person for one in first} != {one.person for one in second}
        assert len(first) + len(second) == 3
        assert transaction.notifications.next_due()[0].batch == "two"
        taken = transaction.notifications.next_due()
        assert transaction.notifications.settle(mine, state=Telling.SENT, due_at=None, ended_at=transaction.now)
        assert not transaction.notifications.settle(mine, state=Telling.PLANNED)
    with ledger.begin() as transaction:
        transaction.notifications.end(taken[0], Telling.FAILED, reason="refused")
        [trouble] = transaction.notifications.troubles()[:1]
        assert trouble.reason == "refused"
        transaction.notifications.free_all()


def test_two_that_look_at_the_same_time_find_different_rows(ledger: Ledger) -> None:
    if ledger.is_alone:
        return
    plan(ledger, "50%", "lead")
    plan(ledger, "50%", "boss")
    with ledger.begin() as one, ledger.begin() as other:
        [mine], [theirs] = one.notifications.next_due(), other.notifications.next_due()
        assert mine.person != theirs.person
        with ledger.begin() as third:
            assert third.notifications.next_due() == []
