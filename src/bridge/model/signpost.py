"""What stands on a ticket so that people find the other one of its case, and see how the mirroring stands."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_NAME = 200
"""Characters of a signpost's name: every vendor keeps that many."""


@dataclass(frozen=True, slots=True)
class Signpost:
    """A link on a ticket that leads to another one, kept where it tells nobody anything by mail.

    `name` is its own for ever, at most `LONGEST_NAME` characters: putting another of the same name in its place makes no
    second one. `title` is what people click, `url` where it leads, `summary` the words beside it, `relation` what the
    other ticket is to this one; `resolved` shows that the other ticket needs nobody any more.
    """

    name: str
    title: str
    url: str
    summary: str = ""
    relation: str = ""
    resolved: bool = False
