"""Inline text as flat runs, and its normal form.

Every markup nests its marks differently, so that `<b>a<i>b</i></b>` and `<i><b>b</b></i>` must not be told apart by
accident. Readers therefore emit flat runs (a leaf, the marks on it, the link around it) and `nest` nests them in one
fixed order. White space never carries a mark of its own: it takes what its neighbours share, so no writer ever has to
write `** a**`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from bridge.model.document import Node, node, text
from bridge.text.clean import ADDRESS, clean, fold_spaces, safe_url

MARKS = ("strong", "emphasis", "strike", "underline")
"""Marks from the outermost to the innermost; a link is outside all of them."""

NO_MARKS: frozenset[str] = frozenset()
BREAK = Node("break")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PIECES = re.compile(r"\n|[^\S\n]+|[^\s]+(?:[^\S\n]+[^\s]+)*")


class Run(NamedTuple):
    """A leaf (`text`, `code`, `image`, `mention` or `break`) with the marks on it and the link around it."""

    leaf: Node
    marks: frozenset[str] = NO_MARKS
    url: str = ""
    title: str = ""

    @property
    def is_space(self) -> bool:
        """Whether this run is white space only."""
        return self.leaf.kind == "text" and not self.leaf.text.strip()

    def with_leaf(self, leaf: Node) -> Run:
        """The same marks and link on another leaf."""
        return Run(leaf, self.marks, self.url, self.title)


def flatten(inlines: Iterable[Node]) -> list[Run]:
    """The runs of nested inlines, in reading order. Inner links win; unknown kinds give their words."""
    runs: list[Run] = []
    stack: list[tuple[Node, Run]] = [(child, Run(BREAK)) for child in inlines][::-1]
    while stack:
        current, around = stack.pop()
        if current.kind in MARKS:
            around = Run(BREAK, around.marks | {current.kind}, around.url, around.title)
        elif current.kind == "link":
            around = Run(BREAK, around.marks, safe_url(current.attr("url")), fold_spaces(clean(current.attr("title"))))
        elif current.kind in ("text", "code", "image", "mention", "break"):
            runs.append(around.with_leaf(current))
            continue
        elif current.text:
            runs.append(around.with_leaf(text(current.text)))
        stack.extend((child, around) for child in reversed(current.children))
    return runs


def lines_of(runs: Iterable[Run]) -> list[list[Run]]:
    """The normal form: one list of runs a line, white space folded, no empty runs. Empty lines stay as empty lists."""
    lines: list[list[Run]] = [[]]
    for piece in _pieces(runs):
        if piece.leaf.kind == "break":
            lines.append([])
        else:
            lines[-1].append(piece)
    return [_merge(_share_space(line)) if line else [] for line in lines]


def _pieces(runs: Iterable[Run]) -> Iterator[Run]:
    """Leaves made clean, texts cut into words, white space and breaks."""
    for run in runs:
        kind = run.leaf.kind
        if kind == "text":
            if _PLAIN.fullmatch(run.leaf.text):
                yield run
                continue
            for piece in _PIECES.findall(clean(run.leaf.text)):
                yield Run(BREAK) if piece == "\n" else run.with_leaf(text(fold_spaces(piece)))
        elif kind == "break":
            yield Run(BREAK)
        elif kind == "code":
            words = fold_spaces(clean(run.leaf.text)).strip()
            if words:
                yield run.with_leaf(Node("code", words))
        elif kind == "mention":
            words = fold_spaces(clean(run.leaf.text)).strip()
            if words:
                yield run.with_leaf(node("mention", text=words, id=clean(run.leaf.attr("id"))))
        else:
            yield from _image(run)


def _image(run: Run) -> Iterator[Run]:
    leaf = run.leaf
    alt, name = (fold_spaces(clean(leaf.attr(key))).strip() for key in ("alt", "name"))
    url = image_url(leaf)
    if url or alt or name:
        yield run.with_leaf(node("image", url=url, alt=alt, name=name))


def image_url(leaf: Node) -> str:
    """Where an image lies on the web, or ""."""
    url = safe_url(leaf.attr("url"))
    return "" if url.lower().startswith("mailto:") else url


def _share_space(line: list[Run]) -> list[Run]:
    """White space at the ends goes; inside, one space with the marks and the link that both neighbours have."""
    shared: list[Run] = []
    waiting = False
    for run in line:
        if run.is_space:
            waiting = bool(shared)
            continue
        if waiting:
            shared.append(_space_between(shared[-1], run))
            waiting = False
        shared.append(run)
    return shared


def _space_between(before: Run, after: Run) -> Run:
    """A space inside what is open around both neighbours, so that no mark and no link begins or ends with it."""
    if (before.url, before.title) != (after.url, after.title):
        return Run(text(" "))
    marks = []
    for mark in MARKS:
        if (mark in before.marks) != (mark in after.marks):
            break
        if mark in before.marks:
            marks.append(mark)
    return Run(text(" "), frozenset(marks), before.url, before.title)


def _merge(line: list[Run]) -> list[Run]:
    if len(line) < 2:
        return line
    groups: list[list[Run]] = []
    for run in line:
        last = groups[-1][-1] if groups else None
        if last is not None and run.leaf.kind in ("text", "code") and _is_same(last, run):
            groups[-1].append(run)
        else:
            groups.append([run])
    return [
        group[0]
        if len(group) == 1
        else group[0].with_leaf(Node(group[0].leaf.kind, "".join(run.leaf.text for run in group)))
        for group in groups
    ]


def _is_same(one: Run, other: Run) -> bool:
    return (one.leaf.kind, one.marks, one.url, one.title) == (other.leaf.kind, other.marks, other.url, other.title)


def nest(line: Iterable[Run]) -> tuple[Node, ...]:
    """Runs in normal form as nested inlines: link outside, then the marks in their fixed order."""
    return tuple(_nest_links(list(line)))


def _nest_links(runs: list[Run]) -> Iterator[Node]:
    if not any(run.url or run.marks for run in runs):
        yield from (run.leaf for run in runs)
        return
    for (url, title), group in groupby(runs, lambda run: (run.url, run.title)):
        if url:
            yield node("link", *_nest_marks(list(group), 0), url=url, title=title)
        else:
            yield from _nest_marks(list(group), 0)


def _nest_marks(runs: list[Run], level: int) -> Iterator[Node]:
    if level == len(MARKS) or not any(run.marks for run in runs):
        yield from (run.leaf for run in runs)
        return
    for is_marked, group in groupby(runs, lambda run: MARKS[level] in run.marks):
        inner = _nest_marks(list(group), level + 1)
        if is_marked:
            yield Node(MARKS[level], children=tuple(inner))
        else:
            yield from inner


def join_lines(lines: Iterable[list[Run]], leaf: Node = BREAK) -> list[Run]:
    """Lines as one list of runs, parted by `leaf` (a break, or a space)."""
    joined: list[Run] = []
    for number, line in enumerate(lines):
        if number:
            joined.append(Run(leaf))
        joined.extend(line)
    return joined


def with_words(run: Run) -> Run:
    """A mention, or an image without an address, as the text it shows: for markup that has no better."""
    leaf = run.leaf
    if leaf.kind == "mention":
        return run.with_leaf(text(leaf.text))
    if leaf.kind == "image" and not image_url(leaf):
        return run.with_leaf(text(leaf.attr("alt") or leaf.attr("name")))
    return run


def with_addresses(run: Run) -> Iterator[Run]:
    """A text with its bare addresses as links: for markup that would not show them as such, or would garble them."""
    if run.leaf.kind != "text" or run.url:
        yield run
        return
    words = run.leaf.text
    if "://" not in words:
        yield run
        return
    reached = 0
    for found in ADDRESS.finditer(words):
        yield run.with_leaf(text(words[reached : found.start()]))
        yield Run(text(found.group()), run.marks, safe_url(found.group()))
        reached = found.end()
    yield run.with_leaf(text(words[reached:]))
