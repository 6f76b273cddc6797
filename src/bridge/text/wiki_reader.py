"""Reads the block structure of Jira's wiki markup; `wiki_inline` reads what stands in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.model.document import Document, Node, doc, from_plain, node, text
from bridge.text.clean import MAX_DEPTH, MOST_LETTERS, clean
from bridge.text.shape import paragraphs, tidy
from bridge.text.wiki_inline import read_line

CODE_JOINER = "\u2060"
"""Put behind a brace by the writer where code holds the name of the macro that would end it."""

TONES = {"#deebff": "info", "#fffae6": "warning", "#ffebe6": "error", "#e3fcef": "success"}
"""Colours of a panel and the tone they stand for, as the vendor's own conversion from its newer format paints them."""

_MACRO = re.compile(
    r"\\.|\{\{|(?P<whole>\{(?P<name>code|noformat|quote|panel)(?::(?P<options>[^{}\n]*))?\})", re.IGNORECASE
)
_JOINED_MACRO = re.compile(rf"\{{{CODE_JOINER}(?=code|noformat)", re.IGNORECASE)
_SLOT = re.compile("\ufdd0([0-9]+)\ufdd1")
_LIST = re.compile(r"[ \t]*([*#-]{1,200})[ \t]+(?=\S)")
_HEADING = re.compile(r"[ \t]*h([1-6])\.[ \t]*(.*)", re.IGNORECASE)
_QUOTE_LINE = re.compile(r"[ \t]*bq\.[ \t]*(.*)", re.IGNORECASE)
_RULE = re.compile(r"[ \t]*-{4,}[ \t]*")


@dataclass(slots=True)
class _Container:
    """An open `{quote}` or `{panel}`, or the document itself."""

    kind: str
    options: str = ""
    opening: str = ""
    blocks: list[Node] = field(default_factory=list)
    source: list[str] = field(default_factory=list)


def read_wiki(value: str) -> Document:
    """Read wiki markup. Unknown macros and markup without its end are literal text."""
    source = clean(value)
    if len(source) > MOST_LETTERS:
        return tidy(from_plain(source))
    slots: list[Node] = []
    stack = [_Container("doc")]
    for piece in _pieces(source, slots):
        if isinstance(piece, str):
            stack[-1].source.append(piece)
        elif piece["name"].lower() == stack[-1].kind:
            _close(stack, slots)
        elif len(stack) <= MAX_DEPTH and all(open_.kind != piece["name"].lower() for open_ in stack):
            _flush(stack[-1], slots)
            stack.append(_Container(piece["name"].lower(), piece["options"] or "", piece["whole"]))
        else:
            stack[-1].source.append(piece["whole"])
    while len(stack) > 1:
        unclosed = stack.pop()
        _flush(unclosed, slots)
        stack[-1].blocks.extend([node("paragraph", text(unclosed.opening)), *unclosed.blocks])
    _flush(stack[0], slots)
    return tidy(doc(*stack[0].blocks))


def _pieces(source: str, slots: list[Node]) -> Iterator[str | re.Match[str]]:
    """Source text with code taken out into `slots`, and between it the macros that hold blocks."""
    reached = 0
    position = 0
    unclosed: set[str] = set()
    while found := _MACRO.search(source, position):
        position = found.end()
        if not found["name"]:
            continue
        name = found["name"].lower()
        if name in ("code", "noformat"):
            end = -1 if name in unclosed else _find(source, name, position)
            if end < 0:
                unclosed.add(name)
                continue
            yield source[reached : found.start()]
            yield _slot(slots, source[position:end], found["options"] or "")
            position = end + len(name) + 2
        else:
            yield source[reached : found.start()]
            yield found
        reached = position
    yield source[reached:]


def _find(source: str, name: str, position: int) -> int:
    found = re.compile(rf"\{{{name}\}}", re.IGNORECASE).search(source, position)
    return found.start() if found else -1


def _slot(slots: list[Node], words: str, options: str) -> str:
    """Keep a code block aside; the mark left in its place says which."""
    language = next((part.strip() for part in options.split("|") if part.strip() and "=" not in part), "")
    named = dict(part.strip().partition("=")[::2] for part in options.split("|") if "=" in part)
    words = _JOINED_MACRO.sub("{", words)
    slots.append(node("code_block", text=words, language=language or named.get("language", "")))
    return f"\ufdd0{len(slots) - 1}\ufdd1"


def _close(stack: list[_Container], slots: list[Node]) -> None:
    closed = stack.pop()
    _flush(closed, slots)
    if closed.kind == "quote":
        stack[-1].blocks.append(Node("quote", children=tuple(closed.blocks)))
        return
    options = dict(part.strip().partition("=")[::2] for part in closed.options.split("|"))
    title = [node("paragraph", node("strong", text(options["title"])))] if options.get("title") else []
    tone = TONES.get(options.get("bgColor", "").lower(), "info")
    stack[-1].blocks.append(node("note", *title, *closed.blocks, tone=tone))


def _flush(container: _Container, slots: list[Node]) -> None:
    """Turn the source gathered so far into blocks."""
    container.blocks.extend(_read_lines("".join(container.source).split("\n"), slots))
    container.source = []


def _read_lines(lines: list[str], slots: list[Node]) -> Iterator[Node]:
    waiting: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        start = index
        if not line.strip():
            index += 1
        elif _LIST.match(line) and not _RULE.fullmatch(line):
            index = _end_of_list(lines, index)
        elif line.lstrip().startswith("|"):
            index = _end_of_table(lines, index)
        elif _HEADING.fullmatch(line) or _QUOTE_LINE.fullmatch(line) or _RULE.fullmatch(line):
            index += 1
        else:
            waiting.append(line)
            index += 1
            continue
        yield from _read_mixed("\n".join(waiting), slots)
        waiting = []
        yield from _read_group(lines[start:index], slots)
    yield from _read_mixed("\n".join(waiting), slots)


def _end_of_list(lines: list[str], index: int) -> int:
    """A list goes on over its items and the lines that continue them, to a blank line or another block."""
    index += 1
    while index < len(lines) and lines[index].strip():
        line = lines[index]
        if not _LIST.match(line) and (
            line.lstrip().startswith("|") or _HEADING.fullmatch(line) or _RULE.fullmatch(line)
        ):
            break
        index += 1
    return index


def _end_of_table(lines: list[str], index: int) -> int:
    """A row whose last bar is missing goes on in the next line."""
    while index < len(lines) and lines[index].lstrip().startswith("|"):
        while not lines[index].rstrip().endswith("|") and index + 1 < len(lines) and lines[index + 1].strip():
            index += 1
        index += 1
    return index


def _read_group(lines: list[str], slots: list[Node]) -> Iterator[Node]:
    first = lines[0]
    if not first.strip():
        return
    if first.lstrip().startswith("|"):
        yield _read_table(lines, slots)
    elif _RULE.fullmatch(first):
        yield Node("rule")
    elif heading := _HEADING.fullmatch(first):
        blocks = list(_read_mixed(heading[2], slots))
        inlines = blocks.pop(0).children if blocks and blocks[0].kind == "paragraph" else ()
        yield node("heading", *inlines, level=heading[1])
        yield from blocks
    elif quoted := _QUOTE_LINE.fullmatch(first):
        yield node("quote", *_read_mixed(quoted[1], slots))
    else:
        yield from _read_list(lines, slots)


def _read_mixed(source: str, slots: list[Node]) -> list[Node]:
    """Paragraphs, and the code blocks whose marks stand among them."""
    blocks: list[Node] = []
    for number, piece in enumerate(_SLOT.split(source)):
        if number % 2:
            blocks.append(slots[int(piece)])
        elif piece.strip():
            blocks.extend(paragraphs(read_line(piece)))
    return blocks


def _read_list(lines: list[str], slots: list[Node]) -> Iterator[Node]:
    """Items by their bullets: `*#` is a numbered item inside a bullet."""
    entries: list[tuple[str, list[str]]] = []
    for line in lines:
        found = _LIST.match(line)
        if found:
            entries.append((found[1].replace("-", "*")[:MAX_DEPTH], [line[found.end() :]]))
        else:
            entries[-1][1].append(line)
    open_: list[tuple[str, list[list[Node]]]] = []
    for bullets, source in entries:
        shared = 0
        while shared < min(len(open_), len(bullets)) and open_[shared][0] == bullets[shared]:
            shared += 1
        # The same depth with another sign is another list; a shallower one closes the deeper.
        keep = min(shared, len(bullets))
        yield from _fold(open_, keep)
        while len(open_) < len(bullets):
            open_.append((bullets[len(open_)], [[]] if len(open_) + 1 < len(bullets) else []))
        open_[-1][1].append(_read_mixed("\n".join(source), slots))
    yield from _fold(open_, 0)


def _fold(open_: list[tuple[str, list[list[Node]]]], keep: int) -> Iterator[Node]:
    """Close the lists deeper than `keep`: each goes into the last item around it."""
    while len(open_) > keep:
        sign, items = open_.pop()
        kind = "numbers" if sign == "#" else "bullets"
        closed = Node(kind, children=tuple(Node("item", children=tuple(blocks)) for blocks in items))
        if open_:
            open_[-1][1][-1].append(closed)
        else:
            yield closed


def _read_table(lines: list[str], slots: list[Node]) -> Node:
    rows: list[str] = []
    for line in lines:
        if rows and not rows[-1].rstrip().endswith("|"):
            rows[-1] += "\n" + line
        else:
            rows.append(line)
    return Node("table", children=tuple(_read_row(row.strip(), slots) for row in rows))


_CELL_TOKEN = re.compile(
    r"\\.|\{\{(?:\\.|[^\\{}\n]|\{(?!\{)|\}(?!\}))+\}\}|\[(?:\\.|[^\\\[\]\n]){1,4000}\]|![^\s!|{}][^!|\n{}]{0,2000}(?:\|[^!\n]{0,500})?!|\|\|?"
)


def _read_row(row: str, slots: list[Node]) -> Node:
    cells: list[Node] = []
    is_header = False
    start = -1
    for found in _CELL_TOKEN.finditer(row):
        bar = found.group()
        if bar not in ("|", "||"):
            continue
        if start >= 0:
            cells.append(
                node("cell", *_read_mixed(row[start : found.start()], slots), header="true" if is_header else "")
            )
        is_header = bar == "||"
        start = found.end()
    if row[start:].strip():
        cells.append(node("cell", *_read_mixed(row[start:], slots), header="true" if is_header else ""))
    return Node("row", children=tuple(cells))
