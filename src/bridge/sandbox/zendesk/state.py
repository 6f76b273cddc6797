"""The first state of a simulated account, and the shapes of its people and metadata."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

Json = dict[str, Any]

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("problem", "incident", "question", "task")
SYSTEM_AUTHOR = -1
"""Who an account's own triggers and automations act as."""

_SYSTEM_FIELDS = (
    ("subject", "Subject"),
    ("description", "Description"),
    ("status", "Status"),
    ("tickettype", "Type"),
    ("priority", "Priority"),
    ("group", "Group"),
    ("assignee", "Assignee"),
    ("custom_status", "Ticket status"),
)
_STATUS_LABELS = (
    ("new", "New"),
    ("open", "Open"),
    ("pending", "Pending"),
    ("hold", "On-hold"),
    ("solved", "Solved"),
)


def shown_time(at: datetime) -> str:
    """A time as Zendesk writes it: whole seconds, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tag_of(words: str) -> str:
    """The tag a dropdown option gets from its name: lower case, underscores."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def make_user(ident: int, name: str, email: str | None, role: str, now: str, **more: Any) -> Json:
    """A user as shown to an agent."""
    return {
        "id": ident,
        "name": name,
        "email": email,
        "role": role,
        "active": True,
        "suspended": False,
        "verified": True,
        "alias": "",
        "created_at": now,
        "updated_at": now,
        "default_group_id": None,
        "details": "",
        "external_id": None,
        "last_login_at": None,
        "locale": "en-US",
        "locale_id": 1,
        "moderator": role != "end-user",
        "notes": "",
        "only_private_comments": False,
        "organization_id": None,
        "phone": None,
        "photo": None,
        "restricted_agent": False,
        "shared": False,
        "shared_agent": False,
        "signature": None,
        "tags": [],
        "ticket_restriction": None if role != "end-user" else "requested",
        "time_zone": "Berlin",
        "iana_time_zone": "Europe/Berlin",
        "two_factor_auth_enabled": None,
        "user_fields": {},
        **more,
    }


def make_field(
    ident: int,
    kind: str,
    title: str,
    now: str,
    *,
    options: Sequence[tuple[int, str, str]] = (),
    removable: bool = True,
) -> Json:
    """A ticket field; `options` are (id, name, tag) of a dropdown."""
    field: Json = {
        "id": ident,
        "type": kind,
        "title": title,
        "raw_title": title,
        "description": title,
        "raw_description": title,
        "position": 1,
        "active": True,
        "required": False,
        "collapsed_for_agents": False,
        "regexp_for_validation": None,
        "title_in_portal": title,
        "raw_title_in_portal": title,
        "visible_in_portal": True,
        "editable_in_portal": True,
        "required_in_portal": False,
        "tag": None,
        "created_at": now,
        "updated_at": now,
        "removable": removable,
        "agent_description": None,
    }
    if kind in ("tagger", "multiselect"):
        field["custom_field_options"] = [
            {"id": option, "name": name, "raw_name": name, "value": tag, "default": False}
            for option, name, tag in options
        ]
    return field


def _numbered(items: Sequence[Json]) -> Json:
    return {str(item["id"]): item for item in items}


def _stamped(ident: int, now: str, **more: Any) -> Json:
    return {"id": ident, "created_at": now, "updated_at": now, **more}


def _people(site: str, now: str, groups: dict[str, int], customer: int, take: Callable[[], int]) -> list[Json]:
    support, second = groups["Support"], groups["Vendor 2nd line"]
    agents = [
        ("Account Admin", f"admin@{site}.example", "admin", support),
        ("Vendor Support", "bridge@vendor.example", "agent", second),
        ("Customer Agent", f"agent@{site}.example", "agent", support),
        ("Customer Manager", f"manager@{site}.example", "agent", support),
    ]
    people = [make_user(take(), name, email, role, now, default_group_id=group) for name, email, role, group in agents]
    for number, mark in enumerate(("", "2"), 1):
        email = f"user{mark}@{site}.example"
        people.append(make_user(take(), f"Customer User {number}", email, "end-user", now, organization_id=customer))
    return people


def _customer(ident: int, site: str, now: str) -> Json:
    return _stamped(
        ident,
        now,
        name=site,
        shared_tickets=False,
        shared_comments=False,
        external_id=None,
        domain_names=[f"{site}.example"],
        details="",
        notes="",
        group_id=None,
        tags=[],
        organization_fields={},
    )


def _status(ident: int, category: str, label: str, now: str) -> Json:
    return _stamped(
        ident,
        now,
        status_category=category,
        agent_label=label,
        raw_agent_label=label,
        end_user_label=label,
        raw_end_user_label=label,
        description="",
        end_user_description="",
        active=True,
        default=True,
    )


def _form(ident: int, field_ids: list[int], now: str) -> Json:
    name = "Default Ticket Form"
    return _stamped(
        ident,
        now,
        name=name,
        raw_name=name,
        display_name=name,
        raw_display_name=name,
        end_user_visible=True,
        position=1,
        ticket_field_ids=field_ids,
        active=True,
        default=True,
        in_all_brands=True,
        restricted_brand_ids=[],
        end_user_conditions=[],
        agent_conditions=[],
    )


def _brand(ident: int, site: str, form_id: int, now: str) -> Json:
    return _stamped(
        ident,
        now,
        name=site,
        subdomain=site,
        brand_url=f"https://{site}.zendesk.com",
        has_help_center=False,
        help_center_state="disabled",
        active=True,
        default=True,
        is_deleted=False,
        logo=None,
        ticket_form_ids=[form_id],
        signature_template="",
        host_mapping=None,
    )


def first_state(site: str, now: str) -> Json:
    """An account with people, groups, one organization, a form, a brand and statuses, and no tickets."""
    # Ids of different accounts do not meet, as with the real service.
    ids = {"ticket": 0, "other": (crc32(site.encode()) % 900 + 100) * 10**9, "seq": 0}

    def take() -> int:
        ids["other"] += 1
        return ids["other"]

    groups = [
        _stamped(take(), now, name=name, description="", default=name == "Support", deleted=False, is_public=True)
        for name in ("Support", "Vendor 2nd line")
    ]
    customer = _customer(take(), site, now)
    people = _people(site, now, {group["name"]: group["id"] for group in groups}, customer["id"], take)
    fields = [make_field(take(), kind, title, now, removable=False) for kind, title in _SYSTEM_FIELDS]
    statuses = [_status(take(), category, label, now) for category, label in _STATUS_LABELS]
    form = _form(take(), [field["id"] for field in fields], now)
    brand = _brand(take(), site, form["id"], now)
    staff = [person for person in people if person["role"] != "end-user"]
    empty = ("tickets", "audits", "comments", "uploads", "attachments", "jobs", "webhooks", "idempotency")
    return {
        "ids": ids,
        "users": _numbered(people),
        "groups": _numbered(groups),
        "memberships": {str(person["id"]): [group["id"] for group in groups] for person in staff},
        "organizations": _numbered([customer]),
        "ticket_fields": _numbered(fields),
        "custom_statuses": _numbered(statuses),
        "ticket_forms": _numbered([form]),
        "brands": _numbered([brand]),
        **{kind: {} for kind in empty},
    }
