"""`bridge backfill`: take up all open tickets of a route that have no issue yet. The daemon does it; this asks and shows."""

from __future__ import annotations

import getpass
import json as jsonlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from bridge.bootstrap import desktop
from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.engine.intake import backfill as engine
from bridge.engine.intake.backfill import Progress
from bridge.errors import ConfigurationError
from bridge.model.words import Mode

LOOK_S = 1.0


def backfill(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The route.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Only tickets changed since this day, as 2026-01-31.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show how it goes on until it is done.")] = True,
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON, without waiting.")] = False,
) -> None:
    """Take up all open tickets of a route that have no issue yet, behind all other work. Asked again, it tells how far
    it has come. Works beside a running bridge, and goes on after a restart."""
    begin = _day(since)
    table = desktop(load(config))
    try:
        wanted = table.routes.get(route)
        if wanted is None:
            raise ConfigurationError(f"There is no route {route}; the config has {', '.join(table.routes)}.")
        if wanted.mode is Mode.OBSERVE:
            raise ConfigurationError(f"Route {route} only observes, so nothing can be taken up; give it another mode.")
        with table.ledger.begin() as transaction:
            is_new = engine.ask(transaction, wanted, since=begin, who=getpass.getuser())

        def look() -> Progress:
            with table.ledger.begin() as transaction:
                return engine.progress_of(transaction, wanted)

        _show(route, look, is_new=is_new, waits=wait and not json, as_json=json)
    finally:
        table.ledger.close()


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigurationError(f"--from takes a day such as 2026-01-31, not {text}.") from None


def _show(route: str, look: Callable[[], Progress], *, is_new: bool, waits: bool, as_json: bool) -> None:
    progress = look()
    if as_json:
        typer.echo(jsonlib.dumps({"route": route, "is_new": is_new, **plain(progress)}))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"The backfill of {route} is asked for." if is_new else f"A backfill of {route} is under way; it goes on."
    )
    if not waits:
        console.print("bridge does it in the background; ask again to see how far it is.")
        return
    console.print("bridge does it in the background while it runs. Ctrl-C ends only this view.")
    try:
        _follow(console, look)
    except KeyboardInterrupt:
        console.print("It goes on.")


def _follow(console: Console, look: Callable[[], Progress]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("reading", total=None, more="")
        while not (progress := look()).is_over:
            bar.update(
                task,
                description="reading" if progress.reads else "linking",
                total=progress.found or None,
                completed=progress.done,
                more=words(progress),
            )
            time.sleep(LOOK_S)
    console.print(f"{progress.found} tickets were taken up.")


def words(progress: Progress) -> str:
    """How fast it goes, and how long it may still take."""
    if progress.problem:
        return progress.problem
    rate = f"{progress.per_minute:.0f} a minute" if progress.per_minute else ""
    left = f", about {progress.left.total_seconds() / 60:.0f} min left" if progress.left is not None else ""
    return rate + left


def plain(progress: Progress) -> dict[str, Any]:
    """Progress as plain data."""
    return {
        "found": progress.found,
        "done": progress.done,
        "waiting": progress.waiting,
        "reads": progress.reads,
        "is_over": progress.is_over,
        "per_minute": round(progress.per_minute, 1),
        "left_s": round(progress.left.total_seconds()) if progress.left is not None else None,
        "problem": progress.problem,
    }
