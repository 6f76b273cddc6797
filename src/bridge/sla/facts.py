"""What happened in a case, in the words clocks understand, and in which order it counts.

Histories tell of native fields and native people (`bridge.model.feed.Fact`). Whoever hands facts in here has translated
them: which party acted *as of that time*, whether a person wrote, who could read it, what a status waits for. Times are the
source's, corrected for its clock. Acts of bridge itself are echoes of somebody else's and are not handed in, but for what it
asks of the customer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.model.words import Audience, Party

MOST_AHEAD = timedelta(minutes=5)
"""How far a fact may lie after the time it was read at. One further ahead is set aside: its source's clock is wrong."""


class CaseEvent(StrEnum):
    """What a fact says.

    opened: the ticket was made, by whomever and at whatever time the call came in; handed_over, handed_back: it became the
    vendor's, or the customer's first line's again; message: somebody wrote; severity: `value` is the new one; waiting:
    from now on the source says the case waits for `value` (a `metric.Wait`), or for nothing (""); cause, workaround,
    delivered: the customer was told; resolved: set resolved or closed; reopened; asked, answered: a yes was asked of the
    customer, and came or was refused; confirmed: the customer said whether it works; merged_into: the case goes on in
    another, merged_from: another goes on here, and `value` is when that one began (ISO); deleted (or spam), restored;
    extended: the customer agreed to more time, and `value` says for what and how much (`resolution 2d`);
    unmatched, matched: the route no longer, or again, takes the ticket; withdrawn: the message with the id `value` was
    hidden or deleted.
    """

    OPENED = "opened"
    HANDED_OVER = "handed_over"
    HANDED_BACK = "handed_back"
    MESSAGE = "message"
    SEVERITY = "severity"
    WAITING = "waiting"
    CAUSE = "cause"
    WORKAROUND = "workaround"
    DELIVERED = "delivered"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ASKED = "asked"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    MERGED_INTO = "merged_into"
    MERGED_FROM = "merged_from"
    DELETED = "deleted"
    RESTORED = "restored"
    UNMATCHED = "unmatched"
    MATCHED = "matched"
    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class CaseFact:
    """One thing that happened. `id` is unique within its `source` (a site), which numbers its events by `seq`. Facts of one
    update there share a `group`. `party` and `human` are about who acted, `audience` about who could read it."""

    kind: CaseEvent
    occurred_at: datetime
    observed_at: datetime
    source: str
    id: str
    seq: int = 0
    group: str = ""
    value: str = ""
    party: Party = Party.CUSTOMER
    human: bool = True
    audience: Audience = Audience.CUSTOMER_USER

    @property
    def key(self) -> tuple[datetime, int, str, str]:
        """The order in which facts count."""
        return self.occurred_at, self.seq, self.source, self.id

    @property
    def is_ahead(self) -> bool:
        """Whether it claims a time that had not come when it was read."""
        return self.occurred_at > self.observed_at + MOST_AHEAD

    @property
    def is_reply(self) -> bool:
        """Whether a person at the vendor wrote what the customer can read."""
        written = self.kind is CaseEvent.MESSAGE and self.party is Party.VENDOR and self.human
        return written and self.audience is not Audience.VENDOR

    @property
    def is_customer_message(self) -> bool:
        """Whether the customer wrote in public: what is said within their own team wants no answer."""
        written = self.kind is CaseEvent.MESSAGE and self.party is Party.CUSTOMER and self.human
        return written and self.audience is Audience.CUSTOMER_USER


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts of one update, which count together at one instant. None of them: a contract's boundary."""

    at: datetime
    facts: tuple[CaseFact, ...] = ()

    def of(self, *kinds: CaseEvent) -> list[CaseFact]:
        """Its facts of these kinds, in order."""
        return [fact for fact in self.facts if fact.kind in kinds]


def gather(facts: Iterable[CaseFact]) -> tuple[list[Batch], tuple[CaseFact, ...]]:
    """The facts in batches, in the order they count, each fact once; and those set aside because they lie ahead.

    In whatever order facts arrive, and however often, the same comes of it.
    """
    known: dict[tuple[str, str], CaseFact] = {}
    for fact in facts:
        name = (fact.source, fact.id)
        other = known.get(name)
        if other is None or (fact.observed_at, repr(fact)) < (other.observed_at, repr(other)):
            known[name] = fact
    ahead = tuple(sorted((fact for fact in known.values() if fact.is_ahead), key=lambda fact: fact.key))
    groups: dict[tuple[str, str, str], list[CaseFact]] = {}
    for fact in sorted((fact for fact in known.values() if not fact.is_ahead), key=lambda fact: fact.key):
        name_of_group = (fact.source, "group", fact.group) if fact.group else (fact.source, "fact", fact.id)
        groups.setdefault(name_of_group, []).append(fact)
    batches = [Batch(members[0].occurred_at, tuple(members)) for members in groups.values()]
    return batches, ahead
