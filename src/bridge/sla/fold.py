"""A case's clocks as a fold of its facts, its contract's versions and its calendars' versions.

Facts of one update count together, and of what they lead to, cancelling comes before stopping, that before pausing, and that
before starting. There is no present in here: the same facts in any order of arrival give the same clocks, and a fact that
comes late is folded in where it belongs.

Only an act of the vendor stops a clock of the vendor, and only one of the customer theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bridge.model.words import Party, Severity
from bridge.sla.clock import CaseClocks, ClockState
from bridge.sla.facts import Batch, CaseEvent, CaseFact, gather
from bridge.sla.length import parse_length
from bridge.sla.metric import FIRST_RESPONSE, THEIRS, Event, Wait
from bridge.sla.run import SEVERITY_CHANGE, TERMS_CHANGE, Run
from bridge.sla.terms import FIRST_INSTANT, Terms, Timeline

OUT_OF_SUPPORT = "out_of_support"
HANDED_BACK = "handed_back"
MERGED = "merged"
WITHDRAWN = "withdrawn_by_customer"

ASKED = "asked"

GONE = {CaseEvent.DELETED: "deleted", CaseEvent.UNMATCHED: "unmatched", CaseEvent.MERGED_INTO: MERGED}
BACK = {CaseEvent.RESTORED: "deleted", CaseEvent.MATCHED: "unmatched"}
ACTS = {
    CaseEvent.CAUSE: Event.CAUSE,
    CaseEvent.WORKAROUND: Event.WORKAROUND,
    CaseEvent.DELIVERED: Event.DELIVERED,
    CaseEvent.RESOLVED: Event.RESOLVED,
}
THEIR_ACTS = {
    CaseEvent.ANSWERED: Event.ANSWERED,
    CaseEvent.CONFIRMED: Event.CONFIRMED,
    CaseEvent.REOPENED: Event.CONFIRMED,
}
EARLY = frozenset({Event.VENDOR_REPLY, Event.CAUSE, Event.WORKAROUND, Event.DELIVERED})
"""What ends a promise also if it was done before the case was handed over."""


def fold(facts: Iterable[CaseFact], timeline: Timeline, *, facts_upto: datetime | None = None) -> CaseClocks:
    """The clocks of one case.

    `facts_upto` is how far its facts are known (by default, until the last was read): until then, versions of the contract
    come into force. It decides nothing else.
    """
    facts = tuple(facts)
    upto = facts_upto or max((fact.observed_at for fact in facts), default=FIRST_INSTANT)
    batches, ahead = gather(facts)
    boundaries = timeline.boundaries
    if batches:
        between = [Batch(at) for at in boundaries if batches[0].at < at <= upto]
        # The contract changes before anything else does at that instant.
        batches = sorted((*between, *batches), key=lambda batch: (batch.at, bool(batch.facts)))
    case = _Case(timeline, awaits_opening=any(batch.of(CaseEvent.OPENED) for batch in batches))
    for batch in batches:
        case.apply(batch)
    return CaseClocks(
        clocks=tuple(run.clock() for runs in case.runs.values() for run in runs),
        flags=frozenset(case.flags),
        out_of_support=case.out_of_support,
        set_aside=ahead,
        facts_upto=upto,
        next_boundary_at=next((at for at in boundaries if at > upto), None),
    )


@dataclass(slots=True)
class _Case:
    """What is known of a case on the way through its facts. `begun`: its promises have begun; `gone`: why it is no case of
    ours now; `early`: what the vendor did before it began; `questions`: messages of the customer not answered yet."""

    timeline: Timeline
    awaits_opening: bool
    terms: Terms | None = None
    runs: dict[str, list[Run]] = field(default_factory=dict)
    severity: Severity | None = None
    handed_over: bool = False
    begun: bool = False
    resolved: bool = False
    answered: bool = False
    gone: str = ""
    suspended: bool = False
    out_of_support: bool = False
    waits: dict[str, str] = field(default_factory=dict)
    early: dict[Event, frozenset[str]] = field(default_factory=dict)
    questions: dict[str, datetime] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def apply(self, batch: Batch) -> None:
        """Let one update, or one boundary of the contract, count."""
        if batch.of(CaseEvent.OPENED):
            self.awaits_opening = False
        elif batch.facts and self.awaits_opening:
            self.flags.add("before_opening")
            return
        happened = self._take_in(batch)
        self._note_questions(batch, happened)
        first_answer = Event.VENDOR_REPLY in happened and not self.answered
        self.answered |= first_answer
        self._cancel(batch)
        self._stop(batch, happened)
        self._go_on(batch)
        if not batch.facts:
            self._cross_boundary(batch.at)
        self._promise_again(batch)
        for run in self._open_runs():
            self._hold(run, batch.at)
        if first_answer and self.begun:
            happened[Event.FIRST_RESPONSE] = happened[Event.VENDOR_REPLY]
        self._start(batch, happened)

    def _take_in(self, batch: Batch) -> dict[Event, frozenset[str]]:
        """The state of the case after the update, and what happened in it that ends or begins clocks: the facts' ids."""
        happened: dict[Event, set[str]] = {}
        for fact in batch.facts:
            self._note_state(fact)
            event = _event(fact)
            if event is not None:
                happened.setdefault(event, set()).add(fact.id)
        if batch.of(CaseEvent.OPENED):
            # What the ticket was opened with is its question, whoever typed it, and no answer.
            happened.pop(Event.VENDOR_REPLY, None)
            happened.pop(Event.CUSTOMER_MESSAGE, None)
        return {event: frozenset(ids) for event, ids in happened.items()}

    def _note_state(self, fact: CaseFact) -> None:
        if fact.kind is CaseEvent.SEVERITY:
            self.severity = Severity(fact.value) if fact.value else None
        elif fact.kind is CaseEvent.WAITING:
            self.waits[fact.source] = fact.value
        elif fact.kind is CaseEvent.ASKED:
            self.waits[ASKED] = Wait.AUTHORISATION
        elif fact.kind is CaseEvent.ANSWERED:
            self.waits.pop(ASKED, None)
        elif fact.kind in (CaseEvent.HANDED_OVER, CaseEvent.HANDED_BACK):
            self.handed_over = fact.kind is CaseEvent.HANDED_OVER
        elif fact.kind in (CaseEvent.RESOLVED, CaseEvent.REOPENED):
            self.resolved = fact.kind is CaseEvent.RESOLVED
        elif fact.kind in GONE:
            self.gone = GONE[fact.kind]
        elif fact.kind in BACK and self.gone == BACK[fact.kind]:
            self.gone = ""

    def _note_questions(self, batch: Batch, happened: dict[Event, frozenset[str]]) -> None:
        if Event.VENDOR_REPLY in happened or batch.of(CaseEvent.RESOLVED):
            self.questions.clear()
        self.questions.update(dict.fromkeys(sorted(happened.get(Event.CUSTOMER_MESSAGE, ())), batch.at))

    def _open_runs(self) -> list[Run]:
        """Only the newest cycle of a promise can be open."""
        return [runs[-1] for runs in self.runs.values() if runs[-1].is_open]

    def _cancel(self, batch: Batch) -> None:
        for fact in batch.of(*GONE):
            for run in self._open_runs():
                run.cancel(GONE[fact.kind], batch.at)
        if any(fact.party is Party.CUSTOMER for fact in batch.of(CaseEvent.RESOLVED)):
            for run in self._open_runs():
                run.cancel(WITHDRAWN, batch.at)
        if any(fact.party is not Party.CUSTOMER for fact in batch.of(CaseEvent.REOPENED)):
            for run in self._open_runs():
                if run.metric.starts is Event.RESOLVED:
                    run.cancel("reopened", batch.at)
        for fact in batch.of(CaseEvent.WITHDRAWN):
            self._take_back(fact.value, batch.at)

    def _take_back(self, message: str, at: datetime) -> None:
        """A message was hidden or deleted. An answer was given all the same; a question wants none any more, and the next
        one that nobody answered takes its place."""
        self.questions.pop(message, None)
        for name, runs in list(self.runs.items()):
            for run in runs:
                if message in run.stopped_by:
                    run.flags.add("reply_withdrawn")
            last = runs[-1]
            if last.is_open and last.metric.starts is Event.CUSTOMER_MESSAGE and last.started_by == message:
                last.cancel("message_withdrawn", at)
                for question, asked_at in list(self.questions.items())[:1]:
                    anew = Run(name, last.metric, last.cycle + 1, last.owner, asked_at, last.terms)
                    self.runs[name] = [*runs, self._begin(anew, frozenset({question}))]

    def _stop(self, batch: Batch, happened: dict[Event, frozenset[str]]) -> None:
        for run in self._open_runs():
            ended = [event for event in run.metric.stops if event in happened]
            if ended:
                run.stop(batch.at, ended[0], happened[ended[0]])
            elif Event.RESOLVED in happened and run.owner is Party.VENDOR:
                run.flags.add("resolved_without_it")
                run.stop(batch.at, Event.RESOLVED, happened[Event.RESOLVED])
            elif Event.RESOLVED in happened and run.metric.starts is Event.ASKED:
                run.cancel("resolved", batch.at)

    def _go_on(self, batch: Batch) -> None:
        """Cycles that ended go on: the case came back, or was reopened soon."""
        last = [runs[-1] for runs in self.runs.values()]
        if batch.of(*BACK) and not self.gone and not self.resolved:
            for run in last:
                if run.state is ClockState.CANCELLED and run.reason in BACK.values():
                    run.resume(batch.at)
        if batch.of(CaseEvent.REOPENED):
            for run in last:
                within = run.terms.contract.reopened.within.elapsed()
                if _ended_with_the_case(run) and run.ended_at is not None and batch.at - run.ended_at <= within:
                    run.resume(batch.at)

    def _cross_boundary(self, at: datetime) -> None:
        """The contract changes: one that applies to open cases takes them over, one that ends may suspend them."""
        now = self.timeline.at(at)
        if now is None:
            self.suspended = self.terms is not None and self.terms.contract.period.running_cases == "suspend"
            return
        self.suspended = False
        if not now.contract.period.applies_to_open:
            return
        if self.begun:
            self.terms = now
            for run in self._open_runs():
                run.promise_again(now, self.severity, at, TERMS_CHANGE)
        elif self.out_of_support and not self.resolved and (self.handed_over or now.contract.starts == "opened"):
            self.terms, self.begun, self.out_of_support = now, True, False
            self._begin_all({Event.HANDED_OVER: frozenset()}, now, at)

    def _promise_again(self, batch: Batch) -> None:
        """Targets by the severity after the update; a first start that a merger brought along."""
        for run in self._open_runs():
            if run.severity is not self.severity:
                run.promise_again(run.terms, self.severity, batch.at, SEVERITY_CHANGE)
        for fact in batch.of(CaseEvent.EXTENDED):
            metric, _, more = fact.value.partition(" ")
            for run in self.runs.get(metric, [])[-1:]:
                run.extend(parse_length(more), batch.at)
        for fact in batch.of(CaseEvent.MERGED_FROM):
            for run in self.runs.get(FIRST_RESPONSE, []):
                if run.terms.contract.merged == "earliest":
                    run.begin_earlier(datetime.fromisoformat(fact.value), batch.at, MERGED)

    def _hold(self, run: Run, at: datetime) -> None:
        """Let a cycle stand still, or go on."""
        reason = self._waits_for(run)
        if reason in THEIRS and not self.answered and run.owner is Party.VENDOR:
            run.flags.add("paused_without_reply")
        run.stand_still(reason, at)

    def _waits_for(self, run: Run) -> str:
        """Why a cycle stands still, "" if it does not."""
        if self.suspended:
            return OUT_OF_SUPPORT
        if run.owner is not Party.VENDOR:
            return ""
        if not self.handed_over and run.terms.contract.starts == "handed_over":
            return HANDED_BACK
        return next((str(reason) for reason in run.waits_for if reason in self.waits.values()), "")

    def _start(self, batch: Batch, happened: dict[Event, frozenset[str]]) -> None:
        begins = happened
        if not self.begun:
            begins = self._begin_case(batch)
            if not self.begun:
                self.early.update({event: ids for event, ids in happened.items() if event in EARLY})
        terms = self.timeline.for_new_case(batch.at) or self.terms
        if self.begun and terms is not None and not self.gone:
            self._begin_all(begins, terms, batch.at, reopened=bool(batch.of(CaseEvent.REOPENED)))

    def _begin_case(self, batch: Batch) -> dict[Event, frozenset[str]]:
        """What begins with the case itself, if this update begins it."""
        if not batch.of(CaseEvent.OPENED, CaseEvent.HANDED_OVER):
            return {}
        terms = self.timeline.for_new_case(batch.at)
        if terms is None:
            self.out_of_support = True
            return {}
        begun_by = batch.of(CaseEvent.OPENED if terms.contract.starts == "opened" else CaseEvent.HANDED_OVER)
        if not begun_by:
            return {}
        self.terms, self.begun, self.out_of_support = terms, True, False
        begins = {Event.HANDED_OVER: frozenset(fact.id for fact in begun_by)}
        if Event.VENDOR_REPLY in self.early:
            begins[Event.FIRST_RESPONSE] = self.early[Event.VENDOR_REPLY]
        return begins

    def _begin_all(
        self, begins: dict[Event, frozenset[str]], terms: Terms, at: datetime, *, reopened: bool = False
    ) -> None:
        """Begin whatever begins with these events and does not run already."""
        for name in terms.metrics:
            metric = terms.contract.metric(name)
            runs = self.runs.get(name, [])
            if metric is None or (runs and runs[-1].is_open):
                continue
            anew = bool(runs) and not self.resolved and self._begins_anew(runs[-1], at, reopened)
            if anew or (metric.starts in begins and self._may_begin(metric.starts)):
                ids = begins.get(metric.starts, frozenset())
                run = Run(name, metric, len(runs) + 1, _owner(name, terms), at, terms)
                self.runs[name] = [*runs, self._begin(run, ids)]

    def _begins_anew(self, last: Run, at: datetime, reopened: bool) -> bool:
        """Whether another cycle follows the last one: at once for a periodic promise, or since the case was reopened."""
        if last.metric.again and last.state is ClockState.STOPPED and last.ended_at == at:
            return True
        return reopened and (_ended_with_the_case(last) or (last.metric.again and self.answered))

    def _may_begin(self, starts: Event) -> bool:
        if starts is Event.CUSTOMER_MESSAGE:
            return self.answered and not self.resolved
        return starts in (Event.RESOLVED, Event.ASKED) or not self.resolved

    def _begin(self, run: Run, ids: frozenset[str]) -> Run:
        run.started_by = min(ids, default="")
        run.promise_again(run.terms, self.severity, run.started_at, "")
        done = [event for event in run.metric.stops if event in self.early and run.metric.starts is Event.HANDED_OVER]
        if done and run.cycle == 1:
            run.flags.add("stopped_before_start")
            run.stop(run.started_at, done[0], self.early[done[0]])
        else:
            self._hold(run, run.started_at)
        return run


def _owner(name: str, terms: Terms) -> Party:
    return Party.CUSTOMER if name in terms.contract.customer_clocks else Party.VENDOR


def _event(fact: CaseFact) -> Event | None:
    """What one fact is for clocks. An act counts only from the party it is asked of."""
    if fact.is_reply:
        return Event.VENDOR_REPLY
    if fact.is_customer_message:
        return Event.CUSTOMER_MESSAGE
    if fact.kind in ACTS:
        return ACTS[fact.kind] if fact.party is Party.VENDOR else None
    if fact.kind in THEIR_ACTS:
        return THEIR_ACTS[fact.kind] if fact.party is Party.CUSTOMER else None
    return Event.ASKED if fact.kind is CaseEvent.ASKED else None


def _ended_with_the_case(run: Run) -> bool:
    """Whether a promise about the whole case ended only because the case did, so that it lives again with it."""
    if run.is_open or run.owner is not Party.VENDOR or run.metric.starts is not Event.HANDED_OVER:
        return False
    ended = run.state is ClockState.STOPPED and run.ended_with is Event.RESOLVED and Event.RESOLVED in run.metric.stops
    return ended or run.reason == WITHDRAWN
