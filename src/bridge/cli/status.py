"""`bridge status`: what the ledger knows, without asking any site."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.bootstrap import look
from bridge.cli.brakes import plain_brake
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.engine.letters import names_of
from bridge.engine.life.succession import ELSEWHERE
from bridge.engine.people.reasons import STRAYED, UNROUTED
from bridge.model.document import to_plain
from bridge.model.operation import OperationState
from bridge.model.ticket import TicketRef
from bridge.store.ledger import Ledger
from bridge.store.links import Link


def status(
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show links, feeds, what waits and what failed. Reads the ledger only."""
    loaded = load(config)
    ledger = look(loaded)
    try:
        report = _report(ledger, frozenset(loaded.routes))
    finally:
        ledger.close()
    if json:
        typer.echo(jsonlib.dumps(report))
    else:
        _print(report)


def _report(ledger: Ledger, routes: frozenset[str]) -> dict[str, Any]:
    with ledger.begin() as transaction:
        dead = transaction.journal.in_state(OperationState.DEAD)
        held = transaction.journal.in_state(OperationState.HELD)
        names = names_of(dead)
        oldest = transaction.journal.oldest_unconfirmed_at()
        return {
            "links": transaction.links.count(),
            "feeds": [
                {"site": site, "feed": name, "read_at": read_at.isoformat()}
                for site, name, read_at in transaction.readings.feeds()
            ],
            "operations": transaction.journal.count(),
            "oldest_unconfirmed_at": oldest.isoformat() if oldest else None,
            "dead": [
                {
                    "id": names[one.key],
                    "group": one.group,
                    "what": one.kind.value,
                    "field": one.field_name,
                    "why": one.error,
                }
                for one in dead
            ],
            "unread": [
                {"ticket": str(one.ref), "since": one.since_at.isoformat(), "tries": one.tries, "why": one.why}
                for one in transaction.unread.all()
            ],
            "held_for_release": [{"group": one.group, "update": one.item, "rule": one.reason} for one in held],
            "edited_copies": [{"group": group, "item": item} for group, item in transaction.links.edited_copies()],
            "conflicts": [{"group": group, "field": field} for group, field in transaction.links.all_conflicts()],
            "suspended": [
                {"group": group, "why": why}
                for group, why in transaction.hands.suspensions()
                if not why.startswith(ELSEWHERE)
            ],
            "shared": [
                {"issue": key, "tickets": tickets} for key, tickets in sorted(_shared(transaction.links.all()).items())
            ],
            "unrouted": [to_plain(one.text) for one in transaction.notices.standing(UNROUTED) if one.text],
            "strayed": [to_plain(one.text) for one in transaction.notices.standing(STRAYED) if one.text],
            "routeless": {name: number for name, number in transaction.links.count().items() if name not in routes},
            "brakes": [plain_brake(brake) for brake in transaction.brakes.all()],
            "embargoes": [
                {
                    "group": one.group,
                    "rule": one.rule,
                    "since": one.since_at.isoformat(),
                    "already_out": one.already_out,
                }
                for one in transaction.embargoes.all()
            ],
            "notifications": {
                "count": transaction.notifications.count(),
                "troubles": [
                    {
                        "group": one.group,
                        "person": one.person,
                        "channel": one.channel,
                        "what": one.title,
                        "state": str(one.state),
                        "tries": one.tries,
                        "why": one.reason,
                        "again_at": one.due_at.isoformat() if one.due_at else None,
                    }
                    for one in transaction.notifications.troubles()
                ],
            },
            "due": transaction.hands.count_due(),
            "waiting": {
                route: {"due": due, "since": since.isoformat()}
                for route, (due, since) in transaction.hands.count_due_by_route().items()
            },
            "chores": [
                {
                    "site": one.site,
                    "what": one.kind,
                    "ended_at": one.ended_at.isoformat() if one.ended_at else None,
                    "under_way": one.place is not None,
                    "found": {name: value for name, value in one.result.items() if isinstance(value, int)},
                    "problem": one.problem,
                }
                for one in transaction.chores.all()
            ],
        }


def _shared(links: list[Link]) -> dict[str, list[str]]:
    """The issues that more than one ticket shares, with their tickets."""
    tickets: dict[TicketRef, list[Link]] = {}
    for link in links:
        tickets.setdefault(link.tracker, []).append(link)
    return {
        sharing[0].tracker_key: [str(link.helpdesk) for link in sharing]
        for sharing in tickets.values()
        if len(sharing) > 1
    }


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table("route", "links")
    for route, number in report["links"].items():
        table.add_row(route, str(number))
    console.print(table if report["links"] else "No ticket is linked yet.")
    for feed in report["feeds"]:
        console.print(f"{feed['site']}: {feed['feed']} last read {feed['read_at']}", markup=False)
    console.print(f"{report['due']} cases are due now.")
    for one in report["shared"]:
        console.print(f"{one['issue']} is shared by {', '.join(one['tickets'])}", markup=False)
    for words in [*report["unrouted"], *report["strayed"]]:
        console.print(words.strip(), style="yellow", markup=False)
    for name, number in report["routeless"].items():
        words = f"{number} linked tickets are of route {name}, which the config does not have: they rest until it does."
        console.print(words, style="yellow", markup=False)
    if report["oldest_unconfirmed_at"]:
        console.print(f"The oldest unconfirmed operation was planned {report['oldest_unconfirmed_at']}.")
    for one in report["dead"]:
        what = f"{one['id']} {one['group']} {one['what']} {one['field']}"
        console.print(f"refused: {what}: {one['why']}", style="red", markup=False)
    for one in report["unread"]:
        console.print(f"cannot be read: {one['ticket']}: {one['why']}", style="red", markup=False)
    for one in report["held_for_release"]:
        console.print(f"waits for release: {one['group']} {one['update']} ({one['rule']})", markup=False)
    for one in report["edited_copies"]:
        console.print(f"somebody changed a copy: {one['group']} {one['item']}", style="yellow", markup=False)
    for one in report["conflicts"]:
        console.print(f"both sides changed {one['field']}: {one['group']}", style="yellow", markup=False)
    for one in report["brakes"]:
        where = " ".join(part for part in (one["route"], one["group"], one["field"]) if part)
        console.print(f"braked: {where} ({one['kind']}): {one['why']}", style="red", markup=False)
    for one in report["embargoes"]:
        left = len(one["already_out"])
        console.print(
            f"under embargo: {one['group']} since {one['since']} by {one['rule']}; {left} things had left before",
            style="red",
            markup=False,
        )
    for one in report["suspended"]:
        console.print(f"rests: {one['group']}: {one['why']}", style="yellow", markup=False)
    for one in report["notifications"]["troubles"]:
        console.print(_untold(one), style="yellow" if one["state"] == "planned" else "red", markup=False)
    for route, waits in report["waiting"].items():
        console.print(
            f"{route}: {waits['due']} cases wait for a worker, the first since {waits['since']}", markup=False
        )
    for one in report["chores"]:
        done = f"last done {one['ended_at']}" if one["ended_at"] else "not done yet"
        found = ", ".join(f"{name} {number}" for name, number in one["found"].items())
        more = f"{', under way' if one['under_way'] else ''}{f': {found}' if found else ''}"
        console.print(f"{one['site']}: {one['what']} {done}{more}", markup=False)
        if one["problem"]:
            console.print(one["problem"], style="yellow", markup=False)


def _untold(one: dict[str, Any]) -> str:
    """What became of a notification that did not surely arrive."""
    whom = f"{one['person']} over {one['channel'].partition(' ')[0]}: {one['what']}: {one['why']}"
    if one["state"] == "planned":
        return f"not told yet: {whom} (tried {one['tries']} times, again {one['again_at']})"
    return f"{'may not have been told' if one['state'] == 'unknown' else 'could not be told'}: {whom}"
