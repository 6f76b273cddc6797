"""What new rules would do to the cases that are linked already, worked out before the first of them is sent."""

from __future__ import annotations

from bridge.engine.guards.brakes import close
from bridge.engine.plan import Tools, make_plan
from bridge.engine.route import Route
from bridge.engine.state import load_state
from bridge.model.brake import Brake, BrakeKind
from bridge.model.operation import OperationState
from bridge.model.words import Mode
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction


def brake_a_rule_change(transaction: Transaction, route: Route, tools: Tools) -> Brake | None:
    """Close the brake on a route whose changed rules would change more of its cases at once than it may.

    What waited already before the rules changed is not their doing. Nothing is read and nothing planned for good.
    """
    cleared = transaction.brakes.clear_until(route.name, BrakeKind.MASS_CHANGE)
    if route.mode is Mode.OBSERVE or (cleared is not None and transaction.now < cleared):
        return None
    moved = sum(1 for link in transaction.links.all(route.name) if _moves(transaction, route, tools, link.group))
    if moved <= route.brakes.mass_change.after:
        return None
    why = (
        f"the changed config would change {moved} cases at once, more than {route.brakes.mass_change.after}; look at "
        "them with `mode: observe` and `bridge run --once`, then release this"
    )
    return close(transaction, Brake(route.name, BrakeKind.MASS_CHANGE, why))


def _moves(transaction: Transaction, route: Route, tools: Tools, group: str) -> bool:
    state = load_state(transaction, Hand(group, route.name, "", 0, 0), route)
    waiting = {(one.side, one.field_name, one.item) for one in state.operations}
    return any(
        one.state is OperationState.PLANNED and (one.side, one.field_name, one.item) not in waiting
        for one in make_plan(state, tools).operations
    )
