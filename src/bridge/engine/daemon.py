"""The daemon: worker threads, the ticker that wakes them, and the single converging run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import schedule
import structlog

from bridge.engine.batch import Batch, Observation
from bridge.engine.connections import Connections
from bridge.engine.intake import Intake, Poll
from bridge.engine.route import Route
from bridge.engine.worker import Worker
from bridge.model.ports import Clock
from bridge.store.ledger import Ledger, read_meta, write_meta

SCAN_S = 0.25
"""How often the ledger is asked whether anything fell due."""
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
    ) -> None:
        self.ledger = ledger
        self.connections = connections
        self.routes = routes
        self.intake = intake
        self.batch = batch
        self.clock = clock
        self.workers = workers
        self.poll_s = poll_s
        self._stop = threading.Event()
        self._polls: queue.SimpleQueue[str] = queue.SimpleQueue()

    def open(self) -> None:
        """Take over from an earlier process: its hands are nobody's now, and changed rules make their groups due."""
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

    def run_once(self, *, patience_s: float = 60.0) -> Settled:
        """Poll and work until nothing changes any more; then say what still waits for its time.

        Work that falls due within `patience_s` is waited for.
        """
        self.open()
        deadline = self.clock.now() + timedelta(seconds=patience_s)
        rounds, failed = 0, {}
        with ThreadPoolExecutor(self.workers, thread_name_prefix="worker") as pool:
            while rounds < MOST_ROUNDS:
                rounds += 1
                polls = self._poll_all(pool)
                failed = {poll.site: poll.failed for poll in polls if poll.failed}
                worked = sum(pool.map(lambda _n: Worker(self.ledger, self.batch).work_off(), range(self.workers)))
                if worked or any(poll.due for poll in polls):
                    continue
                with self.ledger.begin() as transaction:
                    next_due_at = transaction.hands.next_due_at()
                if next_due_at is None or next_due_at > deadline:
                    break
                self.clock.sleep(max((next_due_at - self.clock.now()).total_seconds(), 0.0))
        return self._settled(rounds, failed)

    def _settled(self, rounds: int, failed: Mapping[str, str]) -> Settled:
        with self.ledger.begin() as transaction:
            return Settled(
                rounds=rounds,
                waiting=transaction.hands.count_waiting(),
                next_due_at=transaction.hands.next_due_at(),
                failed=tuple(f"{site}: {why}" for site, why in sorted(failed.items())),
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
        for site, seconds in self.poll_s.items():
            ticker.every(max(1, round(seconds))).seconds.do(self.wake, site)
            self.wake(site)
        threads = [
            threading.Thread(target=self._loop, name=f"worker-{number}", daemon=True) for number in range(self.workers)
        ]
        for thread in threads:
            thread.start()
        while not self._stop.wait(SCAN_S):
            ticker.run_pending()
        for thread in threads:
            thread.join()

    def wake(self, site: str) -> None:
        """Ask for a site to be polled now."""
        self._polls.put(site)

    def _loop(self) -> None:
        """One worker thread. Nothing that goes wrong with one batch ends it."""
        worker = Worker(self.ledger, self.batch)
        while not self._stop.is_set():
            try:
                if not self._poll_waiting() and not worker.work_once():
                    self._stop.wait(SCAN_S)
            except Exception:  # the edge of a worker: a defect in one batch must not silence the rest
                log.exception("worker.failed", worker=worker.name)
                self._stop.wait(SCAN_S * 4)

    def _poll_waiting(self) -> bool:
        try:
            site = self._polls.get_nowait()
        except queue.Empty:
            return False
        self.intake.poll(site)
        return True

    def stop(self) -> None:
        """End `run` after the batches in hand."""
        self._stop.set()

    def close(self) -> None:
        """Let connections and the ledger go."""
        self.connections.close()
        self.ledger.close()
