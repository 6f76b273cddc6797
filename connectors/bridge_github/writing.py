"""What a write looks like to GitHub: native values turned into the JSON of one request, and what will be shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bridge.errors import ChangedError, PermanentError
from bridge.model.document import Node
from bridge.model.operation import TicketChange
from bridge_github.text import clean_title, read_text, write_body

WRITABLE = frozenset({"title", "description", "state", "state_reason", "labels", "milestone", "assignees", "type"})
_LABEL_LIMIT = 50
_CLOSING = frozenset({"completed", "not_planned", "duplicate"})


def normalise(field: str, value: Any) -> Any:
    """What GitHub will show after `value` was written to a field. None stands for empty."""
    if value is None or value == "" or value == []:
        return None
    if field == "title":
        return clean_title(str(value)) or None
    if field == "description" and isinstance(value, Node):
        shown = read_text(write_body(value, ""))
        return shown if shown.children else None
    if field == "labels":
        # Names are told apart without regard to case; the first spelling stands.
        kept = {name.lower(): name for name in reversed([str(one).strip()[:_LABEL_LIMIT] for one in value])}
        return sorted(kept.values())
    if field == "assignees":
        return sorted({str(one) for one in value})
    if field == "state_reason" and value == "reopened":
        return None
    return value.strip() if isinstance(value, str) else value


def lay_over(change: TicketChange, now: Iterable[str]) -> list[str]:
    """The labels an issue is to bear: those it bears `now`, without what the change drops and with what it adds.

    Names are told apart without regard to case. Raises ChangedError when a label to be dropped is not there any more:
    somebody chose another one meanwhile, and the issue would bear both.
    """
    before = {name.lower() for name in change.prior["labels"] or ()}
    wanted = {name.lower(): name for name in change.fields["labels"] or ()}
    now = list(now)
    lacking = before - wanted.keys() - {name.lower() for name in now}
    if lacking:
        said = (
            f"{change.ref} does not bear {', '.join(sorted(lacking))} any more: somebody changed its labels meanwhile"
        )
        raise ChangedError(said, site=change.ref.site, field="labels")
    kept = [name for name in now if name.lower() in wanted or name.lower() not in before]
    present = {name.lower() for name in kept}
    return kept + [name for low, name in wanted.items() if low not in before and low not in present]


def encode_fields(
    site: str, fields: Mapping[str, Any], *, line: Callable[[], str], milestone: Callable[[str], int | None]
) -> dict[str, Any]:
    """The body of a PATCH. `line` finds the marker line that must stay in the body, `milestone` a number by title.

    Raises PermanentError with `field` for a field that cannot be written, or a milestone that does not exist.
    """
    body: dict[str, Any] = {}
    for name, raw in fields.items():
        if name not in WRITABLE:
            raise PermanentError(f"{site}: GitHub has no field {name!r} that can be written", site=site, field=name)
        value = normalise(name, raw)
        if name == "description":
            body["body"] = write_body(raw, line()) if isinstance(raw, Node) else line()
        elif name in ("labels", "assignees"):
            body[name] = value or []
        elif name == "milestone":
            body[name] = _milestone_number(site, value, milestone)
        elif value is not None or name == "type":
            body[name] = value
    if "state" not in body and "state_reason" in body:
        # GitHub reads a reason only beside a state.
        body["state"] = "closed" if body["state_reason"] in _CLOSING else "open"
    if body.get("state") == "open":
        body.pop("state_reason", None)
    return body


def _milestone_number(site: str, title: str | None, number_of: Callable[[str], int | None]) -> int | None:
    if title is None:
        return None
    number = number_of(title)
    if number is None:
        said = f"{site}: the repository has no milestone {title!r}; make it there, or map to one that exists"
        raise PermanentError(said, site=site, field="milestone")
    return number
