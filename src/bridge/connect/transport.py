"""The one `requests` adapter under every vendor's client library: permit, deadline, one request, a judged outcome."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from bridge.connect.deadline import Exchange
from bridge.connect.outcome import Attempt, Call, Dialect, limit_of
from bridge.errors import PermanentError, TemporaryError, UnknownOutcomeError

if TYPE_CHECKING:
    from bridge.connect.wire import Wire

NEVER_AGAIN = Retry(total=0, connect=0, read=False, redirect=0, status=0, respect_retry_after_header=False)
"""urllib3's word for one try: `read=False` raises read errors as they are."""
CONNECT_TIMEOUT_S = 10.0
SLOWEST_BYTES_A_S = 64 * 1024
"""A long transfer that is slower than this over its whole is given up."""


class Transport(HTTPAdapter):
    """The adapter of one thread. Raises `bridge.errors` from inside the client library; never sends anything twice."""

    def __init__(self, wire: Wire, dialect: Dialect) -> None:
        self._wire = wire
        self._dialect = dialect
        self._exchange = Exchange()
        self._refused_redirect = ""
        super().__init__(max_retries=NEVER_AGAIN, pool_connections=2, pool_maxsize=2)

    def get_connection_with_tls_context(self, *args: Any, **named: Any) -> Any:
        """The pool, made to dial connections that report to the exchange they serve."""
        pool: Any = super().get_connection_with_tls_context(*args, **named)
        kind = _SecureLine if pool.scheme == "https" else _Line
        pool.ConnectionCls = partial(kind, lambda: self._exchange, self._wire.idle_limit_s)
        return pool

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send one request to the site, read its answer whole, judge it. The library's own timeout does not count.

        The body of a good answer to a call that `streams` is left to the caller, still under its deadlines.
        """
        wire, method = self._wire, request.method or "GET"
        call = wire.current_call() or Call(writes=method not in ("GET", "HEAD", "OPTIONS"))
        deadline_s = call.deadline_s or wire.deadline_s
        attempt = Attempt(wire.site, method, call, call.writes, deadline_s + wire.processing_s)
        if request.url and request.url == self._refused_redirect:
            raise PermanentError(f"{wire.site}: a redirect to another host is not followed", site=wire.site)
        try:
            with (
                wire.breaker.passage() if wire.breaker else nullcontext() as passage,
                wire.limiter.permit(method=method, endpoint=call.endpoint, ticket=call.ticket),
            ):
                response = self._exchange_once(request, attempt, deadline_s, verify=verify, cert=cert)
                status, headers = response.status_code, dict(response.headers)
                wire.hear(response.headers)
                if passage is not None:
                    # A 403 that is a limit in disguise says nothing about permissions; neither does a redirect.
                    passage.answered(429 if self._is_limit(response) else status, ticket=call.ticket)
                wire.limiter.answered(
                    method=method, endpoint=call.endpoint, ticket=call.ticket, status=status, headers=headers
                )
            self._check_redirect(request, response, attempt)
            error = attempt.judge(response, self._dialect)
            if error is not None:
                raise error
        except TemporaryError as error:
            if not call.wrote:
                raise
            # An earlier request of the same block took effect, so "certainly no effect" would not be true.
            raise UnknownOutcomeError(str(error), horizon_s=0.0, site=wire.site, status=error.status) from None
        call.wrote = call.wrote or (call.writes and method not in ("GET", "HEAD") and status < 400)
        return response

    def _is_limit(self, response: requests.Response) -> bool:
        return response.status_code == 403 and limit_of(response, self._dialect) is not None

    def _exchange_once(
        self, request: requests.PreparedRequest, attempt: Attempt, deadline_s: float, **tls: Any
    ) -> requests.Response:
        """One request and its whole answer within the deadline. Raises TemporaryError or UnknownOutcomeError."""
        exchange = self._exchange = Exchange()
        call = attempt.call
        pause_s = deadline_s if call.carries is not None else math.inf
        longest_s = deadline_s + (call.carries or 0) / SLOWEST_BYTES_A_S
        self._wire.watchdog.watch(exchange, within_s=longest_s, pause_s=pause_s)
        timeouts = (min(CONNECT_TIMEOUT_S, deadline_s), longest_s)
        streaming = False
        response: requests.Response | None = None
        failure: Exception | None = None
        began = time.monotonic()
        try:
            out = self._addressed(request, call)
            if call.carries is not None and hasattr(out.body, "read"):
                out.body = Outgoing(out.body, exchange)  # type: ignore[assignment]
            response = super().send(out, stream=True, timeout=timeouts, **tls)
            streaming = call.streams and response.status_code < 300
            if not streaming:
                _ = response.content
        except (requests.RequestException, HTTPError, HTTPException, OSError) as caught:
            failure = caught
        finally:
            in_time = exchange.finish() if not streaming else not exchange.expired
            if response is not None and (failure is not None or not in_time):
                response.close()
        status = None if response is None else response.status_code
        if exchange.connected or not exchange.dialled:
            took_s = time.monotonic() - began
            self._wire.count(attempt.method, attempt.call.endpoint, status, took_s, writes=attempt.writes)
        if response is not None and status is not None and status >= 400 and (failure or not in_time):
            # The verdict arrived; only its wording was lost.
            response._content = b""
            failure, in_time = None, True
        if failure is None and response is not None and in_time:
            response.request, response.url = request, request.url or ""
            if streaming:
                response.raw = Incoming(response.raw, exchange)
            return response
        if exchange.dialled and not exchange.connected:
            raise attempt.unsent(describe(failure, in_time, deadline_s)) from None
        if isinstance(failure, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
            raise PermanentError(f"{attempt.site}: {attempt.name} is no valid request", site=attempt.site) from None
        raise attempt.unanswered(describe(failure, in_time, deadline_s), status=status) from None

    def _addressed(self, request: requests.PreparedRequest, call: Call) -> requests.PreparedRequest:
        """A copy that goes to the site's configured address and bears the call's headers."""
        out = request.copy()
        wanted = urlsplit(self._wire.url)
        asked = urlsplit(request.url or "")
        prefix, path = wanted.path.rstrip("/"), asked.path or "/"
        if prefix and path != prefix and not path.startswith(prefix + "/"):
            path = prefix + path
        out.url = urlunsplit((wanted.scheme, wanted.netloc, path, asked.query, ""))
        out.headers.pop("Host", None)
        out.headers.update(call.headers)
        return out

    def _check_redirect(self, request: requests.PreparedRequest, response: requests.Response, attempt: Attempt) -> None:
        """Let a read follow a redirect that stays at the site, and nothing else. Raises PermanentError."""
        location = response.headers.get("Location", "")
        if not (300 <= response.status_code < 400 and location):
            return
        target = urljoin(request.url or "", location)
        own = {urlsplit(self._wire.url).netloc, urlsplit(request.url or "").netloc}
        stays = urlsplit(target).netloc in own
        if response.status_code in attempt.call.accept:
            self._refused_redirect = "" if stays else target
        elif attempt.writes or not stays:
            raise attempt.moved(response)


class _Line(HTTPConnection):
    """A connection that tells the exchange it serves when it stands, and is not used after a long rest."""

    def __init__(self, exchange: Callable[[], Exchange], idle_limit_s: float, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._serving = exchange
        self._idle_limit_s = idle_limit_s
        self._used_at = time.monotonic()

    def connect(self) -> None:
        self._serving().dialled = True
        super().connect()
        self._serving().take(self.sock)

    def request(self, *args: Any, **named: Any) -> None:
        if self.sock is not None and time.monotonic() - self._used_at >= self._idle_limit_s:
            self.close()
        if self.sock is not None:
            self._serving().take(self.sock)
        super().request(*args, **named)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._used_at = time.monotonic()
        return response


class _SecureLine(_Line, HTTPSConnection):
    """The same over TLS."""


class Outgoing:
    """A request's body on its way: every piece that is taken tells the exchange that bytes move."""

    def __init__(self, body: Any, exchange: Exchange) -> None:
        self._body = body
        self._exchange = exchange

    def read(self, size: int = -1) -> bytes:
        """The next piece, empty at the end."""
        piece: bytes = self._body.read(size)
        if piece:
            self._exchange.moved()
        else:
            self._exchange.handed_over()
        return piece

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(1 << 16):
            yield piece


class Incoming:
    """An answer's body on its way in, under the deadlines of its exchange, which ends when the body is closed."""

    def __init__(self, raw: Any, exchange: Exchange) -> None:
        self._raw = raw
        self._exchange = exchange

    def stream(self, amt: int = 1 << 16, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body piece by piece, the last one only of a body that is whole and in time. Raises urllib3's errors."""
        for piece in self._raw.stream(amt, decode_content=decode_content):
            self._exchange.moved()
            yield piece
        if not self._exchange.finish():
            raise TimeoutError("the deadline passed while the body was read")

    def close(self) -> None:
        """Give the body up, read or not."""
        self._exchange.finish()
        self._raw.close()

    def release_conn(self) -> None:
        """Let the connection go to the next request."""
        self._exchange.finish()
        self._raw.release_conn()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def describe(failure: Exception | None, in_time: bool, deadline_s: float) -> str:
    """What went wrong with a connection, in words that hold no address."""
    # Never the failure's own text: it holds the address with its query.
    if not in_time or isinstance(failure, requests.Timeout):
        return f"nothing complete came within {deadline_s:g} s"
    text = str(failure)
    for sign, words in _SIGNS:
        if sign in text:
            return words
    return "the connection broke"


_SIGNS = (
    ("NameResolutionError", "its name could not be resolved"),
    ("Connection refused", "the connection was refused"),
    ("CERTIFICATE_VERIFY_FAILED", "its TLS certificate is not trusted"),
    ("SSL", "the TLS connection failed"),
    ("unreachable", "the network is unreachable"),
    ("IncompleteRead", "the answer broke off"),
    ("closed connection without response", "the connection was closed without an answer"),
    ("reset by peer", "the connection was reset"),
)
