"""What all simulated sites share: the clock, the dice, work that happens later, and webhook deliveries."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Condition, RLock, Thread
from typing import Any

import requests

from bridge.sandbox.blobs import Blobs

DELIVERY_TIMEOUT_S = 10.0
"""How long a webhook receiver may take, as Zendesk and GitHub have it."""
_SENDERS = 4


class World:
    """One sandbox's shared state. Sites use everything here under `lock`. `present` is the clock it goes by."""

    def __init__(
        self,
        *,
        seed: int = 0,
        blobs: Path | None = None,
        present: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.blobs = Blobs(blobs)
        self.lock = RLock()
        self._present = present
        self.random = random.Random(seed)
        self.offset = timedelta()
        self.deliveries: list[dict[str, Any]] = []
        """Webhook posts: `at`, `url`, `headers`, `body` (text), `status` (0: no answer, None: under way), `error`."""
        self._wake = Condition()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._timer: Thread | None = None
        self._senders: ThreadPoolExecutor | None = None
        self._request_acts: list[Callable[[], None]] | None = None
        self._busy = 0
        self._closed = False

    def now(self) -> datetime:
        """The sandbox's present: its clock plus the offset set through the control API."""
        return self._present() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock; what falls due by that happens now."""
        with self.lock, self._wake:
            self.offset += timedelta(seconds=seconds)
            self._wake.notify_all()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Carry `act` out under the lock `seconds` of sandbox time from now, on another thread.

        With 0 seconds inside a request it happens right after that request was answered, else at once.
        """
        if seconds <= 0 and self._request_acts is not None:
            self._request_acts.append(act)
            return
        self._schedule(self.now() + timedelta(seconds=seconds), act)

    def deliver(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        answered: Callable[[int], None] | None = None,
    ) -> None:
        """Post a webhook on a background thread and record it in `deliveries`.

        `answered` is called under the lock with the receiver's status, 0 when it gave none, so that a site can retry.
        """
        text = body.decode("utf-8", "replace")
        record: dict[str, Any] = {
            "at": self.now().isoformat(),
            "url": url,
            "headers": dict(headers),
            "body": text,
            "status": None,
            "error": "",
        }
        with self._wake:
            if self._closed:
                return
            self.deliveries.append(record)
            self._busy += 1
            if self._senders is None:
                self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="sandbox-webhook")
            self._senders.submit(self._post, record, body, answered)

    def settle(self, timeout_s: float = 10.0) -> None:
        """Wait until everything due is done and every delivery was answered. Raises TimeoutError."""
        give_up = time.monotonic() + timeout_s
        with self._wake:
            while self._busy or (self._due and self._due[0][0] <= self.now()):
                if not self._wake.wait(give_up - time.monotonic()):
                    raise TimeoutError(f"the sandbox did not come to rest within {timeout_s} s")

    def begin_request(self) -> None:
        """Collect what the handler wants done after its answer. Called by the server under the lock."""
        self._request_acts = []

    def end_request(self) -> Callable[[], None]:
        """Stop collecting; call the result once the answer was sent."""
        acts, self._request_acts = self._request_acts or [], None
        with self._wake:
            self._busy += len(acts)

        def answered() -> None:
            for act in acts:
                self._schedule(self.now(), act)
            with self._wake:
                self._busy -= len(acts)
                self._wake.notify_all()

        return answered

    def close(self) -> None:
        """Drop what is still to come and wait for deliveries under way."""
        with self._wake:
            self._closed = True
            self._due.clear()
            timer, senders = self._timer, self._senders
            self._wake.notify_all()
        if senders:
            senders.shutdown(cancel_futures=True)
        if timer:
            timer.join()
        self.blobs.close()

    def _schedule(self, due_at: datetime, act: Callable[[], None]) -> None:
        with self._wake:
            if self._closed:
                return
            heapq.heappush(self._due, (due_at, next(self._order), act))
            if self._timer is None or not self._timer.is_alive():
                self._timer = Thread(target=self._run_timer, name="sandbox-timer", daemon=True)
                self._timer.start()
            self._wake.notify_all()

    def _run_timer(self) -> None:
        while True:
            with self._wake:
                while not self._closed and not (self._due and self._due[0][0] <= self.now()):
                    wait_s = (self._due[0][0] - self.now()).total_seconds() if self._due else None
                    self._wake.wait(wait_s)
                if self._closed:
                    return
                act = heapq.heappop(self._due)[2]
                self._busy += 1
            try:
                with self.lock:
                    act()
            finally:
                with self._wake:
                    self._busy -= 1
                    self._wake.notify_all()

    def _post(self, record: dict[str, Any], body: bytes, answered: Callable[[int], None] | None) -> None:
        try:
            status, error = 0, ""
            try:
                with requests.Session() as session:
                    session.trust_env = False
                    response = session.post(
                        record["url"],
                        data=body,
                        headers=record["headers"],
                        timeout=DELIVERY_TIMEOUT_S,
                        allow_redirects=False,
                    )
                    status = response.status_code
            except requests.RequestException as failure:
                error = str(failure)
            with self.lock:
                record["error"], record["status"] = error, status
                if answered is not None:
                    answered(status)
        finally:
            with self._wake:
                self._busy -= 1
                self._wake.notify_all()
