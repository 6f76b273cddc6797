"""What every part of a simulated Zendesk stands on: refusals in its words, the present, people, limits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal, Reply, Site, route
from bridge.sandbox.zendesk.limits import Limits
from bridge.sandbox.zendesk.state import Json, first_state, make_field, make_user, shown_time, tag_of

Handler = TypeVar("Handler", bound=Callable[..., Any])
STAFF = ("agent", "admin")


def api(method: str, path: str, *, reads: bool | None = None) -> Callable[[Handler], Handler]:
    """Mark a handler of `path` below `/api/v2`, with and without `.json` at its end."""

    def mark(handler: Handler) -> Handler:
        for end in ("", ".json"):
            route(method, f"/api/v2{path}{end}", reads=reads)(handler)
        return handler

    return mark


def not_found() -> Refusal:
    """The answer for a record that is not there."""
    return Refusal(404, {"error": "RecordNotFound", "description": "Not found"})


def invalid(**details: str) -> Refusal:
    """422 with one complaint a field."""
    return Refusal(
        422,
        {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {name: [{"description": words}] for name, words in details.items()},
        },
    )


def forbidden() -> Refusal:
    """403 for an end user on an agent's endpoint."""
    return Refusal(
        403,
        {
            "error": {
                "title": "Forbidden",
                "message": "You do not have access to this page. "
                "Please contact the account owner of this help desk for further help.",
            }
        },
    )


class Account(Site):
    """State, people and limits of one simulated account; the parts with handlers build on it.

    Settings: `tokens` ({token: email}), `rate_per_minute`, `update_per_minute`, `ticket_updates_per_10_minutes`,
    `incremental_per_minute` (0: off), `excluded_s` (how much of the present the exports leave out; really 60),
    `job_s` (how long a job waits), `triggers` (see `rules`).
    """

    api = "zendesk"

    def reset(self) -> None:
        self.data = first_state(self.name, self.stamp())
        self.limits = Limits(self.settings, self.world)
        # Every request asks who it is from; a guess that no longer fits is looked up again.
        self._seen: dict[str, str] = {}

    def stamp(self) -> str:
        """The present as Zendesk writes it."""
        return shown_time(self.world.now())

    def take_id(self, kind: str = "other") -> int:
        """The next id: `ticket`, `seq` or `other`."""
        self.data["ids"][kind] += 1
        return int(self.data["ids"][kind])

    def not_found(self) -> Reply:
        return Reply(404, {"error": "InvalidEndpoint", "description": "Not found"})

    def malformed(self, reason: str) -> Reply:
        return Reply(400, {"error": "Unprocessable Entity", "message": f"Server could not parse JSON: {reason}"})

    def authenticate(self, request: Request) -> Json:
        user = self._who(request.headers.get("Authorization", ""))
        if user is None or not user["active"]:
            raise Refusal(401, {"error": "Couldn't authenticate you"})
        if user["suspended"]:
            raise Refusal(403, {"error": "SuspendedUser", "description": "User is suspended"})
        return user

    def _who(self, header: str) -> Json | None:
        scheme, _, rest = header.partition(" ")
        tokens = self.settings.get("tokens", {})
        if scheme.lower() == "bearer":
            return self.user_by_email(tokens.get(rest, ""))
        try:
            login, _, token = base64.b64decode(rest).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        email, slash, word = login.partition("/")
        if scheme.lower() != "basic" or not slash or word != "token":
            return None
        if token == "sandbox" or token in tokens:
            return self.user_by_email(email)
        return None

    def limit(self, request: Request, actor: Json) -> dict[str, str]:
        return self.limits.count(request, actor)

    def read_body(self, request: Request, key: str) -> Json:
        """The object under `key` in a JSON body. Raises Refusal(400)."""
        body = request.get_json()
        value = body.get(key) if isinstance(body, dict) else None
        if not isinstance(value, dict):
            raise Refusal(400, {"error": "RequiredParameterMissing", "description": f"Parameter {key} is required"})
        return value

    def need_staff(self, actor: Json) -> None:
        """Raises Refusal(403) for an end user."""
        if actor["role"] not in STAFF:
            raise forbidden()

    def record(self, kind: str, ident: Any) -> Json:
        """One user, group, ticket field and so on. Raises Refusal(404)."""
        found: Json | None = self.data[kind].get(str(ident))
        if found is None:
            raise not_found()
        return found

    def user_by_email(self, email: str) -> Json | None:
        """The user with this address, in any case of letters."""
        wanted = email.strip().lower()
        people: Mapping[str, Json] = self.data["users"]
        seen = people.get(self._seen.get(wanted, ""))
        if seen and (seen["email"] or "").lower() == wanted:
            return seen
        found = next((user for user in people.values() if wanted and (user["email"] or "").lower() == wanted), None)
        if found:
            self._seen[wanted] = str(found["id"])
        return found

    def user(self, who: str) -> Json:
        """A user by address; for tests. Raises KeyError."""
        found = self.user_by_email(who)
        if found is None:
            raise KeyError(who)
        return found

    def add_user(self, name: str, email: str | None, role: str = "end-user", **more: Any) -> Json:
        """A new user; an end user joins the organization that owns the address's domain."""
        domain = (email or "").rpartition("@")[2].lower()
        home = next((org["id"] for org in self.data["organizations"].values() if domain in org["domain_names"]), None)
        user = make_user(self.take_id(), name, email, role, self.stamp(), organization_id=home, **more)
        if role in STAFF:
            groups = [group["id"] for group in self.data["groups"].values()]
            self.data["memberships"][str(user["id"])] = groups
            user["default_group_id"] = user["default_group_id"] or groups[0]
        self.data["users"][str(user["id"])] = user
        return user

    def add_field(self, title: str, type: str, options: Sequence[str] = ()) -> Json:
        """A new custom ticket field (`tagger`, `multiselect`, `text`, `textarea`, `integer`, `decimal`, `checkbox`,
        `date`, `regexp`); an option's tag is made from its name, and from the title too if that tag is taken."""
        fields = self.custom_fields()
        taken = {row["value"] for field in fields for row in field.get("custom_field_options", ())}
        tags = {name: tag_of(name) for name in options}
        tags = {name: f"{tag_of(title)}_{tag}" if tag in taken else tag for name, tag in tags.items()}
        choices = [(self.take_id(), name, tag) for name, tag in tags.items()]
        field = make_field(self.take_id(), type, title, self.stamp(), options=choices)
        self.data["ticket_fields"][str(field["id"])] = field
        return field

    def add_group(self, name: str) -> Json:
        """A new group that every agent belongs to."""
        now = self.stamp()
        group = {
            "id": self.take_id(),
            "name": name,
            "description": "",
            "default": False,
            "deleted": False,
            "is_public": True,
            "created_at": now,
            "updated_at": now,
        }
        self.data["groups"][str(group["id"])] = group
        for groups in self.data["memberships"].values():
            groups.append(group["id"])
        return group

    def add_organization(self, name: str, domains: Sequence[str] = ()) -> Json:
        """A new organization."""
        first = next(iter(self.data["organizations"].values()))
        fresh = {**first, "id": self.take_id(), "name": name, "domain_names": list(domains), "tags": []}
        self.data["organizations"][str(fresh["id"])] = fresh
        return fresh

    def custom_fields(self) -> list[Json]:
        """The ticket fields that an admin added."""
        return [field for field in self.data["ticket_fields"].values() if field["removable"]]

    def linked(self, kind: str, item: Json) -> Json:
        """A record with its own address."""
        return {"url": f"{self.url}/api/v2/{kind}/{item['id']}.json", **item}

    def many(self, kind: str, idents: Iterable[Any]) -> list[Json]:
        """Those of the records that exist, each once, in the order asked."""
        known = self.data[kind]
        wanted = dict.fromkeys(str(ident) for ident in idents if ident is not None)
        return [self.linked(kind, known[ident]) for ident in wanted if ident in known]


def read_ids(request: Request, most: int = 100) -> list[str]:
    """The ids in `?ids=1,2`. Raises Refusal(400) for none or too many."""
    idents = [part.strip() for part in request.args.get("ids", "").split(",") if part.strip()]
    if not idents:
        raise Refusal(400, {"error": "RequiredParameterMissing", "description": "Parameter ids is required"})
    if len(idents) > most:
        raise Refusal(
            400,
            {
                "error": "TooManyValues",
                "description": f"Parameter ids cannot specify more than {most} values",
                "max_count": most,
            },
        )
    return idents
