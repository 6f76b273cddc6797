"""Real incident histories, turned into what people do in two trackers: who moves which case to what, and when."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bridge.model.words import Side

FILE = "incidents-2012.csv.gz"
NEARBY = Path(__file__).resolve().parents[2] / "shared" / "data"
VARIABLE = "BRIDGE_DATA"

STATUSES: Mapping[str, str] = {
    "In Progress": "open",
    "Assigned": "open",
    "Awaiting Assignment": "open",
    "Wait - User": "pending",
    "Wait - Customer": "pending",
    "Wait": "hold",
    "Wait - Vendor": "hold",
    "Wait - Implementation": "hold",
    "Resolved": "solved",
    "In Call": "solved",
    "Closed": "solved",
    "Cancelled": "solved",
    "Unmatched": "open",
}
"""The Zendesk status a sub-status of the histories is played as."""
PRIORITIES: Mapping[str, str] = {"Major": "urgent", "High": "high", "Medium": "normal", "Low": "low"}
"""The Zendesk priority of an impact."""
ENGINEERS_SHARE = 1 / 3
"""How many of the state changes are made by an engineer in the tracker; the others by the customer's agent."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of a history."""

    sub_status: str
    impact: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing somebody does to a case, and what it then stands at, in Zendesk's words. `raised`: the priority changes
    too."""

    side: Side
    status: str
    priority: str
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """One case: what it begins with, the steps that are played, from how many events, and whether it ends closed."""

    name: str
    priority: str
    steps: tuple[Step, ...]
    events: int
    ends_closed: bool

    @property
    def summary(self) -> str:
        """What the ticket is called on both sides."""
        return f"Incident {self.name}"

    def stands(self, steps: int) -> tuple[str, str]:
        """The status and priority after that many steps, or after the last if there are fewer."""
        done = self.steps[:steps]
        return (done[-1].status, done[-1].priority) if done else ("new", self.priority)


def find_file() -> Path | None:
    """Where the histories are: below `BRIDGE_DATA`, else beside the checkout. None if they are not there."""
    path = Path(os.environ.get(VARIABLE) or NEARBY) / FILE
    return path if path.is_file() else None


def read_incidents(path: Path, *, cases: int, seed: int) -> list[Incident]:
    """`cases` of the histories, the same for the same seed, each with the people who act in it."""
    histories = _histories(path)
    dice = Random(seed)
    chosen = sorted(dice.sample(sorted(histories), min(cases, len(histories))))
    return [plan(name, histories[name], Random(f"{seed} {name}")) for name in chosen]


def _histories(path: Path) -> dict[str, list[Event]]:
    histories: dict[str, list[Event]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            histories.setdefault(row["case"], []).append(Event(row["sub_status"], row["impact"]))
    return histories


def plan(name: str, events: list[Event], dice: Random) -> Incident:
    """What people do so that the case goes through these events.

    Events that change nothing people could see are joined. Only the customer raises a priority or reopens what was
    solved: a tracker that does so is not followed, by design.
    """
    priority = PRIORITIES[events[0].impact]
    steps: list[Step] = []
    before = ("new", priority)
    for status, wanted in _joined(events):
        customers = wanted != before[1] or before[0] == "solved" or dice.random() >= ENGINEERS_SHARE
        side = Side.HELPDESK if customers else Side.TRACKER
        steps.append(Step(side, status, wanted, raised=wanted != before[1]))
        before = (status, wanted)
    return Incident(name, priority, tuple(steps), len(events), ends_closed=events[-1].sub_status == "Closed")


def _joined(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    before: tuple[str, str] | None = None
    for event in events:
        now = STATUSES[event.sub_status], PRIORITIES[event.impact]
        if now != before:
            yield now
        before = now
