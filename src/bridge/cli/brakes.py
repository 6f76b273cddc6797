"""`bridge brakes`: what is stopped, and letting it go on."""

from __future__ import annotations

import getpass
import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bridge.bootstrap import beside, look
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.config.durations import parse_duration
from bridge.errors import BrakeError, ConfigurationError
from bridge.model.brake import Brake, BrakeKind
from bridge.store.ledger import Ledger, Transaction

MASS = frozenset({BrakeKind.MASS_CHANGE, BrakeKind.MASS_DELETE})
MASS_PASS = timedelta(hours=1)
"""How long a released mass brake counts nothing, so that what it held back can go through."""

app = typer.Typer(help="What bridge stopped by itself, and letting it go on.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
RouteName = Annotated[str, typer.Argument(metavar="ROUTE", help="The route.")]
Kind = Annotated[str | None, typer.Option("--kind", help=f"Only this kind: {', '.join(BrakeKind)}.")]
For = Annotated[str | None, typer.Option("--for", help="How long nothing counts towards it, such as 30m or 2h.")]
Who = Annotated[str | None, typer.Option("--who", help="Who says so; without it the name of this login.")]


@app.command(name="list")
def list_(config: ConfigPath = DEFAULT_PATH, json: Json = False) -> None:
    """Show what is stopped, and why. Reads the ledger only."""
    with _ledger(look(load(config))) as ledger, ledger.begin() as transaction:
        plain = [plain_brake(brake) for brake in transaction.brakes.all()]
    if json:
        typer.echo(jsonlib.dumps({"brakes": plain}))
        return
    console = Console(highlight=False, soft_wrap=True)
    if not plain:
        console.print("Nothing is braked.")
        return
    table = Table("route", "kind", "case", "field", "since", "why")
    for one in plain:
        table.add_row(*(escape(str(one[name] or "")) for name in ("route", "kind", "group", "field", "set_at", "why")))
    console.print(table)


@app.command()
def release(
    route: RouteName,
    kind: Kind = None,
    group: Annotated[str | None, typer.Option("--group", help="Only the brakes of this case.")] = None,
    pause: For = None,
    who: Who = None,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Release a route's brakes; what they held is looked at anew at once. Works beside a running bridge."""
    loaded = load(config)
    _check_route(route, loaded.routes)
    wanted = _kind(kind)
    with _ledger(beside(loaded)) as ledger, ledger.begin() as transaction:
        found = [
            brake
            for brake in transaction.brakes.all()
            if brake.route == route and wanted in (None, brake.kind) and group in (None, brake.group)
        ]
        for brake in found:
            _open(transaction, brake, pause, who)
        if found:
            transaction.hands.want_route(route)
    if not found:
        raise BrakeError(f"No such brake of route {route} stands; `bridge brakes list` shows those that do.")
    _tell(found, "released", as_json=json)


@app.command()
def allow(
    route: RouteName,
    pause: Annotated[str, typer.Option("--for", help="For how long, such as 30m or 2h.")],
    kind: Annotated[str, typer.Option("--kind", help="mass_change or mass_delete.")] = BrakeKind.MASS_CHANGE.value,
    who: Who = None,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Say beforehand that a great many changes of a route are meant: for a while nothing counts towards its brake."""
    loaded = load(config)
    _check_route(route, loaded.routes)
    wanted = _kind(kind)
    if wanted not in MASS:
        raise ConfigurationError(f"--kind takes {' or '.join(sorted(MASS))} here, not {kind}.")
    brake = Brake(route, BrakeKind(wanted), "")
    with _ledger(beside(loaded)) as ledger, ledger.begin() as transaction:
        _open(transaction, brake, pause, who)
        transaction.hands.want_route(route)
    _tell([brake], "allowed", as_json=json)


def _open(transaction: Transaction, brake: Brake, pause: str | None, who: str | None) -> None:
    until = transaction.now + (_pause(pause) if pause else MASS_PASS if brake.kind in MASS else timedelta(0))
    transaction.brakes.release(brake, clear_until=until)
    transaction.note(
        "brake_released",
        group=brake.group,
        by_person=True,
        route=brake.route,
        kind=brake.kind.value,
        field=brake.field,
        who=who or getpass.getuser(),
        counts_again_at=until.isoformat(),
    )


def _pause(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--for {error}, not {text}.") from error


def _kind(word: str | None) -> BrakeKind | None:
    if word is None:
        return None
    if word not in set(BrakeKind):
        raise ConfigurationError(f"--kind takes {', '.join(BrakeKind)}, not {word}.")
    return BrakeKind(word)


def _check_route(name: str, known: Any) -> None:
    if name not in known:
        raise ConfigurationError(f"There is no route {name}; the config has {', '.join(known)}.")


def plain_brake(brake: Brake) -> dict[str, str | None]:
    """A brake as plain data."""
    return {
        "route": brake.route,
        "kind": brake.kind.value,
        "group": brake.group,
        "field": brake.field,
        "why": brake.why,
        "set_at": brake.set_at.isoformat(timespec="seconds") if brake.set_at else None,
    }


def _tell(brakes: list[Brake], what: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(jsonlib.dumps({what: [plain_brake(brake) for brake in brakes]}))
        return
    console = Console(highlight=False, soft_wrap=True)
    for brake in brakes:
        where = " ".join(part for part in (brake.group, brake.field) if part)
        console.print(f"{what}: {brake.kind} of route {brake.route} {where}".rstrip() + ".", markup=False)


@contextmanager
def _ledger(ledger: Ledger) -> Iterator[Ledger]:
    try:
        yield ledger
    finally:
        ledger.close()
