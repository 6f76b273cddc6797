"""Cutting long texts."""

from __future__ import annotations

import re

import pytest

from bridge.model.document import Document, Node, doc, from_plain, node, paragraph, text, to_plain
from bridge.text.markdown import write_markdown
from bridge.text.split import split


def length(document: Document) -> int:
    return len(write_markdown(document))


def words(parts: tuple[Document, ...]) -> list[str]:
    return " ".join(re.sub(r"^\(\d+/\d+\)", "", to_plain(part)) for part in parts).split()


def test_what_fits_is_one_part_without_a_label() -> None:
    document = from_plain("short")
    assert split(document, measure=length, limit=100) == (document,)


def test_parts_are_labelled_and_end_between_paragraphs() -> None:
    document = from_plain("\n\n".join(f"paragraph {number} " + "x" * 40 for number in range(6)))
    parts = split(document, measure=length, limit=150)
    assert [to_plain(part).split("\n")[0] for part in parts] == [
        f"({n}/{len(parts)})" for n in range(1, len(parts) + 1)
    ]
    assert all(length(part) <= 150 for part in parts)
    assert all(line.startswith("paragraph") for part in parts for line in to_plain(part).split("\n\n")[1:])
    assert words(parts) == to_plain(document).split()


def test_a_long_paragraph_is_cut_between_words_and_keeps_its_marks() -> None:
    document = doc(paragraph(node("strong", text("bold words " * 60))))
    parts = split(document, measure=length, limit=120)
    assert words(parts) == to_plain(document).split()
    assert all(part.children[1].children[0].kind == "strong" for part in parts)


def test_code_is_fenced_again_in_every_part() -> None:
    code = "\n".join(f"line {number}" for number in range(100))
    parts = split(doc(node("code_block", text=code, language="python")), measure=length, limit=200)
    assert all(part.children[1].attr("language") == "python" for part in parts)
    assert "\n".join(part.children[1].text for part in parts) == code


def test_a_word_longer_than_a_part_is_cut_between_letters() -> None:
    parts = split(from_plain("x" * 500), measure=length, limit=100)
    assert "".join(words(parts)) == "x" * 500


def test_numbered_items_go_on_counting() -> None:
    items = [node("item", paragraph(text(f"item {number} " + "y" * 30))) for number in range(1, 9)]
    parts = split(doc(node("numbers", *items)), measure=length, limit=150)
    assert "\n4. item 4" in write_markdown(parts[1])
    assert words(parts) == to_plain(doc(node("numbers", *items))).split()


def test_tables_are_cut_between_rows_and_a_giant_row_gives_its_cells() -> None:
    def row(*cells: str) -> Node:
        return node("row", *(node("cell", paragraph(text(cell))) for cell in cells))

    document = doc(node("table", row("a", "b"), row("long " * 60, "c"), row("d", "e")))
    parts = split(document, measure=length, limit=150)
    assert all(length(part) <= 150 for part in parts)
    assert [word for word in words(parts) if word != "|"] == [
        word for word in to_plain(document).split() if word != "|"
    ]


def test_a_heading_does_not_end_a_part() -> None:
    document = doc(paragraph(text("x" * 60)), node("heading", text("Title"), level="1"), paragraph(text("y" * 60)))
    first, second = split(document, measure=length, limit=120)
    assert "Title" not in to_plain(first)
    assert "Title" in to_plain(second)


def test_markup_longer_than_a_part_gives_way_to_the_words() -> None:
    deep = paragraph(text("words in many quotes " * 4))
    for _ in range(40):
        deep = node("quote", deep)
    parts = split(doc(deep), measure=length, limit=80)
    assert all(length(part) <= 80 for part in parts)
    assert words(parts) == to_plain(deep).split()


def test_a_limit_below_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        split(from_plain("word " * 10), measure=length, limit=5)


def test_a_giant_paragraph_of_lines_is_cut_between_lines() -> None:
    document = from_plain("\n".join(f"log line {number}" for number in range(3_000)))
    parts = split(document, measure=length, limit=20_000)
    assert len(parts) <= 5
    assert words(parts) == to_plain(document).split()


@pytest.mark.parametrize("letter", ["e\u0301", "👩\u200d🔧", "👍🏽", "🇩🇪", "षि", "🏳️\u200d🌈"])
@pytest.mark.parametrize("kind", ["text", "code", "code_block"])
def test_a_giant_word_is_never_cut_inside_what_is_seen_as_one_letter(letter: str, kind: str) -> None:
    giant = node(kind, text=letter * 200)
    parts = split(doc(giant if kind == "code_block" else paragraph(giant)), measure=length, limit=101)
    assert len(parts) > 3
    found = ["".join(one.text for one in part.walk() if one.kind == kind).split(")")[-1] for part in parts]
    assert "".join(found) == letter * 200
    assert all(len(words) % len(letter) == 0 for words in found)


def test_endless_accents_are_cut_all_the_same() -> None:
    words = "e" + "\u0301" * 3_000
    parts = split(from_plain(words), measure=length, limit=200)
    assert all(length(part) <= 200 for part in parts)
    assert "".join(to_plain(part).split("\n\n")[1] for part in parts) == words
