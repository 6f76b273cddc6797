"""Where two behaviours meet: nothing may be lost, said twice or taken back twice between them."""

from __future__ import annotations

from bridge.cli.story.script import Opened
from bridge.model.operation import OperationState

from .conftest import World
from .test_failures import command
from .test_life import said_at, solve
from .test_origin import keep, put_back


def hand_over(world: World) -> Opened:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    return opened


def in_ticket(world: World, opened: Opened) -> str:
    return " ".join(said.words for said in world.ticket(opened).said[1:])


def test_words_blacked_out_vanish_from_a_copy_beside_a_comment_somebody_wrote_with_our_account(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.acme.reply(opened.ticket, "My password is hunter2, thanks.")
    world.converge()
    world.jira.comment(key, "Typed by hand with the login of bridge.", who="bridge")
    world.converge()
    world.sandbox.world.advance(3)
    world.acme.redact(opened.ticket, "hunter2", "hunter2")
    world.converge()
    assert not any("hunter2" in words for words in said_at(world, key))
    assert any("My password is ▇▇▇▇▇▇▇, thanks." in words for words in said_at(world, key))


def test_a_deleted_reply_is_taken_back_beside_a_comment_somebody_wrote_with_our_account(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Wrong customer: hunter2")
    world.converge()
    by_hand = {"ticket": {"comment": {"body": "By hand.", "public": False}}}
    login = ("bridge@vendor.example/token", "sandbox")
    world.acme._call("PUT", f"/api/v2/tickets/{opened.ticket}", login=login, body=by_hand)
    world.converge()
    world.sandbox.world.advance(3)
    world.jira.delete_comment(key, "hunter2")
    world.converge()
    assert "hunter2" not in in_ticket(world, opened)


def test_what_was_still_on_its_way_when_a_ticket_was_deleted_arrives_once_it_is_restored(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.fault(site="vendor-jira", kind="status", status=503, method="POST", path="/comment$")
    world.acme.reply(opened.ticket, "It got worse.")
    world.converge(patience_s=0.0)
    world.acme.delete(opened.ticket)
    world.converge(patience_s=0.0)
    world.calm()
    world.converge()
    world.acme.restore(opened.ticket)
    world.converge()
    assert len([words for words in said_at(world, key) if "It got worse." in words]) == 1


def test_what_was_to_be_taken_back_when_a_ticket_was_deleted_is_taken_back(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Wrong customer: hunter2")
    world.converge()
    world.sandbox.world.advance(3)
    world.fault(site="acme-desk", kind="status", status=429, method="PUT")
    world.jira.delete_comment(key, "hunter2")
    world.converge(patience_s=0.0)
    world.acme.delete(opened.ticket)
    world.converge(patience_s=0.0)
    world.calm()
    world.converge(patience_s=5.0)
    world.acme.restore(opened.ticket)
    world.converge()
    assert "hunter2" not in in_ticket(world, opened)


def test_an_old_copy_of_the_ledger_takes_no_second_text_back_for_a_retract_that_was_obeyed(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.stop()
    keep(world)
    world.jira.comment(key, "#reply First.")
    world.jira.comment(key, "#reply Second.")
    world.converge()
    world.jira.comment(key, "/retract")
    world.converge()
    assert "First." in in_ticket(world, opened)
    assert "Second." not in in_ticket(world, opened)
    world.stop()
    put_back(world)
    world.converge()
    assert "First." in in_ticket(world, opened)
    assert "Second." not in in_ticket(world, opened)
    world.jira.comment(key, "/retract")
    world.converge()
    assert "First." not in in_ticket(world, opened)


def test_an_old_copy_of_the_ledger_says_nothing_twice_that_went_out_as_a_follow_up(world: World) -> None:
    opened = hand_over(world)
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    world.converge()
    world.stop()
    keep(world)
    world.jira.comment(key, "#reply The fix is in 2.4.1.")
    world.jira.comment(key, "#reply It needs a restart.")
    world.converge()
    world.stop()
    put_back(world)
    world.converge()
    world.converge()
    assert len(world.acme.cases()) == 2
    [follower] = [case for case in world.acme.cases() if case.ticket != opened.ticket]
    words = " ".join(said.words for said in follower.said)
    assert words.count("The fix is in 2.4.1.") == 1
    assert words.count("It needs a restart.") == 1
    world.acme.change(follower.ticket, comment={"body": "Which restart?", "public": True})
    world.converge()
    assert any("Which restart?" in said for said in said_at(world, key))


def test_a_follow_up_that_was_discarded_is_not_made_again_and_later_texts_get_one(world: World) -> None:
    opened = hand_over(world)
    solve(world, opened)
    key = world.issue(opened).ticket
    world.acme.change(opened.ticket, status="closed")
    world.converge()
    no = {"error": "RecordInvalid", "details": {}}
    world.fault(site="acme-desk", kind="status", status=422, method="POST", path="tickets", body=no)
    world.jira.comment(key, "#reply The fix is in 2.4.1.")
    world.converge()
    [letter] = command(world, "failures", "list")
    command(world, "failures", "discard", letter["id"])
    world.calm()
    world.converge()
    assert len(world.acme.cases()) == 1
    world.jira.comment(key, "#reply It needs a restart.")
    world.converge()
    [follower] = [case for case in world.acme.cases() if case.ticket != opened.ticket]
    words = " ".join(said.words for said in follower.said)
    assert "It needs a restart." in words
    assert "The fix is in" not in words
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.in_state(OperationState.PLANNED, OperationState.DEAD) == []


def test_what_was_said_just_before_a_merge_reaches_the_issue(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    survivor = world.acme.file("Everything is down", "From another mail.", priority="urgent", group="Support")
    world.acme.reply(opened.ticket, "It is the certificate.")
    world.acme.merge(opened.ticket, into=survivor)
    world.converge()
    world.acme.reply(survivor, "Any news?")
    world.converge()
    assert any("Any news?" in words for words in said_at(world, key))
    assert len([words for words in said_at(world, key) if "It is the certificate." in words]) == 1


def test_what_was_on_its_way_when_its_ticket_was_merged_still_arrives_once(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    survivor = world.acme.file("Everything is down", "From another mail.", priority="urgent", group="Support")
    world.fault(site="vendor-jira", kind="drop_after", method="POST", path="/comment$", count=1)
    world.acme.reply(opened.ticket, "It is the certificate.")
    world.converge(patience_s=0.0)
    world.acme.merge(opened.ticket, into=survivor)
    world.converge()
    assert len([words for words in said_at(world, key) if "It is the certificate." in words]) == 1
    world.acme.reply(survivor, "Any news?")
    world.converge()
    assert any("Any news?" in words for words in said_at(world, key))
