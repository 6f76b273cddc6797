"""Samples of every kind of text: the tree that is meant, and how vendors spell it where our writer would not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.model.document import Document, Node, doc, node, paragraph, text
from bridge.text.shape import tidy


@dataclass(frozen=True)
class Construct:
    """A kind of text. Kinds that the neutral tree does not know stand in `wanted` all the same: to be missed."""

    name: str
    wanted: Document
    sources: Mapping[str, Any] = field(default_factory=dict)


def _made(name: str, *blocks: Node, **sources: Any) -> Construct:
    return Construct(name, tidy(doc(*blocks)), sources)


def _odd(name: str, *blocks: Node, **sources: Any) -> Construct:
    return Construct(name, doc(*blocks), sources)


def _line(*inlines: Node | str) -> Node:
    return paragraph(*(text(inline) if isinstance(inline, str) else inline for inline in inlines))


def _item(*blocks: Node | str) -> Node:
    return node("item", *(_line(block) if isinstance(block, str) else block for block in blocks))


def _cell(*inlines: Node | str, header: str = "", align: str = "") -> Node:
    return node("cell", *([_line(*inlines)] if inlines else []), header=header, align=align)


def _adf(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def _adf_line(*content: Any) -> dict[str, Any]:
    return _adf({"type": "paragraph", "content": list(content)})


def _adf_text(words: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": list(marks)}


_BREAK = Node("break")
_LITERAL = (
    r"*stars* _under_ ~~gone~~ -dash- +plus+ ^up^ `tick` {macro} {{mono}} [x](y) [x|y] [~acc] !a.png! <b>bold</b> &amp; "
    r"@octocat #12 o/r#7 GH-9 C:\temp \\server a|b ||c|| $x$ :) (x) {% if %} ---"
)
_STARTS = (
    "# no heading",
    "h1. no heading",
    "bq. no quote",
    "> no quote",
    "- no item",
    "1. no item",
    "---",
    "| no | row |",
    "===",
)
_TASKS = [
    {"type": "taskItem", "attrs": {"localId": "1", "state": state}, "content": [{"type": "text", "text": words}]}
    for state, words in (("DONE", "done"), ("TODO", "to do"))
]

CONSTRUCTS: tuple[Construct, ...] = (
    _made("headings", node("heading", text("One"), level="1"), node("heading", text("Six"), level="6")),
    _made("rule", _line("a"), Node("rule"), _line("b")),
    _made("hard breaks", _line("one", _BREAK, "two", _BREAK, "three")),
    _made(
        "bold, italic, bold italic",
        _line(
            node("strong", text("b")),
            " ",
            node("emphasis", text("i")),
            " ",
            node("strong", node("emphasis", text("bi"))),
        ),
    ),
    _made(
        "marks inside a word",
        _line("in", node("strong", text("tra")), "word"),
        Markdown="in**tra**word",
        wiki="in{*}tra{*}word",
    ),
    _made("struck through", _line(node("strike", text("gone"))), HTML="<p><s>gone</s></p>"),
    _made("underlined", _line(node("underline", text("under")))),
    _odd(
        "superscript",
        _line("10", node("superscript", text("6"))),
        HTML="<p>10<sup>6</sup></p>",
        ADF=_adf_line(_adf_text("10"), _adf_text("6", {"type": "subsup", "attrs": {"type": "sup"}})),
        wiki="10{^}6{^}",
        Markdown="10<sup>6</sup>",
    ),
    _odd(
        "subscript",
        _line("H", node("subscript", text("2")), "O"),
        HTML="<p>H<sub>2</sub>O</p>",
        ADF=_adf_line(_adf_text("H"), _adf_text("2", {"type": "subsup", "attrs": {"type": "sub"}}), _adf_text("O")),
        wiki="H{~}2{~}O",
        Markdown="H<sub>2</sub>O",
    ),
    _made(
        "nested list",
        node(
            "bullets",
            _item(
                "one",
                node("bullets", _item("two", node("bullets", _item("three")))),
            ),
            _item("four"),
        ),
    ),
    _made(
        "mixed lists",
        node("numbers", _item("one", node("bullets", _item("a", node("numbers", _item("deep"))))), _item("two")),
        wiki="# one\n#* a\n#*# deep\n# two",
    ),
    _made("list that begins at 3", node("numbers", _item("three"), _item("four"), start="3")),
    _made("two paragraphs in an item", node("bullets", _item("one", _line("more")))),
    _made("code in an item", node("bullets", _item("one", Node("code_block", "x = 1")))),
    _made("quote in an item", node("bullets", _item("one", node("quote", _line("said"))))),
    _odd(
        "task list",
        node("tasks", node("item", _line("[x] done")), node("item", _line("[ ] to do"))),
        ADF=_adf({"type": "taskList", "attrs": {"localId": "0"}, "content": _TASKS}),
        Markdown="- [x] done\n- [ ] to do",
    ),
    _made(
        "table",
        node(
            "table",
            node("row", _cell("A", header="true"), _cell("B", header="true")),
            node("row", _cell("1"), _cell("2")),
        ),
    ),
    _made("table without a head", node("table", node("row", _cell("1"), _cell("2")), node("row", _cell("3"), _cell()))),
    _made(
        "bars and line breaks in cells",
        node("table", node("row", _cell("a|b", _BREAK, "c"), _cell(node("code", text="x|y")), _cell("z\\"))),
    ),
    _made(
        "aligned column",
        node("table", node("row", _cell("A", header="true", align="right")), node("row", _cell("1", align="right"))),
    ),
    _made("list in a cell", node("table", node("row", node("cell", node("bullets", _item("one"), _item("two")))))),
    _made(
        "code with its language", node("code_block", text="def f():\n\treturn '```' + \"{code}\"", language="python")
    ),
    _made("code without language", Node("code_block", "a <b> & {noformat}\n\n  c")),
    _made("code in a line", _line("see ", node("code", text="a `b` |c| {{d}} <e>"))),
    _made("quote", node("quote", _line("said"), _line("again"))),
    _made("quote in a quote", node("quote", _line("newer"), node("quote", _line("older")))),
    _made("list in a quote", node("quote", node("bullets", _item("one")))),
    _made("panel", node("note", _line("be careful"), tone="warning")),
    _odd(
        "folded section",
        node("folded", _line(node("strong", text("More"))), _line("inside")),
        HTML="<details><summary><b>More</b></summary><p>inside</p></details>",
        ADF=_adf(
            {
                "type": "expand",
                "attrs": {"title": "More"},
                "content": [{"type": "paragraph", "content": [_adf_text("inside")]}],
            }
        ),
        Markdown="<details><summary>**More**</summary>\n\ninside\n\n</details>",
    ),
    _made("link", _line(node("link", text("the [page]"), url="https://a.example/p_(x)?q=1&r=2"))),
    _made("link with a title", _line(node("link", text("page"), url="https://a.example/", title='a "b" | c'))),
    _made(
        "bare address",
        _line("see ", node("link", text("https://a.example/x_y_z"), url="https://a.example/x_y_z"), " there"),
        HTML='<p>see <a href="https://a.example/x_y_z">https://a.example/x_y_z</a> there</p>',
        ADF=_adf_line(
            _adf_text("see "), {"type": "inlineCard", "attrs": {"url": "https://a.example/x_y_z"}}, _adf_text(" there")
        ),
        wiki="see https://a.example/x_y_z there",
        Markdown="see https://a.example/x_y_z there",
    ),
    _made(
        "address of a GitHub issue",
        _line("see ", node("link", text("it"), url="https://github.com/vendor/platform/issues/12")),
    ),
    _odd(
        "address that runs something",
        _line(node("link", text("x"), url="javascript:alert(1)")),
        HTML='<p><a href="javascript:alert(1)">x</a></p>',
        ADF=_adf_line(_adf_text("x", {"type": "link", "attrs": {"href": "javascript:alert(1)"}})),
        wiki="[x|javascript:alert(1)]",
        Markdown="[x](javascript:alert(1))",
    ),
    _made("image on the web", _line(node("image", url="https://i.example/a.png", alt="a picture"))),
    _made("image of the ticket", _line(node("image", name="shot.png")), wiki="!shot.png!"),
    _made(
        "mention",
        _line(node("mention", text="@Ada", id="5b10"), " please"),
        HTML="<p>@Ada please</p>",
        ADF=_adf_line({"type": "mention", "attrs": {"id": "5b10", "text": "@Ada"}}, _adf_text(" please")),
        Markdown="@Ada please",
    ),
    _made(
        "emoji in Unicode",
        _line("🙂 👩\u200d🔧 🏳️\u200d🌈 👍🏽"),
        ADF=_adf_line(
            {"type": "emoji", "attrs": {"shortName": ":slight_smile:", "text": "🙂"}},
            _adf_text(" 👩\u200d🔧 🏳️\u200d🌈 👍🏽"),
        ),
    ),
    _made(
        "emoji as short names",
        _line(":tada: :+1:"),
        ADF=_adf_line({"type": "emoji", "attrs": {"shortName": ":tada:"}}, _adf_text(" :+1:")),
    ),
    _made("right to left", _line("مرحبا \u200fשלום 123 ", node("strong", text("עולם")))),
    _made("combining letters, CJK", _line("e\u0301 ñ क्षि 日本語。", node("emphasis", text("強調")), "です")),
    _made("literal signs of every markup", _line(_LITERAL)),
    _made("signs at the start of a line", _line(*(part for words in _STARTS for part in (words, _BREAK)), "end")),
    _odd(
        "coloured words",
        _line(node("colour", text("red"))),
        HTML='<p><span style="color:red">red</span></p>',
        ADF=_adf_line(_adf_text("red", {"type": "textColor", "attrs": {"color": "#ff0000"}})),
        wiki="{color:red}red{color}",
    ),
    _odd("script", Node("script"), HTML="<script>alert(1)</script>"),
)
