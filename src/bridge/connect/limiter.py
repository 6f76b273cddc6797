"""Permits for one site, shared by the threads of one process: nested limits, corrected by the site's own word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from threading import Lock, local
from types import MappingProxyType

from bridge.connect.allowance import Scope, read_allowances, read_pause, scope_of
from bridge.connect.bucket import Bucket, Rate
from bridge.connect.urgency import is_background
from bridge.errors import BridgeError, TemporaryError, UnknownOutcomeError
from bridge.model.ports import Clock

_READS = ("GET", "HEAD", "OPTIONS")
_CROWD_POLL_S = 0.02
_KEPT_BUCKETS = 2_000
_PLENTY = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What a site allows. Every rate of a scope must hold.

    `endpoints` are looked up as `METHOD endpoint`, then `METHOD *`, then `*`; each endpoint counts for itself. `ticket`
    counts writes to one ticket. `concurrency` is how many requests may be under way, 0 for any number. `patience_s` is
    how long a permit is waited for. `live_share` (0 to 1) is what background work leaves of each.
    """

    site: tuple[Rate, ...] = ()
    endpoints: Mapping[str, tuple[Rate, ...]] = field(default_factory=lambda: MappingProxyType({}))
    ticket: tuple[Rate, ...] = ()
    concurrency: int = 0
    patience_s: float = 1.0
    live_share: float = 0.2

    def of_endpoint(self, name: str) -> tuple[Rate, ...]:
        """The rates of `METHOD endpoint`."""
        method = name.partition(" ")[0]
        return self.endpoints.get(name) or self.endpoints.get(f"{method} *") or self.endpoints.get("*") or ()


@dataclass(slots=True)
class _Hold:
    """The permit a thread holds: what it took from which bucket, and whether a request was sent on it."""

    taken: dict[str, float]
    used: bool = False


class SiteLimiter:
    """A `Limiter` for one site in one process.

    A permit taken inside another one of the same thread stands on it and takes only what that one does not hold yet, so
    a caller may secure a permit, look once more whether the request is still wanted, and then send.

    Background work (see `urgency`) leaves `live_share` of every rate, and of the requests under way, to live work.
    """

    def __init__(self, *, site: str, limits: Limits, clock: Clock) -> None:
        self._site = site
        self._limits = limits
        self._clock = clock
        self._guard = Lock()
        self._buckets: dict[str, Bucket] = {}
        self._under_way = 0
        self._refusals: dict[str, int] = {}
        self._here = local()

    @contextmanager
    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> Iterator[None]:
        """Wait briefly for a permit and hold it for one request. Raises TemporaryError with `retry_after_s`."""
        outer: _Hold | None = getattr(self._here, "hold", None)
        standing = outer is not None and not outer.used
        held = outer.taken if outer is not None and standing else {}
        names = [name for name in self._names(method, endpoint, ticket) if name not in held]
        hold = self._here.hold = _Hold(self._take(names, slot=not standing, asked=f"{method} {endpoint}"))
        try:
            yield
        except BridgeError as error:
            hold.used = hold.used or isinstance(error, UnknownOutcomeError)
            raise
        except BaseException:
            hold.used = True
            raise
        finally:
            self._here.hold = outer
            if outer is not None and standing:
                outer.used = outer.used or hold.used
            self._give_back(hold, slot=not standing)

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        """Take the site's own word over our estimate."""
        hold: _Hold | None = getattr(self._here, "hold", None)
        if hold is not None:
            hold.used = True
        said = {name.lower(): value for name, value in headers.items()}
        names = dict(zip(Scope, (*self._names(method, endpoint, ticket), ""), strict=False))
        now_at = self._clock.now()
        now_s = now_at.timestamp()
        with self._guard:
            scope = self._scope_refused(said, names, now_s) if status >= 400 else Scope.SITE
            pause = read_pause(said, status=status, refusals=self._refusals.get(names[scope], 0))
            for allowance in read_allowances(said, now=now_at):
                if pause is not None and allowance.scope is Scope.SITE and scope is not Scope.SITE:
                    continue
                # Other requests under way may not be in the site's count yet.
                left = allowance.remaining - max(0, self._under_way - 1)
                self._bucket(names[allowance.scope]).correct(now_s=now_s, left=left, resets_s=allowance.resets_s)
            if pause is not None:
                self._bucket(names[scope]).close(until_s=now_s + pause[0])
                self._refusals[names[scope]] = self._refusals.get(names[scope], 0) + 1
            elif status < 400:
                for name in names.values():
                    self._refusals.pop(name, None)

    def _scope_refused(self, said: Mapping[str, str], names: Mapping[Scope, str], now_s: float) -> Scope:
        of_ticket = bool(names.get(Scope.TICKET))
        reason = said.get("ratelimit-reason", "")
        scope = scope_of(said, reason=reason, of_ticket=of_ticket)
        told = self._bucket("").told_left(now_s)
        if scope is Scope.SITE and not reason and told is not None and told > self._under_way + _PLENTY:
            # A moment ago the site had plenty left, so what ran out is narrower, whatever this answer's headers show.
            return Scope.TICKET if of_ticket else Scope.ENDPOINT
        return scope

    @property
    def scopes(self) -> int:
        """How many scopes are remembered; those at rest are forgotten in time."""
        with self._guard:
            return len(self._buckets)

    def _names(self, method: str, endpoint: str, ticket: str) -> list[str]:
        names = ["", f"{method} {endpoint}"]
        if ticket and method not in _READS:
            names.append(f"ticket {ticket}")
        return names

    def _bucket(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            if not name:
                rates = self._limits.site
            elif name.startswith("ticket "):
                rates = self._limits.ticket
                self._forget_idle()
            else:
                rates = self._limits.of_endpoint(name)
            bucket = self._buckets[name] = Bucket(rates)
        return bucket

    def _forget_idle(self) -> None:
        if len(self._buckets) < _KEPT_BUCKETS:
            return
        now_s = self._clock.now().timestamp()
        for name in [name for name, bucket in self._buckets.items() if bucket.is_idle(now_s)]:
            del self._buckets[name]

    def _take(self, names: list[str], *, slot: bool, asked: str) -> dict[str, float]:
        """Take from every named bucket at once, and a place among the requests under way when `slot`."""
        waited_s, patience_s = 0.0, self._limits.patience_s
        spare = self._limits.live_share if is_background() else 0.0
        places = self._limits.concurrency
        places -= min(ceil(places * spare), max(places - 1, 0))
        while True:
            with self._guard:
                now_s = self._clock.now().timestamp()
                wait_s = max((self._bucket(name).wait_s(now_s, spare=spare) for name in names), default=0.0)
                crowded = slot and 0 < places <= self._under_way
                if wait_s <= 0 and not crowded:
                    self._under_way += slot
                    for name in names:
                        self._bucket(name).take(now_s)
                    return dict.fromkeys(names, now_s)
            nap_s = max(wait_s, _CROWD_POLL_S if crowded else 0.0)
            if waited_s + nap_s > patience_s:
                why = "too many requests are under way" if wait_s <= 0 else f"its limit allows it in {wait_s:.0f} s"
                raise TemporaryError(
                    f"{self._site} takes no {asked} now: {why}",
                    retry_after_s=wait_s or patience_s,
                    reason="no permit",
                    site=self._site,
                )
            self._clock.sleep(nap_s)
            waited_s += nap_s

    def _give_back(self, hold: _Hold, *, slot: bool) -> None:
        with self._guard:
            self._under_way -= slot
            if not hold.used:
                for name, taken_s in hold.taken.items():
                    self._bucket(name).give_back(taken_s)
