"""`bridge sla what-if`: what another contract would make of the cases there are."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.cli.desk import reading_desk
from bridge.config import known_roles, read_timeline
from bridge.engine.clocks.difference import Change, Difference, difference_of
from bridge.engine.clocks.words import length, metric_words, standing
from bridge.engine.route import Route
from bridge.errors import ConfigurationError
from bridge.sla.clock import Clock
from bridge.sla.terms import Timeline


def what_if(
    contract: Annotated[list[str], typer.Option("--contract", help="The other contract's file; again for versions.")],
    route: Annotated[str | None, typer.Option("--route", help="The route; else that of the same customer.")] = None,
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Hold another contract against all open and past cases: what moves, what would be broken. Writes nothing."""
    loaded = load(config)
    other = read_timeline(contract, Path(), people=known_roles(loaded))
    with reading_desk(loaded) as desk, desk.ledger.begin() as transaction:
        name = _route(desk.routes, other, route)
        found = difference_of(transaction, desk.routes, name, other)
    if json:
        typer.echo(jsonlib.dumps(_plain(found)))
    else:
        _print(Console(highlight=False, soft_wrap=True), found, other)


def _route(routes: Mapping[str, Route], other: Timeline, wanted: str | None) -> str:
    """The route to look at. Raises ConfigurationError if that is not clear."""
    if wanted is not None:
        if wanted not in routes:
            raise ConfigurationError(f"There is no route {wanted}; the config has {', '.join(routes)}.")
        return wanted
    customer = other.versions[-1].contract.customer
    found = [
        name
        for name, route in routes.items()
        if route.contract is not None and route.contract.versions[-1].contract.customer == customer
    ]
    if len(found) == 1:
        return found[0]
    named = f"{', '.join(found)} have" if found else "No route has"
    raise ConfigurationError(
        f"{named} a contract with {customer}.", None, f"name one with --route: {', '.join(found or routes)}"
    )


def _print(console: Console, found: Difference, other: Timeline) -> None:
    table = Table("ticket", "promise", "severity", "due now", "due then", "moves by", "then", title=found.route)
    zone = other.versions[-1].zone
    for change in found.changes:
        style = "red" if change.breaks else "green" if change.mends else None
        due = (_due(clock, zone) for clock in (change.before, change.after))
        named = (escape(change.ticket), _named(change), change.clock.severity)
        table.add_row(*named, *due, _moved(change), _verdict(change), style=style)
    if found.changes:
        console.print(table)
    for line in _sentences(found):
        console.print(line, markup=False)


def _sentences(found: Difference) -> list[str]:
    earlier = sum(move.total_seconds() < 0 for move in found.moves)
    moves = f"{len(found.moves)} due times move"
    if found.moves:
        moves += f" ({earlier} earlier, {len(found.moves) - earlier} later), by {_amount(found.furthest)} at most"
    breaks, mends = (sum(getattr(change, name) for change in found.changes) for name in ("breaks", "mends"))
    lines = [
        f"{found.cases} cases under {found.customer}: {moves}.",
        f"{breaks} promises would be broken that are not; {mends} would not be broken that are.",
    ]
    if found.lost:
        lines.append(f"Out of support then: {', '.join(found.lost)}.")
    if found.gained:
        lines.append(f"Not out of support any more: {', '.join(found.gained)}.")
    return lines


def _named(change: Change) -> str:
    return metric_words(change.metric) + (f" ({change.cycle}.)" if change.cycle > 1 else "")


def _due(clock: Clock | None, zone: Any) -> str:
    if clock is None:
        return "not promised"
    return _local(clock.due_at, zone) if clock.due_at is not None else standing(clock)


def _moved(change: Change) -> str:
    if change.moved_by:
        return _amount(change.moved_by)
    return f"{_amount(change.left_by)} left" if change.left_by else ""


def _verdict(change: Change) -> str:
    if change.mends:
        return "not broken any more"
    if change.is_over:
        return "broken" if change.breaks else "still broken"
    return standing(change.after) if change.after is not None else ""


def _amount(amount: Any) -> str:
    shown: str = length(amount)
    return shown if shown.startswith("-") else f"+{shown}"


def _local(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _plain(found: Difference) -> dict[str, Any]:
    return {
        "route": found.route,
        "customer": found.customer,
        "cases": found.cases,
        "moves": len(found.moves),
        "furthest_s": found.furthest.total_seconds(),
        "breaks": sum(change.breaks for change in found.changes),
        "mends": sum(change.mends for change in found.changes),
        "out_of_support_then": list(found.lost),
        "out_of_support_no_more": list(found.gained),
        "changes": [_plain_change(change) for change in found.changes],
    }


def _plain_change(change: Change) -> dict[str, Any]:
    moved, left = change.moved_by, change.left_by
    return {
        "ticket": change.ticket,
        "title": change.title,
        "metric": change.metric,
        "cycle": change.cycle,
        "severity": change.clock.severity,
        "open": change.clock.is_open,
        "before": _plain_side(change.before, is_over=change.was_over),
        "after": _plain_side(change.after, is_over=change.is_over),
        "moves_by_s": moved.total_seconds() if moved is not None else None,
        "left_by_s": left.total_seconds() if left is not None else None,
        "breaks": change.breaks,
        "mends": change.mends,
    }


def _plain_side(clock: Clock | None, *, is_over: bool) -> dict[str, Any] | None:
    if clock is None:
        return None
    return {
        "state": str(clock.state),
        "due_at": clock.due_at.isoformat() if clock.due_at is not None else None,
        "broken": is_over,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at is not None else None,
        "target_s": clock.target.total_seconds() if clock.target is not None else None,
        "consumed_s": clock.consumed.total_seconds(),
        "contract": clock.terms,
        "calendar_version": clock.calendar_version,
        "tzdata": clock.tzdata,
    }
