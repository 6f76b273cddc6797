"""What goes wrong for good is seen by the vendor's own people, and holds nothing that does not depend on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bridge.bootstrap import Bridge
from bridge.cli.story.script import Opened
from bridge.model.operation import OperationKind, OperationState
from bridge.store.schema import EPOCH, audit, operation, unread

from .conftest import World

NO = {"errorMessages": ["The severity is locked."], "errors": {}}


def refuse_fields(world: World) -> None:
    """From now on the Jira refuses every edit of an issue."""
    world.fault(site="vendor-jira", kind="status", status=400, method="PUT", body=NO)


def notes(world: World, opened: Opened, words: str) -> list[str]:
    """What stands on the issue with these words in it."""
    return [said.words for said in world.issue(opened).said if words in said.words]


def test_a_dead_letter_is_noted_once_where_only_the_vendors_people_read_and_solved_later(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    refuse_fields(world)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "Nothing to do with it.")
    world.converge()
    [note] = notes(world, opened, "bridge could not write severity")
    assert "Severity = S1" in note
    assert "The severity is locked." in note
    assert len(world.ticket(opened).said) == 1
    world.calm()
    # The answer to the edit of the note is lost, so that it is found out by reading.
    world.fault(site="vendor-jira", kind="drop_after", method="PUT", path="/comment/", count=1)
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    [note] = notes(world, opened, "bridge could not write severity")
    assert note.startswith("Solved.")
    assert "The severity is locked." in note
    assert len(world.issue(opened).said) == 3
    assert len(world.ticket(opened).said) == 1
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
    # It comes back: people see a new note, and the old one stays solved.
    refuse_fields(world)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert [one.startswith("Solved.") for one in notes(world, opened, "bridge could not write")] == [True, False]
    # Where the site refuses the edit, a comment follows.
    refuse_edits = {"site": "vendor-jira", "kind": "status", "status": 400, "method": "PUT", "body": NO}
    world.calm()
    world.fault(path="/comment/", **refuse_edits)
    world.acme.change(opened.ticket, priority="normal")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S3"
    assert [one.startswith("Solved.") for one in notes(world, opened, "bridge could not write")] == [True, False, True]
    assert len(world.ticket(opened).said) == 1
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_a_tracker_without_internal_comments_gets_no_note(world: World) -> None:
    opened = world.file(world.globex, "Search is slow", priority="low")
    world.converge()
    world.fault(site="vendor-github", kind="status", status=422, method="PATCH", body={"message": "No."})
    world.globex.change(opened.ticket, priority="urgent")
    world.converge()
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.count()["dead"] == 1
    assert len(world.issue(opened).said) == 1
    assert len(world.ticket(opened).said) == 1


def test_a_conflict_that_nobody_may_decide_is_noted_once(world: World) -> None:
    world.edit = lambda text: text.replace("    mode: live\n", "    mode: live\n    on_conflict: {state: hold}\n", 1)
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "In Progress")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "Waiting")
    world.acme.change(opened.ticket, status="hold", assignee_id=world.acme.user("agent"))
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "Hm.")
    world.converge()
    [note] = notes(world, opened, "Both sides changed state")
    assert "on_hold" in note
    assert "waiting_customer" in note
    world.acme.change(opened.ticket, status="pending")
    world.converge()
    assert len(notes(world, opened, "Solved.")) == 1


def test_a_value_that_lost_is_told_to_those_who_set_it_and_kept(world: World) -> None:
    world.edit = lambda text: text.replace(
        "    mode: live\n", "    mode: live\n    on_conflict: {state: helpdesk}\n", 1
    )
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "In Progress")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "Waiting")
    world.acme.change(opened.ticket, status="hold", assignee_id=world.acme.user("agent"))
    world.converge()
    assert world.issue(opened).fields["status"] == "On Hold"
    [note] = notes(world, opened, "state was changed at vendor-jira")
    assert "Waiting became On Hold" in note


def test_notes_survive_an_old_copy_of_the_ledger_without_a_second_one(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.stop()
    shutil.copytree(world.home / "data", world.home / "backup")
    refuse_fields(world)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    world.stop()
    shutil.rmtree(world.home / "data")
    shutil.move(world.home / "backup", world.home / "data")
    world.converge()
    assert len(notes(world, opened, "bridge could not write severity")) == 1
    assert len(world.ticket(opened).said) == 1


def test_without_a_place_at_the_tracker_a_helpdesk_of_the_vendors_own_gets_the_note_internally(world: World) -> None:
    world.edit = lambda text: text.replace(
        "url: {}\n    held_by: customer".format(world.sandbox.urls["globex-desk"]),
        "url: {}\n    held_by: vendor".format(world.sandbox.urls["globex-desk"]),
    )
    opened = world.file(world.globex, "Search is slow", priority="low")
    world.converge()
    world.fault(site="vendor-github", kind="status", status=422, method="PATCH", body={"message": "No."})
    world.globex.change(opened.ticket, priority="urgent")
    world.converge()
    [note] = [said for said in world.ticket(opened).said if "bridge could not write severity" in said.words]
    assert not note.public
    assert len(world.issue(opened).said) == 1


def test_one_unreadable_ticket_holds_up_no_other_and_comes_back(world: World) -> None:
    bad = world.file(world.acme, "Checkout fails")
    good = world.file(world.acme, "Search is slow")
    world.fault(site="acme-desk", kind="status", status=500, path=f"/tickets/{bad.ticket}/comments")
    world.converge(patience_s=0.0)
    assert world.issue(good).summary == "Search is slow"
    assert len(world.jira.cases("ACME")) == 1
    ledger = world.converged().ledger
    with ledger.begin() as transaction:
        [stubborn] = transaction.unread.all()
        assert stubborn.ref.id == bad.ticket
        transaction.connection.execute(unread.update().values(again_at=EPOCH))
    world.calm()
    world.converge()
    assert world.issue(bad).summary == "Checkout fails"
    with ledger.begin() as transaction:
        assert transaction.unread.all() == []


def test_w07_one_bad_event_blocks_only_what_depends_on_it_and_a_newer_value_supersedes_it(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    refuse_fields(world)
    world.fault(site="vendor-jira", kind="status", status=400, method="POST", path="/comment$", count=1, body=NO)
    world.acme.reply(opened.ticket, "This one is refused.")
    world.acme.reply(opened.ticket, "This one follows.")
    world.acme.change(opened.ticket, priority="urgent", status="pending", assignee_id=world.acme.user("agent"))
    world.converge()
    issue = world.issue(opened)
    assert issue.fields["status"] == "Waiting"
    assert issue.fields["Severity"] == "S4"
    assert not notes(world, opened, "This one is refused.")
    assert len(notes(world, opened, "This one follows.")) == 1
    [placeholder] = notes(world, opened, "The comment of Customer User 1")
    assert "could not be written at vendor-jira" in placeholder
    world.calm()
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    with world.converged().ledger.begin() as transaction:
        assert [one.kind for one in transaction.journal.in_state(OperationState.DEAD)] == [OperationKind.COMMENT]


@contextmanager
def running(world: World) -> Iterator[Bridge]:
    """A daemon that runs by itself, as it does under systemd."""
    bridge = world.bridge or world.start()
    thread = threading.Thread(target=bridge.daemon.run)
    thread.start()
    try:
        yield bridge
    finally:
        bridge.daemon.stop()
        thread.join()


def command(world: World, *arguments: str) -> Any:
    """`bridge …` in another process, beside the daemon; what it prints as JSON."""
    environment = {**os.environ, **world.variables}
    config = ["--config", str(world.home / "config.yaml"), "--json"]
    line = [sys.executable, "-m", "bridge", *arguments, *config]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(world: World) -> Opened:
    """A ticket whose severity the Jira refused."""
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    refuse_fields(world)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    return opened


def test_a_retried_letter_goes_out_of_a_running_daemon_and_the_audit_says_who_asked(world: World) -> None:
    opened = refused(world)
    with running(world) as bridge:
        [letter] = command(world, "failures", "list")
        assert letter["field"] == "severity"
        whole = command(world, "failures", "show", letter["id"])
        assert whole["request"]["fields"] == {"Severity": "S1"}
        assert whole["from"] == {"priority": "urgent"}
        assert (whole["status"], whole["site"], whole["ticket"]) == (400, "vendor-jira", "ACME-1")
        world.calm()
        command(world, "failures", "retry", letter["id"])
        assert bridge.daemon.settle(patience_s=60.0)
    assert world.issue(opened).fields["Severity"] == "S1"
    assert len(notes(world, opened, "Solved.")) == 1
    assert command(world, "failures", "list") == []
    with bridge.ledger.begin() as transaction:
        rows = transaction.connection.execute(select(audit).where(audit.c.by_person)).all()
    assert [row.what for row in rows] == ["letter_retried"]
    assert rows[0].detail["who"]


def test_an_edited_letter_says_what_the_person_said_until_the_source_changes(world: World) -> None:
    opened = refused(world)
    [letter] = command(world, "failures", "list")
    world.calm()
    command(world, "failures", "edit", letter["id"], "--set", "Severity=S2")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    assert world.ticket(opened).fields["priority"] == "urgent"
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    world.acme.change(opened.ticket, priority="normal")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S3"


def test_a_discarded_letter_is_an_accepted_difference_until_one_side_changes(world: World) -> None:
    opened = refused(world)
    [letter] = command(world, "failures", "list")
    command(world, "failures", "discard", letter["id"])
    world.calm()
    world.acme.reply(opened.ticket, "Anything new?")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S4"
    assert world.ticket(opened).fields["priority"] == "urgent"
    assert len(notes(world, opened, "Solved.")) == 1
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"


def test_a_discarded_conflict_leaves_both_sides_as_they_are(world: World) -> None:
    world.edit = lambda text: text.replace("    mode: live\n", "    mode: live\n    on_conflict: {state: hold}\n", 1)
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "In Progress")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "Waiting")
    world.acme.change(opened.ticket, status="hold", assignee_id=world.acme.user("agent"))
    world.converge()
    [conflict] = command(world, "failures", "list")
    command(world, "failures", "discard", conflict["id"])
    world.converge()
    assert (world.issue(opened).fields["status"], world.ticket(opened).fields["status"]) == ("Waiting", "hold")
    assert command(world, "failures", "list") == []
    world.jira.move(world.issue(opened).ticket, "In Progress")
    world.converge()
    assert world.ticket(opened).fields["status"] == "open"


def test_an_edited_comment_is_judged_by_the_rules_once_more(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.fault(site="acme-desk", kind="status", status=422, method="PUT", body={"error": "RecordInvalid"})
    world.jira.comment(world.issue(opened).ticket, "#reply The fix is in 2.4.")
    world.converge()
    [letter] = command(world, "failures", "list")
    assert letter["what"] == "comment"
    world.calm()
    command(world, "failures", "edit", letter["id"], "--text", "The fix is in 2.5.")
    world.converge()
    [said] = [said for said in world.ticket(opened).said if "The fix is in" in said.words]
    assert "2.5" in said.words
    assert not said.public


def test_a_create_that_was_discarded_makes_no_issue_until_the_ticket_says_something_else(world: World) -> None:
    world.fault(
        site="vendor-jira", kind="status", status=400, method="POST", path="/issue$", body={"errors": {"x": "No."}}
    )
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    [letter] = command(world, "failures", "list")
    command(world, "failures", "discard", letter["id"])
    world.calm()
    world.acme.reply(opened.ticket, "Hello?")
    world.converge()
    assert world.jira.cases("ACME") == []
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S1"


def test_changed_rules_plan_a_dead_letter_again_by_themselves(world: World) -> None:
    opened = refused(world)
    world.calm()
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S4"
    world.stop()
    (world.home / "swapped.yaml").write_text(
        "extends: jira-software\nseverity:\n  pairs: {critical: S2, major: S1}\n", encoding="utf-8"
    )
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./swapped.yaml")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"


def test_w16_a_failed_sync_shows_in_the_status_and_on_the_issue_within_a_minute(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    with running(world) as bridge:
        assert bridge.daemon.settle(patience_s=60.0)
        refuse_fields(world)
        world.acme.change(opened.ticket, priority="urgent")
        assert bridge.daemon.settle(patience_s=60.0)
        [dead] = command(world, "status")["dead"]
        assert dead["field"] == "severity"
        assert "The severity is locked." in dead["why"]
        [note] = notes(world, opened, "bridge could not write severity")
        assert f"bridge failures retry {dead['id']}" in note


def test_a_site_that_fails_at_everything_is_left_alone_until_it_answers_again(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    with running(world) as bridge:
        assert bridge.daemon.settle(patience_s=60.0)
        world.fault(site="vendor-jira", kind="status", status=503)
        world.acme.change(opened.ticket, priority="urgent")
        world.acme.reply(opened.ticket, "It is urgent now.")
        wait_until(
            lambda: command(world, "status")["chores"], lambda chores: any("out of reach" in str(one) for one in chores)
        )
        assert command(world, "failures", "list") == []
        world.calm()
        assert bridge.daemon.settle(patience_s=90.0)
        assert not [one for one in command(world, "status")["chores"] if "out of reach" in one["problem"]]
    assert world.issue(opened).fields["Severity"] == "S1"
    assert len(notes(world, opened, "It is urgent now.")) == 1
    assert not notes(world, opened, "could not")


def test_a_refused_login_waits_for_a_person_and_tells_no_customer(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    with running(world) as bridge:
        assert bridge.daemon.settle(patience_s=60.0)
        world.fault(site="vendor-jira", kind="status", status=401)
        world.acme.change(opened.ticket, priority="urgent")
        wait_until(
            lambda: command(world, "status")["chores"], lambda chores: any("login" in str(one) for one in chores)
        )
        assert command(world, "failures", "list") == []
        assert command(world, "status")["suspended"] == []
    assert len(world.ticket(opened).said) == 1


def wait_until(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> None:
    """Ask again and again until it holds; a command takes long enough between two questions."""
    for _ in range(60):
        if holds(ask()):
            return
    raise AssertionError("it never came to hold")


def ask_for_the_customer_at_the_end(world: World) -> None:
    """From now on the Jira's workflow finishes no issue without its field Customer."""
    with world.sandbox.world.lock:
        transitions = world.sandbox.sites["vendor-jira"].data["transitions"]
        finish = next(one for one in transitions if one["name"] == "Finish")
        finish["screen"] = {**finish["screen"], "customfield_10013": True}


def solved_in_the_helpdesk(world: World) -> Opened:
    """A ticket that was worked on, and is solved by the customer's agent."""
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.move(world.issue(opened).ticket, "In Progress")
    world.converge()
    world.acme.change(opened.ticket, status="solved", assignee_id=world.acme.user("agent"))
    world.converge()
    return opened


def test_w08_a_field_a_transition_asks_for_is_filled_from_the_mapping(world: World) -> None:
    (world.home / "acme.yaml").write_text(
        "extends: jira-software\nstate:\n  pairs:\n    resolved: {status: Done, resolution: Fixed, Customer: ACME}\n",
        encoding="utf-8",
    )
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./acme.yaml")
    ask_for_the_customer_at_the_end(world)
    opened = solved_in_the_helpdesk(world)
    issue = world.issue(opened)
    assert (issue.fields["status"], issue.fields["resolution"]) == ("Done", "Fixed")
    assert world.ticket(opened).fields["status"] == "solved"
    with world.converged().ledger.begin() as transaction:
        assert "dead" not in transaction.journal.count()


def test_w08_a_field_nobody_can_fill_is_named_where_the_vendors_people_read_it(world: World) -> None:
    ask_for_the_customer_at_the_end(world)
    opened = solved_in_the_helpdesk(world)
    assert world.issue(opened).fields["status"] == "In Progress"
    [note] = notes(world, opened, "bridge could not write state at vendor-jira.")
    assert "The site names the field Customer." in note
    [letter] = command(world, "failures", "list")
    assert command(world, "failures", "show", letter["id"])["refused_field"] == "Customer"
    assert [said for said in world.ticket(opened).said if "could not" in said.words] == []
    with world.sandbox.world.lock:
        transitions = world.sandbox.sites["vendor-jira"].data["transitions"]
        next(one for one in transitions if one["name"] == "Finish")["screen"].pop("customfield_10013")
    command(world, "failures", "retry", letter["id"])
    world.converge()
    assert world.issue(opened).fields["status"] == "Done"
    assert len(notes(world, opened, "Solved.")) == 1


def test_a_note_without_a_reply_stands_once_and_a_refused_one_makes_no_other(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    refuse_fields(world)
    world.fault(site="vendor-jira", kind="drop_after", method="POST", path="/comment$", count=1)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert len(notes(world, opened, "bridge could not write severity")) == 1
    other = world.file(world.acme, "Search is slow", priority="low")
    world.converge()
    world.fault(site="vendor-jira", kind="status", status=400, method="POST", path="/comment$", body=NO)
    world.acme.change(other.ticket, priority="urgent")
    world.converge()
    assert sorted(one["what"] for one in command(world, "failures", "list")) == ["note", "update", "update"]
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_a_comment_that_only_waits_holds_those_after_it_for_fifteen_minutes_and_no_longer(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.fault(site="vendor-jira", kind="status", status=403, method="POST", path="/comment$", count=1, body=NO)
    world.acme.reply(opened.ticket, "The first.")
    world.acme.reply(opened.ticket, "The second.")
    world.converge(patience_s=0.0)
    assert not notes(world, opened, "The ")
    with world.converged().ledger.begin() as transaction:
        [first, second] = transaction.journal.in_state(OperationState.PLANNED)
        assert (first.attempts, second.attempts) == (1, 0)
        assert first.due_at is not None
        long_ago = transaction.now - timedelta(minutes=16)
        transaction.connection.execute(
            operation.update().where(operation.c.key == first.key).values(planned_at=long_ago)
        )
        transaction.hands.want_route("acme")
    world.converge(patience_s=0.0)
    assert notes(world, opened, "The ") == notes(world, opened, "The second.")
    with world.converged().ledger.begin() as transaction:
        transaction.journal.change([first.key], due_at=transaction.now)
        transaction.hands.want_route("acme")
    world.converge(patience_s=0.0)
    assert len(notes(world, opened, "The first.")) == 1
    assert len(notes(world, opened, "The second.")) == 1


def test_a_comment_that_stays_forbidden_ends_as_a_dead_letter_and_the_site_goes_on(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails", priority="low")
    world.converge()
    world.fault(site="vendor-jira", kind="status", status=403, method="POST", path="/comment$", body=NO)
    world.acme.reply(opened.ticket, "Hello?")
    for _ in range(3):
        world.converge(patience_s=0.0)
        with world.converged().ledger.begin() as transaction:
            for one in transaction.journal.in_state(OperationState.PLANNED):
                transaction.journal.change([one.key], due_at=transaction.now)
            transaction.hands.want_route("acme")
    with world.converged().ledger.begin() as transaction:
        dead = transaction.journal.in_state(OperationState.DEAD)
        assert any(one.kind is OperationKind.COMMENT and one.attempts == 3 for one in dead)
    world.acme.change(opened.ticket, priority="urgent")
    world.converge(patience_s=0.0)
    assert world.issue(opened).fields["Severity"] == "S1"


def test_what_failed_is_dealt_with_on_postgresql_too(world: World, postgres_url: str) -> None:
    world.variables["LEDGER"] = postgres_url
    world.edit = lambda text: text.replace("store: {directory: data}", "store: {url: env:LEDGER, directory: data}")
    opened = refused(world)
    with running(world) as bridge:
        [letter] = command(world, "failures", "list")
        world.calm()
        command(world, "failures", "retry", letter["id"])
        assert bridge.daemon.settle(patience_s=60.0)
    assert world.issue(opened).fields["Severity"] == "S1"
    assert len(notes(world, opened, "Solved.")) == 1
