"""Two ways to have a daemon: the plain `python -m bridge`, and one forked by the launcher that dies at a point."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Protocol

LAUNCHER = Path(__file__).with_name("launcher.py")
START_S = 60.0


class Daemon(Protocol):
    """A running process. `poll` and `wait` as subprocess has them: negative for a signal."""

    def poll(self) -> int | None:
        """The exit status, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, waited for. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send a signal."""


def environment() -> dict[str, str]:
    """What every bridge process needs."""
    return {**os.environ, "SANDBOX_TOKEN": "sandbox"}


def start_plain(arguments: list[str], *, home: Path, log: IO[Any]) -> Daemon:
    """`python -m bridge ARGUMENTS`."""
    command = [sys.executable, "-m", "bridge", *arguments]
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=home, env=environment())


class Forge:
    """The launcher, kept running: it has everything imported, so a daemon of it starts in a blink."""

    def __init__(self, *, home: Path, log: IO[Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=home,
            env=environment(),
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="forge", daemon=True)
        self._reader.start()
        self.hear("ready", START_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def hear(self, word: str, timeout: float | None) -> str:
        """The rest of the launcher's next line, which begins with `word`. Raises queue.Empty."""
        line = self._lines.get(timeout=timeout)
        if not line.startswith(word):
            raise AssertionError(f"the launcher said {line!r} instead of {word!r}")
        return line.removeprefix(word).strip()

    def start(self, point: str, passes: int, arguments: list[str]) -> Daemon:
        """A daemon that kills itself when it passes `point` for the `passes`-th time. One at a time."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([point, passes, arguments]) + "\n")
        self._process.stdin.flush()
        return Forged(self, int(self.hear("started", START_S)))

    def close(self) -> None:
        """End the launcher, and what it still runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()


class Forged:
    """One daemon of the launcher."""

    def __init__(self, forge: Forge, pid: int) -> None:
        self._forge = forge
        self._pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """See `Daemon`."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """See `Daemon`."""
        if self._status is None:
            try:
                self._status = int(self._forge.hear("ended", timeout if timeout is None else max(timeout, 0.001)))
            except queue.Empty:
                raise subprocess.TimeoutExpired("bridge", timeout or 0.0) from None
        return self._status

    def send_signal(self, sig: int) -> None:
        """See `Daemon`."""
        if self.poll() is None:
            os.kill(self._pid, signal.Signals(sig))
