"""What must stand in a case's fields, judged from what people did to it since both sides last rested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.engine.values.fields import Pair
from bridge.model.ticket import Reading
from bridge.model.words import Direction, Drift, OnConflict, Side

Standing = Mapping[Side, Any]
"""A field's canonical value on each side."""


@dataclass(slots=True)
class Deeds:
    """What happened to one field of one case since `before`: the last value each side's people gave it. `at_birth`: what
    the issue begins with when that is not for the ticket to say, and the ticket was edited before there was an issue.
    `passed`: what engineers had set before their last value, which bridge may have carried over meanwhile."""

    before: dict[Side, Any]
    last: dict[Side, Any] = field(default_factory=dict)
    at_birth: Any = None
    passed: list[Any] = field(default_factory=list)

    def move(self, side: Side, value: Any) -> None:
        """People of a side set the field."""
        if side is Side.TRACKER and side in self.last:
            self.passed.append(self.last[side])
        self.last[side] = value


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a field's policy makes of people's deeds. `is_held`: a conflict is recorded for a person to decide."""

    pair: Pair
    deeds: Deeds

    def complaint(self, now: Standing, *, is_held: bool) -> str:
        """Why what stands cannot be right; "" if it can."""
        allowed = self._allowed(is_held=is_held)
        shown = self._normal(now)
        if any(shown == self._normal(one) for one in allowed):
            return ""
        return f"{self.pair.name} stands as {_plain(now)} after {self.deeds}; right would be {allowed}"

    def _normal(self, standing: Standing) -> tuple[Any, Any]:
        return self.pair.normal(standing[Side.HELPDESK]), self.pair.normal(standing[Side.TRACKER])

    def _allowed(self, *, is_held: bool) -> list[Standing]:
        """Every way the field may stand. Who set a value and set it back may have been heard in between or not."""
        deeds = self.deeds
        moved = {side: value for side, value in deeds.last.items() if value != deeds.before[side]}
        ways = self._follow(deeds, is_held=is_held)
        if deeds.at_birth is not None:
            ways.append({Side.TRACKER: deeds.at_birth, **deeds.before, **deeds.last})
        ways.extend(self._stopped())
        return ways if moved == deeds.last else [*ways, *self._follow(Deeds(deeds.before, moved), is_held=is_held)]

    def _follow(self, deeds: Deeds, *, is_held: bool) -> list[Standing]:
        policy, apart = self.pair.policy, {**deeds.before, **deeds.last}
        if not deeds.last:
            return [apart]
        if policy.direction is Direction.BOTH:
            return self._two_way(deeds, apart, is_held=is_held)
        source = Side.HELPDESK if policy.direction is Direction.TO_TRACKER else Side.TRACKER
        if source is Side.TRACKER and self._is_solved(deeds, apart):
            return [apart, dict.fromkeys(Side, apart[source])]
        if source not in deeds.last:
            restored = {**apart, source.other: deeds.before[source]}
            return [restored if policy.drift is Drift.RESTORE else apart]
        follows = dict.fromkeys(Side, apart[source])
        if source.other in deeds.last and policy.drift is Drift.KEEP:
            return [follows, apart]
        return [follows]

    def _two_way(self, deeds: Deeds, apart: Standing, *, is_held: bool) -> list[Standing]:
        policy = self.pair.policy
        ways: list[Standing] = [dict.fromkeys(Side, value) for value in deeds.last.values()]
        if Side.TRACKER in deeds.last and self._is_solved(deeds, apart):
            # The customer had solved it: the tracker moves on alone.
            ways.append(apart)
        by_hand = policy.on_conflict if policy.on_conflict is not OnConflict.NEWEST else policy.tie
        if is_held and by_hand is OnConflict.HOLD:
            ways.append(apart)
        return ways

    def _stopped(self) -> list[Standing]:
        """The ticket stands where an earlier move of the issue took it, and the tracker must not move it away from."""
        policy, deeds = self.pair.policy, self.deeds
        if policy.allowed_from is None or policy.direction is Direction.TO_TRACKER:
            return []
        ends = [value for value in deeds.passed if value not in policy.allowed_from]
        return [{**deeds.before, **deeds.last, Side.HELPDESK: value} for value in ends]

    def _is_solved(self, deeds: Deeds, apart: Standing) -> bool:
        """Whether the helpdesk stood at any time where the tracker must not move it away from."""
        allowed = self.pair.policy.allowed_from
        stood = (apart[Side.HELPDESK], deeds.before[Side.HELPDESK])
        return allowed is not None and any(value not in allowed for value in stood)


def read(pair: Pair, stands: Mapping[Side, Mapping[str, Reading]]) -> dict[Side, Any]:
    """A field's canonical values from native readings; a side that does not exist yet is left out."""
    return {side: pair.lenses[side].read(fields).value for side, fields in stands.items()}


def _plain(standing: Standing) -> dict[str, Any]:
    return {side.value: value for side, value in standing.items()}
