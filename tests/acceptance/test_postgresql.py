"""The same main job with the ledger on PostgreSQL: same code, same config but for the `store:` line."""

from __future__ import annotations

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
