"""Bodies as GitHub keeps them: Markdown, with our marker as an HTML comment on the last line, where nobody sees it."""

from __future__ import annotations

from bridge.model.document import EMPTY, Document
from bridge.model.marker import Marker
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.marker import read_marker, verify, write_marker

TEXT_LIMIT = 65_000
"""GitHub takes 65 536 characters; the rest is the marker's."""
TITLE_LIMIT = 256

_OPEN, _SHUT = "<!--", "-->"


def marker_line(marker: Marker) -> str:
    """The last line that carries a marker."""
    return f"{_OPEN} {write_marker(marker)} {_SHUT}"


def write_body(document: Document, line: str) -> str:
    """A body to send: the text and, if not empty, the marker's line."""
    return "\n\n".join(part for part in (write_markdown(document).rstrip("\n"), line) if part)


def split_body(body: str | None) -> tuple[str, str]:
    """A body as read: its text without our line, and that line (empty if there is none). The line must be the last."""
    text = (body or "").replace("\r\n", "\n").rstrip()
    above, _, last = text.rpartition("\n")
    return (above.rstrip(), last) if _inside(last) is not None else (text, "")


def read_text(text: str) -> Document:
    """The document of a body without its marker line."""
    return read_markdown(text) if text.strip() else EMPTY


def read_line(line: str, key: bytes) -> Marker | None:
    """The marker a last line carries, if it is one of ours and unforged. Who wrote it is for the caller to check."""
    marker = _inside(line)
    return marker if marker is not None and verify(key, marker) else None


def clean_title(value: str) -> str:
    """A title as GitHub keeps it: one line, trimmed, no longer than it takes."""
    return " ".join(value.split())[:TITLE_LIMIT].rstrip()


def _inside(line: str) -> Marker | None:
    line = line.strip()
    if not (line.startswith(_OPEN) and line.endswith(_SHUT)):
        return None
    return read_marker(line.removeprefix(_OPEN).removesuffix(_SHUT).strip())
