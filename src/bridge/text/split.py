"""Cuts a text that is too long for its target into parts that fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bridge.model.document import Document, Node, doc, paragraph, text
from bridge.text.runs import Run, flatten, nest
from bridge.text.shape import start_of, tidy

Measure = Callable[[Document], int]

_MOST_PARTS = 9_999
_WORDS = re.compile(r"\s+|\S+")


def split(document: Document, *, measure: Measure, limit: int) -> tuple[Document, ...]:
    """The document in parts that each measure at most `limit`, in order, nothing lost.

    `measure` gives a document's size as the target counts it (characters of the written form); more text must never
    measure less. Parts end between blocks where they can, else between items, rows, lines, words, letters. Of several
    parts each begins with a line `(1/3)`. Raises ValueError when not even one letter fits under the limit.
    """
    whole = tidy(document)
    if measure(whole) <= limit:
        return (whole,)
    label = _label(_MOST_PARTS, _MOST_PARTS)

    def fits(*blocks: Node) -> bool:
        return measure(tidy(doc(label, *blocks))) <= limit

    left = list(reversed(whole.children))
    parts: list[Sequence[Node]] = []
    while left:
        count = _longest(len(left), lambda count: fits(*left[: -count - 1 : -1]))
        if count:
            taken = [left.pop() for _ in range(count)]
            if count > 1 and left and taken[-1].kind == "heading":
                left.append(taken.pop())
            parts.append(taken)
        else:
            head, rest = _cut(left.pop(), fits)
            parts.append([head])
            left.extend(reversed(tidy(doc(rest)).children))
    return tuple(tidy(doc(_label(number, len(parts)), *part)) for number, part in enumerate(parts, 1))


def _label(number: int, of: int) -> Node:
    return paragraph(text(f"({number}/{of})"))


def _longest(most: int, does_fit: Callable[[int], bool]) -> int:
    """The largest count up to `most` that fits, found with few trials: doubling, then halving."""
    good, bad = 0, 1
    while bad <= most and does_fit(bad):
        good, bad = bad, bad * 2
    bad = min(bad, most + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if does_fit(middle) else (good, middle)
    return good


def _cut(block: Node, fits: Callable[..., bool]) -> tuple[Node, Node]:
    """A block that is too long alone, as a head that fits and the rest."""
    if block.kind == "code_block":
        return _cut_code(block, fits)
    if block.kind in ("paragraph", "heading"):
        return _cut_inlines(block, fits)
    if block.kind == "table":
        first, *rows = block.children
        if not fits(_with(block, [first])):
            # A row that fits nowhere gives its cells as plain blocks; a nested `doc` is nothing but its children.
            cells = [inner for cell in first.children for inner in cell.children]
            return _cut(doc(*cells, *([_with(block, rows)] if rows else [])), fits)
    count = _longest(len(block.children), lambda count: fits(_with(block, block.children[:count])))
    if count:
        return _with(block, block.children[:count]), _with(block, block.children[count:], count)
    if not block.children:
        raise ValueError("The limit of a text's length is too small to hold anything.")
    first, *others = block.children
    head, rest = _cut(first, lambda inner: fits(_with(block, [inner])))
    return _with(block, [head]), _with(block, [rest, *others])


def _with(container: Node, children: Sequence[Node], skipped: int = 0) -> Node:
    """The container with other children; a numbered list goes on counting."""
    attrs = container.attrs
    if container.kind == "numbers":
        attrs = (("start", str(start_of(container) + skipped)),)
    return Node(container.kind, attrs=attrs, children=tuple(children))


def _cut_code(block: Node, fits: Callable[..., bool]) -> tuple[Node, Node]:
    def part(words: str) -> Node:
        return Node("code_block", words, block.attrs)

    lines = block.text.split("\n")
    count = _longest(len(lines), lambda count: fits(part("\n".join(lines[:count]))))
    if count and "".join(lines[:count]).strip():
        return part("\n".join(lines[:count])), part("\n".join(lines[count:]))
    letters = _longest(len(block.text), lambda count: fits(part(block.text[:count])))
    if not letters:
        raise ValueError("The limit of a text's length is too small to hold one letter of code.")
    return part(block.text[:letters]), part(block.text[letters:])


def _cut_inlines(block: Node, fits: Callable[..., bool]) -> tuple[Node, Node]:
    def part(runs: Sequence[Run]) -> Node:
        return Node(block.kind, attrs=block.attrs, children=nest(runs))

    atoms: list[Run] = []
    for run in flatten(block.children):
        pieces = _WORDS.findall(run.leaf.text) if run.leaf.kind == "text" else []
        atoms.extend([run.with_leaf(text(piece)) for piece in pieces] or [run])
    count = _longest(len(atoms), lambda count: fits(part(atoms[:count])))
    if count:
        return part(atoms[:count]), part(atoms[count:])
    first, *others = atoms
    words = first.leaf.text or first.leaf.attr("alt") or first.leaf.attr("name")
    kind = "code" if first.leaf.kind == "code" else "text"
    for url in (first.url, ""):
        # An address longer than the limit cannot be kept as a link; its words can.
        title = first.title if url else ""
        cut = [Run(Node(kind, letter), first.marks, url, title) for letter in words]
        count = _longest(len(cut), lambda count, cut=cut: fits(part(cut[:count])))  # type: ignore[misc]
        if count:
            return part(cut[:count]), part([*cut[count:], *others])
    raise ValueError("The limit of a text's length is too small to hold one letter.")
