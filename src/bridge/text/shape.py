"""The normal form of a tree: what every reader ends with and every writer starts from.

In it, a container holds only what belongs there, nothing is empty, tables are rectangular, neighbouring lists that
read as one are one, and nothing nests deeper than `MAX_DEPTH`. `tidy` of a tidy tree is that tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_

from bridge.model.document import BLOCKS, INLINES, Document, Node, doc, node, paragraph, text
from bridge.text.clean import MAX_DEPTH, clean, safe_language
from bridge.text.runs import Run, flatten, join_lines, lines_of, nest

TONES = ("info", "warning", "error", "success")
LISTS = ("bullets", "numbers")
_CONTAINERS = frozenset({"doc", "quote", "note", "bullets", "numbers", "item", "table", "row", "cell"})
MAX_CELLS = 50_000
MAX_START = 999_999_999


Render = Callable[[Run], Iterable[Run]]
"""Turns a run into what a markup has for it."""


@dataclass(frozen=True, slots=True)
class _Context:
    render: Render
    is_in_table: bool = False


def _as_it_is(run: Run) -> Iterable[Run]:
    return (run,)


def tidy(document: Node, render: Render = _as_it_is) -> Document:
    """The document in normal form, each run rendered first. Words are never lost; structure that makes no sense gives
    way to them."""
    blocks = document.children if document.kind == "doc" else (document,)
    return doc(*_blocks(blocks, 0, _Context(render)))


def paragraphs(runs: Iterable[Run]) -> list[Node]:
    """Runs as paragraphs: single breaks stay, an empty line parts."""
    found: list[Node] = []
    lines: list[list[Run]] = []
    for line in [*lines_of(runs), []]:
        if line:
            lines.append(line)
        elif lines:
            found.append(Node("paragraph", children=nest(join_lines(lines))))
            lines = []
    return found


def gather(top: Node) -> str:
    """The words of a tree of any depth, blocks parted by newlines. Never recurses."""
    parts: list[str] = []
    for current in top.walk():
        if current.kind == "break" or current.kind not in INLINES:
            parts.append("\n")
        if current.kind == "image":
            parts.append(current.attr("alt") or current.attr("name"))
        parts.append(current.text)
    return "".join(parts)


def _blocks(nodes: Iterable[Node], depth: int, context: _Context) -> list[Node]:
    blocks: list[Node] = []
    loose: list[Node] = []
    for current in nodes:
        if current.kind in INLINES:
            loose.append(current)
            continue
        blocks.extend(paragraphs(_rendered(loose, context)))
        loose = []
        blocks.extend(_block(current, depth, context))
    blocks.extend(paragraphs(_rendered(loose, context)))
    return _join_lists(blocks)


def _block(current: Node, depth: int, context: _Context) -> list[Node]:
    if depth >= MAX_DEPTH:
        return paragraphs(context.render(Run(text(gather(current)))))
    kind = current.kind
    if kind == "code_block":
        return list(_code(current))
    if kind == "rule":
        return [Node("rule")]
    if kind in ("paragraph", "heading") and not any(child.kind in BLOCKS for child in current.children):
        runs = _rendered(_with_text(current), context)
        return _heading(current, runs) if kind == "heading" else paragraphs(runs)
    if kind in LISTS or kind == "item":
        return list(_list(current, depth, context))
    if kind == "table":
        return list(_table(current, depth, context))
    children = _blocks(_with_text(current), depth + 1, context)
    if kind == "quote" and children:
        return [Node("quote", children=tuple(children))]
    if kind == "note" and children:
        tone = current.attr("tone")
        return [node("note", *children, tone=tone if tone in TONES else "info")]
    return children


def _rendered(inlines: Iterable[Node], context: _Context) -> list[Run]:
    return [rendered for run in flatten(inlines) for rendered in context.render(run)]


def _with_text(current: Node) -> tuple[Node, ...]:
    return (text(current.text), *current.children) if current.text else current.children


def _code(current: Node) -> Iterator[Node]:
    lines = clean(current.text or gather(current)).split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    if lines:
        yield node("code_block", text="\n".join(lines), language=safe_language(current.attr("language")))


def _heading(current: Node, runs: Iterable[Run]) -> list[Node]:
    lines = [line for line in lines_of(runs) if line]
    if not lines:
        return []
    words = lines_of(join_lines(lines, text(" ")))[0]
    level = current.attr("level", "1")
    return [node("heading", *nest(words), level=level if level in ("1", "2", "3", "4", "5", "6") else "6")]


def _list(current: Node, depth: int, context: _Context) -> Iterator[Node]:
    kind = current.kind if current.kind in LISTS else "bullets"
    members = current.children if current.kind in LISTS else (current,)
    items = []
    for member in members:
        inside = _with_text(member) if member.kind == "item" else (member,)
        blocks = _blocks(inside, depth + 2, context)
        if blocks:
            items.append(Node("item", children=tuple(blocks)))
    if items:
        start = str(start_of(current))
        yield node(kind, *items, start=start if kind == "numbers" and start != "1" else "")


def start_of(numbers: Node) -> int:
    """The number of a list's first item."""
    value = numbers.attr("start", "1")
    return min(int(value), MAX_START) if value.isascii() and value.isdigit() and len(value) < 12 else 1


def _join_lists(blocks: list[Node]) -> list[Node]:
    joined: list[Node] = []
    items: list[Node] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if last is not None and last.kind == block.kind and block.kind in LISTS:
            reached = len(items)
            if block.kind == "bullets" or start_of(block) == start_of(last) + reached:
                items.extend(block.children)
                continue
        _settle(joined, items)
        joined.append(block)
        items = list(block.children) if block.kind in LISTS else []
    _settle(joined, items)
    return joined


def _settle(joined: list[Node], items: list[Node]) -> None:
    if joined and joined[-1].kind in LISTS and len(items) != len(joined[-1].children):
        joined[-1] = Node(joined[-1].kind, attrs=joined[-1].attrs, children=tuple(items))


def _table(current: Node, depth: int, context: _Context) -> Iterator[Node]:
    rows = []
    for row in current.children:
        members = row.children if row.kind == "row" else (row,)
        cells = [_cell(member, depth, replace(context, is_in_table=True)) for member in members]
        if any(cell.children for cell in cells):
            rows.append(cells)
    if not rows:
        return
    width = max(map(len, rows))
    if context.is_in_table or width * len(rows) > MAX_CELLS:
        yield from (line for cells in rows for line in row_as_paragraphs(cells))
        return
    filled = [[*cells, *[Node("cell")] * (width - len(cells))] for cells in rows]
    yield Node("table", children=tuple(Node("row", children=tuple(cells)) for cells in filled))


def _cell(member: Node, depth: int, context: _Context) -> Node:
    inside = _with_text(member) if member.kind == "cell" else (member,)
    align = member.attr("align")
    return node(
        "cell",
        *_blocks(inside, depth + 3, context),
        header="true" if member.attr("header") == "true" else "",
        align=align if align in ("left", "center", "right") else "",
    )


def row_as_paragraphs(cells: Iterable[Node]) -> list[Node]:
    """A table row where no table can stand: its cells as one line parted by bars."""
    runs: list[Run] = []
    for number, cell in enumerate(cells):
        if number:
            runs.append(Run(text(" | ")))
        lines = [line for block in soften(cell.children) for line in inline_lines(block)]
        runs.extend(join_lines([line for line in lines if line], text(" ")))
    return paragraphs(runs)


def inline_lines(block: Node) -> list[list[Run]]:
    """The lines of any block's words, for places that hold inlines only (a cell, a list item of wiki markup)."""
    if block.kind in ("paragraph", "heading"):
        return lines_of(flatten(block.children))
    if block.kind == "code_block":
        return [lines_of([Run(Node("code", line))])[0] for line in block.text.split("\n")]
    return [line for child in block.children for line in inline_lines(child)]


SIMPLE = frozenset({"paragraph", "bullets", "numbers", "code_block"})
"""What a list item may hold in every markup."""

LINES = frozenset({"line"})
"""For a container that holds inlines only: its blocks become one paragraph of lines."""

Allowed = Mapping[str, frozenset[str]]
"""Which kinds of blocks each kind of container may hold; a container that is not named may hold every kind."""


def fit(document: Node, allowed: Allowed, render: Render) -> Document:
    """The document as a markup can hold it, in normal form."""
    whole = tidy(document, render)
    fitted = _fit(whole, allowed)
    return whole if fitted is whole else tidy(fitted, render)


def _fit(container: Node, allowed: Allowed) -> Node:
    blocks: Sequence[Node] = container.children
    kinds = allowed.get(container.kind)
    if kinds == LINES:
        if len(blocks) != 1 or blocks[0].kind != "paragraph":
            lines = [line for block in blocks for line in inline_lines(block) if line]
            blocks = paragraphs(join_lines(lines))
    elif kinds is not None and not all(block.kind in kinds for block in blocks):
        blocks = soften(blocks, kinds)
    children = tuple(_fit(block, allowed) if block.kind in _CONTAINERS else block for block in blocks)
    if len(children) == len(container.children) and all(map(is_, children, container.children)):
        return container
    return Node(container.kind, container.text, container.attrs, children)


def soften(blocks: Iterable[Node], allowed: frozenset[str] = SIMPLE) -> list[Node]:
    """Blocks with every kind that is not allowed turned into the nearest kind that is. Words and order stay."""
    softened: list[Node] = []
    for block in blocks:
        if block.kind in allowed:
            softened.append(block)
        elif block.kind == "heading":
            softened.append(paragraph(*nest(lines_of(flatten([Node("strong", children=block.children)]))[0])))
        elif block.kind == "table":
            softened.extend(line for row in block.children for line in row_as_paragraphs(row.children))
        elif block.kind != "rule":
            softened.extend(soften(block.children, allowed))
    return _join_lists(softened)
