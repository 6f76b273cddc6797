"""`bridge run`: the daemon, or one converging run."""

from __future__ import annotations

import json as jsonlib
import signal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.bootstrap import Bridge, build
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.cli.observed import observed, print_observed
from bridge.engine.daemon import Settled
from bridge.model.words import Mode


def run(
    config: ConfigPath = DEFAULT_PATH,
    once: Annotated[bool, typer.Option("--once", help="Converge, report and exit.")] = False,
    patience: Annotated[float, typer.Option(help="With --once: seconds to wait for what is due later.")] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="With --once: report as JSON.")] = False,
) -> None:
    """Run the bridge until stopped; with --once, until both sides agree."""
    built = build(load(config))
    try:
        if once:
            _once(built, patience, as_json=json)
        else:
            _forever(built)
    finally:
        built.close()


def _forever(built: Bridge) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: built.daemon.stop())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if built.webhooks is not None:
        built.webhooks.start()
        console.print(f"Webhooks come in at {built.webhooks.url}/hooks/SITE; /readyz and /metrics tell how bridge is.")
    console.print(f"bridge runs {len(built.routes)} routes; stop it with Ctrl-C.")
    built.daemon.run()


def _once(built: Bridge, patience: float, *, as_json: bool) -> None:
    settled = built.daemon.run_once(patience_s=patience)
    report = report_of(built, settled)
    if as_json:
        typer.echo(jsonlib.dumps(report))
    else:
        _print(report)
        if settled.observations:
            print_observed(report["observed"])
    if settled.failed or report["dead"]:
        raise typer.Exit(1)


def report_of(built: Bridge, settled: Settled) -> dict[str, Any]:
    """What a converging run did, as plain data."""
    with built.ledger.begin() as transaction:
        links = transaction.links.count()
        states = transaction.journal.count()
    return {
        "routes": {
            name: {"mode": route.mode.value, "links": links.get(name, 0)} for name, route in built.routes.items()
        },
        "requests": {site: dict(wire.requests) for site, wire in built.wires.items()},
        "writes": {site: wire.writes for site, wire in built.wires.items()},
        "operations": states,
        "dead": states.get("dead", 0),
        "waiting": settled.waiting,
        "next_due_at": settled.next_due_at.isoformat() if settled.next_due_at else None,
        "failed": list(settled.failed),
        "observed": observed(built.routes, settled.observations),
    }


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table("route", "mode", "links")
    for name, row in report["routes"].items():
        table.add_row(name, row["mode"], "would link" if row["mode"] == Mode.OBSERVE else str(row["links"]))
    console.print(table)
    table = Table("site", "requests", "reads", "writes")
    for site, counts in report["requests"].items():
        total, writes = sum(counts.values()), report["writes"][site]
        table.add_row(site, str(total), str(total - writes), str(writes))
    console.print(table)
    if report["waiting"]:
        console.print(f"{report['waiting']} cases wait for their time; the next is due {report['next_due_at']}.")
    if report["dead"]:
        console.print(f"{report['dead']} operations were refused for good; see `bridge status`.", style="red")
    for sentence in report["failed"]:
        console.print(sentence, style="red", markup=False)
