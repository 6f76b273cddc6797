"""zenpy on bridge's wire: one authorised client a thread, that never retries, caches or sleeps.

Lists, feeds and creates go through its session as plain JSON: zenpy's objects cost nine times the CPU a page, hide page
ends (so a feed could not be resumed by page) and have no way to send an idempotency key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import requests
from zenpy import Zenpy

from bridge.connect.files import Body
from bridge.connect.port import SiteSettings
from bridge.connect.wire import Complaint, Dialect, Wire
from bridge.errors import TemporaryError
from bridge_zendesk.config import ZendeskLogin

Json = dict[str, Any]

PAGE = 100
"""The most that comments, audits, fields and users come in at a time."""


def _limited(response: requests.Response) -> tuple[float | None, str] | None:
    """Only 429 says for certain that nothing was done; a 503 may come from behind the place where writes happen.
    https://developer.zendesk.com/api-reference/introduction/rate-limits/"""
    return (None, "zendesk-rate-limit") if response.status_code == 429 else None


def _explain(response: requests.Response) -> Complaint:
    """`details` names the fields (an id for a custom one); `base` stands for the ticket as a whole."""
    body = response.json()
    details = body.get("details")
    if isinstance(details, Mapping):
        rows = [(str(name), row) for name, found in details.items() for row in found if isinstance(row, Mapping)]
        words = "; ".join(str(row.get("description", "")) for _, row in rows)
        field = next((str(row.get("ticket_field_id") or name) for name, row in rows if name != "base"), "")
        return Complaint(words, field)
    error = body.get("error")
    if isinstance(error, Mapping):
        return Complaint(str(error.get("message") or error.get("title") or ""))
    return Complaint(": ".join(str(part) for part in (error, body.get("description")) if part))


DIALECT = Dialect(limited=_limited, explain=_explain)


class Client:
    """One thread's way to one Zendesk account. `zenpy` is the authorised client itself."""

    def __init__(self, settings: SiteSettings, wire: Wire) -> None:
        login = settings.login
        if not isinstance(login, ZendeskLogin):
            raise TypeError(f"{settings.name}: login is no ZendeskLogin")
        self.wire = wire
        self._site = settings.name
        self._session = wire.session(DIALECT)
        self._timeout_s = settings.deadline_s
        way_in: dict[str, Any] = (
            {"oauth_token": login.oauth_token.get_secret_value()}
            if login.oauth_token is not None
            else {"email": login.email, "token": login.token.get_secret_value() if login.token else ""}
        )
        # The wire sends everything to the site's configured address, whatever host zenpy builds from a subdomain.
        self.zenpy = Zenpy(
            subdomain="site",
            session=self._session,
            disable_cache=True,
            ratelimit_budget=1,
            timeout=settings.deadline_s,
            **way_in,
        )

    def read(
        self, path: str, endpoint: str, *, holds: str, ticket: str = "", **query: str | int
    ) -> tuple[Json, Mapping[str, str]]:
        """One GET below `/api/v2/`: the JSON, which must have the key `holds`, and the headers.

        Raises TemporaryError, PermanentError.
        """
        with self.wire.call(endpoint=endpoint, ticket=ticket):
            response = self.zenpy.tickets._get(self._url(path, query), raw_response=True)
        page = _read_json(response)
        if holds not in page:
            # Taken for an empty list it would let a feed pass over what it has not seen.
            raise TemporaryError(f"{self._site} answered {path} with something else", site=self._site)
        return page, response.headers

    def pages(self, path: str, endpoint: str, *, holds: str, ticket: str = "", **query: str | int) -> Iterator[Json]:
        """Every page of a list that takes `page[size]`, in order."""
        asked: dict[str, str | int] = {**query, "page[size]": PAGE}
        while True:
            page, _ = self.read(path, endpoint, holds=holds, ticket=ticket, **asked)
            yield page
            meta = page.get("meta") or {}
            if not meta.get("has_more") or not meta.get("after_cursor"):
                return
            asked["page[after]"] = meta["after_cursor"]

    def post(self, path: str, endpoint: str, payload: Json, headers: Mapping[str, str]) -> Json:
        """One POST below `/api/v2/` that writes. Raises UnknownOutcomeError besides what `read` does."""
        with self.wire.call(endpoint=endpoint, writes=True, headers=headers):
            response = self.zenpy.tickets._call_api(
                self._session.post, self._url(path, {}), json=payload, timeout=self._timeout_s
            )
        return _read_json(response)

    def send(self, method: str, path: str, endpoint: str, payload: Json | None = None, *, ticket: str = "") -> None:
        """One PUT, PATCH or DELETE below `/api/v2/`, whose answer tells nothing. Raises UnknownOutcomeError besides."""
        verb = {"PUT": self._session.put, "PATCH": self._session.patch, "DELETE": self._session.delete}[method]
        with self.wire.call(endpoint=endpoint, ticket=ticket, writes=True):
            self.zenpy.tickets._call_api(verb, self._url(path, {}), json=payload, timeout=self._timeout_s)

    def get_file(self, url: str) -> requests.Response:
        """GET an address of the site with its login, streamed, following nothing. zenpy's own download knows no
        timeout. The kind of call is said by the caller."""
        return self._session.get(url, stream=True, allow_redirects=False, timeout=self._timeout_s)

    def send_file(self, path: str, body: Body, media_type: str, query: Mapping[str, str | int]) -> Json:
        """POST a file below `/api/v2/`, streamed. Raises UnknownOutcomeError besides what `read` does."""
        headers = {"Content-Type": media_type}
        with self.wire.call(endpoint="uploads", writes=True, headers=headers, carries=len(body)):
            response = self._session.post(self._url(path, query), data=body, headers=headers, timeout=self._timeout_s)
        return _read_json(response)

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def _url(self, path: str, query: Mapping[str, str | int]) -> str:
        api = self.zenpy.tickets
        base = f"{api.protocol}://{api.base_url}/{api.api_prefix}/{path}"
        return f"{base}?{urlencode(query)}" if query else base


def _read_json(response: requests.Response) -> Json:
    """The JSON object in an answer, an empty one where a proxy's page stands in its place."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def read_time(stamp: str) -> datetime:
    """A stamp as Zendesk writes it, as aware UTC. Raises ValueError."""
    return datetime.fromisoformat(stamp).astimezone(UTC)


def write_time(at: datetime) -> str:
    """A time as Zendesk writes it: whole seconds, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
