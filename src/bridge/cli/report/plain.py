"""A month's report for machines and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bridge.engine.clocks.report import Chapter, Line, Month
from bridge.engine.clocks.words import length
from bridge.sla.figures import PERCENTILES, Figures, Judge

COUNTS = ("met", "breached", "running_over", "running", "paused", "cancelled", "provisional")
COLUMNS = (
    *("month", "route", "customer", "contract", "severity", "metric", *COUNTS, "taken_back", "out_of_support"),
    *("kept_share", "consumed_s", *(f"p{share}_s" for share in PERCENTILES), "overrun_s", "pauses_s", "judged_by"),
)
METRICS = ("first_response", "next_response", "next_update", "diagnosis", "workaround", "resolution")
SEVERITIES = ("critical", "major", "minor", "trivial", "")
HOUR = timedelta(hours=1)
MANY_HOURS = 100 * HOUR
FORMULA = "=+-@\t\r"
"""What spreadsheets take for the beginning of something to work out."""


def plain_report(chapters: Iterable[Chapter], month: Month, made_at: datetime) -> dict[str, Any]:
    """Everything, as JSON has it."""
    return {
        "month": str(month),
        "made_at": made_at.isoformat(),
        "routes": [_plain_chapter(chapter) for chapter in chapters],
    }


def write_csv(chapters: Iterable[Chapter], month: Month) -> str:
    """A row for each contract, severity and promise, then one a route for what came while no contract held."""
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for chapter in chapters:
        for row in _rows(chapter):
            named = {"month": str(month), "route": chapter.route, "customer": chapter.customer, **row}
            writer.writerow({name: _harmless(value) for name, value in named.items()})
    return target.getvalue()


def judged_words(chapter: Chapter, judges: Iterable[Judge]) -> str:
    """`ACME, version 1: office 1f2e3d4c, time zones 2025.2`, for each. A calendar around the clock needs no zones."""
    return "; ".join(
        f"{one.terms}: {_calendar(chapter, one.calendar)}" + (f", time zones {one.tzdata}" if one.tzdata else "")
        for one in sorted(judges)
    )


def ordered(chapter: Chapter) -> list[Figures]:
    """The rows in the order of a case's life, the worst severity first."""
    return sorted(
        chapter.figures,
        key=lambda one: (one.terms, _place(METRICS, one.metric), one.metric, _place(SEVERITIES, one.severity)),
    )


def brief(amount: timedelta) -> str:
    """`5 h 10 min`; from a hundred hours on, whole hours: nobody reads the minutes of a month."""
    return length(amount) if abs(amount) < MANY_HOURS else f"{amount // HOUR} h"


def taken_back(chapter: Chapter, one: Figures) -> int:
    """How many breaches that were told turned out not to be true."""
    return sum(line.taken_back for line in lines_of(chapter, one))


def lines_of(chapter: Chapter, one: Figures) -> Iterator[Line]:
    """The cycles that a row of figures counts."""
    key = (one.terms, one.severity, one.metric)
    for line in chapter.lines:
        if (line.outcome.terms, line.outcome.severity, line.outcome.metric) == key:
            yield line


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _calendar(chapter: Chapter, digest: str) -> str:
    return f"{chapter.calendars.get(digest, 'calendar')} {digest}".strip()


def _rows(chapter: Chapter) -> Iterator[dict[str, object]]:
    for one in ordered(chapter):
        yield {
            "contract": one.terms,
            "severity": one.severity,
            "metric": one.metric,
            **_counts(one),
            "taken_back": taken_back(chapter, one),
            "kept_share": "" if one.rate is None else f"{one.rate:.4f}",
            "consumed_s": _seconds(one.consumed),
            **{f"p{share}_s": _seconds(amount) for share, amount in one.percentiles.items()},
            "overrun_s": _seconds(one.overrun),
            "pauses_s": " ".join(f"{reason}={_seconds(stood)}" for reason, stood in sorted(one.pauses.items())),
            "judged_by": judged_words(chapter, one.judged_by),
        }
    if chapter.unpromised:
        yield {"out_of_support": len(chapter.unpromised)}


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(FORMULA)) else value


def _counts(one: Figures) -> dict[str, int]:
    return {name: getattr(one, name) for name in COUNTS}


def _seconds(amount: timedelta | None) -> float | None:
    return None if amount is None else amount.total_seconds()


def _plain_chapter(chapter: Chapter) -> dict[str, Any]:
    return {
        "route": chapter.route,
        "customer": chapter.customer,
        "time_zone": str(chapter.zone),
        "from": chapter.from_at.isoformat(),
        "as_of": chapter.as_of.isoformat(),
        "figures": [_plain_figures(chapter, one) for one in ordered(chapter)],
        "cases": [_plain_line(chapter, line) for line in chapter.lines],
        "out_of_support": [{"ticket": ticket, "title": title} for ticket, title in chapter.unpromised],
    }


def _plain_figures(chapter: Chapter, one: Figures) -> dict[str, Any]:
    return {
        "contract": one.terms,
        "severity": one.severity,
        "metric": one.metric,
        **_counts(one),
        "taken_back": taken_back(chapter, one),
        "kept_share": one.rate,
        "consumed_s": _seconds(one.consumed),
        "percentiles_s": {str(share): _seconds(amount) for share, amount in one.percentiles.items()},
        "overrun_s": _seconds(one.overrun),
        "pauses_s": _plain_pauses(one.pauses),
        "judged_by": _plain_judges(chapter, one.judged_by),
    }


def _plain_line(chapter: Chapter, line: Line) -> dict[str, Any]:
    one = line.outcome
    return {
        "case": one.case,
        "ticket": line.ticket,
        "title": line.title,
        "contract": one.terms,
        "metric": one.metric,
        "cycle": one.cycle,
        "severity": one.severity,
        "result": one.result,
        "provisional": one.provisional,
        "taken_back": line.taken_back,
        "due_at": one.due_at.isoformat() if one.due_at is not None else None,
        "target_s": _seconds(one.target),
        "consumed_s": _seconds(one.consumed),
        "overrun_s": _seconds(one.overrun),
        "pauses_s": _plain_pauses(one.pauses),
        "flags": sorted(one.flags),
        "judged_by": _plain_judges(chapter, one.judged_by),
    }


def _plain_pauses(pauses: Mapping[str, timedelta]) -> dict[str, float]:
    return {reason: stood.total_seconds() for reason, stood in sorted(pauses.items())}


def _plain_judges(chapter: Chapter, judges: Iterable[Judge]) -> list[dict[str, str]]:
    return [
        {
            "contract": one.terms,
            "calendar": chapter.calendars.get(one.calendar, ""),
            "calendar_version": one.calendar,
            "tzdata": one.tzdata,
        }
        for one in sorted(judges)
    ]
