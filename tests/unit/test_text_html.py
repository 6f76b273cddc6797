"""Reading and writing the HTML of helpdesks."""

from __future__ import annotations

import pytest

from bridge.model.document import Node, doc, node, paragraph, text, to_plain
from bridge.text.html import read_html, write_html


def test_the_wrapper_of_a_helpdesk_comment_vanishes() -> None:
    assert read_html('<div class="zd-comment" dir="auto"><p dir="auto">Hello</p></div>') == doc(
        paragraph(text("Hello"))
    )


@pytest.mark.parametrize(
    "source",
    [
        "a<script>alert(1)</script>b",
        "a<style>p{color:red}</style>b",
        "a<!-- secret -->b",
        '<span onclick="x()">a</span><iframe src="http://x.example">z</iframe>b',
    ],
)
def test_scripts_styles_and_comments_vanish_with_what_is_in_them(source: str) -> None:
    assert to_plain(read_html(source)) == "ab"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/relative",
        "//x.example",
        "file:///x",
    ],
)
def test_a_link_with_an_unsafe_address_is_only_its_words(url: str) -> None:
    assert read_html(f'<a href="{url}">words</a>') == doc(paragraph(text("words")))


def test_an_image_from_nowhere_is_only_its_name() -> None:
    document = read_html('<img src="cid:part1" alt="screen.png"><img src="https://i.example/x.png">')
    assert [child.attr("url") for child in document.children[0].children] == ["", "https://i.example/x.png"]
    assert write_html(document) == '<p>screen.png<img src="https://i.example/x.png" alt=""></p>'


def test_marks_nest_in_one_order_however_they_came() -> None:
    assert (
        read_html("<b>a<i>b</i></b>")
        == read_html("<b>a</b><i><b>b</b></i>")
        == read_html("<strong>a<em>b</em></strong>")
    )


def test_white_space_is_folded_and_no_break_spaces_are_spaces() -> None:
    assert to_plain(read_html("<p> a &nbsp; b\n c </p><p>&nbsp;</p><p><br></p><p>d<br></p>")) == "a b c\n\nd"


def test_two_line_breaks_part_paragraphs() -> None:
    assert [block.kind for block in read_html("a<br>b<br><br>c").children] == ["paragraph", "paragraph"]


def test_code_keeps_its_lines_and_its_language() -> None:
    source = '<pre><code class="language-c++">if (a &lt; b)\n    return;<br>x</code></pre>'
    assert read_html(source) == doc(node("code_block", text="if (a < b)\n    return;\nx", language="c++"))


def test_a_list_beside_its_item_belongs_to_it() -> None:
    document = read_html("<ul><li>a</li><ul><li>b</li></ul></ul>")
    assert write_html(document) == "<ul><li>a<ul><li>b</li></ul></li></ul>"


def test_a_table_that_lays_a_mail_out_gives_its_content() -> None:
    document = read_html("<table><tr><td><p>Hello</p><table><tr><th>a</th><td>1</td></tr></table></td></tr></table>")
    assert [block.kind for block in document.children] == ["paragraph", "table"]


def test_header_cells_are_known_by_their_tag_or_their_place() -> None:
    document = read_html(
        '<table><thead><tr><td>a</td></tr></thead><tr><td style="text-align:right">1</td></tr></table>'
    )
    cells = [cell for row in document.children[0].children for cell in row.children]
    assert [(cell.attr("header"), cell.attr("align")) for cell in cells] == [("true", ""), ("", "right")]


def test_words_are_escaped_and_equal_trees_give_equal_text() -> None:
    document = doc(
        paragraph(text("<b>&amp; \"q\" 'a'"), node("link", text("x"), url='https://a.example/"><script>', title='"t"')),
        Node("code_block", "</code></pre><script>"),
    )
    written = write_html(document)
    assert "<script" not in written
    assert written == write_html(document)
    assert to_plain(read_html(written)) == "<b>&amp; \"q\" 'a'x\n\n</code></pre><script>"


def test_lists_headings_quotes_rules_and_notes_are_written_plainly() -> None:
    document = doc(
        node("heading", text("T"), level="3"),
        node("numbers", node("item", paragraph(text("a"))), start="4"),
        node("quote", paragraph(text("q"))),
        node("note", paragraph(text("n")), tone="error"),
        node("rule"),
    )
    assert write_html(document) == (
        '<h3>T</h3><ol start="4"><li>a</li></ol><blockquote><p>q</p></blockquote><blockquote><p>n</p></blockquote><hr>'
    )
