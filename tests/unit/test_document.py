"""The neutral tree: its words, its first line, its JSON."""

from __future__ import annotations

import json

import pytest

from bridge.model.document import (
    Node,
    digest,
    doc,
    first_line,
    from_json,
    from_plain,
    node,
    paragraph,
    text,
    to_json,
    to_plain,
    without_prefix,
)


def test_plain_text_becomes_paragraphs_and_breaks_and_comes_back() -> None:
    plain = "one\ntwo\n\nthree *not bold*"
    document = from_plain(plain)
    assert [block.kind for block in document.children] == ["paragraph", "paragraph"]
    assert to_plain(document) == plain


def test_plain_words_of_tables_lists_code_and_images_are_all_there() -> None:
    table = node("table", node("row", node("cell", paragraph(text("a"))), node("cell", paragraph(text("b")))))
    bullets = node("bullets", node("item", paragraph(text("c")), node("bullets", node("item", paragraph(text("d"))))))
    document = doc(
        table, bullets, node("code_block", text="e\nf"), paragraph(node("image", alt="g", url="http://x.example"))
    )
    assert to_plain(document) == "a | b\n\nc\n\nd\n\ne\nf\n\ng"


def test_equal_trees_have_equal_json_and_digest_whatever_the_order_of_attributes() -> None:
    one = node("link", text("x"), url="http://a.example", title="t")
    other = node("link", text("x"), title="t", url="http://a.example")
    assert one == other
    assert from_json(json.loads(json.dumps(to_json(one)))) == one
    assert digest(doc(paragraph(one))) == digest(doc(paragraph(other))) != digest(doc(paragraph(text("x"))))


def test_the_first_line_is_that_of_the_first_block_with_words() -> None:
    document = doc(
        paragraph(text("  ")),
        paragraph(node("break"), text(" #reply"), node("strong", text(" now")), node("break"), text("b")),
    )
    assert first_line(document) == "#reply now"


@pytest.mark.parametrize(
    "block",
    [
        node("code_block", text="#reply"),
        node("quote", paragraph(text("#reply"))),
        paragraph(node("code", text="#reply"), text(" is how one answers")),
        paragraph(text(" "), node("strong", node("code", text="#reply"))),
        paragraph(node("image", alt="#reply", url="http://x.example")),
        node("bullets", node("item", paragraph(text("#reply")))),
    ],
)
def test_code_quotes_lists_and_names_of_images_hold_no_commands(block: Node) -> None:
    assert not first_line(doc(block, paragraph(text("words")))).startswith("#reply")


def test_a_prefix_is_taken_off_with_the_white_space_behind_it_and_nothing_more() -> None:
    def words(*inlines: Node) -> str:
        return to_plain(without_prefix(doc(paragraph(*inlines), paragraph(text("rest"))), "#reply all"))

    assert words(text(" #reply all  hello")) == "hello\n\nrest"
    assert words(text("#reply all"), node("break"), text("hello")) == "hello\n\nrest"
    assert words(node("strong", text("#reply")), text(" all hello")) == "hello\n\nrest"
    assert words(node("strong", text("#reply")), text(" allx y")) == "x y\n\nrest"
    assert words(text("#reply all")) == "rest"
    assert words(text("#reply some")) == "#reply some\n\nrest"


def test_an_image_beside_a_prefix_stays() -> None:
    document = doc(paragraph(node("image", alt="logo", url="http://x.example/l.png"), text("#reply hello")))
    left = without_prefix(document, "#reply")
    assert [child.kind for child in left.children[0].children] == ["image", "text"]
    assert to_plain(left) == "logo hello"
