"""Hypothesis strategies for markup as vendors, mail programs and attackers send it: mostly wrong, never refused."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bridge.testing.documents import FRAGMENTS, SITES, words

_TAGS = (
    *("p", "div", "span", "b", "strong", "i", "em", "u", "s", "del", "sup", "sub", "mark", "small", "q", "font"),
    *("a", "img", "br", "hr", "code", "kbd", "tt", "pre", "blockquote", "h1", "h3", "h6", "ul", "ol", "li", "dl", "dt"),
    *("dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "details", "summary", "center", "section"),
    *("script", "style", "iframe", "svg", "math", "template", "textarea", "select", "object", "o:p", "x-y", "title"),
)
_ATTRIBUTES = (
    *("", "", "", ' class="language-python"', ' class="gmail_quote"', ' style="text-align: center"', ' align="right"'),
    *(' start="7"', ' start="-1"', ' start="x"', ' onclick="x()"', ' title="a &quot; b"', " title='<b>'", " hidden"),
    *(' colspan="3"', ' href="javascript:x"', ' src="data:image/png;base64,AAAA"', ' alt="a|b"', ' type="cite"'),
    *(*(f' href="{site}"' for site in SITES), *(f' src="{site}"' for site in SITES)),
)
_TEXTS = (
    *(
        "&lt;b&gt;",
        "&amp;amp;",
        "&nbsp;",
        "&zwj;",
        "&#0;",
        "&#xD800;",
        "&#x202e;",
        "&bogus;",
        "&",
        "<",
        ">",
        "\n",
        "\t",
    ),
    *(
        "<!-- c -->",
        "<!--",
        "]]>",
        "<![CDATA[x]]>",
        "<?php x ?>",
        "</p>",
        "</table>",
        "</a>",
        "{{ticket.id}}",
        "{% x %}",
    ),
)
_ODD = ("\x00", "\u202e", "\u2066", "\ufeff", "\u200b", "\u200d", "\ufdd0", "\u2028", "\x85", "\r", "\x0b", "\x1b[0m")


def _chunk() -> st.SearchStrategy[str]:
    return st.one_of(words(), st.sampled_from(FRAGMENTS), st.sampled_from(_TEXTS), st.sampled_from(_ODD))


def html_soups() -> st.SearchStrategy[str]:
    """HTML with tags that are closed, never closed, or closed in the wrong place."""
    opening = st.builds(lambda tag, attrs: f"<{tag}{attrs}>", st.sampled_from(_TAGS), st.sampled_from(_ATTRIBUTES))
    closing = st.sampled_from(_TAGS).map(lambda tag: f"</{tag}>")
    loose = st.lists(st.one_of(opening, closing, _chunk(), _chunk()), max_size=12).map("".join)
    nested = st.recursive(_chunk(), _elements, max_leaves=12)
    return st.lists(st.one_of(nested, nested, loose), max_size=4).map("".join)


def _elements(child: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, attrs, inner: f"<{tag}{attrs}>{''.join(inner)}</{tag}>",
        st.sampled_from(_TAGS),
        st.sampled_from(_ATTRIBUTES),
        st.lists(child, max_size=3),
    )


def _lined(leads: tuple[str, ...], pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    lead = st.lists(st.sampled_from(leads), max_size=3).map("".join)
    piece = st.one_of(st.sampled_from(pieces), st.sampled_from(pieces), _chunk())
    line = st.builds(
        lambda before, found, glue: before + glue.join(found),
        lead,
        st.lists(piece, max_size=5),
        st.sampled_from(("", " ")),
    )
    return st.lists(line, max_size=9).map("\n".join)


def markdown_soups() -> st.SearchStrategy[str]:
    """Lines of Markdown, half of them broken."""
    leads = (
        *(
            "",
            "",
            "> ",
            ">",
            "- ",
            "* ",
            "+ ",
            "1. ",
            "7) ",
            "  ",
            "    ",
            "\t",
            "# ",
            "###### ",
            "| ",
            "```",
            "~~~",
            "- [ ] ",
        ),
        *("- [x] ", "[^1]: ", "[a]: ", "<details>", "</details>", "<!-- ", "> [!NOTE]", "***", "---", "===", ":"),
    )
    pieces = (
        *(
            "**",
            "*",
            "_",
            "__",
            "~~",
            "~",
            "`",
            "``",
            "```",
            "a",
            "b c",
            "é",
            "日",
            ".",
            "(",
            ")",
            "[",
            "]",
            "](",
            "![",
            "](x)",
        ),
        *(
            "<",
            ">",
            "\\",
            "\\\n",
            "  \n",
            "|",
            " | ",
            "|---|---|",
            "|:-:|",
            "&amp;",
            "&#35;",
            "&copy;",
            ":smile:",
            "[^1]",
            "$$",
        ),
        *(
            '[a](https://a.example "t")',
            "[a](<https://a.example/(x>)",
            "![i](https://a.example/i.png)",
            "<https://a.example>",
        ),
        *(
            "https://a.example/(x)_y_.",
            "[a][b]",
            "[x](<a b>)",
            "<br>",
            '<img src="https://a.example/i.png" alt="x">',
            "@octocat",
        ),
        *(
            "@org/team",
            "#12",
            "o/r#3",
            "GH-4",
            "fixes #5",
            "https://github.com/o/r/issues/6",
            "\u2060",
            "@\u2060x",
            "#\u20601",
        ),
    )
    return _lined(leads, pieces)


def wiki_soups() -> st.SearchStrategy[str]:
    """Lines of wiki markup, half of them broken."""
    leads = (
        *(
            "",
            "",
            "* ",
            "# ",
            "- ",
            "** ",
            "*# ",
            "#* ",
            "##### ",
            "h1. ",
            "H6.",
            "bq. ",
            "|",
            "||",
            "----",
            "   ",
            "{quote}",
        ),
        *("{panel}", "{panel:title=a|bgColor=#FFEBE6}", "{code}", "{code:python|title=x}", "{noformat}", "{color:red}"),
    )
    pieces = (
        *(
            "*",
            "_",
            "-",
            "+",
            "^",
            "~",
            "??",
            "{*}",
            "{_}",
            "{-}",
            "{{",
            "}}",
            "{{a}}",
            "{",
            "}",
            "[",
            "]",
            "|",
            "||",
            "!",
        ),
        *(
            "\\",
            "\\\\",
            "\\\\\\",
            "a",
            "b c",
            "é",
            "日",
            ".",
            "(",
            "(/)",
            ":)",
            "&amp;",
            "&#42;",
            "&",
            "{color}",
            "{anchor:x}",
        ),
        *(
            "[a|https://a.example]",
            "[a|https://a.example|t]",
            "[https://a.example]",
            "[~bob]",
            "[~accountid:5b:10]",
            "[^f.txt]",
        ),
        *(
            "!i.png!",
            "!https://a.example/i.png|alt=x!",
            '!i.png|thumbnail,alt="a,b"!',
            "https://a.example/x_(y)_.",
            "[a|b|c|d]",
        ),
        *(
            "{quote}",
            "{panel}",
            "{code}",
            "{noformat}",
            "{unknown}",
            "\u2060",
            "{\u2060code}",
            "----",
            "\n",
            "h1. ",
            "bq. ",
        ),
    )
    return _lined(leads, pieces)


_BLOCKS = (
    *("paragraph", "heading", "listItem", "bulletList", "orderedList", "table", "tableRow", "tableCell", "tableHeader"),
    *(
        "panel",
        "blockquote",
        "codeBlock",
        "taskList",
        "taskItem",
        "decisionList",
        "mediaSingle",
        "mediaGroup",
        "expand",
    ),
    *("nestedExpand", "layoutSection", "layoutColumn", "bodiedExtension", "unknown", ""),
)
_INLINE_TYPES = (
    *(
        "text",
        "text",
        "text",
        "hardBreak",
        "rule",
        "mention",
        "emoji",
        "media",
        "mediaInline",
        "inlineCard",
        "blockCard",
    ),
    *("embedCard", "date", "status", "placeholder", "extension"),
)
_NAMES = (
    "type",
    "content",
    "attrs",
    "marks",
    "text",
    "id",
    "version",
    "level",
    "order",
    "url",
    "href",
    "language",
    "title",
)
_MARKS = ("strong", "em", "strike", "underline", "code", "link", "subsup", "textColor", "annotation", "unknown")


def adf_trees() -> st.SearchStrategy[dict[str, Any]]:
    """Trees in the shape of the Atlassian Document Format, with anything at all where something else belongs."""
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), _chunk())
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
        max_leaves=8,
    )
    attrs = st.fixed_dictionaries(
        {},
        optional={
            "level": st.integers(-1, 9),
            "order": st.integers(-5, 10**12),
            "url": st.sampled_from((*SITES, "javascript:x")),
            "alt": _chunk(),
            "text": _chunk(),
            "shortName": st.just(":smile:"),
            "id": _chunk(),
            "language": st.sampled_from(("python", "a b", "")),
            "panelType": st.sampled_from(("info", "error", "custom")),
            "title": _chunk(),
            "timestamp": st.sampled_from(("1772400000000", 1772400000000, "-1", "99999999999999", "x")),
            "state": st.sampled_from(("TODO", "DONE")),
        },
    )
    link = st.builds(
        lambda url, title: {"type": "link", "attrs": {"href": url, "title": title}}, st.sampled_from(SITES), _chunk()
    )
    mark = st.one_of(st.sampled_from(_MARKS).map(lambda kind: {"type": kind}), link)
    leaf = st.fixed_dictionaries(
        {"type": st.sampled_from(_INLINE_TYPES), "text": _chunk()},
        optional={"attrs": attrs | values, "marks": st.lists(mark, max_size=3) | values},
    )
    node = st.recursive(
        leaf,
        lambda inner: st.fixed_dictionaries(
            {"type": st.sampled_from(_BLOCKS), "content": st.lists(inner, max_size=4)},
            optional={"attrs": attrs | values, "text": _chunk()},
        ),
        max_leaves=12,
    )
    return st.builds(lambda content: {"type": "doc", "version": 1, "content": content}, st.lists(node, max_size=4))
