"""Takes quoted mail history and signatures off the end of a message. When in doubt, everything stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.model.document import Document, Node, doc
from bridge.text.runs import BREAK, Run, flatten, join_lines, lines_of, nest
from bridge.text.shape import gather, paragraphs, tidy

_ATTRIBUTION = re.compile(
    r"(?:On\b.*\d.*\bwrote|Am\b.*\d.*\bschrieb\b.*|Le\b.*\d.*\ba écrit|El\b.*\d.*\bescribió|Il\b.*\d.*\bha scritto"
    r"|Op\b.*\d.*\bschreef\b.*|Em\b.*\d.*\bescreveu|W dniu\b.*\d.*\bnapisał.*|Den\b.*\d.*\bskrev\b.*"
    r"|.*\d.*<\S+@\S+>)\s?[:：]"
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
_FORWARDED = re.compile(
    r"[-_*]{2,80} ?(?:Forwarded message|Begin forwarded message:?|Weitergeleitete Nachricht|Message transféré"
    r"|Mensaje reenviado|Messaggio inoltrato|Doorgestuurd bericht) ?[-_*]{0,80}|Begin forwarded message:"
    r"|Anfang der weitergeleiteten Nachricht:|Début du message réexpédié\s?:",
    re.IGNORECASE,
)
_REPLY_LINE = re.compile(r"##-.{1,200}-##")
"""The line of a helpdesk above which a reply is to be typed."""

_PROGRAMS = r"(?:Outlook|Mail|Yahoo|Proton|Gmail|Samsung|the Samsung|AOL|Thunderbird|Spark|iPhone|iPad|Android|Windows)"
_DEVICE = re.compile(
    rf"(?:(?:Sent (?:from|via|with)|Gesendet (?:von|mit)|Envoyé (?:de|depuis)|Enviado (?:desde|con)|Inviato (?:da|con)"
    rf"|Verzonden (?:vanaf|met)|Verstuurd vanaf|Enviado do|Skickat från|Wysłane z) (?:(?:my|meinem|meiner|mon|mi|il mio"
    rf"|mijn|meu|min|mojego)\b|{_PROGRAMS})|Inviato dal mio|(?:Get|Obtenir|Holen Sie sich) Outlook)\b[^.!?]{{0,60}}[.!]?"
    r"|Von mei(?:nem|ner) [^.!?]{1,40} gesendet[.!]?",
    re.IGNORECASE,
)
"""The line a telephone or a mail program puts under a message."""

_LONGEST_LINE = 300
_MOST_HEADERS = 7
_MOST_CUTS = 5
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
    quote behind it, or standing in it; an Outlook block of at least three header lines ("From:", "Sent:", "To:",
    "Subject:") with all behind it, unless a line says that it was forwarded; all behind a helpdesk's reply line; a
    short signature behind a line `--`; the line of a telephone ("Sent from my …"). A message that would be empty
    afterwards stays as it is.
    """
    whole = tidy(document)
    folded = _cut(whole)
    return folded if _says_anything(folded) else whole


def own_words(document: Document) -> Document:
    """What the writer says themselves: no history, no signature, and none of the quotes in between. May be empty.

    For rules: what somebody else wrote and this message only repeats gives no command and answers no question.
    """
    kept = []
    for block in _cut(tidy(document)).children:
        if block.kind == "paragraph":
            lines = [line for line in lines_of(flatten(block.children)) if not _is_quoted_line(line)]
            kept.extend(paragraphs(join_lines(lines)))
        elif block.kind != "quote":
            kept.append(block)
    return tidy(doc(*kept))


def _is_quoted_line(line: Sequence[Run]) -> bool:
    return bool(line) and line[0].leaf.kind == "text" and line[0].leaf.text.startswith(">")


def _cut(whole: Document) -> Document:
    folded = whole
    for _ in range(_MOST_CUTS):
        lines = _lines(folded)
        found = (_signature(lines), _device(lines), _history(lines))
        cut = next((place for place in found if place is not None), None)
        if cut is None:
            break
        folded = _before(folded, lines[cut])
    return folded


def _says_anything(document: Document) -> bool:
    return bool(gather(document).strip()) or any(one.kind == "image" for one in document.walk())


def _lines(document: Document) -> list[_Line]:
    lines: list[_Line] = []
    for index, block in enumerate(document.children):
        if block.kind == "paragraph":
            words = gather(Node("text", children=block.children)).split("\n")
            lines.extend(_Line(index, number, line.strip(), block.kind) for number, line in enumerate(words))
        else:
            lines.append(_Line(index, 0, _first_words(block) if block.kind == "quote" else "", block.kind))
    return lines


def _first_words(quote: Node) -> str:
    """The first paragraph of a quote, its lines joined: where mail programs write inside whom they quote."""
    inner = quote.children[0] if quote.children else quote
    if inner.kind != "paragraph":
        return ""
    return " ".join(gather(Node("text", children=inner.children)).split())[: _LONGEST_LINE + 1]


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


def _device(lines: Sequence[_Line]) -> int | None:
    """The last line, where it is the one a telephone adds."""
    last = len(lines) - 1
    while last >= 0 and lines[last].kind == "paragraph" and not lines[last].words:
        last -= 1
    is_one = last >= 0 and lines[last].kind == "paragraph" and len(lines[last].words) <= _LONGEST_LINE
    return last if is_one and _DEVICE.fullmatch(lines[last].words) else None


def _history(lines: Sequence[_Line]) -> int | None:
    """Where the history begins that reaches to the end, or None."""
    found = None
    for index, line in enumerate(lines):
        if _begins_history(lines, index):
            found = index
            break
        if line.kind == "paragraph" and _FORWARDED.fullmatch(line.words[:_LONGEST_LINE]):
            # What is forwarded is what the writer wants read.
            return None
    while found and (lines[found - 1].kind == "rule" or _DIVIDER.fullmatch(lines[found - 1].words)):
        found -= 1
    return found


def _begins_history(lines: Sequence[_Line], index: int) -> bool:
    line = lines[index]
    if line.kind == "quote":
        return _ATTRIBUTION.fullmatch(line.words) is not None and _is_all_quoted(lines[index + 1 :], or_nothing=True)
    if line.kind != "paragraph":
        return False
    if _REPLY_LINE.fullmatch(line.words):
        return True
    length = _attribution(lines, index)
    return bool(length and _is_all_quoted(lines[index + length :])) or _is_header_block(lines, index)


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


def _is_all_quoted(lines: Sequence[_Line], *, or_nothing: bool = False) -> bool:
    kept = [line for line in lines if line.kind != "paragraph" or line.words]
    return (or_nothing or bool(kept)) and all(line.kind == "quote" or line.words.startswith(">") for line in kept)


def _is_header_block(lines: Sequence[_Line], index: int) -> bool:
    if not _HEADERS[0].match(lines[index].words):
        return False
    block = [line.words for line in lines[index : index + _MOST_HEADERS] if line.kind == "paragraph"]
    has_date = any(_HEADERS[1].match(words) for words in block)
    return has_date and sum(any(header.match(words) for words in block) for header in _HEADERS) >= 3
