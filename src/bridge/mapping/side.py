"""One side's compiled mapping: everything the engine asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bridge.errors import Place
from bridge.mapping.comments import CommentFacts, CommentRule, Release
from bridge.mapping.condition import Condition, members
from bridge.mapping.lens import Lens, after
from bridge.mapping.source import Item
from bridge.mapping.updates import UpdateRule
from bridge.model.ticket import Reading
from bridge.model.words import Side, Visibility


@dataclass(frozen=True, slots=True)
class SideMapping:
    """The rules of one side of one route.

    `name` is what the config calls the mapping; `side_kind` the end of the route it stands on; `digest` changes when,
    and only when, the rules' meaning does; `owners` holds the mapping's own wish per field (`owner:`); `examples` its
    `tests:`, unread.
    """

    name: str
    side_kind: Side
    digest: str
    place: Place
    lenses: Mapping[str, Lens]
    comment_rules: tuple[CommentRule, ...] = ()
    updates: tuple[UpdateRule, ...] = ()
    deny: tuple[Condition, ...] = ()
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    examples: tuple[Item, ...] = ()

    def native_fields(self) -> frozenset[str]:
        """Every native field any rule mentions: what a connector must read."""
        names: set[str] = set()
        for lens in self.lenses.values():
            names.update(lens.natives)
        for condition in self.deny:
            names |= condition.natives
        for rule in self.updates:
            names |= rule.natives
        return frozenset(names)

    def release(self, comment: CommentFacts) -> Release | None:
        """Whether, to whom and by which rule a comment may cross. None keeps it here.

        The first rule that takes the comment decides. A restricted comment never crosses, whatever rules say.
        """
        if comment.visibility is Visibility.RESTRICTED:
            return None
        rule = next((rule for rule in self.comment_rules if rule.takes(comment)), None)
        return rule.release(comment) if rule else None

    def denied(self, fields: Mapping[str, Reading]) -> Place | None:
        """The deny rule that keeps this ticket on its side, or None.

        A rule that hangs on a field that cannot be read denies: what cannot be excluded is not sent.
        """
        return next((condition.place for condition in self.deny if condition.may_hold(fields)), None)

    def matches(self, condition: Condition | None, fields: Mapping[str, Reading]) -> bool:
        """Whether a condition (such as `open_when`) certainly holds. No condition always does."""
        return condition is None or condition.holds(fields)

    def write_all(self, values: Mapping[str, Any], current: Mapping[str, Reading]) -> dict[str, dict[str, Any]]:
        """The native changes per canonical field for several fields of one ticket at once.

        Two fields may share a native list of labels. Each write sees those before it as done, so that applying them in
        this order, or merging them into one request, leaves all of them in force. Fields without change are left out.
        """
        changes: dict[str, dict[str, Any]] = {}
        readings = dict(current)
        for name, value in values.items():
            lens = self.lenses.get(name)
            change = lens.write(value, readings) if lens and lens.writable else {}
            if change:
                changes[name] = change
                readings = after(readings, change)
        return changes

    def new_fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The native fields of a new ticket that holds these canonical values; lists of labels are joined."""
        fields: dict[str, Any] = {}
        for name, value in values.items():
            lens = self.lenses.get(name)
            for native, wanted in (lens.form(value) if lens and lens.writable else {}).items():
                known = fields.get(native)
                if isinstance(known, list) and isinstance(wanted, list):
                    wanted = known + [each for each in members(wanted) if each not in known]
                fields[native] = wanted
        return fields
