"""Reads GitHub's Markdown.

Where GitHub's comments differ from CommonMark, they are followed: a single newline is a line break, and bare
addresses are links. HTML stays literal text, but for line breaks, images (GitHub writes pasted ones so), comments and
the frame of a folded section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from bridge.model.document import Document, Node, doc, from_plain, node, text
from bridge.text.clean import JOINER, MOST_LETTERS, clean, safe_url, shift
from bridge.text.runs import BREAK, NO_MARKS, Run
from bridge.text.shape import paragraphs, tidy

SILENT_HOST = "redirect.github.com"
"""Leads to the same page as `github.com`, and leaves no mark on the issue it names."""

ALERTS = {"NOTE": "info", "IMPORTANT": "info", "TIP": "success", "WARNING": "warning", "CAUTION": "error"}

_DEEPEST_LEVEL = 120
_TOO_DEEP = 100
_MOST_BRACKETS = 5_000
JOINED = re.compile(rf"(@|#|GH-){JOINER}+", re.IGNORECASE)
_SILENCED = re.compile(rf"(https?://){re.escape(SILENT_HOST)}(?=/)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_IMAGE = re.compile(r"<img\s[^<>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_FRAME = re.compile(r"</?(?:details|summary)(?:\s[^<>]*)?>", re.IGNORECASE)
_SHIFT = re.compile(r"<(/?)(su[pb])>", re.IGNORECASE)
_KNOWN_HTML = re.compile(
    f"(?P<image>{_IMAGE.pattern})|(?P<line>{_LINE_BREAK.pattern})|(?P<frame>{_FRAME.pattern})", re.IGNORECASE
)
_ALERT = re.compile(r"\[!([A-Za-z]+)\]\s*(?:\n|$)")
_REST_OF_ADDRESS = re.compile(r"://[^\s<>\[\]\\`]+")
_TRAILING = "?!.,:;*_~'\"\\"
_MARKS = {"strong_open": "strong", "em_open": "emphasis", "s_open": "strike"}
_MARKS_CLOSE = {"strong_close": "strong", "em_close": "emphasis", "s_close": "strike"}


class _Parser(MarkdownIt):
    """CommonMark that leaves addresses as they were written: `safe_url` is the one place that encodes them."""

    def normalizeLink(self, url: str) -> str:
        return url

    def normalizeLinkText(self, link: str) -> str:
        return link


@cache
def _build_parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"maxNesting": _DEEPEST_LEVEL}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "bare_address", _read_bare_address)
    return parser


def _read_bare_address(state: StateInline, silent: bool) -> bool:
    """An inline rule: `http://…` or `https://…` standing bare is a link, up to white space or `<`."""
    if state.src[state.pos] != ":" or state.linkLevel > 0:
        return False
    scheme = re.search(r"(?<![A-Za-z0-9])https?$", state.pending[-6:], re.IGNORECASE)
    found = _REST_OF_ADDRESS.match(state.src, state.pos) if scheme else None
    if scheme is None or found is None:
        return False
    address = scheme.group() + found.group()
    kept = _trim_address(address)
    if len(kept) <= len(scheme.group()) + 3 or not state.md.validateLink(kept):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme.group())]
        opening = state.push("link_open", "a", 1)
        opening.attrs = {"href": kept}
        state.push("text", "", 0).content = kept
        state.push("link_close", "a", -1)
    state.pos += len(kept) - len(scheme.group())
    return True


def _trim_address(address: str) -> str:
    """Take off what ends a sentence, and closing brackets that were not opened inside."""
    closing = address.count(")") - address.count("(")
    end = len(address)
    while end:
        last = address[end - 1]
        if last == ")" and closing > 0:
            closing -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end]


def read_markdown(value: str) -> Document:
    """Read a comment or description as GitHub keeps it. A `@name` stays text. Text that nests absurdly is taken
    literally, so that none of it is lost; so is one with thousands of brackets, whose parsing takes quadratic time."""
    source = clean(value)
    if len(source) > MOST_LETTERS or source.count("[") > _MOST_BRACKETS:
        return tidy(from_plain(source))
    tokens = _build_parser().parse(source)
    if any(token.level >= _TOO_DEEP for token in tokens):
        return tidy(from_plain(source))
    blocks, _ = _read_blocks(tokens, 0)
    return tidy(doc(*blocks))


_CONTAINERS = {
    "blockquote_open": "quote",
    "bullet_list_open": "bullets",
    "ordered_list_open": "numbers",
    "list_item_open": "item",
    "table_open": "table",
    "tr_open": "row",
    "th_open": "cell",
    "td_open": "cell",
}


def _read_blocks(tokens: list[Token], index: int) -> tuple[list[Node], int]:
    """Blocks from `index` to the close of the container, and the index behind that."""
    blocks: list[Node] = []
    while index < len(tokens):
        token = tokens[index]
        index += 1
        if token.type in _CONTAINERS:
            first = tokens[index + 1] if index + 1 < len(tokens) else token
            inner, index = _read_blocks(tokens, index)
            blocks.append(_read_container(token, inner, first))
        elif token.type == "inline":
            runs = list(_read_runs(token.children or []))
            if tokens[index - 2].type == "heading_open":
                blocks.append(_read_heading(runs, tokens[index - 2].tag[1:]))
            else:
                blocks.extend(paragraphs(runs))
        elif token.type in ("fence", "code_block"):
            language = unescape(token.info).strip().split(" ", 1)[0]
            blocks.append(node("code_block", text=token.content, language=language))
        elif token.type == "hr":
            blocks.append(Node("rule"))
        elif token.type == "html_block":
            blocks.extend(paragraphs(_read_html(token.content, Run(BREAK))))
        elif token.nesting < 0 and token.type.replace("_close", "_open") in _CONTAINERS:
            break
    return blocks, index


def _read_container(token: Token, children: list[Node], first: Token) -> Node:
    kind = _CONTAINERS[token.type]
    if kind == "quote":
        alert = _ALERT.match(first.content) if token.level == 0 and first.type == "inline" else None
        if alert and alert.group(1).upper() in ALERTS:
            return node("note", *_without_alert(children), tone=ALERTS[alert.group(1).upper()])
    if kind == "cell":
        align = str(token.attrGet("style") or "").removeprefix("text-align:")
        return node("cell", *children, header="true" if token.type == "th_open" else "", align=align)
    return node(kind, *children, start=str(token.attrs.get("start", "")))


def _without_alert(children: list[Node]) -> list[Node]:
    """Take the first line, which named the alert, off the first paragraph."""
    first, *rest = children
    line_end = next((i for i, child in enumerate(first.children) if child.kind == "break"), len(first.children))
    return [Node("paragraph", children=first.children[line_end + 1 :]), *rest]


def _read_heading(runs: list[Run], level: str) -> Node:
    inlines = [inline for block in paragraphs(runs) for inline in (*block.children, text(" "))]
    return node("heading", *inlines, level=level)


def _read_runs(tokens: Iterable[Token]) -> Iterator[Run]:
    marks: list[str] = []
    links: list[tuple[str, str]] = []
    moved = ""
    for token in tokens:
        url, title = links[-1] if links else ("", "")
        around = Run(BREAK, frozenset(marks) if marks else NO_MARKS, url, title)
        kind = token.type
        if kind in _MARKS:
            marks.append(_MARKS[kind])
        elif kind in _MARKS_CLOSE:
            marks.remove(_MARKS_CLOSE[kind])
        elif kind == "link_open":
            links.append((_address(token.attrGet("href")), str(token.attrGet("title") or "")))
        elif kind == "link_close":
            links.pop()
        elif kind in ("softbreak", "hardbreak"):
            yield Run(BREAK)
        elif kind == "code_inline":
            yield around.with_leaf(Node("code", token.content))
        elif kind == "image":
            alt = JOINED.sub(r"\1", _alt(token))
            url = _address(token.attrGet("src"))
            yield around.with_leaf(node("image", url=url, alt=alt, name=str(token.attrGet("title") or "")))
        elif kind == "html_inline" and (shifts := _SHIFT.fullmatch(token.content)):
            moved = "" if shifts[1] else shifts[2].lower()
        elif kind == "html_inline":
            yield from _read_html(token.content, around)
        elif token.content:
            words = JOINED.sub(r"\1", token.content)
            yield around.with_leaf(text(shift(words, up=moved == "sup") if moved else words))


def _address(value: object) -> str:
    return _SILENCED.sub(r"\1github.com", safe_url(str(value or "")))


def _alt(token: Token) -> str:
    parts: list[str] = []
    stack = list(reversed(token.children or []))
    while stack:
        current = stack.pop()
        parts.append(" " if current.type in ("softbreak", "hardbreak") else "" if current.children else current.content)
        stack.extend(reversed(current.children or []))
    return "".join(parts)


def _read_html(source: str, around: Run) -> Iterator[Run]:
    """HTML that stands in Markdown, as literal text but for what GitHub itself writes."""
    kept = _COMMENT.sub("", source)
    reached = 0
    for found in _KNOWN_HTML.finditer(kept):
        yield around.with_leaf(text(JOINED.sub(r"\1", kept[reached : found.start()])))
        reached = found.end()
        if found.lastgroup == "line":
            yield Run(BREAK)
        elif found.lastgroup == "image":
            named = {key.lower(): unescape(one or two) for key, one, two in _ATTRIBUTE.findall(found.group())}
            yield around.with_leaf(node("image", url=safe_url(named.get("src", "")), alt=named.get("alt", "")))
    yield around.with_leaf(text(JOINED.sub(r"\1", kept[reached:])))
