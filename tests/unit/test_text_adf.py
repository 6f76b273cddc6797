"""Reading and writing the Atlassian Document Format."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model.document import Node, doc, node, paragraph, text, to_plain
from bridge.text.adf import read_adf, write_adf


def adf(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def words(value: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": value, **({"marks": list(marks)} if marks else {})}


def para(*inlines: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(inlines)}


@pytest.mark.parametrize(
    "value", [None, {}, {"type": "doc"}, adf(), {"type": "doc", "content": "x"}, {"content": [1, None]}]
)
def test_nothing_reads_as_an_empty_document(value: dict[str, Any] | None) -> None:
    assert read_adf(value) == doc()


def test_inline_nodes_read_as_what_people_see() -> None:
    document = read_adf(
        adf(
            para(
                words("Hi "),
                {"type": "mention", "attrs": {"id": "5b10", "text": "@Ada Example"}},
                {"type": "emoji", "attrs": {"shortName": ":smile:", "text": "🙂"}},
                {"type": "hardBreak"},
                {"type": "inlineCard", "attrs": {"url": "https://a.example/x"}},
                words(" "),
                {"type": "status", "attrs": {"text": "DONE", "color": "green"}},
                {"type": "date", "attrs": {"timestamp": "1767225600000"}},
            )
        )
    )
    assert to_plain(document) == "Hi @Ada Example🙂\nhttps://a.example/x DONE2026-01-01"
    assert next(one for one in document.walk() if one.kind == "mention").attr("id") == "5b10"


def test_marks_read_and_colours_are_dropped() -> None:
    document = read_adf(
        adf(
            para(
                words("a", {"type": "strong"}, {"type": "textColor", "attrs": {"color": "#ff0000"}}),
                words("b", {"type": "code"}),
                words("c", {"type": "strike"}, {"type": "underline"}, {"type": "subsup", "attrs": {"type": "sub"}}),
                words("d", {"type": "link", "attrs": {"href": "javascript:x"}}),
            )
        )
    )
    expected = paragraph(
        node("strong", text("a")), node("code", text="b"), node("strike", node("underline", text("c"))), text("d")
    )
    assert document == doc(expected)


def test_blocks_read_as_their_nearest_kind() -> None:
    document = read_adf(
        adf(
            {"type": "panel", "attrs": {"panelType": "error"}, "content": [para(words("p"))]},
            {
                "type": "taskList",
                "content": [{"type": "taskItem", "attrs": {"state": "DONE"}, "content": [words("t")]}],
            },
            {"type": "expand", "attrs": {"title": "More"}, "content": [para(words("e"))]},
            {
                "type": "mediaSingle",
                "content": [{"type": "media", "attrs": {"id": "1", "type": "file", "alt": "s.png"}}],
            },
            {"type": "codeBlock", "attrs": {"language": "java"}, "content": [words("x\ny")]},
            {
                "type": "orderedList",
                "attrs": {"order": 3},
                "content": [{"type": "listItem", "content": [para(words("n"))]}],
            },
            {"type": "newKind", "content": [{"type": "other", "content": [para(words("kept"))]}]},
        )
    )
    kinds = [block.kind for block in document.children]
    assert kinds == ["note", "bullets", "paragraph", "paragraph", "paragraph", "code_block", "numbers", "paragraph"]
    assert document.children[0].attr("tone") == "error"
    assert document.children[6].attr("start") == "3"
    assert to_plain(document).split("\n\n") == ["p", "[x] t", "More", "e", "s.png", "x\ny", "n", "kept"]


def test_names_are_written_as_words_so_that_nobody_is_called() -> None:
    written = write_adf(doc(paragraph(node("mention", text="@Ada Example", id="5b10"))))
    assert written == adf(para(words("@Ada Example")))


def test_images_and_bare_addresses_are_written_as_links() -> None:
    written = write_adf(
        doc(paragraph(node("image", url="https://i.example/a.png", alt="pic"), text(" see https://a.example/x.")))
    )

    def link(url: str) -> dict[str, Any]:
        return {"type": "link", "attrs": {"href": url}}

    expected = para(
        words("pic", link("https://i.example/a.png")),
        words(" see "),
        words("https://a.example/x", link("https://a.example/x")),
        words("."),
    )
    assert written == adf(expected)


def test_code_carries_no_mark_but_a_link() -> None:
    code = node("link", node("strong", node("code", text="x")), url="https://a.example")
    content = write_adf(doc(paragraph(code)))["content"][0]["content"]
    assert content == [words("x", {"type": "link", "attrs": {"href": "https://a.example"}}, {"type": "code"})]


CHILDREN = {
    "doc": {"paragraph", "heading", "codeBlock", "rule", "blockquote", "bulletList", "orderedList", "table", "panel"},
    "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
    "panel": {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": {"paragraph", "bulletList", "orderedList", "codeBlock"},
    "table": {"tableRow"},
    "tableRow": {"tableCell", "tableHeader"},
    **dict.fromkeys(
        ("tableCell", "tableHeader"),
        frozenset({"paragraph", "heading", "codeBlock", "rule", "blockquote", "bulletList", "orderedList", "panel"}),
    ),
    "paragraph": {"text", "hardBreak"},
    "heading": {"text", "hardBreak"},
    "codeBlock": {"text"},
}


def check(value: dict[str, Any]) -> None:
    """The rules of the format's public schema, as far as we write it."""
    kind = value["type"]
    if kind == "text":
        assert value["text"]
        return
    content = value.get("content", [])
    assert all(child["type"] in CHILDREN[kind] for child in content), (kind, content)
    if kind not in ("doc", "paragraph", "heading", "rule", "hardBreak"):
        assert content
    if kind == "listItem":
        assert content[0]["type"] in ("paragraph", "codeBlock")
    if kind == "codeBlock":
        assert all("marks" not in child for child in content)
    for child in content:
        check(child)


def test_every_container_in_every_other_is_written_as_the_schema_allows() -> None:
    kinds: list[Node] = [
        paragraph(text("p")),
        node("heading", text("h"), level="2"),
        node("code_block", text="c"),
        node("rule"),
        node("table", node("row", node("cell", paragraph(text("x"))), node("cell"))),
        node("bullets", node("item", node("heading", text("i"), level="1"))),
        node("numbers", node("item", node("bullets", node("item", paragraph(text("j")))))),
    ]
    for outer in ("quote", "note"):
        kinds.append(node(outer, *kinds))
    wrapped = [node("bullets", node("item", kind)) for kind in kinds]
    wrapped += [node("table", node("row", node("cell", kind))) for kind in kinds]
    wrapped += [node("quote", kind) for kind in kinds] + [node("note", kind) for kind in kinds]
    written = write_adf(doc(*kinds, *wrapped))
    check(written)
    assert write_adf(read_adf(written)) == written


def test_a_document_nested_beyond_reason_gives_its_words() -> None:
    value = para(words("bottom"))
    for _ in range(20_000):
        value = {"type": "blockquote", "content": [value]}
    assert to_plain(read_adf(adf(value))) == "bottom"
