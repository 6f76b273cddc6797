"""Free workers are shared out among the routes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.engine.turns import SLICE, TAKE, Turn, Turns
from bridge.store.ledger import Ledger, open_ledger
from bridge.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    opened = open_ledger(clock=clock, directory=tmp_path)
    yield opened
    opened.close()


def want(ledger: Ledger, route: str, count: int) -> None:
    with ledger.begin() as transaction:
        for number in range(count):
            transaction.hands.want(f"{route}:desk/{number}", route)


def take(stack: ExitStack, turns: Turns) -> Turn | None:
    return stack.enter_context(turns.turn("worker"))


def test_a_route_alone_takes_full_turns_and_many_take_short_ones_in_turn(ledger: Ledger, clock: FakeClock) -> None:
    turns = Turns(ledger, clock, workers=1, routes=3)
    want(ledger, "a", 50)
    with turns.turn("w") as turn:
        assert turn is not None
        assert len(turn.hands) == TAKE
    for route in "bcdefghij":
        want(ledger, route, 50)
    clock.sleep(1)
    served = []
    for _turn in range(10):
        with turns.turn("w") as turn:
            assert turn is not None
            assert len(turn.hands) < TAKE / 2
            served.append(turn.route)
    assert sorted(served) == list("abcdefghij")


def test_the_last_free_worker_is_kept_for_a_route_that_has_none(ledger: Ledger, clock: FakeClock) -> None:
    turns = Turns(ledger, clock, workers=3, routes=3)
    want(ledger, "slow", 500)
    with ExitStack() as stack:
        taken = [take(stack, turns), take(stack, turns), take(stack, turns)]
        assert [turn.route if turn else None for turn in taken] == ["slow", "slow", None]
        want(ledger, "quick", 1)
        clock.sleep(1)
        turn = take(stack, turns)
        assert turn is not None
        assert turn.route == "quick"


def test_where_there_is_one_route_it_has_every_worker(ledger: Ledger, clock: FakeClock) -> None:
    turns = Turns(ledger, clock, workers=2, routes=1)
    want(ledger, "alone", 500)
    with ExitStack() as stack:
        assert [turn.route for turn in (take(stack, turns), take(stack, turns)) if turn] == ["alone", "alone"]


def test_a_route_known_to_be_slow_does_not_get_the_last_worker(ledger: Ledger, clock: FakeClock) -> None:
    turns = Turns(ledger, clock, workers=2, routes=3)
    for route, took_s in (("slow", 30.0), ("other", 40.0), ("quick", 0.1)):
        want(ledger, route, 1)
        clock.sleep(1)
        with turns.turn("w") as turn:
            assert turn is not None
            assert turn.route == route
            turn.worked = 1
            clock.sleep(took_s)
    want(ledger, "slow", 90)
    with ledger.begin() as transaction:
        transaction.hands.want("other:desk/x", "other")
    clock.sleep(1)
    with ExitStack() as stack:
        first = take(stack, turns)
        assert first is not None
        assert take(stack, turns) is None
        with ledger.begin() as transaction:
            transaction.hands.want("quick:desk/x", "quick")
        clock.sleep(1)
        last = take(stack, turns)
        assert last is not None
        assert last.route == "quick"


def test_a_turn_is_over_only_when_it_lasted_and_another_route_waits(ledger: Ledger, clock: FakeClock) -> None:
    turns = Turns(ledger, clock, workers=1, routes=3)
    want(ledger, "a", 5)
    with turns.turn("w") as turn:
        assert turn is not None
        clock.sleep(SLICE.total_seconds() + 1)
        assert not turns.is_over(turn)
        want(ledger, "b", 1)
        clock.sleep(1)
        assert turns.is_over(turn)


def test_what_is_given_back_is_as_due_as_it_was(ledger: Ledger, clock: FakeClock) -> None:
    want(ledger, "a", 1)
    since = clock.now()
    clock.sleep(60)
    with ledger.begin() as transaction:
        [hand] = transaction.hands.claim("w", lease_s=300, limit=5, route="a")
        assert transaction.hands.due_routes() == {}
        transaction.hands.give_back(hand)
        assert transaction.hands.due_routes() == {"a": since}
