"""Writes Jira's wiki markup: every character that would be markup where it stands is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bridge.model.document import Document, Node, doc
from bridge.text.runs import MARKS, Run, flatten, image_url, lines_of, with_addresses, with_words
from bridge.text.shape import LINES, LISTS, SIMPLE, fit, tidy
from bridge.text.wiki_reader import CODE_JOINER, TONES

_SIGNS = {"strong": "*", "emphasis": "_", "strike": "-", "underline": "+"}
_COLOURS = {tone: colour for colour, tone in TONES.items()}
_SPECIAL = re.compile(
    r"[{}\[\]|^~]"
    r"|(?<![A-Za-z0-9])[*_+\-]|[*_+\-](?![A-Za-z0-9])"
    r"|\?(?=\?)|(?<=\?)\?"
    r"|!(?!\s)"
    r"|\((?=(?:[/x!?iyn+\-]|on|off|\*[rgby]?|flag|flagoff)\))"
    r"|[:;](?=[)(PD])"
)
_BACKSLASH = re.compile(r"\\(?![A-Za-z0-9 ])")
_ENTITY = re.compile(r"&(?=#?[A-Za-z0-9]+;)")
_LINE_START = re.compile(r"h[1-6]\.|bq\.", re.IGNORECASE)
_LIST_START = re.compile(r"[*\-]*(?=#)")
_CODE_END = re.compile(r"\{(?=code|noformat)", re.IGNORECASE)
_NESTING = frozenset({"bullets", "numbers", "quote", "note"})
_ALLOWED = {"item": SIMPLE, "cell": LINES}
_FILE_NAME = re.compile(r"[^\s!|{}\\][^!|{}\\\n]{0,200}\.[A-Za-z0-9]{1,5}")


def write_wiki(document: Document) -> str:
    """Write a document as wiki markup. Names stay plain words; what the markup cannot nest is put side by side."""
    return "\n\n".join(_write_blocks(_fit(document).children))


def _render(run: Run) -> Iterable[Run]:
    if image_url(run.leaf) or (run.leaf.kind == "image" and _FILE_NAME.fullmatch(run.leaf.attr("name"))):
        # The markup has no image that is a link.
        return (Run(run.leaf),)
    return with_addresses(with_words(run))


def _fit(document: Document) -> Document:
    """What the markup can nest: no quote in a quote, no panel in a panel; lines and code in items; lines in cells."""
    fitted = fit(document, _ALLOWED, _render)
    if not any(block.kind in _NESTING for block in fitted.children):
        return fitted
    return tidy(doc(*(part for block in fitted.children for part in _unnest(block, frozenset()))), _render)


def _unnest(block: Node, inside: frozenset[str]) -> list[Node]:
    kind = block.kind
    if kind in LISTS:
        items = [part for item in block.children for part in _part_item(item)]
        return [Node(kind, children=tuple(items))]
    if kind not in ("quote", "note"):
        return [block]
    children = [part for child in block.children for part in _unnest(child, inside | {kind})]
    return children if kind in inside else [Node(kind, block.text, block.attrs, tuple(children))]


def _part_item(item: Node) -> list[Node]:
    """What follows a list inside an item cannot be told from that list's last item: it becomes an item of its own."""
    parts: list[list[Node]] = [[]]
    for child in item.children:
        last = parts[-1][-1] if parts[-1] else None
        if child.kind in LISTS:
            parts[-1].extend(_unnest(child, frozenset()))
        elif last is not None and last.kind in LISTS:
            parts.append([child])
        elif last is not None and last.kind == child.kind == "paragraph":
            parts[-1][-1] = Node("paragraph", children=(*last.children, Node("break"), *child.children))
        else:
            parts[-1].append(child)
    return [Node("item", children=tuple(part)) for part in parts]


def _write_blocks(blocks: Iterable[Node]) -> list[str]:
    return [_write_block(block) for block in blocks]


def _write_block(block: Node) -> str:
    if block.kind == "paragraph":
        return "\n".join(_write_line(line, starts=True) for line in _lines(block))
    if block.kind == "heading":
        return f"h{block.attr('level', '1')}. {_write_line(flatten(block.children))}"
    if block.kind == "code_block":
        return _write_code(block)
    if block.kind == "rule":
        return "----"
    if block.kind == "table":
        return "\n".join(_write_row(row) for row in block.children)
    if block.kind in LISTS:
        return "\n".join(_write_list(block, ""))
    name, opening = "quote", "{quote}"
    if block.kind == "note":
        name, opening = "panel", f"{{panel:bgColor={_COLOURS[block.attr('tone', 'info')]}}}"
    return "\n".join((opening, "\n\n".join(_write_blocks(block.children)), f"{{{name}}}"))


def _write_code(block: Node) -> str:
    words = _CODE_END.sub("{" + CODE_JOINER, block.text)
    language = block.attr("language")
    # Without a language {code} would colour the text as Java.
    return f"{{code:{language}}}\n{words}\n{{code}}" if language else f"{{noformat}}\n{words}\n{{noformat}}"


def _write_list(block: Node, around: str) -> list[str]:
    signs = around + ("#" if block.kind == "numbers" else "*")
    written: list[str] = []
    for item in block.children:
        is_begun = False
        for child in item.children:
            if child.kind in LISTS:
                written.extend(_write_list(child, signs))
                continue
            words = _write_code(child) if child.kind == "code_block" else _write_joined(_lines(child))
            written.append(words if is_begun else f"{signs} {words}")
            is_begun = True
    return written


def _write_row(row: Node) -> str:
    cells = []
    for cell in row.children:
        lines = [line for block in cell.children for line in _lines(block)]
        bar = "||" if cell.attr("header") else "|"
        cells.append(f"{bar} {_write_joined(lines)} ")
    return "".join(cells) + ("||" if row.children[-1].attr("header") else "|")


def _write_joined(lines: Iterable[list[Run]]) -> str:
    return " \\\\ ".join(_write_line(line, starts=True) for line in lines)


def _lines(block: Node) -> list[list[Run]]:
    return lines_of(flatten(block.children))


def _write_line(runs: Sequence[Run], *, starts: bool = False) -> str:
    """Runs of one line. Marks are closed and opened where they change; braces go round them where letters touch."""
    leaves = [_write_leaf(run) for run in runs]
    parts: list[str] = []
    open_marks: list[str] = []
    for index, run in enumerate(runs):
        wanted = [mark for mark in MARKS if mark in run.marks]
        shared = 0
        while shared < min(len(open_marks), len(wanted)) and open_marks[shared] == wanted[shared]:
            shared += 1
        is_touched = _is_letter(leaves[index][:1])
        parts.extend(_close(open_marks[shared:], is_touched=is_touched and not wanted[shared:]))
        for mark in wanted[shared:]:
            parts.append(_sign(mark, is_touched=_is_letter(parts[-1][-1:] if parts else "")))
        open_marks = wanted
        parts.append(leaves[index])
    parts.extend(_close(open_marks, is_touched=False))
    line = "".join(parts)
    if starts and _LINE_START.match(line):
        line = f"&#{ord(line[0])};{line[1:]}"
    if starts and (signs := _LIST_START.match(line)):
        line = f"{signs.group()}\\{line[signs.end() :]}"
    return line


def _close(marks: Sequence[str], *, is_touched: bool) -> list[str]:
    """The signs that end these marks, innermost first; only the last can touch what follows."""
    return [_sign(mark, is_touched=is_touched and mark is marks[0]) for mark in reversed(marks)]


def _sign(mark: str, *, is_touched: bool) -> str:
    return f"{{{_SIGNS[mark]}}}" if is_touched else _SIGNS[mark]


def _is_letter(edge: str) -> bool:
    return edge.isalnum()


def _write_leaf(run: Run) -> str:
    leaf = run.leaf
    if leaf.kind == "image":
        return _write_image(leaf)
    words = f"{{{{{_escape(leaf.text)}}}}}" if leaf.kind == "code" else ""
    if run.url:
        url = _ENTITY.sub("&amp;", run.url.replace("[", "%5B").replace("]", "%5D"))
        if leaf.kind == "text" and leaf.text == run.url == url and not run.title:
            return f"[{url}]"
        title = f"|{_escape(run.title)}" if run.title else ""
        return f"[{words or _escape(leaf.text)}|{url}{title}]"
    return words or _escape(leaf.text)


def _write_image(image: Node) -> str:
    url, alt, name = (image.attr(key) for key in ("url", "alt", "name"))
    target = url.replace("!", "%21") if url else name
    options = [
        f'{key}="{_escape_option(value)}"' for key, value in (("alt", alt), ("title", name if url else "")) if value
    ]
    if not url:
        # A file of the issue itself, shown small.
        options.insert(0, "thumbnail")
    return f"!{target}|{','.join(options)}!" if options else f"!{target}!"


def _escape_option(words: str) -> str:
    return re.sub(r'\\?(["!,=])', lambda found: f"&#{ord(found[1])};", _escape(words))


def _escape(words: str) -> str:
    kept = _BACKSLASH.sub("\0", _ENTITY.sub("&amp;", words))
    return _SPECIAL.sub(r"\\\g<0>", kept).replace("\0", "&#92;")
