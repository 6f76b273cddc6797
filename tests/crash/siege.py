"""The siege: a daemon in a process of its own, killed and started again and again while people work at four sites."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridge.bootstrap import look
from bridge.cli.config_option import connectors
from bridge.cli.story.config import SERVES, SITES, config_text
from bridge.cli.story.judge import Scene, Verdict, judge
from bridge.cli.story.people import Case, Helpdesk
from bridge.cli.story.script import Script
from bridge.config import load_config
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.store.ledger import FILE

from .daemons import Daemon, Forge, environment, start_plain
from .life import DESKS, PROJECT, REPOSITORY, GitHubEngineer, JiraEngineer, Life

BRIDGE_ACTORS = frozenset({"bridge@vendor.example", "vendor-bridge"})
KEY = re.compile(r"[0-9a-f]{64}\n")
QUIET_S = 2.2
"""How long no write may have gone out before the ledger is asked: two polls and an index lag."""
LOOK_S = 0.05
START_S = 30.0
LIMITS = "limits: {deadline: 1s, processing: 500ms, index_lag: 500ms, documented: false}"
OWNERS = "undo: 0s\n    owner: {severity: both}"
"""Engineers rank too, so that this field goes both ways like the state does."""
WEATHER = (
    Fault(kind="latency", delay_s=0.15, probability=0.2),
    Fault(kind="status", status=429, retry_after_s=1, probability=0.04),
    Fault(kind="status", status=503, retry_after_s=1, probability=0.03),
    Fault(kind="drop_after", probability=0.12, writes_only=True),
    Fault(kind="late_write", delay_s=0.3, probability=0.02, writes_only=True),
)
"""What goes wrong all the time."""
STORM = (*WEATHER, Fault(kind="status", status=503, probability=0.02))
"""The same with outages of which nobody says how long they last: back-off makes them slow, so only the long run has them."""


@dataclass(slots=True)
class Tally:
    """What was done to the daemon."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    restores: int = 0
    missed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Ending:
    """What stands at the end. `settled`: both sides came to rest in time; `complaints`: what the daemon's log holds of
    defects, and what the ledger still holds open."""

    verdict: Verdict
    settled: bool
    complaints: tuple[str, ...]
    status: dict[str, Any]

    @property
    def is_clean(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.verdict.is_clean and self.settled and not self.complaints


class Siege:
    """A sandbox, people, and a daemon to be killed. Use it as a context; `seed` makes people and faults repeatable."""

    def __init__(
        self,
        home: Path,
        *,
        seed: int,
        tickets: int,
        faults: tuple[Fault, ...] = WEATHER,
        pause_s: float = 0.15,
        limits: str = LIMITS,
    ) -> None:
        self.home = home
        self.tally = Tally()
        self.dice = random.Random(seed)
        self.played = 0
        self._sandbox = Sandbox(SITES, seed=seed, settings={"vendor-jira": {"index_lag_s": 0.3}})
        self._faults = faults
        self._seed, self._tickets, self._pause_s = seed, tickets, pause_s
        self._limits = limits
        self._config = home / "config.yaml"
        self._data = home / "data"
        self._log = home / "daemon.log"
        self._daemon: Daemon | None = None
        self._forge: Forge | None = None
        self.life: Life

    def __enter__(self) -> Self:
        self._sandbox.start()
        urls = self._sandbox.urls
        text = re.sub(r"limits: \{.*\}", self._limits, config_text(urls))
        self._config.write_text(text.replace("undo: 0s", OWNERS), encoding="utf-8")
        self.life = Life(
            Script(random.Random(self._seed)),
            {name: Helpdesk(urls[name], name) for name in DESKS},
            JiraEngineer(urls["vendor-jira"]),
            GitHubEngineer(urls["vendor-github"], REPOSITORY),
            most=self._tickets,
            pause_s=self._pause_s,
        )
        self.set_faults(*self._faults)
        self.life.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_daemon()
        if self._forge is not None:
            self._forge.close()
        with suppress(OSError):
            self.life.stop()
        self.life.close()
        self._sandbox.stop()

    def set_faults(self, *faults: Fault) -> None:
        """From now on these faults, and no others."""
        with self._sandbox.world.lock:
            self._sandbox.faults.clear()
            for fault in faults:
                self._sandbox.faults.add(fault)

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every request any site has seen."""
        return self._sandbox.log

    # The daemon's process.

    def start(self) -> None:
        """Start the daemon as everybody does."""
        with self._log.open("ab") as log:
            self._daemon = start_plain(self._arguments, home=self.home, log=log)
        self.tally.starts += 1

    def _start_with_fuse(self, label: str, passes: int) -> Daemon:
        if self._forge is None:
            with self._log.open("ab") as log:
                self._forge = Forge(home=self.home, log=log)
        daemon = self._daemon = self._forge.start(label, passes, self._arguments)
        self.tally.starts += 1
        return daemon

    @property
    def _arguments(self) -> list[str]:
        return ["--log", "json", "run", "--config", str(self._config)]

    def kill_after(self, seconds: float, *, at_work: bool = True) -> None:
        """Let the daemon live that long, then kill it. `at_work`: counted from its first request, not from its birth."""
        daemon = self._running()
        if at_work:
            since = len(self.log)
            _wait(lambda: daemon.poll() is not None or self._has_asked(since), START_S)
        if _wait(lambda: daemon.poll() is not None, seconds):
            raise AssertionError(f"the daemon ended by itself with {daemon.poll()}: {self._last_words()}")
        self._kill("any time")

    def _has_asked(self, since: int) -> bool:
        return any(entry["actor"] in BRIDGE_ACTORS or entry["fault"] for entry in self.log[since:])

    def kill_at(self, label: str, passes: int = 1, *, patience_s: float = 60.0) -> bool:
        """Start the daemon and wait until it has killed itself at the point; False (and killed anyway) if it never came
        there."""
        daemon = self._start_with_fuse(label, passes)
        if not _wait(lambda: daemon.poll() is not None, patience_s):
            self.tally.missed[label] += 1
            self._kill("any time")
            return False
        if daemon.poll() != -signal.SIGKILL:
            raise AssertionError(f"the daemon ended by itself with {daemon.poll()}: {self._last_words()}")
        self._daemon = None
        self.tally.kills[label] += 1
        return True

    def _kill(self, label: str) -> None:
        daemon = self._running()
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        self._daemon = None
        self.tally.kills[label] += 1

    def _running(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    def _end_daemon(self) -> int | None:
        """Stop the daemon as an operator would; its exit code."""
        daemon, self._daemon = self._daemon, None
        if daemon is None:
            return None
        daemon.send_signal(signal.SIGTERM)
        try:
            return daemon.wait(timeout=15)
        except subprocess.TimeoutExpired:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            return None

    # The data directory, while no daemon runs.

    def back_up(self) -> None:
        """Keep a copy of the database as it stands."""
        copy = self.home / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self._data.glob(f"{FILE}*"):
            shutil.copy2(path, copy / path.name)

    def restore(self) -> bool:
        """Put the last copy of the database back; the key of the markers stays. False if there is no copy."""
        copies = list((self.home / "copy").glob(f"{FILE}*"))
        if not copies:
            return False
        for path in self._data.glob(f"{FILE}*"):
            path.unlink()
        for path in copies:
            shutil.copy2(path, self._data / path.name)
        self.tally.restores += 1
        return True

    # The end.

    def converge(self, *, patience_s: float) -> Ending:
        """People rest and nothing goes wrong any more: wait until the daemon has nothing left to do, stop it, judge."""
        self.life.stop()
        self.set_faults()
        self.played = sum(1 for entry in self.log if entry["fault"])
        if self._daemon is None:
            self.start()
        since = len(self.log)
        status: dict[str, Any] = {}

        def is_over() -> bool:
            nonlocal status
            if not self._is_quiet(since):
                return False
            if self._count_waiting():
                return False
            status = self._status()
            return not _open(status) and self._is_quiet(since)

        settled = _wait(is_over, patience_s)
        code = self._end_daemon()
        if not settled:
            status = self._status()
        complaints = [*self._complaints(), *_open(status)]
        if not KEY.fullmatch(self._data.joinpath("marker.key").read_text(encoding="ascii")):
            complaints.append("marker.key holds no whole key")
        if code != 0:
            complaints.append(f"the daemon, asked to stop, ended with {code}")
        verdict = judge(self.life.script, self.scene())
        self.life.judge_files(verdict)
        return Ending(verdict, settled, tuple(complaints), status)

    def _is_quiet(self, since: int) -> bool:
        """Whether every site was read at rest, and nothing was written for a while."""
        entries = self.log[since:]
        mine = [entry for entry in entries if entry["actor"] in BRIDGE_ACTORS]
        writes = [entry["at"] for entry in mine if entry["writes"]]
        now = self._sandbox.world.now().timestamp()
        last = max([_seconds(at) for at in writes], default=0.0)
        begun = _seconds(mine[0]["at"]) if mine else now
        reads = {site: [_seconds(one["at"]) for one in mine if one["site"] == site] for site in SITES}
        is_read = all(times and times[-1] - max(last, begun) >= QUIET_S for times in reads.values())
        return is_read and now - last >= QUIET_S

    def _status(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "bridge", "status", "--json", "--config", str(self._config)]
        shown = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, cwd=self.home, env=environment()
        )
        report: dict[str, Any] = json.loads(shown.stdout)
        return report

    def _count_waiting(self) -> int:
        """How many cases the daemon will look at again some time; `bridge status` tells only those due this moment."""
        ledger = look(load_config(self._config, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors()))
        try:
            with ledger.begin() as transaction:
                return transaction.hands.count_waiting()
        finally:
            ledger.close()

    def scene(self) -> Scene:
        """What stands at all sites."""
        life = self.life
        helpdesks = {name: desk.cases() for name, desk in life.desks.items()}
        trackers = {
            "vendor-jira": life.jira.cases(PROJECT),
            "vendor-github": [_without_leftovers(case) for case in life.github.cases()],
        }
        return Scene(helpdesks, trackers, SERVES)

    def _complaints(self) -> list[str]:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line[:2000] for line in lines if "worker.failed" in line or line.startswith("Traceback")]

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _open(status: dict[str, Any]) -> list[str]:
    """What of a ledger's state is not over, in sentences."""
    found = [
        f"{number} operations are {state}"
        for state, number in status["operations"].items()
        if state in ("planned", "held", "sending", "unknown", "dead")
    ]
    found += [f"refused: {one}" for one in status["dead"]]
    found += [f"in conflict: {one}" for one in status["conflicts"]]
    found += [f"rests: {one}" for one in status["suspended"]]
    return found + ([f"{status['due']} cases are due"] if status["due"] else [])


def _without_leftovers(case: Case) -> Case:
    """A closed issue's status labels say nothing any more (a write that crossed with the closing may leave one)."""
    if case.fields["state"] != "closed":
        return case
    labels = [label for label in case.fields["labels"] if not label.startswith("status: ")]
    return replace(case, fields={**case.fields, "labels": labels})


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _wait(is_so: Callable[[], bool], patience_s: float) -> bool:
    """Look until it is so, or patience is over."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_S)
    return True
