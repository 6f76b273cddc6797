"""Every kind of text or value that a route can bring to its customer's helpdesk, worked out from the compiled rules.

It is derived from what the planner obeys and from nothing else: a field that may be written there, a comment rule that
releases, an update rule. What is not on this page is never planned; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bridge.engine.texts.opening import is_opening
from bridge.engine.texts.threads import visibility_for
from bridge.errors import Place
from bridge.mapping import CommentRule, Opening, SideMapping, UpdateRule
from bridge.model.operation import Operation, OperationKind
from bridge.model.policy import FieldPolicy
from bridge.model.words import CANONICAL_FIELDS, WORDLESS_FIELDS, Audience, HeldBy, Mode, Side
from bridge.sync.table import allows

SHOWN = ("issue_key", "issue_url")


@dataclass(frozen=True, slots=True)
class Exposed:
    """One kind of thing a customer may come to see. `kind`: `field`, `custom_field`, `comment`, `update`, `ticket` (one
    that an issue begins), `issue_key` or `issue_url` (a field that shows the issue); `name` the field or the update's
    kind, "" for others, whose rule is `rule`; `audience` who can read it there at the widest; `flows`: whether it does in
    the route's present mode; `effect` says so in words."""

    kind: str
    name: str
    audience: Audience
    place: Place
    flows: bool
    effect: str
    rule: CommentRule | UpdateRule | Opening | None = None

    def covers(self, operation: Operation) -> bool:
        """Whether a write to the helpdesk is of this kind and by this very rule."""
        if operation.kind is OperationKind.UPDATE:
            return self.kind.endswith("field") and self.name == operation.field_name
        if operation.kind is OperationKind.SIGN:
            return self.kind in SHOWN and self.name == operation.field_name
        if is_opening(operation):
            return self.kind == "ticket" and str(self.place) == operation.reason
        if operation.kind not in (OperationKind.COMMENT, OperationKind.EDIT) or operation.marker is None:
            return False
        kind = "update" if operation.marker.kind.startswith("update:") else operation.marker.kind
        named = kind == "comment" or operation.marker.kind == f"update:{self.name}"
        return self.kind == kind and named and str(self.place) == operation.reason


def exposures(
    *,
    mode: Mode,
    held_by: HeldBy,
    helpdesk: SideMapping,
    tracker: SideMapping,
    policies: Mapping[str, FieldPolicy],
    opening: Opening | None = None,
    shown: Mapping[str, tuple[str, Place]] | None = None,
) -> tuple[Exposed, ...]:
    """The page of one route. `held_by` is whose the helpdesk is; `opening` the ticket that an issue begins; `shown`
    the helpdesk's fields that show the issue: by `issue_key` and `issue_url`, the field's name and where that is said."""
    rows = [*_fields(mode, helpdesk, tracker, policies), *_comments(mode, held_by, tracker.comment_rules)]
    rows += _tickets(mode, held_by, opening)
    rows += _issues(mode, shown or {})
    return (*rows, *_updates(mode, held_by, tracker.updates))


def _tickets(mode: Mode, held_by: HeldBy, opening: Opening | None) -> Iterator[Exposed]:
    if opening is not None and visibility_for(opening.audience, held_by) is not None:
        effect = "held back: no ticket is made" if mode is Mode.INTERNAL else _effect(mode)
        yield Exposed("ticket", "", opening.audience, opening.place, mode is Mode.LIVE, effect, opening)


def _issues(mode: Mode, shown: Mapping[str, tuple[str, Place]]) -> Iterator[Exposed]:
    effect = "held back: only `live` writes it" if mode is Mode.INTERNAL else _effect(mode)
    for kind, (name, place) in shown.items():
        yield Exposed(kind, name, Audience.CUSTOMER_USER, place, mode is Mode.LIVE, effect)


def _fields(
    mode: Mode, helpdesk: SideMapping, tracker: SideMapping, policies: Mapping[str, FieldPolicy]
) -> Iterator[Exposed]:
    for name, policy in policies.items():
        lens = helpdesk.lenses.get(name)
        if (
            lens is None
            or name not in tracker.lenses
            or not lens.writable
            or not allows(policy.direction, Side.HELPDESK)
        ):
            continue
        held = mode is Mode.INTERNAL and name not in WORDLESS_FIELDS
        effect = "held back: the route lets no words out" if held else _effect(mode)
        kind = "field" if name in CANONICAL_FIELDS else "custom_field"
        # Which fields a customer's users see is set at the helpdesk, so the widest circle is named.
        yield Exposed(kind, name, Audience.CUSTOMER_USER, lens.place, mode is not Mode.OBSERVE and not held, effect)


def _comments(mode: Mode, held_by: HeldBy, rules: Iterable[CommentRule]) -> Iterator[Exposed]:
    for rule in rules:
        if rule.audience is not None and visibility_for(rule.audience, held_by) is not None:
            yield Exposed("comment", "", rule.audience, rule.place, mode is Mode.LIVE, _words(mode), rule)


def _updates(mode: Mode, held_by: HeldBy, rules: Iterable[UpdateRule]) -> Iterator[Exposed]:
    for rule in rules:
        if visibility_for(rule.audience, held_by) is not None:
            yield Exposed("update", rule.kind, rule.audience, rule.place, mode is Mode.LIVE, _words(mode), rule)


def _effect(mode: Mode) -> str:
    return "shown only: nothing is written" if mode is Mode.OBSERVE else "written"


def _words(mode: Mode) -> str:
    if mode is Mode.INTERNAL:
        return "held back now, and not sent later either"
    return _effect(mode)
