"""What a person may do with a dead letter, and what is said when it cannot be done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from bridge.engine.letters import names_of
from bridge.engine.people.desk import Desk, LetterError
from bridge.engine.route import Route
from bridge.model.document import from_plain
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.words import Side
from bridge.store.ledger import Ledger, Transaction, open_ledger
from bridge.store.schema import audit
from bridge.testing.clock import FakeClock

GROUP = "acme:acme-desk/1"


class _Acme:
    name, policies = "acme", cast("dict[str, Any]", {})


ROUTES = {"acme": cast("Route", _Acme())}


def letter(key: str, payload: dict[str, Any], kind: OperationKind = OperationKind.UPDATE, **more: Any) -> Operation:
    return Operation(
        key=key, group=GROUP, kind=kind, side=Side.TRACKER, payload=payload, state=OperationState.DEAD, **more
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(clock=FakeClock(), directory=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def transaction(ledger: Ledger) -> Iterator[Transaction]:
    with ledger.begin() as transaction:
        yield transaction


@pytest.fixture
def desk(transaction: Transaction) -> Desk:
    transaction.hands.want(GROUP, "acme")
    return Desk(transaction, ROUTES, "operator")


def fields_after(desk: Desk, one: Operation) -> Any:
    kept = desk.transaction.journal.get(one.key)
    assert kept is not None
    assert kept.state is OperationState.PLANNED
    assert kept.edited
    return kept.payload["fields"]


def test_a_beginning_names_a_letter_only_if_it_names_one(desk: Desk) -> None:
    for key in ("abcdef0123", "abcdff4567"):
        desk.transaction.journal.add(letter(key, {"fields": {}}))
    assert desk.find("abcde").key == "abcdef0123"
    with pytest.raises(LetterError, match="2 dead letters begin with abcd"):
        desk.find("abcd")
    with pytest.raises(LetterError, match="No dead letter begins with 99"):
        desk.find("99")


@pytest.mark.parametrize("sign", ["%", "_"])
def test_signs_that_mean_anything_to_a_database_mean_themselves(desk: Desk, sign: str) -> None:
    desk.transaction.journal.add(letter("abc", {"fields": {}}))
    with pytest.raises(LetterError):
        desk.find(sign)


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ("S1", "S2", "S2"),
        ("S1", "", None),
        (["a"], "b, c,", ["b", "c"]),
        (3, "4", 4),
        (3.0, "4.5", 4.5),
        (True, "no", False),
        (from_plain("x"), "two words", from_plain("two words")),
        (None, "S2", "S2"),
    ],
)
def test_what_is_typed_takes_the_form_of_what_it_replaces(desk: Desk, before: Any, typed: str, after: Any) -> None:
    one = desk.transaction.journal.add(letter("k", {"fields": {"F": before, "G": 1}, "prior": {}}))
    desk.edit(one, values={"F": typed}, words=None)
    assert fields_after(desk, one) == {"F": after, "G": 1}


def test_a_number_field_takes_no_word(desk: Desk) -> None:
    one = desk.transaction.journal.add(letter("k", {"fields": {"F": 3}, "prior": {}}))
    with pytest.raises(LetterError, match="many is no number"):
        desk.edit(one, values={"F": "many"}, words=None)


def test_only_what_the_letter_writes_can_be_changed(desk: Desk) -> None:
    update = desk.transaction.journal.add(letter("k", {"fields": {"F": "x"}, "prior": {}}))
    with pytest.raises(LetterError, match=r"does not write G\. It writes F"):
        desk.edit(update, values={"G": "x"}, words=None)
    with pytest.raises(LetterError, match="has no text"):
        desk.edit(update, values={}, words="Hello")


def test_a_create_takes_another_summary_text_and_fields(desk: Desk) -> None:
    payload = {"summary": "Old", "body": from_plain("Old."), "fields": {"Severity": "S1"}}
    one = desk.transaction.journal.add(letter("k", payload, OperationKind.CREATE))
    desk.edit(one, values={"summary": "New", "Severity": "S2"}, words="New.")
    kept = desk.transaction.journal.get("k")
    assert kept is not None
    assert dict(kept.payload) == {"summary": "New", "body": from_plain("New."), "fields": {"Severity": "S2"}}


def test_a_letter_of_a_route_that_is_gone_cannot_be_planned(desk: Desk) -> None:
    one = letter("k", {"fields": {}})
    with pytest.raises(LetterError, match="has no route acme any more"):
        Desk(desk.transaction, {}, "operator").retry(one)


def test_a_retry_begins_anew_and_is_written_down_with_who_asked(desk: Desk) -> None:
    one = desk.transaction.journal.add(letter("k", {"fields": {}}, attempts=7, error="No."))
    desk.retry(one)
    kept = desk.transaction.journal.get("k")
    assert kept is not None
    assert (kept.state, kept.attempts, kept.error, kept.edited) == (OperationState.PLANNED, 0, "", False)
    [row] = desk.transaction.connection.execute(select(audit)).all()
    assert (row.what, row.by_person, row.group_id, row.detail) == (
        "letter_retried",
        True,
        GROUP,
        {"who": "operator", "key": "k"},
    )


def test_short_names_are_as_long_as_it_takes(desk: Desk) -> None:
    keys = ["a" * 12, "a" * 10 + "bb", "c" * 12]
    names = names_of([letter(key, {}) for key in keys])
    assert sorted(names.values()) == ["a" * 11, "a" * 10 + "b", "c" * 11]
