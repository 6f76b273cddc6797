"""Writes GitHub's Markdown: nothing in the words becomes markup, calls a person or links an issue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from string import punctuation

from bridge.model.document import Document, Node
from bridge.text.clean import JOINER
from bridge.text.markdown_reader import JOINED, SILENT_HOST
from bridge.text.runs import Run, flatten, lines_of, nest, with_addresses, with_words
from bridge.text.shape import LINES, LISTS, SIMPLE, fit, start_of

_ALWAYS = r"\\`*\[\]<|~$"
_SPECIAL = re.compile(
    rf"[{_ALWAYS}]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|!(?=\[|$)|&(?=#?[A-Za-z0-9]+;)|(?<=http):(?=//)|(?<=https):(?=//)"
    r"|(?<=www)\.",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9_-])|#(?=[0-9])|(?<![A-Za-z0-9])GH-(?=[0-9])", re.IGNORECASE)
_LINKED_BACK = re.compile(
    r"(https?://)(?:[^/?#@]*@)?(?:www\.)?github\.com(?::[0-9]*)?(?=/[^/?#]+/[^/?#]+/(?:issues|pulls?|discussions|commits?)/)",
    re.IGNORECASE,
)
"""An address whose page would say for ever that it was mentioned here."""
_LINE_START = re.compile(r"(?:#{1,6}(?=\s|$)|>|[-+](?=\s|$|[-+\s])|=|\d{1,9}(?=[.)](?:\s|$)))")
_BACKTICKS = re.compile("`+")
_TONES = {"info": "NOTE", "success": "TIP", "warning": "WARNING", "error": "CAUTION"}
_DELIMITERS = {"strong": "**", "emphasis": "_", "strike": "~~"}
_ALLOWED = {
    # An alert inside anything else is not shown as one.
    **dict.fromkeys(("quote", "note", "item"), SIMPLE | {"heading", "rule", "quote", "table"}),
    "cell": LINES,
}
_ALIGN = {"left": ":---", "center": ":---:", "right": "---:"}


def write_markdown(document: Document) -> str:
    """Write a document as Markdown. Names and numbers that GitHub would link carry an invisible joiner."""
    return "\n".join(_write_blocks(fit(document, _ALLOWED, _render).children))


def _render(run: Run) -> Iterable[Run]:
    for one in with_addresses(with_words(run._replace(marks=run.marks - {"underline"}))):
        # Read back, every spelling of the host is this one; what then becomes one link has to be one from the start.
        yield one._replace(url=_LINKED_BACK.sub(r"\1github.com", one.url)) if one.url else one


def _write_blocks(blocks: Iterable[Node], *, is_tight: bool = False) -> list[str]:
    lines: list[str] = []
    before = Node("")
    alternate = False
    for block in blocks:
        alternate = block.kind == before.kind == "numbers" and not alternate
        written = _write_block(block, alternate=alternate)
        if lines and not (is_tight and _can_follow_at_once(block)):
            lines.append("")
        lines.extend(written)
        before = block
    return lines


def _can_follow_at_once(block: Node) -> bool:
    """Whether a list may interrupt the paragraph before it."""
    return block.kind == "bullets" or (block.kind == "numbers" and start_of(block) == 1)


def _write_block(block: Node, *, alternate: bool) -> list[str]:
    kind = block.kind
    if kind == "paragraph":
        return _write_lines(block)
    if kind == "heading":
        words = re.sub(r"#(?=#*$)", r"\\#", _write_line(block.children))
        return [f"{'#' * int(block.attr('level', '1'))} {words}"]
    if kind == "code_block":
        longest = max((len(found) for found in _BACKTICKS.findall(block.text)), default=0)
        fence = "`" * max(3, longest + 1)
        return [fence + block.attr("language"), *block.text.split("\n"), fence]
    if kind == "rule":
        return ["***"]
    if kind == "table":
        return _write_table(block)
    if kind in LISTS:
        return _write_list(block, alternate=alternate)
    inner = _write_blocks(block.children)
    if kind == "note":
        is_followed = block.children[0].kind == "paragraph"
        inner = [f"[!{_TONES[block.attr('tone', 'info')]}]", *([] if is_followed else [""]), *inner]
    return [f"> {line}" if line else ">" for line in inner]


def _write_list(block: Node, *, alternate: bool) -> list[str]:
    is_tight = all(
        item.children[0].kind == "paragraph" and all(child.kind in LISTS for child in item.children[1:])
        for item in block.children
    )
    lines: list[str] = []
    for number, item in enumerate(block.children, start_of(block)):
        lead = "- " if block.kind == "bullets" else f"{min(number, 999_999_999)}{')' if alternate else '.'} "
        if lines and not is_tight:
            lines.append("")
        inner = _write_blocks(item.children, is_tight=is_tight)
        indent = " " * len(lead)
        lines.append(lead + inner[0])
        lines.extend(indent + line if line else "" for line in inner[1:])
    return lines


def _write_table(block: Node) -> list[str]:
    rows = [[_write_cell(cell) for cell in row.children] for row in block.children]
    head = block.children[0].children
    if not any(cell.attr("header") for cell in head):
        rows.insert(0, [""] * len(head))
    marks = [_ALIGN.get(cell.attr("align"), "---") for cell in head]
    return [f"| {' | '.join(row)} |" for row in (rows[0], marks, *rows[1:])]


def _write_cell(cell: Node) -> str:
    return "<br>".join(_write_line(line, is_cell=True) for block in cell.children for line in _lines(block))


def _lines(block: Node) -> list[tuple[Node, ...]]:
    """A paragraph's inlines, cut at its breaks."""
    return [nest(line) for line in lines_of(flatten(block.children))]


def _write_lines(block: Node) -> list[str]:
    written = [_write_line(line) for line in _lines(block)]
    started = [_LINE_START.sub(_escape_start, line, count=1) if _LINE_START.match(line) else line for line in written]
    return [f"{line}\\" for line in started[:-1]] + started[-1:]


def _escape_start(found: re.Match[str]) -> str:
    lead = found.group()
    return f"{lead}\\" if lead[-1].isdigit() else f"\\{lead}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a written line; a `delimiter` opens (+1) or closes (-1) a mark, `is_text` may be encoded."""

    words: str
    side: int = 0
    is_text: bool = False


def _write_line(inlines: Iterable[Node], *, is_cell: bool = False) -> str:
    """Inlines of one line. A mark that CommonMark would not see between such neighbours gets one of them encoded."""
    pieces = list(_pieces(inlines, is_cell=is_cell))
    words = [piece.words for piece in pieces]
    # Encoding one letter changes what its other neighbour sees, so look again until nothing changes.
    while sum(_encode_beside(pieces, words, index) for index, piece in enumerate(pieces) if piece.side):
        pass
    return "".join(words)


def _encode_beside(pieces: list[_Piece], words: list[str], index: int) -> bool:
    """Encode the letter outside a delimiter where it would keep the delimiter from being one."""
    side = pieces[index].side
    outer = index - side
    if not (0 <= outer < len(pieces)) or not pieces[outer].is_text:
        return False
    word, inner = words[outer], words[index + side]
    edge = word[-1 if side > 0 else 0]
    is_hidden = pieces[index].words == "_" or not _is_wordlike(inner[0 if side > 0 else -1])
    if not (_is_wordlike(edge) and is_hidden):
        return False
    encoded = f"&#{ord(edge)};"
    words[outer] = word[:-1] + encoded if side > 0 else encoded + word[1:]
    return True


def _is_wordlike(letter: str) -> bool:
    return not letter.isspace() and letter not in punctuation and unicodedata.category(letter)[0] not in "PS"


def _pieces(inlines: Iterable[Node], *, is_cell: bool) -> Iterable[_Piece]:
    for inline in inlines:
        kind = inline.kind
        if kind in _DELIMITERS:
            yield _Piece(_DELIMITERS[kind], 1)
            yield from _pieces(inline.children, is_cell=is_cell)
            yield _Piece(_DELIMITERS[kind], -1)
        elif kind == "link":
            yield _Piece(_write_link(inline, is_cell=is_cell))
        elif kind == "image":
            yield _Piece(_write_image(inline))
        elif kind == "code":
            yield _Piece(_write_code(inline.text, is_cell=is_cell))
        else:
            yield _Piece(_escape(inline.text), is_text=True)


def _write_link(link: Node, *, is_cell: bool) -> str:
    url, title = link.attr("url"), link.attr("title")
    is_bare = not title and [(child.kind, child.text) for child in link.children] == [("text", url)]
    if is_bare and not _LINKED_BACK.match(url):
        return f"<{url}>"
    return f"[{_write_line(link.children, is_cell=is_cell)}]({_destination(url, title)})"


def _destination(url: str, title: str) -> str:
    silent = _LINKED_BACK.sub(rf"\g<1>{SILENT_HOST}", url)
    address = re.sub(r"&(?=#?[A-Za-z0-9]+;)", "&amp;", silent)
    if re.search(r"[()]", address):
        address = f"<{address}>"
    return f'{address} "{_escape(title).replace(chr(34), "&quot;")}"' if title else address


def _write_image(image: Node) -> str:
    url, alt, name = (image.attr(key) for key in ("url", "alt", "name"))
    return f"![{_escape(alt or name)}]({_destination(url, name if alt else '')})"


def _write_code(words: str, *, is_cell: bool) -> str:
    longest = max((len(found) for found in _BACKTICKS.findall(words)), default=0)
    fence = "`" * (longest + 1) if longest else "`"
    pad = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{pad}{words.replace('|', chr(92) + '|') if is_cell else words}{pad}{fence}"


def _escape(words: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", _REFERENCE.sub(rf"\g<0>{JOINER}", JOINED.sub(r"\1", words)))
