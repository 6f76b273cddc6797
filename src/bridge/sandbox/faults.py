"""Faults a sandbox plays on request: what goes wrong, where, how often."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Any

KINDS = {
    "status": "answers `status` without handling; 429 and 503 may carry Retry-After",
    "latency": "waits `delay_s` before handling",
    "drop_before": "closes the connection, nothing is handled",
    "drop_after": "handles, then closes the connection without an answer",
    "late_write": "closes the connection without an answer, handles `delay_s` later",
    "slow_body": "lets the answer's body trickle over `delay_s`",
    "truncate": "cuts the JSON in the middle, under a Content-Length that fits the cut",
    "cut": "closes the connection in the middle of the body",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    `site` and `method` are patterns (`*`), `path` is a regular expression searched in the path without its query.
    `probability` is rolled for each matching request; `count` is how often it happens at all, None for ever.
    `body` and `headers` are what a `status` fault answers with.
    """

    kind: str
    site: str = "*"
    method: str = "*"
    path: str = ".*"
    status: int = 503
    retry_after_s: float | None = None
    delay_s: float = 0.0
    probability: float = 1.0
    count: int | None = None
    writes_only: bool = False
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind!r} (known: {', '.join(KINDS)})")
        re.compile(self.path)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """The fault a control request describes. Raises ValueError for what it does not know."""
        unknown = set(data) - {known.name for known in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        if "kind" not in data:
            raise ValueError("a fault needs a kind")
        return cls(**data)

    def hits(self, *, site: str, method: str, path: str, writes: bool) -> bool:
        """Whether it is meant for this request."""
        if self.writes_only and not writes:
            return False
        return fnmatchcase(site, self.site) and fnmatchcase(method, self.method) and bool(re.search(self.path, path))


class Faults:
    """The faults in force. Used under the world's lock."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._left: list[tuple[Fault, list[int]]] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self._left])

    def add(self, fault: Fault) -> None:
        """Put one more fault in force, behind the others."""
        self._left.append((fault, [0]))

    def clear(self) -> None:
        """From here on nothing goes wrong."""
        self._left.clear()

    def take(self, *, site: str, method: str, path: str, writes: bool) -> tuple[float, Fault | None]:
        """What happens to this request: seconds of latency, and the first other fault that hits it."""
        latency_s = 0.0
        for fault, used in self._left:
            spent = fault.count is not None and used[0] >= fault.count
            if spent or not fault.hits(site=site, method=method, path=path, writes=writes):
                continue
            if fault.probability < 1 and self._dice.random() >= fault.probability:
                continue
            used[0] += 1
            if fault.kind != "latency":
                return latency_s, fault
            latency_s += fault.delay_s
        return latency_s, None

    def describe(self) -> list[dict[str, Any]]:
        """All faults as JSON, each with how often it was `used`."""
        return [{**asdict(fault), "used": used[0]} for fault, used in self._left]
