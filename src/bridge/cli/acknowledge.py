"""`bridge sla ack`: somebody knows of what was crossed in a case."""

from __future__ import annotations

import getpass
import json as jsonlib
from typing import Annotated

import typer

from bridge.bootstrap import beside
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.cli.sla import Json, find_case
from bridge.engine.clocks.acknowledging import acknowledge
from bridge.engine.clocks.words import metric_words


def ack(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="A ticket's number, its issue's key, or a case.")],
    who: Annotated[str | None, typer.Option("--who", help="Who knows of it, for the record.")] = None,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Acknowledge the warnings and breaches of a case, so that they are not told again. Works beside a running bridge."""
    name = " ".join((who or getpass.getuser()).split())[:128]
    ledger = beside(load(config))
    try:
        with ledger.begin() as transaction:
            group = find_case(transaction, ticket)
            found = acknowledge(transaction, group, who=name)
            before = [one for one in transaction.clocks.fired(group) if one.acked_at is not None and one not in found]
    finally:
        ledger.close()
    if json:
        what = [{"metric": one.metric, "cycle": one.cycle, "kind": one.kind, "label": one.label} for one in found]
        typer.echo(jsonlib.dumps({"case": group, "who": name, "acknowledged": what}))
        return
    for one in found:
        typer.echo(f"Acknowledged: {metric_words(one.metric).lower()}, {one.label}.")
    if not found and before:
        typer.echo(f"Nothing new: {before[-1].acked_by} acknowledged it before.")
    elif not found:
        typer.echo("There is nothing to acknowledge: nothing was told of this case.")
