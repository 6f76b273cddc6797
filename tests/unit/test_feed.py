"""What a ticket showed earlier, told from what it shows now and what has happened to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.model.document import from_plain
from bridge.model.feed import Fact, rewind
from bridge.model.ticket import UNREADABLE, Person, Reading, TicketRef

MADE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def fact(minute: int, field: str, old: Any, new: Any, *, member: bool = False) -> Fact:
    at = MADE + timedelta(minutes=minute)
    return Fact(TicketRef("site", "1"), f"{minute}", at, Person("7"), "field", field, old, new, member=member)


def shown(**values: Any) -> dict[str, Reading]:
    return {name: Reading.of(value) for name, value in values.items()}


def test_what_happened_since_is_taken_back_in_order() -> None:
    facts = [fact(1, "status", "new", "open"), fact(2, "status", "open", "solved")]
    assert rewind(shown(status="solved"), facts, to=MADE) == shown(status="new")
    assert rewind(shown(status="solved"), facts, to=MADE + timedelta(minutes=1)) == shown(status="open")
    assert rewind(shown(status="solved"), facts, to=MADE + timedelta(minutes=2)) == shown(status="solved")


def test_members_of_a_list_come_and_go_one_by_one() -> None:
    facts = [fact(1, "labels", None, "bug", member=True), fact(2, "labels", "area-ui", None, member=True)]
    assert rewind(shown(labels=["bug"]), facts, to=MADE) == shown(labels=["area-ui"])
    assert rewind(shown(labels=[]), [fact(1, "labels", "bug", None, member=True)], to=MADE) == shown(labels=["bug"])
    assert rewind(shown(labels=["bug"]), [fact(1, "labels", None, "bug", member=True)], to=MADE) == shown(labels=None)


def test_a_field_that_was_empty_is_empty_again() -> None:
    assert rewind(shown(priority="high"), [fact(1, "priority", None, "high")], to=MADE) == shown(priority=None)


def test_what_cannot_be_taken_back_stands_as_it_is() -> None:
    text = {"description": Reading.of(from_plain("Now")), "hidden": UNREADABLE}
    facts = [fact(1, "description", "Before", "Now"), fact(1, "hidden", "a", "b"), fact(1, "unasked", "a", "b")]
    assert rewind(text, facts, to=MADE) == text
