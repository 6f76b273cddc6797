"""`bridge sla`: what was promised, how it stands, and why."""

from __future__ import annotations

import json as jsonlib
from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.cli.desk import reading_desk
from bridge.cli.report.command import report
from bridge.cli.what_if import what_if
from bridge.engine.clocks.account import Account, account_of
from bridge.engine.clocks.words import length, metric_words, standing
from bridge.engine.state import source_of
from bridge.errors import ConfigurationError
from bridge.sla.clock import Clock
from bridge.sla.facts import CaseEvent, CaseFact
from bridge.store.clocks import ClockRow
from bridge.store.ledger import Transaction

app = typer.Typer(help="What was promised, how it stands, and why.", no_args_is_help=True)

app.command()(report)
app.command(name="what-if")(what_if)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
BAR = 40
"""How many signs wide a clock is drawn."""


@app.command(name="list")
def list_(
    route: Annotated[str | None, typer.Option("--route", help="Only this customer's.")] = None,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Show what is due next, by customer. Reads the ledger only."""
    with reading_desk(load(config)) as desk, desk.ledger.begin() as transaction:
        if route is not None and route not in desk.routes:
            raise ConfigurationError(f"There is no route {route}; the config has {', '.join(desk.routes)}.")
        rows = [row for row in transaction.clocks.open() if route in (None, row.route)]
        plain = [_plain_row(transaction, row) for row in rows]
    if json:
        typer.echo(jsonlib.dumps({"clocks": plain}))
        return
    console = Console(highlight=False, soft_wrap=True)
    if not plain:
        console.print("No promise runs.")
        return
    for name in dict.fromkeys(str(one["route"]) for one in plain):
        table = Table("due", "left at last look", "promise", "severity", "ticket", "issue", "stands", title=name)
        for one in plain:
            if one["route"] == name:
                style = "bold red" if one["breached_at"] else None
                names = ("due", "left", "metric", "severity", "ticket", "issue", "stands")
                table.add_row(*(escape(str(one[column] or "")) for column in names), style=style)
        console.print(table)


@app.command()
def explain(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="A ticket's number, its issue's key, or a case.")],
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Explain a case's clocks: what happened, what counted, what stood still and why. Reads the ledger only."""
    with reading_desk(load(config)) as desk, desk.ledger.begin() as transaction:
        group = find_case(transaction, ticket)
        account = account_of(transaction, desk.routes, group)
        if account is None:
            raise ConfigurationError(f"The route of {group} has no contract.", None, "add `contract:` to the route")
        zone = _zone(account)
    if json:
        typer.echo(jsonlib.dumps(_plain_account(group, account)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(group)}[/bold], times in {zone}")
    _print_facts(console, account, zone)
    for clock in account.folded.clocks:
        _print_clock(console, clock, account, zone)
    if account.folded.out_of_support:
        console.print("It came while no contract held, so nothing was promised.", style="bold red")
    if not account.folded.clocks:
        console.print("No promise has begun.")


def _print_facts(console: Console, account: Account, zone: tzinfo) -> None:
    table = Table("when", "who", "what", "where", title="What happened")
    for fact in account.facts:
        who = str(fact.party) + ("" if fact.human else " (a machine)")
        table.add_row(_local(fact.occurred_at, zone), who, escape(fact_words(fact)), escape(fact.source))
    console.print(table)


def _print_clock(console: Console, clock: Clock, account: Account, zone: tzinfo) -> None:
    over = clock.is_over(account.state.now)
    broken_at = clock.breached_at or (clock.breach_at if over else None)
    cycle = f" (the {clock.cycle}. time)" if clock.cycle > 1 else ""
    console.print(f"\n[bold]{metric_words(clock.metric)}[/bold]{cycle}: {standing(clock, is_over=over)}")
    calendar = clock.promise.calendar if clock.promise else "no calendar"
    used = f"{length(clock.consumed)} of {length(clock.target)} used up in {calendar}"
    console.print(f"  {used}; {clock.terms}")
    console.print(f"  {_bar(clock)}", style="red" if over else "green")
    for label, at in (("began", clock.started_at), ("due", clock.due_at), ("broken", broken_at)):
        if at is not None:
            console.print(f"  {label} {_local(at, zone)}")
    if clock.ended_at is not None:
        console.print(f"  ended {_local(clock.ended_at, zone)}")
    pieces: list[tuple[datetime, str]] = [
        (one.from_at, f"  {_local(one.from_at, zone)} to {_local(one.until_at, zone)}: {length(one.used)} counted")
        for one in clock.segments
    ]
    for pause in clock.pauses:
        until = _local(pause.until_at, zone) if pause.until_at else "now"
        why = pause.reason.replace("_", " ")
        pieces.append((pause.from_at, f"  {_local(pause.from_at, zone)} to {until}: stood still, {why}"))
    for _at, line in sorted(pieces):
        console.print(line, markup=False)
    for one in account.fired:
        if (one.metric, one.cycle) == (clock.metric, clock.cycle):
            told = "taken back" if one.retracted_at else "told to nobody" if one.quiet else "told"
            unsure = ", not certain yet" if one.provisional else ""
            console.print(f"  {_local(one.at, zone)}: {one.label}, {told}{unsure}", markup=False)
    if clock.flags:
        console.print(f"  noted: {', '.join(sorted(flag.replace('_', ' ') for flag in clock.flags))}")


def _bar(clock: Clock) -> str:
    """How much of a target is used up, drawn."""
    if not clock.target:
        return ""
    share = clock.consumed / clock.target
    full = min(BAR, int(share * BAR))
    return f"{'█' * full}{'░' * (BAR - full)} {share:.0%}"


def fact_words(fact: CaseFact) -> str:
    """A fact as a sentence's middle."""
    if fact.kind is CaseEvent.MESSAGE:
        return f"wrote, to be read by {str(fact.audience).replace('_', ' ')}"
    if fact.kind is CaseEvent.SEVERITY:
        return f"severity became {fact.value or 'unknown'}"
    if fact.kind is CaseEvent.WAITING:
        return f"the case waits: {fact.value.replace('_', ' ')}" if fact.value else "the case waits for nothing more"
    return fact.kind.replace("_", " ") + (f" {fact.value}" if fact.value else "")


def find_case(transaction: Transaction, name: str) -> str:
    """The case that a person means. Raises ConfigurationError if none, or more than one, is called so."""
    wanted = name.removeprefix("#")
    groups = {row.group for row in transaction.clocks.all()}
    found = [group for group in sorted(groups) if wanted in _names(transaction, group)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigurationError(f"No case with a clock is called {name}.", None, "see `bridge sla list`")
    raise ConfigurationError(f"More than one case is called {name}.", None, f"name one of {', '.join(found)}")


def _names(transaction: Transaction, group: str) -> set[str]:
    link = transaction.links.get(group)
    ref = link.helpdesk if link else source_of(group)
    return {group, str(ref), ref.id, *((link.tracker_key,) if link else ())}


def _plain_row(transaction: Transaction, row: ClockRow) -> dict[str, Any]:
    link = transaction.links.get(row.group)
    ref = link.helpdesk if link else source_of(row.group)
    left = row.target - row.consumed if row.target is not None else None
    is_broken = row.breached_at is not None
    stands = "broken" if is_broken else "runs" if row.state == "running" else f"waits: {row.reason.replace('_', ' ')}"
    return {
        "route": row.route,
        "group": row.group,
        "ticket": f"#{ref.id}",
        "issue": link.tracker_key if link else "",
        "metric": row.metric,
        "cycle": row.cycle,
        "owner": row.owner,
        "severity": row.severity,
        "state": row.state,
        "stands": stands,
        "due": f"{row.due_at:%Y-%m-%d %H:%M} UTC" if row.due_at else "",
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "breach_at": row.breach_at.isoformat() if row.breach_at else None,
        "breached_at": row.breached_at.isoformat() if row.breached_at else None,
        "left": length(left) if left is not None else "",
        "terms": row.terms,
    }


def _plain_account(group: str, account: Account) -> dict[str, Any]:
    return {
        "group": group,
        "out_of_support": account.folded.out_of_support,
        "facts": [
            {
                "at": fact.occurred_at.isoformat(),
                "kind": str(fact.kind),
                "party": str(fact.party),
                "value": fact.value,
                "source": fact.source,
            }
            for fact in account.facts
        ],
        "clocks": [_plain_clock(clock) for clock in account.folded.clocks],
        "fired": [
            {"metric": one.metric, "cycle": one.cycle, "kind": one.kind, "label": one.label, "at": one.at.isoformat(),
             "quiet": one.quiet, "provisional": one.provisional, "retracted": one.retracted_at is not None}
            for one in account.fired
        ],
    }  # fmt: skip


def _plain_clock(clock: Clock) -> dict[str, Any]:
    return {
        "metric": clock.metric,
        "cycle": clock.cycle,
        "state": str(clock.state),
        "reason": clock.reason,
        "severity": clock.severity,
        "met": clock.met,
        "target_s": clock.target.total_seconds() if clock.target is not None else None,
        "consumed_s": clock.consumed.total_seconds(),
        "started_at": clock.started_at.isoformat(),
        "ended_at": clock.ended_at.isoformat() if clock.ended_at else None,
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
        "pauses": [
            {"reason": one.reason, "from": one.from_at.isoformat(), "to": one.until_at and one.until_at.isoformat()}
            for one in clock.pauses
        ],
        "flags": sorted(clock.flags),
        "terms": clock.terms,
        "calendar_version": clock.calendar_version,
        "tzdata": clock.tzdata,
    }


def _zone(account: Account) -> tzinfo:
    timeline = account.state.route.contract
    assert timeline is not None
    return timeline.versions[-1].zone


def _local(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
