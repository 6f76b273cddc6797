"""The ledger keeps its promises on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import ConfigurationError, HandLostError
from bridge.model import document as rich
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import (
    Attachment,
    Comment,
    Life,
    Person,
    Reading,
    Snapshot,
    TicketRef,
    Version,
)
from bridge.model.ticket import (
    Thread as CommentThread,
)
from bridge.model.words import Side, Visibility
from bridge.store import schema
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger, open_ledger
from bridge.store.links import Fate, Item, Link
from bridge.testing.clock import FakeClock

AT = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
DESK = TicketRef("acme-desk", "17")
ISSUE = TicketRef("vendor-jira", "10042")
GROUP = "acme:acme-desk/17"


def snapshot(ref: TicketRef = DESK, *, at: datetime = AT, subject: str = "Printer on fire") -> Snapshot:
    comment = Comment(
        id="900",
        created_at=AT,
        author=Person("5", "User", "user@acme.example", staff=False),
        body=rich.from_plain("It burns.\n\nReally."),
        visibility=Visibility.PUBLIC,
        attachments=(Attachment("1", "fire.png", "https://acme.example/fire.png", 12, "image/png"),),
        marker=Marker("acme", "vendor-jira/10042", "comment", "77", 1, 0, "ab" * 12),
    )
    return Snapshot(
        ref=ref,
        key="#17",
        url="https://acme.example/17",
        version=Version(at, "3"),
        read_at=AT,
        created_at=AT,
        fields={
            "subject": Reading.of(subject),
            "description": Reading.of(rich.from_plain("Help")),
            "tags": Reading.of([]),
        },
        thread=CommentThread((comment,)),
        sender=Person("5", "User", "user@acme.example"),
        life=Life.ALIVE,
        scope={"group": "Vendor 2nd line"},
    )


def operation(key: str = "k1", **more: object) -> Operation:
    plain = Operation(key, GROUP, OperationKind.COMMENT, Side.TRACKER, {"body": rich.from_plain("hello")})
    return replace(plain, **more)  # type: ignore[arg-type]


def test_the_migrations_make_exactly_the_tables_the_code_uses(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    assert [one for one in differences if not (one[0] == "remove_table" and one[1].name == "alembic_version")] == []


def test_a_snapshot_comes_back_as_it_was_read(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        assert transaction.readings.put(snapshot(), GROUP)
    with ledger.begin() as transaction:
        assert transaction.readings.get(DESK) == snapshot()


def test_an_older_reading_never_replaces_a_newer_one(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.readings.put(snapshot(subject="newer"), GROUP)
        older = snapshot(at=AT - timedelta(seconds=1), subject="older")
        assert not transaction.readings.put(older, GROUP)
        stored = transaction.readings.get(DESK)
    assert stored is not None
    assert stored.value("subject") == "newer"


def test_a_reading_without_comments_keeps_the_known_thread(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.readings.put(snapshot(), GROUP)
        transaction.readings.put(replace(snapshot(at=AT + timedelta(seconds=1)), thread=None), GROUP)
        stored = transaction.readings.get(DESK)
    assert stored is not None
    assert stored.thread == snapshot().thread


def test_a_group_is_due_once_however_often_it_was_wanted(ledger: Ledger) -> None:
    for _hint in range(3):
        with ledger.begin() as transaction:
            transaction.hands.want(GROUP, "acme")
    assert [hand.group for hand in claim(ledger)] == [GROUP]
    assert claim(ledger) == []


def test_work_wanted_while_in_hand_is_due_again_after_release(ledger: Ledger) -> None:
    hand = in_hand(ledger)
    with ledger.begin() as transaction:
        transaction.hands.want(GROUP, "acme")
    with ledger.begin() as transaction:
        transaction.hands.release(hand, due_at=None)
    assert [again.group for again in claim(ledger)] == [GROUP]


def test_a_released_group_rests_until_its_time(ledger: Ledger) -> None:
    hand = in_hand(ledger)
    later = ledger.now() + timedelta(hours=1)
    with ledger.begin() as transaction:
        transaction.hands.release(hand, due_at=later)
    assert claim(ledger) == []
    with ledger.begin() as transaction:
        assert transaction.hands.next_due_at() == later


def test_a_stale_hand_can_write_nothing(ledger: Ledger, clock: FakeClock) -> None:
    with ledger.begin() as transaction:
        transaction.hands.want(GROUP, "acme")
    [stale] = claim(ledger, holder="slow", lease_s=0.0)
    [fresh] = claim(ledger, holder="quick")
    assert fresh.fence > stale.fence
    with pytest.raises(HandLostError), ledger.begin(stale) as transaction:
        transaction.journal.add(operation())
    with ledger.begin(fresh) as transaction:
        assert transaction.journal.get("k1") is None


def test_many_workers_never_hold_the_same_group(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        for number in range(40):
            transaction.hands.want(f"acme:acme-desk/{number}", "acme")
    taken: list[str] = []

    def take(holder: str) -> None:
        while hands := claim(ledger, holder=holder, limit=3):
            taken.extend(hand.group for hand in hands)

    threads = [Thread(target=take, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"acme:acme-desk/{number}" for number in range(40))


def test_workers_that_bring_the_same_new_ticket_at_once_all_succeed(ledger: Ledger) -> None:
    failures: list[Exception] = []
    together = Barrier(4)

    def bring(number: int) -> None:
        together.wait()
        try:
            for step in range(10):
                ref = TicketRef("acme-desk", str(step))
                with ledger.begin() as transaction:
                    transaction.hands.want(f"acme:{ref}", "acme")
                    transaction.readings.put(replace(snapshot(), ref=ref), f"acme:{ref}")
                    transaction.readings.set_cursor("acme-desk", f"feed {step}", str(number), settled_through=None)
        except SQLAlchemyError as error:
            failures.append(error)

    threads = [Thread(target=bring, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with ledger.begin() as transaction:
        assert transaction.hands.count_due() == 10


def test_planning_the_same_key_again_finds_the_row_that_stands(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.journal.add(operation())
        transaction.journal.change(["k1"], state=OperationState.CONFIRMED, remote_id="901")
        again = transaction.journal.add(operation())
    assert again.state is OperationState.CONFIRMED
    assert again.remote_id == "901"


def test_an_operation_comes_back_whole(ledger: Ledger) -> None:
    marker = Marker("acme", "acme-desk/17", "comment", "900", 2, 0, "cd" * 12)
    whole = operation(marker=marker, item="900", reason="mappings/x.yaml:12", order=201, sources={"status": "open"})
    with ledger.begin() as transaction:
        transaction.journal.add(whole)
        kept = transaction.journal.get("k1")
        assert kept is not None
        assert kept.planned_at == transaction.now
        assert replace(kept, planned_at=None) == whole


def test_an_attempt_marks_its_operations_as_sending_before_anything_is_sent(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.journal.add(operation())
        horizon_at = transaction.now + timedelta(seconds=40)
        transaction.journal.start_attempt(GROUP, "vendor-jira", ["k1"], fence=1, horizon_at=horizon_at)
        sending = transaction.journal.get("k1")
    assert sending is not None
    assert (sending.state, sending.attempts, sending.horizon_at) == (OperationState.SENDING, 1, horizon_at)
    assert sending.sent_at is not None


def test_links_bases_items_and_conflicts_come_back(ledger: Ledger) -> None:
    link = Link(GROUP, "acme", DESK, ISSUE, "ACME-7", created="tracker")
    item = Item(Side.HELPDESK, "900", 1, Fate.SENT, "abc", "k1", "55", "rule", "public", "def", "", 2)
    with ledger.begin() as transaction:
        transaction.links.add(link)
        transaction.links.move_base(GROUP, Side.HELPDESK, "severity", {"priority": Reading.of("high")})
        transaction.links.move_base(GROUP, Side.HELPDESK, "severity", {"priority": Reading.of("urgent")})
        transaction.links.put_item(GROUP, item)
        written_at = transaction.now
        transaction.links.set_conflict(GROUP, "state", helpdesk="resolved", tracker=None)
    with ledger.begin() as transaction:
        assert transaction.links.find([ISSUE]) == {DESK: link, ISSUE: link}
        assert transaction.links.bases(GROUP)[Side.HELPDESK]["severity"]["priority"].value == "urgent"
        assert transaction.links.items(GROUP) == {(Side.HELPDESK, "900", 1): replace(item, decided_at=written_at)}
        assert transaction.links.conflicts(GROUP) == {"state"}


def test_what_a_copy_shows_stays_recorded_until_something_else_is_said_of_it(ledger: Ledger) -> None:
    key, item = (Side.HELPDESK, "900", 1), Item(Side.HELPDESK, "900", 1, Fate.SENT, "abc", "k1", "55")
    with ledger.begin() as transaction:
        transaction.links.put_item(GROUP, replace(item, visibility="public", target_hash="def", version=1))
        transaction.links.put_item(GROUP, replace(item, foreign_hash="ghi"))
        assert transaction.links.edited_copies() == [(GROUP, "900")]
        known = transaction.links.items(GROUP)[key]
        assert (known.visibility, known.target_hash, known.version) == ("public", "def", 1)
        transaction.links.put_item(GROUP, replace(item, foreign_hash=""))
        assert transaction.links.edited_copies() == []


def test_a_page_and_its_cursor_stand_or_fall_together(ledger: Ledger) -> None:
    def page_that_fails() -> None:
        with ledger.begin() as transaction:
            transaction.readings.put(snapshot(), GROUP)
            transaction.readings.set_cursor("acme-desk", "tickets", "c2", settled_through=AT)
            raise RuntimeError("the process ends here")

    with pytest.raises(RuntimeError):
        page_that_fails()
    with ledger.begin() as transaction:
        assert transaction.readings.cursor("acme-desk", "tickets") is None
        assert transaction.readings.get(DESK) is None


def test_a_second_process_is_told_that_the_directory_is_in_use(tmp_path: Path) -> None:
    first = open_ledger(clock=FakeClock(), directory=tmp_path)
    with pytest.raises(ConfigurationError, match="Another bridge process is using"):
        open_ledger(clock=FakeClock(), directory=tmp_path)
    looked = open_ledger(clock=FakeClock(), directory=tmp_path, only_look=True)
    with looked.begin() as transaction:
        assert transaction.links.count() == {}
    looked.close()
    first.close()


def test_whoever_looks_reads_one_moment_holds_nobody_up_and_cannot_write(tmp_path: Path) -> None:
    first = open_ledger(clock=FakeClock(), directory=tmp_path)
    looked = open_ledger(clock=FakeClock(), directory=tmp_path, only_look=True)
    with looked.begin() as looking:
        assert looking.hands.groups("acme") == []
        with first.begin() as transaction:
            transaction.hands.want(GROUP, "acme")
            transaction.hands.want("other:desk/1", "other")
        assert looking.hands.groups("acme") == []
    with looked.begin() as looking:
        assert looking.hands.groups("acme") == [GROUP]
        with pytest.raises(SQLAlchemyError, match="readonly"):
            looking.hands.want(GROUP, "acme")
    looked.close()
    first.close()


def test_a_ledger_of_another_version_is_not_even_looked_at(tmp_path: Path) -> None:
    first = open_ledger(clock=FakeClock(), directory=tmp_path)
    with first.engine.begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '0001'")
    with pytest.raises(ConfigurationError, match="version"):
        open_ledger(clock=FakeClock(), directory=tmp_path, only_look=True)
    first.close()


def test_a_database_that_cannot_be_reached_is_said_in_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match="The ledger cannot be opened"):
        open_ledger(clock=FakeClock(), url="postgresql://bridge@127.0.0.1:1/none")


def claim(ledger: Ledger, *, holder: str = "worker", lease_s: float = 60.0, limit: int = 10) -> list[Hand]:
    with ledger.begin() as transaction:
        return transaction.hands.claim(holder, lease_s=lease_s, limit=limit)


def in_hand(ledger: Ledger) -> Hand:
    with ledger.begin() as transaction:
        transaction.hands.want(GROUP, "acme")
    [hand] = claim(ledger)
    return hand
