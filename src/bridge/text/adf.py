"""The Atlassian Document Format (version 1): rich text of Jira Cloud as a JSON tree.

Which node may hold which follows the public JSON schema of the format (`@atlaskit/adf-schema`, version 1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from bridge.model.document import Document, Node, doc, node, text
from bridge.text.clean import MAX_DEPTH, safe_url, shift
from bridge.text.runs import BREAK, NO_MARKS, Run, flatten, image_url, with_addresses, with_words
from bridge.text.shape import SIMPLE, fit, paragraphs, start_of, tidy

_MARKS_IN = {"strong": "strong", "em": "emphasis", "strike": "strike", "underline": "underline"}
_MARKS_OUT = {"strong": "strong", "emphasis": "em", "strike": "strike", "underline": "underline"}
_TONES_IN = {"info": "info", "note": "info", "warning": "warning", "error": "error", "success": "success"}
_INLINES = frozenset(
    {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline", "placeholder"}
)
_EPOCH = date(1970, 1, 1).toordinal()

_ALLOWED = {
    "quote": SIMPLE,
    "item": SIMPLE,
    "note": SIMPLE | {"heading", "rule"},
    "cell": SIMPLE | {"heading", "rule", "quote", "note"},
}


def read_adf(value: Mapping[str, Any] | None) -> Document:
    """Read a document of the format. Nodes that are not known give their words; None gives an empty document."""
    return tidy(doc(*_read_blocks(_content(value), 0)))


def _content(value: object) -> list[Mapping[str, Any]]:
    content = value.get("content") if isinstance(value, Mapping) else None
    return [child for child in content if isinstance(child, Mapping)] if isinstance(content, list) else []


def _kind(value: Mapping[str, Any]) -> str:
    kind = value.get("type")
    return kind if isinstance(kind, str) else ""


def _attrs(value: Mapping[str, Any]) -> Mapping[str, Any]:
    attrs = value.get("attrs")
    return attrs if isinstance(attrs, Mapping) else {}


def _string(attrs: Mapping[str, Any], *names: str) -> str:
    """The first of these attributes that holds words."""
    for name in names:
        value = attrs.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def _read_blocks(members: Iterable[Mapping[str, Any]], depth: int) -> list[Node]:
    blocks: list[Node] = []
    loose: list[Run] = []
    for member in members:
        if _kind(member) in _INLINES:
            loose.extend(_read_inline(member))
            continue
        blocks.extend(paragraphs(loose))
        loose = []
        blocks.extend(_read_block(member, depth))
    blocks.extend(paragraphs(loose))
    return blocks


def _read_block(value: Mapping[str, Any], depth: int) -> list[Node]:
    if depth > MAX_DEPTH:
        return paragraphs([Run(text(_words(value)))])
    attrs = _attrs(value)
    kind = _kind(value)
    if kind == "codeBlock":
        return [node("code_block", text=_words(value), language=_string(attrs, "language"))]
    if kind == "rule":
        return [Node("rule")]
    if kind in ("media", "blockCard", "embedCard"):
        return paragraphs(_read_inline(value))
    if kind == "mediaGroup":
        return [block for member in _content(value) for block in _read_block(member, depth + 1)]
    children = _read_blocks(_content(value), depth + 1)
    if kind == "heading" and all(child.kind == "paragraph" for child in children):
        inlines = [inline for child in children for inline in (*child.children, BREAK)]
        return [node("heading", *inlines, level=_string(attrs, "level"))]
    return _read_container(kind, attrs, children)


def _read_container(kind: str, attrs: Mapping[str, Any], children: list[Node]) -> list[Node]:
    simple = {
        "blockquote": "quote",
        "bulletList": "bullets",
        "taskList": "bullets",
        "decisionList": "bullets",
        "listItem": "item",
        "decisionItem": "item",
        "table": "table",
        "tableRow": "row",
        "tableCell": "cell",
    }
    if kind == "taskItem":
        box = text("[x] " if attrs.get("state") == "DONE" else "[ ] ")
        first, *rest = children or [Node("paragraph")]
        begun = (
            [node("paragraph", box, *first.children), *rest]
            if first.kind == "paragraph"
            else [node("paragraph", box), *children]
        )
        return [node("item", *begun)]
    if kind in simple:
        return [Node(simple[kind], children=tuple(children))]
    if kind == "orderedList":
        return [node("numbers", *children, start=_string(attrs, "order"))]
    if kind == "tableHeader":
        return [node("cell", *children, header="true")]
    if kind == "panel":
        return [node("note", *children, tone=_TONES_IN.get(_string(attrs, "panelType"), "info"))]
    if kind in ("expand", "nestedExpand") and _string(attrs, "title"):
        return [node("paragraph", node("strong", text(_string(attrs, "title")))), *children]
    return children


def _words(value: Mapping[str, Any]) -> str:
    """All words below a node of any depth. Never recurses."""
    parts: list[str] = []
    stack: list[Mapping[str, Any]] = [value]
    while stack:
        current = stack.pop()
        if _kind(current) == "hardBreak":
            parts.append("\n")
        elif isinstance(current.get("text"), str):
            parts.append(current["text"])
        elif _kind(current) != "codeBlock":
            parts.append(_string(_attrs(current), "text", "shortName", "alt"))
        stack.extend(reversed(_content(current)))
        if _kind(current) in ("paragraph", "heading", "listItem"):
            parts.append("\n")
    return "".join(parts)


def _read_inline(value: Mapping[str, Any]) -> list[Run]:
    attrs = _attrs(value)
    kind = _kind(value)
    run = _marked(value)
    if kind == "hardBreak":
        return [Run(BREAK)]
    if kind == "mention":
        identity = _string(attrs, "id")
        return [run.with_leaf(node("mention", text=_string(attrs, "text") or f"@{identity}", id=identity))]
    if kind in ("inlineCard", "blockCard", "embedCard"):
        url = safe_url(_string(attrs, "url"))
        return [Run(text(url), run.marks, url)]
    if kind in ("media", "mediaInline"):
        alt = _string(attrs, "alt")
        name = _string(attrs, "__fileName", "fileName") or ("" if alt else "image")
        return [run.with_leaf(node("image", url=_string(attrs, "url"), alt=alt, name=name))]
    if kind == "date":
        return [run.with_leaf(text(_day(_string(attrs, "timestamp"))))]
    words = value.get("text") if kind == "text" else _string(attrs, "text", "shortName")
    words = words if isinstance(words, str) else ""
    if any(_kind(mark) == "code" for mark in _marks(value)):
        return [run.with_leaf(Node("code", words))]
    moved = next((_string(_attrs(mark), "type") for mark in _marks(value) if _kind(mark) == "subsup"), "")
    if moved in ("sup", "sub"):
        words = shift(words, up=moved == "sup")
    return [run.with_leaf(text(words))]


def _marks(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    marks = value.get("marks")
    return [mark for mark in marks if isinstance(mark, Mapping)] if isinstance(marks, list) else []


def _marked(value: Mapping[str, Any]) -> Run:
    names = frozenset(_MARKS_IN[kind] for mark in _marks(value) if (kind := _kind(mark)) in _MARKS_IN)
    link = next((_attrs(mark) for mark in _marks(value) if _kind(mark) == "link"), {})
    return Run(BREAK, names, safe_url(_string(link, "href")), _string(link, "title"))


def _day(timestamp: str) -> str:
    """The UTC day of a time stamp in milliseconds, as `2026-03-01`."""
    if not re.fullmatch(r"\d{1,14}", timestamp, re.ASCII):
        return timestamp
    return date.fromordinal(_EPOCH + int(timestamp) // 86_400_000).isoformat()


def write_adf(document: Document) -> dict[str, Any]:
    """Write a document of version 1 that the vendor accepts. Names stay plain words, so that nobody is called."""
    return {"type": "doc", "version": 1, "content": _write_blocks(fit(document, _ALLOWED, _render).children)}


def _write_blocks(blocks: Iterable[Node]) -> list[dict[str, Any]]:
    return [_WRITERS[block.kind](block) for block in blocks]


def _write_paragraph(block: Node) -> dict[str, Any]:
    return {"type": "paragraph", "content": _write_inlines(block)}


def _write_heading(block: Node) -> dict[str, Any]:
    return {"type": "heading", "attrs": {"level": int(block.attr("level", "1"))}, "content": _write_inlines(block)}


def _write_code(block: Node) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "codeBlock", "content": [{"type": "text", "text": block.text}]}
    language = block.attr("language")
    return {**written, "attrs": {"language": language}} if language else written


def _write_rule(_: Node) -> dict[str, Any]:
    return {"type": "rule"}


def _write_quote(block: Node) -> dict[str, Any]:
    return {"type": "blockquote", "content": _write_blocks(block.children)}


def _write_note(block: Node) -> dict[str, Any]:
    content = _write_blocks(block.children)
    return {"type": "panel", "attrs": {"panelType": block.attr("tone", "info")}, "content": content}


def _write_bullets(block: Node) -> dict[str, Any]:
    return {"type": "bulletList", "content": [_write_item(item) for item in block.children]}


def _write_numbers(block: Node) -> dict[str, Any]:
    items = [_write_item(item) for item in block.children]
    return {"type": "orderedList", "attrs": {"order": start_of(block)}, "content": items}


def _write_item(item: Node) -> dict[str, Any]:
    content = _write_blocks(item.children)
    if content[0]["type"] in ("bulletList", "orderedList"):
        content.insert(0, _blank())
    return {"type": "listItem", "content": content}


def _write_table(block: Node) -> dict[str, Any]:
    rows = [{"type": "tableRow", "content": [_write_cell(cell) for cell in row.children]} for row in block.children]
    attrs = {"isNumberColumnEnabled": False, "layout": "default"}
    return {"type": "table", "attrs": attrs, "content": rows}


def _write_cell(cell: Node) -> dict[str, Any]:
    kind = "tableHeader" if cell.attr("header") else "tableCell"
    return {"type": kind, "attrs": {}, "content": _or_blank(_write_blocks(cell.children))}


def _blank() -> dict[str, Any]:
    return {"type": "paragraph", "content": []}


def _or_blank(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return content or [_blank()]


_WRITERS: Mapping[str, Callable[[Node], dict[str, Any]]] = {
    "paragraph": _write_paragraph,
    "heading": _write_heading,
    "code_block": _write_code,
    "rule": _write_rule,
    "quote": _write_quote,
    "note": _write_note,
    "bullets": _write_bullets,
    "numbers": _write_numbers,
    "table": _write_table,
}


def _render(run: Run) -> Iterable[Run]:
    """What the format shows: images as links (it takes only files of its own), bare addresses as links, code without
    other marks than a link."""
    leaf = run.leaf
    if leaf.kind == "image":
        url = image_url(leaf)
        run = Run(text(leaf.attr("alt") or leaf.attr("name") or url), run.marks, run.url or url, run.title)
    if leaf.kind == "code":
        return (run._replace(marks=NO_MARKS),)
    return with_addresses(with_words(run))


def _write_inlines(block: Node) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for run in flatten(block.children):
        if run.leaf.kind == "break":
            written.append({"type": "hardBreak"})
            continue
        marks = _write_marks(run)
        written.append({"type": "text", "text": run.leaf.text, **({"marks": marks} if marks else {})})
    return written


def _write_marks(run: Run) -> list[dict[str, Any]]:
    marks: list[dict[str, Any]] = []
    if run.url:
        marks.append({"type": "link", "attrs": {"href": run.url, **({"title": run.title} if run.title else {})}})
    if run.leaf.kind == "code":
        marks.append({"type": "code"})
    else:
        marks.extend({"type": name} for mark, name in _MARKS_OUT.items() if mark in run.marks)
    return marks
