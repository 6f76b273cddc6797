"""The account's own triggers: what it does by itself after a write.

Setting `triggers`: a list of `{"title", "when": {"field", "becomes"}, "set": {…}}`. `field` is a key of the ticket
(`status`, `group_id`), `group`, the title of a custom field, `tags` (becomes: the tag added), `created` (becomes: true)
or `comment` (becomes: `public`, `internal` or `any`); `becomes` left out means any change. `set` is a ticket write, as
in an update, where `group` and titles of custom fields may stand for their ids. Each fires at most once a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bridge.sandbox.site import Refusal
from bridge.sandbox.zendesk.state import Json

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.writing import Writer

ANY = object()


def fire_triggers(site: Writer, ticket: Json, audit: Json, system: Json) -> None:
    """Let every trigger that matches this audit, or one made by another trigger, act once."""
    waiting = list(enumerate(site.settings.get("triggers", ())))
    audits = [audit]
    while audits and waiting:
        current = audits.pop(0)
        for entry in list(waiting):
            number, trigger = entry
            if ticket["status"] == "closed" or not _matches(site, ticket, current, trigger["when"]):
                continue
            waiting.remove(entry)
            # A trigger that cannot act stays silent, as in a real account: the write that woke it stands.
            with suppress(Refusal):
                change = _change(site, trigger["set"])
                audits.append(site.write(ticket, change, system, via=_via(number, trigger), cascade=False))


def _via(number: int, trigger: Mapping[str, Any]) -> Json:
    title = trigger.get("title", f"Trigger {number + 1}")
    origin = {"id": number + 1, "title": title, "deleted": False, "revision_id": 1}
    return {"channel": "rule", "source": {"from": origin, "to": {}, "rel": "trigger"}}


def _field_id(site: Writer, title: str) -> str | None:
    return next((str(field["id"]) for field in site.custom_fields() if field["title"] == title), None)


def _group_id(site: Writer, name: str) -> int | None:
    return next((int(group["id"]) for group in site.data["groups"].values() if group["name"] == name), None)


def _matches(site: Writer, ticket: Json, audit: Json, when: Mapping[str, Any]) -> bool:
    name, becomes = when["field"], when.get("becomes", ANY)
    if name == "created":
        return any(event["type"] == "Create" for event in audit["events"])
    if name == "comment":
        comments = site.data["comments"].get(str(ticket["id"]), [])
        said = [comment for comment in comments if comment["audit_id"] == audit["id"]]
        return any(becomes in (ANY, "any") or becomes == ("public" if c["public"] else "internal") for c in said)
    if name == "group":
        name, becomes = "group_id", becomes if becomes is ANY else str(_group_id(site, becomes))
    name = _field_id(site, name) or name
    for event in audit["events"]:
        if event.get("field_name") != name:
            continue
        if name == "tags" and becomes is not ANY:
            return becomes in event["value"] and becomes not in (event.get("previous_value") or ())
        return becomes is ANY or event["value"] == becomes
    return False


def _change(site: Writer, wanted: Mapping[str, Any]) -> Json:
    change: Json = {}
    custom = []
    for name, value in wanted.items():
        ident = _field_id(site, name)
        if ident:
            custom.append({"id": int(ident), "value": value})
        elif name == "group":
            change["group_id"] = _group_id(site, value)
        else:
            change[name] = value
    if custom:
        change["custom_fields"] = custom
    return change
