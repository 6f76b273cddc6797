"""The words an issue shows of how its mirroring stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.engine.people.mirroring import mirroring
from bridge.engine.state import GroupState
from bridge.model.brake import Brake, BrakeKind
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.words import Side
from bridge.store.hands import Hand

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def state(*operations: Operation, **more: Any) -> GroupState:
    """A case of which only this is known."""
    hand = Hand("acme:desk/1", "acme", "worker", 1, 1)
    given = {"conflicts": frozenset(), "notices": {}, **more}
    route: Any = SimpleNamespace(tracker=SimpleNamespace(scope={}))
    return GroupState(hand, route, NOW, None, {}, {}, list(operations), {}, **given)


def one(kind: OperationKind = OperationKind.COMMENT, **more: Any) -> Operation:
    """An operation that was planned a while ago."""
    planned_at = NOW - timedelta(minutes=1)
    return replace(Operation("k", "acme:desk/1", kind, Side.HELPDESK, {}, planned_at=planned_at), **more)


DEAD, HELD = OperationState.DEAD, OperationState.HELD


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (state(), "in agreement"),
        (state(one()), "in agreement"),
        (state(one(attempts=1, planned_at=NOW)), "in agreement"),
        (state(one(attempts=1)), "waits: something has been on its way since 2026-03-02 09:14 UTC, and is tried again"),
        (state(one(state=DEAD), one(state=DEAD)), "2 texts could not be delivered: see the note"),
        (
            state(one(OperationKind.UPDATE, state=DEAD, field_name="severity"), conflicts=frozenset({"state"})),
            "severity could not be written: see the note; waits: both sides changed state",
        ),
        (state(one(state=HELD)), "waits: 1 text for a lead's release"),
        (
            state(one(OperationKind.SIGN, state=DEAD), one(state=DEAD, marker=Marker("acme", "x", "note:brake"))),
            "in agreement",
        ),
        (state(brakes=(Brake("acme", BrakeKind.MASS_CHANGE, "many"),)), "in agreement"),
        (
            state(brakes=(Brake("acme", BrakeKind.OSCILLATION, "again", "acme:desk/1", "state"),)),
            "stopped: state until somebody releases the brake",
        ),
    ],
)
def test_what_lasts_is_told_and_what_passes_is_not(case: GroupState, words: str) -> None:
    assert mirroring(case, "") == words


def test_a_link_that_is_set_aside_says_why_before_all_else() -> None:
    assert mirroring(state(one(state=DEAD)), "desk/1 is gone") == "rests: desk/1 is gone"
