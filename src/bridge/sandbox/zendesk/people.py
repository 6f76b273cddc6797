"""Users, groups, organizations, and the metadata an admin defines: fields, forms, brands, statuses."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.zendesk.account import STAFF, Account, api, read_ids
from bridge.sandbox.zendesk.pages import cut_page
from bridge.sandbox.zendesk.state import Json


class People(Account):
    """Handlers of people and metadata. They only read; tests use the methods of `Account` to add."""

    def _all(self, request: Request, kind: str) -> Json:
        return cut_page(request, [self.linked(kind, item) for item in self.data[kind].values()], kind, self.url)

    @api("GET", "/users/me")
    def me(self, request: Request, actor: Json) -> Any:
        return {"user": self.linked("users", actor)}

    @api("GET", "/users")
    def list_users(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        return self._all(request, "users")

    @api("GET", "/users/<int:user_id>")
    def get_user(self, request: Request, actor: Json, user_id: int) -> Any:
        if user_id != actor["id"]:
            self.need_staff(actor)
        return {"user": self.linked("users", self.record("users", user_id))}

    @api("GET", "/users/show_many")
    def show_many_users(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        found = self.many("users", read_ids(request))
        return {"users": found, "next_page": None, "previous_page": None, "count": len(found)}

    @api("GET", "/users/search")
    def search_users(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        words = request.args.get("query", "").strip().strip('"').removeprefix("email:").strip('"').lower()
        external = request.args.get("external_id")
        found = [
            self.linked("users", user)
            for user in self.data["users"].values()
            if (external and user["external_id"] == external)
            or (words and (words in (user["email"] or "").lower() or words in user["name"].lower()))
        ]
        return cut_page(request, found, "users", self.url)

    @api("GET", "/groups")
    def list_groups(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        return self._all(request, "groups")

    @api("GET", "/groups/<int:group_id>")
    def get_group(self, request: Request, actor: Json, group_id: int) -> Any:
        self.need_staff(actor)
        return {"group": self.linked("groups", self.record("groups", group_id))}

    @api("GET", "/organizations")
    def list_organizations(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        return self._all(request, "organizations")

    @api("GET", "/organizations/<int:organization_id>")
    def get_organization(self, request: Request, actor: Json, organization_id: int) -> Any:
        self.need_staff(actor)
        return {"organization": self.linked("organizations", self.record("organizations", organization_id))}

    @api("GET", "/organizations/show_many")
    def show_many_organizations(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        found = self.many("organizations", read_ids(request))
        return {"organizations": found, "next_page": None, "previous_page": None, "count": len(found)}

    @api("GET", "/organizations/search")
    def search_organizations(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        name, external = request.args.get("name", "").lower(), request.args.get("external_id")
        found = [
            self.linked("organizations", item)
            for item in self.data["organizations"].values()
            if (name and item["name"].lower() == name) or (external and item["external_id"] == external)
        ]
        return cut_page(request, found, "organizations", self.url)

    @api("GET", "/ticket_fields")
    def list_fields(self, request: Request, actor: Json) -> Any:
        if actor["role"] in STAFF:
            return self._all(request, "ticket_fields")
        shown = [field for field in self.data["ticket_fields"].values() if field["visible_in_portal"]]
        return cut_page(request, [self.linked("ticket_fields", field) for field in shown], "ticket_fields", self.url)

    @api("GET", "/ticket_fields/<int:field_id>")
    def get_field(self, request: Request, actor: Json, field_id: int) -> Any:
        self.need_staff(actor)
        return {"ticket_field": self.linked("ticket_fields", self.record("ticket_fields", field_id))}

    @api("GET", "/ticket_forms")
    def list_forms(self, request: Request, actor: Json) -> Any:
        return self._all(request, "ticket_forms")

    @api("GET", "/brands")
    def list_brands(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        return self._all(request, "brands")

    @api("GET", "/custom_statuses")
    def list_statuses(self, request: Request, actor: Json) -> Any:
        statuses = list(self.data["custom_statuses"].values())
        return {"custom_statuses": [self.linked("custom_statuses", status) for status in statuses]}

    @api("GET", "/triggers")
    def list_triggers(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        rows = [
            {
                "id": number,
                "title": trigger.get("title", f"Trigger {number}"),
                "active": True,
                "position": number,
                "conditions": {"all": [dict(trigger["when"])], "any": []},
                "actions": [{"field": name, "value": value} for name, value in trigger["set"].items()],
            }
            for number, trigger in enumerate(self.settings.get("triggers", ()), 1)
        ]
        return cut_page(request, rows, "triggers", self.url)
