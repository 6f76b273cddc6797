"""Whom a contract's escalation speaks of."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from bridge.sla.clock import Fire, Kind
from bridge.sla.contract import Contract
from bridge.sla.roster import Member, Roster, steps_of

CONTRACT = Contract.model_validate(
    {
        "customer": "ACME GmbH",
        "period": {"from": "2026-01-01"},
        "severities": {"critical": {"first_response": "4h"}},
        "roles": {"manager": ["boss"], "customer_management": ["theirs"], "customer_user": "@acme.example"},
        "escalation": [
            {"at": "50%", "tell": "assignee"},
            {"at": "80%", "tell": ["lead", "manager"], "ask_ack": "2h"},
            {"at": "80%", "tell": ["engineer"], "ask_ack": "30m", "metrics": ["first_response"]},
            {"at": "breach", "tell": ["manager", "customer_management"]},
            {"at": "breach", "tell": ["lead"], "repeat": "1h", "severities": ["critical"]},
        ],
    }
)


def roster(*away: str) -> Roster:
    people = (("lead", "engineer"), ("engineer", "boss"), ("boss", "lead"), ("theirs", None))
    members = {
        key: Member(key, key.title(), frozenset({key}), deputy=deputy, is_away=key in away) for key, deputy in people
    }
    return Roster(MappingProxyType(members))


def told(kind: Kind, label: str, *away: str, metric: str = "first_response", **more: object) -> list[str]:
    steps = steps_of(CONTRACT, Fire(metric, 1, kind, label, ""), severity=str(more.pop("severity", "critical")))
    found = roster(*away).addressees(CONTRACT, steps, **more)  # type: ignore[arg-type]
    return [
        " ".join(filter(None, (one.member.key, one.instead_of and f"for {one.instead_of}", str(one.ack_within or ""))))
        for one in found
    ]


def test_roles_are_people_each_told_once_with_the_shortest_time_to_answer() -> None:
    assert told(Kind.WARN, "80%") == ["lead 2h", "boss 2h", "engineer 30m"]
    assert told(Kind.WARN, "80%", metric="resolution") == ["lead 2h", "boss 2h"]


@pytest.mark.parametrize(
    ("away", "whom"),
    [
        (("lead",), ["engineer 30m", "boss 2h"]),
        (("lead", "engineer"), ["boss 30m"]),
        (("lead", "engineer", "boss"), []),
    ],
)
def test_who_is_away_is_told_through_their_deputies_and_nobody_twice(away: tuple[str, ...], whom: list[str]) -> None:
    assert told(Kind.WARN, "80%", *away) == whom
    alone = told(Kind.REPEAT, "breach+1", *away)
    assert alone == {1: ["engineer for Lead"], 2: ["boss for Lead"], 3: []}[len(away)]


def test_a_breach_is_told_again_to_those_whose_step_says_so() -> None:
    assert told(Kind.BREACH, "breach") == ["boss", "theirs", "lead"]
    assert told(Kind.REPEAT, "breach+3") == ["lead"]
    assert told(Kind.REPEAT, "breach+3", severity="major") == []


def test_the_assignee_is_whoever_is_mapped_else_nobody() -> None:
    assert told(Kind.WARN, "50%", assignee="engineer") == ["engineer"]
    assert told(Kind.WARN, "50%", "engineer", assignee="engineer") == ["boss for Engineer"]
    assert told(Kind.WARN, "50%") == []


def test_the_customer_s_people_can_be_left_out() -> None:
    assert told(Kind.BREACH, "breach", without_customer=True) == ["boss", "lead"]
