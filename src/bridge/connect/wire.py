"""One HTTP policy under all three vendors' client libraries.

`Wire` is made once per site. It hands each connector a `requests.Session` whose only transport is our adapter: it takes
a permit, enforces a total deadline, counts, adds headers, never retries, and turns outcomes into `bridge.errors`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import requests
from requests.adapters import BaseAdapter

from bridge.connect.breaker import Breaker
from bridge.connect.content import ContentTransport
from bridge.connect.deadline import Watchdog
from bridge.connect.outcome import Call, Complaint, Dialect
from bridge.connect.patience import parse_http_date
from bridge.connect.transport import Transport
from bridge.model.ports import Clock, Limiter

__all__ = ["Complaint", "Dialect", "Sent", "Wire"]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that left this machine, for metrics. `status` is None when no answer came; `took_s` to its end."""

    site: str
    method: str
    endpoint: str
    status: int | None
    took_s: float


class Wire:
    """The HTTP policy of one site. Safe to use from every thread; `observe` is called after each request sent.

    A kept-alive connection that rested for `idle_limit_s` is not used again: the site may have dropped it unnoticed, and
    a write lost that way would be one of unknown outcome for nothing. Without a `breaker` the site is always asked.
    """

    def __init__(
        self,
        *,
        site: str,
        url: str,
        limiter: Limiter,
        breaker: Breaker | None = None,
        deadline_s: float = 30.0,
        processing_s: float = 10.0,
        idle_limit_s: float = 4.0,
        observe: Callable[[Sent], None] = lambda sent: None,
        clock: Clock | None = None,
    ) -> None:
        self.site = site
        self.url = url.rstrip("/")
        self.limiter = limiter
        self.breaker = breaker
        self.deadline_s = deadline_s
        self.processing_s = processing_s
        self.idle_limit_s = idle_limit_s
        self.watchdog = Watchdog()
        self._observe = observe
        self._clock = clock
        self.offset = timedelta()
        """How far the site's clock is ahead of ours, to a second, by the `Date` of its last answer."""
        self._here = threading.local()
        self._counts: Counter[str] = Counter()
        self._writes = 0
        self._guard = threading.Lock()

    def adapter(self, dialect: Dialect) -> BaseAdapter:
        """A transport for one thread's session, mounted on both `http://` and `https://`.

        Requests to any `https://` or `http://` host go to the site's configured `url` (scheme, host, port and path
        prefix), so client libraries that build vendor addresses themselves can be pointed anywhere.
        """
        return Transport(self, dialect)

    def session(self, dialect: Dialect) -> requests.Session:
        """A new session on `adapter`, blind to proxies and netrc of the environment."""
        return self._on(self.adapter(dialect))

    @staticmethod
    def _on(adapter: BaseAdapter) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        for standing in session.adapters.values():
            standing.close()
        session.adapters.clear()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def content_session(self, dialect: Dialect, hosts: Iterable[str]) -> requests.Session:
        """A new session without any login, for the vendor's content hosts and nowhere else.

        `hosts` are host names, or `*.name` for everything below one. Any other address raises PermanentError.
        """
        return self._on(ContentTransport(self, dialect, tuple(hosts)))

    @contextmanager
    def call(
        self,
        *,
        endpoint: str,
        ticket: str = "",
        writes: bool = False,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
        deadline_s: float | None = None,
        carries: int | None = None,
        streams: bool = False,
    ) -> Iterator[None]:
        """Say what the requests inside this block (on this thread) are: which endpoint, which ticket, whether they write.

        Any answer of 400 or more not in `accept` is raised as a `bridge.errors.RemoteError`, from inside the client
        library. A request outside any block is a read of endpoint `other` if its method is GET, else a write.
        `deadline_s` replaces the wire's own for requests known to take longer. A request that `carries` so many bytes
        has the wire's deadline for every pause, and in all time in proportion (`SLOWEST_BYTES_A_S`). With `streams` the
        body of a good answer is left in the response, to be read within the same limits and closed by the caller.
        """
        before = self.current_call()
        self._here.call = Call(
            endpoint, ticket, writes, dict(headers or {}), accept, deadline_s, carries=carries, streams=streams
        )
        try:
            yield
        finally:
            self._here.call = before

    def current_call(self) -> Call | None:
        """The innermost block this thread is in."""
        call: Call | None = getattr(self._here, "call", None)
        return call

    @property
    def requests(self) -> Mapping[str, int]:
        """How many requests were sent, by `METHOD endpoint`."""
        with self._guard:
            return MappingProxyType(dict(self._counts))

    @property
    def writes(self) -> int:
        """How many of them wrote."""
        with self._guard:
            return self._writes

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer. Called by the transports."""
        dated_at = parse_http_date(headers.get("Date", ""))
        if dated_at is not None and self._clock is not None:
            self.offset = dated_at - self._clock.now()

    def count(self, method: str, endpoint: str, status: int | None, took_s: float, *, writes: bool) -> None:
        """Note that a request was sent. Called by the transports."""
        with self._guard:
            self._counts[f"{method} {endpoint}"] += 1
            self._writes += writes
        self._observe(Sent(self.site, method, endpoint, status, took_s))
