"""However background work presses, live work within its share is never kept waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from math import ceil
from queue import SimpleQueue
from threading import Event

from hypothesis import given
from hypothesis import strategies as st

from bridge.connect.bucket import Rate
from bridge.connect.limiter import Limits, SiteLimiter
from bridge.connect.urgency import background, is_background, live
from bridge.errors import TemporaryError
from bridge.testing.clock import FakeClock

SHARE = 0.2
STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=40)


def ask(limiter: SiteLimiter) -> None:
    with limiter.permit(method="GET", endpoint="tickets"):
        limiter.answered(method="GET", endpoint="tickets", status=200, headers={})


@given(rate=st.integers(2, 50), per_s=st.sampled_from([2.0, 10.0, 60.0]), steps=STEPS)
def test_live_work_always_gets_a_permit_within_its_share(rate: int, per_s: float, steps: list[tuple[int, int]]) -> None:
    clock = FakeClock()
    limiter = SiteLimiter(
        site="desk", limits=Limits(site=(Rate(rate, per_s),), patience_s=0.0, live_share=SHARE), clock=clock
    )
    share = min(ceil(rate * SHARE), rate - 1)
    lived: list[float] = []
    at_s = 0.0
    for wanted, wait in steps:
        with background():
            for _ in range(wanted):
                with suppress(TemporaryError):
                    ask(limiter)
        recent = [one for one in lived if one > at_s - per_s]
        for _ in range(share - len(recent)):
            ask(limiter)
            lived.append(at_s)
        clock.advance(wait)
        at_s += wait


@given(left=st.integers(1, 100), taken=st.integers(0, 120))
def test_the_share_holds_of_what_a_site_says_is_left(left: int, taken: int) -> None:
    clock = FakeClock()
    limiter = SiteLimiter(site="desk", limits=Limits(patience_s=0.0, live_share=SHARE), clock=clock)
    with limiter.permit(method="GET", endpoint="tickets"):
        headers = {"X-Rate-Limit-Remaining": str(left), "RateLimit-Reset": "60"}
        limiter.answered(method="GET", endpoint="tickets", status=200, headers=headers)
    got = 0
    with background():
        for _ in range(taken):
            with suppress(TemporaryError), limiter.permit(method="GET", endpoint="tickets"):
                limiter.answered(method="GET", endpoint="tickets", status=200, headers={})
                got += 1
    kept = min(ceil(left * SHARE), left - 1)
    assert got == min(taken, left - kept)
    for _ in range(kept):
        ask(limiter)


def test_background_work_leaves_the_last_places_under_way_free() -> None:
    limiter = SiteLimiter(site="desk", limits=Limits(concurrency=5, patience_s=0.0), clock=FakeClock())
    over, outcomes = Event(), SimpleQueue[bool]()

    def hold(urgency: Callable[[], AbstractContextManager[None]]) -> None:
        try:
            with urgency(), limiter.permit(method="GET", endpoint="tickets"):
                outcomes.put(True)
                over.wait(30)
        except TemporaryError:
            outcomes.put(False)

    with ThreadPoolExecutor(8) as threads:
        got = []
        for urgency in (background, background, background, background, background, live, live):
            threads.submit(hold, urgency)
            got.append(outcomes.get(timeout=30))
        over.set()
    assert got == [True, True, True, True, False, True, False]


def test_live_work_inside_background_work_is_live() -> None:
    with background():
        assert is_background()
        with live():
            assert not is_background()
        assert is_background()
    assert not is_background()
