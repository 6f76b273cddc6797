"""`bridge exposure`: what a route's customer could come to see, and by which line of which file."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.config import RoutePlan
from bridge.config.describe import message_words, rule_words, trigger_words
from bridge.engine.guards.exposure import SHOWN, Exposed, exposures
from bridge.errors import ConfigurationError
from bridge.mapping import CommentRule, Opening, UpdateRule
from bridge.model.words import Audience

READERS = {
    Audience.CUSTOMER_USER: "the customer's users",
    Audience.CUSTOMER_TEAM: "the customer's own team, as an internal note",
    Audience.VENDOR: "the vendor's people, as an internal note",
}


def exposure(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The route.")],
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show every kind of text and value that a route can bring to its customer. Needs no network and no ledger."""
    loaded = load(config)
    plans = {plan.name: plan for plan in loaded.routes_compiled}
    if route not in plans:
        raise ConfigurationError(f"There is no route {route}; the config has {', '.join(plans)}.")
    plan = plans[route]
    rows = exposed(plan)
    if json:
        typer.echo(jsonlib.dumps({"route": route, "mode": plan.mode, "exposed": [_plain(row) for row in rows]}))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"What route {route} (mode {plan.mode}) can bring to {plan.helpdesk.site}:", markup=False)
    table = Table("what", "who can read it", "now", Column("rule", overflow="fold", min_width=18))
    for row in rows:
        table.add_row(escape(_what(row)), _readers(row), row.effect, escape(str(row.place)))
    console.print(table if rows else "Nothing.")
    if any(row.rule is not None for row in rows):
        console.print(
            "A text brings the files it bears or shows, follows its source's edits, and is never shown to more readers."
        )
    for condition in (*plan.helpdesk.mapping.deny, *plan.tracker.mapping.deny):
        console.print(f"Nothing at all of a case that {condition.place} denies.", markup=False)
    console.print("Everything else stays in the tracker.")


def exposed(plan: RoutePlan) -> tuple[Exposed, ...]:
    """The page of one compiled route."""
    return exposures(
        mode=plan.mode,
        held_by=plan.helpdesk.held_by,
        helpdesk=plan.helpdesk.mapping,
        tracker=plan.tracker.mapping,
        policies=plan.policies,
        opening=plan.tracker.opening,
        shown=plan.helpdesk.shown_in,
    )


def _what(row: Exposed) -> str:
    if isinstance(row.rule, CommentRule):
        return f"a comment{rule_words(row.rule)}"
    if isinstance(row.rule, Opening):
        return f"a ticket of its own: {message_words(row.rule)}"
    if isinstance(row.rule, UpdateRule):
        return f"update `{row.name}`: when {trigger_words(row.rule)}"
    if row.kind in SHOWN:
        return f"the {'key' if row.kind == 'issue_key' else 'address'} of the issue, in field {row.name}"
    return row.kind.replace("_", " ") + f" {row.name}"


def _readers(row: Exposed) -> str:
    if row.rule is None:
        return f"{READERS[row.audience]}, where the helpdesk shows them the field"
    return READERS[row.audience]


def _plain(row: Exposed) -> dict[str, object]:
    return {
        "kind": row.kind,
        "name": row.name,
        "what": _what(row),
        "direction": "to_helpdesk",
        "audience": row.audience.value,
        "flows": row.flows,
        "effect": row.effect,
        "rule": str(row.place),
    }
