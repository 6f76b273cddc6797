"""SIGKILL at every named point and at any time, under faults, while people work: nothing lost, doubled or leaked."""

from __future__ import annotations

from pathlib import Path

from bridge.sandbox.faults import Fault

from .launcher import POINTS
from .siege import Ending, Siege

PATIENCE_S = 120.0
KILLS = 8


def assert_nothing_is_wrong(siege: Siege, ending: Ending) -> None:
    verdict = ending.verdict
    assert (verdict.lost, verdict.duplicated, verdict.leaked) == ([], [], [])
    assert ending.settled, ending.status
    assert not ending.complaints, ending.complaints
    assert sum(ending.status["links"].values()) == len(siege.life.script.opened)


def test_killed_at_every_point_of_its_work_the_daemon_loses_doubles_and_leaks_nothing(siege: Siege) -> None:
    for label in POINTS:
        assert siege.kill_at(label), f"the daemon never came to the point {label!r}"
    assert siege.tally.kills == dict.fromkeys(POINTS, 1)
    assert_nothing_is_wrong(siege, siege.converge(patience_s=PATIENCE_S))


def test_killed_at_any_time_the_daemon_loses_doubles_and_leaks_nothing(siege: Siege) -> None:
    for _ in range(KILLS):
        siege.start()
        siege.kill_after(siege.dice.uniform(0.0, 1.5))
    assert_nothing_is_wrong(siege, siege.converge(patience_s=PATIENCE_S))


def test_killed_and_put_back_to_an_old_copy_of_its_database_the_daemon_doubles_and_leaks_nothing(siege: Siege) -> None:
    siege.start()
    siege.kill_after(1.5)
    siege.back_up()
    for _ in range(2):
        siege.start()
        siege.kill_after(siege.dice.uniform(0.5, 1.5))
    assert siege.restore()
    siege.start()
    siege.kill_after(0.5)
    ending = siege.converge(patience_s=PATIENCE_S)
    assert (ending.verdict.duplicated, ending.verdict.leaked) == ([], [])
    assert_nothing_is_wrong(siege, ending)


def test_restarted_at_once_after_a_kill_the_daemon_does_not_repeat_what_a_slow_server_is_still_doing(
    tmp_path: Path,
) -> None:
    slow = Fault(kind="late_write", method="POST", path="/(issue|issues)$", delay_s=1.5)
    limits = "limits: {deadline: 1s, processing: 2s, index_lag: 500ms, documented: false}"
    with Siege(tmp_path, seed=3, tickets=4, faults=(slow,), limits=limits) as siege:
        assert siege.kill_at("flying")
        siege.start()
        siege.kill_after(0.5)
        assert_nothing_is_wrong(siege, siege.converge(patience_s=PATIENCE_S))
