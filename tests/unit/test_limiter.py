"""Permits of one site: nested limits, the site's own word over ours, short patience, nothing lost unused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock, Thread

import pytest

from bridge.connect.bucket import Rate
from bridge.connect.limiter import Limits, SiteLimiter
from bridge.errors import HandLostError, TemporaryError


class SteppedClock:
    """Stands still unless somebody sleeps."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._guard = Lock()

    def now(self) -> datetime:
        with self._guard:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._guard:
            self._now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


def make_limiter(clock: SteppedClock, **limits: object) -> SiteLimiter:
    return SiteLimiter(site="acme-desk", limits=Limits(**limits), clock=clock)


def send(
    limiter: SiteLimiter, request: str = "GET tickets", *, ticket: str = "", status: int = 200, **headers: str
) -> None:
    """One request and its answer; `retry_after="3"` is the header Retry-After."""
    method, endpoint = request.split()
    said = {name.replace("_", "-").title(): value for name, value in headers.items()}
    with limiter.permit(method=method, endpoint=endpoint, ticket=ticket):
        limiter.answered(method=method, endpoint=endpoint, ticket=ticket, status=status, headers=said)


@contextmanager
def refused(about_s: float) -> Iterator[None]:
    with pytest.raises(TemporaryError, match="acme-desk takes no") as raised:
        yield
    assert raised.value.retry_after_s == pytest.approx(about_s, abs=0.01)


# Our own estimate


def test_no_window_ever_holds_more_requests_than_the_rate_allows(clock):
    limiter = make_limiter(clock, site=(Rate(3, 60),))
    began = clock.now()
    sent_at = []
    while (clock.now() - began).total_seconds() < 300:
        try:
            send(limiter)
            sent_at.append(clock.now())
        except TemporaryError as error:
            clock.sleep((error.retry_after_s or 0) / 2)
    for instant in sent_at:
        assert sum(instant <= other < instant + timedelta(seconds=60) for other in sent_at) <= 3
    assert len(sent_at) >= 15


def test_a_permit_that_is_near_is_waited_for_and_a_far_one_is_refused_with_its_time(clock):
    limiter = make_limiter(clock, site=(Rate(1, 60),))
    send(limiter)
    with refused(60):
        send(limiter)
    clock.sleep(59.5)
    send(limiter)


def test_scopes_nest_so_one_full_endpoint_leaves_the_others_open(clock):
    limiter = make_limiter(clock, site=(Rate(3, 60),), endpoints={"GET export": (Rate(1, 60),), "PUT *": (Rate(1, 9),)})
    send(limiter, "GET export")
    with refused(60):
        send(limiter, "GET export")
    send(limiter, "PUT ticket")
    with refused(9):
        send(limiter, "PUT ticket")
    send(limiter, "GET tickets")
    with refused(60):
        send(limiter, "GET tickets")


def test_all_rates_of_a_scope_hold_at_once(clock):
    limiter = make_limiter(clock, ticket=(Rate(2, 2), Rate(3, 30)))
    send(limiter, "PUT issue", ticket="1")
    send(limiter, "PUT issue", ticket="1")
    with refused(2):
        send(limiter, "PUT issue", ticket="1")
    clock.sleep(2)
    send(limiter, "PUT issue", ticket="1")
    clock.sleep(2)
    with refused(26):
        send(limiter, "PUT issue", ticket="1")


def test_a_ticket_counts_its_own_writes_and_no_reads(clock):
    limiter = make_limiter(clock, ticket=(Rate(1, 600),))
    send(limiter, "PUT ticket", ticket="1")
    send(limiter, "GET ticket", ticket="1")
    send(limiter, "PUT ticket", ticket="2")
    with refused(600):
        send(limiter, "PUT ticket", ticket="1")


def test_a_refused_request_takes_nothing_from_the_wider_scopes(clock):
    limiter = make_limiter(clock, site=(Rate(3, 60),), ticket=(Rate(1, 600),))
    send(limiter, "PUT ticket", ticket="1")
    for _ in range(5):
        with refused(600):
            send(limiter, "PUT ticket", ticket="1")
    send(limiter)
    send(limiter)


# Unused permits


def test_an_unused_permit_costs_nothing(clock):
    limiter = make_limiter(clock, site=(Rate(1, 60),))
    with limiter.permit(method="PUT", endpoint="ticket"):
        pass
    with pytest.raises(HandLostError), limiter.permit(method="PUT", endpoint="ticket"):
        raise HandLostError("another worker holds it")
    send(limiter)


def test_a_request_that_was_never_answered_still_counts(clock):
    limiter = make_limiter(clock, site=(Rate(1, 60),))
    with pytest.raises(OSError, match="lost"), limiter.permit(method="PUT", endpoint="ticket"):
        raise OSError("lost")
    with refused(60):
        send(limiter)


def test_a_permit_secured_beforehand_is_the_one_the_request_uses(clock):
    limiter = make_limiter(clock, site=(Rate(1, 60),), endpoints={"PUT ticket": (Rate(1, 60),)}, concurrency=1)
    with limiter.permit(method="PUT", endpoint="ticket"):
        send(limiter, "PUT ticket")
        with refused(60):
            send(limiter, "PUT ticket")
    with refused(60):
        send(limiter)


# The site's own word


def test_what_the_site_says_is_left_replaces_our_count(clock):
    limiter = make_limiter(clock, site=(Rate(700, 60),))
    send(limiter, x_rate_limit_remaining="1", ratelimit_reset="40")
    send(limiter)
    with refused(40):
        send(limiter)
    clock.sleep(40)
    send(limiter)


def test_the_site_may_know_of_more_left_than_we_counted(clock):
    limiter = make_limiter(clock, site=(Rate(2, 60),))
    send(limiter)
    send(limiter, x_ratelimit_remaining="2")
    send(limiter)
    send(limiter)


def test_answers_that_overtake_each_other_do_not_raise_what_is_left(clock):
    limiter = make_limiter(clock, site=(Rate(700, 60),))
    send(limiter, x_rate_limit_remaining="1", ratelimit_reset="40")
    send(limiter, x_rate_limit_remaining="9", ratelimit_reset="40")
    with refused(40):
        send(limiter)


@pytest.mark.parametrize("form", ["epoch", "iso"])
def test_a_reset_is_understood_as_an_epoch_and_as_an_iso_time(clock, form):
    limiter = make_limiter(clock)
    at = clock.now() + timedelta(seconds=90)
    reset = str(int(at.timestamp())) if form == "epoch" else at.isoformat()
    send(limiter, x_ratelimit_remaining="0", x_ratelimit_reset=reset)
    with refused(90):
        send(limiter)


def test_the_reset_counts_from_the_sites_own_clock(clock):
    limiter = make_limiter(clock)
    theirs = clock.now() + timedelta(hours=2)
    date = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT")
    send(limiter, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(theirs.timestamp()) + 30), date=date)
    with refused(30):
        send(limiter)


def test_a_header_that_speaks_of_one_endpoint_stops_that_endpoint_only(clock):
    limiter = make_limiter(clock)
    send(limiter, "GET tickets", desk_ratelimit_tickets_index="total=100; remaining=0; resets=41")
    with refused(41):
        send(limiter, "GET tickets")
    send(limiter, "GET users")


def test_another_resource_than_the_core_stops_its_endpoint_only(clock):
    limiter = make_limiter(clock)
    send(limiter, "GET search", x_ratelimit_remaining="0", x_ratelimit_reset="20", x_ratelimit_resource="search")
    with refused(20):
        send(limiter, "GET search")
    send(limiter, "GET issues")


def test_retry_after_stops_the_whole_site_when_nothing_narrower_is_known(clock):
    limiter = make_limiter(clock)
    send(limiter, "PUT ticket", ticket="1", status=429, retry_after="7")
    with refused(7):
        send(limiter, "GET users")


@pytest.mark.parametrize(
    ("reason", "still_open", "stopped"),
    [
        ("jira-per-issue-on-write", ["PUT issue 2", "GET issue 1", "POST search"], ["PUT issue 1"]),
        ("jira-burst-based", ["GET issue 1", "POST search"], ["PUT issue 1", "PUT issue 2"]),
        ("jira-quota-tenant-based", [], ["PUT issue 1", "GET issue 1", "POST search"]),
    ],
)
def test_the_reason_for_a_refusal_says_what_is_stopped(clock, reason, still_open, stopped):
    limiter = make_limiter(clock)
    send(limiter, "PUT issue", ticket="1", status=429, retry_after="5", ratelimit_reason=reason)
    for request in stopped:
        method, endpoint, *ticket = request.split()
        with refused(5):
            send(limiter, f"{method} {endpoint}", ticket="".join(ticket))
    for request in still_open:
        method, endpoint, *ticket = request.split()
        send(limiter, f"{method} {endpoint}", ticket="".join(ticket))


def test_a_refusal_by_a_site_that_has_plenty_left_stops_the_ticket_only(clock):
    limiter = make_limiter(clock)
    send(limiter, x_rate_limit_remaining="600", ratelimit_reset="50")
    send(limiter, "PUT ticket", ticket="1", status=429, retry_after="500", x_rate_limit_remaining="0")
    with refused(500):
        send(limiter, "PUT ticket", ticket="1")
    send(limiter, "PUT ticket", ticket="2")
    send(limiter, "PUT ticket", ticket="3", status=429, retry_after="400", x_rate_limit_remaining="598")
    with refused(400):
        send(limiter, "PUT ticket", ticket="3")
    send(limiter, "GET tickets")


def test_a_refusal_without_a_time_is_waited_out_longer_each_time_it_repeats(clock):
    limiter = make_limiter(clock)
    for wait_s in (5, 10, 20, 30, 30):
        send(limiter, status=429)
        with refused(wait_s):
            send(limiter)
        clock.sleep(wait_s)
    send(limiter)
    send(limiter, status=429)
    with refused(5):
        send(limiter)


def test_an_ordinary_403_stops_nothing_and_one_with_retry_after_does(clock):
    limiter = make_limiter(clock)
    send(limiter, status=403)
    send(limiter, status=403, retry_after="60")
    with refused(60):
        send(limiter)


def test_an_overloaded_site_is_left_alone_as_long_as_it_asks(clock):
    limiter = make_limiter(clock)
    send(limiter, status=503, retry_after="12")
    with refused(12):
        send(limiter)


# Threads


def test_no_more_requests_are_under_way_than_the_site_takes(clock):
    limiter = make_limiter(clock, concurrency=2)
    inside, leave = Barrier(3), Barrier(3)

    def hold() -> None:
        with limiter.permit(method="GET", endpoint="tickets"):
            inside.wait(10)
            leave.wait(10)

    threads = [Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    with pytest.raises(TemporaryError, match="too many requests are under way"):
        send(limiter)
    leave.wait(10)
    for thread in threads:
        thread.join()
    send(limiter)


def test_threads_share_one_count(clock):
    limiter = make_limiter(clock, site=(Rate(50, 3600),))
    sent = []

    def send_many() -> None:
        for _ in range(20):
            try:
                send(limiter)
                sent.append(1)
            except TemporaryError:
                return

    threads = [Thread(target=send_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 50


def test_tickets_long_untouched_are_forgotten(clock):
    limiter = make_limiter(clock, ticket=(Rate(30, 1),))
    for number in range(5_000):
        send(limiter, "PUT ticket", ticket=str(number))
        clock.sleep(0.01)
    assert limiter.scopes < 2_500
