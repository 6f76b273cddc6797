"""Rules that translate one side's native values to canonical ones and back, and the proof that they hold together.

What belongs here: compiled rules (`side`), the lenses (`table`, `lens`), conditions, comment and update rules, the
static checker. What does not: files, YAML, addresses, people's accounts. Rules come in as `Item` trees, which know
where in which file every value stands; `bridge.config` reads them. Everything here is pure.
"""

from bridge.mapping.comments import CommentFacts, CommentRule, Release
from bridge.mapping.condition import Condition
from bridge.mapping.lens import Lens
from bridge.mapping.opening import Opening
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems
from bridge.mapping.updates import Command, FieldFilled, Released, Trigger, UpdateRule

__all__ = [
    "Command",
    "CommentFacts",
    "CommentRule",
    "Condition",
    "FieldFilled",
    "Item",
    "Lens",
    "Opening",
    "Problems",
    "Release",
    "Released",
    "SideMapping",
    "Trigger",
    "UpdateRule",
]
