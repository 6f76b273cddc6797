"""A case's clocks worked out anew for people who ask why: from the facts in the ledger, sending and writing nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.engine.clocks.narrative import tell
from bridge.engine.route import Route
from bridge.engine.state import GroupState, load_members
from bridge.model.words import Side
from bridge.sla.clock import CaseClocks
from bridge.sla.facts import CaseFact
from bridge.sla.fold import fold
from bridge.sla.terms import Timeline
from bridge.store.clocks import Fired
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the clocks of a case rest on, and what they come to. `facts` in the order they count."""

    state: GroupState
    facts: tuple[CaseFact, ...]
    folded: CaseClocks
    fired: tuple[Fired, ...]


def account_of(
    transaction: Transaction,
    routes: Mapping[str, Route],
    group: str,
    *,
    instead: Timeline | None = None,
    until_at: datetime | None = None,
) -> Account | None:
    """The account of a case; None if its route is not in the config or promises nothing. `instead`: under this contract
    in the place of the route's own. `until_at`: as it stood just before this instant, by all that is known today."""
    route = routes.get(group.partition(":")[0])
    timeline = instead or (route.contract if route is not None else None)
    if route is None or timeline is None:
        return None
    state = _state(transaction, routes, route, group)
    told = {side: transaction.facts.of(ref) for side in Side if (ref := state.ref(side)) is not None}
    facts = sorted(tell(state, told), key=lambda fact: fact.key)
    upto = transaction.now
    if until_at is not None:
        facts = [fact for fact in facts if fact.occurred_at < until_at]
        upto = min(upto, until_at - timedelta(microseconds=1))
    folded = fold(facts, timeline, facts_upto=upto)
    return Account(state, tuple(facts), folded, tuple(transaction.clocks.fired(group)))


def _state(transaction: Transaction, routes: Mapping[str, Route], route: Route, group: str) -> GroupState:
    lead = transaction.hands.lead_of(group)
    seats = transaction.hands.seats(lead)
    nobody = Hand(group, route.name, "account", 0, 0, lead if seats else "", seats)
    return next(one for one in load_members(transaction, nobody, routes) if one.hand.group == group)
