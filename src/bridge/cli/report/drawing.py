"""Charts as inline SVG, drawn from numbers: no scripts, no fonts, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

LABEL, TRACK, NOTE = 250, 440, 170
"""The columns of a chart: what a bar is called, the bar, and what is said beside it. In the units of its view box."""
ROW, THICK, LEAST = 30, 18, 3
ROOM = 16
"""How wide a piece must be to bear its number."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: `kind` is its CSS class, `words` what it is."""

    kind: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: how `pieces` share a whole."""

    label: str
    note: str
    pieces: tuple[Piece, ...]


def widths(counts: Sequence[int], full: int) -> list[int]:
    """Whole widths in the proportion of the counts, `full` together. What is there is never too thin to be seen: the
    widest make room for it. All zero without any count."""
    total = sum(counts)
    if not total:
        return [0 for _count in counts]
    found = [max(LEAST, full * count // total) if count else 0 for count in counts]
    while (over := sum(found) - full) != 0:
        widest = found.index(max(found))
        spare = found[widest] - LEAST
        if over > 0 and spare <= 0:
            break
        found[widest] -= min(over, spare) if over > 0 else over
    return found


def draw_bars(bars: Sequence[Bar], *, title: str) -> Markup:
    """A chart of horizontal bars, each of full length: shares are compared, numbers are written on. "" without bars."""
    if not bars:
        return Markup("")
    size = (LABEL + TRACK + NOTE, ROW * len(bars))
    rows = Markup("").join(_bar(bar, number * ROW) for number, bar in enumerate(bars))
    frame = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(*size, title, rows)


def _bar(bar: Bar, top: int) -> Markup:
    middle = top + ROW // 2
    parts = [Markup('<text class="label" x="{}" y="{}">{}</text>').format(LABEL - 12, middle, bar.label)]
    left = LABEL
    for piece, wide in zip(bar.pieces, widths([piece.count for piece in bar.pieces], TRACK), strict=True):
        if wide:
            parts.append(_piece(piece, left, wide, top))
        left += wide
    parts.append(Markup('<text class="note" x="{}" y="{}">{}</text>').format(LABEL + TRACK + 12, middle, bar.note))
    return Markup("").join(parts)


def _piece(piece: Piece, left: int, wide: int, top: int) -> Markup:
    drawn = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{} {}</title></rect>').format(
        piece.kind, left, top + (ROW - THICK) // 2, wide, THICK, piece.count, piece.words
    )
    if wide < ROOM + 6 * (len(str(piece.count)) - 1):
        return drawn
    number = Markup('<text class="number on-{}" x="{}" y="{}">{}</text>')
    return drawn + number.format(piece.kind, left + wide / 2, top + ROW // 2, piece.count)
