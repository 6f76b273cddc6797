"""The truth table: what one field of one link needs, decided from two readings and their bases.

A side is only ever compared with its own past (its base), under the current mapping. The two sides are compared with
each other only in *normal* form: reduced to what the poorer side can hold, so that lossy mappings cannot ping-pong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bridge.model.policy import FieldPolicy
from bridge.model.words import Direction, Drift, OnConflict, Side

CLOSE_S = 60
"""Two edits less than this many seconds apart have no telling which was first."""


class Action(StrEnum):
    """What a decision asks for."""

    NOTHING = "nothing"
    WAIT = "wait"
    ADOPT = "adopt"
    KEEP = "keep"
    WRITE = "write"
    CONFLICT = "conflict"
    PROPOSE = "propose"
    CONFIRM = "confirm"
    VOID = "void"
    SUSPEND = "suspend"


class Standing(StrEnum):
    """How far the field's last operation has come.

    `settled`: its outcome was unknown, the horizon has passed, and the reading now shows what became of it.
    """

    UNSENT = "unsent"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Value:
    """A canonical value and its normal form. `None` stands for empty."""

    canonical: Any
    normal: Any


@dataclass(frozen=True, slots=True)
class SideView:
    """One side of a field: what it reads now (None: unread, stale or unreadable), its base (None: no base yet), and
    when the field itself last changed there by somebody's hand, if known."""

    now: Value | None
    base: Value | None = None
    changed_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether the reading differs from the side's own past."""
        return self.now is not None and self.base is not None and self.now.canonical != self.base.canonical


@dataclass(frozen=True, slots=True)
class Pending:
    """The field's last operation, if it is not over: the side it writes to, the canonical value it wants there, what
    stood there before, and the source value it was planned from. `sent` holds every canonical value we ever sent
    there; `by_us`: whether our own account made the target's last change."""

    standing: Standing
    target: Side
    wanted: Any
    prior: Any
    source: Any
    sent: frozenset[Any] = frozenset()
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class FieldCase:
    """Everything the table looks at. `blocked` names the deny rule, brake or suspension that holds the field;
    `created` is the side whose ticket bridge itself made; `prefer` is the side to believe when linking a pair."""

    policy: FieldPolicy
    helpdesk: SideView
    tracker: SideView
    pending: Pending | None = None
    conflict: bool = False
    blocked: str = ""
    gone: Side | None = None
    created: Side | None = None
    prefer: Side | None = None

    def view(self, side: Side) -> SideView:
        """The view of one side."""
        return self.helpdesk if side is Side.HELPDESK else self.tracker


@dataclass(frozen=True, slots=True)
class Decision:
    """One row's answer. `row` is the table's row number, for logs and tests.

    `target` is the side to write (WRITE), to accept (KEEP) or whose operation is meant (CONFIRM, VOID). `cancel`: an
    unsent operation of this field is void now. `lost`: writing overwrites an edit, which goes to the audit trail.
    """

    row: int
    action: Action
    target: Side | None = None
    cancel: bool = False
    lost: bool = False


def decide(case: FieldCase) -> Decision:
    """Decide one field. The first matching row wins; the mirror image holds for the tracker.

    | row | situation | action | bases |
    | --- | --- | --- | --- |
    | 22 | one side gone | SUSPEND | frozen |
    | 1 | deny rule, brake, or link suspended | NOTHING, cancel unsent | stay |
    | 2 | direction `case` | PROPOSE when a side changed, else NOTHING | move with the case |
    | 3 | a side unread, stale or unreadable | WAIT | stay |
    | 4 | operation of unknown outcome, before its horizon | WAIT | stay |
    | 5 | settled, target reads as wanted | CONFIRM, evaluate again | source := planned from, target := read |
    | 6 | settled, target as before the write | VOID, evaluate again | stay |
    | 7 | settled, target other, among values we sent, by our account | target counts as unchanged; on | stay |
    | 8 | settled, target other, by anyone else | VOID; target counts as changed, evaluate again | stay |
    | 9 | no base, both equal, or our own create | ADOPT | both := readings |
    | 10 | no base, different | WRITE away from the preferred side; forbidden → ADOPT; none → CONFLICT | on confirm |
    | 11 | neither changed | NOTHING, cancel unsent | stay |
    | 12 | changed, and now equal | ADOPT, cancel unsent | both := readings |
    | 13 | dead letter, source as it was | NOTHING | stay |
    | 14 | dead letter, source changed again | WRITE, superseding it | on confirm |
    | 15 | dead letter, then its target edited | by `on_conflict` | on confirm |
    | 16 | discarded by a person | ADOPT (done by whoever records the discard) | both := readings |
    | 17 | one changed, direction allows | WRITE the other | on confirm |
    | 18 | one changed, direction forbids | drift `keep`: KEEP; `restore`: WRITE it back | keep: that side |
    | 19 | both changed, one-way | WRITE from the source side, lost; forbidden by `allowed_from`: ADOPT | on confirm |
    | 20 | both changed, two-way, helpdesk / tracker / newest | WRITE the loser, lost | on confirm |
    | 21 | both changed, two-way, hold, or newest tied to hold | CONFLICT | stay |

    Row 22 stands first because a vanished side makes every other question moot.
    """
    if case.gone is not None:
        return Decision(22, Action.SUSPEND, cancel=True)
    if case.blocked:
        return Decision(1, Action.NOTHING, cancel=True)
    helpdesk, tracker = case.helpdesk, case.tracker
    if helpdesk.now is None or tracker.now is None:
        return Decision(3, Action.WAIT)
    if case.policy.direction is Direction.CASE:
        return Decision(2, Action.PROPOSE if helpdesk.changed or tracker.changed else Action.NOTHING)
    pending = case.pending
    if pending is not None and pending.standing is Standing.UNKNOWN:
        return Decision(4, Action.WAIT)
    if pending is not None and pending.standing is Standing.SETTLED:
        settled = _settle(case, pending)
        if settled is not None:
            return settled
        case = _as_unchanged(case, pending.target)
    return _compare(case)


def _settle(case: FieldCase, pending: Pending) -> Decision | None:
    """Rows 5 to 8; None for row 7, where the target counts as unchanged and the rest of the table decides."""
    now = case.view(pending.target).now
    shown = now.canonical if now else None
    if shown == pending.wanted:
        return Decision(5, Action.CONFIRM, pending.target)
    if shown == pending.prior:
        return Decision(6, Action.VOID, pending.target)
    if pending.by_us and shown in pending.sent:
        return None
    return Decision(8, Action.VOID, pending.target)


def _as_unchanged(case: FieldCase, side: Side) -> FieldCase:
    view = case.view(side)
    calm = replace(view, base=view.now)
    name = "helpdesk" if side is Side.HELPDESK else "tracker"
    return replace(case, pending=None, **{name: calm})  # type: ignore[arg-type]


def _compare(case: FieldCase) -> Decision:
    """Rows 9 to 21, with both sides readable and no operation in the air."""
    helpdesk, tracker = case.helpdesk, case.tracker
    assert helpdesk.now is not None
    assert tracker.now is not None
    equal = helpdesk.now.normal == tracker.now.normal
    if helpdesk.base is None or tracker.base is None:
        return _first_meeting(case, equal=equal)
    if not helpdesk.changed and not tracker.changed:
        return Decision(11, Action.NOTHING, cancel=True)
    if equal:
        return Decision(12, Action.ADOPT, cancel=True)
    if case.pending is not None and case.pending.standing is Standing.DEAD:
        letter = _dead_letter(case, case.pending)
        if letter is not None:
            return letter
    if helpdesk.changed and tracker.changed:
        return _both_changed(case)
    return _one_changed(case, Side.HELPDESK if helpdesk.changed else Side.TRACKER)


def _first_meeting(case: FieldCase, *, equal: bool) -> Decision:
    if equal or case.created is not None:
        return Decision(9, Action.ADOPT, cancel=True)
    if case.prefer is None:
        return Decision(10, Action.CONFLICT)
    target = case.prefer.other
    if not allows(case.policy.direction, target) or _is_refused_move(case, target):
        # What is preferred stands there already, and may not be carried to the other side.
        return Decision(10, Action.ADOPT, cancel=True)
    return Decision(10, Action.WRITE, target)


def _dead_letter(case: FieldCase, letter: Pending) -> Decision | None:
    """Rows 13 to 15; None when the ordinary rows decide (a new operation supersedes the letter)."""
    source, target = case.view(letter.target.other), case.view(letter.target)
    assert source.now is not None
    if target.changed:
        if source.now.canonical == letter.source and _winner(case) is letter.target.other:
            return Decision(15, Action.NOTHING)
        return None
    if source.now.canonical == letter.source:
        return Decision(13, Action.NOTHING)
    return Decision(14, Action.WRITE, letter.target) if allows(case.policy.direction, letter.target) else None


def _one_changed(case: FieldCase, changed: Side) -> Decision:
    target = changed.other
    if allows(case.policy.direction, target):
        if _is_refused_move(case, target):
            return Decision(18, Action.KEEP, changed)
        return Decision(17, Action.WRITE, target)
    if case.policy.drift is Drift.RESTORE and not _is_refused_move(case, changed):
        return Decision(18, Action.WRITE, changed, lost=True)
    return Decision(18, Action.KEEP, changed)


def _is_refused_move(case: FieldCase, target: Side) -> bool:
    """Whether `allowed_from` keeps the tracker from moving the helpdesk's value (a reopen the customer did not ask)."""
    allowed = case.policy.allowed_from
    now = case.view(target).now
    return target is Side.HELPDESK and allowed is not None and now is not None and now.canonical not in allowed


def _both_changed(case: FieldCase) -> Decision:
    if case.policy.direction is not Direction.BOTH:
        source = Side.HELPDESK if case.policy.direction is Direction.TO_TRACKER else Side.TRACKER
        if _is_refused_move(case, source.other):
            return Decision(19, Action.ADOPT, cancel=True)
        return Decision(19, Action.WRITE, source.other, lost=True)
    winner = _winner(case)
    if winner is None:
        return Decision(21, Action.CONFLICT)
    if _is_refused_move(case, winner.other):
        winner = Side.HELPDESK
    return Decision(20, Action.WRITE, winner.other, lost=True)


def _winner(case: FieldCase) -> Side | None:
    """Whose value stands, None when a person has to say."""
    if case.policy.direction is not Direction.BOTH:
        return Side.HELPDESK if case.policy.direction is Direction.TO_TRACKER else Side.TRACKER
    choice = case.policy.on_conflict
    if choice is OnConflict.NEWEST:
        choice = _newest(case)
    return {OnConflict.HELPDESK: Side.HELPDESK, OnConflict.TRACKER: Side.TRACKER}.get(choice)


def _newest(case: FieldCase) -> OnConflict:
    helpdesk_at, tracker_at = case.helpdesk.changed_at, case.tracker.changed_at
    if helpdesk_at is None or tracker_at is None or abs(helpdesk_at - tracker_at) < timedelta(seconds=CLOSE_S):
        return case.policy.tie
    return OnConflict.HELPDESK if helpdesk_at > tracker_at else OnConflict.TRACKER


def allows(direction: Direction, target: Side) -> bool:
    """Whether a field of this direction may be written on `target`."""
    wanted = Direction.TO_TRACKER if target is Side.TRACKER else Direction.TO_HELPDESK
    return direction in (Direction.BOTH, wanted)
