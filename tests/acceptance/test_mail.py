"""Mail as people really answer it: quoted history, signatures, absence notes."""

from __future__ import annotations

from typing import Any

from bridge.cli.story.script import Opened

from .conftest import World

HISTORY = "\n\nOn Mon, 2 Mar 2026 at 10:00, Ada Example <ada@vendor.example> wrote:\n> SECRET history\n> more of it"


def mailed(world: World, opened: Opened, words: str, *, auto: bool = False) -> None:
    """The customer's user answers by mail."""
    site: Any = world.sandbox.sites[opened.site]
    with world.sandbox.world.lock:
        site.receive_mail("user@" + opened.site + ".example", words, ticket_id=int(opened.ticket), auto=auto)


def in_tracker(world: World, opened: Opened) -> list[str]:
    return [said.words for said in world.issue(opened).said[1:]]


def in_helpdesk(world: World, opened: Opened) -> list[str]:
    return [said.words for said in world.ticket(opened).said[1:]]


def test_a_mailed_answer_reaches_the_engineers_without_the_history_and_says_so(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    mailed(world, opened, f"Still broken.\n\n-- \nUser Example\nExample Ltd.{HISTORY}")
    world.converge()
    [comment] = in_tracker(world, opened)
    assert "Still broken." in comment
    assert "SECRET" not in comment
    assert "Example Ltd." not in comment
    assert "Quoted mail and signature left out" in comment


def test_an_answer_without_history_says_nothing_about_it(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    mailed(world, opened, "Still broken.")
    world.converge()
    [comment] = in_tracker(world, opened)
    assert "left out" not in comment


def test_a_reply_mailed_to_the_tracker_takes_no_quoted_history_to_the_customer(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.github.comment(number, f"#reply We look into it.{HISTORY}")
    world.github.comment(number, f"/workaround Search by number.{HISTORY}")
    world.converge()
    said = in_helpdesk(world, opened)
    assert any("We look into it." in words for words in said)
    assert any("Search by number." in words for words in said)
    assert "SECRET" not in "".join(said)


def test_a_command_in_a_quote_a_signature_or_code_is_no_command(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    for words in (
        "> #reply quoted SECRET",
        "> /cause quoted SECRET\n\nNo, that is not it.",
        "-- \n#reply SECRET signature",
        "On 2 Mar 2026 Ada wrote:\n> #reply SECRET",
        "On 2 Mar 2026 Ada wrote:\n\n> /workaround SECRET",
        "`#reply` SECRET in code",
        "```\n/cause SECRET\n```",
        "I would write\n\n#reply SECRET",
        f"#reply{HISTORY}",
    ):
        world.github.comment(number, words)
    world.converge()
    assert in_helpdesk(world, opened) == []


def test_words_that_are_only_quoted_let_nothing_cross_but_keep_back_what_holds_them(world: World) -> None:
    mapping = world.home / "contains.yaml"
    mapping.write_text(
        "extends: zendesk-default\n"
        "comments:\n"
        "  to_other_side:\n"
        "    - {when: {body: {contains: confidential}}, skip: true}\n"
        "    - {when: {visibility: public, body: {contains: for the vendor}}, audience: vendor}\n"
        "    - {otherwise: skip}\n",
        encoding="utf-8",
    )
    world.edit = lambda text: text.replace("mapping: zendesk-default", "mapping: ./contains.yaml", 1)
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    mailed(world, opened, "One: no.\n\nOn 2 Mar 2026 Bob wrote:\n> for the vendor")
    mailed(world, opened, "Two: for the vendor.\n\nOn 2 Mar 2026 Bob wrote:\n> confidential")
    mailed(world, opened, "Three: for the vendor.\n\nOn 2 Mar 2026 Bob wrote:\n> no")
    world.converge()
    [comment] = in_tracker(world, opened)
    assert "Three" in comment


def test_an_absence_note_is_mirrored_as_what_it_is_and_can_be_left_out_by_a_rule(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    mailed(world, opened, "I am out of the office until Monday.")
    mailed(world, opened, "See you next week.", auto=True)
    mailed(world, opened, "I am here.")
    world.converge()
    told, flagged, live = in_tracker(world, opened)
    assert "sent an automatic message" in told
    assert "sent an automatic message" in flagged
    assert "sent an automatic message" not in live

    mapping = world.home / "no-machines.yaml"
    mapping.write_text(
        "extends: zendesk-default\n"
        "comments:\n"
        "  to_other_side:\n"
        "    - {when: {auto: true}, skip: true}\n"
        "    - {when: {visibility: public}, audience: vendor}\n"
        "    - {otherwise: skip}\n",
        encoding="utf-8",
    )
    world.stop()
    world.edit = lambda text: text.replace("mapping: zendesk-default", "mapping: ./no-machines.yaml", 1)
    mailed(world, opened, "Abwesenheitsnotiz: Checkout fails")
    mailed(world, opened, "Here again.")
    world.converge()
    assert [words for words in in_tracker(world, opened)[3:] if "Here again." not in words] == []
