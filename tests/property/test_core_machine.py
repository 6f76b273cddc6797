"""The pure core against an adversary: two sides, real rule packs, the truth table, and what a confirmed write leaves.

People edit both sides at any moment; writes are refused, lost, carried out late or without a word; readings come
late, again, out of order or with fields hidden; rules are rewritten. When the adversary rests, everything must agree as
the policies say, without a write more than is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from book import Book
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bridge.bootstrap import templates
from bridge.config.routes import MappingFiles
from bridge.connect.port import Capabilities
from bridge.engine.plan import Tools, make_plan
from bridge.engine.route import Route, RouteSide
from bridge.engine.sending.confirm import confirm_create, confirm_update
from bridge.engine.state import GroupState, LastChange
from bridge.engine.values.fields import Pair, pairs_of
from bridge.errors import ChangedError
from bridge.mapping.compile import compile_side
from bridge.mapping.overlay import lay_over
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems
from bridge.model.operation import Operation, OperationKind, OperationState, TicketChange, Written
from bridge.model.policy import FieldPolicy
from bridge.model.ticket import UNREADABLE, Reading, Snapshot, Thread, TicketRef, Version
from bridge.model.words import SEVERITY, STATE, SUMMARY, Direction, Drift, HeldBy, Mode, OnConflict, Side, State
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction
from bridge_github.writing import lay_over as onto_labels
from expectations import Deeds, Expectation, read

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HORIZON = timedelta(seconds=12)
HELPDESK, TRACKER = TicketRef("desk", "1"), TicketRef("tracker", "9")
GROUP = f"route:{HELPDESK}"
MOST_ROUNDS = 12
SHORT = 100
"""Examples of the profile that is meant for every run of the tests."""
FIELDS = (SUMMARY, SEVERITY, STATE, "labels")
STILL_OPEN = frozenset(State) - {State.RESOLVED, State.CLOSED}
PACKS = ("jira-software", "github-labels")
REWRITES: dict[str, dict[str, Any]] = {
    "jira-software": {"severity": {"pairs": {"critical": "S2", "major": "S1"}}},
    "github-labels": {
        "severity": {"pairs": {"minor": {"label": "severity: trivial"}, "trivial": {"label": "severity: minor"}}}
    },
    "zendesk-default": {"severity": {"pairs": {"critical": "high", "major": "urgent"}}},
}
WORDS: dict[str, list[Any]] = {
    "subject": ["Fails", "It  fails", "Fails again and again"],
    "priority": ["urgent", "high", "normal", "low", None],
    "status": ["new", "open", "pending", "hold", "solved"],
    "tags": [[], ["vip"], ["product-shop"], ["vip", "area-db"]],
}
ISSUE_WORDS: dict[str, list[dict[str, Any]]] = {
    "jira-software": [
        *({"Severity": value} for value in ("S1", "S2", "S3", "S4", "None of them", None)),
        *({"status": value, "resolution": None} for value in ("To Do", "Selected", "In Review", "In Test", "Waiting")),
        *({"status": "Done", "resolution": value} for value in ("Fixed", "Done", "Won't Do")),
        *({"labels": value} for value in ([], ["area-db"], ["product-shop", "mine"])),
        *({"summary": value} for value in ("Fails", "Engineers call it so")),
    ],
    "github-labels": [
        *(
            {"labels": labels}
            for labels in (
                [],
                ["bug"],
                ["severity: critical"],
                ["severity: minor", "status: triaged"],
                ["severity: major", "severity: trivial"],
                ["status: in progress", "area-db"],
                ["product-shop", "status: waiting for customer"],
            )
        ),
        *({"state": "closed", "state_reason": reason} for reason in ("completed", "not_planned", "duplicate")),
        {"state": "open", "state_reason": None},
        *({"title": value} for value in ("Fails", "Engineers call it so")),
    ],
}
FRESH_ISSUE: dict[str, dict[str, Any]] = {
    "jira-software": {"Severity": None, "status": "To Do", "resolution": None, "labels": [], "summary": ""},
    "github-labels": {"state": "open", "state_reason": None, "labels": [], "title": ""},
}
sides = st.sampled_from(Side)
FATES = (*["taken"] * 5, "refused", "postponed", "lost", "unseen", "late")
READS = (tuple(Side), tuple(Side), tuple(Side), (Side.HELPDESK,), (Side.TRACKER,), ())
policies = st.builds(
    lambda direction, on_conflict, tie, drift: FieldPolicy("any", direction, on_conflict, tie, drift),
    st.sampled_from([Direction.BOTH, Direction.TO_TRACKER, Direction.TO_HELPDESK]),
    st.sampled_from(OnConflict),
    st.sampled_from([OnConflict.HELPDESK, OnConflict.TRACKER, OnConflict.HOLD]),
    st.sampled_from(Drift),
)


@cache
def mapping(name: str, side: Side, *, rewritten: bool = False) -> SideMapping:
    """A pack compiled for one side, or the same with some of its pairs swapped."""
    problems = Problems()
    rules = MappingFiles(Path(), problems).load(Item.of(name))
    assert rules is not None
    if rewritten:
        rules = lay_over(rules, Item.of(REWRITES[name]))
    return compile_side(rules, name=name, side=side, helpdesk_held_by=HeldBy.CUSTOMER, problems=problems)


@dataclass(slots=True)
class Ticket:
    """One side as it really is. `mover` set it last; `hidden` fields are there, and not shown."""

    ref: TicketRef
    fields: dict[str, Any]
    version_at: datetime = NOON
    hidden: set[str] = field(default_factory=set)

    def shown(self, now: datetime) -> Snapshot:
        """A reading of it."""
        readings = {
            name: UNREADABLE if name in self.hidden else Reading.of(value) for name, value in self.fields.items()
        }
        return Snapshot(self.ref, self.ref.id, "", Version(self.version_at), now, NOON, readings, thread=Thread())

    def change(self, fields: Mapping[str, Any], now: datetime) -> None:
        """Somebody sets fields; the site trims texts and keeps labels once each."""
        self.fields |= {name: trimmed(name, value) for name, value in fields.items()}
        self.version_at = now


def trimmed(name: str, value: Any) -> Any:
    """What a site makes of a value."""
    if isinstance(value, str) and name in ("subject", "summary", "title"):
        return " ".join(value.split())[:12].strip()
    return sorted(dict.fromkeys(value)) if isinstance(value, list) else value


def one_by_one(now: list[str], fields: Mapping[str, Any], prior: Mapping[str, Any]) -> list[str]:
    """Labels after those the write drops were removed and those it adds were added."""
    before, wanted = prior["labels"] or [], fields["labels"] or []
    kept = [name for name in now if name in wanted or name not in before]
    return kept + [name for name in wanted if name not in before and name not in kept]


@dataclass(frozen=True, slots=True)
class Late:
    """A write whose sender heard nothing, and which the site carries out later."""

    side: Side
    fields: Mapping[str, Any]
    prior: Mapping[str, Any]


class CoreMachine(RuleBasedStateMachine):
    """One case between a Zendesk and a tracker."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.book = Book()
        self.late: list[Late] = []
        self.read: dict[Side, Snapshot] = {}
        self.old: list[Snapshot] = []
        self.written = 0
        self.calm = False
        self.edited: dict[tuple[Side, str], datetime] = {}
        self.ours: set[tuple[Side, str]] = set()
        self.sent: set[str] = set()

    @initialize(
        pack=st.sampled_from(PACKS),
        summary=policies,
        severity=policies,
        state=policies,
        labels=policies,
        asks_first=st.booleans(),
    )
    def link(
        self,
        pack: str,
        summary: FieldPolicy,
        severity: FieldPolicy,
        state: FieldPolicy,
        labels: FieldPolicy,
        asks_first: bool,
    ) -> None:
        """A ticket is filed; bridge makes its issue."""
        named = dict(zip(FIELDS, (summary, severity, state, labels), strict=True))
        self.policies = {name: replace(policy, field=name) for name, policy in named.items()}
        if asks_first:
            self.policies[STATE] = replace(self.policies[STATE], allowed_from=STILL_OPEN)
        self.packs = {Side.HELPDESK: "zendesk-default", Side.TRACKER: pack}
        self.rewritten = dict.fromkeys(Side, False)
        fields = {"subject": "Fails", "priority": "high", "status": "new", "tags": ["vip"], "description": "Help."}
        self.tickets = {Side.HELPDESK: Ticket(HELPDESK, fields)}
        self.look_at(Side.HELPDESK)
        [create] = make_plan(self.state(), self.tools()).operations
        made = {**FRESH_ISSUE[pack], **create.payload["fields"]}
        made["title" if "title" in made else "summary"] = create.payload["summary"]
        self.tickets[Side.TRACKER] = Ticket(TRACKER, {name: trimmed(name, value) for name, value in made.items()})
        self.book.journal.add(create)
        self.confirm(create, HELPDESK)
        # The engine reads what it made at once; what it finds beside what it sent counts as agreed.
        self.look_at(Side.TRACKER)
        self.begin_anew()
        self.step(["taken"] * 2)

    # The adversary

    @rule(native=st.sampled_from(sorted(WORDS)), data=st.data())
    def customer_edits(self, native: str, data: st.DataObject) -> None:
        """Somebody changes the ticket."""
        self.edit(Side.HELPDESK, {native: data.draw(st.sampled_from(WORDS[native]))})

    @rule(data=st.data())
    def engineer_edits(self, data: st.DataObject) -> None:
        """Somebody changes the issue."""
        self.edit(Side.TRACKER, data.draw(st.sampled_from(ISSUE_WORDS[self.packs[Side.TRACKER]])))

    @rule(side=sides, data=st.data())
    def hide(self, side: Side, data: st.DataObject) -> None:
        """A screen or a permission hides a field, or shows all again."""
        names = sorted(self.tickets[side].fields)
        self.tickets[side].hidden = data.draw(st.sets(st.sampled_from(names), max_size=1))

    @rule(side=sides)
    def look_at(self, side: Side) -> None:
        """A reading arrives."""
        self.take(self.tickets[side].shown(self.now), side)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A reading from the past arrives, once more or for the first time."""
        snapshot = data.draw(st.sampled_from(self.old))
        self.take(snapshot, Side.HELPDESK if snapshot.ref == HELPDESK else Side.TRACKER)

    @rule(seconds=st.sampled_from([1, 5, 40]))
    def wait(self, seconds: int) -> None:
        """Time passes. What a site carries out late it carries out before the horizon."""
        if seconds >= HORIZON.total_seconds():
            self.let_late_happen()
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.late)
    @rule()
    def let_late_happen(self) -> None:
        """A site carries out what it had not answered."""
        for late in self.late:
            self.apply(late.side, late.fields, late.prior)
        self.late.clear()

    @rule(fates=st.lists(st.sampled_from(FATES), min_size=2, max_size=2), reads=st.sampled_from(READS))
    def work(self, fates: list[str], reads: tuple[Side, ...]) -> None:
        """Bridge hears of some sides, looks, reads what it has to, writes the plan down and sends."""
        for side in reads:
            self.look_at(side)
        self.step(fates)

    @rule(side=sides)
    def rewrite_rules(self, side: Side) -> None:
        """The admin changes a mapping. That alone writes nothing."""
        self.rest()
        self.rewritten[side] = not self.rewritten[side]
        before = self.written
        for _look in range(3):
            for each in Side:
                self.look_at(each)
            self.step(["taken"] * 2)
        last = list(self.book.journal.rows.values())[-1]
        assert self.written == before, f"a mapping edit wrote {last.field_name} on the {last.side}: {last.payload}"
        self.begin_anew()

    @rule()
    def rest(self) -> None:
        """The adversary rests: all must agree, soon, and stay so."""
        self.let_late_happen()
        for ticket in self.tickets.values():
            ticket.hidden = set()
        self.calm = True
        before = self.written
        for _round in range(MOST_ROUNDS):
            self.now += timedelta(seconds=40)
            for side in Side:
                self.look_at(side)
            was = self.written
            self.step(["taken"] * 2)
            if self.written == was and not self.in_the_air():
                break
        else:
            raise AssertionError("no rest")
        assert self.written - before <= 2 * len(FIELDS), "more writes than fields have ends"
        self.calm = False
        self.check()
        self.begin_anew()

    def teardown(self) -> None:
        """Every story ends at rest."""
        if self.book.links.link is not None:
            self.rest()

    # What must be right

    def check(self) -> None:
        """Every field stands as people and its policy want it."""
        state = self.state()
        letters = {one.field_name for one in self.fields_in_the_air() if one.state is OperationState.DEAD}
        stands = {side: ticket.shown(self.now).fields for side, ticket in self.tickets.items()}
        for pair in pairs_of(state):
            if pair.name not in letters:
                expectation = Expectation(pair, self.deeds[pair.name])
                complaint = expectation.complaint(read(pair, stands), is_held=pair.name in self.book.links.held)
                assert not complaint, complaint

    def check_write(self, one: Operation) -> None:
        """A write about to take effect: it changes something, and it overwrites nobody without saying so."""
        ticket, seen = self.tickets[one.side], self.read[one.side]
        if ticket.version_at != seen.version.at:
            return
        now = {name: ticket.fields[name] for name in one.payload["fields"]}
        assert now != {name: trimmed(name, value) for name, value in one.payload["fields"].items()}, "it stands already"
        pair = next(pair for pair in pairs_of(self.state()) if pair.name == one.field_name)
        base = pair.read(one.side, self.book.links.bases[one.side].get(pair.name))
        stands = pair.read(one.side, ticket.shown(self.now).fields)
        if base is not None and stands is not None and base.canonical != stands.canonical:
            assert one.reason.startswith("lost "), f"{one.field_name}: an edit would be lost in silence"

    # Bridge

    def step(self, fates: list[str]) -> None:
        """One look at the group, as the engine takes it."""
        plan = make_plan(self.state(), self.tools())
        for side in plan.need:
            self.look_at(side)
        if plan.need:
            plan = make_plan(self.state(), self.tools())
        if plan.fields.untimed:
            plan = make_plan(replace(self.state(), moments=self.moments()), self.tools())
        if plan.blocked:
            return
        journaled = self.book.write_down(plan.fields, [one for one in plan.operations if one.field_name])
        waiting = list(fates)
        for side in Side:
            request = [one for one in journaled if one.side is side]
            if request:
                self.deliver(side, request, waiting.pop(0))
        self.note_agreements()

    def note_agreements(self) -> None:
        """Where bridge has seen all there is and both sides agree, a new chapter begins: what is edited after this is
        the only edit there is."""
        if any(
            self.tickets[side].version_at != self.read[side].version.at or self.tickets[side].hidden for side in Side
        ):
            return
        in_the_air = {one.field_name for one in self.fields_in_the_air()}
        for pair in pairs_of(self.state()):
            now = {side: self.canonical(pair, side) for side in Side}
            if pair.name not in in_the_air and len({pair.normal(value) for value in now.values()}) == 1:
                self.deeds[pair.name] = Deeds(now)

    def moments(self) -> dict[tuple[Side, str], LastChange]:
        """What the tickets' pasts tell of every field."""
        told = {}
        for pair in pairs_of(self.state()):
            for side in Side:
                updates = [one for one in self.book.journal.rows.values() if one.field_name == pair.name]
                sent = [self.wanted(pair, one) for one in updates if one.side is side and one.key in self.sent]
                last = self.edited.get((side, pair.name))
                told[side, pair.name] = LastChange(last, (side, pair.name) in self.ours, frozenset(sent))
        return told

    @staticmethod
    def wanted(pair: Pair, one: Operation) -> Any:
        """What an update meant to leave behind."""
        fields = {**one.payload["prior"], **one.payload["fields"]}
        return pair.lenses[one.side].read({name: Reading.of(value) for name, value in fields.items()}).value

    def apply(self, side: Side, fields: Mapping[str, Any], prior: Mapping[str, Any]) -> None:
        """Our write takes effect; the fields it really changes are ours from here on. Jira's labels are added and removed
        one by one."""
        pairs = pairs_of(self.state())
        before = {pair.name: self.canonical(pair, side) for pair in pairs}
        if side is Side.TRACKER and self.packs[side] != "github-labels" and "labels" in fields:
            fields = {**fields, "labels": one_by_one(self.tickets[side].fields["labels"], fields, prior)}
        self.tickets[side].change(fields, self.now)
        self.ours |= {(side, pair.name) for pair in pairs if self.canonical(pair, side) != before[pair.name]}

    def deliver(self, side: Side, request: list[Operation], fate: str) -> None:
        """Send one request, of which something becomes."""
        ticket, journal = self.tickets[side], self.book.journal
        keys = [one.key for one in request]
        fields = {name: value for one in request for name, value in one.payload["fields"].items()}
        prior = {name: value for one in request for name, value in one.payload["prior"].items()}
        if side is Side.HELPDESK and ticket.version_at != self.read[side].version.at:
            # The vendor guards: what moved since it was read is not written over.
            self.look_at(side)
            return
        if fate == "postponed":
            return
        if side is Side.TRACKER and self.packs[side] == "github-labels" and "labels" in fields:
            # GitHub takes labels as a whole list: they are laid over those the issue bears when the write is sent.
            try:
                fields["labels"] = onto_labels(TicketChange(TRACKER, "", fields, prior), ticket.fields["labels"])
            except ChangedError:
                for each in Side:
                    self.look_at(each)
                return
        if fate == "refused":
            journal.change(keys, state=OperationState.DEAD, attempts=1)
            return
        waiting = [one for one in self.fields_in_the_air() if one.state is OperationState.UNKNOWN]
        unknown = {(one.side, one.field_name) for one in waiting}
        assert not unknown.intersection((side, one.field_name) for one in request), "resent blindly"
        for one in request:
            self.check_write(one)
        self.written += 1
        self.sent.update(keys)
        if fate == "late":
            self.late.append(Late(side, fields, prior))
        elif fate != "lost":
            self.apply(side, fields, prior)
        if fate == "taken":
            # Jira's answer shows nothing.
            tells = self.packs[side] != "jira-software"
            shown = {name: ticket.fields[name] if tells else trimmed(name, value) for name, value in fields.items()}
            for one in request:
                self.confirm(one, ticket.ref, shown if tells else None)
            laid = {name: Reading.of(value) for name, value in shown.items()}
            seen = self.read[side]
            self.read[side] = replace(seen, fields={**seen.fields, **laid}, version=Version(self.now))
        else:
            journal.change(keys, state=OperationState.UNKNOWN, horizon_at=self.now + HORIZON, attempts=1)

    def confirm(self, one: Operation, ref: TicketRef, shown: Mapping[str, Any] | None = None) -> None:
        """The ledger's part of a write that succeeded, with what its answer shows."""
        transaction, written = cast(Transaction, self.book), Written(TRACKER, "9", fields=shown)
        if one.kind is OperationKind.CREATE:
            confirm_create(transaction, self.route(), one, written, source=ref, normalise=trimmed)
        else:
            confirm_update(transaction, self.route(), one, written, ref=ref, normalise=trimmed)

    def take(self, snapshot: Snapshot, side: Side) -> None:
        """Keep a reading unless a newer one is known."""
        known = self.read.get(side)
        is_newer = known is None or snapshot.version.at > known.version.at
        if known is None or is_newer or (snapshot.version == known.version and snapshot.read_at >= known.read_at):
            self.read[side] = snapshot
        self.old = [*self.old[-5:], snapshot]

    def in_the_air(self) -> bool:
        """Whether anything unsent or unknown is left."""
        return any(one.state is not OperationState.DEAD for one in self.fields_in_the_air())

    def fields_in_the_air(self) -> list[Operation]:
        """Updates that are not over. Notes to people are comments, and no part of this."""
        return [one for one in self.book.journal.unfinished() if one.kind is OperationKind.UPDATE]

    # The ground

    def edit(self, side: Side, fields: Mapping[str, Any]) -> None:
        """A person's edit, remembered with what it means."""
        self.now += timedelta(seconds=1)
        pairs = pairs_of(self.state())
        ticket = self.tickets[side]
        before = {pair.name: self.canonical(pair, side) for pair in pairs}
        ticket.change(fields, self.now)
        for pair in pairs:
            if before[pair.name] != self.canonical(pair, side):
                self.deeds[pair.name].last[side] = self.canonical(pair, side)
                self.edited[side, pair.name] = self.now
                self.ours.discard((side, pair.name))

    def canonical(self, pair: Pair, side: Side) -> Any:
        """What a side really stands at, hidden or not."""
        fields = {name: Reading.of(value) for name, value in self.tickets[side].fields.items()}
        return pair.lenses[side].read(fields).value

    def begin_anew(self) -> None:
        """From here on edits count."""
        pairs = pairs_of(self.state())
        self.deeds = {pair.name: Deeds({side: self.canonical(pair, side) for side in Side}) for pair in pairs}

    def state(self) -> GroupState:
        """What bridge knows."""
        return GroupState(
            hand=Hand(GROUP, "route", "tester", 1, 1),
            route=self.route(),
            now=self.now,
            link=self.book.links.link,
            snapshots=dict(self.read),
            bases={side: dict(bases) for side, bases in self.book.links.bases.items()},
            operations=self.book.journal.unfinished(),
            items={},
            conflicts=self.book.links.conflicts(GROUP),
            notices={},
        )

    def route(self) -> Route:
        """The route under the present rules."""
        ends = {
            side: RouteSide(
                side,
                "desk" if side is Side.HELPDESK else "tracker",
                "any",
                HeldBy.CUSTOMER if side is Side.HELPDESK else HeldBy.VENDOR,
                {},
                mapping(self.packs[side], side, rewritten=self.rewritten[side]),
            )
            for side in Side
        }
        return Route(
            name="route",
            mode=Mode.LIVE,
            helpdesk=ends[Side.HELPDESK],
            tracker=ends[Side.TRACKER],
            policies=self.policies,
            roles_of=lambda _site, _person: frozenset(),
            begin_link="all",
            begin_at=NOON - timedelta(days=1),
            undo=timedelta(),
            language="en",
            digest="",
        )

    @staticmethod
    def tools() -> Tools:
        """No comments are written here, so nothing is signed or cut."""
        return TOOLS


TOOLS = Tools(
    sign=lambda marker: replace(marker, mac="create"),
    split=lambda _site, text: (text,),
    templates=templates(),
    capabilities=lambda _site: Capabilities(),
    show=lambda _site, body: body,
    opened_at=NOON - timedelta(days=1),
)
if settings().max_examples <= SHORT:
    CoreMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestCore = CoreMachine.TestCase
