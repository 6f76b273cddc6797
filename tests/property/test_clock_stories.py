"""Clocks over random stories: any order of arrival gives the same, and a walk through the minutes agrees."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cases import STANDARD, Story, act, asks, becomes, local, opened, reply, waits

from bridge.model.words import Party
from bridge.sla.clock import CaseClocks, ClockState
from bridge.sla.facts import CaseEvent, CaseFact
from bridge.sla.fold import fold
from bridge.sla.timetable import Limit
from bridge.sla.wake import compare, due

MINUTE = timedelta(minutes=1)
BEGIN = local("01-05 09:00")
LENGTHS = {
    "first_response": {"critical": 240, "major": 480, "minor": 960},
    "resolution": {"critical": 7200, "major": 4800, "minor": 14400},
}
"""The contract's targets in minutes of their calendars."""
WAITS = {
    "first_response": set[str](),
    "resolution": {"waiting_customer", "waiting_authorisation", "waiting_third_party"},
}
STATES = {
    "running": (ClockState.RUNNING, ClockState.PAUSED),
    "stopped": (ClockState.STOPPED,),
    "lost": (ClockState.CANCELLED,),
}
BACK = {CaseEvent.RESTORED: "deleted", CaseEvent.MATCHED: "unmatched"}


def any_story(random: Random, updates: int) -> Story:
    """A case of up to three weeks, in which everybody does something at whole minutes, sometimes at once."""
    story = Story().tell("01-05 09:00", *opened(random.choice(["critical", "major", "minor"])))
    minutes = sorted(random.choice([30, 200, 1000, 8000, 20000]) * random.random() for _ in range(updates))
    for minute in minutes:
        at = (BEGIN + MINUTE * (1 + int(minute))).strftime("%Y-%m-%d %H:%M")
        choices = [
            reply(), reply(human=False), asks(), waits(), waits("waiting_third_party"), waits(""), waits("waiting_internal"),
            becomes("critical"), becomes("major"), becomes("minor"), act(CaseEvent.HANDED_BACK), act(CaseEvent.HANDED_OVER),
            act(CaseEvent.RESOLVED), act(CaseEvent.REOPENED, Party.CUSTOMER), act(CaseEvent.DELETED),
            act(CaseEvent.ASKED, Party.BRIDGE), act(CaseEvent.ANSWERED, Party.CUSTOMER), act(CaseEvent.WORKAROUND),
            act(CaseEvent.UNMATCHED), act(CaseEvent.MATCHED), act(CaseEvent.RESTORED),
        ]  # fmt: skip
        story.tell(at, *random.sample(choices, random.choice([1, 1, 2])))
    return story


stories = st.builds(lambda seed, updates: any_story(Random(seed), updates), st.integers(0, 10**9), st.integers(0, 9))


@given(stories, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_clocks(story: Story, random: Random) -> None:
    straight = story.folded()
    arrived = [*story.facts, *random.sample(story.facts, len(story.facts) // 2)]
    random.shuffle(arrived)
    assert fold(arrived, STANDARD) == straight


@given(stories)
def test_what_a_clock_says_of_itself_holds_together(story: Story) -> None:
    for clock in story.folded().clocks:
        assert sum((segment.used for segment in clock.segments), timedelta()) == clock.consumed
        assert (
            clock.target is None or clock.met is not True or clock.consumed <= clock.target or clock.breached_at is None
        )
        assert list(clock.pauses) == sorted(clock.pauses, key=lambda pause: pause.from_at)
        assert all(pause.until_at is not None for pause in clock.pauses[:-1])
        if (
            clock.state is ClockState.RUNNING
            and clock.breached_at is None
            and clock.promise
            and clock.target is not None
        ):
            assert clock.due_at is not None
            assert clock.breach_at is not None
            assert clock.anchor_at <= clock.due_at <= clock.breach_at
            assert clock.consumed + clock.promise.course.between(clock.anchor_at, clock.due_at) == clock.target
            assert clock.breach_at == clock.promise.course.add(
                clock.anchor_at, clock.target - clock.consumed, Limit.RIGHT
            )
        if clock.state is not ClockState.RUNNING:
            assert clock.armed == ()


@given(stories, st.integers(1, 30000))
def test_time_that_passes_without_facts_only_crosses_what_was_armed(story: Story, minutes: int) -> None:
    now = max(fact.occurred_at for fact in story.facts)
    later = now + MINUTE * minutes
    folded, again = story.folded(), fold(story.facts, STANDARD, facts_upto=later)
    if STANDARD.at(later) is not None:
        assert again.clocks == folded.clocks
    assert compare(folded, again, as_of=later).retracted == ()
    fired = [firing.fire for firing in due(folded, as_of=now, settled_at=now + MINUTE)]
    then = [firing.fire for firing in due(folded, as_of=later, settled_at=later + MINUTE, fired=fired)]
    assert set(then).isdisjoint(fired)
    everything = due(folded, as_of=later, settled_at=later + MINUTE)
    assert {firing.fire for firing in everything} == {*fired, *then}


class Walker:
    """The same contract told as a walk through the minutes, for one metric and its first cycle."""

    def __init__(self, metric: str, facts: list[CaseFact]) -> None:
        self.metric = metric
        self.facts = facts
        self.used = 0
        self.breached_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.severity, self.latest, self.state, self.gone = "", "", "running", ""
        self.waiting: dict[str, str] = {}
        self.handed, self.resolved = True, False

    def walk(self, until: datetime) -> None:
        """Go on minute by minute; what happens at a minute happens before it runs."""
        updates: dict[datetime, dict[str, list[CaseFact]]] = {}
        for fact in self.facts:
            updates.setdefault(fact.occurred_at, {}).setdefault(fact.group, []).append(fact)
        now = BEGIN
        while True:
            for facts in updates.get(now, {}).values():
                self.update(facts, now)
            if now >= until:
                return
            if self.runs_at(now):
                if self.used == LENGTHS[self.metric][self.severity] and self.breached_at is None:
                    self.breached_at = now
                self.used += 1
            now += MINUTE

    def runs_at(self, now: datetime) -> bool:
        waits = not self.handed or WAITS[self.metric] & set(self.waiting.values())
        wall = now.astimezone(BEGIN.tzinfo)
        open_now = self.severity == "critical" or (wall.weekday() < 5 and 9 <= wall.hour < 17)
        return self.state == "running" and not waits and open_now

    def update(self, facts: list[CaseFact], now: datetime) -> None:
        for fact in facts:
            self.note(fact)
        kinds = {fact.kind for fact in facts}
        answers = any(fact.is_reply for fact in facts) and self.metric == "first_response"
        if self.state == "running" and kinds & {CaseEvent.DELETED, CaseEvent.UNMATCHED}:
            self.state = "lost"
        if self.state == "running" and (answers or CaseEvent.RESOLVED in kinds):
            self.state, self.ended_at = "stopped", now
        if self.state == "lost" and kinds & set(BACK) and not self.gone and not self.resolved:
            self.state = "running"
        if CaseEvent.REOPENED in kinds and self.metric == "resolution" and self.state == "stopped":
            self.state = "running" if self.ended_at and now - self.ended_at <= timedelta(days=14) else "stopped"
        if self.state == "running" and self.severity != self.latest:
            self.severity = self.latest
            if self.used > LENGTHS[self.metric][self.severity] and self.breached_at is None:
                self.breached_at = now

    def note(self, fact: CaseFact) -> None:
        if fact.kind is CaseEvent.SEVERITY:
            self.latest = fact.value
        elif fact.kind is CaseEvent.WAITING:
            self.waiting[fact.source] = fact.value
        elif fact.kind is CaseEvent.ASKED:
            self.waiting["asked"] = "waiting_authorisation"
        elif fact.kind is CaseEvent.ANSWERED:
            self.waiting.pop("asked", None)
        elif fact.kind in (CaseEvent.HANDED_BACK, CaseEvent.HANDED_OVER):
            self.handed = fact.kind is CaseEvent.HANDED_OVER
        elif fact.kind in (CaseEvent.DELETED, CaseEvent.UNMATCHED):
            self.gone = "deleted" if fact.kind is CaseEvent.DELETED else "unmatched"
        elif fact.kind in BACK and self.gone == BACK[fact.kind]:
            self.gone = ""
        elif fact.kind in (CaseEvent.RESOLVED, CaseEvent.REOPENED):
            self.resolved = fact.kind is CaseEvent.RESOLVED


def agree(folded: CaseClocks, walker: Walker) -> None:
    clock = folded.of(walker.metric)[0]
    used = clock.consumed
    breached_at = clock.breached_at
    last = max(fact.occurred_at for fact in walker.facts)
    if clock.state is ClockState.RUNNING and clock.promise is not None:
        used += clock.promise.course.between(clock.anchor_at, last)
        if breached_at is None and clock.breach_at is not None and clock.breach_at < last:
            breached_at = clock.breach_at
    assert clock.state in STATES[walker.state]
    assert used == MINUTE * walker.used
    assert breached_at == walker.breached_at


@pytest.mark.parametrize("metric", ["first_response", "resolution"])
@given(stories)
def test_a_walk_through_the_minutes_agrees(metric: str, story: Story) -> None:
    walker = Walker(metric, story.facts)
    walker.walk(max(fact.occurred_at for fact in story.facts))
    agree(story.folded(), walker)
