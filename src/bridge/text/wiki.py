"""Jira's wiki markup, as Data Center keeps descriptions and comments."""

from __future__ import annotations

from bridge.text.wiki_reader import read_wiki
from bridge.text.wiki_writer import write_wiki

__all__ = ["read_wiki", "write_wiki"]
