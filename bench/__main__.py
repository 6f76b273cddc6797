"""`python -m bench`: what bridge asks of the vendors' sites, and of this machine."""

from __future__ import annotations

import argparse
import json
import logging
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from bench import first_sync, polls
from bench.pairs import GITHUB, ZENDESK

LINKS = (10, 1000)


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="only the figures, as JSON")
    parser.add_argument("--issues", type=int, default=50, help="how many issues a first sync has")
    parser.add_argument("--rounds", type=int, default=3, help="how often CPU and time are measured")
    parser.add_argument("--links", type=int, nargs="*", default=LINKS, help="how many links a quiet poll watches")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(highlight=False, soft_wrap=True, quiet=chosen.json)
    # Client libraries are imported and caches filled by a first small run, which is not part of any figure.
    first_sync.measure(ZENDESK, 2)
    first_sync.measure(GITHUB, 2)
    report: dict[str, Any] = {"first_sync": [], "polls": []}
    for pair in (GITHUB, ZENDESK):
        figures = first_sync.report([first_sync.measure(pair, chosen.issues) for _round in range(chosen.rounds)])
        report["first_sync"].append(figures)
        _show_sync(console, figures)
    for pair in (GITHUB, ZENDESK):
        for number in chosen.links:
            figures = polls.measure(pair, number).report()
            report["polls"].append(figures)
            _show_polls(console, figures)
    if chosen.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))


def _show_sync(console: Console, figures: dict[str, Any]) -> None:
    console.print(
        f"\n{figures['pair']}: first sync of {figures['issues']} issues, {figures['comments']} comments", style="bold"
    )
    table = Table("requests an issue", "")
    table.add_row("the floor (one create, two comments)", f"{figures['floor']:.1f}")
    table.add_row("bridge", f"{figures['requests_per_issue']:.2f}", style="bold")
    for figure in figures["peers"]:
        table.add_row("best open peers (not measured here)", f"{figure:.1f}")
    console.print(table)
    table = Table("site", "request", "number")
    for site, counts in figures["by_endpoint"].items():
        for name, number in counts.items():
            table.add_row(site, name, str(number))
    table.add_row("all", "", str(figures["requests"]), style="bold")
    console.print(table)
    loop = figures["bare_loop"]
    console.print(
        f"Beside a bare loop of the same {loop['calls']} calls, median of {loop['rounds']} rounds: "
        f"{loop['cpu_ratio']} times its CPU {loop['cpu_ratios']}, "
        f"{loop['wall_ratio']} times its time on the wall {loop['wall_ratios']}."
    )
    for what, words in (("refused", "requests were refused"), ("dead", "operations were given up on")):
        if figures[what]:
            console.print(f"{figures[what]} {words}.", style="red")
    if loop["answered_differently"]:
        console.print(f"{loop['answered_differently']} bare calls were answered differently.", style="red")


def _show_polls(console: Console, figures: dict[str, Any]) -> None:
    console.print(f"\n{figures['pair']}: one poll of {figures['links']} links when nothing changed", style="bold")
    table = Table("site", "request", "right after the sync", "an hour later")
    for site, later in figures["an_hour_later"].items():
        at_once = figures["right_after_the_sync"][site]
        for name in sorted({*at_once, *later}):
            table.add_row(site, name, str(at_once.get(name, 0)), str(later.get(name, 0)))
    console.print(table)


if __name__ == "__main__":
    main()
