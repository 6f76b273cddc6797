"""`bridge demo`: the whole main job, told in a terminal, on simulated sites."""

from __future__ import annotations

import json as jsonlib
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.bootstrap import Bridge, build
from bridge.cli.config_option import connectors
from bridge.cli.story import scenes
from bridge.cli.story.config import SITES, config_text
from bridge.cli.story.judge import Verdict, judge
from bridge.cli.story.people import GitHub, Helpdesk, Jira
from bridge.cli.story.scenes import Stage
from bridge.cli.story.script import Script
from bridge.config import load_config
from bridge.errors import BridgeError
from bridge.sandbox.server import Sandbox

PATIENCE_S = 300.0


class UnsettledError(BridgeError):
    """The two sides did not come to agree in time."""


def demo(
    tickets: Annotated[int, typer.Option(min=4, help="How many tickets the customers file at first.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Only the result, as JSON.")] = False,
    log: Annotated[Path | None, typer.Option(help="Write every request to the sites here, as JSON lines.")] = None,
) -> None:
    """Watch two customers' Zendesks and a vendor's Jira and GitHub work together, then under faults. Exit 1 if anything
    was lost, duplicated or leaked."""
    console = Console(highlight=False, soft_wrap=True, quiet=json)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as home, Sandbox(SITES, seed=seed, log_file=log) as sandbox:
        config = Path(home) / "config.yaml"
        config.write_text(config_text(sandbox.urls), encoding="utf-8")
        built = build(load_config(config, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors()))
        daemon = threading.Thread(target=built.daemon.run, name="daemon")
        daemon.start()
        stage = _stage(sandbox, built, console, seed)
        try:
            verdict = _play(stage, console, tickets)
            report = _report(built, sandbox, stage, verdict, took_s=time.monotonic() - started)
        finally:
            built.daemon.stop()
            daemon.join()
            stage.close()
            built.close()
    if json:
        typer.echo(jsonlib.dumps(report))
    else:
        _print_end(console, report, verdict)
    if not verdict.is_clean:
        raise typer.Exit(1)


def _stage(sandbox: Sandbox, built: Bridge, console: Console, seed: int) -> Stage:
    urls = sandbox.urls

    def settle() -> None:
        if not built.daemon.settle(patience_s=PATIENCE_S):
            raise UnsettledError(f"The two sides did not agree within {PATIENCE_S:.0f} s.")

    return Stage(
        sandbox=sandbox,
        script=Script(random.Random(seed)),
        desks={name: Helpdesk(urls[name], name) for name in ("acme-desk", "globex-desk")},
        jira=Jira(urls["vendor-jira"]),
        github=GitHub(urls["vendor-github"], "vendor/platform"),
        tell=lambda sentence: console.print(f"  {sentence}", markup=False),
        settle=settle,
    )


def _play(stage: Stage, console: Console, tickets: int) -> Verdict:
    _head(console, "1", "Customers file tickets in their own Zendesks")
    scenes.file_tickets(stage, tickets)
    _table(console, stage)
    _head(console, "2", "Engineers and customers talk, each in their own tool")
    scenes.talk(stage)
    _head(console, "3", "A severity is raised")
    scenes.raise_severity(stage)
    _head(console, "4", "A workaround, a hot fix and a release reach the customer")
    scenes.deliver(stage)
    _head(console, "5", "Solved, and reopened")
    scenes.solve_and_reopen(stage)
    _head(console, "6", "The same under faults")
    scenes.storm(stage, max(4, tickets // 4))
    _head(console, "7", "What stands at the end")
    _table(console, stage)
    return judge(stage.script, stage.scene())


def _head(console: Console, number: str, title: str) -> None:
    console.print(f"\n{number}. {title}", style="bold")


def _table(console: Console, stage: Stage) -> None:
    table = Table("ticket", "priority", "status", "issue", "severity", "state")
    rows = scenes.show_links(stage)
    for row in rows[:20]:
        table.add_row(*row)
    console.print(table)
    if len(rows) > 20:
        console.print(f"  … and {len(rows) - 20} more")


def _report(built: Bridge, sandbox: Sandbox, stage: Stage, verdict: Verdict, *, took_s: float) -> dict[str, Any]:
    with built.ledger.begin() as transaction:
        links, states = transaction.links.count(), transaction.journal.count()
    return {
        **verdict.counts(),
        "tickets": len(stage.script.opened),
        "texts": len(stage.script.lines),
        "links": links,
        "operations": states,
        "faults_played": sum(1 for entry in sandbox.log if entry["fault"]),
        "requests": {site: sum(wire.requests.values()) for site, wire in built.wires.items()},
        "wrong": [*verdict.lost, *verdict.duplicated, *verdict.leaked],
        "seconds": round(took_s, 1),
    }


def _print_end(console: Console, report: dict[str, Any], verdict: Verdict) -> None:
    table = Table("site", "requests bridge sent")
    for site, number in report["requests"].items():
        table.add_row(site, str(number))
    console.print(table)
    console.print(
        f"{report['tickets']} tickets, {report['texts']} texts and {report['faults_played']} faults, "
        f"in {report['seconds']} s. Compared ticket by ticket at all four sites:"
    )
    for sentence in report["wrong"]:
        console.print(f"  {sentence}", style="red", markup=False)
    counts = verdict.counts()
    summary = ", ".join(f"{name} {number}" for name, number in counts.items())
    console.print(summary, style="bold green" if verdict.is_clean else "bold red")
