"""Sorted intervals with running sums: how much lies before an instant, and where an amount is reached. O(log n)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from bridge.sla.intervals import Interval, merge


class Table:
    """Intervals of microseconds, merged. `sums[i]` is what lies before interval i, and the last of them what all hold.

    Built once and never changed, so threads may share it.
    """

    __slots__ = ("ends", "starts", "sums", "total")

    def __init__(self, intervals: Iterable[Interval]) -> None:
        merged = merge(intervals)
        self.starts = [start for start, _ in merged]
        self.ends = [end for _, end in merged]
        self.sums = list(accumulate((end - start for start, end in merged), initial=0))
        self.total = self.sums[-1]

    def busy(self, us: int) -> int:
        """Microseconds of the intervals before the instant `us`."""
        i = bisect_right(self.starts, us) - 1
        if i < 0:
            return 0
        end = self.ends[i]
        return self.sums[i] + (us if us < end else end) - self.starts[i]

    def earliest(self, amount: int) -> int:
        """The first instant before which `amount` lies; 0 < amount <= total. The end of an interval it uses up."""
        i = bisect_left(self.sums, amount) - 1
        return self.starts[i] + amount - self.sums[i]

    def latest(self, amount: int) -> int:
        """The last instant before which no more than `amount` lies; 0 <= amount < total. The start of the next interval
        after one it uses up."""
        i = bisect_right(self.sums, amount) - 1
        return self.starts[i] + amount - self.sums[i]

    def within(self, start: int, end: int) -> list[Interval]:
        """The intervals that have something between the two instants, cut to them."""
        first = bisect_right(self.ends, start)
        last = bisect_left(self.starts, end)
        return [(max(self.starts[i], start), min(self.ends[i], end)) for i in range(first, last)]
