"""The ground measurements stand on: a sandbox in a process of its own, so that its work is not counted as bridge's."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import requests

from bridge.sandbox.server import Sandbox

START_S = 30.0
STOP_S = 10.0
BRIDGE_ACTORS = frozenset({"bridge@vendor.example", "vendor-bridge"})
"""How the sites' request logs call bridge's own account."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What a sandbox is made of: kinds and settings by site name, and the seed of its dice."""

    kinds: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seed: int = 1


def _serve(plot: Plot, pipe: Connection) -> None:
    """Run a sandbox until the other end of the pipe says so, or is gone."""
    with Sandbox(dict(plot.kinds), seed=plot.seed, settings=plot.settings) as sandbox:
        pipe.send(sandbox.urls)
        with suppress(EOFError):
            pipe.recv()


class Ground:
    """A running sandbox on free ports. Use it as a context; `urls` are the sites' addresses by name."""

    def __init__(self, plot: Plot) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        self._process = context.Process(target=_serve, args=(plot, child), name="sandbox", daemon=True)
        self._child = child
        self._session = requests.Session()
        self._session.trust_env = False
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._process.start()
        self._child.close()
        if not self._pipe.poll(START_S):
            self._process.terminate()
            raise TimeoutError(f"The sandbox did not start within {START_S:.0f} s.")
        self.urls = self._pipe.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        self._pipe.close()
        self._process.join(STOP_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def log(self) -> list[dict[str, Any]]:
        """Bridge's own requests since the log was cleared, oldest first."""
        lines = self._control("GET", "log").text.splitlines()
        return [entry for entry in map(json.loads, lines) if entry["actor"] in BRIDGE_ACTORS]

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._control("DELETE", "log")

    def state(self, site: str) -> Any:
        """Everything a site holds, as plain data."""
        return self._control("GET", f"state?site={site}").json()[site]

    def advance(self, seconds: float) -> None:
        """Move the clock of all sites; backwards with a negative number."""
        self._control("POST", "clock", {"advance_s": seconds})

    def _control(self, method: str, what: str, body: Any = None) -> requests.Response:
        answer = self._session.request(
            method, f"{next(iter(self.urls.values()))}/_sandbox/{what}", json=body, timeout=60
        )
        answer.raise_for_status()
        return answer
