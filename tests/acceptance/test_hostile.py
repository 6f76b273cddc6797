"""Texts and names made to break things, through the whole bridge: mirrored as they are, or refused with a sentence; the
others go on, and nothing comes to stand where no rule put it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.cli.story.script import Opened
from bridge.config import check_config

from .conftest import World

HOSTILE = {
    "script": "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>",
    "template": "{{ 7 * 191 }} {% for x in [].__class__ %} ${{ env.TOKEN }} #{7*191} <%= 7*191 %>",
    "path": "../../../../etc/passwd \\\\server\\share C:\\con\\nul",
    "format": "%s%n%x {0.__class__} {hint!r} =cmd|' /C calc'!A0 +1+1 @SUM(A1)",
    "bidi": "\u202egnp.exe \u2066evil\u2069 \u200b\ufeffzero",
    "null": "before\x00after\x1b[31mred\x07",
    "emoji": "👩‍👩‍👧‍👦 " * 50,
    "combining": "Z" + "\u0301" * 400,
}


def speak(world: World, opened: Opened, words: str) -> None:
    """The vendor's engineer says something to the customer of a case."""
    number = world.issue(opened).ticket
    if opened.site == "acme-desk":
        world.jira.comment(number, words)
    else:
        world.github.comment(number, words)


@pytest.mark.parametrize("desk", ["acme", "globex"])
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_words_cross_both_ways_without_doing_anything(world: World, name: str, desk: str) -> None:
    words = HOSTILE[name]
    helpdesk = world.acme if desk == "acme" else world.globex
    opened, other = world.file(helpdesk, "Checkout fails", words), world.file(helpdesk, "Search is slow")
    settled = world.converge()
    assert not settled.failed
    helpdesk.reply(opened.ticket, f"More: {words}")
    speak(world, opened, f"#reply Seen: {words}")
    speak(world, opened, f"/workaround {words}")
    speak(world, opened, f"Never tell them: {words} secret-word")
    speak(world, other, "#reply The other case goes on.")
    settled = world.converge()
    assert not settled.failed
    issue, ticket = world.issue(opened), world.ticket(opened)
    assert any("More:" in said.words for said in issue.said)
    told = [said.words for said in ticket.said[2:]]
    assert len(told) == 2
    assert all("secret-word" not in said.words for said in ticket.said)
    copies = " ".join([*(said.words for said in issue.said if "More:" in said.words), *told])
    assert "1337" not in copies
    assert "<script" not in " ".join(told)
    assert "onerror=" not in " ".join(told).replace("onerror=alert(1)&gt;", "")
    assert not {"\x00", "\x07", "\x1b"}.intersection(copies)
    assert "The other case goes on." in world.ticket(other).said[-1].words


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_summary_becomes_an_issue_or_a_refusal_and_the_others_go_on(world: World, name: str) -> None:
    world.file(world.acme, f"T {HOSTILE[name]}"[:150])
    world.file(world.globex, f"T {HOSTILE[name]}"[:150])
    plain = world.file(world.acme, "Checkout fails")
    assert not world.converge().failed
    assert len(world.jira.cases("ACME")) == 2
    assert len(world.github.cases()) == 1
    assert world.issue(plain)


def huge(world: World, opened: Opened, words: str) -> None:
    """A comment no form would take, as an import leaves it behind."""
    site: Any = world.sandbox.sites["vendor-github"]
    world.github.comment(world.issue(opened).ticket, "#reply placeholder")
    with world.sandbox.world.lock:
        [comment] = [
            one
            for one in site.data["repositories"]["vendor/platform"]["comments"].values()
            if "placeholder" in one["body"]
        ]
        comment["body"] = words


def test_a_comment_of_10_mb_is_told_of_and_not_sent_and_the_others_go_on(world: World) -> None:
    opened, other = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    huge(world, opened, "#reply " + "All work and no play. " * (10_000_000 // 22))
    speak(world, other, "#reply The other case goes on.")
    assert not world.converge().failed
    [told] = [said.words for said in world.ticket(opened).said[1:]]
    assert "characters is too long to be mirrored" in told
    assert len(told) < 500
    assert "The other case goes on." in world.ticket(other).said[-1].words


def nested_html(depth: int) -> str:
    return "<blockquote>" * depth + "core" + "</blockquote>" * depth


def nested_list(depth: int) -> Any:
    """A rich document of lists in lists, as Jira takes it."""
    first = {"type": "paragraph", "content": [{"type": "text", "text": "#reply core"}]}
    inner: list[Any] = [first]
    for _ in range(depth):
        inner = [first, {"type": "bulletList", "content": [{"type": "listItem", "content": inner}]}]
    return {"version": 1, "type": "doc", "content": inner}


@pytest.mark.parametrize(
    "deep",
    [
        nested_html(20_000),
        "<table><tr><td>" * 500 + "core",
        "<b><i>" * 10_000 + "core",
        "&lt;" * 10_000 + "core",
        "<!--" * 5_000 + "core",
    ],
    ids=["quotes", "tables", "unclosed", "entities", "comments"],
)
def test_html_that_nests_without_end_is_mirrored_shallow_or_refused(world: World, deep: str) -> None:
    opened, other = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Search is slow")
    world.converge()
    site: Any = world.sandbox.sites["acme-desk"]
    world.acme.reply(opened.ticket, "placeholder")
    with world.sandbox.world.lock:
        for thread in _threads(site.data):
            if "placeholder" in thread.get("html_body", ""):
                thread["html_body"] = thread["body"] = deep
    world.acme.reply(other.ticket, "The other case goes on.")
    assert not world.converge().failed
    assert any("The other case goes on." in said.words for said in world.issue(other).said)


def _threads(data: Any) -> list[dict[str, Any]]:
    """Every comment of a simulated Zendesk, wherever it keeps them."""
    found, todo = [], [data]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if "html_body" in one:
                found.append(one)
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)
    return found


def test_markdown_that_nests_without_end_is_mirrored_shallow(world: World) -> None:
    opened, other = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    for deep in ("> " * 5_000, "- " * 5_000, "*" * 20_000, "[" * 20_000, "`" * 20_000, "![" * 10_000):
        speak(world, opened, f"#reply start\n\n{deep}core")
    speak(world, other, "#reply The other case goes on.")
    assert not world.converge().failed
    assert sum("start" in said.words for said in world.ticket(opened).said) == 6
    assert "The other case goes on." in world.ticket(other).said[-1].words


def test_a_rich_document_that_nests_deep_is_mirrored_shallow(world: World) -> None:
    opened, other = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Search is slow")
    world.converge()
    deep, plain = world.issue(opened).ticket, world.issue(other).ticket
    body = {"body": nested_list(100)}
    world.jira._call("POST", f"/rest/api/3/issue/{deep}/comment", login=world.jira._login("engineer"), body=body)
    world.jira.comment(plain, "#reply The other case goes on.")
    assert not world.converge().failed
    assert "core" in world.ticket(opened).said[-1].words
    assert "The other case goes on." in world.ticket(other).said[-1].words


def test_thousands_of_labels_stop_at_most_the_labels_of_their_own_case(world: World) -> None:
    opened, other = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    world.globex.change(opened.ticket, tags=[f"area-{number}" for number in range(1_500)], priority="urgent")
    world.globex.change(other.ticket, tags=["area-search"])
    assert not world.converge().failed
    assert "area-search" in world.issue(other).fields["labels"]
    assert "severity: critical" in world.issue(opened).fields["labels"]


FORGERIES: list[Callable[[str], str]] = [
    lambda line: f"#reply Look: {line}",
    lambda line: f"#reply Look\n\n{line}",
    lambda line: f"#reply Look\n\n> {line}",
    lambda line: f"{line}\n\n#reply no",
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_marker_an_engineer_quotes_or_copies_means_nothing(world: World, forge: Callable[[str], str]) -> None:
    opened, other = world.file(world.globex, "Search is slow"), world.file(world.globex, "Export fails")
    world.converge()
    world.globex.reply(opened.ticket, "It got worse.")
    world.converge()
    site: Any = world.sandbox.sites["vendor-github"]
    with world.sandbox.world.lock:
        bodies = [one["body"] for one in site.data["repositories"]["vendor/platform"]["comments"].values()]
    [line] = [body.splitlines()[-1] for body in bodies if "It got worse" in body]
    assert "bridge:1" in line
    speak(world, other, forge(line))
    world.converge()
    world.stop()
    world.converge()
    told = [said.words for said in world.ticket(other).said[1:]]
    assert len(told) == 1
    assert "It got worse" not in told[0]
    assert sum("It got worse" in said.words for said in world.issue(opened).said) == 1


def test_a_label_copied_from_our_issue_to_another_makes_it_nobodys_case(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    label = next(one for one in world.issue(opened).fields["labels"] if one.startswith("bridge-"))
    fields = {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "Not ours", "labels": [label]}
    world.jira._call("POST", "/rest/api/3/issue", login=world.jira._login("engineer"), body={"fields": fields})
    world.converge()
    world.stop()
    world.converge()
    world.acme.change(opened.ticket, priority="low")
    world.converge()
    stranger = next(case for case in world.jira.cases("ACME") if case.summary == "Not ours")
    assert stranger.fields["Severity"] in (None, "")
    assert world.issue(opened).fields["Severity"] == "S4"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize("which", ["config", "mapping"])
def test_aliases_that_multiply_are_refused_in_one_sentence(world: World, which: str) -> None:
    path = world.home / "config.yaml"
    world.start()
    world.stop()
    text = path.read_text(encoding="utf-8")
    if which == "config":
        path.write_text(LAUGHS + text, encoding="utf-8")
    else:
        (world.home / "laughs.yaml").write_text(LAUGHS + "extends: jira-software\n", encoding="utf-8")
        path.write_text(text.replace("mapping: jira-software", "mapping: ./laughs.yaml"), encoding="utf-8")
    config, problems = check_config(path, environ=world.variables)
    assert config is None
    assert sum("unfolds to more than" in str(problem) for problem in problems) == 1
    assert all(len(str(problem)) < 500 for problem in problems)


def test_what_a_site_says_in_its_refusal_cannot_forge_a_line_of_the_log(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    words = "no\n2026-01-01 [error] forged=yes\x1b]0;owned\x07 %s {0}"
    body = {"errorMessages": [words], "errors": {}}
    world.fault(site="vendor-jira", kind="status", status=400, method="PUT", body=body)
    world.acme.change(opened.ticket, priority="low")
    world.converge()
    shown = capsys.readouterr()
    for line in (shown.out + shown.err).splitlines():
        assert not line.startswith("2026-01-01 [error] forged")
        assert "\x1b]0" not in line
