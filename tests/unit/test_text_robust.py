"""Texts that nobody sends in good faith: readers and writers take them all, and no tree grows beyond its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.model.document import Document, Node, doc, from_plain, node, paragraph, text, to_plain
from bridge.text.adf import read_adf, write_adf
from bridge.text.automatic import is_automatic_reply
from bridge.text.clean import MAX_DEPTH, MOST_LETTERS
from bridge.text.html import read_html, write_html
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.quoted import fold_quoted, own_words
from bridge.text.split import split
from bridge.text.wiki import read_wiki, write_wiki

READERS: dict[str, Callable[[str], Document]] = {"html": read_html, "wiki": read_wiki, "markdown": read_markdown}
WRITERS: dict[str, Callable[[Document], Any]] = {
    "html": write_html,
    "adf": write_adf,
    "wiki": write_wiki,
    "markdown": write_markdown,
}
DEEP = 10_000


def depth(document: Node) -> int:
    deepest, level = 0, [document]
    while level:
        deepest, level = deepest + 1, [child for one in level for child in one.children]
    return deepest


def assert_taken(document: Document, *, words: str = "bottom") -> None:
    assert depth(document) <= 2 * MAX_DEPTH
    assert words in to_plain(document)
    for name, write in WRITERS.items():
        assert words in str(write(document)), name
    assert words in to_plain(fold_quoted(document))
    assert not is_automatic_reply(document)
    own_words(document)


@pytest.mark.parametrize(
    ("name", "opening", "closing"),
    [
        *(
            ("html", f"<{tag}>", f"</{tag}>")
            for tag in ("div", "b", "blockquote", "span", "sup", "details", "table><tr><td")
        ),
        *(
            ("html", opening, "")
            for opening in ("<ul><li>", "<div>", "<b><p>", "<a href='https://a.example'>", "<table>", "<pre>")
        ),
        *(("markdown", opening, "") for opening in ("> ", "- ", "1. ", "> - ", "*", "[", "![", "<b>", "a `", "a ~~")),
        *(
            ("wiki", opening, closing)
            for opening, closing in (("{quote}", "{quote}"), ("{panel}", "{panel}"), ("{color:red}", ""))
        ),
        *(("wiki", opening, "") for opening in ("*", "bq. ", "[", "{{", "{", "||", "!", "h1. ")),
    ],
)
def test_ten_thousand_levels_are_read_and_written(name: str, opening: str, closing: str) -> None:
    assert_taken(READERS[name](opening * DEEP + " bottom " + closing * DEEP))


@pytest.mark.parametrize("kind", ["blockquote", "bulletList", "table", "panel", "expand", "unknown", "paragraph"])
def test_ten_thousand_levels_of_adf_are_read_and_written(kind: str) -> None:
    value: Any = {"type": "text", "text": "bottom"}
    for _ in range(DEEP):
        value = {"type": kind, "content": [value]}
    assert_taken(read_adf({"type": "doc", "version": 1, "content": [value]}))


@pytest.mark.parametrize("kind", ["quote", "note", "bullets", "table", "strong", "link", "doc", "item", "cell"])
def test_a_tree_of_ten_thousand_levels_is_written_and_split(kind: str) -> None:
    deep = text("bottom")
    for _ in range(DEEP):
        deep = Node(kind, children=(deep,))
    whole = doc(deep, paragraph(text("word " * 100)))
    for name, write in WRITERS.items():
        assert "bottom" in str(write(whole)), name
    parts = split(whole, measure=lambda part: len(write_html(part)), limit=200)
    assert "bottom" in "".join(map(to_plain, parts))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("unit", "letters"), [("x", 10_000_000), ("<p>a</p> <b>b</b> ", MOST_LETTERS), ("| a | b |\n", MOST_LETTERS)]
)
def test_megabytes_become_a_tree_no_larger_than_the_source(name: str, unit: str, letters: int) -> None:
    source = unit * (letters // len(unit) + 1) + " bottom"
    read = READERS[name](source)
    assert "bottom" in to_plain(read)
    assert sum(1 for _ in read.walk()) <= len(source)


@pytest.mark.parametrize("unit", ["\x00", "\ud800", "\udfff\ud800", "\u202e", "\x1b[31m", "\ufdd0", "\uffff", "\x85"])
def test_what_no_text_may_hold_reaches_no_vendor(unit: str) -> None:
    source = f"a{unit}b"
    adf = {"type": "doc", "content": [{"type": "codeBlock", "content": [{"type": "text", "text": source}]}]}
    odd = node("link", text(source), node("code", text=source), url=f"https://a.example/{unit}", title=source)
    image = node("image", url=f"https://a.example/{unit}", alt=source, name=source)
    documents = [read(source) for read in READERS.values()]
    documents += [
        read_adf(adf),
        from_plain(source),
        doc(paragraph(odd, image), node("code_block", text=source, language=unit)),
    ]
    for document in documents:
        for name, write in WRITERS.items():
            written = write(document)
            assert not set(unit) - set("[31m") & set(str(written)), name
            str(written).encode()
