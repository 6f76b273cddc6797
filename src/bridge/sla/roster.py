"""Whom a contract's escalation speaks of, among the people of the config: roles become people, and who is away a deputy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.sla.clock import Fire, Kind
from bridge.sla.contract import Contract, Step
from bridge.sla.length import Length
from bridge.sla.lint import ASSIGNEE
from bridge.sla.threshold import BREACH

CUSTOMERS = "customer"
"""How the contract's roles begin whose people are the customer's."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the config's people. `roles` holds their key too; `channels` are the names of the ways they can be told."""

    key: str
    name: str
    roles: frozenset[str] = frozenset()
    channels: tuple[str, ...] = ()
    deputy: str | None = None
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody to be told. `instead_of` is the name of whoever they stand in for; `ack_within` how soon an answer is
    wanted, None for none."""

    member: Member
    instead_of: str = ""
    ack_within: Length | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """The people of the config, by key."""

    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))

    def called(self, contract: Contract, role: str) -> tuple[str, ...]:
        """The keys of the people a role means: of the contract's roles, or of the config."""
        named = contract.roles.get(role, (role,))
        return tuple(key for key, one in self.members.items() if one.roles & set(named))

    def present(self, key: str) -> Member | None:
        """Who is told for a person: they themselves, or the first of their deputies who is there; None for nobody."""
        seen: set[str] = set()
        while key not in seen and key in self.members:
            member = self.members[key]
            if not member.is_away:
                return member
            seen.add(key)
            key = member.deputy or ""
        return None

    def customers(self, contract: Contract) -> frozenset[str]:
        """The keys of the people whom the contract counts as the customer's."""
        roles = [role for role in contract.roles if role.startswith(CUSTOMERS)]
        return frozenset(key for role in roles for key in self.called(contract, role))

    def addressees(
        self, contract: Contract, steps: Iterable[Step], *, assignee: str | None = None, without_customer: bool = False
    ) -> tuple[Addressee, ...]:
        """Everybody these steps tell, each once. `assignee` is the key of whoever the case is assigned to, None if nobody
        of the config is; `without_customer` leaves the customer's people out."""
        barred = self.customers(contract) if without_customer else frozenset()
        found: dict[str, Addressee] = {}
        for step in steps:
            for role in step.tell:
                keys = self.called(contract, role)
                if role == ASSIGNEE and not keys:
                    keys = (assignee,) if assignee is not None else ()
                for key in keys:
                    member = self.present(key)
                    if member is None or barred & {key, member.key}:
                        continue
                    told = found.get(member.key)
                    instead = self.members[key].name if member.key != key else ""
                    found[member.key] = Addressee(
                        member,
                        instead if told is None else told.instead_of and instead,
                        _sooner(step.ask_ack, told.ack_within if told else None),
                    )
        return tuple(found.values())


def steps_of(contract: Contract, fire: Fire, *, severity: str) -> tuple[Step, ...]:
    """The steps of the escalation that speak of a crossing. A breach is told again to those whose step says `repeat`."""
    label = BREACH if fire.kind is not Kind.WARN else fire.label
    return tuple(
        step
        for step in contract.escalation
        if str(step.at) == label
        and (fire.kind is not Kind.REPEAT or step.repeat)
        and (not step.metrics or fire.metric in step.metrics)
        and (not step.severities or severity in step.severities)
    )


def _sooner(one: Length | None, other: Length | None) -> Length | None:
    given = [each for each in (one, other) if each]
    return min(given, key=lambda each: each.elapsed(), default=None)
