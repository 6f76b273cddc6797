"""The same main job with the ledger on PostgreSQL: same code, same config but for the `store:` line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, text

from bridge.cli.story.script import Reach

from .conftest import World


def test_the_main_job_runs_on_postgresql_and_survives_lost_replies(world: World, postgres_url: str) -> None:
    world.variables["LEDGER"] = postgres_url
    world.edit = lambda text: text.replace("store: {directory: data}", "store: {url: env:LEDGER, directory: data}")
    for number in range(8):
        desk = world.acme if number % 2 else world.globex
        opened = world.file(desk, f"Problem {number}")
        desk.reply(opened.ticket, f"More. {world.word(opened, opened.site, Reach.TRACKER)}")
    world.fault(kind="drop_after", writes_only=True, probability=0.2)
    world.converge()
    world.calm()
    for opened in world.script.opened:
        tracker, comment = "vendor-github", world.github.comment
        if opened.site == "acme-desk":
            tracker, comment = "vendor-jira", world.jira.comment
        comment(world.issue(opened).ticket, f"#reply Yes. {world.word(opened, tracker, Reach.TEAM)}")
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict
    world.stop()
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    assert not (world.home / "data" / "ledger.sqlite3").exists()


def test_a_daemon_stopped_past_its_lease_finds_its_case_in_other_hands_and_leaves_it(
    world: World, postgres_url: str
) -> None:
    """Two daemons on one ledger. One is stopped (SIGSTOP) while its request is on its way; the other takes over."""
    world.variables["LEDGER"] = postgres_url
    world.edit = lambda config: config.replace(
        "store: {directory: data}", "store: {url: env:LEDGER, directory: data}"
    ).replace("deadline: 1s", "deadline: 20s")
    world.start()
    world.stop()
    opened = world.file(world.acme, "Checkout fails")
    world.acme.reply(opened.ticket, f"More. {world.word(opened, opened.site, Reach.TRACKER)}")
    world.fault(site="vendor-jira", kind="latency", method="POST", path="/issue$", delay_s=3.0, count=1)
    database = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    command = [sys.executable, "-m", "bridge", "--log", "json", "--log-level", "info", "run", "--config"]
    with open(world.home / "log", "wb") as log, database.connect() as ledger:
        ledger = ledger.execution_options(isolation_level="AUTOCOMMIT")
        stopped = subprocess.Popen(
            [*command, str(world.home / "config.yaml")], env={**os.environ, **world.variables}, stdout=log, stderr=log
        )
        try:
            wait_until(lambda: world.sandbox.faults.describe()[0]["used"] == 1)  # the request is under way
            stopped.send_signal(signal.SIGSTOP)
            wait_until(lambda: bool(world.jira.cases("ACME")))
            # Long enough: what it held has run out, and no site still works on what it sent.
            ledger.execute(text("update work_group set held_until = 0 where held_until is not null"))
            ledger.execute(text("update operation set horizon_at = 0 where state = 'sending'"))
            world.converge()
            assert len(world.issue(opened).said) == 2
            stopped.send_signal(signal.SIGCONT)
            wait_until(lambda: b"hand.lost" in (world.home / "log").read_bytes())
            world.acme.change(opened.ticket, priority="urgent")
            world.converge()
        finally:
            stopped.send_signal(signal.SIGCONT)
            stopped.terminate()
            assert stopped.wait(60) == 0
    database.dispose()
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"
    verdict = world.verdict()
    assert verdict.is_clean, verdict


def wait_until(holds: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Look until something is so. Fails if that does not come."""
    give_up = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > give_up:
            pytest.fail("it did not come")
        time.sleep(0.02)
