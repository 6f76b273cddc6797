"""A circuit breaker for one site: while it fails at everything, it is asked nothing but now and then one question.

Open after several failures in a row (no answer, or 5xx), or when the site refuses bridge itself: 401, or 403 for many
tickets and nothing else in between. While it is open every request fails at once as temporary, so groups wait and nothing
is given up. After a pause one request is let through: an answer closes the breaker, a failure doubles the pause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock

from bridge.errors import TemporaryError, UnknownOutcomeError
from bridge.model.ports import Clock

FAILURES = 5
"""In a row, before the breaker opens."""
REFUSALS = 2
"""401 in a row before the site counts as refusing bridge's login: one may be a slip of the vendor's."""
FORBIDDEN = 5
"""Tickets refused with 403 in a row, with no other answer in between, before it is the site that refuses."""
FIRST_S = 2.0
LONGEST_S = 300.0
REFUSED_S = 60.0
"""How long to wait after a refused login: a person has to act."""
OPEN = "breaker open"
"""The `reason` of the error a request gets that was not sent."""


class Circuit(StrEnum):
    """Whether requests are sent. `probing`: one is, to see whether the site answers again."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a site's breaker stands: why it is open, since when, and when the next question is let through."""

    circuit: Circuit = Circuit.CLOSED
    why: str = ""
    since_at: datetime | None = None
    again_at: datetime | None = None


class Passage:
    """One request on its way. Whoever sends it says how it ended; unsaid, it was never sent."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.ticket = ""
        self.failed = ""

    def answered(self, status: int, *, ticket: str = "") -> None:
        """The site answered."""
        self.status, self.ticket = status, ticket

    def fell_silent(self, why: str) -> None:
        """No whole answer came."""
        self.failed = why


class Breaker:
    """The breaker of one site, shared by the threads of one process."""

    def __init__(self, *, site: str, clock: Clock) -> None:
        self._site = site
        self._clock = clock
        self._guard = Lock()
        self._failures = 0
        self._refusals = 0
        self._forbidden: set[str] = set()
        self._pause_s = 0.0
        self._standing = Standing()

    @property
    def standing(self) -> Standing:
        """How it stands."""
        with self._guard:
            return self._standing

    @contextmanager
    def passage(self) -> Iterator[Passage]:
        """Send one request inside this block. Raises TemporaryError when the site is left alone for now."""
        probes = self._enter()
        passage = Passage()
        try:
            yield passage
        except (TemporaryError, UnknownOutcomeError) as error:
            if passage.status is None and not _is_ours(error):
                passage.fell_silent(str(error))
            raise
        finally:
            self._leave(passage, probes=probes)

    def _enter(self) -> bool:
        with self._guard:
            standing = self._standing
            if standing.circuit is Circuit.CLOSED:
                return False
            now = self._clock.now()
            wait_s = (standing.again_at - now).total_seconds() if standing.again_at else 0.0
            if standing.circuit is Circuit.PROBING or wait_s > 0:
                raise TemporaryError(
                    f"{self._site} is left alone for now: {standing.why}",
                    retry_after_s=max(wait_s, FIRST_S),
                    reason=OPEN,
                    site=self._site,
                )
            self._standing = Standing(Circuit.PROBING, standing.why, standing.since_at, standing.again_at)
            return True

    def _leave(self, passage: Passage, *, probes: bool) -> None:
        with self._guard:
            if passage.status is None and not passage.failed:
                if probes:
                    self._standing = Standing(
                        Circuit.OPEN, self._standing.why, self._standing.since_at, self._standing.again_at
                    )
                return
            why, pause_s = self._judge(passage)
            if why:
                self._open(why, pause_s)
            elif not self._is_failing(passage):
                self._close()

    def _judge(self, passage: Passage) -> tuple[str, float]:
        """Why the breaker opens (or stays open) after this request, "" if it does not."""
        is_probe = self._standing.circuit is Circuit.PROBING
        if passage.failed or (passage.status or 0) >= 500:
            self._failures += 1
            why = passage.failed or f"it answers {passage.status}"
            return (why, 0.0) if is_probe or self._failures >= FAILURES else ("", 0.0)
        self._failures = 0
        if passage.status == 401:
            self._refusals += 1
            why = "it refuses bridge's login (401); check the credentials"
            return (why, REFUSED_S) if is_probe or self._refusals >= REFUSALS else ("", 0.0)
        if passage.status == 403 and passage.ticket:
            self._forbidden.add(passage.ticket)
            why = f"it forbids bridge {len(self._forbidden)} tickets and more (403); check the account's permissions"
            return (why, REFUSED_S) if len(self._forbidden) >= FORBIDDEN else ("", 0.0)
        return "", 0.0

    @staticmethod
    def _is_failing(passage: Passage) -> bool:
        return bool(passage.failed) or (passage.status or 0) >= 500 or passage.status in (401, 403)

    def _open(self, why: str, pause_s: float) -> None:
        now = self._clock.now()
        self._pause_s = pause_s or min(max(self._pause_s * 2, FIRST_S), LONGEST_S)
        since_at = self._standing.since_at or now
        self._standing = Standing(Circuit.OPEN, why, since_at, now + timedelta(seconds=self._pause_s))

    def _close(self) -> None:
        self._failures = self._refusals = 0
        self._forbidden.clear()
        self._pause_s = 0.0
        self._standing = Standing()


def _is_ours(error: TemporaryError | UnknownOutcomeError) -> bool:
    """Whether the request was held back by ourselves (no permit)."""
    return isinstance(error, TemporaryError) and bool(error.reason)
