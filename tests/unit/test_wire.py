"""The one HTTP policy: where requests go, what their outcome means, and that nothing is ever sent twice."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import github
import jira
import pytest
import requests
import zenpy

from bridge.connect.wire import Complaint, Dialect, Sent, Wire
from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    RefusedError,
    RemoteError,
    TemporaryError,
    UnknownOutcomeError,
)
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.sandbox.site import Reply, Site, route

SHORT_S = 0.25
"""A deadline that tests can afford to see pass."""


class OpenLimiter:
    """Permits everything and remembers what the site answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, int]] = []

    @contextmanager
    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> Iterator[None]:
        yield

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        self.answers.append((method, endpoint, ticket, status))


class ShutLimiter(OpenLimiter):
    """Permits nothing from the second request on."""

    @contextmanager
    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> Iterator[None]:
        if self.answers:
            raise TemporaryError("no permit", retry_after_s=3)
        yield


class EchoSite(Site):
    """Answers with what it is told to answer, and shows what it got."""

    kind = "echo"
    api = "echo"

    def reset(self) -> None:
        self.data = {}

    def authenticate(self, request: Any) -> Any:
        return None

    def not_found(self) -> Reply:
        return Reply(200, {"path": "unknown"})

    @route("GET", "/echo")
    @route("POST", "/echo")
    def echo(self, request: Any, actor: Any) -> Any:
        status = request.args.get("status", 200, type=int)
        headers = {name: value for name, value in request.args.items() if name not in ("status", "field")}
        body = {
            "error": "no good",
            "field": request.args.get("field", ""),
            "key": request.headers.get("Idempotency-Key"),
        }
        return Reply(status, body, headers)


def limited(response: requests.Response) -> tuple[float | None, str] | None:
    reason = response.headers.get("RateLimit-Reason", "")
    return (None, reason) if reason else None


def explain(response: requests.Response) -> Complaint:
    return Complaint(response.json()["error"], response.json()["field"])


DIALECT = Dialect(limited, explain)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({"desk": EchoSite}) as running:
        yield running


def make_wire(url: str, **settings: Any) -> Wire:
    return Wire(site="acme-desk", url=url, limiter=settings.pop("limiter", OpenLimiter()), **settings)


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    return make_wire(sandbox.urls["desk"])


@pytest.fixture
def session(wire: Wire) -> Iterator[requests.Session]:
    with wire.session(DIALECT) as open_session:
        yield open_session


@contextmanager
def scripted(*conversations: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats each accepted connection as the next function says, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            for converse in conversations:
                line, _ = door.accept()
                with line:
                    converse(line)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        thread.join(timeout=10)
        assert not thread.is_alive(), "not every expected connection was made"


def hear(line: socket.socket) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += line.recv(4096)
    return heard


def until_hung_up(line: socket.socket) -> None:
    while line.recv(4096):
        pass


# Where requests go


def test_requests_to_any_host_go_to_the_configured_site_and_look_untouched_to_the_library(sandbox, session):
    answer = session.get("https://acme.zendesk.com/echo?X-Seen=1")
    assert [entry["url"] for entry in sandbox.log] == ["/echo?X-Seen=1"]
    assert answer.url == answer.request.url == "https://acme.zendesk.com/echo?X-Seen=1"
    assert session.get("http://other.example/echo").status_code == 200


def test_the_path_prefix_of_the_site_is_added_once(sandbox):
    with make_wire(sandbox.urls["desk"] + "/jira/").session(DIALECT) as session:
        session.get("https://vendor.example/rest/api/2/myself")
        session.get("https://vendor.example/jira/rest/api/2/myself")
        session.get("https://vendor.example/jirafa")
    assert [entry["url"] for entry in sandbox.log] == [
        "/jira/rest/api/2/myself",
        "/jira/rest/api/2/myself",
        "/jira/jirafa",
    ]


def test_headers_of_a_call_are_sent_with_it_and_only_with_it(wire, session):
    with wire.call(endpoint="echo", writes=True, headers={"Idempotency-Key": "k1"}):
        assert session.post("https://acme.example/echo").json()["key"] == "k1"
    assert session.post("https://acme.example/echo").json()["key"] is None


def test_a_call_block_speaks_for_its_own_thread_only(wire, sandbox):
    def read_elsewhere() -> None:
        with wire.session(DIALECT) as session:
            session.get("https://acme.example/echo")

    with wire.call(endpoint="tickets"):
        other = Thread(target=read_elsewhere)
        other.start()
        other.join()
        with wire.call(endpoint="comments"), wire.session(DIALECT) as session:
            session.get("https://acme.example/echo")
        with wire.session(DIALECT) as session:
            session.get("https://acme.example/echo")
    assert wire.requests == {"GET other": 1, "GET comments": 1, "GET tickets": 1}


def test_the_environment_cannot_send_requests_through_a_proxy(wire, sandbox, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    adapter = wire.adapter(DIALECT)
    with requests.Session() as trusting:
        trusting.mount("https://", adapter)
        assert trusting.get("https://acme.example/echo").status_code == 200


# What was never sent


def test_a_refused_connection_is_temporary_even_for_a_write_and_counts_no_request():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        wire = make_wire(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with (
            wire.session(DIALECT) as session,
            pytest.raises(TemporaryError, match=r"acme-desk could not be reached for POST other.*refused") as raised,
        ):
            session.post("https://acme.example/echo?token=hunter2", json={"password": "hunter3"})
    assert "hunter" not in str(raised.value)
    assert wire.requests == {}


def test_an_unknown_host_is_temporary():
    wire = make_wire("http://nowhere.invalid")
    with wire.session(DIALECT) as session, pytest.raises(TemporaryError, match="could not be resolved"):
        session.post("https://acme.example/echo")


def test_a_certificate_that_fails_the_handshake_means_nothing_was_sent(sandbox):
    wire = make_wire(sandbox.urls["desk"].replace("http://", "https://"))
    with wire.session(DIALECT) as session, pytest.raises(TemporaryError, match="TLS"):
        session.post("https://acme.example/echo")
    assert sandbox.log == []


# What was sent and not answered


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "late_write"])
def test_a_dropped_write_is_of_unknown_outcome_and_was_sent_once(sandbox, wire, session, kind):
    sandbox.faults.add(Fault(kind=kind))
    with wire.call(endpoint="tickets", writes=True), pytest.raises(UnknownOutcomeError) as raised:
        session.post("https://acme.example/echo", json={})
    assert raised.value.horizon_s == wire.deadline_s + wire.processing_s
    assert (raised.value.status, raised.value.site) == (None, "acme-desk")
    assert len(sandbox.log) == 1
    assert wire.requests == {"POST tickets": 1}


@pytest.mark.parametrize("kind", ["drop_before", "cut", "truncate"])
def test_a_read_that_was_not_answered_whole_is_temporary_and_was_sent_once(sandbox, session, kind):
    sandbox.faults.add(Fault(kind=kind))
    with pytest.raises(TemporaryError, match="gave no usable answer to GET other"):
        session.get("https://acme.example/echo")
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("kind", ["cut", "truncate"])
def test_a_write_whose_answer_is_broken_is_of_unknown_outcome_without_a_horizon(sandbox, session, kind):
    sandbox.faults.add(Fault(kind=kind))
    with pytest.raises(UnknownOutcomeError) as raised:
        session.post("https://acme.example/echo")
    assert (raised.value.horizon_s, raised.value.status) == (0, 200)
    assert len(sandbox.log) == 1


def test_a_body_that_trickles_past_the_deadline_is_cut_off(sandbox):
    sandbox.faults.add(Fault(kind="slow_body", delay_s=60))
    wire = make_wire(sandbox.urls["desk"], deadline_s=SHORT_S)
    with wire.session(DIALECT) as session:
        with pytest.raises(TemporaryError, match="nothing complete came within"):
            session.get("https://acme.example/echo")
        with pytest.raises(UnknownOutcomeError) as raised:
            session.post("https://acme.example/echo")
    assert (raised.value.horizon_s, raised.value.status) == (0, 200)
    assert len(sandbox.log) == 2


@pytest.mark.parametrize(("start", "horizon_s"), [(b"HTTP/1.1 2", SHORT_S + 10), (b"HTTP/1.1 200 OK\r\nX-Slow: ", 0)])
def test_a_head_that_trickles_past_the_deadline_is_cut_off(start, horizon_s):
    def trickle(line: socket.socket) -> None:
        hear(line)
        line.settimeout(SHORT_S / 20)
        line.sendall(start)
        while True:
            try:
                if not line.recv(1):
                    return
            except TimeoutError:
                line.sendall(b"0")

    with scripted(trickle) as url:
        wire = make_wire(url, deadline_s=SHORT_S, processing_s=10)
        with wire.session(DIALECT) as session, pytest.raises(UnknownOutcomeError) as raised:
            session.post("https://acme.example/echo")
    assert raised.value.horizon_s == horizon_s


def test_an_answer_without_a_length_that_the_deadline_ended_is_not_taken_for_whole():
    def endless(line: socket.socket) -> None:
        hear(line)
        line.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"whole": "it seems"}')
        until_hung_up(line)

    with scripted(endless) as url:
        wire = make_wire(url, deadline_s=SHORT_S)
        with wire.session(DIALECT) as session, pytest.raises(TemporaryError, match="nothing complete"):
            session.get("https://acme.example/echo")


def test_one_call_may_have_a_longer_deadline_than_the_rest(sandbox):
    sandbox.faults.add(Fault(kind="latency", delay_s=SHORT_S))
    wire = make_wire(sandbox.urls["desk"], deadline_s=SHORT_S / 10)
    with wire.session(DIALECT) as session, wire.call(endpoint="upload", writes=True, deadline_s=30):
        assert session.post("https://acme.example/echo").status_code == 200


def test_a_refusal_whose_wording_was_cut_off_is_still_a_refusal(sandbox, session):
    sandbox.faults.add(Fault(kind="cut"))
    with pytest.raises(PermanentError, match="422") as raised:
        session.post("https://acme.example/echo?status=422")
    assert raised.value.detail == ""


# What was answered


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PermanentError),
        (401, RefusedError),
        (403, RefusedError),
        (404, MissingError),
        (409, ChangedError),
        (410, MissingError),
        (408, UnknownOutcomeError),
        (413, PermanentError),
        (422, PermanentError),
        (429, TemporaryError),
        (500, UnknownOutcomeError),
        (503, UnknownOutcomeError),
    ],
)
def test_a_write_answered_with_an_error_is_judged_by_its_status(sandbox, wire, session, status, kind):
    with (
        wire.call(endpoint="ticket", ticket="35436", writes=True),
        pytest.raises(RemoteError, match=rf"^acme-desk answered POST ticket of 35436 with {status}: no good") as raised,
    ):
        session.post(f"https://acme.example/echo?status={status}&field=priority&Retry-After=7")
    error = raised.value
    assert type(error) is kind
    assert (error.status, error.detail) == (status, "no good")
    if isinstance(error, PermanentError):
        assert error.field == "priority"
    if isinstance(error, UnknownOutcomeError):
        assert error.horizon_s == 0
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_read_refused_for_now_is_temporary_with_the_wait_the_site_asks_for(session, status):
    with pytest.raises(TemporaryError) as raised:
        session.get(f"https://acme.example/echo?status={status}&Retry-After=7")
    assert (raised.value.status, raised.value.retry_after_s) == (status, 7)


def test_what_the_dialect_calls_a_limit_is_temporary_for_writes_too_and_keeps_the_reason(session):
    with pytest.raises(TemporaryError) as raised:
        session.post("https://acme.example/echo?status=403&RateLimit-Reason=burst&Retry-After=2")
    assert (raised.value.reason, raised.value.retry_after_s) == ("burst", 2)


def test_a_failing_servers_retry_after_does_not_make_a_write_certain(session):
    with pytest.raises(UnknownOutcomeError):
        session.post("https://acme.example/echo?status=503&RateLimit-Reason=busy&Retry-After=2")


def test_a_limit_that_does_not_say_how_long_leaves_it_open(session):
    with pytest.raises(TemporaryError) as raised:
        session.get("https://acme.example/echo?status=429")
    assert raised.value.retry_after_s is None


def test_a_wait_given_as_a_date_counts_from_the_date_of_the_answer(session):
    with pytest.raises(TemporaryError) as raised:
        session.get(
            "https://acme.example/echo?status=429&Date=Wed, 21 Oct 2026 07:28:00 GMT"
            "&Retry-After=Wed, 21 Oct 2026 07:28:30 GMT"
        )
    assert raised.value.retry_after_s == 30


def test_accepted_statuses_and_304_pass_to_the_library(wire, session):
    with wire.call(endpoint="echo", accept=(404, 503)):
        assert session.get("https://acme.example/echo?status=404").status_code == 404
        assert session.get("https://acme.example/echo?status=503").status_code == 503
    assert session.get("https://acme.example/echo?status=304").status_code == 304


def test_a_search_by_post_is_a_read_when_the_call_says_so(wire, session):
    with wire.call(endpoint="search"), pytest.raises(TemporaryError):
        session.post("https://acme.example/echo?status=500")


def test_a_strangers_error_page_does_not_hide_the_status(sandbox, session):
    sandbox.faults.add(Fault(kind="status", status=404, body={"unexpected": "shape"}))
    with pytest.raises(MissingError, match=r"with 404$"):
        session.get("https://acme.example/echo")


def test_a_long_complaint_is_cut_to_one_readable_line(sandbox, session):
    sandbox.faults.add(Fault(kind="status", status=400, body={"error": "far\n\n  too " + "long " * 200, "field": ""}))
    with pytest.raises(PermanentError) as raised:
        session.get("https://acme.example/echo")
    assert raised.value.detail.startswith("far too long long")
    assert len(raised.value.detail) == 300


# Redirects


def test_a_read_follows_a_redirect_within_the_site(sandbox, session):
    assert session.get("https://acme.example/echo?status=301&Location=/moved").json() == {"path": "unknown"}
    assert [entry["url"] for entry in sandbox.log][1:] == ["/moved"]


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_to_another_host_is_refused_without_telling_where(sandbox, session, status):
    with pytest.raises(PermanentError, match="redirect") as raised:
        session.get(f"https://acme.example/echo?status={status}&Location=https://evil.example/%3Ftoken=hunter2")
    assert "hunter2" not in str(raised.value)
    assert len(sandbox.log) == 1


def test_an_accepted_redirect_to_another_host_can_be_read_but_is_not_followed(sandbox, wire, session):
    url = "https://acme.example/echo?status=302&Location=https://files.example/a"
    with wire.call(endpoint="attachment", accept=(302,)):
        answer = session.get(url, allow_redirects=False)
        assert answer.headers["Location"] == "https://files.example/a"
        with pytest.raises(PermanentError, match="another host"):
            session.get(url)
    assert len(sandbox.log) == 2


def test_a_redirected_write_is_not_sent_again(sandbox, session):
    with pytest.raises(PermanentError, match="a write is not sent twice"):
        session.post("https://acme.example/echo?status=307&Location=/moved")
    assert len(sandbox.log) == 1


# Connections


def answer_whole(line: socket.socket) -> None:
    hear(line)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_kept_alive_connection_is_used_again():
    def twice(line: socket.socket) -> None:
        answer_whole(line)
        answer_whole(line)

    with scripted(twice) as url, make_wire(url).session(DIALECT) as session:
        assert [session.get("https://acme.example/").text for _ in range(2)] == ["ok", "ok"]


def test_a_connection_that_rested_too_long_is_not_trusted_with_a_write():
    def one_then_wait(line: socket.socket) -> None:
        answer_whole(line)
        until_hung_up(line)

    with scripted(one_then_wait, answer_whole) as url, make_wire(url, idle_limit_s=0).session(DIALECT) as session:
        assert session.get("https://acme.example/").text == "ok"
        assert session.post("https://acme.example/").text == "ok"


def test_a_connection_the_site_closed_meanwhile_is_replaced_before_a_write():
    closed = Event()

    def answer_and_close(line: socket.socket) -> None:
        answer_whole(line)
        line.close()
        closed.set()

    with scripted(answer_and_close, answer_whole) as url, make_wire(url).session(DIALECT) as session:
        assert session.get("https://acme.example/").text == "ok"
        assert closed.wait(10)
        assert session.post("https://acme.example/").text == "ok"


# Permits and counting


def test_the_limiter_hears_every_answer(sandbox):
    limiter = OpenLimiter()
    wire = make_wire(sandbox.urls["desk"], limiter=limiter)
    with wire.session(DIALECT) as session:
        with wire.call(endpoint="ticket", ticket="7", writes=True):
            session.post("https://acme.example/echo")
        with wire.call(endpoint="ticket", ticket="7", writes=True), pytest.raises(TemporaryError):
            session.post("https://acme.example/echo?status=429")
    assert limiter.answers == [("POST", "ticket", "7", 200), ("POST", "ticket", "7", 429)]


def test_without_a_permit_nothing_is_sent(sandbox):
    limiter = ShutLimiter()
    wire = make_wire(sandbox.urls["desk"], limiter=limiter)
    with wire.session(DIALECT) as session:
        session.get("https://acme.example/echo")
        with pytest.raises(TemporaryError, match="no permit"):
            session.post("https://acme.example/echo")
    assert wire.requests == {"GET other": 1}


def test_a_failure_after_a_write_of_the_same_call_does_not_claim_that_nothing_happened(sandbox):
    wire = make_wire(sandbox.urls["desk"], limiter=ShutLimiter())
    with wire.session(DIALECT) as session, wire.call(endpoint="ticket", writes=True):
        session.post("https://acme.example/echo")
        with pytest.raises(UnknownOutcomeError):
            session.get("https://acme.example/echo")


def test_requests_are_counted_over_all_adapters_and_observed(sandbox):
    seen: list[Sent] = []
    wire = make_wire(sandbox.urls["desk"], observe=seen.append)

    def read() -> None:
        with wire.session(DIALECT) as session, wire.call(endpoint="tickets"):
            for _ in range(5):
                session.get("https://acme.example/echo")

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wire.requests == {"GET tickets": 20}
    assert {(one.site, one.method, one.endpoint, one.status) for one in seen} == {("acme-desk", "GET", "tickets", 200)}
    assert len(seen) == 20


# The vendors' own client libraries


def test_our_errors_pass_through_zenpy_and_a_create_is_sent_once(sandbox, wire, session):
    client = zenpy.Zenpy(
        subdomain="acme", oauth_token="t", session=session, disable_cache=True, timeout=20, ratelimit_budget=1
    )
    for fault, kind in EVERY_FAILURE:
        sandbox.clear_log()
        sandbox.faults.clear()
        sandbox.faults.add(fault)
        with wire.call(endpoint="tickets", writes=True), pytest.raises(kind):
            client.tickets.create(zenpy.lib.api_objects.Ticket(description="hello"))
        assert [entry["url"] for entry in sandbox.log] == ["/api/v2/tickets.json"]


def test_our_errors_pass_through_jira_and_a_create_is_sent_once(sandbox, wire):
    client = jira.JIRA("https://vendor.example", token_auth="t", get_server_info=False, max_retries=0, timeout=20)
    adapter = wire.adapter(DIALECT)
    client._session.trust_env = False
    client._session.mount("https://", adapter)
    client._session.mount("http://", adapter)
    for fault, kind in EVERY_FAILURE:
        sandbox.clear_log()
        sandbox.faults.clear()
        sandbox.faults.add(fault)
        with wire.call(endpoint="issue", writes=True), pytest.raises(kind):
            client.create_issue({"summary": "hello", "project": {"id": "1"}, "issuetype": {"id": "1"}}, prefetch=False)
        assert [entry["url"] for entry in sandbox.log] == ["/rest/api/2/issue"]
    client.close()


def test_our_errors_pass_through_pygithub_and_a_create_is_sent_once(sandbox, wire):
    client = github.Github(
        base_url="https://github.vendor.example/api/v3",
        auth=github.Auth.Token("t"),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
    )
    connection = client.requester._Requester__createConnection()
    adapter = wire.adapter(DIALECT)
    connection.session.mount("https://", adapter)
    repository = client.get_repo("vendor/product")
    for fault, kind in EVERY_FAILURE:
        sandbox.clear_log()
        sandbox.faults.clear()
        sandbox.faults.add(fault)
        with wire.call(endpoint="issues", writes=True), pytest.raises(kind):
            repository.create_issue("hello")
        assert [entry["url"] for entry in sandbox.log] == ["/api/v3/repos/vendor/product/issues"]
    client.close()


EVERY_FAILURE = [
    (Fault(kind="drop_after"), UnknownOutcomeError),
    (Fault(kind="truncate"), UnknownOutcomeError),
    (Fault(kind="status", status=500), UnknownOutcomeError),
    (Fault(kind="status", status=503, retry_after_s=1), UnknownOutcomeError),
    (Fault(kind="status", status=429, retry_after_s=1), TemporaryError),
    (Fault(kind="status", status=401), RefusedError),
    (Fault(kind="status", status=404), MissingError),
    (Fault(kind="status", status=409), ChangedError),
    (Fault(kind="status", status=422), PermanentError),
]
