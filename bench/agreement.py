"""Whether two sides agree about a case: asked of the mapping's lenses and of what stands at the sites, not of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.incidents import Incident
from bridge.cli.story.people import Case
from bridge.config import RoutePlan
from bridge.model.ticket import Reading
from bridge.model.words import SEVERITY, STATE, Side

FIELDS = (SEVERITY, STATE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many cases agree on both sides with each other and with their history; a sentence for each that does not."""

    cases: int
    wrong: Mapping[str, str]

    @property
    def agreeing(self) -> int:
        """The number of cases nothing is wrong with."""
        return self.cases - len(self.wrong)


def judge(
    route: RoutePlan, incidents: list[Incident], tickets: Iterable[Case], issues: Iterable[Case], *, steps: int
) -> Verdict:
    """Compare every case's ticket and issue with each other and with how its history stood after that many steps."""
    at_helpdesk, at_tracker = _by_summary(tickets), _by_summary(issues)
    wrong = {}
    for incident in incidents:
        found = at_helpdesk.get(incident.summary, []), at_tracker.get(incident.summary, [])
        said = _compare(route, incident.stands(steps), *found)
        if said:
            wrong[incident.summary] = said
    return Verdict(len(incidents), wrong)


def _compare(route: RoutePlan, stands: tuple[str, str], tickets: list[Case], issues: list[Case]) -> str:
    if len(tickets) != 1 or len(issues) != 1:
        return f"{len(tickets)} tickets and {len(issues)} issues"
    [ticket], [issue] = tickets, issues
    history = dict(zip(("status", "priority"), stands, strict=True))
    complaints = []
    for field in FIELDS:
        wanted = reduced(route, Side.HELPDESK, field, history)
        here = reduced(route, Side.HELPDESK, field, ticket.fields)
        there = reduced(route, Side.TRACKER, field, issue.fields)
        if not here == there == wanted:
            shown = f"{_natives(route, Side.HELPDESK, field, ticket)}, {_natives(route, Side.TRACKER, field, issue)}"
            complaints.append(f"{field} is {here} at #{ticket.ticket}, {there} at {issue.ticket}, {wanted} in the "
                              f"history ({shown})")  # fmt: skip
    return "; ".join(complaints)


def reduced(route: RoutePlan, side: Side, field: str, shown: Mapping[str, Any]) -> Any:
    """What a side's native values mean, reduced to what both sides can hold; None if they cannot be read."""
    lens = route.side(side).mapping.lenses[field]
    reading = lens.read({name: Reading.of(shown[name]) for name in lens.natives if name in shown})
    return route.normal(field, reading.value) if reading.readable and reading.value is not None else None


def _natives(route: RoutePlan, side: Side, field: str, case: Case) -> str:
    names = route.side(side).mapping.lenses[field].natives
    return ", ".join(f"{name} {case.fields.get(name)}" for name in names)


def _by_summary(cases: Iterable[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.summary, []).append(case)
    return found
