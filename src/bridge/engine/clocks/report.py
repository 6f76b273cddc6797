"""What became of a month's promises, route by route: every case folded anew as it stood at the end of the month, by all
that is known today, so that the report of a month that is over changes only when facts come to light. Writes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from bridge.engine.clocks.account import Account, account_of
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.errors import ConfigurationError
from bridge.model.words import SUMMARY, Side
from bridge.sla.clock import Kind
from bridge.sla.facts import CaseEvent
from bridge.sla.figures import Figures, Outcome, figures, outcomes
from bridge.sla.terms import FIRST_INSTANT, Timeline
from bridge.store.clocks import ClockRow
from bridge.store.ledger import Transaction

LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the calendar, to be laid into a time zone."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """`2026-03`. Raises ConfigurationError."""
        found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
        if found is None or not 1 < int(found[1]) < 9999:
            raise ConfigurationError(f"{text} is not a month.", None, "write it as 2026-03")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    def bounds(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Its first midnight, and that of the next month."""
        year, number = (self.year + 1, 1) if self.number == 12 else (self.year, self.number + 1)
        first, after = datetime(self.year, self.number, 1, tzinfo=zone), datetime(year, number, 1, tzinfo=zone)
        return first.astimezone(UTC), after.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One cycle of one promise of one case. `ticket` and `title` are those of the helpdesk, so that a customer may read
    them; `taken_back` says that a breach was told, and was not true by later facts."""

    ticket: str
    title: str
    outcome: Outcome
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """A route's month. `as_of` is its end, or the present while it lasts. `calendars` names each calendar version by its
    digest; `unpromised` are tickets (and titles) that came while no contract held."""

    route: str
    customer: str
    zone: tzinfo
    from_at: datetime
    as_of: datetime
    figures: tuple[Figures, ...]
    lines: tuple[Line, ...]
    unpromised: tuple[tuple[str, str], ...]
    calendars: Mapping[str, str]


def report_month(
    transaction: Transaction, routes: Mapping[str, Route], month: Month, names: list[str]
) -> list[Chapter]:
    """The chapters of the routes called so, leaving out those without a contract. Raises ConfigurationError for a month
    that has not begun."""
    rows: dict[str, list[ClockRow]] = {}
    for row in transaction.clocks.all():
        rows.setdefault(row.group, []).append(row)
    return [
        _chapter(transaction, routes, name, contract, month=month, rows=rows)
        for name in names
        if (contract := routes[name].contract) is not None
    ]


def _chapter(
    transaction: Transaction,
    routes: Mapping[str, Route],
    name: str,
    contract: Timeline,
    *,
    month: Month,
    rows: Mapping[str, list[ClockRow]],
) -> Chapter:
    newest = contract.versions[-1]
    from_at, until_at = month.bounds(newest.zone)
    as_of = min(until_at, transaction.now)
    if as_of < from_at:
        raise ConfigurationError(f"The month {month} has not begun in the time zone of {newest.contract.customer}.")
    lines: list[Line] = []
    unpromised: list[tuple[str, str]] = []
    for group in transaction.hands.groups(name):
        if not _touches(rows.get(group), from_at, until_at):
            continue
        account = account_of(transaction, routes, group, until_at=as_of)
        if account is None or not account.facts:
            continue
        lines.extend(_lines(transaction, account, group, from_at=from_at, as_of=as_of, zone=newest.zone))
        if account.folded.out_of_support and _came_at(account) >= from_at:
            unpromised.append((ticket_of(account.state), title_of(account.state)))
    return Chapter(
        route=name,
        customer=newest.contract.customer,
        zone=newest.zone,
        from_at=from_at,
        as_of=as_of,
        figures=tuple(figures((line.outcome for line in lines), month=str(month))),
        lines=tuple(sorted(lines, key=lambda line: (line.outcome.metric, line.ticket, line.outcome.cycle))),
        unpromised=tuple(unpromised),
        calendars=calendar_names(contract),
    )


def _touches(rows: list[ClockRow] | None, from_at: datetime, until_at: datetime) -> bool:
    """Whether a case may count in the month: a clock of it ran then, by the last look at it, or it never had one."""
    return rows is None or any(
        row.started_at < until_at and (row.ended_at is None or row.ended_at >= from_at) for row in rows
    )


def _lines(
    transaction: Transaction, account: Account, group: str, *, from_at: datetime, as_of: datetime, zone: tzinfo
) -> Iterator[Line]:
    """What ended since `from_at`, and what ran at `as_of`."""
    month = f"{from_at.astimezone(zone):%Y-%m}"
    settled_at = _settled_at(transaction, account.state)
    taken_back = {
        (one.metric, one.cycle)
        for one in account.fired
        if one.kind == Kind.BREACH and one.retracted_at is not None and from_at <= one.at < as_of
    }
    for one in outcomes([(group, account.folded)], as_of=as_of, settled_at=settled_at, zone=zone):
        if one.month in ("", month):
            is_untrue = (one.metric, one.cycle) in taken_back
            yield Line(ticket_of(account.state), title_of(account.state), one, is_untrue)


def _settled_at(transaction: Transaction, state: GroupState) -> datetime:
    """Up to where every site of the case was read, by our clock as it was set against each site's."""
    found: list[datetime] = []
    for side in Side:
        ref = state.ref(side)
        if ref is not None and side in state.snapshots:
            settled = transaction.facts.settled_through(ref.site)
            offset = next((one.offset for one in reversed(transaction.facts.of(ref))), timedelta())
            found.append(settled - offset if settled is not None else FIRST_INSTANT)
    return min(found, default=FIRST_INSTANT)


def _came_at(account: Account) -> datetime:
    handed = [fact.occurred_at for fact in account.facts if fact.kind is CaseEvent.HANDED_OVER]
    return min(handed or [fact.occurred_at for fact in account.facts])


def calendar_names(contract: Timeline) -> dict[str, str]:
    """The calendars of a contract, by the digest of each of their versions."""
    return {
        table.version.digest: name
        for terms in contract.versions
        for name, course in terms.calendars.items()
        for table in course.timetables
    }


def ticket_of(state: GroupState) -> str:
    """A case as its customer calls it; "" before it has a ticket in the helpdesk."""
    ref = state.ref(Side.HELPDESK)
    return f"#{ref.id}" if ref is not None else ""


def title_of(state: GroupState) -> str:
    """What the ticket in the helpdesk is about, in one line without control signs."""
    snapshot, lens = state.snapshots.get(Side.HELPDESK), state.route.helpdesk.mapping.lenses.get(SUMMARY)
    value = lens.read(snapshot.fields).value if snapshot is not None and lens is not None else None
    words = " ".join(str(value or "").split())
    plain = "".join(sign for sign in words if unicodedata.category(sign) not in ("Cc", "Cs"))
    return plain if len(plain) <= LONGEST_TITLE else f"{plain[: LONGEST_TITLE - 1]}…"
