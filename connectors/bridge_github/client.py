"""GitHub's REST API through PyGithub, on bridge's one HTTP policy.

PyGithub brings its authentication and its request machinery; its own retries, pauses and redirects are switched off:
retries re-send creates, and its way of following a redirect forgets the query string, so that a list asked for by
`since` in a renamed repository would silently become another list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
from github import Auth, Github
from requests.utils import parse_header_links

from bridge.connect.patience import parse_http_date, retry_after_s
from bridge.connect.wire import Complaint, Dialect, Wire
from bridge.errors import PermanentError, TemporaryError, UnknownOutcomeError

PAGE = 100
REDIRECTS = (301, 302, 307, 308)
SECONDARY_WAIT_S = 60.0
"""What GitHub asks for when a secondary limit was met and no header says more."""

Row = dict[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `data` is its JSON. `next_query` leads to the next page, None on the last; `pages` is how many there
    are, None if GitHub does not say; `at` is GitHub's own time."""

    status: int
    data: Any
    etag: str
    at: datetime | None
    next_query: Mapping[str, str] | None = None
    pages: int | None = None

    @property
    def rows(self) -> list[Row]:
        """The objects of a list."""
        return [row for row in self.data if isinstance(row, dict)] if isinstance(self.data, list) else []


class _Moved(Exception):
    """A redirect, before anybody followed it."""

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__(location)


class GitHubClient:
    """One thread's connection to one site. PyGithub's is not safe to share: a thread may get another's answer."""

    def __init__(self, *, url: str, token: str, wire: Wire) -> None:
        self._wire = wire
        self._host = urlsplit(url).netloc
        self._github = Github(
            base_url=url.rstrip("/"),
            auth=Auth.Token(token),
            user_agent="bridge",
            per_page=PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        # PyGithub has no public way to hand it a session and keep its connections alive.
        requester: Any = self._github.requester
        session: requests.Session = requester._Requester__createConnection().session
        session.trust_env = False
        adapter = wire.adapter(DIALECT)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.hooks["response"].append(_stop_at_redirect)

    def permit(self, method: str, endpoint: str, *, ticket: str = "") -> AbstractContextManager[None]:
        """The limiter's permit for a request of this thread."""
        return self._wire.limiter.permit(method=method, endpoint=endpoint, ticket=ticket)

    def whoami(self) -> tuple[str, int]:
        """The login and permanent id of our own account."""
        with self._wire.call(endpoint="user"):
            user = self._github.get_user()
            return user.login, user.id

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        endpoint: str,
        ticket: str = "",
        etag: str = "",
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """GET something. `status` is 304 when it still is what `etag` stood for. Redirects within the site are followed."""
        headers = {"If-None-Match": etag} if etag else {}

        def ask(place: str) -> Answer:
            with self._wire.call(endpoint=endpoint, ticket=ticket, accept=(*REDIRECTS, *accept)):
                status, told, text = self._github.requester.requestJson(
                    "GET", place, parameters=dict(query or {}), headers=dict(headers)
                )
            try:
                return _answer(status, told, text)
            except ValueError:
                said = f"{self._wire.site} answered GET {endpoint} with something that is no JSON"
                raise TemporaryError(said, site=self._wire.site, status=status) from None

        return self._following(path, ask)

    def pages(self, path: str, query: Mapping[str, str], *, endpoint: str, ticket: str = "") -> Iterator[Answer]:
        """The pages of a list, one request each, as many as are taken."""
        at: Mapping[str, str] | None = {"per_page": str(PAGE), **query}
        while at is not None:
            answer = self.get(path, at, endpoint=endpoint, ticket=ticket)
            yield answer
            at = answer.next_query

    def write(self, verb: str, path: str, body: Mapping[str, Any], *, endpoint: str, ticket: str = "") -> Row:
        """POST or PATCH once. A redirect had no effect, so the write then goes to where it leads."""

        def send(place: str) -> Row:
            with self._wire.call(endpoint=endpoint, ticket=ticket, writes=True, accept=REDIRECTS):
                status, told, text = self._github.requester.requestJson(verb, place, input=dict(body))
            try:
                data = _answer(status, told, text).data
            except ValueError:
                data = None
            if not isinstance(data, dict):
                said = (
                    f"{self._wire.site} answered {verb} {endpoint} with something unreadable; it may have taken effect"
                )
                raise UnknownOutcomeError(said, horizon_s=0.0, site=self._wire.site, status=status)
            return data

        return self._following(path, send)

    def remove(self, path: str, *, endpoint: str, ticket: str = "") -> None:
        """DELETE once. The answer is empty; a redirect had no effect and is followed."""

        def send(place: str) -> None:
            with self._wire.call(endpoint=endpoint, ticket=ticket, writes=True, accept=REDIRECTS):
                self._github.requester.requestJson("DELETE", place)

        self._following(path, send)

    def close(self) -> None:
        """Let the connections go."""
        self._github.close()

    def _following(self, path: str, ask: Callable[[str], Result]) -> Result:
        for _ in range(3):
            try:
                return ask(path)
            except _Moved as moved:
                target = urlsplit(moved.location)
                if target.netloc not in ("", self._host) or not target.path:
                    break
                # The requester puts the address's own prefix before every path it is given.
                prefix = urlsplit(self._github.requester.base_url).path.rstrip("/")
                path = target.path.removeprefix(prefix)
        raise PermanentError(
            f"{self._wire.site} redirected {path} to where bridge does not follow", site=self._wire.site
        )


def _stop_at_redirect(response: requests.Response, *args: Any, **named: Any) -> None:
    if response.status_code in REDIRECTS:
        raise _Moved(response.headers.get("Location", ""))


def _answer(status: int, headers: Mapping[str, str], text: str) -> Answer:
    """Read an answer. PyGithub hands over header names in lower case. Raises ValueError for broken JSON."""
    links = {link.get("rel"): link["url"] for link in parse_header_links(headers.get("link", ""))}
    following = dict(parse_qsl(urlsplit(links["next"]).query)) if "next" in links else None
    pages = dict(parse_qsl(urlsplit(links["last"]).query)).get("page", "") if "last" in links else ""
    return Answer(
        status=status,
        data=json.loads(text) if text and status != 304 else None,
        etag=headers.get("etag", ""),
        at=parse_http_date(headers.get("date", "")),
        next_query=following,
        pages=int(pages) if pages.isdecimal() else None if following else 1,
    )


def _limited(response: requests.Response) -> tuple[float | None, str] | None:
    """Whether an answer is one of GitHub's limits. Source: docs.github.com, "Rate limits for the REST API"."""
    if response.status_code not in (403, 429):
        return None
    told = response.headers
    if "Retry-After" in told:
        return retry_after_s(told), "github-secondary"
    if told.get("X-RateLimit-Remaining") == "0":
        sent = parse_http_date(told.get("Date", "")) or datetime.now(UTC)
        reset = told.get("X-RateLimit-Reset", "")
        wait_s = float(reset) - sent.timestamp() if reset.isdecimal() else SECONDARY_WAIT_S
        return max(1.0, wait_s), "github-primary"
    try:
        said = _explain(response).detail.lower()
    except (ValueError, AttributeError):
        return None
    return (SECONDARY_WAIT_S, "github-secondary") if "rate limit" in said else None


_FIELDS = {"body": "description"}


def _explain(response: requests.Response) -> Complaint:
    """The words of an error answer: `{"message": …, "errors": [{"resource", "field", "code", "message"}]}`."""
    said = response.json()
    parts = [str(said.get("message", ""))]
    field = ""
    for error in said.get("errors") or ():
        if not isinstance(error, dict):
            parts.append(str(error))
            continue
        name = str(error.get("field", ""))
        field = field or _FIELDS.get(name, name)
        parts.append(str(error.get("message") or f"{name} {error.get('code', '')}".strip()))
    return Complaint(": ".join(part for part in parts if part), field)


DIALECT = Dialect(limited=_limited, explain=_explain)
