"""What a customer writes calls nobody, links no issue and runs nothing, wherever it lands.

Judged by what the vendors are known to do with a text, written down here a second time and independent of the writers:
GitHub renders the Markdown, then looks for names and numbers in whatever is neither code nor a link.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bridge.model.document import Document, doc, from_plain, node, paragraph, text, to_plain
from bridge.testing.documents import documents
from bridge.text.adf import write_adf
from bridge.text.html import read_html, write_html
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.shape import tidy
from bridge.text.wiki import read_wiki, write_wiki

TIMES = int(os.environ.get("BRIDGE_EXAMPLES", "1"))
some = settings(max_examples=100 * TIMES, deadline=None, database=None)

CALLS = (
    *(
        "@octocat",
        "@vendor/core-team",
        "(@octocat)",
        "_@octocat",
        "é@octocat",
        "/@octocat",
        "@octocat's",
        "@@octocat",
        ".@o-c",
    ),
    *(
        "#12",
        "fixes #12",
        "Closes: #12",
        "resolves vendor/platform#12",
        "GH-12",
        "gh-12",
        "_GH-12",
        "(GH-12)",
        "a#12",
        "##12",
    ),
    *("https://github.com/vendor/platform/issues/12", "http://github.com/vendor/platform/pull/3#issuecomment-4"),
    *("https://www.github.com/vendor/platform/issues/12", "HTTPS://GitHub.com/vendor/platform/discussions/5?x=1"),
    *("https://x@github.com:443/vendor/platform/issues/6", "www.github.com/vendor/platform/issues/12"),
    *(
        "[~octocat]",
        "[~accountid:5b10]",
        "{code}",
        "{include:x}",
        "{{ticket.requester.email}}",
        "{% if x %}",
        "{{{dc.x}}}",
    ),
    *(
        "<@octocat>",
        "&#64;octocat",
        "&commat;octocat",
        "\\@octocat",
        "\\#12",
        "@\u200boctocat",
        "@\u2060octocat",
        "#\u206012",
    ),
    *(
        "@",
        "octocat",
        "#",
        "12",
        "{",
        "%",
        "GH",
        "-",
        "vendor/platform",
        "https://github.com",
        "/issues/7",
        "`",
        "*",
        "_",
        "~~",
    ),
)
GLUES = ("", " ", "\n", "\n\n", "*", "**", "_", "`", "(", "|", "> ")


@st.composite
def calling(draw: st.DrawFn) -> Document:
    """Documents full of names and numbers, whole and in pieces, with marks, code and links between the pieces."""
    kinds = st.sampled_from(
        ("text", "text", "strong", "emphasis", "strike", "underline", "code", "link", "break", "mention")
    )
    inlines = []
    for _ in range(draw(st.integers(1, 5))):
        words = draw(st.sampled_from(GLUES)).join(draw(st.lists(st.sampled_from(CALLS), min_size=1, max_size=3)))
        kind = draw(kinds)
        if kind == "link":
            url = draw(
                st.sampled_from([call for call in CALLS if call.lower().startswith("http")] + ["https://a.example/@x"])
            )
            inlines.append(node("link", text(words), url=url))
        elif kind == "break":
            inlines.append(node("break"))
        elif kind in ("text", "code", "mention"):
            inlines.append(node(kind, text=words))
        else:
            inlines.append(node(kind, text(words)))
    block = draw(st.sampled_from(("paragraph", "heading", "quote", "table", "bullets")))
    if block in ("paragraph", "heading"):
        return doc(node(block, *inlines))
    if block == "table":
        return doc(node("table", node("row", node("cell", paragraph(*inlines)), node("cell", paragraph(*inlines)))))
    inner = paragraph(*inlines)
    return doc(node(block, node("item", inner) if block == "bullets" else inner))


# ---- GitHub: https://docs.github.com/get-started/writing-on-github, "Autolinked references and URLs", "Mentioning people"
_MENTION = re.compile(r"(?:^|[^A-Za-z0-9])@[A-Za-z0-9]")
_NUMBER = re.compile(r"#\d|(?:^|[^A-Za-z0-9])gh-\d", re.IGNORECASE)
_ISSUE = re.compile(
    r"^https?://([^/]*@)?(www\.)?github\.com(:\d*)?/[^/]+/[^/]+/(issues|pull|discussions|commit)/", re.IGNORECASE
)
_BARE = re.compile(r"https?://github\.com|www\.github\.com", re.IGNORECASE)


class _Page(HTMLParser):
    """The words of a rendered comment that GitHub's filters look at, text node by text node, and every address."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses.extend(value or "" for name, value in attrs if name in ("href", "src"))
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)
        self.words.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("br", "hr", "img"):
            assert self.open.pop() == tag
        self.words.append("")

    def handle_data(self, data: str) -> None:
        if not {"a", "code", "pre"} & set(self.open):
            self.words[-1:] = [(self.words or [""])[-1] + data]


def assert_calls_nobody_on_github(source: str) -> None:
    page = _Page()
    page.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source))
    for words in page.words:
        assert not _MENTION.search(words), words
        assert not _NUMBER.search(words), words
    for address in page.addresses:
        assert not _ISSUE.match(address), address
    for words in _unescaped(source):
        assert not _BARE.search(words), words


def _unescaped(source: str) -> Iterator[str]:
    """The stretches of words outside links that no backslash parts: where GitHub finds bare addresses."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join").parse(source):
        depth = 0
        for child in token.children or ():
            depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
            if child.type == "text" and not depth:
                yield child.content


@some
@given(document=calling())
def test_on_github_nobody_is_called_and_no_issue_is_named(document: Document) -> None:
    written = write_markdown(document)
    assert_calls_nobody_on_github(written)
    assert write_markdown(read_markdown(written)) == written


@some
@given(document=documents())
def test_on_github_no_text_at_all_calls_anybody(document: Document) -> None:
    assert_calls_nobody_on_github(write_markdown(document))


@some
@given(
    source=st.lists(st.sampled_from(CALLS), max_size=6).flatmap(
        lambda calls: st.sampled_from(GLUES).map(lambda glue: glue.join(calls))
    )
)
def test_what_another_vendor_sends_calls_nobody_on_github(source: str) -> None:
    for document in (read_html(source), read_wiki(source), read_markdown(source), from_plain(source)):
        assert_calls_nobody_on_github(write_markdown(document))


# ---- Jira Cloud: a mention, a smart link and a macro are nodes of their own kinds
_PLAIN_NODES = {
    *("doc", "paragraph", "heading", "text", "hardBreak", "codeBlock", "rule", "blockquote", "panel", "bulletList"),
    *("orderedList", "listItem", "table", "tableRow", "tableHeader", "tableCell"),
}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(current.get("content", ()))


@some
@given(document=st.one_of(calling(), documents()))
def test_in_jira_cloud_there_is_no_mention_no_smart_link_and_no_macro(document: Document) -> None:
    for one in _nodes(write_adf(document)):
        assert one["type"] in _PLAIN_NODES
        assert {mark["type"] for mark in one.get("marks", ())} <= {
            "strong",
            "em",
            "strike",
            "underline",
            "code",
            "link",
        }


# ---- Jira Data Center: "Text Formatting Notation Help"; a backslash takes the meaning off the sign behind it
_OURS = re.compile(r"\{(?:quote|panel(?::bgColor=#[0-9a-f]{6})?|noformat|code(?::[A-Za-z0-9_+#.\-]+)?|[*_+\-])\}")


@some
@given(document=st.one_of(calling(), documents()))
def test_in_jira_data_center_nobody_is_called_and_no_macro_runs(document: Document) -> None:
    written = write_wiki(document)
    prose = re.sub(
        r"(?s)^\{noformat\}\n.*?\n\{noformat\}|\{code:[^}\n]*\}\n.*?\n\{code\}", "", written, flags=re.MULTILINE
    )
    prose = re.sub(r"\\[^A-Za-z0-9\s]", "", prose)
    assert "[~" not in prose
    assert "[^" not in prose
    left = re.sub(r"\{\{|\}\}", "", _OURS.sub("", prose))
    assert not re.search(r"\{[A-Za-z]", left), left


# ---- Zendesk: "Zendesk Support placeholders"; double braces and Liquid's tags are filled in
@some
@given(document=st.one_of(calling(), documents()))
def test_in_the_helpdesk_no_placeholder_is_filled_in(document: Document) -> None:
    written = write_html(document)
    assert "{{" not in written
    assert "{%" not in written
    assert "".join(re.split(r"[\s\u2060|]+", to_plain(read_html(written)))) == "".join(
        re.split(r"[\s\u2060|]+", to_plain(tidy(document)))
    )
    assert write_html(read_html(written)) == written
