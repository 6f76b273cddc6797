"""The page about texts says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.model.document import Node, doc, node, paragraph, text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_table_on_the_page_is_what_the_code_makes_today() -> None:
    from bench.text_table import PAGE, page_with_table

    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page), "docs/text.md lags behind: run `make texts`"


def test_nothing_is_changed_but_what_the_page_admits() -> None:
    from bench.text_table import rows

    plain = {
        "headings",
        "table",
        "quote",
        "link",
        "nested list",
        "mixed lists",
        "code with its language",
        "hard breaks",
    }
    literal = {
        "literal signs of every markup",
        "signs at the start of a line",
        "right to left",
        "combining letters, CJK",
    }
    everywhere = plain | literal | {"emoji in Unicode", "bars and line breaks in cells", "address of a GitHub issue"}
    found = {row.construct.name: set(row.cells.values()) for row in rows()}
    assert [name for name in everywhere if found[name] != {"yes"}] == []
    assert [name for name, cells in found.items() if "refused" in cells] == ["script"]


def test_the_judge_of_the_table_can_say_no() -> None:
    from bench.text_table import judge

    one = doc(node("heading", text("One"), level="1"))
    assert judge(one, one) == "yes"
    assert judge(one, doc(node("heading", text("One"), level="2"))) == "arranged anew"
    assert judge(one, doc(paragraph(node("strong", text("One"))))) == "heading → strong"
    assert judge(one, doc(paragraph(text("Two")))) == "“Two”"
    assert judge(one, doc()) == "refused"
    aligned = doc(node("table", node("row", node("cell", paragraph(text("x")), align="right"))))
    bare = doc(node("table", node("row", node("cell", paragraph(text("x"))))))
    assert judge(aligned, bare) == "without align"
    assert judge(bare, doc(Node("quote", children=bare.children))) == "yes, as quote"
