"""Where edits, files, groups, links and brakes meet: what each keeps back by itself, they keep back together."""

from __future__ import annotations

from typing import Any

from bridge.cli.story.filing import TIMEOUT_S, JiraFiles, session
from bridge.engine.life.joining import leave
from bridge.engine.life.pairing import Pairing, Wish

from .conftest import World
from .test_brakes import brakes, bridge, limits
from .test_edits import in_ticket, later
from .test_files import shared, stem
from .test_groups import link_of, put_together, said_at, two_customers

RELEASED = """\
extends: jira-software
case:
  workaround: {any: [{field: Workaround}, {command: /workaround}], release: lead}
"""


def rewrite(world: World, key: str, part: str, words: str, *shown: dict[str, Any]) -> None:
    """An engineer rewrites a comment so that it shows files of the issue."""
    login = ("engineer@vendor.example", "sandbox")
    root = f"{world.jira.url}/rest/api/3/issue/{key}/comment"
    blocks: list[dict[str, Any]] = [{"type": "paragraph", "content": [{"type": "text", "text": words}]}]
    files = JiraFiles(world.jira)
    for one in shown:
        attrs = {"type": "file", "id": files._media_id(one["id"]), "collection": ""}
        blocks.append({"type": "mediaSingle", "content": [{"type": "media", "attrs": attrs}]})
    with session() as made:
        comments = made.get(root, auth=login, timeout=TIMEOUT_S).json()["comments"]
        ident = next(one["id"] for one in comments if part in str(one["body"]))
        body = {"body": {"version": 1, "type": "doc", "content": blocks}}
        made.put(f"{root}/{ident}", auth=login, json=body, timeout=TIMEOUT_S).raise_for_status()


def desk_of(world: World) -> Pairing:
    """Where a person links by hand."""
    running = world.converged()
    return Pairing(running.ledger, running.daemon.batch.connections, running.routes, "lead")


def test_a_rewritten_reply_that_shows_another_customer_s_file_does_not_even_name_it(world: World) -> None:
    key, _first, second, _acme, globex = shared(world)
    jira = JiraFiles(world.jira)
    copy = next(one for one in jira.records(key) if one["filename"].startswith("acme-"))
    jira.comment(key, f"#reply globex:{second} Compare this.")
    world.converge()
    later(world)
    rewrite(world, key, "Compare this", f"#reply globex:{second} Compare this one:", copy)
    world.converge()
    world.converge()
    said = " ".join(globex.said(second))
    assert "Compare this one" in said
    assert "acme" not in said
    assert world.jira.url not in said
    assert [stem(file.name) for file in globex.listed(second)] == ["globex.log"]


def test_what_was_told_of_a_former_issue_stays_when_the_ticket_is_moved_to_another(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "#reply We look into it.")
    world.converge()
    key = world.jira.file("Payment service times out", "Seen in the logs.", project="ACME")
    desk_of(world).relink(opened.ticket, key, Wish())
    world.converge()
    world.converge()
    assert any("We look into it." in words for words, _public in in_ticket(world, opened))


def test_what_a_customer_said_stays_in_the_issue_when_their_ticket_is_merged_away(world: World) -> None:
    first = world.file(world.acme, "Checkout fails")
    survivor = world.acme.file("Everything is down", "From another mail.", priority="urgent", group="Support")
    world.converge()
    key = world.issue(first).ticket
    world.acme.reply(first.ticket, "It began at noon.")
    world.converge()
    world.acme.merge(first.ticket, into=survivor)
    world.converge()
    world.converge()
    assert any("It began at noon." in words for words in said_at(world, key))


def test_a_reply_to_a_ticket_that_left_the_issue_reaches_nobody_else_when_it_is_rewritten(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = put_together(world, first, second)
    world.jira.comment(key, f"#reply globex:{second.ticket} Dear Globex, your cluster is mended.")
    world.converge()
    world.jira.comment(key, f"/workaround globex:{second.ticket} Globex may restart.")
    world.converge()
    group = link_of(world, second).group
    with world.converged().ledger.begin() as transaction:
        leave(transaction, group, why="another fault", by_person=True)
    world.converge()
    later(world)
    world.jira.edit_comment(key, "Dear Globex", f"#reply globex:{second.ticket} Dear Globex, your cluster is whole.")
    world.converge()
    assert not [words for words, _public in in_ticket(world, first) if "Globex" in words]
    world.jira.comment(key, "#reply Dear ACME, please wait.")
    world.converge()
    assert len(in_ticket(world, first)) == 1


def test_a_text_retracted_while_a_brake_holds_it_is_never_sent_and_no_other_in_its_place(world: World) -> None:
    limits(world, "mail_loop: {after: 1, within: 1h}")
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.github.comment(number, "#reply All is well.")
    world.converge()
    world.sandbox.world.advance(2)
    world.github.comment(number, "#reply Our other customer has it too.")
    world.converge()
    assert brakes(world) == [("mail_loop", "case", "")]
    world.sandbox.world.advance(2)
    world.github.comment(number, "/retract")
    world.converge()
    bridge(world, "brakes", "release", "globex")
    world.converge()
    said = [words for words, _public in in_ticket(world, opened)]
    assert [("All is well" in words, "other customer" in words) for words in said] == [(True, False)]


def test_what_was_said_to_another_customer_is_no_past_of_a_ticket_that_is_told_the_past(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = world.issue(first).ticket
    world.jira.comment(key, "#reply Dear ACME, please wait.")
    world.jira.comment(key, "/workaround ACME may restart its worker.")
    world.converge()
    pairing = desk_of(world)
    pairing.unlink(f"acme-desk/{first.ticket}")
    pairing.relink(f"globex-desk/{second.ticket}", key, Wish(tells_past=True))
    world.converge()
    assert not [words for words, _public in in_ticket(world, second) if "ACME" in words]


def test_a_field_filled_for_one_customer_is_not_told_to_another_who_joins_later(world: World) -> None:
    two_customers(world)
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Cannot pay")
    world.converge()
    key = world.issue(first).ticket
    world.jira.fill(key, "Workaround", "ACME may restart its worker.")
    world.converge()
    assert [words for words, _public in in_ticket(world, first) if "ACME may" in words]
    put_together(world, first, second)
    world.converge()
    assert not [words for words, _public in in_ticket(world, second) if "ACME" in words]


def test_a_release_lets_out_the_words_the_lead_read_and_not_those_put_in_their_place_since(world: World) -> None:
    (world.home / "acme.yaml").write_text(RELEASED, encoding="utf-8")
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./acme.yaml")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.jira.comment(key, "/workaround Restart the worker.")
    world.converge()
    later(world)
    world.jira.comment(key, "/release", who="lead")
    later(world)
    world.jira.edit_comment(key, "Restart the worker", "/workaround Our other customer restarts daily.")
    world.converge()
    assert in_ticket(world, opened) == []
    later(world)
    world.jira.comment(key, "/release", who="lead")
    world.converge()
    assert ["restarts daily" in words for words, _public in in_ticket(world, opened)] == [True]
