"""One thread's client of one Jira site: the `jira` library with its own retries off and bridge's policy under it.

Lists, feeds and creates go raw through the library's authorised session (its objects cost ten times the parsing, and it
cannot send properties with a create); its methods do the rest. Every call says what it is, so that limits and metrics know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from jira import JIRA
from jira.exceptions import JIRAError

from bridge.connect.files import Body
from bridge.connect.wire import Complaint, Dialect, Wire
from bridge.errors import PermanentError, TemporaryError, UnknownOutcomeError
from bridge.model.ticket import Person
from bridge_jira.config import JiraLogin
from bridge_jira.fields import Catalogue
from bridge_jira.memory import SiteMemory

Json = dict[str, Any]
BATCH = 100
"""How many issues one bulk read takes (Jira Cloud, "Bulk fetch issues")."""
LIGHT_PAGE = 5000
"""How many rows Cloud gives a page when hardly any field is asked for; Data Center gives 1,000 at most."""
LISTED = 1000
"""How many comments one list of ids may name."""


class JiraClient:
    """Speaks Jira's REST API v3 (Cloud) or v2 (Data Center); knows nothing of bridge's words but people."""

    def __init__(
        self, site: str, url: str, login: JiraLogin, wire: Wire, memory: SiteMemory, spelled: Iterable[str]
    ) -> None:
        self.site = site
        self.cloud = login.cloud
        self.memory = memory
        self.wire = wire
        self._spelled = frozenset(spelled)
        token = login.token.get_secret_value()
        proof: Json = {"basic_auth": (login.email, token)} if self.cloud else {"token_auth": token}
        self.jira = JIRA(
            url,
            options={"rest_api_version": "3" if self.cloud else "2"},
            get_server_info=False,
            max_retries=0,
            timeout=wire.deadline_s,
            **proof,
        )
        # Without server info the library does not know what it speaks to, and its searches would return nothing.
        self.jira.deploymentType = "Cloud" if self.cloud else "Server"
        # An empty cache makes its first search read all fields; we send ids only, so nothing needs translating.
        self.jira._fields_cache_value = {"bridge": "bridge"}
        self._prepare(self.jira._session)

    @property
    def dialect(self) -> Dialect:
        """How Jira's answers are judged."""
        return Dialect(limited=_limited, explain=self._explain)

    def _prepare(self, session: requests.Session) -> None:
        session.trust_env = False
        for adapter in session.adapters.values():
            adapter.close()
        session.adapters.clear()
        adapter = self.wire.adapter(self.dialect)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.hooks["response"].append(self._note_time)

    def _note_time(self, response: requests.Response, *args: Any, **named: Any) -> None:
        told = response.headers.get("Date")
        if told:
            try:
                self.memory.note_time(parsedate_to_datetime(told).astimezone(UTC))
            except ValueError:
                return

    def _explain(self, response: requests.Response) -> Complaint:
        body = response.json()
        if not isinstance(body, dict):
            return Complaint()
        errors = body.get("errors")
        errors = errors if isinstance(errors, dict) else {}
        messages = [str(one) for one in body.get("errorMessages") or ()]
        if body.get("message"):
            messages.append(str(body["message"]))
        said = [*messages, *(f"{name}: {text}" for name, text in errors.items())]
        return Complaint("; ".join(said), next(iter(errors), ""))

    def send(
        self,
        method: str,
        path: str,
        *,
        endpoint: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        ticket: str = "",
        writes: bool = False,
        accept: tuple[int, ...] = (),
        base: str = JIRA.JIRA_BASE_URL,
    ) -> tuple[int, Any]:
        """One request below the REST root, or another `base`: its status and JSON (None if empty). Raises RemoteError."""
        with self.call(endpoint=endpoint, ticket=ticket, writes=writes, accept=accept):
            try:
                response = self.jira._session.request(
                    method,
                    self.jira._get_url(path, base),
                    params=dict(params or {}),
                    data=None if body is None else json.dumps(body),
                )
            except JIRAError as error:
                # The library refuses every status of 400 and more, also those this call accepts.
                if error.status_code not in accept:
                    raise PermanentError(f"{self.site}: {error.text}", site=self.site) from error
                return int(error.status_code), None
            return response.status_code, response.json() if response.content else None

    def get_raw(self, url: str) -> requests.Response:
        """GET with the site's login, streamed, following nothing. The library's own request method reads every answer
        whole, so its session's is used. The kind of call is said by the caller."""
        return requests.Session.request(self.jira._session, "GET", url, stream=True, allow_redirects=False)

    def send_file(self, issue: str, body: Body, content_type: str) -> Any:
        """POST a file to an issue, streamed: the JSON. Raises RemoteError."""
        headers = {"Content-Type": content_type, "X-Atlassian-Token": "no-check"}
        with self.wire.call(endpoint="attachments", ticket=issue, writes=True, headers=headers, carries=len(body)):
            url = self.jira._get_url(f"issue/{issue}/attachments")
            response = requests.Session.request(self.jira._session, "POST", url, data=body, headers=headers)
        return response.json() if response.content else None

    @contextmanager
    def call(
        self, *, endpoint: str, ticket: str = "", writes: bool = False, accept: tuple[int, ...] = ()
    ) -> Iterator[None]:
        """The wire's `call`, in which an answer that is no JSON (a login page in Jira's place) is an error of ours too."""
        with self.wire.call(endpoint=endpoint, ticket=ticket, writes=writes, accept=accept):
            try:
                yield
            except requests.exceptions.JSONDecodeError as error:
                message = f"{self.site} answered {endpoint} with something that is not JSON"
                if writes:
                    text = f"{message}; it may have taken effect"
                    raise UnknownOutcomeError(text, horizon_s=0.0, site=self.site) from error
                raise TemporaryError(message, site=self.site) from error

    def read(self, path: str, *, endpoint: str, **more: Any) -> Any:
        """GET: the JSON."""
        return self.send("GET", path, endpoint=endpoint, **more)[1]

    def catalogue(self) -> Catalogue:
        """The site's fields, read once a process."""
        return self.memory.catalogue.get(self._read_catalogue)

    def _read_catalogue(self) -> Catalogue:
        with self.call(endpoint="field"):
            return Catalogue(self.jira.fields(), self._spelled)

    def myself(self) -> Person:
        """Bridge's own account, read once a process."""
        return self.memory.myself.get(self._read_myself)

    def _read_myself(self) -> Person:
        with self.call(endpoint="myself"):
            raw = self.jira.myself()
        return Person(account_id(raw), raw.get("displayName", ""), raw.get("emailAddress", ""), staff=True, ours=True)

    def person(self, raw: Mapping[str, Any] | None) -> Person:
        """A user in Jira's JSON. Customers of a service desk are not staff."""
        if not raw:
            return Person("")
        ident = account_id(raw)
        return Person(
            ident,
            str(raw.get("displayName", "")),
            str(raw.get("emailAddress", "")),
            staff=raw.get("accountType", "atlassian") != "customer",
            ours=ident == self.myself().id,
            suspended=raw.get("active") is False,
        )

    def account(self, name: str) -> str:
        """The id of the account with this id or mail address. Raises PermanentError when there is none."""
        known = self.memory.accounts.get(name)
        if known is not None:
            return known
        if "@" not in name:
            return name
        params = {"query" if self.cloud else "username": name, "maxResults": 50}
        for raw in self.read("user/search", endpoint="user/search", params=params):
            # Jira's search is fuzzy: only an exact address counts.
            if str(raw.get("emailAddress", "")).lower() == name.lower():
                self.memory.accounts[name] = account_id(raw)
                return account_id(raw)
        raise PermanentError(f"{self.site}: nobody has the address {name}.", site=self.site)

    def search_page(
        self, jql: str, *, fields: list[str], size: int, token: str = "", start: int = 0
    ) -> tuple[list[Json], str, int]:
        """One page of a search: its issues, the next page's token (Cloud) and start (Data Center); "" and 0 at the end."""
        with self.call(endpoint="search"):
            if self.cloud:
                found = self.jira.enhanced_search_issues(
                    jql, nextPageToken=token or None, maxResults=size, fields=fields, json_result=True
                )
                assert isinstance(found, dict)
                return found["issues"], str(found.get("nextPageToken") or ""), 0
            classic = self.jira.search_issues(
                jql, startAt=start, maxResults=min(size, 1000), validate_query=False, fields=fields, json_result=True
            )
        issues = classic["issues"]
        reached = classic["startAt"] + len(issues)
        return issues, "", reached if issues and reached < classic["total"] else 0

    def search(self, jql: str, *, fields: list[str], size: int = BATCH) -> Iterator[Json]:
        """All issues of a search, page by page."""
        token, start = "", 0
        while True:
            issues, token, start = self.search_page(jql, fields=fields, size=size, token=token, start=start)
            yield from issues
            if not (token or start):
                return

    def read_issues(
        self, names: list[str], *, fields: list[str], properties: tuple[str, ...] = (), history: bool = False
    ) -> list[Json]:
        """Up to 100 issues by id (on Cloud also by key), past the search index on Cloud; what is missing is left out."""
        if self.cloud:
            body: Json = {"issueIdsOrKeys": names, "fields": fields, "properties": list(properties)}
            if history:
                body["expand"] = ["changelog"]
            answer = self.send("POST", "issue/bulkfetch", endpoint="issue/bulkfetch", body=body)[1]
            late = [str(one.get("id", "")) for one in answer.get("issueErrors") or ()]
            return [*answer["issues"], *self._read_singly(late, fields, properties, history)]
        body = {
            "jql": f"id in ({', '.join(names)})",
            "validateQuery": False,
            "maxResults": len(names),
            "fields": fields,
        }
        if history:
            body["expand"] = ["changelog"]
        found: list[Json] = self.send("POST", "search", endpoint="search", body=body)[1]["issues"]
        return found

    def _read_singly(
        self, names: list[str], fields: list[str], properties: tuple[str, ...], history: bool
    ) -> Iterator[Json]:
        """Issues that a bulk read reported as not loadable just now: they exist, so each is read by itself."""
        for name in names:
            if name:
                found = self.read_issue(name, fields=fields, properties=properties, history=history)
                if found is not None:
                    yield found

    def read_issue(
        self, name: str, *, fields: list[str], properties: tuple[str, ...] = (), history: bool = False
    ) -> Json | None:
        """One issue by id or key, from the database; None when it is missing."""
        params: Json = {"fields": ",".join(fields)}
        if properties:
            params["properties"] = ",".join(properties)
        if history:
            params["expand"] = "changelog"
        found: Json | None = self.read(f"issue/{name}", endpoint="issue", params=params, ticket=name, accept=(404,))
        return found

    def comments(self, issue: str, *, start: int = 0, newest_first: bool = False) -> Iterator[Json]:
        """The comments of an issue with their properties where Jira shows them, page by page."""
        while True:
            params: Json = {"startAt": start, "maxResults": 1000 if not newest_first else 50, "expand": "properties"}
            if newest_first:
                params["orderBy"] = "-created"
            page = self.read(f"issue/{issue}/comment", endpoint="comment", params=params, ticket=issue)
            yield from page["comments"]
            start += len(page["comments"])
            if not page["comments"] or start >= page["total"]:
                return

    def listed_comments(self, ids: list[str]) -> list[Json]:
        """Comments by id with their properties. Cloud only."""
        found: list[Json] = []
        for place in range(0, len(ids), LISTED):
            body = {"ids": [int(one) for one in ids[place : place + LISTED]]}
            params = {"expand": "properties"}
            answer = self.send("POST", "comment/list", endpoint="comment/list", body=body, params=params)[1]
            found.extend(answer["values"])
        return found

    def site_now(self) -> datetime:
        """The site's present, as far as its last answer told."""
        return self.memory.site_now()

    def close(self) -> None:
        """Let connections go."""
        self.jira.close()  # type: ignore[no-untyped-call]


def account_id(raw: Mapping[str, Any]) -> str:
    """The permanent name of a user: the account id on Cloud, the user name on Data Center."""
    return str(raw.get("accountId") or raw.get("name") or raw.get("key") or "")


def _limited(response: requests.Response) -> tuple[float | None, str] | None:
    """Jira's rate limit: 429 with `Retry-After` in seconds and, on Cloud, `RateLimit-Reason`."""
    if response.status_code != 429:
        return None
    told = response.headers.get("Retry-After", "")
    return (float(told) if told.isdigit() else None), response.headers.get("RateLimit-Reason", "")
