"""A stage where time stands still until it is moved, for machines that play thousands of stories through the whole
bridge: the sandbox over real HTTP, the real ledger, and a bridge that can be killed between any two steps of its own."""

from __future__ import annotations

import atexit
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bridge.bootstrap import Bridge, build
from bridge.cli.config_option import connectors
from bridge.cli.story.config import SERVES, SITES, config_text
from bridge.cli.story.judge import Scene, Verdict, judge
from bridge.cli.story.people import Case, GitHub, Helpdesk, Jira
from bridge.cli.story.scenes import SECOND_LINE
from bridge.cli.story.script import Opened, Script
from bridge.config import Config, RoutePlan, load_config
from bridge.engine.turns import Turns
from bridge.engine.worker import Worker
from bridge.model.ticket import Reading
from bridge.model.words import Side
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOST_LOOKS = 60
"""Looks at all sites and groups within which a story at rest must have come to its end."""


class Killed(BaseException):
    """The process ended here, as by SIGKILL: nothing after this ran, nothing not committed stands."""


class StoryTime:
    """The one clock of bridge and of all sites. It moves by a millisecond whenever bridge looks at it, and by sleeping."""

    def __init__(self) -> None:
        self._now = START
        self.passed: Callable[[], None] = lambda: None
        """What the world does when time has passed."""

    def restart(self) -> None:
        """A new story begins."""
        self._now = START

    def shown(self) -> datetime:
        """The present, as the sites see it."""
        return self._now

    def now(self) -> datetime:
        """The present, as bridge sees it."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._now += timedelta(seconds=max(seconds, 0.001))
        self.passed()


@dataclass(slots=True)
class Killer:
    """Ends the process at the n-th step from now. A step is the begin or the end of a transaction of the ledger, so
    between any two requests, and between a request and its record, there is one."""

    left: int = 0

    def watch(self, engine: Engine) -> None:
        """Count the steps of a ledger."""
        event.listen(engine, "begin", self._step)
        event.listen(engine, "commit", self._step)

    def _step(self, _connection: Any) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Killed


class Ground:
    """What all stories of a process share, because it is dear: the sites' ports, and configs proved once."""

    def __init__(self) -> None:
        self.time = StoryTime()
        self.sandbox = Sandbox(SITES, present=self.time.shown)
        self.sandbox.start()
        self.time.passed = self._let_due_happen
        self.configs: dict[str, Config] = {}
        atexit.register(self.sandbox.stop)

    def _let_due_happen(self) -> None:
        self.sandbox.world.advance(0)
        self.sandbox.world.settle()

    def clear(self) -> None:
        """No story was ever told here."""
        self.time.sleep(3600)
        self.time.restart()
        self.sandbox.reset()
        self.sandbox.world.random.seed(0)

    def config(self, lines: str, home: Path) -> Config:
        """The demo's config with more lines under every route, its ledger in `home`."""
        if lines not in self.configs:
            text = config_text(self.sandbox.urls).replace("deadline: 2s", "deadline: 20s")
            path = home / "config.yaml"
            path.write_text(text.replace("undo: 0s", f"undo: 0s\n    {lines}"), encoding="utf-8")
            self.configs[lines] = load_config(path, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors())
        config = self.configs[lines]
        return config.model_copy(update={"store": config.store.model_copy(update={"directory": home / "data"})})


@cache
def ground() -> Ground:
    """The ground of this process."""
    return Ground()


@dataclass
class Stage:
    """Sites, people, and the bridge in between. Everything happens on the calling thread, so a story can be told again.

    `lines` are laid under every route of the config.
    """

    home: Path
    lines: str = ""
    killer: Killer = field(default_factory=Killer)
    bridge: Bridge | None = None

    def __post_init__(self) -> None:
        self.time, self.sandbox = ground().time, ground().sandbox
        ground().clear()
        urls = self.sandbox.urls
        self.desks = {name: Helpdesk(urls[name], name) for name in ("acme-desk", "globex-desk")}
        self.jira = Jira(urls["vendor-jira"])
        self.github = GitHub(urls["vendor-github"], "vendor/platform")
        self.script = Script(random.Random(0))
        self.config = ground().config(self.lines, self.home)

    def close(self) -> None:
        """The end of the story."""
        self.kill()
        for person in (*self.desks.values(), self.jira, self.github):
            person.close()

    def start(self) -> Bridge:
        """The running bridge, started if there is none. Nobody is killed before it has opened its ledger."""
        if self.bridge is None:
            left, self.killer.left = self.killer.left, 0
            self.bridge = build(self.config, clock=self.time)
            self.killer.watch(self.bridge.ledger.engine)
            self.bridge.daemon.open()
            self.killer.left = left
        return self.bridge

    def routes(self) -> dict[str, RoutePlan]:
        """The routes of the config by name."""
        return {plan.name: plan for plan in self.config.routes_compiled}

    def kill(self) -> None:
        """The process is no more. What it had in memory is lost, its lock is free."""
        self.killer.left = 0
        if self.bridge is not None:
            self.bridge.close()
            self.bridge = None

    def copy_ledger(self) -> None:
        """Put a copy of the data directory aside, as a backup of a stopped bridge."""
        self.kill()
        self.start()
        self.kill()
        shutil.rmtree(self.home / "copy", ignore_errors=True)
        shutil.copytree(self.home / "data", self.home / "copy")

    def restore_ledger(self) -> None:
        """Put the copy back in the place of what is there."""
        self.kill()
        shutil.rmtree(self.home / "data")
        shutil.copytree(self.home / "copy", self.home / "data")

    def pass_time(self, seconds: float) -> None:
        """Time passes; what falls due at the sites happens."""
        self.time.sleep(seconds)

    def poll(self, site: str) -> bool:
        """Read a site's feeds. Whether that brought or may still bring anything. A kill ends bridge, no more."""
        try:
            poll = self.start().daemon.intake.poll(site, every_feed=True)
        except Killed:
            self.kill()
            return True
        return bool(poll.due or poll.failed)

    def work(self) -> bool:
        """Work off what is due. Whether there was anything."""
        try:
            daemon = self.start().daemon
            turns = Turns(daemon.ledger, daemon.clock, workers=1, routes=len(daemon.routes))
            return bool(Worker(daemon.batch, turns).work_off())
        except Killed:
            self.kill()
            return True

    def come_to_rest(self) -> None:
        """Look at everything until nothing changes and nothing waits any more. Fails if that does not come."""
        for _look in range(MOST_LOOKS):
            busy = [self.poll(site) for site in sorted(SITES, key=lambda site: "desk" in site)]
            if self.work() or any(busy):
                self.pass_time(1)
                continue
            with self.start().ledger.begin() as transaction:
                due_at = transaction.hands.next_due_at()
            if due_at is None:
                return
            self.pass_time((due_at - self.time.shown()).total_seconds())
        raise AssertionError(f"no rest after {MOST_LOOKS} looks: {self._waiting()}")

    def _waiting(self) -> list[tuple[str, str, str]]:
        with self.start().ledger.begin() as transaction:
            counts = transaction.journal.count()
            return [("operations", str(counts), str(transaction.hands.next_due_at()))]

    def fault(self, **what: Any) -> None:
        """Something goes wrong from now on, for bridge only."""
        with self.sandbox.world.lock:
            self.sandbox.faults.add(Fault(**what))

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        with self.sandbox.world.lock:
            self.sandbox.faults.clear()
        self.killer.left = 0

    def writes(self) -> list[str]:
        """What bridge wrote since the log was cleared."""
        return [
            f"{entry['site']} {entry['method']} {entry['url']} {entry['body']}"
            for entry in self.sandbox.log
            if entry["writes"] and entry["actor"] in ("bridge@vendor.example", "vendor-bridge")
        ]

    def file(self, desk: str, summary: str, priority: str | None) -> Opened:
        """A customer files a ticket and their agent hands it to the vendor."""
        ticket = self.desks[desk].file(summary, "Please help.", priority=priority, group=SECOND_LINE)
        opened = Opened(desk, ticket, summary, priority)
        self.script.opened.append(opened)
        return opened

    def key(self, opened: Opened) -> str | None:
        """The issue of a ticket, None as long as there is none."""
        if opened.site == "acme-desk":
            return self.jira.find(opened.summary, project="ACME")
        return self.github.find(opened.summary)

    def verdict(self) -> Verdict:
        """What the judge of the demo says of all that stands."""
        helpdesks = {name: desk.cases() for name, desk in self.desks.items()}
        trackers: dict[str, list[Case]] = {
            "vendor-jira": self.jira.cases("ACME"),
            "vendor-github": self.github.cases(),
        }
        return judge(self.script, Scene(helpdesks, trackers, SERVES))

    def stands(self, opened: Opened) -> dict[Side, dict[str, Reading]]:
        """What both ends of a case show people now, under the names the mappings use."""
        desk, jira = self.desks[opened.site], opened.site == "acme-desk"
        issues = self.jira.cases("ACME", threads=False) if jira else self.github.cases(threads=False)
        cases = {Side.HELPDESK: desk.look(opened.ticket)}
        mine = [case for case in issues if case.summary == opened.summary]
        if mine:
            cases[Side.TRACKER] = mine[0]
        return {side: {name: Reading.of(value) for name, value in case.fields.items()} for side, case in cases.items()}
