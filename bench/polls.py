"""What watching costs: the requests of one poll of every site when nothing changed."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ground import Ground
from bench.pairs import HOUR_S, Pair
from bridge.bootstrap import Bridge


@dataclass(frozen=True, slots=True)
class Watching:
    """Requests of a poll by site and endpoint: of one right after the sync, whose overlap still shows every issue, and
    of one an hour later."""

    pair: str
    links: int
    at_once: Mapping[str, Mapping[str, int]]
    quiet: Mapping[str, Mapping[str, int]]

    def report(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            "pair": self.pair,
            "links": self.links,
            "right_after_the_sync": {site: dict(counts) for site, counts in self.at_once.items()},
            "an_hour_later": {site: dict(counts) for site, counts in self.quiet.items()},
        }


def measure(pair: Pair, number: int) -> Watching:
    """Link `number` tickets by a real first sync, then poll while nothing changes."""
    with Ground(pair.plot) as ground, tempfile.TemporaryDirectory(prefix="bridge-bench-") as home:
        pair.seed(ground, number)
        bridge = pair.build(Path(home), ground.urls)
        try:
            bridge.daemon.run_once()
            at_once = _poll(bridge)
            ground.advance(HOUR_S)
            _poll(bridge)
            quiet = _poll(bridge)
            with bridge.ledger.begin() as transaction:
                links = sum(transaction.links.count().values())
        finally:
            bridge.close()
    return Watching(pair.name, links, at_once, quiet)


def _poll(bridge: Bridge) -> dict[str, dict[str, int]]:
    """One poll of every feed of every site, those that are read once a minute included."""
    before = {site: Counter(wire.requests) for site, wire in bridge.wires.items()}
    for site in bridge.wires:
        poll = bridge.daemon.intake.poll(site, every_feed=True)
        if poll.failed:
            raise RuntimeError(f"{site} could not be polled: {poll.failed}")
    return {site: dict(Counter(wire.requests) - before[site]) for site, wire in bridge.wires.items()}
