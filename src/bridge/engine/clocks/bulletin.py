"""What a person is told of a promise, in plain words: which case, what was promised, what happened, how late. Never a word
of what anybody wrote in a ticket: mail and chat have other readers than the helpdesk."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.engine.clocks.words import MINUTE, crossing_words, length, local, metric_words
from bridge.engine.state import GroupState, source_of
from bridge.model.ticket import Snapshot
from bridge.model.words import Side
from bridge.sla.clock import Clock, Kind
from bridge.sla.roster import Addressee
from bridge.sla.wake import Firing
from bridge.store.clocks import Fired

SHORT = {Kind.WARN: "comes near its end", Kind.BREACH: "is broken", Kind.REPEAT: "is still broken"}


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A title of one line, and a plain text."""

    title: str
    body: str


def bulletin(state: GroupState, clock: Clock, firing: Firing, to: Addressee) -> Bulletin:
    """What one person is told of a crossing."""
    named = metric_words(clock.metric)
    title = f"{customer_of(state)}: {named.lower()} {SHORT[firing.fire.kind]}, {_names(state)}"
    lines = [f"{named}: {crossing_words(clock, firing)}", "", *_case(state)]
    lines += [f"Severity: {clock.severity}"] if clock.severity else []
    lines += [f"Promised: {length(clock.target)}"] if clock.target is not None else []
    lines += [f"Due: {local(state, clock.due_at)}"] if clock.due_at is not None else []
    lines += [f"Happened: {local(state, firing.at)}"]
    lines += _remarks(firing, to)
    if to.ack_within:
        lines += ["", f"Please acknowledge within {to.ack_within}: bridge sla ack {state.hand.group}"]
    return Bulletin(title, "\n".join(lines))


def withdrawal(state: GroupState, fired: Fired) -> Bulletin:
    """What those who were told are told when later facts made it untrue."""
    named = metric_words(fired.metric)
    what = "was not broken after all" if fired.kind != Kind.WARN else "did not come near its end after all"
    title = f"{customer_of(state)}: taken back: {named.lower()} {what}, {_names(state)}"
    why = "A fact that came late changed what counts. Nothing more is to be done about the earlier message."
    return Bulletin(title, "\n".join([f"{named}: {what}. {why}", "", *_case(state)]))


def customer_of(state: GroupState) -> str:
    """Whose case it is, in one line."""
    timeline = state.route.contract
    name = timeline.versions[-1].contract.customer if timeline is not None else state.route.name
    return " ".join(name.split())


def _remarks(firing: Firing, to: Addressee) -> list[str]:
    found = []
    if firing.late_by >= MINUTE:
        found.append(f"Late: this is told {length(firing.late_by)} after it happened.")
    if firing.provisional:
        found.append("Not certain yet: a site could not be read up to that moment.")
    if to.instead_of:
        found.append(f"Told to you instead of {to.instead_of}, who is away.")
    return ["", *found] if found else []


def _case(state: GroupState) -> list[str]:
    lines = [f"Customer: {customer_of(state)}"]
    for side, what in ((Side.HELPDESK, "Ticket"), (Side.TRACKER, "Issue")):
        snapshot = state.snapshots.get(side)
        if snapshot is not None:
            lines.append(f"{what}: {_key(snapshot, side)} {snapshot.url}".rstrip())
    return lines


def _names(state: GroupState) -> str:
    """The case by the names people know: ticket and issue."""
    both = [(state.snapshots.get(side), side) for side in Side]
    found = [_key(snapshot, side) for snapshot, side in both if snapshot is not None]
    return " / ".join(found) or str(source_of(state.hand.group))


def _key(snapshot: Snapshot, side: Side) -> str:
    is_number = side is Side.HELPDESK and snapshot.key.isdecimal()
    return f"#{snapshot.key}" if is_number else snapshot.key
