"""One GitHub site, spoken to by one thread: the Connector port over the parts of this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from bridge.connect.bucket import Rate
from bridge.connect.files import FileStream
from bridge.connect.hooks import HookWish, Kept
from bridge.connect.limiter import Limits
from bridge.connect.port import Capabilities, Feed, Gone, SiteSettings
from bridge.connect.webhook import WebhookScheme
from bridge.connect.wire import Wire
from bridge.errors import MissingError, PermanentError, RefusedError, SkippableError, UnknownOutcomeError
from bridge.model.document import Document
from bridge.model.feed import ChangePage, Fact, FactPage, Hint
from bridge.model.operation import (
    Absent,
    CommentDraft,
    Finding,
    Found,
    Hiding,
    OperationKind,
    Probe,
    TicketChange,
    TicketDraft,
    Upload,
    Uploaded,
    Written,
)
from bridge.model.signpost import Signpost
from bridge.model.ticket import Attachment, Snapshot, TicketRef
from bridge.model.words import Visibility
from bridge_github import webhook, writing
from bridge_github.client import GitHubClient, Row
from bridge_github.config import GitHubLogin
from bridge_github.cursor import Place, read_on
from bridge_github.fetching import Fetching
from bridge_github.history import History
from bridge_github.hooks import keep_webhooks
from bridge_github.reading import FIX_VERSIONS, Reader, digest, moment, names_of, repository_of, spot_of, stamp
from bridge_github.releases import Releases
from bridge_github.shared import Shared, Spot
from bridge_github.text import (
    TEXT_LIMIT,
    TITLE_LIMIT,
    clean_title,
    marker_line,
    read_line,
    read_text,
    split_body,
    write_body,
)

CAPABILITIES = Capabilities(
    fields_with_comment=False,
    internal_comments=False,
    edits_comments=True,
    hides_comments=frozenset({Hiding.REMOVE}),
    edits_keep_history=True,
    fetch_many=100,
    text_limit=TEXT_LIMIT,
    summary_limit=TITLE_LIMIT,
    attachments=False,
)
ISSUES, RELEASES = "issues", "releases"
CLOCK_SLACK = timedelta(minutes=5)
"""How far GitHub's clock and ours may be apart when a write is looked for by the time it was sent."""


class GitHubConnector:
    """See `bridge.connect.port.Connector`. Sends nothing until asked to read or write."""

    def __init__(self, settings: SiteSettings, wire: Wire, shared: Shared) -> None:
        login = settings.login
        if not isinstance(login, GitHubLogin):
            raise TypeError(f"a GitHub site is configured by GitHubLogin, not {type(login).__name__}")
        self._settings = settings
        self._shared = shared
        self._repositories = tuple(dict.fromkeys(scope["repository"] for scope in settings.scopes))
        self._client = GitHubClient(url=settings.url, token=login.token.get_secret_value(), wire=wire)
        self._reader = Reader(settings, shared)
        self._releases = Releases(self._client, self._reader, shared)
        self._fetching = Fetching(self._client, self._reader, self._releases, shared)

    @property
    def capabilities(self) -> Capabilities:
        """What GitHub can do."""
        return CAPABILITIES

    def feeds(self) -> tuple[Feed, ...]:
        """`issues:owner/name` for each repository; `releases:owner/name` where a mapping looks at releases."""
        feeds = [Feed(f"{ISSUES}:{name}") for name in self._repositories]
        if FIX_VERSIONS in self._settings.native_fields:
            feeds += [Feed(f"{RELEASES}:{name}", every_s=60) for name in self._repositories]
        return tuple(feeds)

    def changes(self, feed: str, cursor: str | None, *, begin: datetime) -> ChangePage:
        """The next page of a feed: full snapshots from issues, hints from releases."""
        kind, _, repository = feed.partition(":")
        if kind == RELEASES:
            return self._releases.read(repository, cursor)
        if kind != ISSUES or not repository:
            raise PermanentError(f"{self._settings.name} has no feed {feed!r}", site=self._settings.name)
        step = read_on(
            self._client,
            f"/repos/{repository}/issues",
            Place.decode(cursor) if cursor else Place.start(begin),
            query={"state": "all"},
            endpoint="issues",
            name="number",
            tag=digest,
            revisits=True,
        )
        snapshots, hints = self._read_page(repository, [row for row in step.rows if "pull_request" not in row])
        return ChangePage(
            cursor=step.place.encode(),
            snapshots=tuple(snapshots),
            hints=tuple(hints),
            more=step.more,
            settled_through=step.settled_through,
        )

    def _read_page(self, repository: str, rows: list[Row]) -> tuple[list[Snapshot], list[Hint]]:
        """What the rows show; those of a strange shape as hints."""
        if not rows:
            return [], []
        read_at = datetime.now(UTC)
        self._know_me()
        self._shared.know_name(repository, repository_of(rows[0]))
        if self._shared.released(repository) is None and any(self._reader.wants_releases(row) for row in rows):
            self._releases.refresh(repository)
        snapshots: list[Snapshot] = []
        hints: list[Hint] = []
        for row in rows:
            ref = self._reader.ref(repository, row["number"])
            known_at = self._shared.updated_at(ref)
            try:
                snapshots.append(self._reader.snapshot(ref, row, read_at=read_at))
            except SkippableError:
                hints.append(Hint(ref))
                continue
            # A row that was shown before leads to no `fetch`, and would serve a later one that wants to know what is now.
            if row["comments"] and known_at != moment(row["updated_at"]):
                self._shared.keep_row(ref, row, read_at)
        return snapshots, hints

    def history(self, cursor: str | None, *, begin: datetime) -> FactPage:
        """Issue events and comments of every repository, as facts."""
        self._know_me()
        return History(self._client, self._reader).read(self._repositories, cursor, begin)

    def past(self, ref: TicketRef) -> tuple[Fact, ...]:
        """The events and comments of one issue."""
        self._know_me()
        row = self._fetching.row(ref)
        if row is None:
            raise MissingError(f"{ref} is not there", site=self._settings.name, status=404)
        facts = [self._reader.creation(ref, row)]
        path = f"{self._spot(ref).path}/events"
        for answer in self._client.pages(path, {}, endpoint="issue events", ticket=ref.id):
            facts += [fact for event in answer.rows for fact in self._reader.changes(ref, event)]
        repository = spot_of(ref).repository
        for comment in self._fetching.comments(ref) if row["comments"] else ():
            facts += self._reader.comment_facts(repository, comment)
        return tuple(sorted(facts, key=lambda fact: fact.at))

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> Mapping[TicketRef, Snapshot | Gone]:
        """Read tickets now. Issues of a feed page read less than 30 s ago are not read again, only their comments."""
        wanted = tuple(refs)
        if wanted:
            self._know_me()
        return self._fetching.fetch(wanted, threads=threads)

    def locate(self, name: str, scope: Mapping[str, str]) -> TicketRef | None:
        """`12`, `#12`, `name#12` or `owner/name#12` of a configured repository. Costs no request."""
        named, _, number = name.rpartition("#")
        home = scope.get("repository", "")
        known = [one for one in self._repositories if named in (one, one.rpartition("/")[2])] if named else [home]
        is_number = number.isascii() and number.isdecimal()
        repository = home if home in known else known[0] if len(known) == 1 else ""
        return self._reader.ref(repository, int(number)) if is_number and repository in self._repositories else None

    def permit(self, kind: OperationKind, ref: TicketRef | None) -> AbstractContextManager[None]:
        """Creates and comments are POSTs, an update is a PATCH of the issue, an edit one of the comment."""
        if kind is OperationKind.CREATE or ref is None:
            return self._client.permit("POST", "issues")
        if kind is OperationKind.UPDATE:
            return self._client.permit("PATCH", "issue", ticket=ref.id)
        if kind in (OperationKind.EDIT, OperationKind.HIDE):
            verb = "PATCH" if kind is OperationKind.EDIT else "DELETE"
            return self._client.permit(verb, "comment", ticket=ref.id)
        return self._client.permit("POST", "comments", ticket=ref.id)

    def create(self, draft: TicketDraft) -> Written:
        """POST an issue with its labels, milestone and assignees. A state is not taken: issues begin open."""
        repository = draft.scope["repository"]
        kept = {
            name: draft.fields[name] for name in ("labels", "milestone", "assignees", "type") if name in draft.fields
        }
        unknown = [name for name in draft.fields if name not in writing.WRITABLE]
        if unknown:
            kept[unknown[0]] = draft.fields[unknown[0]]
        body = self._encode(repository, kept, line="")
        body = {name: value for name, value in body.items() if value not in (None, [])}
        body |= {"title": clean_title(draft.summary), "body": write_body(draft.body, marker_line(draft.marker))}
        # Before the write: a reading that fails after it would look like a write that failed.
        self._know_me()
        row = self._client.write("POST", f"/repos/{repository}/issues", body, endpoint="issues")
        return self._written(self._reader.ref(repository, row["number"]), draft.idempotency_key, row)

    def update(self, change: TicketChange) -> Written:
        """PATCH an issue once. A comment beside the fields is refused: GitHub takes them in two requests."""
        ref = change.ref
        if change.comment is not None:
            raise PermanentError("GitHub takes no comment together with fields", site=self._settings.name)
        line = self._line(ref) if "description" in change.fields else ""
        body = self._encode(spot_of(ref).repository, self._onto_labels(change), line=line)
        if not body:
            return Written(ref, change.key)
        self._know_me()
        self._shared.forget_row(ref)
        row = self._write_at(ref, "PATCH", "", body, endpoint="issue")
        self._shared.forget_row(ref)
        return self._written(ref, change.key, row, names=change.fields)

    def _onto_labels(self, change: TicketChange) -> Mapping[str, Any]:
        """The fields, the labels as a difference from `prior` laid over those the issue bears at this moment.

        GitHub takes labels as a whole list; one made from an older reading would drop what people added since. Raises
        ChangedError when what the change takes away is gone already.
        """
        if "labels" not in change.fields or "labels" not in change.prior:
            return change.fields
        self._shared.forget_row(change.ref)
        row = self._fetching.row(change.ref)
        if row is None:
            raise MissingError(f"{change.ref} is not there", site=self._settings.name, status=404)
        return {**change.fields, "labels": writing.lay_over(change, names_of(row))}

    def comment(self, ref: TicketRef, key: str, draft: CommentDraft) -> Written:
        """POST a comment. GitHub keeps nothing from anybody who sees the issue, so only PUBLIC is written."""
        if draft.visibility is not Visibility.PUBLIC:
            said = f"GitHub has no {draft.visibility} comments: whoever sees {ref.id} would read this one"
            raise PermanentError(said, site=self._settings.name)
        body = {"body": write_body(draft.body, marker_line(draft.marker))}
        self._shared.forget_row(ref)
        row = self._write_at(ref, "POST", "/comments", body, endpoint="comments")
        self._shared.forget_row(ref)
        return Written(ref, key, url=row["html_url"], comment_id=str(row["id"]))

    def open_file(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """Refused: GitHub has no API for the files people paste into its texts."""
        message = f"{self._settings.name}: GitHub lets no program fetch {file.name!r}"
        raise PermanentError(message, site=self._settings.name)

    def file_limit(self) -> int:
        """None can be put there."""
        return 0

    def own_files(self, ref: TicketRef) -> Mapping[str, Uploaded]:
        """None."""
        return {}

    def upload(self, ref: TicketRef, file: Upload) -> Uploaded:
        """Refused: GitHub has no API for files."""
        message = f"{self._settings.name}: GitHub takes no files over its API"
        raise PermanentError(message, site=self._settings.name, status=413)

    def edit_comment(self, ref: TicketRef, comment_id: str, draft: CommentDraft) -> Written:
        """PATCH a comment. GitHub shows its earlier texts to whoever reads the issue."""
        body = {"body": write_body(draft.body, marker_line(draft.marker))}
        self._shared.forget_row(ref)
        path = f"/repos/{self._spot(ref).repository}/issues/comments/{comment_id}"
        row = self._client.write("PATCH", path, body, endpoint="comment", ticket=ref.id)
        self._shared.forget_row(ref)
        return Written(ref, url=row["html_url"], comment_id=comment_id)

    def hide_comment(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """DELETE a comment: whoever sees the issue sees all of its comments, so nothing less hides one."""
        if how is not Hiding.REMOVE:
            said = f"GitHub keeps no comment from whoever sees {ref.id}; it can only be deleted"
            raise PermanentError(said, site=self._settings.name)
        self._shared.forget_row(ref)
        path = f"/repos/{self._spot(ref).repository}/issues/comments/{comment_id}"
        self._client.remove(path, endpoint="comment", ticket=ref.id)
        self._shared.forget_row(ref)
        return Written(ref, comment_id=comment_id)

    def signposts(self, ref: TicketRef) -> Mapping[str, Signpost]:
        """GitHub has none."""
        return {}

    def put_signpost(self, ref: TicketRef, signpost: Signpost) -> None:
        """GitHub has none."""
        raise PermanentError("GitHub has no links apart from texts.", site=self._settings.name)

    def take_signpost(self, ref: TicketRef, name: str) -> None:
        """GitHub has none, so none stands there."""

    def erase(self, ref: TicketRef, sources: frozenset[str]) -> tuple[str, ...]:
        """The last line of the issue's and our comments' bodies. Whoever may edit sees it in their earlier versions."""
        self._know_me()
        self._shared.forget_row(ref)
        row = self._fetching.row(ref)
        if row is None:
            raise MissingError(f"{ref} is not there", site=self._settings.name, status=404)
        base = f"/repos/{spot_of(ref).repository}/issues"
        found = [(f"{base}/comments/{one['id']}", one) for one in self._fetching.comments(ref)]
        ours = [(path, one) for path, one in [*found, (spot_of(ref).path, row)] if self._is_from(one, sources)]
        for path, one in ours:
            self._client.write("PATCH", path, {"body": split_body(one["body"])[0]}, endpoint="comment", ticket=ref.id)
        self._shared.forget_row(ref)
        if not ours:
            return ()
        return (
            f"markers in earlier versions of texts at {ref.id}: GitHub keeps what a text said before it was edited",
        )

    def _is_from(self, row: Mapping[str, Any], sources: frozenset[str]) -> bool:
        marker = read_line(split_body(row.get("body"))[1], self._settings.marker_key)
        return marker is not None and marker.source in sources and self._reader.person(row.get("user")).ours

    def find(self, probe: Probe) -> Finding:
        """Look through what our account made since, newest first. GitHub's lists are its database: absent is certain."""
        self._know_me()
        since = probe.sent_at - CLOCK_SLACK if probe.sent_at else None
        if probe.kind is OperationKind.CREATE:
            return self._find_issue(probe, since)
        if probe.kind is not OperationKind.COMMENT or probe.ref is None:
            raise PermanentError(f"only creates and comments can be found, not {probe.kind}", site=self._settings.name)
        for row in self._comments(probe.ref, since):
            if self._bears(row, probe):
                return Found(Written(probe.ref, url=row["html_url"], comment_id=str(row["id"])))
        return Absent()

    def _find_issue(self, probe: Probe, since: datetime | None) -> Finding:
        repository = probe.scope["repository"]
        query = {"creator": self._know_me()[0], "state": "all", "sort": "created", "direction": "desc"}
        if since is not None:
            query["since"] = stamp(since)
        for answer in self._client.pages(f"/repos/{repository}/issues", query, endpoint="issues"):
            for row in answer.rows:
                if since is not None and moment(row["created_at"]) < since:
                    return Absent()
                if "pull_request" not in row and self._bears(row, probe):
                    return Found(self._written(self._reader.ref(repository, row["number"]), "", row))
        return Absent()

    def _comments(self, ref: TicketRef, since: datetime | None) -> Iterable[Row]:
        try:
            yield from self._fetching.comments(ref, since=since)
        except MissingError:
            if not self._has_moved(ref):
                raise
            yield from self._fetching.comments(ref, since=since)

    def _bears(self, row: Row, probe: Probe) -> bool:
        marker = read_line(split_body(row.get("body"))[1], self._settings.marker_key)
        return marker == probe.marker and self._reader.person(row.get("user")).ours

    def normalise(self, field: str, value: Any) -> Any:
        """What GitHub will show after a write."""
        return writing.normalise(field, value)

    def shown(self, body: Document) -> Document:
        """The Markdown written, read again."""
        return read_text(write_body(body, ""))

    def measure(self, body: Document) -> int:
        """Characters of Markdown; the limit leaves room for the marker's line."""
        return len(write_body(body, ""))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        """The hint in a verified delivery."""
        hints = webhook.parse(self._settings.name, self._repositories, headers, body)
        for hint in hints:
            self._shared.forget_row(hint.ref)
        return hints

    def keep_webhook(self, wish: HookWish) -> Kept:
        """See `hooks.keep_webhooks`."""
        return keep_webhooks(self._client, self._repositories, wish)

    def is_public(self, scope: Mapping[str, str]) -> bool:
        """Whether the repository is public. One request."""
        answer = self._client.get(f"/repos/{scope['repository']}", endpoint="repository")
        return not answer.data["private"]

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _know_me(self) -> tuple[str, int]:
        me = self._shared.me
        if me is None:
            me = self._client.whoami()
            self._shared.know_me(*me)
        return me

    def _encode(self, repository: str, fields: Mapping[str, Any], *, line: str) -> dict[str, Any]:
        return writing.encode_fields(
            self._settings.name,
            fields,
            line=lambda: line,
            milestone=lambda title: self._releases.milestone(repository, title),
        )

    def _line(self, ref: TicketRef) -> str:
        """The marker line in a ticket's body, which a new description must keep."""
        line = self._shared.line(ref)
        if line is None:
            row = self._fetching.row(ref)
            if row is None:
                raise MissingError(f"{ref} is not there", site=self._settings.name, status=404)
            line = split_body(row.get("body"))[1]
        return line

    def _write_at(self, ref: TicketRef, verb: str, below: str, body: Mapping[str, Any], *, endpoint: str) -> Row:
        """Write to where the issue is. One request has an effect: a 404 of a moved issue had none."""
        spot = self._spot(ref)
        try:
            return self._client.write(verb, f"{spot.path}{below}", body, endpoint=endpoint, ticket=ref.id)
        except RefusedError as error:
            if "locked" not in error.detail.lower():
                raise
            said = f"{ref.id} is locked and takes no more comments from this account"
            raise PermanentError(said, site=error.site, status=error.status, detail=error.detail) from error
        except MissingError:
            if not self._has_moved(ref):
                raise
            return self._client.write(verb, f"{self._spot(ref).path}{below}", body, endpoint=endpoint, ticket=ref.id)

    def _has_moved(self, ref: TicketRef) -> bool:
        """Whether reading the issue leads to another place than the one last known; remembers it."""
        before = self._spot(ref)
        row = self._fetching.row(ref)
        if row is None:
            return False
        self._know_me()
        self._reader.snapshot(ref, row, read_at=datetime.now(UTC))
        return self._spot(ref) != before

    def _spot(self, ref: TicketRef) -> Spot:
        return self._shared.spot(ref) or spot_of(ref)

    def _written(self, ref: TicketRef, key: str, row: Row, names: Iterable[str] = ()) -> Written:
        """What a reply showed: of an update the fields it wrote, of a create all."""
        try:
            snapshot = self._reader.snapshot(ref, row, read_at=datetime.now(UTC))
        except (KeyError, TypeError, ValueError) as error:
            said = (
                f"{self._settings.name} answered a write to {ref.id} with an issue that lacks {error}; it took effect"
            )
            raise UnknownOutcomeError(said, horizon_s=0.0, site=self._settings.name) from error
        wanted = set(names) or set(snapshot.fields)
        fields = {name: reading.value for name, reading in snapshot.fields.items() if name in wanted}
        return Written(ref, key, url=snapshot.url, version=snapshot.version, fields=fields)


class GitHubKind:
    """See `bridge.connect.port.ConnectorKind`."""

    name = "github"
    login = GitHubLogin

    def scope_keys(self) -> Mapping[str, bool]:
        """`repository` as `owner/name`."""
        return {"repository": True}

    def can_be_public(self) -> bool:
        """A repository is public or private."""
        return True

    def writable(self, visibility: Visibility) -> bool:
        """Only public comments exist."""
        return visibility is Visibility.PUBLIC

    def limits(self) -> Limits:
        """5000 requests an hour, 100 at once; 80 contents made a minute and 500 an hour.

        Source: docs.github.com, REST API, rate limits, primary and secondary.
        """
        made = (Rate(80, 60.0), Rate(500, 3600.0))
        return Limits(site=(Rate(5000, 3600.0),), endpoints=MappingProxyType({"POST *": made}), concurrency=100)

    def door(self, settings: SiteSettings) -> WebhookScheme:
        """Each delivery is signed, without a time."""
        return webhook.SCHEME

    def shared(self, settings: SiteSettings) -> Shared:
        """What the connectors of one site know together."""
        return Shared()

    def connect(self, settings: SiteSettings, wire: Wire, shared: Any) -> GitHubConnector:
        """A connector for the calling thread."""
        return GitHubConnector(settings, wire, shared)
