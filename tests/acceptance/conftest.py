"""The whole bridge against the sandbox: real HTTP, a real ledger, people who act through the vendors' own APIs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from bridge.bootstrap import Bridge, build
from bridge.cli.config_option import connectors
from bridge.cli.story.config import SERVES, SITES, config_text
from bridge.cli.story.judge import Scene, Verdict, judge
from bridge.cli.story.people import Case, GitHub, Helpdesk, Jira
from bridge.cli.story.scenes import SECOND_LINE
from bridge.cli.story.script import Opened, Reach, Script
from bridge.config import load_config
from bridge.engine.daemon import Settled
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox


@dataclass
class World:
    """The sandbox, its people, and a bridge that can be started, converged, stopped and started again."""

    home: Path
    sandbox: Sandbox
    acme: Helpdesk
    globex: Helpdesk
    jira: Jira
    github: GitHub
    script: Script = field(default_factory=lambda: Script(random.Random(1)))
    edit: Callable[[str], str] = lambda text: text
    bridge: Bridge | None = None
    variables: dict[str, str] = field(default_factory=lambda: {"SANDBOX_TOKEN": "sandbox"})

    def start(self) -> Bridge:
        """Start a bridge on the config as `edit` leaves it."""
        self.stop()
        path = self.home / "config.yaml"
        text = config_text(self.sandbox.urls).replace("deadline: 2s, processing: 1s", "deadline: 1s, processing: 500ms")
        path.write_text(self.edit(text.replace("index_lag: 1s", "index_lag: 100ms")), encoding="utf-8")
        config = load_config(path, environ=self.variables, connectors=connectors())
        self.bridge = build(config)
        return self.bridge

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self.bridge is not None:
            self.bridge.close()
            self.bridge = None

    def converged(self) -> Bridge:
        """The bridge that runs."""
        assert self.bridge is not None
        return self.bridge

    def converge(self, *, patience_s: float = 30.0) -> Settled:
        """Run until both sides agree."""
        bridge = self.bridge or self.start()
        return bridge.daemon.run_once(patience_s=patience_s)

    def file(self, desk: Helpdesk, summary: str, words: str = "Please help.", priority: str | None = "high") -> Opened:
        """A customer files a ticket and their agent hands it to the vendor."""
        opened = Opened(desk.site, desk.file(summary, words, priority=priority, group=SECOND_LINE), summary, priority)
        self.script.opened.append(opened)
        return opened

    def issue(self, opened: Opened) -> Case:
        """The issue of a ticket, of which there must be exactly one."""
        cases = self.jira.cases("ACME") if opened.site == "acme-desk" else self.github.cases()
        [case] = [case for case in cases if case.summary == opened.summary]
        return case

    def ticket(self, opened: Opened) -> Case:
        """A ticket as it stands in the customer's helpdesk."""
        desk = self.acme if opened.site == "acme-desk" else self.globex
        return next(case for case in desk.cases() if case.ticket == opened.ticket)

    def word(self, opened: Opened, site: str, reach: Reach) -> str:
        """A word to recognise a text by."""
        return self.script.word(opened.summary, site, reach)

    def verdict(self) -> Verdict:
        """What the judge of the demo says."""
        helpdesks = {"acme-desk": self.acme.cases(), "globex-desk": self.globex.cases()}
        trackers = {"vendor-jira": self.jira.cases("ACME"), "vendor-github": self.github.cases()}
        return judge(self.script, Scene(helpdesks, trackers, SERVES))

    def fault(self, **what: Any) -> None:
        """Let something go wrong from now on, for bridge only."""
        with self.sandbox.world.lock:
            self.sandbox.faults.add(Fault(**what))

    def calm(self) -> None:
        """No more faults."""
        with self.sandbox.world.lock:
            self.sandbox.faults.clear()

    def requests(self, *, site: str = "", writes: bool | None = None) -> list[str]:
        """What bridge sent since the log was cleared, as `METHOD path`."""
        return [
            f"{entry['method']} {entry['url'].partition('?')[0]}"
            for entry in self.sandbox.log
            if _is_bridge(entry) and site in ("", entry["site"]) and writes in (None, entry["writes"])
        ]

    @contextmanager
    def running(self, *, settled: bool = True) -> Iterator[Bridge]:
        """A bridge that runs until the block ends, hearing webhooks where its config says so."""
        bridge = self.start()
        if bridge.webhooks is not None:
            bridge.webhooks.start()
        thread = Thread(target=bridge.daemon.run, name="daemon")
        thread.start()
        try:
            assert not settled or bridge.daemon.settle(patience_s=30)
            yield bridge
        finally:
            bridge.daemon.stop()
            thread.join()
            self.stop()


def eventually(holds: Callable[[], bool], *, patience_s: float = 30.0) -> bool:
    """Whether something comes true while others work. Waits no longer than it takes."""
    pause, give_up = Event(), monotonic() + patience_s
    while not holds():
        if monotonic() > give_up:
            return False
        pause.wait(0.05)
    return True


def turn_the_second() -> None:
    """Wait until vendors that tell times in whole seconds tell another one than now."""
    now_at = datetime.now(UTC)
    assert eventually(lambda: datetime.now(UTC).replace(microsecond=0) > now_at)


def _is_bridge(entry: dict[str, Any]) -> bool:
    # People are spared from faults, so a request that met one, of whom the site saw no account, was bridge's.
    return bool(entry["fault"]) or entry["actor"] in ("bridge@vendor.example", "vendor-bridge")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two customers with a Zendesk each, a Jira and a GitHub; no bridge runs yet."""
    with Sandbox(SITES, seed=1) as sandbox:
        urls = sandbox.urls
        made = World(
            tmp_path,
            sandbox,
            Helpdesk(urls["acme-desk"], "acme-desk"),
            Helpdesk(urls["globex-desk"], "globex-desk"),
            Jira(urls["vendor-jira"]),
            GitHub(urls["vendor-github"], "vendor/platform"),
        )
        yield made
        made.stop()
        for person in (made.acme, made.globex, made.jira, made.github):
            person.close()
