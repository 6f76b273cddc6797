"""A site that fails at everything is left alone, asked now and then, and taken up again at once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bridge.connect.breaker import FAILURES, FORBIDDEN, Breaker, Circuit
from bridge.errors import TemporaryError
from bridge.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(site="desk", clock=clock)


def answer(breaker: Breaker, status: int, ticket: str = "") -> None:
    with breaker.passage() as passage:
        passage.answered(status, ticket=ticket)


def silence(breaker: Breaker) -> None:
    with suppress(TemporaryError), breaker.passage():
        raise TemporaryError("nobody answers")


def is_open(breaker: Breaker) -> bool:
    try:
        with breaker.passage():
            return False
    except TemporaryError as error:
        return error.retry_after_s is not None and error.retry_after_s > 0


def test_it_opens_after_failures_in_a_row_whatever_their_kind(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        silence(breaker)
    assert not is_open(breaker)
    answer(breaker, 502)
    assert is_open(breaker)
    assert "502" in breaker.standing.why


@pytest.mark.parametrize("status", [200, 404, 409, 422, 429])
def test_any_answer_of_a_working_site_keeps_it_closed(breaker: Breaker, status: int) -> None:
    for _ in range(10):
        for _ in range(FAILURES - 1):
            silence(breaker)
        answer(breaker, status)
    assert not is_open(breaker)


def test_one_question_is_let_through_after_the_pause_and_its_answer_closes_it(
    breaker: Breaker, clock: FakeClock
) -> None:
    for _ in range(FAILURES):
        silence(breaker)
    clock.advance(2.0)
    with breaker.passage() as probe:
        assert breaker.standing.circuit is Circuit.PROBING
        assert is_open(breaker)
        probe.answered(200)
    assert not is_open(breaker)
    assert breaker.standing.circuit is Circuit.CLOSED


def test_the_pause_doubles_with_each_question_that_fails_up_to_five_minutes(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(FAILURES):
        silence(breaker)
    pauses = []
    for _ in range(10):
        assert breaker.standing.again_at is not None
        pause_s = (breaker.standing.again_at - clock.now()).total_seconds()
        pauses.append(pause_s)
        assert is_open(breaker)
        clock.advance(pause_s)
        silence(breaker)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_question_that_was_never_sent_leaves_it_to_the_next_one(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(FAILURES):
        silence(breaker)
    clock.advance(2.0)
    with suppress(TemporaryError), breaker.passage():
        raise TemporaryError("no permit", reason="no permit")
    assert breaker.standing.circuit is Circuit.OPEN
    answer(breaker, 200)
    assert breaker.standing.circuit is Circuit.CLOSED


def test_a_refused_login_opens_it_at_the_second_refusal_and_is_said(breaker: Breaker) -> None:
    answer(breaker, 401)
    answer(breaker, 401)
    assert is_open(breaker)
    assert "login" in breaker.standing.why


def test_tickets_forbidden_one_after_the_other_mean_the_site(breaker: Breaker) -> None:
    for number in range(FORBIDDEN):
        answer(breaker, 403, ticket=str(number))
    assert is_open(breaker)


def test_one_forbidden_ticket_means_that_ticket_however_often(breaker: Breaker) -> None:
    for _ in range(50):
        answer(breaker, 403, ticket="7")
    for number in range(20):
        answer(breaker, 403, ticket=str(number))
        answer(breaker, 200)
    assert not is_open(breaker)
