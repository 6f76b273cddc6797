"""Text between bridge's tree and what Zendesk keeps: HTML in comments, plain text in lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.errors import PermanentError
from bridge.model.document import EMPTY, Document, from_plain, to_plain
from bridge.text.clean import clean
from bridge.text.html import read_html, write_html

MOST_BYTES = 65_000
"""A comment holds 64 KB; Zendesk adds a wrapping element of its own."""
MOST_SUBJECT = 255


BLACK = "▇"
"""What Zendesk puts in the place of each character it redacts."""


def is_blackened(comment: Mapping[str, Any]) -> bool:
    """Whether something of a comment was redacted."""
    return BLACK in (comment.get("html_body") or comment.get("body") or "")


def read_body(comment: Mapping[str, Any]) -> Document:
    """The text of a comment, from its HTML where it has some. One that was redacted as a whole is empty."""
    shown = comment.get("html_body")
    body = read_html(shown) if shown else from_plain(clean(comment.get("plain_body") or comment.get("body") or ""))
    said = to_plain(body)
    # Redacted as a whole: nothing is said any more.
    return EMPTY if BLACK in said and not said.replace(BLACK, "").strip() else body


def write_body(body: Document, *, site: str) -> str:
    """The HTML of a comment. Raises PermanentError when it is longer than a comment may be."""
    shown = write_html(body)
    if len(shown.encode()) > MOST_BYTES:
        raise PermanentError(f"{site}: the text is longer than the {MOST_BYTES} bytes a comment holds", site=site)
    return shown


def fold_subject(value: str) -> str:
    """A subject as Zendesk keeps it: one line, no white space around it, not endlessly long."""
    return re.sub(r"\s*[\r\n]+\s*", " ", value).strip()[:MOST_SUBJECT].rstrip()


def fold_tags(value: Any) -> list[str]:
    """Tags as Zendesk keeps them: parted at white space and commas, lower case, each once, sorted."""
    parts = value.split() if isinstance(value, str) else list(value or ())
    return sorted({word.lower() for part in parts for word in re.split(r"[\s,]+", str(part)) if word})
