"""Several tickets on one issue: what they want of it together, from what each says by itself.

A member's *own* value is what its own people set, never what we wrote there: otherwise a severity raised once by one
customer, and written to the others, would be held up by them for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.model.policy import RANKS
from bridge.model.words import LABELS, SEVERITY, Reduce, State
from bridge.sync.table import Value

DONE = frozenset({State.RESOLVED, State.CLOSED})
_ORDER = {state: number for number, state in enumerate(State)}


@dataclass(frozen=True, slots=True)
class Voice:
    """One member's say in a field: what it reads `now` (None: unread, unreadable or gone), its `base`, and what its own
    people had set last when that base was settled (both None before the first agreement). `leads`: the group's first."""

    now: Value | None
    base: Value | None = None
    own: Value | None = None
    leads: bool = False

    @property
    def changed(self) -> bool:
        """Whether the member's own people changed the value since its base."""
        return self.now is not None and self.base is not None and self.now.canonical != self.base.canonical

    @property
    def said(self) -> Value | None:
        """The member's own value as of now."""
        if self.now is None:
            return self.own
        return self.now if self.base is None or self.changed else self.own


def reduce(rule: Reduce, field: str, voices: Sequence[Voice]) -> tuple[Value | None, Value | None]:
    """The members' common value as of their bases, and as of now. None where nobody says anything.

    A member without a base is a newcomer: it speaks only now. The order of members does not matter.
    """
    before = [(voice.leads, voice.own) for voice in voices if voice.base is not None]
    after = [(voice.leads, voice.said) for voice in voices]
    return _reduced(rule, field, before), _reduced(rule, field, after)


def _reduced(rule: Reduce, field: str, said: Sequence[tuple[bool, Value | None]]) -> Value | None:
    values = [(leads, value) for leads, value in said if value is not None]
    filled = [value for _leads, value in values if value.canonical is not None]
    if rule is Reduce.LEAD:
        return next((value for leads, value in values if leads), None)
    if not filled:
        return values[0][1] if values else None
    if rule is Reduce.UNION:
        return Value(_joined(value.canonical for value in filled), _joined(value.normal for value in filled))
    ranks = {word: number for number, word in enumerate(RANKS[field])}
    pick = min if rule is Reduce.HIGHEST else max
    return pick(filled, key=lambda value: (ranks.get(value.canonical, len(ranks)), str(value.canonical)))


def _joined(lists: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({each for members in lists for each in members or ()}))


def stand(voices: Sequence[Voice]) -> Value | None:
    """Where the members' changes move the shared issue's state; None if nowhere.

    Who reopens or waits is heard at once (of several, who is least far); done is said only by all together.
    """
    changed = [voice.now for voice in voices if voice.changed and voice.now is not None]
    still = [value for value in changed if value.canonical not in DONE]
    if still:
        return min(still, key=_how_far)
    now = [voice.now for voice in voices if voice.now is not None]
    if changed and len(now) == len(voices) and all(value.canonical in DONE for value in now):
        return min(now, key=_how_far)
    return None


def _how_far(value: Value) -> int:
    return _ORDER.get(value.canonical, len(_ORDER))


def default_rule(field: str) -> Reduce:
    """How a field is reduced when the route does not say: severity to the highest, labels together, the rest as the
    first ticket has it."""
    return {SEVERITY: Reduce.HIGHEST, LABELS: Reduce.UNION}.get(field, Reduce.LEAD)
