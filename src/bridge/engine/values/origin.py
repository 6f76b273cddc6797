"""What both sides showed when an issue of ours was made, where the ledger cannot know it any more.

An issue is agreed as it was made. Its first reading shows that, unless somebody was faster: a reply was lost, the process
died, or the ledger was put back to an older copy. Then the past of the ticket tells what it showed, and whatever was done
since is news like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.engine.connections import Connections
from bridge.engine.state import GroupState
from bridge.engine.values.fields import Pair, pairs_of
from bridge.errors import PermanentError
from bridge.model.feed import Fact, rewind
from bridge.model.ticket import Reading, Snapshot
from bridge.model.words import STATE, Side
from bridge.store.ledger import Ledger
from bridge.sync.table import allows

_TICK = timedelta(microseconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Finds the bases of issues that bridge made and did not get to see in time."""

    ledger: Ledger
    connections: Connections

    def recall(self, state: GroupState) -> bool:
        """Write the bases that can only be known from the past. True if any was written.

        Raises TemporaryError when a site does not tell its past just now.
        """
        issue, ticket = state.snapshots.get(Side.TRACKER), state.snapshots.get(Side.HELPDESK)
        lacking = [pair for pair in pairs_of(state) if _is_lacking(state, pair, Side.TRACKER)]
        if not lacking or issue is None or ticket is None or state.link is None or state.link.created != Side.TRACKER:
            return False
        forgotten = [pair for pair in lacking if _is_lacking(state, pair, Side.HELPDESK)]
        made_at = issue.created_at
        if not forgotten and not _may_have_changed(issue):
            return False
        events = [fact for fact in self._past(issue) if fact.at > made_at or not fact.actor.ours]
        then = rewind(issue.fields, events, to=made_at - _TICK)
        before = self._past(ticket) if forgotten else ()
        with self.ledger.begin(state.hand) as transaction:
            for pair in lacking:
                transaction.links.move_base(state.hand.group, Side.TRACKER, pair.name, pair.natives(Side.TRACKER, then))
            for pair in forgotten:
                natives = _as_it_was_sent(pair, ticket, before, then=then, made_at=made_at)
                transaction.links.move_base(state.hand.group, Side.HELPDESK, pair.name, natives)
        return True

    def _past(self, snapshot: Snapshot) -> tuple[Fact, ...]:
        """Everything that happened to a ticket; nothing where the site will not tell."""
        try:
            return self.connections.to(snapshot.ref.site).past(snapshot.ref)
        except PermanentError as error:
            log.warning("past.refused", ticket=str(snapshot.ref), error=str(error))
            return ()


def _is_lacking(state: GroupState, pair: Pair, side: Side) -> bool:
    return pair.name not in state.bases[side]


def _may_have_changed(issue: Snapshot) -> bool:
    """Whether anything may have happened to an issue since it was made; whole seconds hide what happened in the first."""
    return issue.version.at > issue.created_at or not issue.created_at.microsecond


def _as_it_was_sent(
    pair: Pair, ticket: Snapshot, facts: Iterable[Fact], *, then: dict[str, Reading], made_at: datetime
) -> dict[str, Reading]:
    """The ticket's values that the issue was made from: those of that moment or, for what a create carries, the last
    ones before that say what the issue said."""
    listed = [fact for fact in facts if fact.field in pair.lenses[Side.HELPDESK].natives]
    earlier = sorted({fact.at - _TICK for fact in listed if fact.at <= made_at}, reverse=True)
    at_first = pair.natives(Side.HELPDESK, rewind(ticket.fields, listed, to=made_at))
    if pair.name == STATE or not allows(pair.policy.direction, Side.TRACKER):
        return at_first
    said = pair.read(Side.TRACKER, then)
    for moment in (made_at, *earlier):
        natives = pair.natives(Side.HELPDESK, rewind(ticket.fields, listed, to=moment))
        value = pair.read(Side.HELPDESK, natives)
        if said is not None and value is not None and value.normal == said.normal:
            return natives
    return at_first
