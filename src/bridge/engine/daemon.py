"""The daemon: worker threads, the ticker that wakes them, and the single converging run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import schedule
import structlog

from bridge.engine.batch import Batch, Observation
from bridge.engine.connections import Connections
from bridge.engine.foresight import brake_a_rule_change
from bridge.engine.guards.publicity import Publicity
from bridge.engine.herald import Herald
from bridge.engine.intake.backfill import Backfill
from bridge.engine.intake.feeds import Intake, Poll
from bridge.engine.intake.reader import Duty, Reader
from bridge.engine.route import Route
from bridge.engine.turns import Turns
from bridge.engine.watch import Pulse, Watch
from bridge.engine.worker import Worker
from bridge.model.feed import Hint
from bridge.model.ports import Clock
from bridge.model.vitals import Vitals
from bridge.store.ledger import Ledger, read_meta, write_meta

SCAN_S = 0.25
"""How often the ledger is asked whether anything fell due."""
FAILED_S = 2.0
"""How long a converging run waits before it polls a site again that could not be read."""
DUTIES_S = 1
"""How often a site's duties see whether their time has come, and so the pace of what they do piece by piece."""
TELL_S = 1.0
"""How often the outbox of notifications is looked into."""
MOST_ROUNDS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a converging run ended. `waiting` groups will be looked at again later; `failed` names sites not read."""

    rounds: int
    waiting: int
    next_due_at: datetime | None
    failed: tuple[str, ...]
    observations: tuple[Observation, ...] = ()


class Daemon:
    """Runs a configured bridge. Built by `bridge.bootstrap`; one per process."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        connections: Connections,
        routes: Mapping[str, Route],
        intake: Intake,
        batch: Batch,
        clock: Clock,
        workers: int,
        poll_s: Mapping[str, float],
        watch: Watch,
        publicity: Publicity,
        duties: tuple[Duty, ...] = (),
        pulse: Pulse | None = None,
        backfill: Backfill | None = None,
        herald: Herald | None = None,
    ) -> None:
        self.ledger = ledger
        self.connections = connections
        self.routes = routes
        self.intake = intake
        self.batch = batch
        self.clock = clock
        self.workers = workers
        self.poll_s = poll_s
        self.watch = watch
        self.pulse = pulse
        self.publicity = publicity
        self.backfill = backfill
        self.herald = herald
        self._stop = threading.Event()
        if backfill is not None:
            duties = (*duties, backfill)
        self.readers = {site: Reader(site, intake, duties) for site in poll_s}

    def open(self) -> None:
        """Take over from an earlier process: its hands are nobody's now, and changed rules make their groups due.

        Raises ConfigurationError when a route leads to where anybody can read, and does not say that this is meant.
        """
        self.publicity.check_start()
        if self.herald is not None:
            self.herald.take_over()
        with self.ledger.begin() as transaction:
            if self.ledger.is_alone:
                transaction.hands.free_all()
            for route in self.routes.values():
                name = f"route:{route.name}"
                known = read_meta(transaction, name)
                if known != route.digest:
                    write_meta(transaction, name, route.digest)
                    if known is not None:
                        transaction.hands.want_route(route.name)
                        brake_a_rule_change(transaction, route, self.batch.tools)

    def run_once(self, *, patience_s: float = 60.0) -> Settled:
        """Poll and work until nothing changes any more; then say what still waits for its time.

        Work that falls due within `patience_s` is waited for.
        """
        self.open()
        deadline = self.clock.now() + timedelta(seconds=patience_s)
        rounds, failed = 0, {}
        turns = Turns(self.ledger, self.clock, workers=self.workers, routes=len(self.routes))
        with ThreadPoolExecutor(self.workers, thread_name_prefix="worker") as pool:
            while rounds < MOST_ROUNDS:
                rounds += 1
                polls = self._poll_all(pool)
                failed = {poll.site: poll.failed for poll in polls if poll.failed}
                worked = sum(pool.map(lambda _n: Worker(self.batch, turns).work_off(), range(self.workers)))
                filled = sum(self.backfill.advance(site) for site in self.poll_s) if self.backfill else 0
                if worked or filled or any(poll.due for poll in polls):
                    continue
                with self.ledger.begin() as transaction:
                    due = (transaction.hands.next_due_at(), transaction.unread.next_at())
                next_due_at = min((each for each in due if each is not None), default=None)
                if failed:
                    again_at = self.clock.now() + timedelta(seconds=FAILED_S)
                    next_due_at = min(next_due_at or again_at, again_at)
                if next_due_at is None or next_due_at > deadline:
                    break
                self.clock.sleep(max((next_due_at - self.clock.now()).total_seconds(), 0.0))
        while self.herald is not None and self.herald.step():
            pass
        return self._settled(rounds, failed)

    def _settled(self, rounds: int, failed: Mapping[str, str]) -> Settled:
        with self.ledger.begin() as transaction:
            return Settled(
                rounds=rounds,
                waiting=transaction.hands.count_waiting(),
                next_due_at=transaction.hands.next_due_at(),
                failed=tuple(f"{name}: {why}" for name, why in sorted({**failed, **self.batch.failures}.items())),
                observations=tuple(self.batch.observations.values()),
            )

    def _poll_all(self, pool: ThreadPoolExecutor) -> list[Poll]:
        """Poll every site, trackers first: an issue that bears our marker is known before its ticket is looked at."""
        trackers = {route.tracker.site for route in self.routes.values()}
        helpdesks = {route.helpdesk.site for route in self.routes.values()} - trackers
        polls = list(pool.map(self.intake.poll, sorted(trackers)))
        return polls + list(pool.map(self.intake.poll, sorted(helpdesks)))

    def run(self) -> None:
        """Run until `stop`. Polls on each site's beat, works whatever is due."""
        self.open()
        ticker = schedule.Scheduler()
        for site, reader in self.readers.items():
            ticker.every(max(1, round(self.poll_s[site]))).seconds.do(reader.poke)
            ticker.every(DUTIES_S).seconds.do(reader.look_after)
            reader.poke()
        turns = Turns(self.ledger, self.clock, workers=self.workers, routes=len(self.routes))
        workers = [Worker(self.batch, turns) for _number in range(self.workers)]
        threads = [
            *(self._thread(f"reader-{site}", partial(reader.work, SCAN_S)) for site, reader in self.readers.items()),
            *(self._thread(f"worker-{one.name}", partial(self._work, one)) for one in workers),
        ]
        if self.herald is not None:
            threads.append(self._thread("herald", partial(self._tell, self.herald)))
        if self.pulse is not None:
            threads.append(self._thread("pulse", partial(self._beat, self.pulse)))
        for thread in threads:
            thread.start()
        while not self._stop.wait(SCAN_S):
            ticker.run_pending()
        for thread in threads:
            thread.join()

    def _thread(self, name: str, act: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._loop, args=(name, act), name=name, daemon=True)

    def _loop(self, name: str, act: Callable[[], None]) -> None:
        """One thread. Nothing that goes wrong with one thing it does ends it."""
        while not self._stop.is_set():
            try:
                act()
            except Exception:  # the thread's edge: a defect in reading one site must not silence the rest
                log.exception("thread.failed", thread=name)
                self._stop.wait(SCAN_S * 4)

    def _beat(self, pulse: Pulse) -> None:
        if not self._stop.wait(pulse.every.total_seconds()):
            pulse.beat(self.vitals)

    def _tell(self, herald: Herald) -> None:
        if not herald.step():
            self._stop.wait(TELL_S)

    def vitals(self) -> Vitals:
        """How this bridge is now, while it runs."""
        return self.watch.look(self.readers)

    def _work(self, worker: Worker) -> None:
        self.watch.came_round()
        if not worker.work_once():
            self._stop.wait(SCAN_S)

    def settle(self, *, patience_s: float) -> bool:
        """Wait, beside a running daemon, until fresh polls of every site bring nothing and nothing waits any more.

        False if that did not come within `patience_s`.
        """
        deadline = self.clock.now() + timedelta(seconds=patience_s)
        while self.clock.now() < deadline:
            wanted = {site: reader.poke(every_feed=True) for site, reader in self.readers.items()}
            while any(self.readers[site].answered < number for site, number in wanted.items()):
                self.clock.sleep(SCAN_S / 10)
                if self.clock.now() > deadline:
                    return False
            if not any(reader.found or reader.hints_waiting for reader in self.readers.values()) and self._rests():
                return True
            self.clock.sleep(SCAN_S / 5)
        return False

    def _rests(self) -> bool:
        with self.ledger.begin() as transaction:
            return transaction.hands.count_waiting() == 0

    def take(self, site: str, hints: tuple[Hint, ...]) -> None:
        """Accept hints from outside. Answers at once; the site's reader reads the tickets."""
        self.readers[site].take(hints)

    def stop(self) -> None:
        """End `run` after the batches in hand."""
        self._stop.set()

    def close(self) -> None:
        """Let connections and the ledger go."""
        self.connections.close()
        self.ledger.close()
