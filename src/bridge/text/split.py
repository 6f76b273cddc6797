"""Cuts a text that is too long for its target into parts that fit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from bridge.model.document import Document, Node, doc, from_plain, paragraph, text, to_plain
from bridge.text.runs import Run, flatten, nest
from bridge.text.shape import start_of, tidy

Measure = Callable[[Document], int]
Fill = Callable[[Node], float]
"""How much of a part a block would fill, in its containers: above 1 it does not fit."""

_MOST_PARTS = 9_999
_FULL_ENOUGH = 0.9
_MOST_ATOMS = 2_000
_LONGEST_LETTER = 32
_ZERO_WIDTH_JOINER = "\u200d"
_FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_WORDS = re.compile(r"\s+|\S+")
_NOTHING = Node("doc")
"""Nothing left. A nested `doc` stands for its children."""


def split(document: Document, *, measure: Measure, limit: int) -> tuple[Document, ...]:
    """The document in parts that each measure at most `limit`, in order, nothing lost.

    `measure` gives a document's size as the target counts it (characters of the written form); more text must never
    measure less. Parts end between blocks where they can, else between items, rows, lines, words, letters. Of several
    parts each begins with a line `(1/3)`. Raises ValueError when not even one letter fits under the limit.
    """
    whole = tidy(document)
    if measure(whole) <= limit:
        return (whole,)
    longest_label = _label(_MOST_PARTS, _MOST_PARTS)

    def fill(block: Node) -> float:
        return measure(tidy(doc(longest_label, block))) / limit

    left = list(reversed(whole.children))
    parts: list[Sequence[Node]] = []
    while left:
        count = _longest(len(left), lambda count: fill(doc(*left[: -count - 1 : -1])))
        if count:
            taken = [left.pop() for _ in range(count)]
            if count > 1 and left and taken[-1].kind == "heading":
                left.append(taken.pop())
            parts.append(taken)
        else:
            head, rest = _cut_or_flatten(left.pop(), fill)
            parts.append([head])
            left.extend(reversed(rest.children if rest.kind == "doc" else (rest,)))
    if len(parts) == 1:
        return (tidy(doc(*parts[0])),)
    return tuple(tidy(doc(_label(number, len(parts)), *part)) for number, part in enumerate(parts, 1))


def _label(number: int, of: int) -> Node:
    return paragraph(text(f"({number}/{of})"))


def _longest(most: int, fill: Callable[[int], float]) -> int:
    """How many of `most` pieces fit, so that the part is nearly full; 0 if none does. Guesses from what it has seen,
    and never tries much more than fits: every trial writes the text."""
    good, bad, guess = 0, most + 1, min(most, 16)
    while bad - good > 1:
        filled = fill(guess)
        if filled > 1:
            bad = guess
        else:
            good = guess
            if filled >= _FULL_ENOUGH and guess < most:
                break
        likely = int(guess * 0.97 / filled) if filled else most
        likely = min(likely, guess * 4)
        guess = likely if good < likely < bad else min((good + bad) // 2, max(good * 4, 16))
        guess = min(max(guess, good + 1), bad - 1)
    return good


def _cut_or_flatten(block: Node, fill: Fill) -> tuple[Node, Node]:
    """Where the markup around a single letter is longer than a part, the words are kept and the markup is not."""
    try:
        return _cut(block, fill)
    except ValueError:
        return _cut(from_plain(to_plain(block)), fill)


def _cut(block: Node, fill: Fill) -> tuple[Node, Node]:
    """A block that does not fit as a whole, as a head that does and the rest."""
    if block.kind == "code_block":
        return _cut_code(block, fill)
    if block.kind in ("paragraph", "heading"):
        return _cut_inlines(block, fill)
    if not block.children:
        raise ValueError("The limit of a text's length is too small to hold anything.")
    if block.kind == "table" and fill(_with(block, block.children[:1])) > 1:
        # A row that fits nowhere gives its cells as plain blocks.
        first, *rows = block.children
        block = doc(*(inner for cell in first.children for inner in cell.children), _with(block, rows))
    count = _longest(len(block.children), lambda count: fill(_with(block, block.children[:count])))
    if count:
        return _with(block, block.children[:count]), _with(block, block.children[count:], skipped=count)
    first, *others = block.children
    head, rest = _cut(first, lambda inner: fill(_with(block, [inner])))
    return _with(block, [head]), _with(block, [rest, *others])


def _with(container: Node, children: Iterable[Node], skipped: int = 0) -> Node:
    """The container with other children; a numbered list goes on counting. Without children it is nothing."""
    kept = tuple(child for child in children if child.children or child.kind != "doc")
    attrs = container.attrs
    if container.kind == "numbers":
        attrs = (("start", str(start_of(container) + skipped)),)
    return Node(container.kind, attrs=attrs, children=kept) if kept else _NOTHING


def _cut_code(block: Node, fill: Fill) -> tuple[Node, Node]:
    def part(words: str) -> Node:
        return Node("code_block", words, block.attrs) if words.strip() else _NOTHING

    lines = block.text.split("\n")
    count = _longest(len(lines), lambda count: fill(part("\n".join(lines[:count]))))
    if "".join(lines[:count]).strip():
        return part("\n".join(lines[:count])), part("\n".join(lines[count:]))
    letters = list(_letters(block.text.lstrip()))
    count = _longest(len(letters), lambda count: fill(part("".join(letters[:count]))))
    if not count:
        raise ValueError("The limit of a text's length is too small to hold one letter of code.")
    return part("".join(letters[:count])), part("".join(letters[count:]))


def _letters(words: str) -> Iterator[str]:
    """What a reader sees as one letter each: with its accents, a composed emoji, a flag. Bounded, whatever comes."""
    letter = ""
    for one in words:
        is_flag = len(letter) == 1 and letter in _FLAG_LETTERS and one in _FLAG_LETTERS
        is_joined = letter.endswith(_ZERO_WIDTH_JOINER) or one == _ZERO_WIDTH_JOINER or one in _SKIN_TONES
        if letter and len(letter) < _LONGEST_LETTER and (is_flag or is_joined or unicodedata.category(one)[0] == "M"):
            letter += one
            continue
        if letter:
            yield letter
        letter = one
    if letter:
        yield letter


def _chunks(atoms: Sequence[Run]) -> Iterator[Sequence[Run]]:
    """A giant paragraph as several, so that cutting it stays linear; each ends with a line where it can."""
    start = 0
    while start < len(atoms):
        end = min(start + _MOST_ATOMS, len(atoms))
        breaks = (place for place in range(end, start + _MOST_ATOMS // 2, -1) if atoms[place - 1].leaf.kind == "break")
        end = next(breaks, end)
        yield atoms[start:end]
        start = end


def _cut_inlines(block: Node, fill: Fill) -> tuple[Node, Node]:
    def part(runs: Sequence[Run]) -> Node:
        return Node(block.kind, attrs=block.attrs, children=nest(runs)) if runs else _NOTHING

    atoms: list[Run] = []
    for run in flatten(block.children):
        pieces = _WORDS.findall(run.leaf.text) if run.leaf.kind == "text" else []
        atoms.extend([run.with_leaf(text(piece)) for piece in pieces] or [run])
    while atoms and (atoms[0].is_space or atoms[0].leaf.kind == "break"):
        atoms.pop(0)
    if len(atoms) > 2 * _MOST_ATOMS:
        return _cut(doc(*(part(chunk) for chunk in _chunks(atoms))), fill)
    count = _longest(len(atoms), lambda count: fill(part(atoms[:count])))
    if count:
        return part(atoms[:count]), part(atoms[count:])
    first, *others = atoms
    words = first.leaf.text or first.leaf.attr("alt") or first.leaf.attr("name")
    kind = "code" if first.leaf.kind == "code" else "text"
    for url in (first.url, ""):
        # An address longer than the limit cannot be kept as a link; its words can.
        cut = [Run(Node(kind, letter), first.marks, url, first.title if url else "") for letter in _letters(words)]
        count = _longest(len(cut), lambda count, cut=cut: fill(part(cut[:count])))  # type: ignore[misc]
        if count:
            return part(cut[:count]), part([*cut[count:], *others])
    if not words:
        raise ValueError("The limit of a text's length is too small to hold an image's address.")
    raise ValueError("The limit of a text's length is too small to hold one letter.")
