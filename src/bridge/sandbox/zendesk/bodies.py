"""A comment's three texts: what was sent as HTML or plain text, as Zendesk keeps and shows it."""

from __future__ import annotations

import html
import re

import nh3
from bs4 import BeautifulSoup

MOST_BYTES = 65_536
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4"),
    *("h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "s", "span", "strike", "strong", "sub", "sup"),
    *("table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul"),
}
_ATTRIBUTES = {
    "*": {"class", "dir", "style", "title", "id"},
    "a": {"href", "target"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
_PARTS = ("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "table", "ul", "ol", "hr")


def make_texts(*, body: str | None, html_body: str | None) -> dict[str, str]:
    """`body`, `html_body` and `plain_body` of a comment; HTML wins where both are given."""
    if html_body is not None:
        inner = nh3.clean(html_body, tags=_TAGS, attributes=_ATTRIBUTES, link_rel="noopener noreferrer").strip()
        plain = _words(inner)
        return {"body": plain, "html_body": _wrapped(inner), "plain_body": plain}
    plain = (body or "").replace("\r\n", "\n").strip()
    blocks = (html.escape(block, quote=False).replace("\n", "<br>") for block in re.split(r"\n{2,}", plain))
    return {
        "body": plain,
        "html_body": _wrapped("".join(f'<p dir="auto">{block}</p>' for block in blocks)),
        "plain_body": plain,
    }


def redact_text(texts: dict[str, str], words: str) -> dict[str, str]:
    """The texts with every letter of `words` blacked out."""
    black = "▇" * len(words)
    return {
        "body": texts["body"].replace(words, black),
        "html_body": texts["html_body"].replace(html.escape(words, quote=False), black),
        "plain_body": texts["plain_body"].replace(words, black),
    }


def redact_marked(stands: str, marked: str) -> dict[str, str] | None:
    """The texts after the parts of `marked` inside `<redact>` were blacked out, and the addresses of elements with the
    attribute `redact` taken away; None if `marked` says something else than the comment that `stands`."""
    soup = BeautifulSoup(marked, "html.parser")
    for element in soup.find_all(attrs={"redact": True}):
        element.name, element.attrs = "span", {}
    if soup.get_text() != BeautifulSoup(stands, "html.parser").get_text():
        return None
    for part in soup.find_all("redact"):
        part.replace_with("▇" * len(part.get_text()))
    plain = _words(str(soup))
    return {"body": plain, "html_body": str(soup), "plain_body": plain}


def _wrapped(inner: str) -> str:
    return f'<div class="zd-comment" dir="auto">{inner}</div>'


def _words(inner: str) -> str:
    soup = BeautifulSoup(inner, "html.parser")
    for line in soup.find_all("br"):
        line.replace_with("\n")
    for part in soup.find_all(_PARTS):
        part.append("\n" if part.name in ("li", "tr") else "\n\n")
    return re.sub(r"\n{3,}", "\n\n", soup.get_text()).strip()
