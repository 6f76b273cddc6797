"""Rich text as one neutral tree: what every vendor's markup is read into and written from.

A document is plain data, so that it can be journaled, hashed and compared. Readers and writers live in `bridge.text`.

Block kinds (children in brackets): `doc` [blocks], `paragraph` [inlines], `heading` (attr level 1-6) [inlines],
`quote` [blocks], `bullets` [item], `numbers` (attr start) [item], `item` [blocks], `code_block` (text, attr language),
`table` [row], `row` [cell], `cell` (attr header "true"; attr align) [blocks], `rule`, `note` (attr tone: info, warning,
error, success) [blocks].
Inline kinds: `text` (text), `strong` [inlines], `emphasis` [inlines], `strike` [inlines], `underline` [inlines],
`code` (text), `link` (attr url, title) [inlines], `image` (attr url, alt, name), `mention` (text = shown name, attr
id), `break`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

BLOCKS = frozenset(
    {
        "doc",
        "paragraph",
        "heading",
        "quote",
        "bullets",
        "numbers",
        "item",
        "code_block",
        "table",
        "row",
        "cell",
    }
    | {"rule", "note"}
)
INLINES = frozenset({"text", "strong", "emphasis", "strike", "underline", "code", "link", "image", "mention", "break"})


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the tree. `attrs` are sorted name-value pairs, so that equal trees are equal values."""

    kind: str
    text: str = ""
    attrs: tuple[tuple[str, str], ...] = ()
    children: tuple[Node, ...] = ()

    def attr(self, name: str, default: str = "") -> str:
        """The attribute `name`, or `default`."""
        return next((value for key, value in self.attrs if key == name), default)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in reading order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


Document = Node
"""A `Node` of kind `doc`."""

EMPTY = Node("doc")


def node(kind: str, *children: Node, text: str = "", **attrs: str) -> Node:
    """Build a node; keyword arguments become its attributes, empty ones are left out."""
    kept = tuple(sorted((name, value) for name, value in attrs.items() if value))
    return Node(kind, text, kept, children)


def doc(*blocks: Node) -> Document:
    """A document of these blocks."""
    return Node("doc", children=blocks)


def paragraph(*inlines: Node) -> Node:
    """A paragraph of these inlines."""
    return Node("paragraph", children=inlines)


def text(value: str) -> Node:
    """A run of literal text; writers escape it."""
    return Node("text", value)


def from_plain(value: str) -> Document:
    """Read plain text: blank lines part paragraphs, single newlines are line breaks. Nothing in it is markup."""
    blocks = []
    for chunk in value.replace("\r\n", "\n").split("\n\n"):
        lines = chunk.strip("\n").split("\n")
        if lines == [""]:
            continue
        inlines: list[Node] = []
        for number, line in enumerate(lines):
            if number:
                inlines.append(Node("break"))
            if line:
                inlines.append(text(line))
        blocks.append(paragraph(*inlines))
    return doc(*blocks)


def to_plain(document: Node) -> str:
    """The words of a document: paragraphs parted by blank lines, breaks as newlines, no markup."""
    return "\n\n".join(part for part in _plain_blocks(document) if part.strip())


def _plain_blocks(block: Node) -> Iterator[str]:
    if block.kind == "code_block":
        yield block.text
    elif block.kind in ("row",):
        yield " | ".join(to_plain(cell).replace("\n", " ") for cell in block.children)
    elif block.kind in BLOCKS and any(child.kind in BLOCKS for child in block.children):
        for child in block.children:
            yield from _plain_blocks(child)
    else:
        yield plain_inline(block)


def plain_inline(parent: Node) -> str:
    """The words of an inline run, line breaks as newlines."""
    parts = []
    for child in parent.walk():
        if child.kind == "break":
            parts.append("\n")
        elif child.kind == "image":
            parts.append(child.attr("alt") or child.attr("name"))
        elif child.text and child.kind != "code_block":
            parts.append(child.text)
    return "".join(parts)


def first_line(document: Document) -> str:
    """The words of the first line of the first block: where commands stand. Code, quotes and what an image is called
    hold no commands: who writes *about* a command in code gives none."""
    for block in document.children:
        if block.kind not in ("paragraph", "heading"):
            return ""
        parts: list[str] = []
        for child in block.walk():
            if child.kind == "code" and not "".join(parts).strip():
                return ""
            parts.append("\n" if child.kind == "break" else child.text)
        words = "".join(parts).strip()
        if words:
            return words.split("\n", 1)[0].strip()
    return ""


def without_prefix(document: Document, prefix: str) -> Document:
    """The document with `prefix` and the white space after it taken off its first words. Unchanged if not there."""
    if not first_line(document).startswith(prefix):
        return document
    blocks = list(document.children)
    while blocks and not plain_inline(blocks[0]).strip():
        blocks.pop(0)
    left = len(prefix)
    trimmed, _ = _drop_leading(blocks[0], left, has_begun=False)
    rest = _strip_start(trimmed)
    head = [rest] if plain_inline(rest).strip() or any(n.kind == "image" for n in rest.walk()) else []
    return doc(*head, *blocks[1:])


def _drop_leading(parent: Node, count: int, *, has_begun: bool) -> tuple[Node, int]:
    """Take `count` characters of words off the start, skipping white space before the first of them."""
    if parent.kind in ("text", "code") or (parent.kind == "mention" and parent.text):
        stripped = parent.text if has_begun else parent.text.lstrip()
        take = min(count, len(stripped))
        return Node(parent.kind, stripped[take:], parent.attrs), count - take
    children = []
    for child in parent.children:
        if count:
            before = count
            child, count = _drop_leading(child, count, has_begun=has_begun)
            has_begun = has_begun or count < before
            if not child.text and not child.children and child.kind != "image":
                continue
        children.append(child)
    return Node(parent.kind, parent.text, parent.attrs, tuple(children)), count


def _strip_start(parent: Node) -> Node:
    children = list(parent.children)
    while children and (children[0].kind == "break" or (children[0].kind == "text" and not children[0].text.strip())):
        children.pop(0)
    if children and children[0].kind == "text":
        children[0] = text(children[0].text.lstrip())
    return Node(parent.kind, parent.text, parent.attrs, tuple(children))


def to_json(value: Node) -> Any:
    """The tree as plain JSON: `[kind, text, {attrs}, [children]]`."""
    return [value.kind, value.text, dict(value.attrs), [to_json(child) for child in value.children]]


def from_json(value: Any) -> Node:
    """The inverse of `to_json`."""
    kind, words, attrs, children = value
    return Node(kind, words, tuple(sorted(attrs.items())), tuple(from_json(child) for child in children))


def digest(value: Node) -> str:
    """A short stable hash of a tree, to tell whether a text changed."""
    return sha256(json.dumps(to_json(value), ensure_ascii=True).encode()).hexdigest()[:32]
