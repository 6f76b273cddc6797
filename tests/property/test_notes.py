"""Whatever comes and goes, and wherever it is interrupted: a note tells the truth in the end, and never twice."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from bridge.connect.port import Capabilities
from bridge.engine.route import Route
from bridge.engine.state import GroupState
from bridge.engine.texts.notes import PREFIX, Pens, Reason, is_solved, plan_notes
from bridge.model.document import Document, from_plain
from bridge.model.marker import Marker
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import Comment, Person, Snapshot, Thread, TicketRef, Version
from bridge.model.words import Mode, Side, Visibility
from bridge.store.hands import Hand
from bridge.store.notices import Notice
from bridge.testing.clock import FakeClock

COMPUTED = frozenset({"conflict"})
EVENTS = st.lists(st.sampled_from(["stands", "gone", "look", "send", "refuse", "block", "unblock"]), max_size=40)


class Ticket:
    """One reason that comes and goes, the ledger's memory of it, and what stands at the site."""

    def __init__(self, *, edits: bool) -> None:
        self.edits = edits
        self.reason: Reason | None = None
        self.blocked = ""
        self.notices: dict[tuple[str, str], Notice] = {}
        self.journal: dict[str, Operation] = {}
        self.site: list[Document] = []

    def state(self) -> GroupState:
        states = (OperationState.PLANNED, OperationState.DEAD)
        return GroupState(
            hand=Hand("acme:desk/1", "acme", "me", 1, 1),
            route=cast("Route", _AnyRoute()),
            now=FakeClock().now(),
            link=None,
            snapshots={Side.TRACKER: self.seen()},
            bases={Side.HELPDESK: {}, Side.TRACKER: {}},
            operations=[one for one in self.journal.values() if one.state in states],
            items={},
            conflicts=frozenset(),
            notices=dict(self.notices),
        )

    def seen(self) -> Snapshot:
        me = Person("bridge", ours=True)
        comments = (
            Comment(str(number), FakeClock().now(), me, body, Visibility.INTERNAL)
            for number, body in enumerate(self.site, start=1)
        )
        now = FakeClock().now()
        ref = TicketRef("vendor-jira", "1")
        return Snapshot(ref, "ACME-1", "", Version(now), now, now, {}, Thread(tuple(comments)))

    def look(self) -> None:
        plan = plan_notes(
            self.state(),
            [self.reason] if self.reason else [],
            computed=COMPUTED,
            blocked=self.blocked,
            places=(Side.TRACKER,),
            pens=Pens(_sign, lambda _site: Capabilities(edits_comments=self.edits), lambda _site, body: body),
        )
        kept = {one.key for one in plan.operations}
        for one in plan.cancelled:
            if one.key not in kept:
                self.journal[one.key] = replace(one, state=OperationState.CANCELLED)
        for notice in plan.dropped:
            self.notices.pop(notice.name, None)
        for notice in plan.notices:
            self.notices[notice.name] = notice
        for one in plan.operations:
            known = self.journal.get(one.key)
            if known is None or known.state in (OperationState.CANCELLED, OperationState.PLANNED):
                self.journal[one.key] = one

    def send(self, *, refuse: bool = False) -> None:
        for key, one in self.journal.items():
            if one.state is not OperationState.PLANNED:
                continue
            self.journal[key] = replace(one, state=OperationState.DEAD if refuse else OperationState.CONFIRMED)
            if not refuse:
                assert one.marker is not None
                if one.kind is OperationKind.EDIT:
                    self.site[int(one.payload["copy"]) - 1] = one.payload["body"]
                    continue
                self.site.append(one.payload["body"])
                name = (one.marker.kind.removeprefix(PREFIX), one.marker.item)
                known = self.notices[name]
                self.notices[name] = replace(known, comments=(*known.comments, str(len(self.site))))

    def happen(self, event: str) -> None:
        if event == "stands":
            self.reason = Reason("conflict", "state", from_plain("Both sides changed state."))
        elif event == "gone":
            self.reason = None
        elif event in ("block", "unblock"):
            self.blocked = "denied" if event == "block" else ""
        elif event == "look":
            self.look()
        else:
            self.send(refuse=event == "refuse")


class _AnyRoute:
    name, mode = "acme", Mode.LIVE

    def end(self, _side: Side) -> Any:
        return SimpleNamespace(site="vendor-jira")


def _sign(marker: Marker) -> Marker:
    words: Any = (marker.kind, marker.item, marker.part)
    return replace(marker, mac=f"{hash(words) & 0xFFFFFFFF:024x}")


@given(events=EVENTS, edits=st.booleans())
def test_notes_take_turns_and_end_with_the_truth(events: list[str], *, edits: bool) -> None:
    ticket = Ticket(edits=edits)
    for event in events:
        ticket.happen(event)
    refused = any(one.state is OperationState.DEAD for one in ticket.journal.values())
    ticket.happen("unblock")
    ticket.look()
    ticket.send()
    ticket.look()
    assert all(one.state is not OperationState.PLANNED for one in ticket.journal.values())
    if refused:
        return
    told = [not is_solved(note) for note in ticket.site]
    if edits:
        assert not any(told[:-1])
    else:
        assert told == [number % 2 == 0 for number in range(len(told))]
    assert (bool(told) and told[-1]) == (ticket.reason is not None)


@given(events=EVENTS, edits=st.booleans())
def test_a_refused_note_is_never_followed_by_another_of_the_same(events: list[str], *, edits: bool) -> None:
    ticket = Ticket(edits=edits)
    for event in events:
        before = len(ticket.journal)
        ticket.happen(event)
        if event in ("send", "refuse"):
            assert len(ticket.journal) == before
    dead = sum(one.state is OperationState.DEAD for one in ticket.journal.values())
    assert dead <= sum(event == "refuse" for event in events)


@given(events=EVENTS, edits=st.booleans())
def test_nothing_is_said_while_the_case_is_blocked(events: list[str], *, edits: bool) -> None:
    ticket = Ticket(edits=edits)
    for event in events:
        count = len([one for one in ticket.journal.values() if one.state is OperationState.PLANNED])
        ticket.happen(event)
        if ticket.blocked and event == "look":
            planned = [one for one in ticket.journal.values() if one.state is OperationState.PLANNED]
            assert len(planned) <= count
