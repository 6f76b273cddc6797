"""`bridge failures`: what was given up, and what a person does about it. Works beside a running daemon."""

from __future__ import annotations

import getpass
import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.bootstrap import desktop, look
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.engine.letters import names_of
from bridge.engine.people.desk import Desk, LetterError
from bridge.engine.people.reasons import shown
from bridge.engine.texts.notes import is_note
from bridge.errors import ConfigurationError
from bridge.model.codec import encode
from bridge.model.operation import Operation, OperationState
from bridge.store.ledger import Transaction

failures = typer.Typer(
    name="failures", help="What was given up: list, show, retry, edit, discard.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Ident = Annotated[str, typer.Argument(metavar="ID", help="The id of `list`, or its beginning.")]
CONFLICT = "conflict:"
"""How the id of a conflict begins: the group and the field follow."""


@failures.command("list")
def show_all(config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Show every dead letter and conflict."""
    ledger = look(load(config))
    try:
        with ledger.begin() as transaction:
            rows = [*_letters(transaction), *_conflicts(transaction)]
    finally:
        ledger.close()
    if json:
        typer.echo(jsonlib.dumps(rows))
        return
    console = Console(highlight=False, soft_wrap=True)
    if not rows:
        console.print("Nothing failed.")
        return
    table = Table("id", "case", "what", "why")
    for row in rows:
        table.add_row(row["id"], row["group"], f"{row['what']} {row['field']}".strip(), row["why"])
    console.print(table)


@failures.command()
def show(ident: Ident, config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Show one dead letter whole: what was to be written, from which values, and what the site said."""
    ledger = look(load(config))
    try:
        with ledger.begin() as transaction:
            report = _whole(Desk(transaction, {}, "").find(ident))
    finally:
        ledger.close()
    if json:
        typer.echo(jsonlib.dumps(report))
        return
    console = Console(highlight=False, soft_wrap=True)
    for name, value in report.items():
        if name != "request":
            console.print(f"{name}: {_in_words(value)}", markup=False)


@failures.command()
def retry(ident: Ident, config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Try it again, once whatever stood in the way is mended."""
    with _desk(config) as desk:
        one = desk.find(ident)
        desk.retry(one)
    _say("It is tried again.", one, as_json=json)


@failures.command()
def edit(
    ident: Ident,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A field's new value.")
    ] = None,
    words: Annotated[str | None, typer.Option("--text", help="The new text of a comment or issue.")] = None,
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Change what would be written, and try again. Rules still decide who may read it."""
    changes = dict(_parted(each) for each in values or ())
    if not changes and words is None:
        raise ConfigurationError("Nothing to change: give --set NAME=VALUE or --text WORDS.")
    with _desk(config) as desk:
        one = desk.find(ident)
        desk.edit(one, values=changes, words=words)
    _say("It is changed, and tried again.", one, as_json=json)


@failures.command()
def discard(ident: Ident, config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Accept that it will not be written: both sides stay as they are until one changes again."""
    with _desk(config) as desk:
        if ident.startswith(CONFLICT):
            group, _, name = ident.removeprefix(CONFLICT).rpartition(".")
            if (group, name) not in desk.transaction.links.all_conflicts():
                raise LetterError(f"There is no conflict {ident}; it may have been solved. See `bridge failures list`.")
            desk.discard_conflict(group, name)
            _say("The difference is accepted.", None, as_json=json, ident=ident)
            return
        one = desk.find(ident)
        desk.discard(one)
    _say("It is discarded.", one, as_json=json)


@contextmanager
def _desk(path: Any) -> Iterator[Desk]:
    table = desktop(load(path))
    try:
        with table.ledger.begin() as transaction:
            yield Desk(transaction, table.routes, _who())
    finally:
        table.ledger.close()


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody at the command line"


def _parted(each: str) -> tuple[str, str]:
    name, equals, value = each.partition("=")
    if not name or not equals:
        raise ConfigurationError(f"--set takes NAME=VALUE, not {each}.")
    return name.strip(), value


def _letters(transaction: Transaction) -> list[dict[str, Any]]:
    dead = transaction.journal.in_state(OperationState.DEAD)
    names = names_of(dead)
    return [
        {
            "id": names[one.key],
            "group": one.group,
            "what": "note" if is_note(one) else one.kind.value,
            "field": one.field_name,
            "site": one.letter.get("site", ""),
            "ticket": one.letter.get("ticket", ""),
            "why": one.error,
        }
        for one in dead
    ]


def _conflicts(transaction: Transaction) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{CONFLICT}{group}.{name}",
            "group": group,
            "what": "conflict",
            "field": name,
            "site": "",
            "ticket": "",
            "why": "both sides changed it, and no rule says whose value stands",
        }
        for group, name in transaction.links.all_conflicts()
    ]


def _whole(one: Operation) -> dict[str, Any]:
    letter = one.letter
    return {
        "id": one.key,
        "case": one.group,
        "what": one.kind.value,
        "field": one.field_name,
        "site": letter.get("site", ""),
        "ticket": letter.get("ticket", ""),
        "error": one.error,
        "status": letter.get("status"),
        "refused_field": letter.get("field", ""),
        "tries": one.attempts,
        "planned_at": one.planned_at.isoformat() if one.planned_at else "",
        "last_sent_at": one.sent_at.isoformat() if one.sent_at else "",
        "rule": one.reason,
        "rules": letter.get("rules", ""),
        "target": letter.get("target") or {},
        "from": encode(dict(one.sources)),
        "request": encode(dict(one.payload)),
        "request_in_words": {name: shown(value) for name, value in _values_of(one).items()},
    }


def _values_of(one: Operation) -> dict[str, Any]:
    named = {name: one.payload[name] for name in ("summary", "body") if name in one.payload}
    return {**named, **(one.payload.get("fields") or {})}


def _in_words(value: Any) -> str:
    return jsonlib.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _say(sentence: str, one: Operation | None, *, as_json: bool, ident: str = "") -> None:
    key = one.key if one is not None else ident
    if as_json:
        typer.echo(jsonlib.dumps({"id": key, "done": sentence}))
    else:
        Console(highlight=False, soft_wrap=True).print(f"{key}: {sentence}", markup=False)
