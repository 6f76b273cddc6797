"""Files travel with the texts they belong to: once, whole, to the same readers, and nowhere else."""

from __future__ import annotations

import re

import pytest

from bridge.cli.story.filing import DeskFiles, JiraFiles, github_texts
from bridge.cli.story.script import Opened

from .conftest import World
from .test_groups import put_together, two_customers

LOG = b"line\n" * 50_000
SHOT = bytes(range(256)) * 40


def stem(name: str) -> str:
    """A stored name without what tells our copy from others."""
    return re.sub(r"-[0-9a-f]{8}(?=\.)", "", name)


def opened(world: World, summary: str = "Checkout fails") -> str:
    """A ticket at Acme's that has its issue."""
    ticket = world.file(world.acme, summary).ticket
    world.converge()
    return ticket


def key_of(world: World, summary: str = "Checkout fails") -> str:
    key = world.jira.find(summary, project="ACME")
    assert key is not None
    return key


def test_the_files_of_the_first_message_go_up_before_anything_else_is_said(world: World) -> None:
    desk = DeskFiles(world.acme)
    shot = desk.upload("shot.png", SHOT, "image/png")
    html = f'<p>It looks so: <img src="{shot["attachment"]["content_url"]}" alt="the screen"></p>'
    ticket = desk.file("Checkout fails", shot, desk.upload("trace.log", LOG), html=html)
    world.acme.reply(ticket, "Any news?")
    world.converge()
    files = JiraFiles(world.jira).listed(key_of(world))
    assert {stem(name): content for name, content in files.items()} == {"shot.png": SHOT, "trace.log": LOG}
    [case] = world.jira.cases("ACME")
    description, first, second = (one.words for one in case.said)
    assert "shot.png" in description
    assert "attachments/token" not in description
    assert all(name in first for name in files)
    assert "Any news?" in second


def test_a_customer_s_files_reach_the_tracker_once_and_whole(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here.</p>", desk.upload("trace.log", LOG), desk.upload("../../we ird/na<me>.txt", b"x"))
    world.converge()
    world.stop()
    world.converge()
    files = JiraFiles(world.jira).listed(key_of(world))
    assert sorted(map(stem, files)) == ["na_me.txt", "trace.log"]
    assert LOG in files.values()


def test_the_same_file_sent_again_goes_up_once(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    for name in ("trace.log", "trace-again.log"):
        desk.reply(ticket, f"<p>See {name}.</p>", desk.upload(name, LOG))
        world.converge()
    desk.reply(ticket, "<p>See another.</p>", desk.upload("other.log", LOG[::-1]))
    world.converge()
    files = JiraFiles(world.jira).listed(key_of(world))
    assert sorted(map(stem, files)) == ["other.log", "trace.log"]
    [case] = world.jira.cases("ACME")
    assert sum("trace-" in one.words for one in case.said) == 2


def test_a_released_comment_takes_the_files_it_shows_along_and_no_others(world: World) -> None:
    ticket = opened(world)
    key, jira = key_of(world), JiraFiles(world.jira)
    shown = jira.attach(key, "fixed.png", SHOT, "image/png")
    hidden = jira.attach(key, "internal.txt", b"our secret")
    jira.comment(key, "#reply It should look so:", shown, alt="internal.txt")
    jira.comment(key, "This is for us only.", hidden)
    world.converge()
    [file] = DeskFiles(world.acme).listed(ticket)
    assert (stem(file.name), file.content, file.public, file.inline) == ("fixed.png", SHOT, False, True)
    assert file.url in DeskFiles(world.acme).said(ticket)[-1]
    assert "internal.txt" not in " ".join(DeskFiles(world.acme).said(ticket))


def test_a_delivery_takes_the_file_of_its_command_along(world: World) -> None:
    ticket = opened(world)
    key, jira = key_of(world), JiraFiles(world.jira)
    patch = jira.attach(key, "patch-7.zip", b"PK..", "application/zip")
    jira.comment(key, "/hotfix 2.4.1 Install it over the old one.", patch)
    world.converge()
    [file] = DeskFiles(world.acme).listed(ticket)
    assert (stem(file.name), file.content, file.inline) == ("patch-7.zip", b"PK..", False)
    said = DeskFiles(world.acme).said(ticket)[-1]
    assert "2.4.1" in said
    assert "<img" not in said


def test_what_the_customer_sent_does_not_come_back_to_them(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here.</p>", desk.upload("trace.log", LOG))
    world.converge()
    key, jira = key_of(world), JiraFiles(world.jira)
    [ours] = jira.records(key)
    jira.comment(key, "#reply Line 4 of your log says it:", ours)
    world.converge()
    assert [file.name for file in desk.listed(ticket)] == ["trace.log"]
    assert "it came from this ticket" in desk.said(ticket)[-1]


def shared(world: World) -> tuple[str, str, str, DeskFiles, DeskFiles]:
    """One issue for a ticket of each customer, both with a file in the first message: its key, and the tickets."""
    two_customers(world)
    acme, globex = DeskFiles(world.acme), DeskFiles(world.globex)
    first = acme.file("Checkout fails", acme.upload("acme.log", LOG))
    second = globex.file("Cannot pay", globex.upload("globex.log", SHOT))
    world.converge()
    tickets = (
        Opened("acme-desk", first, "Checkout fails", "high"),
        Opened("globex-desk", second, "Cannot pay", "high"),
    )
    return put_together(world, *tickets), first, second, acme, globex


def test_the_files_of_a_ticket_that_joins_an_issue_come_along(world: World) -> None:
    key, *_tickets = shared(world)
    assert sorted(map(stem, JiraFiles(world.jira).listed(key))) == ["acme.log", "globex.log"]


def test_one_customer_s_file_never_reaches_another_s_ticket_even_if_a_reply_shows_it(world: World) -> None:
    key, first, second, acme, globex = shared(world)
    jira = JiraFiles(world.jira)
    copy = next(one for one in jira.records(key) if one["filename"].startswith("acme-"))
    own = jira.attach(key, "fix.txt", b"ok")
    jira.comment(key, f"#reply globex:{second} Compare these:", copy, own)
    world.converge()
    assert [stem(file.name) for file in globex.listed(second)] == ["globex.log", "fix.txt"]
    said = globex.said(second)[-1]
    assert "Compare these" in said
    assert "it came from another ticket" in said
    assert "acme" not in said
    assert len(acme.said(first)) == 1


def test_files_stay_behind_with_a_reason_and_hold_nothing_up(world: World) -> None:
    with world.sandbox.world.lock:
        world.sandbox.sites["acme-desk"].settings["malware"] = {"bad.exe": "malware_found"}
    world.edit = lambda text: text.replace("documented: false}", "documented: false, attachment: 100 kB}")
    ticket, desk = opened(world), DeskFiles(world.acme)
    uploads = [desk.upload(*one) for one in (("bad.exe", b"MZ"), ("large.log", LOG), ("small.log", b"ok"))]
    desk.reply(ticket, "<p>Three files.</p>", *uploads)
    world.converge()
    assert [stem(name) for name in JiraFiles(world.jira).listed(key_of(world))] == ["small.log"]
    [case] = world.jira.cases("ACME")
    said = case.said[-1].words
    assert "Three files." in said
    assert "bad.exe (2 bytes)" in said
    assert "it was found to be harmful" in said
    assert "large.log (250.0 kB)" in said
    assert "it is larger than the 102.4 kB" in said
    assert "http" not in said.split("left behind")[1], "an engineer cannot open the customer's files"


def test_a_file_on_a_stranger_s_host_is_not_fetched(world: World) -> None:
    world.edit = lambda text: text.replace("content_hosts: [localhost]", "content_hosts: [files.example]")
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here.</p>", desk.upload("trace.log", LOG))
    world.sandbox.clear_log()
    world.converge()
    assert JiraFiles(world.jira).listed(key_of(world)) == {}
    assert "trace.log" in world.jira.cases("ACME")[0].said[-1].words
    assert not [line for line in world.requests() if "/content/" in line]


def test_a_file_that_is_gone_is_asked_for_again_and_then_left_behind(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here.</p>", desk.upload("trace.log", LOG))
    world.fault(site="acme-desk", kind="status", status=404, path="/attachments/token/")
    world.sandbox.clear_log()
    world.converge()
    asked = [line for line in world.requests(site="acme-desk") if "/attachments/token/" in line]
    assert len(asked) == 3
    assert JiraFiles(world.jira).listed(key_of(world)) == {}
    assert "it could not be fetched" in world.jira.cases("ACME")[0].said[-1].words


def test_comments_wait_in_their_order_for_a_file_that_fails_for_a_while(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>First.</p>", desk.upload("trace.log", LOG))
    world.acme.reply(ticket, "Second.")
    world.fault(site="acme-desk", kind="status", status=503, retry_after_s=1, path="/attachments/token/", count=1)
    world.converge()
    [case] = world.jira.cases("ACME")
    assert [("First" in one.words, "Second" in one.words) for one in case.said[-2:]] == [(True, False), (False, True)]
    assert list(JiraFiles(world.jira).listed(case.ticket).values()) == [LOG]


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "late_write"])
@pytest.mark.parametrize("path", ["attachments$", "comment$"])
def test_a_lost_reply_on_the_way_to_jira_neither_loses_nor_doubles_a_file(world: World, kind: str, path: str) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here it is.</p>", desk.upload("trace.log", LOG), desk.upload("shot.png", SHOT))
    world.fault(site="vendor-jira", kind=kind, path=path, delay_s=0.4, writes_only=True, count=1)
    world.converge()
    files = JiraFiles(world.jira).listed(key_of(world))
    assert sorted(map(stem, files)) == ["shot.png", "trace.log"]
    assert sum("Here it is." in one.words for one in world.jira.cases("ACME")[0].said) == 1


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "late_write"])
@pytest.mark.parametrize("path", ["/uploads", "/tickets/"])
def test_a_lost_reply_on_the_way_to_zendesk_neither_loses_nor_doubles_a_file(
    world: World, kind: str, path: str
) -> None:
    ticket = opened(world)
    key, jira = key_of(world), JiraFiles(world.jira)
    jira.comment(key, "#reply Look:", jira.attach(key, "fixed.png", SHOT, "image/png"))
    world.fault(site="acme-desk", kind=kind, path=path, delay_s=0.4, writes_only=True, count=1)
    world.converge()
    desk = DeskFiles(world.acme)
    assert [(stem(one.name), one.content) for one in desk.listed(ticket)] == [("fixed.png", SHOT)]
    assert sum("Look:" in words for words in desk.said(ticket)) == 1


@pytest.mark.parametrize("path", ["attachments$", "comment$"])
def test_a_process_that_ended_on_the_way_is_taken_up_by_the_next(world: World, path: str) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    desk.reply(ticket, "<p>Here it is.</p>", desk.upload("trace.log", LOG))
    world.fault(site="vendor-jira", kind="drop_after", path=path, writes_only=True, count=1)
    world.converge(patience_s=0.0)
    world.stop()
    world.converge()
    assert list(JiraFiles(world.jira).listed(key_of(world)).values()) == [LOG]
    assert sum("Here it is." in one.words for one in world.jira.cases("ACME")[0].said) == 1


def test_github_names_the_files_it_cannot_take(world: World) -> None:
    desk = DeskFiles(world.globex)
    ticket = desk.file("Search is slow", desk.upload("trace.log", LOG))
    world.converge()
    desk.reply(ticket, "<p>More.</p>", desk.upload("more.log", SHOT))
    world.converge()
    number = world.github.find("Search is slow")
    assert number is not None
    said = " ".join(github_texts(world.github, number))
    assert "trace.log" in said
    assert "more.log" in said
    assert "attachments/token" not in said


def test_pictures_pasted_at_github_are_named_and_no_private_address_is_shown(world: World) -> None:
    ticket = world.file(world.globex, "Search is slow").ticket
    world.converge()
    number = world.github.find("Search is slow")
    assert number is not None
    world.github.comment(number, "#reply So:\n\n![the graph](https://github.com/user-attachments/assets/1-2-3)")
    world.converge()
    said = DeskFiles(world.globex).said(ticket)[-1]
    assert "the_graph" in said
    assert "github.com" not in said


def test_w19_pictures_are_sent_along_and_shown_on_the_other_side(world: World) -> None:
    ticket, desk = opened(world), DeskFiles(world.acme)
    shot = desk.upload("shot.png", SHOT, "image/png")
    address = shot["attachment"]["content_url"]
    desk.reply(ticket, f'<p>Before</p><p><img src="{address}" alt="screen"></p><p>after.</p>', shot)
    world.converge()
    key, jira = key_of(world), JiraFiles(world.jira)
    [(name, content)] = jira.listed(key).items()
    said = world.jira.cases("ACME")[0].said[-1].words
    assert content == SHOT
    assert said.index("Before") < said.index(name) < said.index("after.")
    assert "/secure/attachment/" in said, "a link that the vendor's people can open"
    assert address not in said, "a private address that would not open for them"
    jira.comment(key, "#reply Fixed, see", jira.attach(key, "after.png", SHOT[::-1], "image/png"))
    world.converge()
    picture = desk.listed(ticket)[-1]
    assert (picture.content, picture.inline) == (SHOT[::-1], True)
    assert f'<img src="{picture.url.replace("&", "&amp;")}"' in desk.said(ticket)[-1]
    assert world.sandbox.urls["vendor-jira"] not in desk.said(ticket)[-1]
