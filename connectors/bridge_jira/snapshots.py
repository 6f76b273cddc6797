"""Reading issues: fields, comments with their visibility and markers, in as few requests as Jira allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.connect.port import Gone
from bridge.errors import SkippableError
from bridge.model.marker import Marker
from bridge.model.ticket import Attachment, Comment, Reading, Snapshot, Thread, TicketRef, Version
from bridge.model.words import Visibility
from bridge_jira.attachments import Files
from bridge_jira.client import BATCH, JiraClient, Json
from bridge_jira.fields import read_value
from bridge_jira.text import PROPERTY, is_marker_label, marker_in, read_time

INTERNAL_PROPERTY = "sd.public.comment"
"""The comment property by which a service desk keeps a comment to its agents: `{"internal": true}`."""
_ALWAYS = ("updated", "created", "project", "status", "reporter", "creator", "resolution", "issuelinks")

_DUPLICATE = "duplicate"


class Reader:
    """Turns Jira's JSON into snapshots. `spelled` are the native field names to read."""

    def __init__(
        self, client: JiraClient, files: Files, *, site: str, url: str, spelled: Iterable[str], marker_key: bytes
    ) -> None:
        self._client = client
        self._files = files
        self._site = site
        self._url = url.rstrip("/")
        self._spelled = sorted(spelled)
        self._key = marker_key

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> dict[TicketRef, Snapshot | Gone]:
        """All of these as they are now; what did not come back is `Gone`."""
        asked = list(dict.fromkeys(refs))
        found: dict[TicketRef, Snapshot | Gone] = {ref: Gone(ref) for ref in asked}
        fields = self._field_ids(threads=threads)
        for place in range(0, len(asked), BATCH):
            names = [ref.id for ref in asked[place : place + BATCH]]
            raws = self._client.read_issues(names, fields=fields, properties=(PROPERTY,))
            bodies = self._comments(raws) if threads else {}
            read_at = datetime.now(UTC)
            for raw in raws:
                ref = TicketRef(self._site, str(raw["id"]))
                if ref in found:
                    found[ref] = self._readable(ref, raw, bodies.get(ref.id), read_at)
        return found

    def _readable(self, ref: TicketRef, raw: Json, comments: list[Json] | None, read_at: datetime) -> Snapshot:
        try:
            return self._snapshot(ref, raw, comments, read_at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SkippableError(
                f"{self._site}: issue {raw.get('key')} cannot be read ({type(error).__name__}: {error})"
            ) from error

    def _field_ids(self, *, threads: bool) -> list[str]:
        catalogue = self._client.catalogue()
        mapped = [entry.id for entry in (catalogue.find(name) for name in self._spelled) if entry is not None]
        # Without issue properties in its search, Data Center shows by the label alone that an issue is our own.
        extra = [*(["comment", "attachment"] if threads else []), *([] if self._client.cloud else ["labels"])]
        return list(dict.fromkeys([*_ALWAYS, *mapped, *extra]))

    def _snapshot(self, ref: TicketRef, raw: Json, comments: list[Json] | None, read_at: datetime) -> Snapshot:
        fields = raw.get("fields") or {}
        catalogue = self._client.catalogue()
        readings: dict[str, Reading] = {name: read_value(catalogue.find(name), fields) for name in self._spelled}
        project = str((fields.get("project") or {}).get("key") or raw["key"].rpartition("-")[0])
        return Snapshot(
            ref=ref,
            key=raw["key"],
            url=self.address(raw["key"]),
            version=Version(read_time(fields["updated"])),
            read_at=read_at,
            created_at=read_time(fields["created"]),
            fields=readings,
            thread=None if comments is None else self._thread(comments, self._files.listed(fields)),
            sender=self._client.person(fields.get("reporter")),
            marker=self.own_marker(raw),
            scope={"project": project},
            duplicate_of=_duplicate_of(fields),
        )

    def address(self, key: str) -> str:
        """Where people see an issue."""
        return f"{self._url}/browse/{key}" if key else ""

    def own_marker(self, raw: Json) -> Marker | None:
        """The marker of an issue that our own account created. A copy made by anyone else means nothing."""
        fields = raw.get("fields") or {}
        if not self._client.person(fields.get("creator")).ours:
            return None
        if self._client.cloud:
            return marker_in((raw.get("properties") or {}).get(PROPERTY), self._key)
        if not any(is_marker_label(label) for label in fields.get("labels") or ()):
            return None
        return self._slot_of_issue(str(raw["id"]))

    def _slot_of_issue(self, ident: str) -> Marker | None:
        memory, name = self._client.memory, f"issue/{ident}"
        if not memory.knows_marker(name):
            path = f"issue/{ident}/properties/{PROPERTY}"
            found = self._client.read(path, endpoint="issue/properties", ticket=ident, accept=(404,))
            memory.keep_marker(name, marker_in((found or {}).get("value"), self._key))
        return memory.marker(name)

    def _comments(self, raws: list[Json]) -> dict[str, list[Json]]:
        """The comments of each issue, all of them, and our own ones' slots read into the memory."""
        bodies: dict[str, list[Json]] = {}
        for raw in raws:
            field = (raw.get("fields") or {}).get("comment") or {}
            shown = list(field.get("comments") or ())
            ident = str(raw["id"])
            if int(field.get("total", len(shown))) > len(shown) or self._hides_internal(raw, shown):
                shown = list(self._client.comments(ident))
                self._keep_slots(shown)
            bodies[ident] = shown
        self._read_slots(bodies)
        return bodies

    def _hides_internal(self, raw: Json, shown: list[Json]) -> bool:
        # Data Center's search does not tell a service desk's internal comments from public ones.
        project = (raw.get("fields") or {}).get("project") or {}
        return bool(shown) and not self._client.cloud and project.get("projectTypeKey") == "service_desk"

    def _read_slots(self, bodies: Mapping[str, list[Json]]) -> None:
        unknown = {issue: list(self._unknown(comments)) for issue, comments in bodies.items()}
        if self._client.cloud:
            ids = [one for listed in unknown.values() for one in listed]
            self._keep_slots(self._client.listed_comments(ids))
            return
        for issue, listed in unknown.items():
            if listed:
                self._keep_slots(self._client.comments(issue))

    def _unknown(self, comments: Iterable[Json]) -> Iterator[str]:
        for one in comments:
            if self._client.person(one.get("author")).ours and not self._client.memory.knows_marker(str(one["id"])):
                yield str(one["id"])

    def _keep_slots(self, comments: Iterable[Json]) -> None:
        for one in comments:
            if "properties" in one and self._client.person(one.get("author")).ours:
                marker = marker_in(comment_properties(one).get(PROPERTY), self._key)
                self._client.memory.keep_marker(str(one["id"]), marker)

    def _thread(self, comments: Iterable[Json], files: list[Attachment]) -> Thread:
        read = [self._comment(one, files) for one in comments]
        return Thread(tuple(sorted(read, key=lambda one: (one.created_at, int(one.id) if one.id.isdigit() else 0))))

    def _comment(self, raw: Json, files: list[Attachment]) -> Comment:
        created_at, updated_at = read_time(raw["created"]), read_time(raw.get("updated") or raw["created"])
        author = self._client.person(raw.get("author"))
        # What our own copies show is known; nobody asks for it again.
        body, shown = self._files.read(raw.get("body"), [] if author.ours else files)
        return Comment(
            id=str(raw["id"]),
            created_at=created_at,
            author=author,
            body=body,
            attachments=shown,
            visibility=visibility_of(raw),
            edited_at=updated_at if updated_at > created_at else None,
            marker=self._client.memory.marker(str(raw["id"])) if author.ours else None,
        )


def _duplicate_of(fields: Mapping[str, Any]) -> str:
    """The id of the issue that this one duplicates: it was resolved as such, and a link of that type says of which.

    Jira's own names for both; whoever renamed them closes duplicates like any other issue.
    """
    resolution = fields.get("resolution") or {}
    if str(resolution.get("name", "")).casefold() != _DUPLICATE:
        return ""
    links = [
        one
        for one in fields.get("issuelinks") or ()
        if one.get("outwardIssue") and str((one.get("type") or {}).get("name", "")).casefold() == _DUPLICATE
    ]
    return str(links[-1]["outwardIssue"]["id"]) if links else ""


def comment_properties(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A comment's properties by key."""
    return {str(one["key"]): one.get("value") for one in raw.get("properties") or ()}


def visibility_of(raw: Mapping[str, Any]) -> Visibility:
    """Who may read a comment at the site: a role or group only, a service desk's agents, or whoever sees the issue."""
    if raw.get("visibility"):
        return Visibility.RESTRICTED
    slot = comment_properties(raw).get(INTERNAL_PROPERTY)
    internal = isinstance(slot, Mapping) and slot.get("internal") in (True, "true")
    return Visibility.INTERNAL if internal or raw.get("jsdPublic") is False else Visibility.PUBLIC
