"""What is wrong with a contract though every key is right: names of nothing, promises that contradict each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from itertools import combinations, pairwise

from bridge.errors import HorizonError
from bridge.model.words import Severity
from bridge.sla.contract import ALWAYS, Contract
from bridge.sla.length import Length
from bridge.sla.metric import BUILT_IN, CUSTOMERS, Wait
from bridge.sla.terms import Promise, Terms, Timeline
from bridge.sla.timetable import FIRST_YEAR, LAST_YEAR, MOST_YEARS

ASSIGNEE = "assignee"
"""Whoever the case is assigned to; may be told of an escalation without being among the roles."""

Path = tuple[str | int, ...]

LATER_THAN = (("first_response", "resolution"), ("workaround", "resolution"), ("diagnosis", "resolution"))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend. `path` leads to the value in the contract; the message is one sentence without a full stop."""

    path: Path
    message: str
    suggestion: str = ""


def find_wrong_names(contract: Contract, people: Collection[str]) -> Iterator[Finding]:
    """Calendars, metrics, reasons and roles that nothing bears. `people` are the roles of the config's people."""
    yield from _periods(contract)
    yield from _calendar_names(contract)
    yield from _metric_names(contract)
    yield from _role_names(contract, people)


def find_contradictions(terms: Terms) -> Iterator[Finding]:
    """Promises that cannot be kept, or make no sense beside each other. All names must be right."""
    sound = True
    for path, promise in _promises(terms):
        for finding in _one_promise(path, promise, terms):
            sound = False
            yield finding
    if sound:
        yield from _order_of_severities(terms)
        yield from _order_of_metrics(terms)
    yield from _warnings(terms)


def find_gaps(timeline: Timeline) -> Iterator[tuple[Terms, Finding]]:
    """What does not fit between the versions of one contract, each with the later version."""
    for earlier, later in pairwise(timeline.versions):
        names = f"version {earlier.contract.version}", f"version {later.contract.version}"
        end = earlier.until_at
        if later.contract.customer != earlier.contract.customer:
            message = f"{names[1]} is with another customer than {names[0]}, `{earlier.contract.customer}`"
            yield later, Finding(("customer",), message)
        if later.contract.version <= earlier.contract.version:
            yield later, Finding(("version",), f"{names[1]} begins after {names[0]} and has no higher number")
        if end is not None and end < later.from_at and later.contract.period.gaps == "flag":
            if earlier.contract.period.gaps == "cover":
                continue
            days = (later.from_at - end).days
            message = f"no version holds for {days} {'day' if days == 1 else 'days'} before {names[1]} begins"
            hint = f"begin on {end.astimezone(later.zone).date()}, or say `gaps: cover` in {names[0]}"
            yield later, Finding(("period", "from"), message, hint)


def _periods(contract: Contract) -> Iterator[Finding]:
    period = contract.period
    for name, day in (("from", period.from_), ("to", period.to), ("terminated", period.terminated)):
        if day is not None and not FIRST_YEAR < day.year < LAST_YEAR - 2 * MOST_YEARS:
            first, last = FIRST_YEAR + 1, LAST_YEAR - 2 * MOST_YEARS - 1
            yield Finding(("period", name), f"`{name}` is {day}; calendars know the years {first} to {last}")
    if period.to is not None and period.to < period.from_:
        yield Finding(("period", "to"), "the contract's period ends before it begins")
    if period.terminated is not None and period.terminated < period.from_:
        yield Finding(("period", "terminated"), "the contract was terminated before it begins")
    if period.to is None and period.renewal == "yearly":
        yield Finding(("period", "renewal"), "a contract without an end is not renewed", "add `to:`")


def _calendar_names(contract: Contract) -> Iterator[Finding]:
    known = (ALWAYS, *contract.calendars)
    used: list[tuple[Path, str]] = []
    for severity, terms in contract.severities.items():
        used.append((("severities", severity, "calendar"), terms.calendar))
        for metric, target in terms.targets.items():
            if target.calendar is not None:
                used.append((("severities", severity, metric, "calendar"), target.calendar))
    used += [(("customer_clocks", name, "calendar"), duty.calendar) for name, duty in contract.customer_clocks.items()]
    for path, name in used:
        if name not in known:
            yield Finding(path, f"there is no calendar `{name}` in this contract", _near(name, known))
    if ALWAYS in contract.calendars:
        yield Finding(("calendars", ALWAYS), f"`{ALWAYS}` always counts every hour", "give this calendar another name")


def _metric_names(contract: Contract) -> Iterator[Finding]:
    vendors = (*BUILT_IN, *contract.metrics)
    used: list[tuple[Path, str]] = [
        (("severities", severity, metric), metric)
        for severity, terms in contract.severities.items()
        for metric in terms.targets
    ]
    used += [(("pauses", metric), metric) for metric in contract.pauses]
    used += [
        (("escalation", number, "metrics"), metric)
        for number, step in enumerate(contract.escalation)
        for metric in step.metrics
    ]
    for path, name in used:
        if name not in vendors:
            hint = _near(name, vendors) or f"known: {', '.join(vendors)}; `metrics:` adds others"
            yield Finding(path, f"`{name}` is no metric", hint)
    for name in contract.metrics:
        if name in CUSTOMERS:
            yield Finding(("metrics", name), f"`{name}` is a duty of the customer", "give the metric another name")
    lists: list[tuple[Path, tuple[Wait, ...]]] = [
        (("pauses", name), reasons) for name, reasons in contract.pauses.items()
    ]
    lists += [(("metrics", name, "pauses"), metric.pauses) for name, metric in contract.metrics.items()]
    for path, reasons in lists:
        if Wait.INTERNAL in reasons:
            yield Finding(path, "the vendor's own waiting never stops a clock of the vendor", "take it out")


def _role_names(contract: Contract, people: Collection[str]) -> Iterator[Finding]:
    known = (*contract.roles, *people, ASSIGNEE)
    used: list[tuple[Path, str]] = [
        (("escalation", number, "tell"), role) for number, step in enumerate(contract.escalation) for role in step.tell
    ]
    used += [(("approve", what), role) for what, roles in contract.approve for role in roles]
    if contract.disputed_severity.then is not None:
        used.append((("disputed_severity", "then"), contract.disputed_severity.then))
    for path, name in used:
        if name not in known:
            hint = _near(name, known) or "add it to the contract's `roles:`"
            yield Finding(path, f"`{name}` is neither a role of this contract nor among the people of the config", hint)
    for role, names in contract.roles.items():
        for name in names:
            if not name.startswith("@") and people and name not in people:
                hint = _near(name, people) or f"add `{name}` to `people:` of the config"
                yield Finding(("roles", role), f"`{name}` is not among the people of the config", hint)


def _promises(terms: Terms) -> Iterator[tuple[Path, Promise]]:
    for severity, said in terms.contract.severities.items():
        for metric in said.targets:
            promise = terms.promise(severity, metric)
            if promise is not None:
                yield ("severities", severity, metric), promise
    for name in terms.contract.customer_clocks:
        promise = terms.promise(None, name)
        if promise is not None:
            yield ("customer_clocks", name, "target"), promise


def _one_promise(path: Path, promise: Promise, terms: Terms) -> Iterator[Finding]:
    at, what = terms.from_at, f"`{promise.metric}`"
    if not promise.length:
        yield Finding(path, f"{what} is promised in no time at all", "write a length such as `4h`")
        return
    if promise.length.days and promise.course.at(at).day_s is None:
        message = f"{what} is counted in days of `{promise.calendar}`, whose weekdays have different lengths"
        yield Finding(path, message, f"say `day: 8h` in the calendar `{promise.calendar}`, or write hours")
        return
    try:
        due_at = promise.course.add(at, promise.amount(at))
    except HorizonError as error:
        yield Finding(path, f"{what} is never due: {error}")
        return
    if due_at is None:
        message = f"{what} can never be due: the calendar `{promise.calendar}` has no hours for it"
        yield Finding(path, message, "give the calendar hours, or name another one")


def _samples(terms: Terms) -> list[datetime]:
    """Instants spread over the first week of the contract, at which promises are compared."""
    return [terms.from_at + timedelta(hours=5 * number) for number in range(34)]


def _is_always_later(one: Promise, other: Promise, terms: Terms) -> bool:
    def due(promise: Promise, at: datetime) -> datetime | None:
        return promise.course.add(at, promise.amount(at))

    pairs = [(due(one, at), due(other, at)) for at in _samples(terms)]
    return all(first is not None and second is not None and first > second for first, second in pairs)


def _order_of_severities(terms: Terms) -> Iterator[Finding]:
    ranked = [severity for severity in Severity if severity in terms.contract.severities]
    for high, low in combinations(ranked, 2):
        for metric in terms.contract.severities[high].targets:
            one, other = terms.promise(high, metric), terms.promise(low, metric)
            if one is not None and other is not None and _is_always_later(one, other, terms):
                message = f"`{metric}` of `{high}` is due later than that of `{low}`, which is less severe"
                yield Finding(("severities", high, metric), message, f"`{low}` has {other.length}")


def _order_of_metrics(terms: Terms) -> Iterator[Finding]:
    for severity in terms.contract.severities:
        for early, late in LATER_THAN:
            one, other = terms.promise(severity, early), terms.promise(severity, late)
            if one is not None and other is not None and _is_always_later(one, other, terms):
                message = f"`{early}` of `{severity}` is due later than its `{late}`"
                yield Finding(("severities", severity, early), message, f"`{late}` has {other.length}")


def _warnings(terms: Terms) -> Iterator[Finding]:
    for number, step in enumerate(terms.contract.escalation):
        path = ("escalation", number, "at")
        for where, promise in _promises(terms):
            concerned = where[0] == "severities" and (not step.metrics or promise.metric in step.metrics)
            if concerned and (not step.severities or where[1] in step.severities):
                message = _too_long(step.at.left, promise, terms, str(where[1]))
                if message:
                    yield Finding(path, message, "name `metrics:` it is for, or write a share such as `80%`")
                    break
    for name, duty in terms.contract.customer_clocks.items():
        for reminder in duty.remind:
            asked = terms.promise(None, name)
            message = _too_long(reminder.left, asked, terms, "the customer") if asked else ""
            if message:
                yield Finding(("customer_clocks", name, "remind"), message)


def _too_long(left: Length | None, promise: Promise, terms: Terms, whose: str) -> str:
    day_s = promise.course.at(terms.from_at).day_s
    if left is None or ((left.days or promise.length.days) and day_s is None):
        return ""
    if left.in_days_of(day_s) < promise.amount(terms.from_at):
        return ""
    target = f"`{promise.metric}` of `{whose}` ({promise.length})"
    return f"the warning `{left} left` is no shorter than {target}, and never comes"


def _near(word: str, choices: Collection[str]) -> str:
    near = get_close_matches(word.casefold(), list(choices), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
