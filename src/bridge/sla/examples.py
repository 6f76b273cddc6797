"""A contract's promises worked out for one moment: "critical, handed over Friday 17:00: first response by 21:00"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.errors import HorizonError
from bridge.model.words import Severity
from bridge.sla.contract import Contract
from bridge.sla.metric import Event
from bridge.sla.terms import Promise, Terms

STARTS = {"handed_over": "handed over", "opened": "opened"}
FRIDAY = 4


def worked_examples(terms: Terms) -> Iterator[str]:
    """One sentence a severity, for the first Friday of the contract at 17:00 in its zone; then what its words mean."""
    at = example_at(terms)
    for severity in terms.contract.severities:
        yield example(terms, severity, at)


def example_at(terms: Terms) -> datetime:
    """The first Friday on which the contract holds, at 17:00 in its zone."""
    first = terms.from_at.astimezone(terms.zone)
    return (first + timedelta(days=(FRIDAY - first.weekday()) % 7)).replace(hour=17)


def example(terms: Terms, severity: Severity, at: datetime) -> str:
    """When each promise to a case of this severity falls due that begins at `at` (in the contract's zone)."""
    dated, later = [], []
    for name in terms.contract.severities[severity].targets:
        promise, metric = terms.promise(severity, name), terms.contract.metric(name)
        if promise is None or metric is None:
            continue
        shown = name.replace("_", " ")
        if metric.starts is Event.HANDED_OVER:
            due_at = _due_at(promise, at)
            dated.append(f"{shown} {'never' if due_at is None else f'by {_when(due_at.astimezone(terms.zone), at)}'}")
        else:
            later.append(f"then {shown} {'every' if metric.again else 'within'} {promise.length}")
    begun = STARTS[terms.contract.starts]
    return f"{severity}, {begun} {at:%A %H:%M}: {', '.join((*dated, *later)) or 'nothing is promised'}"


def calendar_sentences(contract: Contract) -> Iterator[str]:
    """How long a `d` of each calendar is."""
    for name, terms in contract.calendars.items():
        day_s = terms.version(name, holidays=frozenset(), tzdata="", holiday_data="").working_day_s
        if day_s is not None:
            yield f"`1d` in `{name}` is {day_s / 3600:g} hours of its time"


def _due_at(promise: Promise, at: datetime) -> datetime | None:
    try:
        return promise.course.add(at, promise.amount(at))
    except HorizonError:
        return None


def _when(due_at: datetime, at: datetime) -> str:
    if due_at.date() == at.date():
        return f"{due_at:%H:%M}"
    if due_at.date() - at.date() < timedelta(days=7):
        return f"{due_at:%A %H:%M}"
    return f"{due_at:%A} {due_at.day} {due_at:%B %H:%M}"
