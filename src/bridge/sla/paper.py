"""A contract as a document that people can read and sign: Markdown, with worked examples and the hash of what was signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from bridge.sla.calendar import CalendarVersion
from bridge.sla.contract import ALWAYS, Contract
from bridge.sla.examples import calendar_sentences, worked_examples
from bridge.sla.hours import show_spans, show_week
from bridge.sla.terms import Terms

BEGINS = {"handed_over": "when the case is handed over to the vendor", "opened": "when the ticket is opened"}
RUNNING = {"finish": "are finished under it", "suspend": "are suspended"}
SILENCE = {
    "escalate": "whoever is responsible at the vendor is told",
    "close": "the case is closed",
    "accept": "it counts as a yes",
    "wait": "nothing follows",
}


def write_paper(terms: Terms) -> str:
    """The whole document, ending in a line for each signature."""
    contract = terms.contract
    parts: list[Iterable[str]] = [
        [f"# Service contract: {contract.customer}", "", f"Version {contract.version}", ""],
        _section("Period", _period(contract)),
        _section("Hours", _hours(terms)),
        _section("Support levels", _levels(contract)),
        _section("What is promised", _promises(contract)),
        _section("Worked examples", _bullets(worked_examples(terms))),
        _section("When clocks stand still", _bullets(_pauses(contract))),
        _section("What is asked of the customer", _bullets(_duties(contract))),
        _section("Who is told", _bullets(_steps(contract))),
        _section("Who decides", _bullets(_decisions(contract))),
        _section("Cost", _bullets(_cost(contract))),
        _section("Signatures", _signatures(contract)),
        _footer(terms),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    held = list(lines)
    if held:
        yield from (f"## {title}", "", *held, "")


def _bullets(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {sentence}." for sentence in sentences)


def _period(contract: Contract) -> Iterator[str]:
    period = contract.period
    until = f" to {period.to}" if period.to else ""
    yield f"From {period.from_}{until}, both days included, in the time of {contract.timezone}."
    if period.renewal == "yearly":
        yield "It is renewed by a year at a time" + (f" unless ended {period.notice} before." if period.notice else ".")
    if period.terminated:
        yield f"It was ended; its last day is {period.terminated}."
    yield f"Cases that run when it ends {RUNNING[period.running_cases]}."
    if period.applies_to_open:
        yield "It applies to cases that are open when it begins."


def _hours(terms: Terms) -> Iterator[str]:
    yield f"- `{ALWAYS}`: every hour of every day."
    for name, written in terms.contract.calendars.items():
        version = terms.calendars[name].at(terms.from_at).version
        yield f"- `{name}`: {show_week(version.weekly)} ({written.timezone})."
        yield from (f"  - {line}." for line in _exceptions(version, terms.contract))
    yield from (f"- {sentence}." for sentence in calendar_sentences(terms.contract))


def _exceptions(version: CalendarVersion, contract: Contract) -> Iterator[str]:
    first, last = contract.period.from_, contract.period.to or contract.period.from_ + timedelta(days=365)
    days = [day for day in sorted(version.holidays) if first <= day <= last and version.weekly[day.weekday()]]
    if days:
        yield f"holidays: {', '.join(map(_day, days))}"
    special = {_day(day): spans for day, spans in sorted(version.dates.items())}
    special |= {f"every {day}": spans for day, spans in sorted(version.yearly.items())}
    for shown, spans in special.items():
        yield f"{shown}: {show_spans(spans)}"
    for day, spans in sorted(version.breaks.items()):
        yield f"{_day(day)}: a break {show_spans(spans)}"


def _day(day: date) -> str:
    return f"{day:%a} {day}"


def _levels(contract: Contract) -> Iterator[str]:
    for level, terms in contract.support_levels.items():
        means = f": {terms.means}" if terms.means else ""
        yield f"- Level {level}{means} ({', '.join(terms.team)})."


def _promises(contract: Contract) -> Iterator[str]:
    metrics = tuple(dict.fromkeys(metric for terms in contract.severities.values() for metric in terms.targets))
    titles = ("Severity", "Means", "Counted in", *(metric.replace("_", " ").capitalize() for metric in metrics))
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for severity, terms in contract.severities.items():
        targets = terms.targets
        cells = []
        for metric in metrics:
            target = targets.get(metric)
            elsewhere = f" ({target.calendar})" if target and target.calendar else ""
            cells.append(f"{target.target}{elsewhere}" if target else "")
        yield f"| {' | '.join((str(severity), terms.means, terms.calendar, *cells))} |"
    yield ""
    yield f"Clocks begin {BEGINS[contract.starts]}. A promise is kept if no more time than stated was used up."


def _pauses(contract: Contract) -> Iterator[str]:
    for metric in dict.fromkeys(name for terms in contract.severities.values() for name in terms.targets):
        reasons = [reason.replace("_", " ") for reason in contract.pauses_of(metric)]
        name = metric.replace("_", " ")
        yield f"{name}: while {' or '.join(reasons)}" if reasons else f"{name}: never"


def _duties(contract: Contract) -> Iterator[str]:
    for name, duty in contract.customer_clocks.items():
        without = f", not for {' or '.join(duty.not_needed)}" if duty.not_needed else ""
        reminders = f"; reminded at {', '.join(map(str, duty.remind))}" if duty.remind else ""
        asked = f"{name} within {duty.target} of `{duty.calendar}`{without}{reminders}"
        yield f"{asked}; after that, {SILENCE[duty.if_silent]}"


def _steps(contract: Contract) -> Iterator[str]:
    for step in contract.escalation:
        about = f" of {', '.join(metric.replace('_', ' ') for metric in step.metrics)}" if step.metrics else ""
        whose = f" ({', '.join(step.severities)} only)" if step.severities else ""
        customer = {"none": "", "draft": ", and a message to the customer is drafted", "send": ", and the customer"}
        yield f"at {step.at}{about}{whose}: {', '.join(step.tell)}{customer[step.customer]}"


def _decisions(contract: Contract) -> Iterator[str]:
    for what, roles in contract.approve:
        if roles:
            yield f"{what}: {', '.join(role.replace('_', ' ') for role in roles)}"
    dispute = contract.disputed_severity
    within = f", decided within {dispute.decide_within}" if dispute.decide_within else ""
    whom = f" by the {dispute.then.replace('_', ' ')}" if dispute.then else ""
    yield f"while a severity is disputed, the {dispute.run} one runs{within}{whom}"


def _cost(contract: Contract) -> Iterator[str]:
    cost = contract.cost
    if cost.model == "none":
        return
    yield cost.model.replace("_", " ")
    if cost.included_hours is not None:
        yield f"{cost.included_hours} hours are included per {cost.per}"
    for name, money in (("an hour", cost.rate), ("an hour beyond those", cost.overage)):
        if money is not None:
            yield f"{name}: {money.amount} {money.currency}"
    if cost.round_up:
        yield f"rounded up to {cost.round_up}"


def _signatures(contract: Contract) -> Iterator[str]:
    signed = contract.signed
    if signed is not None:
        document = f" ({signed.document}, sha256 {signed.sha256})" if signed.document and signed.sha256 else ""
        yield f"Signed on {signed.date} by {', '.join(signed.by) or 'both parties'}{document}."
        return
    for whom in (contract.customer, "For the vendor"):
        yield from (f"{whom}:", "", "Name ____________________  Date ____________  Signature ____________________", "")


def _footer(terms: Terms) -> Iterator[str]:
    yield "---"
    if terms.digest:
        yield f"sha256 of the contract's file: `{terms.digest}`"
    for name in terms.contract.calendars:
        version = terms.calendars[name].at(terms.from_at).version
        data = f", {version.holiday_data}" if version.holiday_data else ""
        yield f"Calendar `{name}`: `{version.digest}` (zone data {version.tzdata}{data})"
