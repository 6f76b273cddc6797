"""One site's own thread: hints are followed, feeds are read, duties are done. A slow site holds up only itself."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from threading import Condition
from typing import Protocol

import structlog

from bridge.engine.intake.feeds import FETCH_AT_ONCE, Intake
from bridge.errors import RemoteError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef

MOST_HINTS = 10_000
"""Tickets that may wait for a reading because of a hint. What comes beyond asks for a reading of every feed instead."""

log = structlog.get_logger(__name__)


class Duty(Protocol):
    """Something to look after at a site beside its feeds."""

    def step(self, site: str) -> None:
        """Do one piece of it, a request or two, if its time has come. Asked about every second."""


class Reader:
    """Whatever a site is asked without a group being worked on. Thread-safe; `work` is called by one thread only.

    At most one poll is under way and at most one waits, however often one is asked for. Hints wait in memory, one a
    ticket: a process that ends forgets them, and loses nothing by it, since the feeds tell of every change again.
    """

    def __init__(self, site: str, intake: Intake, duties: tuple[Duty, ...] = ()) -> None:
        self.site = site
        self._intake = intake
        self._duties = duties
        self._changed = Condition()
        self._hints: OrderedDict[TicketRef, Hint] = OrderedDict()
        self._asked = 0
        self._every_feed = False
        self._answered = 0
        self._found = True
        self._read_at: datetime | None = None
        self._duties_due = bool(duties)

    def poke(self, *, every_feed: bool = False) -> int:
        """Ask for a poll. The number of the request: `answered` reaches it when a poll that began later has ended."""
        with self._changed:
            self._asked += 1
            self._every_feed |= every_feed
            self._changed.notify_all()
            return self._asked

    def look_after(self) -> None:
        """Let the duties see whether their time has come."""
        with self._changed:
            self._duties_due = bool(self._duties)
            self._changed.notify_all()

    def take(self, hints: tuple[Hint, ...]) -> None:
        """Accept hints. Returns at once."""
        with self._changed:
            for hint in hints:
                waiting = self._hints.get(hint.ref)
                if waiting is None and len(self._hints) >= MOST_HINTS:
                    self._asked, self._every_feed = self._asked + 1, True
                else:
                    self._hints[hint.ref] = hint if waiting is None else _stronger(waiting, hint)
            self._changed.notify_all()

    @property
    def hints_waiting(self) -> int:
        """How many tickets wait for a reading because of a hint."""
        return len(self._hints)

    @property
    def answered(self) -> int:
        """The newest request for a poll that was answered."""
        return self._answered

    @property
    def read_at(self) -> datetime | None:
        """When a page of a feed was last read, None if none was yet."""
        return self._read_at

    @property
    def found(self) -> bool:
        """Whether the last poll found anything, or could not be made."""
        return self._found

    def work(self, wait_s: float) -> None:
        """Do the most urgent thing, or wait for one."""
        with self._changed:
            if not (self._hints or self._asked > self._answered or self._duties_due):
                self._changed.wait(wait_s)
        if not self._follow_hints() and not self._poll():
            self._do_duties()

    def _follow_hints(self) -> bool:
        with self._changed:
            hints = tuple(self._hints.popitem(last=False)[1] for _ in range(min(len(self._hints), FETCH_AT_ONCE)))
        if not hints:
            return False
        try:
            self._intake.hint(self.site, hints)
        except RemoteError as error:
            # The feeds tell everything anyway; a hint only makes it sooner.
            log.warning("hint.failed", site=self.site, error=str(error))
            self.poke(every_feed=True)
        return True

    def _poll(self) -> bool:
        with self._changed:
            asked, every_feed = self._asked, self._every_feed
            if asked <= self._answered:
                return False
            self._every_feed = False
        try:
            poll = self._intake.poll(self.site, every_feed=every_feed, between=self._between_pages)
            self._found = bool(poll.due or poll.failed)
            if not poll.failed:
                self._read_at = self._intake.clock.now()
        finally:
            # Also when a defect ended it: the next beat tries again, and whoever waits is not kept for ever.
            self._answered = asked
        return True

    def _between_pages(self) -> None:
        self._read_at = self._intake.clock.now()
        self._follow_hints()

    def _do_duties(self) -> None:
        with self._changed:
            due, self._duties_due = self._duties_due, False
        for duty in self._duties if due else ():
            duty.step(self.site)


def _stronger(waiting: Hint, hint: Hint) -> Hint:
    """Of two hints at one ticket the one that asks for more: without a stamp it is always followed."""
    if waiting.version_at is None or hint.version_at is None:
        return Hint(hint.ref)
    return hint if hint.version_at > waiting.version_at else waiting
