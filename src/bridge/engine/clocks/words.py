"""How a promise reads for people: what is due when, how much of it is used up, in the contract's own time."""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.engine.state import GroupState
from bridge.model.document import Document, doc, node, paragraph, text
from bridge.sla.clock import Clock, ClockState, Kind
from bridge.sla.roster import steps_of
from bridge.sla.wake import Firing

MINUTE = timedelta(minutes=1)


def promise_note(state: GroupState, clock: Clock, firing: Firing) -> Document:
    """What the vendor's people are told when a promise comes near its end, or is broken."""
    named = metric_words(clock.metric)
    whom = ", ".join(tell(state, clock, firing))
    facts = [f"Promised: {length(clock.target)}." if clock.target is not None else ""]
    facts.append(f"Due {local(state, clock.due_at)}." if clock.due_at is not None else "")
    facts.append(f"Severity {clock.severity}." if clock.severity else "")
    facts.append(f"To be told: {whom}." if whom else "")
    facts.append(f"Told {length(firing.late_by)} late." if firing.late_by >= MINUTE else "")
    lines = [paragraph(node("strong", text(f"{named}: {crossing_words(clock, firing)}")))]
    lines.append(paragraph(text(" ".join(fact for fact in facts if fact))))
    if firing.provisional:
        lines.append(paragraph(text("Not certain yet: a site could not be read up to that moment.")))
    return doc(*lines)


def crossing_words(clock: Clock, firing: Firing) -> str:
    """What happened, as a sentence after the name of the promise."""
    if firing.fire.kind is Kind.BREACH:
        why = f" by a change ({firing.reason.replace('_', ' ')})" if firing.reason else ""
        return f"the promise is broken{why}."
    if firing.fire.kind is Kind.REPEAT:
        return "the promise is still broken, and nothing ended it."
    return f"{firing.fire.label} of the time is used up." if "%" in firing.fire.label else f"{firing.fire.label}."


def tell(state: GroupState, clock: Clock, firing: Firing) -> tuple[str, ...]:
    """The roles that the contract names for this."""
    timeline = state.route.contract
    terms = timeline.for_new_case(clock.started_at) if timeline is not None else None
    if terms is None:
        return ()
    steps = steps_of(terms.contract, firing.fire, severity=clock.severity)
    return tuple(dict.fromkeys(role for step in steps for role in step.tell))


def metric_words(metric: str) -> str:
    """`first_response` as people say it."""
    return metric.replace("_", " ").capitalize()


def local(state: GroupState, at: datetime) -> str:
    """An instant in the contract's time zone."""
    timeline = state.route.contract
    terms = timeline.for_new_case(at) or timeline.versions[-1] if timeline is not None else None
    zone = terms.zone if terms is not None else at.tzinfo
    return f"{at.astimezone(zone):%A %Y-%m-%d %H:%M} {terms.contract.timezone if terms else 'UTC'}"


def length(amount: timedelta | None) -> str:
    """`4 h`, `1 h 30 min`, `25 min`, `40 s`."""
    if amount is None:
        return "nothing"
    seconds = int(amount.total_seconds())
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    shown = " ".join(part for part in parts if part) or f"{left} s"
    return f"{sign}{shown}"


def standing(clock: Clock, *, is_over: bool = False) -> str:
    """How a clock stands, in words. `is_over`: it runs beyond its target by now."""
    if clock.breached_at is not None or is_over:
        return "broken" if clock.is_open else "broken, and ended"
    if clock.state is ClockState.PAUSED:
        return f"stands still ({clock.reason.replace('_', ' ')}), {length(clock.left)} left"
    return {"running": "runs", "stopped": "kept", "cancelled": f"over ({clock.reason.replace('_', ' ')})"}[clock.state]
