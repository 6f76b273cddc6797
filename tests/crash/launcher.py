"""Runs `bridge` and kills it at a point of its work that has a name.

The N-th time any thread passes the point, the process kills itself with SIGKILL: no `finally`, no commit, no goodbye. The
points are laid around the functions of the running program from outside; the product has no hook for them.

As a program it imports everything once and then, for each line on its standard input (JSON: point, passes, arguments of
bridge), forks a process that is `bridge` with that fuse laid. It answers `started PID` and `ended STATUS`; a negative
status is the signal that killed it. When its input ends it kills what still runs.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

LOOK_S = 0.02
SHORTLY_S = 0.004
"""How long a request is let go on before the point `flying` kills: it is on its way, and no answer has come."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place to die: before or after `name` of `owner` (`module:Class`, or a module), `if_` its call and result say so."""

    owner: str
    name: str
    after: bool
    if_: Callable[[tuple[Any, ...], Any], bool] = lambda _arguments, _result: True


def _confirms(arguments: tuple[Any, ...], _result: Any) -> bool:
    return "confirmed" in arguments


def _has_doubts(arguments: tuple[Any, ...], _result: Any) -> bool:
    return bool(arguments[1].is_in_doubt)


def _is_something(_arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(result)


def _has_operations(_arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(result[0])


POINTS = {
    # The very first start.
    "key": Point("os", "fdopen", after=False),
    "migrated": Point("alembic.command", "upgrade", after=True),
    "opening": Point("bridge.store.hands:Hands", "free_all", after=True),
    # Reading: from the page to the groups that are due.
    "read": Point("bridge.engine.intake.feeds:Intake", "_complete", after=True, if_=_is_something),
    "taking": Point("bridge.engine.intake.feeds:Intake", "_take", after=True, if_=_is_something),
    "taken": Point("bridge.engine.intake.feeds:Intake", "_read_feed", after=True),
    # One group: in hand, planned, let go.
    "claimed": Point("bridge.engine.turns:Turns", "_next", after=True, if_=_is_something),
    "recording": Point("bridge.engine.batch", "record", after=True, if_=_is_something),
    "recorded": Point("bridge.engine.sending.delivery:Delivery", "send", after=False),
    "releasing": Point("bridge.store.hands:Hands", "release", after=True),
    "released": Point("bridge.engine.batch:Batch", "_release", after=True),
    # One request: journal, send, confirm, commit.
    "journaling": Point("bridge.store.journal:Journal", "start_attempt", after=True),
    "journaled": Point("bridge.engine.sending.delivery:Delivery", "_journal", after=True, if_=_has_operations),
    "flying": Point("bridge.engine.sending.delivery:Delivery", "_write", after=False),
    "hopped": Point("bridge_jira.workflow", "carry_out", after=True),
    "sent": Point("bridge.engine.sending.delivery:Delivery", "_write", after=True),
    "confirming": Point("bridge.store.journal:Journal", "end_attempt", after=True, if_=_confirms),
    "confirmed": Point("bridge.engine.sending.delivery:Delivery", "_confirm", after=True),
    # A reply that never came, and what is found out about it.
    "unknown": Point("bridge.engine.sending.delivery:Delivery", "_unknown", after=False),
    "doubting": Point("bridge.engine.sending.delivery:Delivery", "_unknown", after=True),
    "settling": Point("bridge.engine.sending.recovery", "confirm", after=True),
    "settled": Point("bridge.engine.sending.recovery:Recovery", "settle", after=True, if_=_has_doubts),
}


class Fuse:
    """Counts the passes of one point, and kills at the wanted one."""

    def __init__(self, passes: int, *, delay_s: float = 0.0) -> None:
        self._left = passes
        self._delay_s = delay_s
        self._lock = threading.Lock()

    def burn(self) -> None:
        """One more pass."""
        with self._lock:
            self._left -= 1
            if self._left != 0:
                return
            if self._delay_s:
                threading.Thread(target=self._die_later, daemon=True).start()
            else:
                _die()

    def _die_later(self) -> None:
        time.sleep(self._delay_s)
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def lay(label: str, passes: int) -> None:
    """Lay a fuse at a point of the program that is about to run in this process."""
    point = POINTS[label]
    module, _, name = point.owner.partition(":")
    owner = getattr(import_module(module), name) if name else import_module(module)
    before = getattr(owner, point.name)
    fuse = Fuse(passes, delay_s=SHORTLY_S if label == "flying" else 0.0)

    def passed(*arguments: Any, **named: Any) -> Any:
        if not point.after:
            fuse.burn()
            return before(*arguments, **named)
        result = before(*arguments, **named)
        if point.if_(arguments, result):
            fuse.burn()
        return result

    setattr(owner, point.name, passed)
    if not name and getattr(before, "__module__", "") == module:
        # Whoever imported the function by name before holds the original.
        for other in [one for one in sys.modules.values() if one.__name__.startswith("bridge")]:
            if vars(other).get(point.name) is before:
                setattr(other, point.name, passed)


def run(point: str, passes: int, arguments: list[str]) -> None:
    """Lay the fuse, then be `bridge`."""
    sys.argv = ["bridge", *arguments]
    os.dup2(2, 1)
    lay(point, passes)
    import_module("bridge.cli").main()


def main() -> None:
    """Fork one `bridge` after the other, as the lines of the input say."""
    for module in ("bridge.cli", "bridge_zendesk", "bridge_jira", "bridge_github", "bridge.store.migrations.env"):
        with suppress(ImportError, AttributeError):
            import_module(module)
    _say("ready")
    while line := sys.stdin.readline():
        point, passes, arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            _be_child(point, passes, arguments)
        _say(f"started {child}")
        _say(f"ended {_await(child)}")


def _be_child(point: str, passes: int, arguments: list[str]) -> None:
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        run(point, passes, arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        # Else the end of the process would swallow what was wrong with it.
        traceback.print_exc()
        raise
    finally:
        # The loop of the parent is not the child's to go on with, whatever happened.
        os._exit(code)


def _await(child: int) -> int:
    """Wait for the child; kill it when nobody wants it any more."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([sys.stdin], [], [], LOOK_S)[0]:
            # Nothing is said while a child runs, so this is the end of the input.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.exit(0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
