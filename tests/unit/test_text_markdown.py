"""Reading and writing GitHub's Markdown."""

from __future__ import annotations

import pytest

from bridge.model.document import Node, doc, node, paragraph, text, to_plain
from bridge.text.markdown import read_markdown, write_markdown


def line(words: str) -> Node:
    return paragraph(text(words))


def test_a_single_newline_is_a_line_break_as_in_comments() -> None:
    assert read_markdown("a\nb\n\nc") == doc(paragraph(text("a"), node("break"), text("b")), line("c"))


def test_comments_vanish_and_other_html_stays_literal() -> None:
    inline = "a <b>x</b><!-- hidden --><br>b\n\n<!-- block\n\nhidden -->\n\n"
    source = inline + "<div>\nword\n</div>\n\n<details><summary>Log</summary>\n\nx\n"
    assert to_plain(read_markdown(source)) == "a <b>x</b>\nb\n\n<div>\nword\n</div>\n\nLog\n\nx"


def test_images_that_were_pasted_as_html_are_images() -> None:
    document = read_markdown('<img width="5" alt="shot" src="https://i.example/s.png" />')
    assert document == doc(paragraph(node("image", alt="shot", url="https://i.example/s.png")))


def test_bare_addresses_are_links_and_their_underscores_no_emphasis() -> None:
    document = read_markdown("see https://a.example/_x_/y_z (https://b.example/p).")
    urls = [one.attr("url") for one in document.walk() if one.kind == "link"]
    assert urls == ["https://a.example/_x_/y_z", "https://b.example/p"]
    assert to_plain(document) == "see https://a.example/_x_/y_z (https://b.example/p)."


def test_unsafe_links_are_their_words() -> None:
    assert to_plain(read_markdown("[a](javascript:x) [b](./rel) ![c](data:x)")).endswith("b ![c](data:x)")
    assert not [one for one in read_markdown("[a](javascript:x) [b](./rel)").walk() if one.kind == "link"]


def test_alerts_are_notes_and_back() -> None:
    source = "> [!CAUTION]\n> hot\n>\n> - a"
    document = read_markdown(source)
    assert document.children[0].kind == "note"
    assert document.children[0].attr("tone") == "error"
    assert write_markdown(document) == source


def test_an_alert_written_literally_stays_a_quote() -> None:
    document = doc(node("quote", line("[!NOTE]"), line("x")))
    assert read_markdown(write_markdown(document)) == document


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("@octocat", "@\u2060octocat"),
        ("(@octo-cat)", "(@\u2060octo-cat)"),
        ("é@octocat", "é@\u2060octocat"),
        ("#12", "#\u206012"),
        ("acme/repo#7", "acme/repo#\u20607"),
        ("gh-3", "gh-\u20603"),
        ("a@b.example", "a@b.example"),
        ("C# 12", "C# 12"),
    ],
)
def test_nobody_is_called_and_no_issue_is_linked(words: str, shown: str) -> None:
    written = write_markdown(doc(line(words)))
    assert written == shown
    assert read_markdown(written) == doc(line(words))


def test_a_mention_is_written_as_a_name_that_calls_nobody() -> None:
    assert write_markdown(doc(paragraph(node("mention", text="@octocat", id="1")))) == "@\u2060octocat"


def test_what_would_begin_a_block_is_escaped_on_every_line() -> None:
    lines = ["# a", "> b", "- c", "+ d", "* e", "1. f", "2) g", "---", "===", "~~~", "```", "| h |", "    i", "<div>"]
    inlines = [inline for words in lines for inline in (text(words), node("break"))]
    back = read_markdown(write_markdown(doc(paragraph(*inlines))))
    assert [block.kind for block in back.children] == ["paragraph"]
    assert to_plain(back).split("\n") == [words.strip() for words in lines]


def test_marks_between_letters_and_signs_are_seen() -> None:
    document = doc(
        paragraph(
            text("a"),
            node("strong", text("(b)")),
            text("c"),
            node("emphasis", text("d")),
            text("e"),
            node("strike", text("f.")),
            text("g"),
            node("strong", text("日本語。")),
            text("日本"),
        )
    )
    assert read_markdown(write_markdown(document)) == document


def test_a_letter_between_two_marks_is_never_encoded_for_one_at_the_cost_of_the_other() -> None:
    inner = node("strike", text("0"))
    marked = paragraph(text("a"), node("strong", text("b"), inner), node("emphasis", text("(c)")))
    other = paragraph(text("a"), node("strong", text("0"), node("strike", text("(x)"))), text("b"))
    assert read_markdown(write_markdown(doc(marked, other))) == doc(marked, other)


def test_a_fence_is_longer_than_any_inside() -> None:
    document = doc(node("code_block", text="````\n~~~\n```", language="md"))
    written = write_markdown(document)
    assert written.startswith("`````md\n")
    assert read_markdown(written) == document


def test_code_spans_hold_backticks_and_bars() -> None:
    table = node("table", node("row", node("cell", paragraph(node("code", text="a|b\\|`c`")), header="true")))
    document = doc(paragraph(node("code", text="``x`")), table)
    assert read_markdown(write_markdown(document)) == document


def test_a_table_without_a_head_gets_an_empty_one_that_is_not_read_back() -> None:
    table = node("table", node("row", node("cell", line("a")), node("cell", line("b|c"))))
    written = write_markdown(doc(table))
    assert written == "|  |  |\n| --- | --- |\n| a | b\\|c |"
    assert read_markdown(written) == doc(table)


def test_line_breaks_and_blocks_in_cells_become_line_breaks() -> None:
    cell = node(
        "cell", paragraph(text("a"), node("break"), text("b")), node("bullets", node("item", line("c"))), header="true"
    )
    assert write_markdown(doc(node("table", node("row", cell)))) == "| a<br>b<br>c |\n| --- |"


def test_neighbouring_numbered_lists_stay_two() -> None:
    one = node("numbers", node("item", line("a")))
    document = doc(one, one, node("numbers", node("item", line("b")), start="7"))
    assert read_markdown(write_markdown(document)) == document


def test_loose_items_keep_their_blocks() -> None:
    item = node("item", line("a"), line("b"), node("code_block", text="x\n\ny"), node("quote", line("q")))
    document = doc(node("bullets", item, node("item", node("rule"))), node("rule"))
    assert read_markdown(write_markdown(document)) == document


def test_text_nested_beyond_reason_is_taken_literally_and_whole() -> None:
    source = ">" * 300 + " bottom"
    assert to_plain(read_markdown(source)) == source
