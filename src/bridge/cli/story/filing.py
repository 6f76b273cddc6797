"""People who put files into the simulated sites and look at them, each through the vendor's own API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from bridge.cli.story.people import GitHub, Helpdesk, Jira
from bridge.cli.story.scenes import SECOND_LINE
from bridge.sandbox.server import SPARE

TIMEOUT_S = 60.0


@contextmanager
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        made.headers[SPARE] = "yes"
        yield made


def ask(method: str, url: str, login: Any, **more: Any) -> requests.Response:
    with session() as made:
        answer = made.request(method, url, auth=login, timeout=TIMEOUT_S, **more)
    answer.raise_for_status()
    return answer


@dataclass(frozen=True)
class DeskFile:
    """A file of a ticket as its customer sees it: in a comment, or as a picture in its text."""

    name: str
    content: bytes
    public: bool
    inline: bool
    url: str


class DeskFiles:
    """Files at a customer's Zendesk."""

    def __init__(self, desk: Helpdesk) -> None:
        self._desk = desk

    def _login(self, who: str) -> tuple[str, str]:
        return f"{who}@{self._desk.site}.example/token", "sandbox"

    def upload(self, name: str, content: Any, media_type: str = "text/plain", *, who: str = "user") -> dict[str, Any]:
        """Send a file, to be named in a comment within the hour."""
        answer = ask(
            "POST", f"{self._desk.url}/api/v2/uploads", self._login(who), params={"filename": name}, data=content,
            headers={"Content-Type": media_type},
        )  # fmt: skip
        made: dict[str, Any] = answer.json()["upload"]
        return made

    def file(self, summary: str, *uploads: dict[str, Any], html: str = "<p>See the files.</p>") -> str:
        """A user's problem with files, handed to the vendor. The ticket's id."""
        ticket = {
            "subject": summary,
            "comment": {"html_body": html, "uploads": [one["token"] for one in uploads]},
            "requester_id": self._desk.user("user"),
            "priority": "high",
            "group_id": self._desk.group(SECOND_LINE),
            "status": "new",
        }
        answer = ask("POST", f"{self._desk.url}/api/v2/tickets", self._login("agent"), json={"ticket": ticket})
        return str(answer.json()["ticket"]["id"])

    def reply(self, ticket: str, html: str, *uploads: dict[str, Any]) -> None:
        """The user answers with files."""
        body = {"request": {"comment": {"html_body": html, "uploads": [one["token"] for one in uploads]}}}
        ask("PUT", f"{self._desk.url}/api/v2/requests/{ticket}", self._login("user"), json=body)

    def listed(self, ticket: str) -> list[DeskFile]:
        """Every file of a ticket, fetched."""
        url = f"{self._desk.url}/api/v2/tickets/{ticket}/comments"
        page = ask("GET", url, self._login("admin"), params={"include_inline_images": "true"}).json()
        return [
            DeskFile(
                one["file_name"],
                ask("GET", one["content_url"], self._login("admin")).content,
                comment["public"],
                one["inline"],
                one["content_url"],
            )
            for comment in page["comments"]
            for one in comment["attachments"]
        ]

    def said(self, ticket: str) -> list[str]:
        """The texts of a ticket as HTML."""
        url = f"{self._desk.url}/api/v2/tickets/{ticket}/comments"
        return [one["html_body"] for one in ask("GET", url, self._login("admin")).json()["comments"]]


class JiraFiles:
    """Files at the vendor's Jira."""

    def __init__(self, jira: Jira, *, cloud: bool = True) -> None:
        self._url = jira.url
        self._root = f"{jira.url}/rest/api/{'3' if cloud else '2'}"
        self._login = ("engineer@vendor.example", "sandbox")

    def attach(self, key: str, name: str, content: bytes, media_type: str = "text/plain") -> dict[str, Any]:
        """Put a file on an issue; that shows it to nobody but the issue's readers."""
        headers = {"X-Atlassian-Token": "no-check"}
        url = f"{self._root}/issue/{key}/attachments"
        made: list[dict[str, Any]] = ask(
            "POST", url, self._login, files={"file": (name, content, media_type)}, headers=headers
        ).json()
        return made[0]

    def comment(self, key: str, words: str, *shown: dict[str, Any], alt: str = "") -> None:
        """A comment that shows files of the issue."""
        blocks: list[dict[str, Any]] = [{"type": "paragraph", "content": [{"type": "text", "text": words}]}]
        for one in shown:
            attrs = {"type": "file", "id": self._media_id(one["id"]), "collection": "", **({"alt": alt} if alt else {})}
            blocks.append({"type": "mediaSingle", "content": [{"type": "media", "attrs": attrs}]})
        body = {"body": {"version": 1, "type": "doc", "content": blocks}}
        ask("POST", f"{self._root}/issue/{key}/comment", self._login, json=body)

    def _media_id(self, ident: str) -> str:
        url = f"{self._root}/attachment/content/{ident}"
        found = re.search(r"/file/([^/]+)/", ask("GET", url, self._login, allow_redirects=False).headers["Location"])
        assert found is not None
        return found[1]

    def records(self, key: str) -> list[dict[str, Any]]:
        """Every file of an issue as Jira tells of it."""
        issue = ask("GET", f"{self._root}/issue/{key}", self._login, params={"fields": "attachment"}).json()
        files: list[dict[str, Any]] = issue["fields"]["attachment"]
        return files

    def listed(self, key: str) -> dict[str, bytes]:
        """Every file of an issue by name, fetched."""
        found: dict[str, bytes] = {}
        for one in self.records(key):
            assert one["filename"] not in found, "two files of one name"
            found[one["filename"]] = ask("GET", f"{self._root}/attachment/content/{one['id']}", self._login).content
        return found


def github_texts(github: GitHub, number: str) -> list[str]:
    """Everything said in an issue."""
    return [one.words for case in github.cases() if case.ticket == number for one in case.said]
