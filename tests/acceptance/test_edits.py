"""What people rewrite, hide or take away after it was mirrored, played through the whole bridge."""

from __future__ import annotations

import re

import pytest

from bridge.cli.story.filing import DeskFiles
from bridge.cli.story.script import Opened
from bridge.model.operation import OperationState
from bridge.sandbox.github.site import GitHubSite

from .conftest import World

PUBLIC = """\
extends: jira-software
comments:
  to_other_side:
    - {when: {body: {starts_with: "#public"}, author: {role: [lead, engineer]}}, audience: customer_user, strip: true}
    - {when: {body: {starts_with: "#reply"}, author: {role: [lead, engineer]}}, audience: customer_team, strip: true}
    - {otherwise: skip}
"""


def in_ticket(world: World, opened: Opened) -> list[tuple[str, bool]]:
    """Everything said in the ticket after its description, and whether the customer's users read it."""
    return [(said.words, said.public) for said in world.ticket(opened).said[1:]]


def in_issue(world: World, opened: Opened) -> list[str]:
    """Everything said in the issue after its description."""
    return [said.words for said in world.issue(opened).said[1:]]


def later(world: World) -> None:
    """Time passes, more than a stamp of whole seconds hides."""
    world.sandbox.world.advance(3)


def speak_publicly(world: World) -> None:
    (world.home / "acme.yaml").write_text(PUBLIC, encoding="utf-8")
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./acme.yaml")


def hand_over(world: World, *, on_github: bool = False) -> Opened:
    desk = world.globex if on_github else world.acme
    opened = world.file(desk, "Search is slow" if on_github else "Checkout fails")
    world.converge()
    return opened


def test_w12_an_edited_reply_is_told_as_an_edit_where_comments_are_immutable(world: World) -> None:
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#public Restart the worker.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "Restart the worker", "#public Restart the *database*, not the worker.")
    world.converge()
    world.converge()
    first, second = in_ticket(world, opened)
    assert "Restart the worker." in first[0]
    assert "This replaces our message of" in second[0]
    assert "Restart the *database*" in second[0]
    assert second[1] is True
    assert "#public" not in second[0]


@pytest.mark.parametrize("on_github", [False, True])
def test_w12_words_the_customer_blacks_out_vanish_from_the_copy_too(world: World, on_github: bool) -> None:
    opened = hand_over(world, on_github=on_github)
    desk = world.globex if on_github else world.acme
    files = DeskFiles(desk)
    files.reply(opened.ticket, "<p>My password is hunter2, thanks.</p>", files.upload("trace.log", b"It fails."))
    desk.reply(opened.ticket, "Anything new?")
    world.converge()
    later(world)
    desk.redact(opened.ticket, "hunter2", "hunter2")
    world.sandbox.clear_log()
    world.converge()
    said = in_issue(world, opened)
    assert not [words for words in said if "hunter2" in words]
    [copy] = [words for words in said if "My password is ▇▇▇▇▇▇▇, thanks." in words]
    assert on_github or "trace" in copy.partition("Files:")[2]
    # GitHub keeps what an edited comment said before; there the copy goes, and a new one comes.
    site = "vendor-github" if on_github else "vendor-jira"
    verbs = [line.partition(" ")[0] for line in world.requests(site=site, writes=True)]
    assert verbs == (["DELETE", "POST"] if on_github else ["PUT"])


def test_w12_only_the_newest_of_several_edits_is_told(world: World) -> None:
    world.edit = lambda text: text.replace("    undo: 0s\n", "    undo: 3s\n", 1)
    speak = world.edit
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Version one.")
    world.converge()
    for words in ("Version two.", "Version three."):
        later(world)
        world.jira.edit_comment(key, "Version", f"#reply {words}")
        world.converge(patience_s=0.0)
    world.converge()
    assert speak is world.edit
    assert [words for words, _public in in_ticket(world, opened) if "Version two" in words] == []
    assert len([words for words, _public in in_ticket(world, opened) if "Version three" in words]) == 1


def test_w12_an_edit_back_and_forth_ends_with_the_last_words(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Alpha")
    world.converge()
    for words in ("Beta", "Alpha", "Beta"):
        later(world)
        world.jira.edit_comment(key, "#reply", f"#reply {words}")
        world.converge()
    said = [words for words, _public in in_ticket(world, opened)]
    assert [("Alpha" in words, "Beta" in words) for words in said] == [(True, False), (False, True)] * 2


def test_a_public_reply_whose_release_is_taken_away_is_read_by_nobody_at_the_customer(world: World) -> None:
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#public The root password is hunter2.")
    world.converge()
    assert in_ticket(world, opened)[0][1] is True
    later(world)
    world.jira.edit_comment(key, "hunter2", "The root password is hunter2.")
    world.converge()
    [(words, public)] = in_ticket(world, opened)
    assert "hunter2" not in words
    assert public is False


def test_a_public_reply_made_one_for_their_team_is_hidden_from_their_users(world: World) -> None:
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#public We blame your proxy.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "proxy", "#reply We blame your proxy.")
    world.converge()
    assert [public for _words, public in in_ticket(world, opened)] == [False, False]


def test_a_reply_for_their_team_made_public_is_a_new_comment(world: World) -> None:
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply It is your proxy.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "proxy", "#public It is your proxy.")
    world.converge()
    (old, internal), (new, public) = in_ticket(world, opened)
    assert ("proxy" in old, internal, "proxy" in new, public) == (True, False, True, True)
    assert "This replaces" not in new


@pytest.mark.parametrize("on_github", [False, True])
def test_a_reply_deleted_in_the_tracker_is_taken_back(world: World, on_github: bool) -> None:
    opened = hand_over(world, on_github=on_github)
    tracker = world.github if on_github else world.jira
    number = world.issue(opened).ticket
    tracker.comment(number, "#reply Wrong customer: hunter2")
    tracker.comment(number, "#reply All is well.")
    world.converge()
    later(world)
    tracker.delete_comment(number, "hunter2")
    world.converge()
    said = in_ticket(world, opened)
    assert not [words for words, _public in said if "hunter2" in words]
    assert len([words for words, _public in said if "All is well" in words]) == 1


def test_retract_takes_back_the_last_text_and_then_the_one_before(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    for words in ("#reply First.", "#reply Second.", "/cause Third."):
        world.jira.comment(key, words)
    world.converge()
    world.jira.comment(key, "/retract")
    world.converge()
    standing = [words for words, _public in in_ticket(world, opened)]
    assert [any(word in words for words in standing) for word in ("First", "Second", "Third")] == [True, True, False]
    world.jira.comment(key, "/retract")
    world.converge()
    world.stop()
    world.converge()
    standing = [words for words, _public in in_ticket(world, opened)]
    assert [any(word in words for words in standing) for word in ("First", "Second", "Third")] == [True, False, False]


def test_retract_keeps_a_text_back_that_was_not_sent_yet(world: World) -> None:
    world.edit = lambda text: text.replace("    undo: 0s\n", "    undo: 30s\n", 1)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "/cause A leap second.")
    world.converge(patience_s=0.0)
    world.jira.comment(key, "/retract")
    world.converge(patience_s=0.0)
    assert in_ticket(world, opened) == []
    with world.converged().ledger.begin() as transaction:
        assert transaction.journal.in_state(OperationState.PLANNED, OperationState.HELD) == []


def test_a_stranger_s_retract_takes_nothing_back(world: World) -> None:
    site = world.sandbox.sites["vendor-github"]
    assert isinstance(site, GitHubSite)
    with world.sandbox.world.lock:
        site.data["repositories"]["vendor/platform"]["private"] = False
        site.add_user("passerby")
    world.edit = lambda text: text.replace("    undo: 0s\n", "    undo: 0s\n    allow_public: true\n")
    opened = hand_over(world, on_github=True)
    number = world.issue(opened).ticket
    world.github.comment(number, "#reply All is well.")
    world.converge()
    world.github.comment(number, "/retract", who="passerby")
    world.converge()
    assert "All is well" in in_ticket(world, opened)[0][0]


def test_an_edited_update_is_told_again_in_full(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "/workaround Restart the worker.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "Restart", "/workaround Restart the database.")
    world.converge()
    _first, (second, _public) = in_ticket(world, opened)
    assert "This replaces our message of" in second
    assert "Restart the database." in second


def test_an_edit_of_what_was_withheld_by_the_mode_stays_withheld_when_the_route_goes_live(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: internal")
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Not for you yet.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "Not for you", "#reply Still not for you.")
    world.converge()
    world.edit = lambda text: text
    world.stop()
    world.converge()
    assert in_ticket(world, opened) == []


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "cut"])
def test_an_edit_whose_answer_is_lost_is_settled_by_reading(world: World, kind: str) -> None:
    opened = hand_over(world)
    world.acme.reply(opened.ticket, "My password is hunter2.")
    world.converge()
    later(world)
    world.fault(site="vendor-jira", kind=kind, method="PUT", path="comment", count=1)
    world.acme.redact(opened.ticket, "hunter2", "hunter2")
    world.sandbox.clear_log()
    world.converge()
    assert [words for words in in_issue(world, opened) if "▇▇▇▇▇▇▇" in words]
    sent = [line for line in world.requests(site="vendor-jira", writes=True) if line.startswith("PUT")]
    assert len(sent) == (1 if kind != "drop_before" else 2)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "cut"])
def test_a_hiding_whose_answer_is_lost_is_settled_by_reading(world: World, kind: str) -> None:
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#public Secret hunter2.")
    world.converge()
    later(world)
    world.fault(site="acme-desk", kind=kind, method="PUT", count=2)
    world.jira.delete_comment(key, "hunter2")
    world.converge()
    world.stop()
    world.converge()
    [(words, public)] = in_ticket(world, opened)
    assert "hunter2" not in words
    assert public is False


def test_a_process_that_ends_amid_a_hiding_finishes_it_at_the_next_start(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Secret hunter2.")
    world.converge()
    later(world)
    world.fault(site="acme-desk", kind="status", status=500, method="PUT", count=1)
    world.jira.delete_comment(key, "hunter2")
    world.converge(patience_s=0.0)
    world.stop()
    world.converge()
    assert "hunter2" not in in_ticket(world, opened)[0][0]


def test_a_copy_somebody_else_edited_is_flagged_left_alone_and_never_sent_back(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.acme.reply(opened.ticket, "It got worse.")
    world.converge()
    later(world)
    world.jira.edit_comment(key, "It got worse", "It got better.")
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(site="acme-desk", writes=True) == []
    assert len(world.ticket(opened).said) == 2
    _copy, note = in_issue(world, opened)
    assert "It got better." in _copy
    assert "Somebody changed a text that bridge had copied to vendor-jira." in note
    with world.converged().ledger.begin() as transaction:
        [(_group, item)] = transaction.links.edited_copies()
    assert item


def test_a_texts_edit_under_an_embargo_waits_until_it_is_over(world: World) -> None:
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply Restart it.")
    world.converge()
    later(world)
    world.acme.change(opened.ticket, tags=["security-embargo"])
    world.jira.edit_comment(key, "Restart it", "#reply Restart it twice.")
    world.converge()
    assert len(in_ticket(world, opened)) == 1
    later(world)
    world.acme.change(opened.ticket, tags=[])
    world.converge()
    assert "Restart it twice." in in_ticket(world, opened)[1][0]


def test_a_refused_redaction_is_a_dead_letter_and_holds_nothing_up(world: World) -> None:
    with world.sandbox.world.lock:
        world.sandbox.sites["acme-desk"].settings["agent_workspace"] = False
    speak_publicly(world)
    opened = hand_over(world)
    key = world.issue(opened).ticket
    world.jira.comment(key, "#public Secret hunter2.")
    world.converge()
    later(world)
    world.jira.delete_comment(key, "hunter2")
    world.jira.comment(key, "#public All is well.")
    world.converge()
    assert [public for _words, public in in_ticket(world, opened)] == [False, True]
    with world.converged().ledger.begin() as transaction:
        [dead] = transaction.journal.in_state(OperationState.DEAD)
    assert "Agent Workspace" in dead.error


def test_w13_what_was_said_long_before_it_crosses_says_who_and_when(world: World) -> None:
    world.sandbox.world.advance(-7200)
    opened = world.file(world.acme, "Checkout fails")
    world.acme.reply(opened.ticket, "It got worse.")
    world.sandbox.world.advance(7200)
    world.converge()
    [old] = in_issue(world, opened)
    assert re.search(r"\(the customer\) wrote in .* on 20\d\d-\d\d-\d\d \d\d:\d\d UTC", old)
    world.acme.reply(opened.ticket, "It is fine again.")
    world.converge()
    assert " UTC" not in in_issue(world, opened)[1]
