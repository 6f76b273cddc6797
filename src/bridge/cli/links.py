"""`bridge link`, `unlink`, `relink`: what a person says about which tickets are the same case. Beside a running daemon."""

from __future__ import annotations

import getpass
import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bridge.bootstrap import reach
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.engine.life.pairing import Pairing, Wish
from bridge.engine.sending.cleaning import Cleaner
from bridge.errors import ConfigurationError
from bridge.model.words import Side
from bridge.store.cleanings import Cleaning
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


def unlink(
    ticket: Annotated[
        str | None, typer.Argument(metavar="[TICKET]", help="The helpdesk's ticket: 4711, or SITE/4711.")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Take every trace of bridge away at both sides too.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All links of all routes; only with --clean.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant: --clean cannot be taken back.")] = False,
    config: ConfigPath = DEFAULT_PATH,
    json: Json = False,
) -> None:
    """Take a ticket off its issue. Both stay as they are; what is not sent yet is cancelled."""
    if every is (ticket is not None):
        raise ConfigurationError("Name a ticket, or give --all for every link.")
    if every and not clean:
        raise ConfigurationError("--all goes only with --clean.")
    if clean:
        _clean(config, ticket, is_meant=yes, as_json=json)
        return
    assert ticket is not None
    with _pairing(config) as pairing:
        was = pairing.unlink(ticket)
    if json:
        typer.echo(jsonlib.dumps({"unlinked": _plain(was)}))
        return
    _say(f"{was.helpdesk} and {was.tracker_key} are not linked any more. Neither was changed.")


def _clean(path: Path, ticket: str | None, *, is_meant: bool, as_json: bool) -> None:
    reached = reach(load(path))
    cleaner = Cleaner(reached.ledger, reached.connections, reached.routes, reached.signs, reached.clock, _who())
    try:
        before = cleaner.begun()
        # One that is interrupted is not linked any more, and goes on whatever ticket is named.
        named = [one for one in before if ticket in (one.helpdesk.id, f"#{one.helpdesk.id}", str(one.helpdesk))]
        groups = [] if named else cleaner.linked(ticket)
        if not is_meant:
            raise ConfigurationError(
                f"This takes {len(groups) + len(before)} links apart for good and every trace of bridge away at both "
                "sides; add --yes if that is meant."
            )
        results = list(_cleaned(cleaner, before, groups, as_json=as_json))
    finally:
        reached.close()
    if as_json:
        typer.echo(jsonlib.dumps({"cleaned": [_as_plain(one) for one in results]}))
    elif all(one.is_over for one in results):
        _say("Nothing else of bridge is left there but the words of people." if results else "No link is there.")
    if not all(one.is_over for one in results):
        raise typer.Exit(1)


def _cleaned(cleaner: Cleaner, before: list[Cleaning], groups: list[str], *, as_json: bool) -> Iterator[Cleaning]:
    number = len(before) + len(groups)
    todo = chain(before, (parted for group in groups if (parted := cleaner.part(group)) is not None))
    for place, one in enumerate(todo, start=1):
        done = cleaner.clean(one)
        if not as_json:
            what = "cleaned" if done.is_over else "not done yet"
            _say(f"{place} of {number}: {done.helpdesk} and {done.key}: {what}")
            for sentence in done.remains:
                _say(f"  remains: {sentence}")
        yield done


def _as_plain(one: Cleaning) -> dict[str, Any]:
    return {
        "route": one.route,
        "ticket": str(one.helpdesk),
        "issue": one.key,
        "done": one.is_over,
        "remains": list(one.remains),
    }


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
