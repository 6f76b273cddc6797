"""Sets of instants as sorted lists of half-open intervals `[start, end)`, in any one integer unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Interval = tuple[int, int]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants as the fewest sorted intervals: overlapping and touching ones joined, empty ones dropped."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def intersect(interval: Interval, window: Interval) -> Interval | None:
    """What of `interval` lies in `window`; None if nothing does."""
    start, end = max(interval[0], window[0]), min(interval[1], window[1])
    return (start, end) if start < end else None


def subtract(interval: Interval, holes: Iterable[Interval]) -> Iterator[Interval]:
    """What of `interval` lies in none of the `holes`, in order."""
    start, end = interval
    for hole_start, hole_end in merge(holes):
        if hole_end <= start:
            continue
        if hole_start >= end:
            break
        if hole_start > start:
            yield start, hole_start
        start = hole_end
    if start < end:
        yield start, end


def contains(interval: Interval, instant: int) -> bool:
    """Whether `instant` lies in `interval`; its end does not."""
    return interval[0] <= instant < interval[1]
