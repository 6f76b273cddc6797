"""GitHub's Markdown: CommonMark with tables, strike-through and alerts, as issue comments show it."""

from __future__ import annotations

from bridge.text.markdown_reader import read_markdown
from bridge.text.markdown_writer import write_markdown

__all__ = ["read_markdown", "write_markdown"]
