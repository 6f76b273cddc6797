"""GitHub's rows turned into bridge's words: snapshots, comments, people, facts.

A ticket's permanent id here is `owner/name#number`. GitHub's own permanent id of an issue cannot be asked for over
REST, and a link must be able to read and write its ticket by the id alone; after a transfer GitHub redirects from the
old number, and bridge follows while it keeps the id it knows the ticket by.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bridge.connect.port import SiteSettings
from bridge.errors import MissingError, SkippableError
from bridge.model.document import Document, to_plain
from bridge.model.feed import Fact
from bridge.model.marker import Marker
from bridge.model.ticket import NOBODY, Attachment, Comment, Person, Reading, Snapshot, Thread, TicketRef, Version
from bridge.model.words import Visibility
from bridge_github.client import Row
from bridge_github.shared import Shared, Spot
from bridge_github.text import read_line, read_text, split_body

STAFF = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
FIX_VERSIONS = "fix_versions"
"""A made-up field, read only: `[{"name": milestone's title, "released": whether a release has that tag}]`."""
_EDIT_SLACK = timedelta(seconds=1)
"""GitHub's two stamps of a comment nobody edited may differ by a second."""


def moment(value: str) -> datetime:
    """A GitHub stamp as aware UTC."""
    return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)


def stamp(at: datetime) -> str:
    """A time as GitHub reads it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spot_of(ref: TicketRef) -> Spot:
    """The place a ref names. Raises MissingError for a ref that is none of GitHub's."""
    repository, sign, number = ref.id.rpartition("#")
    if not (sign and repository.count("/") == 1 and number.isdecimal()):
        raise MissingError(f"{ref} names no GitHub issue (owner/name#number)", site=ref.site, status=404)
    return Spot(repository, int(number))


def repository_of(row: Row) -> str:
    """The present name of the repository an issue stands in, from its address `…/repos/owner/name/issues/7`."""
    return "/".join(urlsplit(row["url"]).path.split("/")[-4:-2])


def digest(row: Row) -> str:
    """What tells two readings of one issue with the same stamp apart."""
    shown = [
        *(row.get(name) for name in ("title", "body", "state", "state_reason", "locked", "comments")),
        sorted(names_of(row)),
        (row.get("milestone") or {}).get("title"),
        sorted(one["login"] for one in row.get("assignees") or ()),
        (row.get("type") or {}).get("name"),
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:12]


def comment_digest(row: Row) -> str:
    """The same for a comment."""
    return hashlib.sha256(json.dumps([row["updated_at"], row.get("body")]).encode()).hexdigest()[:12]


def names_of(row: Row) -> list[str]:
    """The names of an issue's labels."""
    return [label["name"] if isinstance(label, dict) else str(label) for label in row.get("labels") or ()]


_DUPLICATE = re.compile(
    r"duplicate of\s+(?:(?P<repository>[\w.-]+/[\w.-]+)?#(?P<number>\d+)"
    r"|https?://\S+?/(?P<address>[\w.-]+/[\w.-]+)/issues/(?P<issue>\d+))",
    re.IGNORECASE,
)

_PICTURE_HOSTS = (".githubusercontent.com", "github.com")


def pasted_pictures(body: Document) -> Iterator[Attachment]:
    """The pictures in a text that GitHub keeps itself. Of a private repository nobody outside can open them."""
    for one in body.walk():
        url = one.attr("url") if one.kind == "image" else ""
        if (urlsplit(url).hostname or "").endswith(_PICTURE_HOSTS):
            name = one.attr("alt") or urlsplit(url).path.rpartition("/")[2] or "picture"
            yield Attachment(urlsplit(url).path, name, url, inline=True)


class Reader:
    """Reads rows for one site. `me` must be known to `shared` before anything is read."""

    def __init__(self, settings: SiteSettings, shared: Shared) -> None:
        self._settings = settings
        self._shared = shared

    def ref(self, repository: str, number: int) -> TicketRef:
        """The ref of an issue by the repository's configured name; one that was transferred there keeps that of its first
        place."""
        return self._shared.moved_to(repository, number) or TicketRef(self._settings.name, f"{repository}#{number}")

    def snapshot(self, ref: TicketRef, row: Row, *, read_at: datetime, thread: Thread | None = None) -> Snapshot:
        """A full reading. Comments are known without asking when there are none.

        Raises SkippableError when the row is no issue as we know them.
        """
        try:
            return self._snapshot(ref, row, read_at=read_at, thread=thread)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            site = self._settings.name
            raise SkippableError(f"{site}: {ref} cannot be read ({type(error).__name__}: {error})") from error

    def _snapshot(self, ref: TicketRef, row: Row, *, read_at: datetime, thread: Thread | None) -> Snapshot:
        text, line = split_body(row.get("body"))
        spot = Spot(repository_of(row), int(row["number"]))
        home = self._shared.configured_name(spot.repository)
        updated_at = moment(row["updated_at"])
        self._shared.note(ref, line=line, spot=spot, updated_at=updated_at)
        sender = self.person(row.get("user"), row.get("author_association", ""))
        if thread is None and row["comments"] == 0:
            thread = Thread()
        return Snapshot(
            ref=ref,
            key=f"{home.rpartition('/')[2]}#{spot.number}",
            url=row["html_url"],
            version=Version(updated_at, f"{row['comments']}.{digest(row)}{self._release_tag(home, row)}"),
            read_at=read_at,
            created_at=moment(row["created_at"]),
            fields=self._fields(home, row, text),
            thread=thread,
            sender=sender,
            marker=self._marker(line, sender),
            scope={"repository": home},
            duplicate_of=self._duplicate_of(home, row, thread),
        )

    def _duplicate_of(self, home: str, row: Row, thread: Thread | None) -> str | None:
        """The issue that this one was closed as a duplicate of. GitHub's REST shows that it is one, and not of which;
        the comment by which people say so does: `Duplicate of #12`, `owner/name#12` or an issue's address."""
        if row["state"] != "closed" or row.get("state_reason") != "duplicate":
            return ""
        if thread is None:
            return None
        for comment in reversed(thread.comments):
            found = _DUPLICATE.match(to_plain(comment.body).strip())
            if found and not comment.author.ours:
                repository = found["repository"] or found["address"] or home
                return f"{self._shared.configured_name(repository)}#{found['number'] or found['issue']}"
        return ""

    def wants_releases(self, row: Row) -> bool:
        """Whether what is read of this issue depends on releases."""
        return FIX_VERSIONS in self._settings.native_fields and bool(row.get("milestone"))

    def _release_tag(self, repository: str, row: Row) -> str:
        # A release changes what is read without touching the issue.
        released = self._shared.released(repository) or frozenset()
        return "r" if self.wants_releases(row) and row["milestone"]["title"] in released else ""

    def _fields(self, repository: str, row: Row, text: str) -> Mapping[str, Reading]:
        reason = row.get("state_reason")
        title = (row.get("milestone") or {}).get("title")
        values: dict[str, Any] = {
            "title": row["title"],
            "description": read_text(text) if text else None,
            "state": row["state"],
            # "reopened" says no more than `open` does, and nobody can write it without a change of state.
            "state_reason": None if reason == "reopened" else reason,
            "labels": sorted(names_of(row)),
            "milestone": title,
            "assignees": sorted(one["login"] for one in row.get("assignees") or ()),
            "locked": bool(row.get("locked")),
            "type": (row.get("type") or {}).get("name"),
        }
        if FIX_VERSIONS in self._settings.native_fields:
            released = self._shared.released(repository) or frozenset()
            values[FIX_VERSIONS] = [{"name": title, "released": title in released}] if title else []
        return {name: Reading.of(value) for name, value in values.items()}

    def person(self, user: Row | None, association: str = "") -> Person:
        """A user. GitHub shows no mail addresses; logins are what people know each other by."""
        if not user:
            return NOBODY
        me = self._shared.me
        ours = me is not None and user.get("id") == me[1]
        return Person(id=user["login"], name=user["login"], staff=ours or association in STAFF, ours=ours)

    def _marker(self, line: str, author: Person) -> Marker | None:
        return read_line(line, self._settings.marker_key) if line and author.ours else None

    def comment(self, row: Row) -> Comment:
        """One comment. A bot's is marked as written by a machine, ours is not: it speaks for a person."""
        text, line = split_body(row.get("body"))
        author = self.person(row.get("user"), row.get("author_association", ""))
        created_at, updated_at = moment(row["created_at"]), moment(row["updated_at"])
        body = read_text(text)
        return Comment(
            id=str(row["id"]),
            created_at=created_at,
            author=author,
            body=body,
            attachments=tuple(pasted_pictures(body)),
            visibility=Visibility.PUBLIC,
            edited_at=updated_at if updated_at - created_at > _EDIT_SLACK else None,
            marker=self._marker(line, author),
            auto=(row.get("user") or {}).get("type") == "Bot" and not author.ours,
        )

    def thread(self, rows: Iterable[Row]) -> Thread:
        """All comments of an issue, in the order they were written."""
        return Thread(tuple(self.comment(row) for row in sorted(rows, key=lambda one: (one["created_at"], one["id"]))))

    def comment_facts(self, repository: str, row: Row) -> list[Fact]:
        """The fact that a comment was written."""
        number = row["issue_url"].rpartition("/")[2]
        return [
            Fact(
                ref=self.ref(repository, int(number)),
                event_id=f"comment-{row['id']}",
                at=moment(row["created_at"]),
                actor=self.person(row.get("user"), row.get("author_association", "")),
                kind="comment",
                new=str(row["id"]),
            )
        ]

    def creation(self, ref: TicketRef, row: Row) -> Fact:
        """The fact that an issue was opened."""
        actor = self.person(row.get("user"), row.get("author_association", ""))
        return Fact(ref, f"created-{row['id']}", moment(row["created_at"]), actor, "created")

    def event_facts(self, repository: str, row: Row) -> list[Fact]:
        """The facts in one row of a repository's issue events; none for events that change no field."""
        issue = row.get("issue")
        if not issue or "pull_request" in issue:
            return []
        association = row.get("author_association") or ""
        if not association and (row.get("actor") or {}).get("login") == (issue.get("user") or {}).get("login"):
            association = issue.get("author_association", "")
        return self.changes(self.ref(repository, issue["number"]), row, association)

    def changes(self, ref: TicketRef, row: Row, association: str = "") -> list[Fact]:
        """The facts in one event of this issue."""
        return [
            Fact(
                ref=ref,
                event_id=f"{row['id']}:{field}" if field == "state_reason" else str(row["id"]),
                at=moment(row["created_at"]),
                actor=self.person(row.get("actor"), association),
                kind="field",
                field=field,
                old=old,
                new=new,
                member=field in _LISTS,
            )
            for field, old, new in _field_changes(row)
        ]


_LISTS = frozenset({"labels", "assignees"})


def _field_changes(row: Row) -> list[tuple[str, Any, Any]]:
    """What an event changed: (field, from, to). Of lists one member: gone is (member, None), new is (None, member).

    A reason comes before the state it explains, so that a fold has it when the state arrives.
    """
    event = row.get("event", "")
    label = (row.get("label") or {}).get("name")
    milestone = (row.get("milestone") or {}).get("title")
    assignee = (row.get("assignee") or {}).get("login")
    rename = row.get("rename") or {}
    if event == "closed":
        reason = row.get("state_reason") or "completed"
        return [("state_reason", None, reason), ("state", "open", "closed")]
    changes: dict[str, tuple[str, Any, Any]] = {
        "reopened": ("state", "closed", "open"),
        "labeled": ("labels", None, label),
        "unlabeled": ("labels", label, None),
        "milestoned": ("milestone", None, milestone),
        "demilestoned": ("milestone", milestone, None),
        "assigned": ("assignees", None, assignee),
        "unassigned": ("assignees", assignee, None),
        "renamed": ("title", rename.get("from"), rename.get("to")),
        "locked": ("locked", False, True),
        "unlocked": ("locked", True, False),
    }
    return [changes[event]] if event in changes else []
