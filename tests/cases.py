"""Cases told in a few words, for tests of clocks: facts at local times, under a small contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.config.contract import compile_contract
from bridge.config.reading import parse_yaml
from bridge.mapping.source import Problems
from bridge.model.words import Audience, Party
from bridge.sla.clock import CaseClocks
from bridge.sla.facts import CaseEvent, CaseFact
from bridge.sla.fold import fold
from bridge.sla.terms import Terms, Timeline

BERLIN = ZoneInfo("Europe/Berlin")

CONTRACT = """\
customer: ACME
version: 1
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-17:00"]}}
severities:
  critical: {calendar: 24x7, first_response: 4h, next_response: 4h, workaround: 1d, resolution: 5d}
  major: {calendar: office, first_response: 8h, next_response: 8h, next_update: 2d, workaround: 3d, resolution: 10d}
  minor: {calendar: office, first_response: 2d, resolution: 30d}
pauses: {resolution: [waiting_customer, waiting_authorisation, waiting_third_party]}
customer_clocks:
  authorisation: {target: 1d, calendar: office, remind: [50%, 100%], not_needed: [critical]}
  confirmation: {target: 5d, calendar: office, if_silent: close}
escalation:
  - {at: 50%, tell: assignee}
  - {at: 80%, tell: assignee}
  - {at: breach, tell: assignee}
"""


def terms(*changes: tuple[str, str], text: str = CONTRACT) -> Terms:
    """The contract with some words replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    problems = Problems()
    item = parse_yaml(text, shown="acme.yaml", problems=problems)
    assert item is not None, problems.found
    found = compile_contract(item, problems)
    assert found is not None, [str(problem) for problem in problems.found]
    return found


STANDARD = Timeline.of([terms()])


def local(text: str) -> datetime:
    """`01-05 09:00` is a time of 2026 in Berlin; a year may stand before it."""
    whole = text if text[4:5] == "-" else f"2026-{text}"
    return datetime.fromisoformat(whole).replace(tzinfo=BERLIN)


def shown(at: datetime | None) -> str | None:
    """The same way round."""
    return None if at is None else f"{at.astimezone(BERLIN):%m-%d %H:%M}"


@dataclass
class Story:
    """Facts in the order they are told; each method adds one update. `source` is where it happened."""

    timeline: Timeline = STANDARD
    facts: list[CaseFact] = field(default_factory=list)

    def tell(self, at: str, *kinds: tuple[CaseEvent, dict[str, object]], source: str = "desk", seen: str = "") -> Story:
        """One update with these facts; the same update at one source counts together."""
        group = f"update {len(self.facts)}"
        for kind, more in kinds:
            number = len(self.facts)
            self.facts.append(
                CaseFact(
                    kind=kind,
                    occurred_at=local(at),
                    observed_at=local(seen or at),
                    source=source,
                    id=str(number),
                    seq=number,
                    group=group,
                    **more,  # type: ignore[arg-type]
                )
            )
        return self

    def folded(self, upto: str = "", facts: Iterable[CaseFact] | None = None) -> CaseClocks:
        """The clocks of the story so far."""
        chosen = self.facts if facts is None else facts
        return fold(chosen, self.timeline, facts_upto=local(upto) if upto else None)


def opened(severity: str = "major", **more: object) -> tuple[tuple[CaseEvent, dict[str, object]], ...]:
    """A ticket is opened and handed over at once."""
    said = ((CaseEvent.OPENED, dict(more)), (CaseEvent.HANDED_OVER, {}))
    return (*said, (CaseEvent.SEVERITY, {"value": severity})) if severity else said


def reply(**more: object) -> tuple[CaseEvent, dict[str, object]]:
    """An engineer answers in public."""
    return CaseEvent.MESSAGE, {"party": Party.VENDOR, "audience": Audience.CUSTOMER_USER, **more}


def asks(**more: object) -> tuple[CaseEvent, dict[str, object]]:
    """The customer writes in public."""
    return CaseEvent.MESSAGE, {"party": Party.CUSTOMER, "audience": Audience.CUSTOMER_USER, **more}


def waits(value: str = "waiting_customer") -> tuple[CaseEvent, dict[str, object]]:
    """The status says what the case waits for; "" for nothing."""
    return CaseEvent.WAITING, {"value": value, "party": Party.VENDOR}


def act(kind: CaseEvent, party: Party = Party.VENDOR, **more: object) -> tuple[CaseEvent, dict[str, object]]:
    """Somebody does something."""
    return kind, {"party": party, **more}


def becomes(severity: str) -> tuple[CaseEvent, dict[str, object]]:
    """The severity changes."""
    return CaseEvent.SEVERITY, {"value": severity, "party": Party.VENDOR}


def hours(number: float) -> timedelta:
    """Of business time, or any other."""
    return timedelta(hours=number)
