"""`python -m bench.replay`: real incident histories, played through both sides, judged at the end."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from bench.agreement import Verdict, judge
from bench.cast import Cast
from bench.ground import Ground, Plot
from bench.incidents import FILE, VARIABLE, Incident, find_file, read_incidents
from bench.pairs import ZENDESK
from bridge.bootstrap import Bridge
from bridge.errors import BridgeError
from bridge.model.operation import OperationState
from bridge.model.words import Side

PATIENCE_S = 60.0


class StuckError(BridgeError):
    """The two sides did not come to rest."""


@dataclass(slots=True)
class Played:
    """What was done: steps by side and tickets closed; the verdict at the end, and what disagreed after some wave."""

    steps: Counter[Side] = field(default_factory=Counter)
    closed: int = 0
    last: Verdict = field(default_factory=lambda: Verdict(0, {}))
    on_the_way: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Replay, print what came of it, and exit 1 if a case disagrees."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="how many histories")
    parser.add_argument("--seed", type=int, default=1, help="which histories, and who acts")
    parser.add_argument("--json", action="store_true", help="only the result, as JSON")
    chosen = parser.parse_args()
    path = find_file()
    if path is None:
        sys.exit(f"There is no {FILE}: name the directory that holds it in {VARIABLE}.")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(highlight=False, soft_wrap=True, quiet=chosen.json)
    incidents = read_incidents(path, cases=chosen.cases, seed=chosen.seed)
    report = replay(incidents, seed=chosen.seed, tell=lambda sentence: console.print(sentence, markup=False))
    if chosen.json:
        print(json.dumps(report, indent=2))
    else:
        _show(console, report)
    sys.exit(0 if is_clean(report) else 1)


def replay(incidents: list[Incident], *, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Play the cases wave by wave, each side acting on a case only once both agree about it. The result as plain data.

    Raises StuckError when a site could not be read, or work was left over that never fell due.
    """
    pair = replace(ZENDESK, plot=Plot(kinds=ZENDESK.plot.kinds, seed=seed))
    with Ground(pair.plot) as ground, tempfile.TemporaryDirectory(prefix="bridge-replay-") as home:
        bridge, cast = pair.build(Path(home), ground.urls), Cast(ground.urls, seed=seed)
        try:
            played = _play(bridge, cast, incidents, tell)
            return _report(bridge, incidents, played)
        finally:
            cast.close()
            bridge.close()


def _play(bridge: Bridge, cast: Cast, incidents: list[Incident], tell: Callable[[str], None]) -> Played:
    played = Played()
    for incident in incidents:
        cast.open(incident)
    _converge(bridge)
    cast.learn_keys(incidents)
    waves = max((len(one.steps) for one in incidents), default=0)
    tell(f"{len(incidents)} cases filed: {_look(bridge, cast, incidents, played, steps=0)} agree.")
    for wave in range(waves):
        moving = [one for one in incidents if len(one.steps) > wave]
        for incident in moving:
            step = incident.steps[wave]
            cast.play(incident, step)
            played.steps[step.side] += 1
        _converge(bridge)
        agreeing = _look(bridge, cast, incidents, played, steps=wave + 1)
        tell(f"Wave {wave + 1} of {waves}: {len(moving)} cases moved, {agreeing} agree.")
    for incident in incidents:
        if incident.ends_closed:
            cast.shut(incident)
            played.closed += 1
    _converge(bridge)
    _look(bridge, cast, incidents, played, steps=waves)
    return played


def _look(bridge: Bridge, cast: Cast, incidents: list[Incident], played: Played, *, steps: int) -> int:
    """Judge what stands now; how many cases agree."""
    played.last = judge(bridge.config.route("acme"), incidents, cast.tickets(), cast.issues(), steps=steps)
    for summary, sentence in played.last.wrong.items():
        played.on_the_way.setdefault(f"{summary} after step {steps}", sentence)
    return played.last.agreeing


def _converge(bridge: Bridge) -> None:
    settled = bridge.daemon.run_once(patience_s=PATIENCE_S)
    if settled.failed:
        raise StuckError(f"A site could not be read: {'; '.join(settled.failed)}")
    if settled.waiting:
        raise StuckError(f"{settled.waiting} cases wait until {settled.next_due_at}.")


def _report(bridge: Bridge, incidents: list[Incident], played: Played) -> dict[str, Any]:
    verdict = played.last
    with bridge.ledger.begin() as transaction:
        states = transaction.journal.count()
    requests = {site: sum(wire.requests.values()) for site, wire in bridge.wires.items()}
    return {
        "cases": verdict.cases,
        "events": sum(one.events for one in incidents),
        "steps": sum(len(one.steps) for one in incidents),
        "by_the_customer": played.steps[Side.HELPDESK],
        "by_engineers": played.steps[Side.TRACKER],
        "closed": played.closed,
        "agreeing": verdict.agreeing,
        "disagreements": dict(verdict.wrong),
        "disagreements_on_the_way": played.on_the_way,
        "operations": states,
        "dead": states.get(OperationState.DEAD.value, 0),
        "requests": requests,
        "requests_per_case": {site: round(number / max(verdict.cases, 1), 2) for site, number in requests.items()},
        "by_endpoint": {site: dict(sorted(wire.requests.items())) for site, wire in bridge.wires.items()},
    }


def is_clean(report: dict[str, Any]) -> bool:
    """Whether every case agreed after every wave, and nothing was given up on."""
    return not (report["disagreements"] or report["disagreements_on_the_way"] or report["dead"])


def _show(console: Console, report: dict[str, Any]) -> None:
    console.print(
        f"\n{report['events']} events of {report['cases']} cases, played as {report['steps']} changes: "
        f"{report['by_the_customer']} by the customer's agent, {report['by_engineers']} by engineers; "
        f"{report['closed']} tickets closed at the end."
    )
    table = Table("site", "request", "number", "a case")
    for site, counts in report["by_endpoint"].items():
        for name, number in counts.items():
            table.add_row(site, name, str(number), f"{number / max(report['cases'], 1):.2f}")
        table.add_row(
            site, "all", str(report["requests"][site]), f"{report['requests_per_case'][site]:.2f}", style="bold"
        )
    console.print(table)
    for summary, sentence in {**report["disagreements_on_the_way"], **report["disagreements"]}.items():
        console.print(f"{summary}: {sentence}", style="red", markup=False)
    if report["dead"]:
        console.print(f"{report['dead']} operations were given up on.", style="red")
    console.print(
        f"Severity and state agree on both sides in {report['agreeing']} of {report['cases']} cases.",
        style="bold green" if is_clean(report) else "bold red",
    )


if __name__ == "__main__":
    main()
