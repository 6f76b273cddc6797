"""Reading and writing Jira's wiki markup."""

from __future__ import annotations

import pytest

from bridge.model.document import Node, doc, node, paragraph, text, to_plain
from bridge.text.wiki import read_wiki, write_wiki


def line(words: str) -> Node:
    return paragraph(text(words))


def item(*blocks: Node) -> Node:
    return node("item", *blocks)


def test_an_images_description_keeps_the_signs_that_end_options() -> None:
    image = node("image", url="https://i.example/a.png", alt='!, a="b" \\!', name="x, y!")
    written = write_wiki(doc(node("paragraph", image)))
    assert read_wiki(written) == doc(node("paragraph", image))
    assert write_wiki(read_wiki(written)) == written


def test_headings_quotes_rules_and_line_breaks() -> None:
    document = read_wiki("h2. Title *x*\nbq. said\n----\na\nb \\\\ c")
    assert document == doc(
        node("heading", text("Title "), node("strong", text("x")), level="2"),
        node("quote", line("said")),
        node("rule"),
        paragraph(text("a"), node("break"), text("b"), node("break"), text("c")),
    )


def test_mixed_nested_lists() -> None:
    document = read_wiki("* a\n*# b\n*# c\n*#* d\n* e\n- f")
    deepest = node("bullets", item(line("d")))
    numbers = node("numbers", item(line("b")), item(line("c"), deepest))
    assert document == doc(node("bullets", item(line("a"), numbers), item(line("e")), item(line("f"))))
    assert write_wiki(document) == "* a\n*# b\n*# c\n*#* d\n* e\n* f"


def test_a_list_of_the_other_sign_is_another_list() -> None:
    assert [block.kind for block in read_wiki("* a\n# b").children] == ["bullets", "numbers"]


def test_code_in_an_item_belongs_to_it() -> None:
    document = read_wiki("* a\n{code:java}\nx\n\ny\n{code}\n* b")
    code = node("code_block", text="x\n\ny", language="java")
    assert document == doc(node("bullets", item(line("a"), code), item(line("b"))))
    assert read_wiki(write_wiki(document)) == document


@pytest.mark.parametrize(
    ("source", "language"),
    [("{code}\nx\n{code}", ""), ("{code:title=A.py|python}x{code}", "python"), ("{noformat}x{noformat}", "")],
)
def test_code_blocks_with_and_without_a_language(source: str, language: str) -> None:
    assert read_wiki(source) == doc(node("code_block", text="x", language=language))


def test_code_that_holds_the_macro_which_would_end_it_is_kept_whole() -> None:
    for language in ("", "java"):
        document = doc(node("code_block", text="a {code} b {noformat} {code:x}", language=language), line("after"))
        assert read_wiki(write_wiki(document)) == document


def test_panels_and_quotes_hold_blocks() -> None:
    document = read_wiki("{panel:title=T|bgColor=#ffebe6}\n* a\n\n{quote}b{quote}\n{panel}\nafter {quote}x{quote}")
    note, after, quote = document.children
    assert (note.kind, note.attr("tone")) == ("note", "error")
    assert to_plain(note) == "T\n\na\n\nb"
    assert (to_plain(after), quote.kind) == ("after", "quote")


@pytest.mark.parametrize(
    "source", ["{code} no end", "{quote} no end", "{panel} no end", "{unknown:x}", "a } b", "{noformat}"]
)
def test_macros_without_end_and_unknown_ones_are_literal(source: str) -> None:
    assert to_plain(read_wiki(source)).split() == source.split()


def test_colours_vanish_and_their_words_stay() -> None:
    assert to_plain(read_wiki("a {color:red}b{color} {color:#ff0000}c{color}")) == "a b c"


def test_marks_need_edges_of_words_or_braces() -> None:
    document = read_wiki("*b* _i_ -s- +u+ x-y-z 2*3*4 {*}in{*}word snake_case_name a - b ^up^")
    kinds = [one.kind for one in document.children[0].children]
    assert kinds == ["strong", "text", "emphasis", "text", "strike", "text", "underline", "text", "strong", "text"]
    assert to_plain(document) == "b i s u x-y-z 2*3*4 inword snake_case_name a - b up"


def test_links_mentions_files_and_images() -> None:
    document = read_wiki(
        "[a *b*|https://a.example/x_y] [https://b.example] [~bob] [^f.txt] [x|javascript:y] !s.png|width=3! !https://i.example/i.png!"
    )
    inlines = document.children[0].children
    assert [one.attr("url") for one in inlines if one.kind == "link"] == ["https://a.example/x_y", "https://b.example"]
    assert next(one for one in inlines if one.kind == "mention") == node("mention", text="@bob", id="bob")
    images = [(one.attr("name"), one.attr("url")) for one in inlines if one.kind == "image"]
    assert images == [("s.png", ""), ("", "https://i.example/i.png")]
    assert "f.txt x" in to_plain(document)


def test_tables_with_heads_escapes_links_and_lines() -> None:
    document = read_wiki("||a||b||\n|x\\|y|[l|https://a.example]|\n|one\ntwo| |")
    rows = document.children[0].children
    assert [[to_plain(cell) for cell in row.children] for row in rows] == [["a", "b"], ["x|y", "l"], ["one\ntwo", ""]]
    assert all(cell.attr("header") for cell in rows[0].children)
    assert read_wiki(write_wiki(document)) == document


LITERALS = [
    "*stars*",
    "_under_",
    "-dash-",
    "+plus+",
    "^up^",
    "~down~",
    "??cite??",
    "{macro}",
    "{code}x{code}",
    "{{mono}}",
    "[link]",
    "[a|https://a.example]",
    "[~bob]",
    "!pic.png!",
    "h1. head",
    "bq. quote",
    "* item",
    "# item",
    "- item",
    "----",
    "| a | b |",
    "|| a ||",
    "C:\\temp\\x",
    "\\\\server\\share",
    "\\*",
    "a \\\\ b",
    "&amp; &#92; &copy;",
    "(x) (!) :) ;)",
    "{*}x{*}",
    "a--b --- c",
    "<b>x</b>",
    "{quote}",
    "{color:red}x{color}",
    "!",
    "wow!",
    "https://a.example/x_y_*z*",
    "a\\",
    "\\",
    "{",
    "}}",
]


@pytest.mark.parametrize("words", LITERALS)
def test_literal_markup_stays_literal(words: str) -> None:
    table = node("table", node("row", node("cell", line(words)), node("cell", line(f"x {words}"))))
    marked = paragraph(node("strong", text(words)), text(f" {words}"))
    document = doc(
        line(words), node("bullets", item(line(words))), marked, node("heading", text(words), level="1"), table
    )
    written = write_wiki(document)
    back = read_wiki(written)
    assert to_plain(back) == to_plain(document)
    assert [block.kind for block in back.children] == [block.kind for block in document.children]
    assert write_wiki(back) == written


def test_what_the_markup_cannot_nest_stands_side_by_side() -> None:
    document = doc(node("quote", line("a"), node("quote", line("b")), line("c")))
    assert write_wiki(document) == "{quote}\na\n\nb\n\nc\n{quote}"
    table = node("table", node("row", node("cell", node("bullets", item(line("a")), item(line("b"))))))
    assert write_wiki(doc(table)) == "| a \\\\ b |"


def test_a_file_of_the_issue_is_shown_small_and_read_back() -> None:
    document = doc(paragraph(text("see "), node("image", name="shot-1a2b3c4d.png")))
    assert write_wiki(document) == "see !shot-1a2b3c4d.png|thumbnail!"
    assert read_wiki(write_wiki(document)) == document
