"""What was said and done in the story, as the judge needs to know it: every text carries a word of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Reach(StrEnum):
    """Who on the other side may come to read a text, by the rules of the demo's config."""

    NOBODY = "nobody"
    TRACKER = "the vendor"
    TEAM = "the customer's team"


class Fate(StrEnum):
    """What became of a text after it was written."""

    STANDS = "stands"
    REWRITTEN = "rewritten"
    BLACKED_OUT = "blacked out"


@dataclass(frozen=True, slots=True)
class Line:
    """One text somebody wrote: the word that makes it recognisable, the case, where it was written, and its reach."""

    word: str
    summary: str
    site: str
    reach: Reach
    fate: Fate = Fate.STANDS


@dataclass(frozen=True, slots=True)
class Opened:
    """One ticket a customer filed. `priority` as the helpdesk spells it, None if left open."""

    site: str
    ticket: str
    summary: str
    priority: str | None


@dataclass(slots=True)
class Script:
    """Everything that happened. `dice` makes a story repeatable."""

    dice: random.Random
    opened: list[Opened] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def word(self, summary: str, site: str, reach: Reach) -> str:
        """A new word nobody used before, to be put into a text of this case written at `site`."""
        word = f"qz{len(self.lines):04d}{self.dice.randrange(16**6):06x}"
        self.lines.append(Line(word, summary, site, reach))
        return word

    def turn(self, word: str, fate: Fate) -> None:
        """The text with this word does not stand as it was written any more."""
        number = next(number for number, line in enumerate(self.lines) if line.word == word)
        self.lines[number] = replace(self.lines[number], fate=fate)
