"""What business time costs: adding and measuring over a day to ten years, and folding a case.

`python -m bench.sla` (or `make bench-sla`). Beside ours, two libraries that can do part of it are measured where they are
installed (`pip install -e '.[bench]'`): both walk from day to day, so what they cost grows with the span. Their answers are
compared with ours first. Everybody gets the same calendar: Monday to Friday, 09:00-12:00 and 13:00-18:00, no holidays.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from timeit import Timer
from typing import Any
from zoneinfo import ZoneInfo

from bridge.model.words import Audience, Party
from bridge.sla.calendar import CalendarVersion, Span, always
from bridge.sla.contract import Contract
from bridge.sla.facts import CaseEvent, CaseFact
from bridge.sla.fold import fold
from bridge.sla.terms import Terms, Timeline, courses
from bridge.sla.timetable import Timetable

ZONE = ZoneInfo("Europe/Berlin")
WEEK = ((Span(9 * 3600, 12 * 3600), Span(13 * 3600, 18 * 3600)),) * 5 + ((), ())
OFFICE = CalendarVersion(name="office", timezone="Europe/Berlin", weekly=WEEK)
START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
SPANS = {"a day": 8, "a month": 8 * 21, "a year": 8 * 260, "ten years": 8 * 2600}
"""Business hours in each span."""
ENOUGH_S = 0.2


@dataclass(frozen=True)
class Contender:
    """Somebody who can add hours to an instant and measure between two."""

    name: str
    add: Callable[[datetime, int], datetime]
    between: Callable[[datetime, datetime], float]


def ours() -> Contender:
    """Compiled once; the first question compiles the years."""
    timetable = Timetable(OFFICE, ZONE)

    def add(at: datetime, amount: int) -> datetime:
        found = timetable.add(at, timedelta(hours=amount))
        assert found is not None
        return found

    return Contender("bridge", add, lambda start, end: timetable.between(start, end).total_seconds() / 3600)


def businesstimedelta() -> Contender:
    """Rules of workdays with lunch taken out of them."""
    module: Any = importlib.import_module("businesstimedelta")
    zone: Any = importlib.import_module("pytz").timezone("Europe/Berlin")
    work = module.WorkDayRule(start_time=time(9), end_time=time(18), working_days=range(5), tz=zone)
    lunch = module.LunchTimeRule(start_time=time(12), end_time=time(13), working_days=range(5), tz=zone)
    rules = module.Rules([work, lunch])

    def between(start: datetime, end: datetime) -> float:
        found = rules.difference(start, end)
        return float(found.hours + found.seconds / 3600)

    return Contender("businesstimedelta", lambda at, n: at + module.BusinessTimeDelta(rules, hours=n), between)


def pandas() -> Contender:
    """An offset of business hours; there is nothing in it that measures between two instants."""
    module: Any = importlib.import_module("pandas")

    def add(at: datetime, amount: int) -> datetime:
        offset = module.offsets.CustomBusinessHour(amount, start=["09:00", "13:00"], end=["12:00", "18:00"])
        return (module.Timestamp(at).tz_convert(ZONE) + offset).to_pydatetime()

    def between(start: datetime, end: datetime) -> float:
        raise NotImplementedError

    return Contender("pandas", add, between)


def contenders() -> Iterator[Contender]:
    """Ours, and whoever is installed."""
    yield ours()
    for make in (businesstimedelta, pandas):
        try:
            yield make()
        except ImportError as error:
            print(f"({error.name} is not installed)")


def cost_us(action: Callable[[], object]) -> float:
    """Microseconds a call, the best of three rounds."""
    timer = Timer(action)
    number, taken = timer.autorange()
    if taken > ENOUGH_S * 5:
        return taken / number * 1e6
    return min(taken, *timer.repeat(2, number)) / number * 1e6


def measured(action: Callable[[], object]) -> float | None:
    """As `cost_us`; None where it cannot be done."""
    try:
        action()
    except (NotImplementedError, ValueError, OverflowError):
        return None
    return cost_us(action)


def compare_costs() -> None:
    """The table: microseconds, and how many times ours that is."""
    bridge, *others = contenders()
    timetable = Timetable(OFFICE, ZONE)
    print(f"{'':12}{'':10}" + "".join(f"{one.name:>32}" for one in (bridge, *others)))
    for name, amount in SPANS.items():
        # Ten years lie beyond the horizon of `add`; where they end is measured out in two steps.
        half = timetable.add(START, timedelta(hours=amount / 2))
        end = timetable.add(half, timedelta(hours=amount / 2)) if half else None
        assert end is not None
        rows: dict[str, list[Callable[[], Any]]] = {
            "between": [partial(one.between, START, end) for one in (bridge, *others)]
        }
        if name != "ten years":
            rows["add"] = [partial(one.add, START, amount) for one in (bridge, *others)]
        for what, actions in sorted(rows.items()):
            print(f"{name:12}{what:10}" + "".join(_cells(actions, amount if what == "between" else end)))


def _cells(actions: list[Callable[[], Any]], wanted: object) -> Iterator[str]:
    base = measured(actions[0])
    for action in actions:
        cost = measured(action)
        if cost is None or base is None:
            yield f"{'-':>32}"
            continue
        same = "" if action() == wanted else " (differs)"
        yield f"{f'{cost:,.1f} us = {cost / base:,.0f} times{same}':>32}"


def a_story(updates: int) -> list[CaseFact]:
    """A case in which the two sides write in turn, and wait for each other."""
    facts = []
    for number in range(updates):
        at = START + timedelta(hours=7 * number)
        common = {"occurred_at": at, "observed_at": at, "source": "desk", "seq": number, "group": str(number)}
        if number == 0:
            said = [(CaseEvent.OPENED, ""), (CaseEvent.HANDED_OVER, ""), (CaseEvent.SEVERITY, "major")]
        else:
            said = [(CaseEvent.MESSAGE, ""), (CaseEvent.WAITING, "waiting_customer" if number % 2 else "")]
        party = Party.VENDOR if number % 2 else Party.CUSTOMER
        facts += [
            CaseFact(
                kind=kind, id=f"{number}.{part}", value=value, party=party, audience=Audience.CUSTOMER_USER, **common
            )  # type: ignore[arg-type]
            for part, (kind, value) in enumerate(said)
        ]
    return facts


def fold_costs() -> None:
    """What folding a case costs, by the number of its updates."""
    plain = {
        "customer": "ACME",
        "period": {"from": "2026-01-01"},
        "calendars": {"office": {"timezone": "Europe/Berlin", "weekly": {"mon-fri": ["09:00-12:00", "13:00-18:00"]}}},
        "severities": {
            "major": {
                "calendar": "office",
                "first_response": "8h",
                "next_response": "8h",
                "next_update": "2d",
                "workaround": "3d",
                "resolution": "10d",
            }
        },
        "escalation": [{"at": "50%", "tell": "assignee"}, {"at": "80%", "tell": "assignee"}],
    }
    contract = Contract.model_validate(plain)
    tables = courses({"office": Timetable(OFFICE, ZONE)}, Timetable(always(), UTC))
    timeline = Timeline.of([Terms(contract, tables, ZONE)])
    for updates in (1, 10, 100):
        facts = a_story(updates)
        cost = cost_us(partial(fold, facts, timeline))
        print(f"a case of {updates:3} updates, {len(fold(facts, timeline).clocks):3} clocks: {cost:8,.0f} us, "
              f"{cost / updates:6,.1f} us an update")  # fmt: skip


if __name__ == "__main__":
    fresh = cost_us(lambda: Timetable(OFFICE, ZONE).between(START, START + timedelta(days=1)))
    print(f"compiling three years: {fresh:,.0f} us, once for a calendar version")
    compare_costs()
    fold_costs()
