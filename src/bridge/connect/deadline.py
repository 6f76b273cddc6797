"""Total deadlines: a request's connection is shut when its time is up, wherever it stands.

A client's timeout counts per socket read, so a server that sends a byte now and then is never too slow for it. A long
transfer (a file) has two deadlines: one for each pause, moved on whenever bytes pass, and one for the whole.
"""

from __future__ import annotations

import heapq
import math
import socket
import time
from contextlib import suppress
from itertools import count
from threading import Condition, Lock, Thread


class Exchange:
    """One request and its answer on one connection, as the watchdog sees it.

    `dialled`: a connection was tried. `connected`: there is one, so bytes may have left this machine.
    """

    def __init__(self) -> None:
        self.dialled = False
        self.connected = False
        self.expired = False
        self.due = math.inf
        """When its time is up, on the monotonic clock."""
        self._last = math.inf
        self._pause_s = math.inf
        self._line: socket.socket | None = None
        self._over = False
        self._guard = Lock()

    def take(self, line: socket.socket | None) -> None:
        """Remember the connection that carries this exchange. Raises TimeoutError when it came too late."""
        with self._guard:
            if self.expired:
                raise TimeoutError("the deadline passed while connecting")
            self.connected = True
            self._line = line

    def allow(self, *, within_s: float, pause_s: float = math.inf) -> None:
        """Give it `within_s` from now, and no single pause of more than `pause_s` until it waits for its answer."""
        now = time.monotonic()
        self._last, self._pause_s = now + within_s, pause_s
        self.due = min(self._last, now + pause_s)

    def moved(self) -> None:
        """Bytes passed: the next pause begins now."""
        self.due = min(self._last, time.monotonic() + self._pause_s)

    def handed_over(self) -> None:
        """All bytes went out; what comes next is the site's work, for which all the time left is given."""
        self.due = self._last

    def finish(self) -> bool:
        """The exchange is over, one way or the other. Answers whether it was in time."""
        with self._guard:
            self._over = True
            self._line = None
            return not self.expired

    @property
    def is_over(self) -> bool:
        """Whether it came to its end."""
        return self._over

    def expire(self) -> None:
        """Its time is up: shut the connection unless the exchange is over."""
        with self._guard:
            if self._over:
                return
            self.expired = True
            if self._line is not None:
                # Below TLS on purpose: its own shutdown is not made for being called while another thread reads.
                with suppress(OSError):
                    socket.socket.shutdown(self._line, socket.SHUT_RDWR)


class Watchdog:
    """Expires exchanges at their deadline. Its thread lives only while there is something to watch."""

    def __init__(self) -> None:
        self._wake = Condition()
        self._due: list[tuple[float, int, Exchange]] = []
        self._order = count()
        self._thread: Thread | None = None

    def watch(self, exchange: Exchange, *, within_s: float, pause_s: float = math.inf) -> None:
        """Expire `exchange` that many seconds from now, or when nothing moved for `pause_s`, unless it finishes before."""
        exchange.allow(within_s=within_s, pause_s=pause_s)
        with self._wake:
            entry = (exchange.due, next(self._order), exchange)
            heapq.heappush(self._due, entry)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="bridge-deadlines", daemon=True)
                self._thread.start()
            elif self._due[0] is entry:
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._due:
                    self._thread = None
                    return
                wait_s = self._due[0][0] - time.monotonic()
                if wait_s > 0:
                    self._wake.wait(wait_s)
                    continue
                exchange = heapq.heappop(self._due)[2]
                if exchange.due > time.monotonic() and not exchange.is_over:
                    heapq.heappush(self._due, (exchange.due, next(self._order), exchange))
                    continue
            exchange.expire()
