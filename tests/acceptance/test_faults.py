"""Lost replies, limits and restarts: nothing lost, nothing doubled."""

from __future__ import annotations

import shutil

import pytest

from bridge.cli.story.config import SITES
from bridge.cli.story.script import Reach
from bridge.store.ledger import FILE

from .conftest import World


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "truncate"])
@pytest.mark.parametrize("site", ["vendor-jira", "vendor-github"])
def test_a_create_without_a_usable_reply_leaves_exactly_one_issue(world: World, site: str, kind: str) -> None:
    world.fault(site=site, kind=kind, writes_only=True, count=1)
    opened = world.file(world.acme if site == "vendor-jira" else world.globex, "Checkout fails")
    world.converge()
    assert world.issue(opened).summary == "Checkout fails"
    creates = [line for line in world.requests(site=site, writes=True) if line.endswith("/issue") or "issues" in line]
    assert len(creates) == (2 if kind == "drop_before" else 1), creates


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "late_write"])
@pytest.mark.parametrize("site", ["acme-desk", "globex-desk", "vendor-jira", "vendor-github"])
def test_a_comment_without_a_reply_stands_exactly_once(world: World, site: str, kind: str) -> None:
    desk = world.acme if site in ("acme-desk", "vendor-jira") else world.globex
    opened = world.file(desk, "Checkout fails")
    world.converge()
    world.fault(site=site, kind=kind, delay_s=0.4, writes_only=True, count=1)
    if site in SITES and site.endswith("desk"):
        tracker = "vendor-jira" if desk is world.acme else "vendor-github"
        comment = world.jira.comment if desk is world.acme else world.github.comment
        comment(world.issue(opened).ticket, f"#reply News. {world.word(opened, tracker, Reach.TEAM)}")
    else:
        desk.reply(opened.ticket, f"News. {world.word(opened, desk.site, Reach.TRACKER)}")
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_field_write_without_a_reply_is_read_again_and_never_sent_blindly(world: World, kind: str) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.fault(site="vendor-jira", kind=kind, writes_only=True, count=1)
    world.sandbox.clear_log()
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"
    puts = [line for line in world.requests(site="vendor-jira", writes=True) if line.startswith("PUT")]
    assert len(puts) == (1 if kind == "drop_after" else 2)


def test_a_user_who_edits_while_a_lost_write_is_in_doubt_is_not_overruled(world: World) -> None:
    opened = world.file(world.globex, "Search is slow", priority="low")
    world.converge()
    number = world.issue(opened).ticket
    world.github.change(number, labels=["severity: trivial", "status: waiting for customer"])
    world.fault(site="globex-desk", kind="drop_before", writes_only=True, count=1)
    world.converge(patience_s=0.0)
    world.globex.change(opened.ticket, status="hold", assignee_id=world.globex.user("agent"))
    world.converge()
    assert world.ticket(opened).fields["status"] == "hold"


def test_limits_and_outages_delay_and_lose_nothing(world: World) -> None:
    world.fault(kind="status", status=429, retry_after_s=1, probability=0.2)
    world.fault(kind="status", status=503, probability=0.2)
    for number in range(6):
        opened = world.file(world.acme if number % 2 else world.globex, f"Problem {number}")
        (world.acme if number % 2 else world.globex).reply(
            opened.ticket, f"More. {world.word(opened, opened.site, Reach.TRACKER)}"
        )
    world.converge()
    world.calm()
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict


def test_a_field_the_site_refuses_becomes_a_dead_letter_and_holds_nothing_else(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.fault(site="vendor-jira", kind="status", status=400, method="PUT", body={"errorMessages": ["No."]})
    world.acme.change(opened.ticket, priority="urgent")
    world.acme.reply(opened.ticket, f"Hurry. {world.word(opened, 'acme-desk', Reach.TRACKER)}")
    world.converge()
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.count()["dead"] == 1
    assert any("Hurry." in said.words for said in world.issue(opened).said)
    world.calm()
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    with world.converged().ledger.begin() as transaction:
        assert "dead" not in transaction.journal.count()


def test_a_lost_ledger_makes_no_second_issue_and_no_second_comment(world: World) -> None:
    """The data directory survives but for the database: what stands is recognised by its markers."""
    pairs = [world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")]
    world.converge()
    for opened in pairs:
        desk, tracker = (world.acme, world.jira) if opened.site == "acme-desk" else (world.globex, world.github)
        name = "vendor-jira" if desk is world.acme else "vendor-github"
        desk.reply(opened.ticket, f"More. {world.word(opened, opened.site, Reach.TRACKER)}")
        tracker.comment(world.issue(opened).ticket, f"#reply Yes. {world.word(opened, name, Reach.TEAM)}")
    world.converge()
    world.stop()
    for path in (world.home / "data").glob(f"{FILE}*"):
        path.unlink()
    world.sandbox.clear_log()
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict
    assert world.requests(writes=True) == []


def test_an_old_copy_of_the_ledger_doubles_nothing(world: World) -> None:
    first = world.file(world.acme, "Checkout fails")
    world.converge()
    world.stop()
    shutil.copytree(world.home / "data", world.home / "backup")
    second = world.file(world.acme, "Search is slow")
    world.jira.comment(world.issue(first).ticket, f"#reply Yes. {world.word(first, 'vendor-jira', Reach.TEAM)}")
    world.converge()
    world.acme.reply(second.ticket, f"More. {world.word(second, 'acme-desk', Reach.TRACKER)}")
    world.converge()
    world.stop()
    shutil.rmtree(world.home / "data")
    shutil.move(world.home / "backup", world.home / "data")
    world.converge()
    verdict = world.verdict()
    assert verdict.is_clean, verdict
    assert len(world.ticket(first).said) == 2


def test_a_refused_create_is_tried_again_when_the_ticket_says_something_else(world: World) -> None:
    world.fault(
        site="vendor-jira", kind="status", status=400, method="POST", path="/issue$", body={"errors": {"x": "No."}}
    )
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    assert world.jira.cases("ACME") == []
    world.calm()
    world.converge()
    assert world.jira.cases("ACME") == []
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"


def test_a_case_that_trips_a_defect_of_ours_holds_up_no_other(world: World) -> None:
    """A template that fails on one case only stands in for any defect: the others are served, and the run says so."""
    (world.home / "poison.yaml").write_text("extends: jira-software\n", encoding="utf-8")
    bad, good = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Search is slow")
    world.converge()
    bridge = world.converged()
    templates = bridge.daemon.batch.tools.templates
    templates.globals["trip"] = lambda key: 1 // (0 if key.endswith(bad.ticket) else 1)
    templates.get_template("en/workaround.j2")
    broken = templates.from_string("{{ trip(key) }}{{ body }}")
    assert templates.cache is not None
    for key in list(templates.cache.keys()):
        templates.cache[key] = broken
    for opened in (bad, good):
        world.jira.comment(world.issue(opened).ticket, "/workaround Restart.")
    settled = world.converge(patience_s=0.0)
    assert any("ZeroDivisionError" in sentence for sentence in settled.failed)
    assert len(world.ticket(good).said) == 2
    assert len(world.ticket(bad).said) == 1
