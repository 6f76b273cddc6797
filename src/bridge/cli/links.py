"""`bridge link`, `unlink`, `relink`: what a person says about which tickets are the same case. Beside a running daemon."""

from __future__ import annotations

import getpass
import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bridge.bootstrap import reach
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.engine.life.pairing import Pairing, Wish
from bridge.errors import ConfigurationError
from bridge.model.words import Side
from bridge.store.links import Link

HOLD = "hold"

Ticket = Annotated[str, typer.Argument(metavar="TICKET", help="The helpdesk's ticket: 4711, or SITE/4711.")]
Issue = Annotated[str, typer.Argument(metavar="ISSUE", help="The tracker's issue as people name it: ACME-7, #12.")]
Prefer = Annotated[
    str, typer.Option("--prefer", help="Whose values stand where the two differ: helpdesk, tracker, or hold.")
]
Tell = Annotated[
    bool, typer.Option("--tell-past", help="Also tell the customer what was said for them at the issue before.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def link(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The route.")],
    ticket: Ticket,
    issue: Issue,
    prefer: Prefer = HOLD,
    tell_past: Tell = False,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Link a ticket with an issue that is there already; what was said in the ticket goes over in order."""
    wish = _wish(prefer, tells_past=tell_past)
    with _pairing(config) as pairing:
        linked, sharing = pairing.link(route, ticket, issue, wish)
    _tell(linked, sharing, prefer, as_json=json)


def relink(
    ticket: Ticket,
    issue: Issue,
    prefer: Prefer = HOLD,
    tell_past: Tell = False,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Link a ticket with another issue than the one it has. The former issue stays as it is."""
    wish = _wish(prefer, tells_past=tell_past)
    with _pairing(config) as pairing:
        linked, sharing = pairing.relink(ticket, issue, wish)
    _tell(linked, sharing, prefer, as_json=json)


def unlink(ticket: Ticket, config: ConfigPath = DEFAULT_PATH, json: Json = False) -> None:
    """Take a ticket off its issue. Both stay as they are; what is not sent yet is cancelled."""
    with _pairing(config) as pairing:
        was = pairing.unlink(ticket)
    if json:
        typer.echo(jsonlib.dumps({"unlinked": _plain(was)}))
        return
    _say(f"{was.helpdesk} and {was.tracker_key} are not linked any more. Neither was changed.")


def _wish(prefer: str, *, tells_past: bool) -> Wish:
    if prefer not in (*Side, HOLD):
        raise ConfigurationError(f"--prefer takes helpdesk, tracker or hold, not {prefer}.")
    return Wish(None if prefer == HOLD else Side(prefer), tells_past)


@contextmanager
def _pairing(path: Path) -> Iterator[Pairing]:
    reached = reach(load(path))
    try:
        yield Pairing(reached.ledger, reached.connections, reached.routes, _who())
    finally:
        reached.close()


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody at the command line"


def _plain(link: Link) -> dict[str, str]:
    return {"route": link.route, "ticket": str(link.helpdesk), "issue": link.tracker_key, "case": link.group}


def _tell(linked: Link, sharing: list[Link], prefer: str, *, as_json: bool) -> None:
    others = [str(one.helpdesk) for one in sharing]
    if as_json:
        typer.echo(jsonlib.dumps({"linked": _plain(linked), "shares_with": others, "prefer": prefer}))
        return
    _say(f"{linked.helpdesk} and {linked.tracker_key} are linked.")
    if others:
        _say(f"The issue is shared with {', '.join(others)}: what was said there before is not told to this ticket.")


def _say(sentence: str) -> None:
    Console(highlight=False, soft_wrap=True).print(sentence, markup=False)
