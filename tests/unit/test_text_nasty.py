"""One comment with everything that ever broke a converter, through every pair of markups."""

from __future__ import annotations

import re
from itertools import permutations

import pytest

from bridge.model.document import Document, Node, doc, node, paragraph, text, to_plain
from bridge.text.adf import read_adf, write_adf
from bridge.text.html import read_html, write_html
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.shape import tidy
from bridge.text.wiki import read_wiki, write_wiki

FORMATS = {
    "html": (read_html, write_html),
    "adf": (read_adf, write_adf),
    "wiki": (read_wiki, write_wiki),
    "markdown": (read_markdown, write_markdown),
}

LITERAL = (
    r"*stars* _under_ __init__ snake_case -dash- +plus+ ^up^ ~down~ ~~gone~~ `tick` {macro} {code} {{mono}} [x](y) [x|y] "
    r"[~bob] ![i](j) !pic.png! <b>bold</b> <script>alert(1)</script> &amp; &#65; C:\temp \\server\share a|b ||c|| $x$ ??q?? "
    r"@octocat #12 acme/repo#7 GH-9 a@b.example (x) :) 1.5 -- --- 50% “q”"
)


def item(*blocks: Node) -> Node:
    return node("item", *blocks)


def line(words: str) -> Node:
    return paragraph(text(words))


def cell(*blocks: Node, header: str = "") -> Node:
    return node("cell", *blocks, header=header)


NASTY: Document = doc(
    node("heading", text("Title #3 #"), level="2"),
    line(LITERAL),
    paragraph(
        text("# not a heading"),
        node("break"),
        text("- no item"),
        node("break"),
        text("1. one"),
        node("break"),
        text("==="),
    ),
    paragraph(
        text("h1. none"),
        node("break"),
        text("bq. none"),
        node("break"),
        text("> none"),
        node("break"),
        text("|| none |"),
    ),
    node(
        "bullets",
        item(
            line("one"),
            node("numbers", item(line("deep"), node("bullets", item(line("deeper")))), item(line("second"))),
        ),
        item(line("two"), node("code_block", text="in an item")),
        item(paragraph(node("strong", text("bold")), text(" three"))),
    ),
    node(
        "table",
        node("row", cell(line("Head | er"), header="true"), cell(line("*B*"), header="true")),
        node(
            "row",
            cell(paragraph(text("line"), node("break"), text("break"))),
            cell(paragraph(node("code", text="a|b `c`"))),
        ),
        node("row", cell(), cell(line("x\\"))),
    ),
    node("code_block", text="def f():\n    return '```' + \"{code}\" # @octocat #1\n\n\tend", language="python"),
    node("code_block", text="plain <b> & {noformat}"),
    node("quote", line("quoted"), node("bullets", item(line("in a quote")))),
    node("note", line("be careful"), tone="warning"),
    paragraph(
        node("link", text("a [link]"), url="https://a.example/p_(x)?q=1&r=2"),
        text(" and "),
        node("link", text("https://b.example/x_y_z"), url="https://b.example/x_y_z"),
        text(" and http://c.example/_bare_."),
    ),
    paragraph(
        node("image", url="https://i.example/a.png", alt="a picture"),
        text("! "),
        node("mention", text="@Ada Example", id="5b10"),
    ),
    paragraph(
        text("in"),
        node("strong", text("tra")),
        text("word ("),
        node("emphasis", text("(x)")),
        text("y"),
        node("strike", text("z.")),
        text("w "),
        node("strong", text("both "), node("emphasis", text("nested")), node("underline", text("u"))),
    ),
    node("rule"),
    line("مرحبا بالعالم \u200fשלום 🙂👩‍🔧 e\u0301 日本語。"),
)


def words_of(document: Document) -> str:
    return re.sub(r"[\s\u2060]+", "", to_plain(document))


@pytest.mark.parametrize("name", FORMATS)
def test_the_nasty_comment_keeps_its_words_and_settles_in(name: str) -> None:
    read, write = FORMATS[name]
    written = write(NASTY)  # type: ignore[operator]
    back = read(written)  # type: ignore[operator]
    assert words_of(back) == words_of(NASTY)
    assert write(back) == written  # type: ignore[operator]


@pytest.mark.parametrize(("first", "second"), list(permutations(FORMATS, 2)))
def test_the_nasty_comment_crosses_from_one_markup_to_another_and_back(first: str, second: str) -> None:
    (read, write), (read_other, write_other) = FORMATS[first], FORMATS[second]
    here = read(write(NASTY))  # type: ignore[operator]
    there = read_other(write_other(here))  # type: ignore[operator]
    again = read(write(there))  # type: ignore[operator]
    assert words_of(there) == words_of(here) == words_of(again)


@pytest.mark.parametrize("name", FORMATS)
def test_structure_survives_in(name: str) -> None:
    read, write = FORMATS[name]
    back = read(write(NASTY))  # type: ignore[operator]
    kinds = [block.kind for block in back.children]
    for kind in ("heading", "bullets", "table", "code_block", "quote", "rule"):
        assert kind in kinds
    bullets = next(block for block in back.children if block.kind == "bullets")
    assert bullets.children[0].children[1].kind == "numbers"
    assert bullets.children[0].children[1].children[0].children[1].kind == "bullets"
    code = next(block for block in back.children if block.kind == "code_block")
    assert (code.attr("language"), code.text) == ("python", NASTY.children[6].text)
    table = next(block for block in back.children if block.kind == "table")
    assert [len(row.children) for row in table.children] == [2, 2, 2]
    assert table.children[0].children[0].attr("header") == "true"


def test_the_nasty_comment_is_in_normal_form_after_one_tidying() -> None:
    assert tidy(tidy(NASTY)) == tidy(NASTY)


def test_what_lies_too_deep_gives_its_words_in_every_markup() -> None:
    deep = text("bottom")
    for _ in range(5_000):
        deep = Node("quote", children=(deep,))
    for read, write in FORMATS.values():
        assert "bottom" in to_plain(read(write(doc(deep))))  # type: ignore[operator]


def test_control_characters_and_lone_surrogates_never_get_through() -> None:
    dirty = doc(line("a\x00b\ud800c\x1bd\ufffee"), node("code_block", text="x\x00\udfffy\r\nz"))
    for name, (read, write) in FORMATS.items():
        written = write(dirty)  # type: ignore[operator]
        assert "\\ud800" not in repr(written), name
        assert "\\x00" not in repr(written), name
        assert words_of(read(written)) == "abcdexyz"  # type: ignore[operator]


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<b><p>",
        "> ",
        "- ",
        "[",
        "![",
        "`a",
        "*a ",
        "_",
        "{",
        "{{a",
        "{quote}",
        "{code}{noformat}",
        "[a|b",
        "||a|[b",
        "\\",
        "<!--",
        "!a",
    ],
)
def test_hostile_repetition_is_read_in_bounded_time_and_without_recursion(unit: str) -> None:
    source = unit * (20_000 // len(unit))
    for read in (read_html, read_wiki, read_markdown):
        assert isinstance(read(source), Node)


def test_an_enormous_table_is_read_and_one_with_absurd_rows_gives_its_words() -> None:
    rows = "".join(f"<tr><td>{number}</td><td>x</td></tr>" for number in range(2_000))
    assert len(read_html(f"<table>{rows}</table>").children[0].children) == 2_000
    wide = "|" + "a|" * 3_000 + "\n" + "|b|\n" * 100
    back = read_wiki(wide)
    assert "b" in to_plain(back)
    assert sum(1 for _ in back.walk()) < 50_000
