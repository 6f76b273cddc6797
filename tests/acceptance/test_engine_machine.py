"""Stories nobody thought of: hypothesis plays customers, engineers, failing sites, lost and stale hints, kills and
restored backups against the whole bridge, and shrinks whatever goes wrong to the shortest story that shows it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bridge.cli.story.config import SERVES, SITES
from bridge.cli.story.script import Line, Opened, Reach
from bridge.engine.values.fields import Pair
from bridge.errors import RemoteError
from bridge.model.feed import Hint
from bridge.model.operation import Operation, OperationKind, OperationState
from bridge.model.ticket import TicketRef
from bridge.model.words import SEVERITY, STATE, Side, State
from expectations import Deeds, Expectation, read

from .stage import Killed, Stage

FIELDS = (SEVERITY, STATE, "labels")
POLICIES = {
    "as it comes": "",
    "both, newest": "owner: {severity: both}",
    "both, tracker": "owner: {severity: both}\n    on_conflict: tracker",
    "both, hold": "owner: {severity: both}\n    on_conflict: hold",
    "restored": "drift: restore",
}
PRIORITIES = ("urgent", "high", "normal", "low")
SEVERITIES = {"urgent": "S1", "high": "S2", "normal": "S3", "low": "S4"}
LABELS = {"urgent": "critical", "high": "major", "normal": "minor", "low": "trivial"}
STATUSES = ("open", "pending", "hold", "solved")
GITHUB_STATES: tuple[dict[str, Any], ...] = (
    {"state": "open", "labels": ["status: triaged"]},
    {"state": "open", "labels": ["status: in progress"]},
    {"state": "open", "labels": ["status: waiting for customer"]},
    {"state": "closed", "state_reason": "completed", "labels": []},
    {"state": "closed", "state_reason": "not_planned", "labels": []},
)
TAGS = ([], ["product-shop"], ["area-db", "vip"], ["product-shop", "area-db"])
which = st.integers(0, 2)
sites = st.sampled_from(sorted(SITES))
seconds = st.sampled_from([0.0, 0.4, 1.0, 7.0, 61.0, 200.0])
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_before", "writes_only": True},
    {"kind": "drop_after", "writes_only": True},
    {"kind": "drop_after", "writes_only": True, "count": 2},
    {"kind": "late_write", "writes_only": True, "delay_s": 0.2},
    {"kind": "late_write", "writes_only": True, "delay_s": 0.9},
    {"kind": "status", "status": 429, "retry_after_s": 1},
    {"kind": "status", "status": 429, "retry_after_s": 40},
    {"kind": "status", "status": 503, "count": 2},
    {"kind": "status", "status": 500, "writes_only": True},
    {"kind": "truncate"},
    {"kind": "cut"},
)
REFUSED = r"^/rest/api/3/issue/[^/]+$|/issues/\d+$"
"""Where the trackers take field updates."""


class EngineMachine(RuleBasedStateMachine):
    """People act, things fail, and bridge gets a chance to work whenever the story says so. At rest all is right."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory(prefix="bridge-machine-")
        self.stage: Stage
        self.opened: list[Opened] = []
        self.deeds: dict[tuple[str, str], Deeds] = {}
        self.taken_back: list[Line] = []
        self.is_copied = False
        self.is_restless = False

    @initialize(policy=st.sampled_from(sorted(POLICIES)), desk=st.sampled_from(sorted(SERVES)))
    def begin(self, policy: str, desk: str) -> None:
        """The first ticket is there."""
        self.stage = Stage(Path(self._home.name), POLICIES[policy])
        self.file(desk, "high")

    # What people do

    @precondition(lambda self: len(self.opened) < 3)
    @rule(desk=st.sampled_from(sorted(SERVES)), priority=st.sampled_from([*PRIORITIES, None]))
    def file(self, desk: str, priority: str | None) -> None:
        """A customer files a ticket."""
        opened = self.stage.file(desk, f"Problem {len(self.opened)}", priority)
        self.opened.append(opened)
        self.is_restless = True
        for pair in self.pairs(opened):
            self.deeds[opened.summary, pair.name] = Deeds(read(pair, self.stage.stands(opened)))

    @rule(number=which, priority=st.sampled_from(PRIORITIES))
    def customer_rates(self, number: int, priority: str) -> None:
        """The customer's agent changes how bad it is."""
        with self.deed(number) as opened:
            self.desk(opened).change(opened.ticket, priority=priority)

    @rule(number=which, status=st.sampled_from(STATUSES))
    def customer_moves(self, number: int, status: str) -> None:
        """The customer's agent changes the status."""
        with self.deed(number) as opened:
            desk = self.desk(opened)
            desk.change(opened.ticket, status=status, assignee_id=desk.user("agent"))

    @rule(number=which, tags=st.sampled_from(TAGS))
    def customer_tags(self, number: int, tags: list[str]) -> None:
        """The customer's agent sets tags."""
        with self.deed(number) as opened:
            self.desk(opened).change(opened.ticket, tags=tags)

    @rule(number=which, is_note=st.booleans())
    def customer_writes(self, number: int, is_note: bool) -> None:
        """The customer answers, or their agent leaves a note for colleagues."""
        with self.deed(number) as opened:
            word = self.word(opened, opened.site, Reach.NOBODY if is_note else Reach.TRACKER)
            write = self.desk(opened).note if is_note else self.desk(opened).reply
            write(opened.ticket, f"It got worse. {word}")

    @rule(number=which, priority=st.sampled_from(PRIORITIES))
    def engineer_rates(self, number: int, priority: str) -> None:
        """The engineer thinks otherwise about how bad it is."""
        with self.deed(number, issue=True) as opened:
            key = self.key(opened)
            if opened.site == "acme-desk":
                self.stage.jira.change(key, Severity=SEVERITIES[priority])
            else:
                kept = [label for label in self.labels(opened) if not label.startswith("severity")]
                self.stage.github.change(key, labels=[*kept, f"severity: {LABELS[priority]}"])

    @rule(number=which, way=st.integers(0, 4))
    def engineer_moves(self, number: int, way: int) -> None:
        """The engineer moves the issue on."""
        with self.deed(number, issue=True) as opened:
            key = self.key(opened)
            if opened.site == "acme-desk":
                ways = self.stage.jira.moves(key)
                status = ways[way % len(ways)]
                self.stage.jira.move(key, status, **({"resolution": {"name": "Fixed"}} if status == "Done" else {}))
            else:
                state = dict(GITHUB_STATES[way])
                kept = [label for label in self.labels(opened) if not label.startswith("status")]
                self.stage.github.change(key, **{**state, "labels": [*kept, *state["labels"]]})

    @rule(number=which, is_remark=st.booleans())
    def engineer_writes(self, number: int, is_remark: bool) -> None:
        """The engineer answers the customer, or remarks something among colleagues."""
        with self.deed(number, issue=True) as opened:
            word = self.word(opened, SERVES[opened.site], Reach.NOBODY if is_remark else Reach.TEAM)
            words = f"Hm. {word}" if is_remark else f"#reply We look into it. {word}"
            if opened.site == "acme-desk":
                self.stage.jira.comment(self.key(opened), words)
            else:
                self.stage.github.comment(self.key(opened), words)

    @rule(number=which)
    def engineer_takes_back(self, number: int) -> None:
        """The engineer deletes the last answer, which may have crossed already or not."""
        with self.deed(number, issue=True) as opened:
            lines = [line for line in self.stage.script.lines if line.summary == opened.summary]
            mine = [line for line in lines if line.reach is Reach.TEAM and line.site == "vendor-github"]
            if mine:
                self.stage.github.delete_comment(self.key(opened), mine[-1].word)
                self.stage.script.lines.remove(mine[-1])
                self.taken_back.append(mine[-1])

    # What bridge gets to do

    @rule(site=sites)
    def poll(self, site: str) -> None:
        """One site's feeds are read."""
        self.stage.poll(site)

    @rule()
    def work(self) -> None:
        """What is due is worked off."""
        self.stage.work()

    @rule()
    def look_around(self) -> None:
        """Every site is read, and what is due is worked off."""
        for site in sorted(SITES):
            self.stage.poll(site)
        self.stage.work()

    @rule(for_s=seconds)
    def wait(self, for_s: float) -> None:
        """Time passes."""
        self.stage.pass_time(for_s)

    @rule(number=which, side=st.sampled_from(Side), age_s=st.sampled_from([None, 0, 5000]))
    def hint(self, number: int, side: Side, age_s: int | None) -> None:
        """A webhook speaks of a ticket: truly, twice, too late, or for nothing."""
        opened = self.opened[number % len(self.opened)]
        try:
            with self.stage.start().ledger.begin() as transaction:
                ref = TicketRef(opened.site, opened.ticket)
                link = transaction.links.find([ref]).get(ref)
            ref = link.ref(side) if link else ref
            at = None if age_s is None else self.stage.time.shown() - timedelta(seconds=age_s)
            self.stage.start().daemon.intake.hint(ref.site, (Hint(ref, at), Hint(ref, at)))
        except RemoteError:
            pass
        except Killed:
            self.stage.kill()

    # What goes wrong

    @rule(fault=st.sampled_from(FAULTS), site=sites)
    def fail(self, fault: dict[str, Any], site: str) -> None:
        """A site is about to fail."""
        self.stage.fault(**{"count": 1, **fault, "site": site})
        self.is_restless = True

    @rule(site=st.sampled_from(["vendor-jira", "vendor-github"]))
    def refuse(self, site: str) -> None:
        """A tracker is about to refuse a field for good."""
        self.stage.fault(
            kind="status", status=422, site=site, method="P[UA]T*", path=REFUSED, writes_only=True, count=1
        )
        self.is_restless = True

    @rule(steps=st.integers(1, 40))
    def kill_soon(self, steps: int) -> None:
        """The process is about to be killed in the midst of its work."""
        self.stage.killer.left = steps

    @rule()
    def restart(self) -> None:
        """The process is killed while it rests."""
        self.stage.kill()

    @rule()
    def rest(self) -> None:
        """Nothing goes wrong any more, and bridge is left alone until it rests. Then everything must be right."""
        stage = self.stage
        stage.calm()
        stage.come_to_rest()
        self.answer_letters()
        self.check()
        stage.sandbox.clear_log()
        stage.pass_time(100)
        stage.come_to_rest()
        assert stage.writes() == []
        self.is_restless = False

    @rule()
    def copy_ledger(self) -> None:
        """The operator makes a backup."""
        self.rest()
        self.stage.copy_ledger()
        self.is_copied = True

    @precondition(lambda self: self.is_copied)
    @rule()
    def restore_ledger(self) -> None:
        """The operator puts the backup back."""
        self.rest()
        self.stage.restore_ledger()
        for deeds in self.deeds.values():
            # An old copy does not know that a difference between the sides was settled: it may be judged anew.
            deeds.last = dict(deeds.before)
        self.rest()

    def teardown(self) -> None:
        """Every story ends at rest."""
        try:
            if self.opened:
                self.rest()
        finally:
            if hasattr(self, "stage"):
                self.stage.close()
            self._home.cleanup()

    # What must be right

    def check(self) -> None:
        """Nothing lost, nothing doubled, nothing leaked, and every field as people and policies want it."""
        with self.stage.start().ledger.begin() as transaction:
            conflicts = set(transaction.links.all_conflicts())
        complaints = []
        for opened in self.opened:
            stands = self.stage.stands(opened)
            assert set(stands) == set(Side), f"{opened.summary} has no issue"
            route = self.route(opened)
            for pair in self.pairs(opened):
                deeds = self.deeds[opened.summary, pair.name]
                now = read(pair, stands)
                is_held = (f"{route}:{opened.site}/{opened.ticket}", pair.name) in conflicts
                deeds.before.setdefault(Side.TRACKER, deeds.at_birth or deeds.before[Side.HELPDESK])
                complaints.append(Expectation(pair, deeds).complaint(now, is_held=is_held))
                self.deeds[opened.summary, pair.name] = Deeds(now)
        assert [each for each in complaints if each] == []
        verdict = self.stage.verdict()
        verdict.lost = [each for each in verdict.lost if ", written in " in each]
        assert verdict.is_clean, verdict
        for line in self.taken_back:
            said = [one for case in self.desk_of(line).cases() for one in case.said if line.word in one.words]
            assert len(said) <= 1, line

    def answer_letters(self) -> None:
        """A field that was refused for good is set anew by whoever wants it."""
        for _again in range(3):
            letters = self.letters()
            for letter in letters:
                number = next(
                    n for n, one in enumerate(self.opened) if letter.group.endswith(f"{one.site}/{one.ticket}")
                )
                self.want_again(number, letter)
            if not letters:
                return
            self.stage.come_to_rest()
        assert not self.letters()

    def letters(self) -> list[Operation]:
        """The field updates that were given up."""
        with self.stage.start().ledger.begin() as transaction:
            dead = transaction.journal.in_state(OperationState.DEAD)
        assert all(one.kind is OperationKind.UPDATE for one in dead), dead
        return dead

    def want_again(self, number: int, letter: Operation) -> None:
        """The customer's agent sets a refused field to something else."""
        assert letter.side is Side.TRACKER
        now = self.desk(self.opened[number]).look(self.opened[number].ticket).fields
        if letter.field_name == SEVERITY:
            self.customer_rates(number, "low" if now["priority"] != "low" else "high")
        elif letter.field_name == STATE:
            self.customer_moves(number, "pending" if now["status"] != "pending" else "hold")
        else:
            self.customer_tags(number, ["area-new"] if "area-new" not in now["tags"] else [])

    # Names of things

    @contextmanager
    def deed(self, number: int, *, issue: bool = False) -> Iterator[Opened]:
        """Somebody does something to a case; what it changed in the fields is remembered."""
        opened = self.opened[number % len(self.opened)]
        if issue and self.stage.key(opened) is None:
            self.rest()
        before = self.stage.stands(opened)
        yield opened
        after = self.stage.stands(opened)
        self.is_restless = True
        for pair in self.pairs(opened):
            then, now = read(pair, before), read(pair, after)
            for side in now:
                if now[side] != then[side]:
                    self.deeds[opened.summary, pair.name].move(side, now[side])
                    if pair.name == STATE and Side.TRACKER not in now:
                        # A new issue is taken as it is, wherever the ticket stands by then.
                        self.deeds[opened.summary, pair.name].at_birth = State.REGISTERED

    def pairs(self, opened: Opened) -> list[Pair]:
        """The fields people play with, as this case's route has them."""
        route = self.stage.routes()[self.route(opened)]
        return [
            Pair(name, route.policies[name], {side: route.side(side).mapping.lenses[name] for side in Side})
            for name in FIELDS
        ]

    def route(self, opened: Opened) -> str:
        """The name of a case's route."""
        return opened.site.removesuffix("-desk")

    def desk(self, opened: Opened) -> Any:
        """The helpdesk of a case."""
        return self.stage.desks[opened.site]

    def desk_of(self, line: Line) -> Any:
        """The helpdesk that a line was meant for."""
        return self.stage.desks[next(desk for desk, tracker in SERVES.items() if tracker == line.site)]

    def key(self, opened: Opened) -> str:
        """The issue of a case."""
        key = self.stage.key(opened)
        assert key is not None
        return key

    def labels(self, opened: Opened) -> list[str]:
        """The labels of a case's issue on GitHub."""
        found: list[str] = self.stage.stands(opened)[Side.TRACKER]["labels"].value or []
        return found

    def word(self, opened: Opened, site: str, reach: Reach) -> str:
        """A word to recognise a text by."""
        return self.stage.script.word(opened.summary, site, reach)


if settings().max_examples <= 100:
    EngineMachine.TestCase.settings = settings(max_examples=2, stateful_step_count=10)
TestEngine = EngineMachine.TestCase
