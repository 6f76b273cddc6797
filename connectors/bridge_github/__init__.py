"""The adapter to GitHub Issues.

What belongs here: GitHub's words, lists, limits and slots for bridge's markers, behind `bridge.connect.port`. What does
not: anything about routes, mappings, contracts or the ledger, and how HTTP is sent (`bridge.connect.wire`).
"""

from __future__ import annotations

from bridge_github.connector import GitHubKind

KIND = GitHubKind()

__all__ = ["KIND"]
