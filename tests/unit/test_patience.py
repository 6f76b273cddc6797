"""The table of what follows a failure."""

from __future__ import annotations

import pytest

from bridge.engine.patience import Next, Trial, Verdict, is_about_one, judge, spot_wait_s
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

CREATE, UPDATE, COMMENT = OperationKind.CREATE, OperationKind.UPDATE, OperationKind.COMMENT
SILENT = TemporaryError("x")
LIMITED = TemporaryError("x", status=429)
QUOTA = TemporaryError("x", status=429, retry_after_s=40.0, reason="jira-quota-global-based")
FAILED = UnknownOutcomeError("x", horizon_s=0.0, status=503)
LOST = UnknownOutcomeError("x", horizon_s=40.0)
CHANGED = ChangedError("x", status=409)
UNAUTHORISED = RefusedError("x", status=401)
FORBIDDEN = RefusedError("x", status=403)
MISSING = MissingError("x", status=404)
INVALID = PermanentError("x", status=400)


@pytest.mark.parametrize(
    ("error", "trial", "verdict"),
    [
        (QUOTA, Trial(0), Verdict(Next.WAIT, 40.0, stops=True)),
        (QUOTA, Trial(9), Verdict(Next.WAIT, 40.0, stops=True)),
        (LIMITED, Trial(0), Verdict(Next.WAIT, 5.0, stops=True)),
        (LIMITED, Trial(1), Verdict(Next.WAIT, 10.0, stops=True)),
        (LIMITED, Trial(2), Verdict(Next.WAIT, 20.0, stops=True)),
        (LIMITED, Trial(3), Verdict(Next.WAIT, 30.0, stops=True)),
        (LIMITED, Trial(99), Verdict(Next.WAIT, 30.0, stops=True)),
        (SILENT, Trial(0), Verdict(Next.WAIT, 5.0, stops=True)),
        (SILENT, Trial(4), Verdict(Next.WAIT, 80.0, stops=True)),
        (SILENT, Trial(99), Verdict(Next.WAIT, 900.0, stops=True)),
        (LOST, Trial(0), Verdict(Next.UNKNOWN, 40.0, stops=True)),
        (LOST, Trial(7), Verdict(Next.UNKNOWN, 40.0, stops=True)),
        (FAILED, Trial(0), Verdict(Next.UNKNOWN, 0.0, stops=True)),
        (FAILED, Trial(1), Verdict(Next.UNKNOWN, 1.0, stops=True)),
        (FAILED, Trial(3), Verdict(Next.UNKNOWN, 4.0, stops=True)),
        (FAILED, Trial(99), Verdict(Next.UNKNOWN, 900.0, stops=True)),
        (CHANGED, Trial(0), Verdict(Next.REREAD)),
        (CHANGED, Trial(4, operations=3), Verdict(Next.REREAD)),
        (CHANGED, Trial(5), Verdict(Next.BURY)),
        (CHANGED, Trial(5, operations=2), Verdict(Next.DIVIDE)),
        (CHANGED, Trial(0, kind=CREATE), Verdict(Next.WAIT, 5.0)),
        (CHANGED, Trial(4, kind=CREATE), Verdict(Next.WAIT, 80.0)),
        (CHANGED, Trial(5, kind=CREATE), Verdict(Next.BURY)),
        (CHANGED, Trial(5, kind=COMMENT), Verdict(Next.BURY)),
        (UNAUTHORISED, Trial(0), Verdict(Next.WAIT, 60.0, stops=True)),
        (UNAUTHORISED, Trial(99, operations=4), Verdict(Next.WAIT, 60.0, stops=True)),
        (FORBIDDEN, Trial(0, operations=2), Verdict(Next.DIVIDE)),
        (FORBIDDEN, Trial(0, kind=COMMENT), Verdict(Next.WAIT, 60.0)),
        (FORBIDDEN, Trial(1, kind=COMMENT), Verdict(Next.WAIT, 60.0)),
        (FORBIDDEN, Trial(2, kind=COMMENT), Verdict(Next.BURY)),
        (MISSING, Trial(0, operations=2), Verdict(Next.WAIT, 60.0)),
        (MISSING, Trial(3), Verdict(Next.WAIT, 60.0)),
        (MISSING, Trial(4), Verdict(Next.BURY)),
        (INVALID, Trial(0, operations=2), Verdict(Next.DIVIDE)),
        (INVALID, Trial(0), Verdict(Next.BURY)),
        (INVALID, Trial(0, kind=CREATE), Verdict(Next.BURY)),
    ],
)
def test_every_failure_has_one_consequence(error: RemoteError, trial: Trial, verdict: Verdict) -> None:
    assert judge(error, trial) == verdict


def test_nothing_is_ever_given_up_because_a_site_was_down_or_busy() -> None:
    for error in (SILENT, LIMITED, QUOTA, FAILED, LOST, UNAUTHORISED):
        for tries in range(200):
            assert judge(error, Trial(tries)).next in (Next.WAIT, Next.UNKNOWN)


def test_everything_refused_ends_some_time() -> None:
    for error in (CHANGED, FORBIDDEN, MISSING, INVALID):
        for kind in OperationKind:
            assert any(judge(error, Trial(tries, kind=kind)).next is Next.BURY for tries in range(10))


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (TemporaryError("x", retry_after_s=0.5), 0.5),
        (TemporaryError("x", retry_after_s=2.0), 2.0),
        (TemporaryError("x", retry_after_s=2.1), None),
        (SILENT, None),
        (LOST, None),
        (INVALID, None),
        (ValueError("x"), None),
    ],
)
def test_only_short_waits_a_site_asked_for_are_sat_out(error: Exception, wait_s: float | None) -> None:
    assert spot_wait_s(error) == wait_s


@pytest.mark.parametrize(
    ("error", "apart"),
    [
        (TemporaryError("x", status=500), True),
        (PermanentError("x", status=400), True),
        (MISSING, True),
        (LIMITED, False),
        (SILENT, False),
        (TemporaryError("x", status=503), False),
        (TemporaryError("x", status=500, reason="breaker open"), False),
        (FORBIDDEN, False),
        (UNAUTHORISED, False),
    ],
)
def test_a_failed_read_is_divided_only_if_that_can_help(error: RemoteError, apart: bool) -> None:
    assert is_about_one(error) is apart


def test_a_gateway_that_insists_may_speak_of_one_ticket() -> None:
    assert is_about_one(TemporaryError("x", status=504), insists=True)
    assert not is_about_one(TemporaryError("x", status=429), insists=True)
    assert not is_about_one(SILENT, insists=True)
