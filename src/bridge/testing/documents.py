"""Hypothesis strategies for documents: trees as people and mail programs make them, full of literal markup."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from bridge.model.document import Document, Node, doc, node, text

FRAGMENTS: Sequence[str] = (
    *("*stars*", "_under_", "**", "__", "-", "--", "---", "+", "^", "~", "~~", "`", "``", "|", "||", "\\", "\\\\", "#"),
    *(
        "{code}",
        "{noformat}",
        "{quote}",
        "{panel}",
        "{",
        "}",
        "{{",
        "}}",
        "[",
        "]",
        "[x](y)",
        "[~bob]",
        "[^a]",
        "[x|y]",
    ),
    *("!", "!x.png!", "![", "<b>", "<script>alert(1)</script>", "<!--", "-->", "<br>", "&amp;", "&#65;", "&", ">", "<"),
    *("@octocat", "@a-b", "#12", "acme/repo#7", "GH-3", "a@b.example", "h1.", "bq.", "1.", "2)", "- x", "* x", "# x"),
    *("http://a.example/x_y_", "https://b.example/?q=1&r=(2).", "mailto:c@d.example", "(x)", ":)", "??", "$x$", "="),
    *(
        "Grüße",
        "日本語。",
        "שלום",
        "\u200fمرحبا",
        "👩‍🔧",
        "🙂",
        "word",
        "snake_case",
        "a*b",
        "C:\\temp",
        "“quoted”",
        "e\u0301",
    ),
    *(
        "\u00a0",
        " ",
        "  ",
        "\t",
        "\u2060",
        "x" * 40,
        "[!NOTE]",
        "<details>",
        "::",
        "+x+",
        "-x-",
        "On 1 a wrote:",
        '"',
        "'",
    ),
)
"""Words that are markup somewhere."""

SITES = ("https://a.example/p?q=1&r=2", "http://b.example/x_(y)", "mailto:team@c.example", "https://d.example/ü/[1]")


def words(*, min_size: int = 1) -> st.SearchStrategy[str]:
    """Literal text, made of words that are markup somewhere and of any characters at all."""
    loose = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
    pieces = st.lists(
        st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(FRAGMENTS), loose), min_size=min_size, max_size=5
    )
    return st.builds(lambda found, glue: glue.join(found), pieces, st.sampled_from(("", " ")))


def inlines() -> st.SearchStrategy[list[Node]]:
    """A run of inlines: words, marks in each other, code, links, images, mentions, breaks."""
    named = st.text("abcdefgh ", min_size=1, max_size=8).map(lambda value: f"n{value.strip()}.png")
    leaf = st.one_of(
        words().map(text),
        words().map(text),
        words().map(lambda value: Node("code", value)),
        st.builds(lambda url, name: node("image", url=url, alt=name), st.sampled_from((*SITES, "")), named),
        st.sampled_from(("@Ada Example", "Team-1")).map(lambda name: node("mention", text=name, id="7")),
        st.just(Node("break")),
    )
    marks = st.sampled_from(("strong", "emphasis", "strike", "underline"))
    inner = st.recursive(leaf, lambda child: st.builds(_marked, marks, st.lists(child, max_size=3)), max_leaves=4)
    link = st.builds(_linked, st.sampled_from(SITES), st.lists(inner, min_size=1, max_size=2))
    return st.lists(st.one_of(inner, inner, link), min_size=1, max_size=4)


def _marked(kind: str, children: list[Node]) -> Node:
    return Node(kind, children=tuple(children))


def _linked(url: str, children: list[Node]) -> Node:
    return node("link", *children, url=url)


def blocks() -> st.SearchStrategy[Node]:
    """One block of any kind, with blocks in it."""
    line = inlines()
    simple = st.one_of(
        line.map(lambda children: node("paragraph", *children)),
        line.map(lambda children: node("paragraph", *children)),
        st.builds(lambda children, level: node("heading", *children, level=level), line, st.sampled_from("123456")),
        st.builds(
            lambda lines, language: node("code_block", text="\n".join(lines), language=language),
            st.lists(words(min_size=0), min_size=1, max_size=4),
            st.sampled_from(("", "python", "c++")),
        ),
        st.just(Node("rule")),
    )
    return st.recursive(simple, _containers, max_leaves=4)


def _containers(child: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(child, min_size=1, max_size=3)
    item = some.map(lambda children: node("item", *children))
    cell = st.builds(
        lambda children, header: node("cell", *children, header=header), some, st.sampled_from(("", "true"))
    )
    row = st.lists(cell, min_size=1, max_size=3).map(lambda cells: node("row", *cells))
    return st.one_of(
        some.map(lambda children: node("quote", *children)),
        st.builds(
            lambda children, tone: node("note", *children, tone=tone),
            some,
            st.sampled_from(("info", "warning", "error", "success")),
        ),
        st.lists(item, min_size=1, max_size=3).map(lambda items: node("bullets", *items)),
        st.builds(
            lambda items, start: node("numbers", *items, start=start),
            st.lists(item, min_size=1, max_size=3),
            st.sampled_from(("", "3")),
        ),
        st.lists(row, min_size=1, max_size=3).map(lambda rows: node("table", *rows)),
    )


def documents() -> st.SearchStrategy[Document]:
    """A whole document."""
    return st.lists(blocks(), max_size=3).map(lambda found: doc(*found))


def sources() -> st.SearchStrategy[str]:
    """A text in no markup and in all of them: what readers must take without complaint."""
    line = st.builds(
        lambda lead, value: lead + value,
        st.sampled_from(
            (
                "",
                "",
                "",
                "> ",
                "* ",
                "*# ",
                "# ",
                "- ",
                "  - ",
                "1. ",
                "|",
                "||",
                "h1. ",
                "bq. ",
                "    ",
                "```",
                "{quote}",
            )
        ),
        words(min_size=0),
    )
    return st.lists(line, max_size=8).map("\n".join)
