"""Takes quoted mail history and signatures off the end of a message. When in doubt, everything stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.model.document import Document, Node, doc
from bridge.text.runs import BREAK, Run, flatten, join_lines, nest
from bridge.text.shape import gather, tidy

_ATTRIBUTION = re.compile(
    r"(?:On\b.*\d.*\bwrote|Am\b.*\d.*\bschrieb\b.*|Le\b.*\d.*\ba écrit|El\b.*\d.*\bescribió|Il\b.*\d.*\bha scritto"
    r"|Op\b.*\d.*\bschreef\b.*|.*\d.*<\S+@\S+>)\s?:"
)
_HEADERS = tuple(
    re.compile(rf"(?:{names})\s?:\s*\S", re.IGNORECASE)
    for names in (
        "From|Von|De|Da|Van",
        "Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Fecha|Inviato|Verzonden",
        "To|An|À|Para|A|Aan",
        "Subject|Betreff|Objet|Asunto|Oggetto|Onderwerp",
    )
)
_DIVIDER = re.compile(
    r"[-_]{2,80} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)? ?[-_]{0,80}", re.I
)
_LONGEST_LINE = 300
_MOST_HEADERS = 7
_SIGNATURE_LINES = 12
_SIGNATURE_LETTERS = 800


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the message: which block it stands in, which line of it, its words, and what kind of block."""

    block: int
    number: int
    words: str
    kind: str


def fold_quoted(document: Document) -> Document:
    """The message without the mail history and the signature at its end.

    Taken off, only where nothing of the writer's follows: an attribution ("On … wrote:", "Am … schrieb …:") with the
    quote behind it; an Outlook block of at least three header lines ("From:", "Sent:", "To:", "Subject:") with all
    behind it; a short signature behind a line `--`. A message that would be empty afterwards stays as it is.
    """
    whole = tidy(document)
    folded = whole
    for _ in range(3):
        lines = _lines(folded)
        cut = next((found for found in (_signature(lines), _history(lines)) if found is not None), None)
        if cut is None:
            break
        shorter = _before(folded, lines[cut])
        if not gather(shorter).strip() and not any(one.kind == "image" for one in shorter.walk()):
            break
        folded = shorter
    return folded


def _lines(document: Document) -> list[_Line]:
    lines: list[_Line] = []
    for index, block in enumerate(document.children):
        if block.kind == "paragraph":
            words = gather(Node("text", children=block.children)).split("\n")
            lines.extend(_Line(index, number, line.strip(), block.kind) for number, line in enumerate(words))
        else:
            lines.append(_Line(index, 0, "", block.kind))
    return lines


def _before(document: Document, line: _Line) -> Document:
    kept = list(document.children[: line.block])
    if line.number:
        rows: list[list[Run]] = [[]]
        for run in flatten(document.children[line.block].children):
            if run.leaf.kind == "break":
                rows.append([])
            else:
                rows[-1].append(run)
        kept.append(Node("paragraph", children=nest(join_lines(rows[: line.number], BREAK))))
    return tidy(doc(*kept))


def _signature(lines: Sequence[_Line]) -> int | None:
    first = max(0, len(lines) - _SIGNATURE_LINES - 1)
    for index in range(len(lines) - 1, first - 1, -1):
        line = lines[index]
        if line.kind not in ("paragraph", "rule"):
            return None
        if line.words == "--":
            letters = sum(len(later.words) for later in lines[index + 1 :])
            return index if letters <= _SIGNATURE_LETTERS else None
    return None


def _history(lines: Sequence[_Line]) -> int | None:
    """Where the history begins that reaches to the end, or None."""
    found = None
    for index, line in enumerate(lines):
        if line.kind != "paragraph":
            continue
        length = _attribution(lines, index)
        if (length and _is_all_quoted(lines[index + length :])) or _is_header_block(lines, index):
            found = index
        if found is not None:
            break
    while found and (lines[found - 1].kind == "rule" or _DIVIDER.fullmatch(lines[found - 1].words)):
        found -= 1
    return found


def _attribution(lines: Sequence[_Line], index: int) -> int:
    """How many lines, from `index` on, say who wrote what follows: mail programs fold them. 0 if they do not."""
    words = ""
    for length in range(1, 4):
        if index + length > len(lines) or lines[index + length - 1].block != lines[index].block:
            return 0
        words = f"{words} {lines[index + length - 1].words}".strip()
        if len(words) > _LONGEST_LINE:
            return 0
        if _ATTRIBUTION.fullmatch(words):
            return length
    return 0


def _is_all_quoted(lines: Sequence[_Line]) -> bool:
    kept = [line for line in lines if line.kind != "paragraph" or line.words]
    return bool(kept) and all(line.kind == "quote" or line.words.startswith(">") for line in kept)


def _is_header_block(lines: Sequence[_Line], index: int) -> bool:
    if not _HEADERS[0].match(lines[index].words):
        return False
    block = [line.words for line in lines[index : index + _MOST_HEADERS] if line.kind == "paragraph"]
    has_date = any(_HEADERS[1].match(words) for words in block)
    return has_date and sum(any(header.match(words) for words in block) for header in _HEADERS) >= 3
