"""When people last changed a field: told by the ticket's own past, and asked only where a decision hangs on it.

Two questions need it: whose edit is the newer one, where both sides changed a field that goes both ways with
`on_conflict: newest`; and whether a value nobody expected is a late echo of our own. A past costs a request or two a side,
so everything else is decided without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from bridge.engine.connections import Connections
from bridge.engine.state import GroupState, LastChange
from bridge.engine.values.fields import Pair, pairs_of
from bridge.errors import PermanentError
from bridge.model.feed import Fact
from bridge.model.ticket import Reading, TicketRef
from bridge.model.words import Side
from bridge.store.ledger import Ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Moments:
    """Asks the sites."""

    ledger: Ledger
    connections: Connections

    def ask(self, state: GroupState, names: Iterable[str]) -> dict[tuple[Side, str], LastChange]:
        """The last changes of these fields on both sides. What a site refuses to tell is left unknown.

        Raises TemporaryError when a site does not tell its past just now.
        """
        wanted = [pair for pair in pairs_of(state) if pair.name in set(names)]
        found = {}
        for side in Side:
            ref = state.ref(side)
            facts = self._past(ref) if ref is not None else ()
            for pair in wanted:
                found[side, pair.name] = self._last(state, pair, side, facts)
        return found

    def _past(self, ref: TicketRef) -> tuple[Fact, ...]:
        try:
            return self.connections.to(ref.site).past(ref)
        except PermanentError as error:
            log.warning("past.refused", ticket=str(ref), error=str(error))
            return ()

    def _last(self, state: GroupState, pair: Pair, side: Side, facts: Iterable[Fact]) -> LastChange:
        changes = [fact for fact in facts if _is_of(pair, side, fact)]
        by_people = [fact.at for fact in changes if not fact.actor.ours]
        offset = self.connections.offset(state.route.end(side).site)
        with self.ledger.begin() as transaction:
            sent = transaction.journal.sent_values(state.hand.group, side, pair.name)
        read = (pair.read(side, _laid_out(payload["prior"], payload["fields"])) for payload in sent)
        return LastChange(
            by_people_at=max(by_people) - offset if by_people else None,
            by_us=bool(changes) and changes[-1].actor.ours,
            sent=frozenset(one.canonical for one in read if one is not None and isinstance(one.canonical, str | tuple)),
        )


def _is_of(pair: Pair, side: Side, fact: Fact) -> bool:
    """Whether an event is a change of this field, and not of another one kept in the same list of labels."""
    return fact.kind == "field" and pair.lenses[side].touches(fact.field, _members(fact))


def _members(fact: Fact) -> frozenset[str]:
    """Those put into a list or taken out of it."""
    if fact.member:
        return frozenset(str(one) for one in (fact.old, fact.new) if one is not None)
    if isinstance(fact.old, list) or isinstance(fact.new, list):
        return frozenset(map(str, set(fact.old or ()) ^ set(fact.new or ())))
    return frozenset()


def _laid_out(*natives: dict[str, object]) -> dict[str, Reading]:
    laid: dict[str, Reading] = {}
    for values in natives:
        laid |= {name: value if isinstance(value, Reading) else Reading.of(value) for name, value in values.items()}
    return laid
