"""Taking up a route's open tickets: with progress, resumed after a kill, and never before what people do now."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import bridge_zendesk.connector
from bridge.cli import backfill as commands
from bridge.cli import status
from bridge.cli.story.scenes import SECOND_LINE
from bridge.engine.turns import Turns
from bridge.engine.worker import Worker
from bridge.errors import ConfigurationError

from .conftest import World, eventually, turn_the_second

terminal = typer.Typer()
terminal.command()(commands.backfill)
terminal.command()(status.status)


def bridge(world: World, *arguments: str) -> Any:
    """A colleague's terminal, beside the running bridge: what the command answers as JSON."""
    command = [*arguments, "--json", "--config", str(world.home / "config.yaml")]
    result = CliRunner().invoke(terminal, command, env=world.variables)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def file_before(world: World, number: int) -> list[str]:
    """Open tickets that are older than the route, so that they get no issue by themselves. Their summaries."""
    world.edit = lambda text: text.replace("mode: live", "mode: live\n    begin: {link: new}")
    names = [f"Old trouble {each}" for each in range(number)]
    for name in names:
        ticket = world.acme.file(name, f"{name}, please help.", priority="normal", group=SECOND_LINE)
        world.acme.reply(ticket, f"{name}, still there.")
    return names


def from_the_beginning(world: World) -> bool:
    """Whether bridge read the helpdesk's feed from the year 2000 on."""
    return any(
        "incremental/tickets/cursor" in one["url"] and "start_time=9466" in one["url"] for one in world.sandbox.log
    )


def issues(world: World) -> Counter[str]:
    """How many issues have each summary."""
    return Counter(case.summary for case in world.jira.cases("ACME", threads=False))


def test_a_backlog_is_taken_up_once_with_all_that_was_said_and_nobody_at_the_customer_is_told(world: World) -> None:
    names = file_before(world, 6)
    solved = world.acme.file("Old and solved", "Never mind.", priority="low", group=SECOND_LINE)
    world.acme.change(solved, status="solved", assignee_id=world.acme.user("agent"))
    world.converge()
    assert not issues(world)
    assert bridge(world, "backfill", "acme")["is_new"]
    world.sandbox.clear_log()
    world.converge()
    assert issues(world) == Counter(names)
    assert world.requests(site="acme-desk", writes=True) == []
    for case in world.jira.cases("ACME"):
        assert sum("still there." in said.words for said in case.said) == 1
    [chore] = [one for one in bridge(world, "status")["chores"] if one["what"] == "backfill"]
    assert chore["found"] == {"acme": 6}
    assert not chore["under_way"]
    again = bridge(world, "backfill", "acme", "--from", "2020-01-01")
    assert again["is_new"]
    world.sandbox.clear_log()
    world.converge()
    assert issues(world) == Counter(names)
    assert world.requests(writes=True) == []


def test_w15_live_work_goes_first_while_a_backlog_is_taken_up(world: World) -> None:
    file_before(world, 12)
    world.converge()
    turn_the_second()
    daemon = world.converged().daemon
    bridge(world, "backfill", "acme")
    assert daemon.backfill is not None
    while daemon.backfill.advance("acme-desk"):
        pass
    progress = bridge(world, "backfill", "acme")
    assert not progress["is_new"]
    assert (progress["found"], progress["done"], progress["reads"]) == (12, 0, False)
    world.file(world.acme, "New trouble")
    daemon.intake.poll("acme-desk")
    worker = Worker(daemon.batch, Turns(daemon.ledger, daemon.clock, workers=1, routes=2))
    worker.work_once()
    assert issues(world) == Counter(["New trouble"])
    worker.work_once()
    # A few at once, so that the worker is soon free for what comes next.
    assert len(issues(world)) == 5
    progress = bridge(world, "backfill", "acme")
    assert (progress["done"], progress["waiting"]) == (4, 8)
    assert progress["per_minute"] > 0
    assert progress["left_s"] is not None


def test_w15_reading_goes_on_at_its_place_after_a_restart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    names = file_before(world, 9)
    world.converge()
    monkeypatch.setattr(bridge_zendesk.connector, "_PER_PAGE", 4)
    bridge(world, "backfill", "acme")
    before = world.converged().daemon.backfill
    assert before is not None
    assert before.advance("acme-desk")
    assert from_the_beginning(world)
    first = bridge(world, "backfill", "acme")
    assert first["reads"]
    assert 0 < first["found"] < 9
    world.start()
    world.sandbox.clear_log()
    world.converge()
    assert issues(world) == Counter(names)
    assert not from_the_beginning(world)


def test_w15_a_backfill_that_is_killed_half_way_goes_on_and_doubles_nothing(world: World) -> None:
    names = file_before(world, 16)
    world.converge()
    world.stop()
    path = world.home / "config.yaml"
    bridge(world, "backfill", "acme")
    environment = {**os.environ, **world.variables}
    command = [sys.executable, "-m", "bridge", "run", "--config", str(path)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: len(issues(world)) >= 3, patience_s=120)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    world.file(world.acme, "New trouble")
    world.converge(patience_s=60)
    assert issues(world) == Counter([*names, "New trouble"])
    for case in world.jira.cases("ACME"):
        assert sum("still there." in said.words for said in case.said) == (case.summary != "New trouble")
    assert bridge(world, "backfill", "acme")["is_new"]


def test_every_wrong_input_gets_one_sentence(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: observe", 1)
    world.converge()
    for arguments, sentence in (
        (["backfill", "acmee"], "There is no route acmee; the config has acme, globex."),
        (["backfill", "acme"], "Route acme only observes"),
        (["backfill", "globex", "--from", "yesterday"], "--from takes a day such as 2026-01-31, not yesterday."),
    ):
        with pytest.raises(ConfigurationError) as raised:
            bridge(world, *arguments)
        assert sentence in str(raised.value)
