"""What goes wrong for good is seen by the vendor's own people, and holds nothing that does not depend on it."""

from __future__ import annotations

import shutil

from bridge.cli.story.script import Opened

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
    world.acme.change(opened.ticket, priority="high")
    world.converge()
    assert world.issue(opened).fields["Severity"] == "S2"
    assert len(notes(world, opened, "Solved.")) == 1
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
