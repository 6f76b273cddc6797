"""Jira's spellings: times, labels, markers, and rich text as ADF (Cloud) or wiki text (Data Center)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.errors import SkippableError
from bridge.model.document import Document
from bridge.model.marker import Marker
from bridge.text.adf import read_adf, write_adf
from bridge.text.marker import read_marker, verify, write_marker
from bridge.text.wiki import read_wiki, write_wiki

PROPERTY = "bridge.marker"
"""The key of the issue or comment property that holds a marker."""
SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767

_MARKER_LABEL = re.compile(r"bridge-[0-9a-f]{24}")


def read_time(value: str) -> datetime:
    """A time as Jira writes it (`2026-03-02T10:11:12.345+0100`), in UTC. Raises SkippableError."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError) as error:
        raise SkippableError(f"Jira sent {value!r} where a time belongs.") from error


def read_text(value: Any) -> Document:
    """A body in either form; None is the empty document."""
    if isinstance(value, Mapping):
        return read_adf(value)
    return read_wiki(str(value or ""))


def write_text(document: Document, *, cloud: bool) -> Any:
    """A body as the site's REST version takes it."""
    return write_adf(document) if cloud else write_wiki(document)


def is_marker_label(label: str) -> bool:
    """Whether a label is the short form of one of bridge's markers."""
    return _MARKER_LABEL.fullmatch(label) is not None


def tidy_labels(labels: Iterable[str]) -> list[str]:
    """Labels as Jira keeps them: without white space, each once, sorted; marker labels are not shown."""
    clean = {re.sub(r"\s+", "-", label.strip()) for label in labels}
    return sorted(label for label in clean if label and not is_marker_label(label))


def tidy_summary(summary: str) -> str:
    """A summary as Jira keeps it: one line of at most 255 characters."""
    return " ".join(summary.split())[:SUMMARY_LIMIT].rstrip()


def marker_property(marker: Marker) -> dict[str, Any]:
    """The property that carries a marker, as a create body takes it."""
    return {"key": PROPERTY, "value": {"marker": write_marker(marker)}}


def marker_in(value: Any, key: bytes) -> Marker | None:
    """The genuine marker in a property's value, else None."""
    written = value.get("marker") if isinstance(value, Mapping) else None
    marker = read_marker(written) if isinstance(written, str) else None
    return marker if marker is not None and verify(key, marker) else None
