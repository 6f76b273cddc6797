"""A bucket of tokens, each of which comes back a fixed time after it was taken.

So no window of that length ever sees more requests than the rate allows, however they bunch; a bucket that refills
steadily would let twice as many pass.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from math import ceil

UNSAID_RESET_S = 60.0
_SAME_WINDOW_S = 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `per_s` seconds."""

    requests: int
    per_s: float


@dataclass(slots=True)
class _Told:
    """The site's own word: how many are left until when. `dated`: it said when."""

    left: int
    until_s: float
    dated: bool


class Bucket:
    """The tokens of one scope, under one or more rates. Times are seconds since the epoch. Not thread-safe."""

    def __init__(self, rates: tuple[Rate, ...]) -> None:
        self._rates = rates
        self._longest_s = max((rate.per_s for rate in rates), default=0.0)
        self._taken: list[float] = []
        self._closed_until_s = 0.0
        self._told: _Told | None = None
        self._most_left = 0

    def wait_s(self, now_s: float, *, spare: float = 0.0) -> float:
        """Seconds until a token can be taken, 0 when one can be now. `spare` is the share of every rate that must be
        left afterwards (0 to 1)."""
        self._forget(now_s)
        wait_s = self._closed_until_s - now_s
        told = self._told
        if told is not None and told.left <= _kept(self._most_left, spare):
            wait_s = max(wait_s, told.until_s - now_s)
        # A site's word about its only rate replaces our counting; with several rates nobody knows which it means.
        if told is None or len(self._rates) > 1:
            for rate in self._rates:
                since = bisect_right(self._taken, now_s - rate.per_s)
                allowed = rate.requests - _kept(rate.requests, spare)
                if len(self._taken) - since >= allowed:
                    wait_s = max(wait_s, self._taken[-allowed] + rate.per_s - now_s)
        return max(0.0, wait_s)

    def take(self, now_s: float) -> None:
        """Take a token."""
        if self._rates:
            insort(self._taken, now_s)
        if self._told is not None:
            self._told.left -= 1

    def give_back(self, taken_s: float) -> None:
        """Put a token back that was taken at `taken_s` and not used."""
        if taken_s in self._taken:
            self._taken.remove(taken_s)
        if self._told is not None:
            self._told.left += 1

    def correct(self, *, now_s: float, left: int, resets_s: float | None) -> None:
        """Take the site's word over our count: `left` until `resets_s` from now (None: it does not say)."""
        until_s = now_s + (resets_s if resets_s is not None else self._longest_s or UNSAID_RESET_S)
        told = self._told
        if told is not None and told.dated and resets_s is not None and abs(told.until_s - until_s) < _SAME_WINDOW_S:
            # Answers overtake each other; within one window what is left only shrinks.
            left = min(left, told.left)
        self._told = _Told(left, until_s, resets_s is not None)
        self._most_left = max(self._most_left, left)

    def told_left(self, now_s: float) -> int | None:
        """What the site last said is left, less what was taken since; None when it has not said."""
        self._forget(now_s)
        return None if self._told is None else self._told.left

    def close(self, *, until_s: float) -> None:
        """Give nothing out before `until_s`."""
        self._closed_until_s = max(self._closed_until_s, until_s)

    def is_idle(self, now_s: float) -> bool:
        """Whether forgetting this bucket would change nothing."""
        self._forget(now_s)
        return not self._taken and self._told is None and self._closed_until_s <= now_s

    def _forget(self, now_s: float) -> None:
        if self._told is not None and self._told.until_s <= now_s:
            if self._told.dated:
                # The site begins to count afresh, and so do we.
                self._taken.clear()
            self._told = None
        del self._taken[: bisect_right(self._taken, now_s - self._longest_s)]


def _kept(requests: int, spare: float) -> int:
    """How many of so many requests are kept back. One is always left to whoever asks."""
    return min(ceil(requests * spare), max(requests - 1, 0))
