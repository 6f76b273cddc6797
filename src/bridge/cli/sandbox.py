"""`bridge sandbox`: the simulated sites, to rehearse against."""

from __future__ import annotations

import json as jsonlib
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bridge.errors import ConfigurationError
from bridge.sandbox.seed import import_tickets, seed
from bridge.sandbox.server import KINDS, Sandbox

DEFAULT_SITES = ("acme-desk=zendesk", "globex-desk=zendesk", "vendor-jira=jira-cloud", "vendor-github=github")
VARIABLES = {
    "acme-desk": ("ACME_DESK_URL", "ACME_DESK_TOKEN"),
    "globex-desk": ("GLOBEX_DESK_URL", "GLOBEX_DESK_TOKEN"),
    "vendor-jira": ("JIRA_URL", "JIRA_TOKEN"),
    "vendor-github": ("GITHUB_URL", "GITHUB_TOKEN"),
}
TOKEN = "sandbox"
"""The one secret of every simulated site. It opens nothing but the sandbox."""


def sandbox(
    port: Annotated[int, typer.Option(help="The first site's port; the others follow. 0 takes free ones.")] = 8801,
    site: Annotated[list[str] | None, typer.Option("--site", help="NAME=KIND, several times.")] = None,
    tickets: Annotated[int, typer.Option(help="Seed the helpdesks with this many tickets.")] = 12,
    seed_number: Annotated[int, typer.Option("--seed", help="The same seed makes the same tickets.")] = 1,
    import_file: Annotated[
        Path | None, typer.Option("--import", help="Load an export page of Zendesk tickets.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Keep the state in this file.")] = None,
    log: Annotated[Path | None, typer.Option(help="Write every request here, as JSON lines.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
) -> None:
    """Run simulated Zendesks, a Jira and a GitHub on loopback until stopped."""
    sites = dict(_parse(text) for text in site or DEFAULT_SITES)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    fresh = state is None or not state.exists()
    with Sandbox(sites, seed=seed_number, base_port=port, state_file=state, log_file=log) as running:
        if import_file is not None:
            helpdesk = next((name for name, kind in sites.items() if kind == "zendesk"), None)
            if helpdesk is None:
                raise ConfigurationError("--import needs a site of kind zendesk.")
            import_tickets(running, helpdesk, import_file)
        elif fresh and tickets:
            seed(running, tickets=tickets, seed=seed_number)
        running.clear_log()
        _announce(running, as_json=json)
        stop.wait()


def _parse(text: str) -> tuple[str, str]:
    name, equals, kind = text.partition("=")
    if not (name and equals) or kind not in KINDS:
        raise ConfigurationError(f"--site takes NAME=KIND, not {text}.", None, f"kinds: {', '.join(KINDS)}")
    return name, kind


def _announce(running: Sandbox, *, as_json: bool) -> None:
    if as_json:
        typer.echo(jsonlib.dumps(running.urls))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print("The sandbox runs; stop it with Ctrl-C. In another terminal:", style="bold")
    for name, url in running.urls.items():
        for variable, value in zip(VARIABLES.get(name, ()), (url, TOKEN), strict=False):
            console.print(f"export {variable}={value}", markup=False)
    console.print("bridge run --once --config config.example.yaml")
