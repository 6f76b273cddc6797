"""What stands between a mistake and the customer's eyes: each guard, played through the whole bridge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.cli.story.filing import DeskFiles
from bridge.cli.story.script import Opened, Reach
from bridge.config.packs import pack_path
from bridge.engine.guards.recheck import Refusal, look_again
from bridge.errors import AudienceError, ConfigurationError
from bridge.model.feed import Hint
from bridge.model.operation import Operation, OperationState
from bridge.model.ticket import TicketRef
from bridge.model.words import Side
from bridge.store.hands import Hand
from bridge.store.ledger import Transaction, write_meta
from bridge.store.links import Link

from .conftest import World

WAITING = "undo: 1h"


def waiting_reply(world: World, words: str = "#reply We are on it.") -> tuple[Opened, str]:
    """A case with a workaround that waits its hour, and the number of its issue."""
    world.edit = lambda text: text.replace("undo: 0s", WAITING)
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.github.comment(number, words)
    world.converge(patience_s=0.0)
    return opened, number


@contextmanager
def at_the_last_look(world: World) -> Iterator[tuple[Transaction, Hand, Link, Operation]]:
    """The moment before the one waiting update leaves: its case in hand, in the transaction that would mark it."""
    ledger = world.converged().ledger
    with ledger.begin() as transaction:
        [one] = transaction.journal.in_state(OperationState.PLANNED)
        link = transaction.links.get(one.group)
        assert link is not None
        transaction.hands.want(link.group, link.route)
        [hand] = transaction.hands.claim("a test", lease_s=60, limit=1)
        yield transaction, hand, link, one
        transaction.hands.release(hand, due_at=None)


def last_look(world: World) -> Refusal | None:
    """What the last look says of the waiting update."""
    route = world.converged().routes["globex"]
    with at_the_last_look(world) as (transaction, hand, link, one):
        return look_again(transaction, hand, route, Side.HELPDESK, link.helpdesk, [one])


def reread(world: World) -> None:
    """The issue is read again, as after a webhook, while nobody plans anything."""
    with world.converged().ledger.begin() as transaction:
        [link] = transaction.links.all("globex")
    world.converged().daemon.intake.hint("vendor-github", (Hint(link.tracker, None),))


# Wound 1: an internal comment became visible to the customer


def test_w01_what_engineers_tell_each_other_reaches_nobody_at_the_customer(world: World) -> None:
    acme, globex = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
    world.converge()
    here = world.word(acme, "vendor-jira", Reach.NOBODY)
    there = world.word(globex, "vendor-github", Reach.NOBODY)
    world.jira.comment(world.issue(acme).ticket, f"Their admin password is {here}.")
    world.github.comment(world.issue(globex).ticket, f"Do not tell them: {there}. #reply is for that.")
    world.converge()
    assert world.verdict().is_clean
    assert [len(world.ticket(opened).said) for opened in (acme, globex)] == [1, 1]


def test_w01_a_released_text_still_waiting_leaves_when_nothing_changed(world: World) -> None:
    waiting_reply(world, "/workaround Restart it.")
    assert last_look(world) is None


def test_w01_a_text_rewritten_since_it_was_planned_is_not_sent(world: World) -> None:
    _opened, number = waiting_reply(world, "/workaround Restart it.")
    world.sandbox.world.advance(2)
    world.github.edit_comment(number, "Restart it", "/workaround The key is 4711.")
    reread(world)
    refusal = last_look(world)
    assert refusal is not None
    assert "rewritten" in refusal.why


def test_w01_a_text_deleted_since_it_was_planned_is_not_sent(world: World) -> None:
    _opened, number = waiting_reply(world, "/workaround Restart it.")
    world.sandbox.world.advance(2)
    world.github.delete_comment(number, "Restart it")
    reread(world)
    refusal = last_look(world)
    assert refusal is not None
    assert "not there any more" in refusal.why


def test_w01_an_embargo_set_since_it_was_planned_stops_it(world: World) -> None:
    _opened, number = waiting_reply(world, "/workaround Restart it.")
    world.sandbox.world.advance(2)
    world.github.change(number, labels=["security-embargo"])
    reread(world)
    refusal = last_look(world)
    assert refusal is not None
    assert refusal.why.startswith("denied by mappings/github-labels.yaml:")


def test_w01_a_text_that_rests_on_a_reading_older_than_30_s_is_not_sent(world: World) -> None:
    waiting_reply(world, "/workaround Restart it.")
    with at_the_last_look(world) as (transaction, hand, link, one):
        transaction.now += timedelta(seconds=31)
        refusal = look_again(transaction, hand, world.converged().routes["globex"], Side.HELPDESK, link.helpdesk, [one])
    assert refusal is not None
    assert "read too long ago" in refusal.why


def test_w01_a_process_with_an_older_config_leaves_the_text_to_those_that_know_better(world: World) -> None:
    waiting_reply(world, "/workaround Restart it.")
    with world.converged().ledger.begin() as transaction:
        write_meta(transaction, "route:globex", "the digest of a newer config")
    refusal = last_look(world)
    assert refusal == Refusal("a newer config is in force", wait_s=60.0)


@pytest.mark.parametrize(
    "payload",
    [
        {"visibility": "public", "audience": "everybody"},
        {"visibility": "internal", "audience": "everybody"},
        {"visibility": "internal", "audience": "vendor"},
        {"visibility": "public", "audience": "customer_team"},
        {"audience": "customer_user"},
    ],
)
def test_w01_readers_beyond_the_audience_stop_a_text_and_an_unknown_audience_is_the_vendor_alone(
    world: World, payload: dict[str, str]
) -> None:
    waiting_reply(world, "/workaround Restart it.")
    route = world.converged().routes["globex"]
    with at_the_last_look(world) as (transaction, hand, link, one):
        wrong = replace(one, payload={"body": one.payload["body"], **payload})
        with pytest.raises(AudienceError):
            look_again(transaction, hand, route, Side.HELPDESK, link.helpdesk, [wrong])


def test_w01_a_text_of_one_customer_is_stopped_before_it_reaches_another(world: World) -> None:
    theirs = world.file(world.acme, "Checkout fails")
    opened, _number = waiting_reply(world, "/workaround Restart it.")
    stray = TicketRef("acme-desk", theirs.ticket)
    routes = world.converged().routes
    with at_the_last_look(world) as (transaction, hand, link, one):
        with pytest.raises(AudienceError, match="does not stand at globex-desk"):
            look_again(transaction, hand, routes["globex"], Side.HELPDESK, stray, [one])
        with pytest.raises(AudienceError, match="is a case of route globex"):
            look_again(transaction, hand, routes["acme"], Side.HELPDESK, stray, [one])
        with pytest.raises(AudienceError, match="is not the helpdesk's ticket of this case"):
            look_again(transaction, hand, routes["globex"], Side.HELPDESK, TicketRef("globex-desk", "999"), [one])
        assert one.marker is not None
        stranger = replace(one, marker=replace(one.marker, route="acme"))
        with pytest.raises(AudienceError, match="by route acme"):
            look_again(transaction, hand, routes["globex"], Side.HELPDESK, link.helpdesk, [stranger])
    assert len(world.ticket(opened).said) == 1
    assert len(world.ticket(theirs).said) == 1


def test_w01_a_reply_taken_back_during_a_wait_of_one_second_is_never_published(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.fault(site="globex-desk", kind="status", status=429, retry_after_s=1, method="PUT", count=1)
    world.github.comment(number, "#reply Our test account is admin/admin.")
    assert world.converge(patience_s=0.0).waiting == 1
    world.sandbox.world.advance(2)  # GitHub's stamps are whole seconds
    world.github.edit_comment(number, "admin/admin", "Sorry, wrong window.")
    world.converge()
    assert len(world.ticket(opened).said) == 1


def test_w01_a_reply_that_had_to_wait_one_second_and_stands_is_published_once(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    world.fault(site="globex-desk", kind="status", status=429, retry_after_s=1, method="PUT", count=1)
    world.github.comment(world.issue(opened).ticket, "#reply We are on it.")
    world.converge()
    said = [said for said in world.ticket(opened).said if "We are on it" in said.words]
    assert [one.public for one in said] == [False]


# An embargo that comes late


def embargoed(world: World) -> Opened:
    """A case at the vendor's Jira of which much has crossed, and then the customer sets the embargo."""
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "#reply We are on it.")
    desk = DeskFiles(world.acme)
    desk.reply(opened.ticket, "<p>The log.</p>", desk.upload("trace.log", b"secret"))
    world.converge()
    world.acme.change(opened.ticket, tags=["security-embargo"])
    world.converge()
    return opened


def test_a_late_embargo_freezes_both_directions_and_lists_what_had_left(world: World) -> None:
    opened = embargoed(world)
    key = world.issue(opened).ticket
    world.sandbox.clear_log()
    world.jira.comment(key, "#reply The hole is in the login.")
    world.jira.move(key, "Selected")
    world.acme.reply(opened.ticket, "Here is how to exploit it.")
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert world.requests(writes=True) == []
    with world.converged().ledger.begin() as transaction:
        [embargo] = transaction.embargoes.all()
    assert embargo.rule.startswith("mappings/zendesk-default.yaml:")
    out = [(line["what"].partition(",")[0], line["site"]) for line in embargo.already_out]
    assert ("the issue", "vendor-jira") in out
    assert ("comment", "acme-desk") in out
    assert ("comment with a file", "vendor-jira") in out
    assert all("We are on it" not in str(line) for line in embargo.already_out)


def test_a_late_embargo_is_told_once_where_only_the_vendor_reads_and_its_end_too(world: World) -> None:
    opened = embargoed(world)
    notes = [said.words for said in world.issue(opened).said if "Nothing of this case crosses" in said.words]
    assert len(notes) == 1
    assert "comment at acme-desk" in notes[0]
    assert len(world.ticket(opened).said) == 3
    world.acme.reply(opened.ticket, "It is public now.")
    world.acme.change(opened.ticket, tags=["vip"])
    world.converge()
    assert any("It is public now" in said.words for said in world.issue(opened).said)
    assert any("Solved" in said.words for said in world.issue(opened).said)
    with world.converged().ledger.begin() as transaction:
        assert transaction.embargoes.all() == []


def test_w02_a_ticket_under_embargo_never_becomes_an_issue_whatever_other_rules_say(world: World) -> None:
    opened = world.file(world.globex, "Remote code execution")
    world.globex.change(opened.ticket, tags=["security-embargo"])
    world.converge()
    assert world.github.cases() == []
    assert world.requests(site="vendor-github", writes=True) == []


# Wound 2: a private security report was mirrored to a public repository


def publish(world: World, *, private: bool = False) -> None:
    """The repository's owner opens it to everybody, or closes it again."""
    site: Any = world.sandbox.sites["vendor-github"]
    with world.sandbox.world.lock:
        site.data["repositories"]["vendor/platform"]["private"] = private


def test_w02_a_route_to_a_public_repository_that_does_not_say_so_is_refused_at_the_start(world: World) -> None:
    publish(world)
    world.file(world.globex, "Search is slow")
    with pytest.raises(ConfigurationError, match="vendor/platform at vendor-github, which anybody can read") as refused:
        world.converge()
    assert "allow_public: true" in str(refused.value)
    assert world.requests(writes=True) == []


def test_w02_a_route_that_says_so_may_lead_there_and_deny_rules_still_win(world: World) -> None:
    publish(world)
    world.edit = lambda text: text.replace("    undo: 0s\n", "    undo: 0s\n    allow_public: true\n")
    secret, plain = world.file(world.globex, "Remote code execution"), world.file(world.globex, "Search is slow")
    world.globex.change(secret.ticket, tags=["security-embargo"])
    world.converge()
    assert [case.summary for case in world.github.cases()] == [plain.summary]


def test_w02_allow_public_without_any_deny_rule_is_refused_offline(world: World) -> None:
    pack = pack_path("zendesk-default").read_text(encoding="utf-8")
    before, _, after = pack.partition("\ndeny:")
    (world.home / "open.yaml").write_text(before + "\ntests:" + after.partition("\ntests:")[2], encoding="utf-8")
    world.edit = lambda text: text.replace("mapping: zendesk-default", "mapping: ./open.yaml").replace(
        "    undo: 0s\n", "    undo: 0s\n    allow_public: true\n"
    )
    with pytest.raises(ConfigurationError, match="does not say what must never go there"):
        world.start()


def test_w02_a_repository_that_turns_public_stops_its_route_and_no_other(world: World) -> None:
    theirs, opened = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
    world.converge()
    publish(world)
    publicity = world.converged().daemon.publicity
    publicity.forget()
    world.globex.reply(opened.ticket, "Our password is hunter2.")
    world.acme.reply(theirs.ticket, "It got worse.")
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(site="vendor-github", writes=True) == []
    assert any("It got worse" in said.words for said in world.issue(theirs).said)
    with world.converged().ledger.begin() as transaction:
        [brake] = transaction.brakes.all()
    assert (brake.route, brake.kind.value) == ("globex", "public")
    assert "anybody can read" in brake.why


def test_w02_while_it_is_unknown_who_can_read_nothing_is_written_there(world: World) -> None:
    world.fault(site="vendor-github", kind="status", status=500, method="GET", path="repos/vendor/platform$")
    world.file(world.globex, "Search is slow")
    world.converge(patience_s=0.0)
    assert world.requests(site="vendor-github", writes=True) == []
    world.calm()
    world.converge(patience_s=90.0)
    assert len(world.github.cases()) == 1
