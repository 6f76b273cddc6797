"""`bridge sla report`: a month's promises, counted."""

from __future__ import annotations

import io
import json as jsonlib
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.cli.desk import reading_desk
from bridge.cli.report.page import share_words, write_page
from bridge.cli.report.plain import brief, judged_words, ordered, plain_report, write_csv
from bridge.engine.clocks.report import Chapter, Month, report_month
from bridge.engine.clocks.words import metric_words
from bridge.errors import ConfigurationError
from bridge.sla.figures import PERCENTILES, Figures

NUMBERS = ("met", "broken", "still open", "runs", "waits", "cancelled", "uncertain", "kept")
WIDE = 160
"""How many signs wide text is written into a file."""


class Form(StrEnum):
    """The forms of a report."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


def report(
    month: Annotated[str, typer.Option("--month", help="The month, as 2026-03.")],
    route: Annotated[str | None, typer.Option("--route", help="Only this customer's.")] = None,
    form: Annotated[Form, typer.Option("--format", help="What to write.")] = Form.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; else it is printed.")] = None,
    config: ConfigPath = DEFAULT_PATH,
) -> None:
    """Report a month: what was met and broken, by customer, severity and promise. Reads the ledger only."""
    wanted = Month.parse(month)
    with reading_desk(load(config)) as desk, desk.ledger.begin() as transaction:
        made_at = transaction.now
        if route is not None and route not in desk.routes:
            raise ConfigurationError(f"There is no route {route}; the config has {', '.join(desk.routes)}.")
        names = [name for name in desk.routes if route in (None, name)]
        chapters = report_month(transaction, desk.routes, wanted, names)
    if not chapters:
        named = "The routes have" if route is None else f"The route {route} has"
        raise ConfigurationError(f"{named} no contract to report on.", None, "add `contract:` to the route")
    if out is not None:
        out.write_text(_written(form, chapters, wanted, made_at), encoding="utf-8")
    elif form is Form.TEXT:
        print_report(Console(highlight=False, soft_wrap=True), chapters, wanted)
    else:
        typer.echo(_written(form, chapters, wanted, made_at), nl=False)


def _written(form: Form, chapters: list[Chapter], month: Month, made_at: datetime) -> str:
    if form is Form.JSON:
        return jsonlib.dumps(plain_report(chapters, month, made_at)) + "\n"
    if form is Form.CSV:
        return write_csv(chapters, month)
    if form is Form.HTML:
        return write_page(chapters, month, made_at)
    target = io.StringIO()
    print_report(Console(file=target, width=WIDE, highlight=False, soft_wrap=True), chapters, month)
    return target.getvalue()


def print_report(console: Console, chapters: list[Chapter], month: Month) -> None:
    """A table a customer, what stood still, what came outside of every contract, and what judged it."""
    for chapter in chapters:
        _print_figures(console, chapter, month)
        pauses = [line for one in ordered(chapter) for line in _pause_lines(one)]
        for line in pauses:
            console.print(line, markup=False)
        for ticket, title in chapter.unpromised:
            console.print(f"Out of support: {ticket} {title}", markup=False)
        judges = {judge for one in chapter.figures for judge in one.judged_by}
        for judge in sorted(judges):
            console.print(f"Judged by {judged_words(chapter, [judge])}", markup=False)


def _print_figures(console: Console, chapter: Chapter, month: Month) -> None:
    as_of = f"{chapter.as_of.astimezone(chapter.zone):%F %H:%M}"
    if not chapter.figures:
        console.print(
            f"{chapter.customer} ({chapter.route}), {month}, as of {as_of}: nothing was promised.", markup=False
        )
    for terms in dict.fromkeys(one.terms for one in ordered(chapter)):
        table = Table("promise", "severity", title=escape(f"{terms} ({chapter.route}), {month}, as of {as_of}"))
        for name in (*NUMBERS, *(f"{share}% in" for share in PERCENTILES), "over by"):
            table.add_column(name, justify="right")
        for one in ordered(chapter):
            if one.terms == terms:
                table.add_row(*_cells(one), style="red" if one.breached else None)
        console.print(table)


def _cells(one: Figures) -> list[str]:
    counts = (one.met, one.breached, one.running_over, one.running, one.paused, one.cancelled, one.provisional)
    kept = "" if one.rate is None else share_words(one.rate)
    used = [brief(amount) if (amount := one.percentiles.get(share)) is not None else "" for share in PERCENTILES]
    named = (metric_words(one.metric), one.severity or "none")
    return [*named, *map(str, counts), kept, *used, brief(one.overrun) if one.overrun else ""]


def _pause_lines(one: Figures) -> list[str]:
    named = f"{metric_words(one.metric)}, {one.severity}"
    return [
        f"Stood still: {named}: {brief(stood)}, {reason.replace('_', ' ')}"
        for reason, stood in sorted(one.pauses.items())
    ]
