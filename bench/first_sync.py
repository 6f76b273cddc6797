"""What a first sync costs: requests an issue, and CPU and time beside a bare loop that sends the same calls."""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ground import Ground
from bench.loop import Effort, Looped, Stopwatch, send_again
from bench.pairs import Pair
from bridge.bootstrap import Bridge
from bridge.model.operation import OperationState

COMMENTS = 2
FLOOR = 1.0 + COMMENTS
"""One create and two comments: with fewer requests an issue of two comments cannot be mirrored one by one."""
PEERS = {"GitHub → Jira": (14.4, 21.0)}
"""Requests an issue of the two best open programs for a pair. Figures handed down, not measured by this program."""


@dataclass(frozen=True, slots=True)
class FirstSync:
    """A first sync. `endpoints`: requests by site and `METHOD endpoint`; `log` the sites' own record of them."""

    pair: str
    issues: int
    comments: int
    dead: int
    endpoints: Mapping[str, Mapping[str, int]]
    log: list[dict[str, Any]]
    effort: Effort
    looped: Looped

    @property
    def cpu_ratio(self) -> float:
        """CPU of the sync by that of the bare loop."""
        return self.effort.cpu_s / self.looped.effort.cpu_s

    @property
    def wall_ratio(self) -> float:
        """Time on the wall of the sync by that of the bare loop."""
        return self.effort.wall_s / self.looped.effort.wall_s

    @property
    def requests_per_issue(self) -> float:
        """Every request bridge sent, feeds and set-up included, by the number of issues."""
        return len(self.log) / self.issues


def report(rounds: Sequence[FirstSync]) -> dict[str, Any]:
    """The figures of the costliest of some rounds as plain data; ratios are medians, because this machine has other work
    too."""
    one = max(rounds, key=lambda sync: len(sync.log))
    by_site = Counter(entry["site"] for entry in one.log)
    return {
        "pair": one.pair,
        "issues": one.issues,
        "comments": one.comments,
        "dead": one.dead,
        "requests": len(one.log),
        "requests_per_issue": round(one.requests_per_issue, 2),
        "floor": FLOOR,
        "peers": list(PEERS.get(one.pair, ())),
        "by_site": dict(sorted(by_site.items())),
        "by_endpoint": {site: dict(sorted(counts.items())) for site, counts in one.endpoints.items()},
        "refused": sum(entry["status"] >= 400 for entry in one.log),
        "bare_loop": {
            "rounds": len(rounds),
            "calls": one.looped.calls,
            "answered_differently": max(sync.looped.differing for sync in rounds),
            "cpu_ratio": round(statistics.median(sync.cpu_ratio for sync in rounds), 1),
            "wall_ratio": round(statistics.median(sync.wall_ratio for sync in rounds), 1),
            "cpu_ratios": [round(sync.cpu_ratio, 1) for sync in rounds],
            "wall_ratios": [round(sync.wall_ratio, 1) for sync in rounds],
        },
    }


def measure(pair: Pair, number: int) -> FirstSync:
    """Sync `number` tickets into an empty project, then send the same calls bare to a sandbox in the same first state.

    Raises RuntimeError when the sync did not mirror everything: a measurement of half the work is none.
    """
    with Ground(pair.plot) as ground, tempfile.TemporaryDirectory(prefix="bridge-bench-") as home:
        pair.seed(ground, number)
        bridge = pair.build(Path(home), ground.urls)
        try:
            watch = Stopwatch()
            bridge.daemon.run_once()
            effort = watch.read()
            log = ground.log()
            comments, dead = _check(ground, bridge, log, number), _dead(bridge)
            endpoints = {site: dict(wire.requests) for site, wire in bridge.wires.items()}
        finally:
            bridge.close()
    with Ground(pair.plot) as ground:
        pair.seed(ground, number)
        looped = send_again(log, ground.urls)
    return FirstSync(pair.name, number, comments, dead, endpoints, log, effort, looped)


def _check(ground: Ground, bridge: Bridge, log: list[dict[str, Any]], number: int) -> int:
    """Make sure, by what stands in Jira, that everything was mirrored once: the number of comments there."""
    jira = ground.state("vendor-jira")
    comments = Counter(str(one["issue"]) for one in jira["comments"].values())
    if len(jira["issues"]) != number or sorted(comments.values()) != [COMMENTS] * number:
        raise RuntimeError(f"Of {number} tickets Jira holds {len(jira['issues'])}, with comments {dict(comments)}.")
    counted = sum(sum(wire.requests.values()) for wire in bridge.wires.values())
    if counted != len(log):
        raise RuntimeError(f"The sites saw {len(log)} requests of bridge's, which counted {counted} itself.")
    return sum(comments.values())


def _dead(bridge: Bridge) -> int:
    with bridge.ledger.begin() as transaction:
        return transaction.journal.count().get(OperationState.DEAD.value, 0)
