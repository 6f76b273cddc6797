"""What Jira accepts as rich text: an Atlassian Document on Cloud, a string of wiki text on Data Center.

The node table follows Atlassian's "Atlassian Document Format" structure pages; what it does not name is refused, as Cloud
refuses it.
"""

from __future__ import annotations

from typing import Any

TEXT_LIMIT = 32_767

_BLOCKS = frozenset({
    "paragraph", "heading", "blockquote", "bulletList", "orderedList", "codeBlock", "table", "rule", "panel",
    "mediaSingle", "mediaGroup", "expand", "taskList", "decisionList", "blockCard",
})  # fmt: skip
_INLINES = frozenset({"text", "hardBreak", "mention", "emoji", "inlineCard", "status", "date", "mediaInline"})
_IN_ITEM = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "taskList"})
_IN_CELL = (_BLOCKS - {"table", "expand"}) | {"nestedExpand"}
_CONTENT = {
    "doc": _BLOCKS,
    "paragraph": _INLINES,
    "heading": _INLINES,
    "blockquote": frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "mediaGroup"}),
    "bulletList": frozenset({"listItem"}),
    "orderedList": frozenset({"listItem"}),
    "listItem": _IN_ITEM,
    "codeBlock": frozenset({"text"}),
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableCell", "tableHeader"}),
    "tableCell": _IN_CELL,
    "tableHeader": _IN_CELL,
    "panel": frozenset(
        {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule", "taskList", "decisionList"}
        | {"blockCard", "mediaGroup", "mediaSingle"}
    ),
    "mediaSingle": frozenset({"media", "caption"}),
    "mediaGroup": frozenset({"media"}),
    "caption": _INLINES,
    "expand": _BLOCKS - {"expand"},
    "nestedExpand": _BLOCKS - {"expand", "table"},
    "taskList": frozenset({"taskItem", "taskList"}),
    "taskItem": _INLINES,
    "decisionList": frozenset({"decisionItem"}),
    "decisionItem": _INLINES,
}
_LEAVES = {
    "text",
    "hardBreak",
    "mention",
    "emoji",
    "inlineCard",
    "status",
    "date",
    "mediaInline",
    "media",
    "rule",
    "blockCard",
}
_NEVER_EMPTY = {"bulletList", "orderedList", "listItem", "table", "tableRow", "blockquote", "panel", "mediaSingle"}
_NEEDS = {
    "heading": "level",
    "mention": "id",
    "emoji": "shortName",
    "panel": "panelType",
    "date": "timestamp",
    "media": "type",
}
_MARKS = frozenset({
    "strong", "em", "strike", "underline", "code", "link", "subsup", "textColor", "backgroundColor",
    "annotation", "alignment", "border", "indentation", "breakout",
})  # fmt: skip
_PANELS = {"info", "note", "warning", "success", "error", "tip", "custom"}


def is_document(value: Any) -> bool:
    """Whether Cloud would take this as a rich text."""
    if not isinstance(value, dict) or value.get("type") != "doc" or value.get("version") != 1:
        return False
    return isinstance(value.get("content"), list) and _is_node(value)


def words(value: Any) -> str:
    """The words of a rich text of either kind, as the history shows them."""
    if not isinstance(value, dict):
        return value or ""
    if value.get("type") == "text":
        return str(value.get("text", ""))
    parting = "\n" if value.get("type") in ("doc", "listItem", "blockquote", "panel") else ""
    return parting.join(words(child) for child in value.get("content", ()))


def _is_node(node: Any) -> bool:
    if not isinstance(node, dict) or set(node) - {"type", "attrs", "content", "marks", "text", "version"}:
        return False
    kind, content = node.get("type"), node.get("content", [])
    if not _has_attrs(node) or not _has_marks(node):
        return False
    if kind in _LEAVES:
        return "content" not in node and (kind != "text" or (isinstance(node.get("text"), str) and node["text"] != ""))
    allowed = _CONTENT.get(str(kind))
    if allowed is None or not isinstance(content, list) or "text" in node:
        return False
    if not content and kind in _NEVER_EMPTY:
        return False
    if kind == "listItem" and content[0].get("type") in ("bulletList", "orderedList"):
        return False
    return all(isinstance(child, dict) and child.get("type") in allowed and _is_node(child) for child in content)


def _has_attrs(node: dict[str, Any]) -> bool:
    attrs = node.get("attrs", {})
    if not isinstance(attrs, dict) or None in attrs.values():
        return False
    needed = _NEEDS.get(str(node.get("type")))
    if needed is not None and needed not in attrs:
        return False
    if node.get("type") == "heading":
        return attrs["level"] in (1, 2, 3, 4, 5, 6) and not isinstance(attrs["level"], bool)
    if node.get("type") == "orderedList":
        return isinstance(attrs.get("order", 1), int) and attrs.get("order", 1) >= 0
    return node.get("type") != "panel" or attrs["panelType"] in _PANELS


def _has_marks(node: dict[str, Any]) -> bool:
    marks = node.get("marks", [])
    if not isinstance(marks, list) or (marks and node.get("type") in ("codeBlock", "rule", "doc")):
        return False
    for mark in marks:
        if not isinstance(mark, dict) or mark.get("type") not in _MARKS:
            return False
        if mark["type"] == "link" and not isinstance(mark.get("attrs", {}).get("href"), str):
            return False
    names = [mark["type"] for mark in marks]
    # Cloud refuses code together with any mark but links and annotations.
    return "code" not in names or not set(names) - {"code", "link", "annotation"}
