"""What follows a write that did not succeed: how long to wait, whether to look again first, when to give up. Pure.

One table for every failure of every operation; `engine.delivery` carries the verdicts out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    RefusedError,
    RemoteError,
    TemporaryError,
    UnknownOutcomeError,
)
from bridge.model.operation import OperationKind

SPOT_S = 2.0
"""A wait this short is sat out on the spot; longer ones go to the ledger."""
SPOT_TRIES = 3
"""How often a request that certainly had no effect is tried on the spot."""
FIRST_S = 5.0
LIMITED_LONGEST_S = 30.0
"""The longest wait after a limit that names no time: vendors advise 5 s, doubled each time."""
LONGEST_S = 900.0
REFUSED_S = 60.0
"""Between tries of what a site refuses for want of a permission, or does not find: a person may be mending it."""
REFUSED_TRIES = 3
MISSING_TRIES = 5
CHANGED_TRIES = 5
INSISTS = 3
"""Failed polls in a row after which 502 to 504 may be one ticket's doing."""
_GATEWAYS = (502, 503, 504)
KEEPS_ORDER = timedelta(minutes=15)
"""How long a comment that fails for a time holds back those written after it."""


_CHANGES = (OperationKind.EDIT, OperationKind.HIDE)


class Next(StrEnum):
    """What to do with the operations of a failed request.

    WAIT: unsent again, not before `after_s`. UNKNOWN: look for the effect after `after_s`. REREAD: read the target and
    plan anew, now. DIVIDE: try each operation alone, now. BURY: a dead letter.
    """

    WAIT = "wait"
    UNKNOWN = "unknown"
    REREAD = "reread"
    DIVIDE = "divide"
    BURY = "bury"


@dataclass(frozen=True, slots=True)
class Trial:
    """A request that failed. `tries` is how often the most-tried of its `operations` had been sent before;
    `kind` is that of its first."""

    tries: int
    operations: int = 1
    kind: OperationKind = OperationKind.UPDATE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows. `stops`: the failure says that the site takes nothing for now, so that sending more is idle."""

    next: Next
    after_s: float = 0.0
    stops: bool = False


def judge(error: RemoteError, trial: Trial) -> Verdict:
    """What follows a failure. A site's own word (`Retry-After`) comes before any wait of ours."""
    if isinstance(error, UnknownOutcomeError):
        # A site that answers 5xx again and again is not asked in a tight loop.
        pause_s = 0.0 if trial.tries == 0 else _doubled(1.0, trial.tries - 1, LONGEST_S)
        return Verdict(Next.UNKNOWN, error.horizon_s or pause_s, stops=True)
    if isinstance(error, TemporaryError):
        return Verdict(Next.WAIT, _wait_s(error, trial.tries), stops=True)
    if isinstance(error, ChangedError) and trial.tries < CHANGED_TRIES:
        if trial.kind is OperationKind.UPDATE:
            return Verdict(Next.REREAD)
        return Verdict(Next.WAIT, _doubled(FIRST_S, trial.tries, LONGEST_S))
    if isinstance(error, RefusedError) and error.status == 401:
        return Verdict(Next.WAIT, REFUSED_S, stops=True)
    if trial.operations > 1 and not isinstance(error, MissingError):
        return Verdict(Next.DIVIDE)
    if isinstance(error, RefusedError) and trial.tries + 1 < REFUSED_TRIES:
        return Verdict(Next.WAIT, REFUSED_S)
    if isinstance(error, MissingError) and trial.tries + 1 < MISSING_TRIES and trial.kind in _CHANGES:
        # The ticket is gone, or only the comment that was to be changed: a reading tells.
        return Verdict(Next.REREAD)
    if isinstance(error, MissingError) and trial.tries + 1 < MISSING_TRIES:
        return Verdict(Next.WAIT, REFUSED_S)
    return Verdict(Next.BURY)


def spot_wait_s(error: BaseException) -> float | None:
    """Seconds after which the same request is tried again on the spot; None: leave it to the ledger."""
    if not isinstance(error, TemporaryError) or error.retry_after_s is None or error.retry_after_s > SPOT_S:
        return None
    return error.retry_after_s


def is_about_one(error: RemoteError, *, insists: bool = False) -> bool:
    """Whether a failed read speaks of what was asked for, so that asking for less may help. A limit, a silence and a
    refused login speak of the site; so do 502 to 504, unless the site `insists` on them."""
    if isinstance(error, PermanentError):
        return not isinstance(error, RefusedError)
    if isinstance(error, TemporaryError) and error.reason:
        return False
    return error.status == 500 or (error.status in _GATEWAYS and insists)


def _wait_s(error: TemporaryError, tries: int) -> float:
    if error.retry_after_s is not None:
        return error.retry_after_s
    return _doubled(FIRST_S, tries, LIMITED_LONGEST_S if error.status == 429 else LONGEST_S)


def _doubled(first_s: float, times: int, longest_s: float) -> float:
    return min(first_s * 2.0 ** min(times, 10), longest_s)
