"""A month's report as one page: whole in itself, without scripts, and fetching nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge.cli.report.drawing import Bar, Piece, draw_bars
from bridge.cli.report.plain import brief, ordered, taken_back
from bridge.engine.clocks.report import Chapter, Line, Month
from bridge.engine.clocks.words import metric_words
from bridge.sla.figures import BREACHED, PERCENTILES, RUNNING_OVER, Figures

HERE = Path(__file__).parent
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a chapter comes to."""

    met: int
    breached: int
    over: int
    open: int
    cancelled: int
    provisional: int
    taken_back: int

    @property
    def kept(self) -> str:
        """The share of promises kept, as people say it."""
        judged = self.met + self.breached
        return share_words(self.met / judged) if judged else "–"


def write_page(chapters: Iterable[Chapter], month: Month, made_at: datetime) -> str:
    """The whole page as HTML. Texts of tickets are escaped wherever they stand; the page forbids its reader everything but
    its own style sheet."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("page.html.j2")
    month_words = f"{MONTHS[month.number - 1]} {month.year}"
    return template.render(
        chapters=list(chapters), month=month_words, made_at=made_at, style=Markup(style), policy=policy
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "length": brief,
        "metric": metric_words,
        "words": _words,
        "local": _local,
        "share": share_words,
    }
    environment.globals |= {
        "chart": chart,
        "totals": totals,
        "ordered": ordered,
        "broken": broken_lines,
        "paused": paused_rows,
        "percentiles": PERCENTILES,
    }
    return environment


def chart(chapter: Chapter) -> Markup:
    """The chapter's chart: a bar for each promise and severity, what was kept first."""
    bars: dict[tuple[str, str], list[Figures]] = {}
    for one in ordered(chapter):
        bars.setdefault((one.metric, one.severity), []).append(one)
    return draw_bars([_bar(*key, members) for key, members in bars.items()], title="Promises kept and broken")


def _bar(metric: str, severity: str, members: list[Figures]) -> Bar:
    met, breached = sum(one.met for one in members), sum(one.breached for one in members)
    still = sum(one.running + one.paused for one in members)
    kept = f"{share_words(met / (met + breached))} kept" if met + breached else "not settled yet"
    pieces = (Piece("met", "kept", met), Piece("broken", "broken", breached), Piece("open", "still open", still))
    return Bar(
        f"{metric_words(metric)}, {severity or 'no severity'}", kept if met + breached + still else "cancelled", pieces
    )


def totals(chapter: Chapter) -> Totals:
    """What all rows of a chapter come to."""
    rows = chapter.figures
    return Totals(
        met=sum(one.met for one in rows),
        breached=sum(one.breached for one in rows),
        over=sum(one.running_over for one in rows),
        open=sum(one.running + one.paused for one in rows),
        cancelled=sum(one.cancelled for one in rows),
        provisional=sum(one.provisional for one in rows),
        taken_back=sum(taken_back(chapter, one) for one in rows),
    )


def broken_lines(chapter: Chapter) -> list[Line]:
    """What was broken, the furthest over first."""
    found = [line for line in chapter.lines if line.outcome.result in (BREACHED, RUNNING_OVER)]
    return sorted(found, key=lambda line: (-line.outcome.overrun, line.ticket))


def paused_rows(chapter: Chapter) -> list[tuple[Figures, str, timedelta]]:
    """How long promises stood still, by reason."""
    return [(one, reason, stood) for one in ordered(chapter) for reason, stood in sorted(one.pauses.items())]


def share_words(share: float) -> str:
    """`66.7 %`: never rounded to all or nothing when it is not."""
    if 0.999 < share < 1 or 0 < share < 0.001:
        return "> 99.9 %" if share > 0.5 else "< 0.1 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _local(at: datetime, chapter: Chapter) -> str:
    return f"{at.astimezone(chapter.zone):%a %d %b %Y, %H:%M}"
