"""The Zendesk connector against the simulated Zendesk, over real HTTP on loopback."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from pydantic import ValidationError

from bridge.connect.port import Gone, SiteSettings
from bridge.connect.wire import Wire
from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    RefusedError,
    SkippableError,
    TemporaryError,
    UnknownOutcomeError,
)
from bridge.model.document import Document, doc, from_plain, node, paragraph, text, to_plain
from bridge.model.marker import Marker
from bridge.model.operation import (
    Absent,
    CommentDraft,
    Found,
    Hiding,
    OperationKind,
    Probe,
    TicketChange,
    TicketDraft,
)
from bridge.model.ticket import Life, Person, Presence, Snapshot, TicketRef, Version
from bridge.model.words import Audience, HeldBy, Visibility
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zendesk import ZendeskSite
from bridge.text.marker import sign, write_marker
from bridge_zendesk import KIND
from bridge_zendesk.config import ZendeskLogin
from bridge_zendesk.connector import ZendeskConnector
from bridge_zendesk.shared import Shared
from bridge_zendesk.webhook import is_genuine

KEY = b"a key of the tests"
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
NATIVE = frozenset({"subject", "description", "status", "priority", "type", "tags", "group", "assignee"})


class OpenLimiter:
    """Permits everything."""

    @contextmanager
    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> Iterator[None]:
        yield

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        pass


class Desk:
    """A simulated account, and a connector to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        site = sandbox.sites["acme-desk"]
        assert isinstance(site, ZendeskSite)
        self.site = site
        self.opened: list[ZendeskConnector] = []

    def connect(self, *names: str, shared: Any = None, **login: Any) -> ZendeskConnector:
        login = login or {"email": "bridge@vendor.example", "token": "sandbox"}
        url = self.sandbox.urls["acme-desk"]
        settings = SiteSettings(
            name="acme-desk",
            url=url,
            held_by=HeldBy.CUSTOMER,
            login=ZendeskLogin.model_validate(login),
            native_fields=NATIVE | set(names),
            scopes=({},),
            marker_key=KEY,
            deadline_s=5.0,
        )
        wire = Wire(site="acme-desk", url=url, limiter=OpenLimiter(), deadline_s=5.0, processing_s=0.0)
        connector = KIND.connect(settings, wire, shared or KIND.shared(settings))
        self.opened.append(connector)
        return connector

    def ask(self, method: str, path: str, who: str = "user@acme-desk.example", **body: Any) -> Any:
        """Do something in the helpdesk as a person there."""
        with requests.Session() as session:
            session.trust_env = False
            session.auth = (f"{who}/token", "sandbox")
            answer = session.request(method, f"{self.sandbox.urls['acme-desk']}/api/v2/{path}", json=body or None)
            assert answer.status_code < 300, answer.text
            return answer.json() if answer.content else None

    def request(self, subject: str = "Cannot log in", body: str = "It says no.") -> TicketRef:
        """A customer writes in."""
        made = self.ask("POST", "requests", request={"subject": subject, "comment": {"body": body}})
        return TicketRef("acme-desk", str(made["request"]["id"]))

    def put(self, ref: TicketRef, who: str = "agent@acme-desk.example", **change: Any) -> Any:
        """The customer's agent works on a ticket."""
        return self.ask("PUT", f"tickets/{ref.id}", who, ticket=change)

    def calls(self) -> list[str]:
        """What was asked of the site since the log was cleared, as `METHOD path`."""
        return [f"{entry['method']} {entry['url'].partition('?')[0]}" for entry in self.sandbox.log]

    def writes(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.sandbox.log if entry["writes"]]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Sandbox({"acme-desk": "zendesk"}, seed=1) as sandbox:
        made = Desk(sandbox)
        yield made
        for connector in made.opened:
            connector.close()


def marker(kind: str = "comment", item: str = "c-1") -> Marker:
    return sign(KEY, Marker("acme", "vendor-jira/10001", kind, item))


def remark(
    words: str = "We found it.", *, item: str = "c-1", visibility: Visibility = Visibility.PUBLIC
) -> CommentDraft:
    return CommentDraft(from_plain(words), visibility, Audience.CUSTOMER_USER, marker(item=item))


def draft(**fields: Any) -> TicketDraft:
    made = marker("create", "")
    person = Person("9", name="Customer User", email="user@acme-desk.example")
    return TicketDraft({}, "Crash at start", from_plain("It crashes."), fields, made, made.label, person)


def one(connector: ZendeskConnector, ref: TicketRef, *, threads: bool = False) -> Snapshot:
    found = connector.fetch([ref], threads=threads)[ref]
    assert isinstance(found, Snapshot)
    return found


def read_all(connector: ZendeskConnector, cursor: str | None = None) -> tuple[dict[str, Snapshot], str]:
    found: dict[str, Snapshot] = {}
    while True:
        page = connector.changes("tickets", cursor, begin=BEGIN)
        found |= {snapshot.ref.id: snapshot for snapshot in page.snapshots}
        cursor = page.cursor
        if not page.more:
            return found, cursor


# What is read


def test_the_feed_shows_a_new_ticket_with_native_values_by_name(desk: Desk) -> None:
    desk.site.add_field("Severity", "tagger", ["S1", "S2"])
    field = desk.site.custom_fields()[0]["id"]
    group = next(row["id"] for row in desk.site.data["groups"].values() if row["name"] == "Vendor 2nd line")
    ref = desk.request()
    desk.put(ref, priority="high", group_id=group, custom_fields=[{"id": field, "value": "s1"}], tags=["VIP", "s1"])
    found, _ = read_all(desk.connect("Severity", "form", "brand"))
    snapshot = found[ref.id]
    assert snapshot.key == f"#{ref.id}"
    assert snapshot.url.endswith(f"/agent/tickets/{ref.id}")
    assert {name: snapshot.value(name) for name in snapshot.fields} == {
        "subject": "Cannot log in",
        "status": "new",
        "priority": "high",
        "type": None,
        "external_id": None,
        "tags": ["s1", "vip"],
        "group": "Vendor 2nd line",
        "organization": "acme-desk",
        "requester": "user@acme-desk.example",
        "assignee": None,
        "Severity": "S1",
        "form": "Default Ticket Form",
        "brand": "acme-desk",
        "follow_up_of": None,
    }
    assert snapshot.sender.name == "Customer User 1"
    assert not snapshot.sender.staff
    assert snapshot.thread is None
    assert snapshot.life is Life.ALIVE
    assert snapshot.version.tag == "1"


def test_a_field_the_account_does_not_have_reads_as_unreadable(desk: Desk) -> None:
    ref = desk.request()
    snapshot = one(desk.connect("Severity"), ref)
    assert snapshot.fields["Severity"].presence is Presence.UNREADABLE


def test_the_description_comes_rich_from_the_first_comment_and_is_not_guessed_from_plain_text(desk: Desk) -> None:
    connector = desk.connect()
    body = {"html_body": "<p>Try <strong>this</strong>:</p><pre>make</pre>"}
    made = desk.ask("POST", "tickets", "agent@acme-desk.example", ticket={"subject": "Rich", "comment": body})
    ref = TicketRef("acme-desk", str(made["ticket"]["id"]))
    assert "description" not in one(connector, ref).fields
    rich = doc(paragraph(text("Try "), node("strong", text("this")), text(":")), node("code_block", text="make"))
    assert one(connector, ref, threads=True).value("description") == rich
    found, _ = read_all(connector)
    assert found[ref.id].value("description") == rich


def test_a_poll_with_nothing_changed_is_one_request_and_resumes_at_its_cursor(desk: Desk) -> None:
    desk.request()
    connector = desk.connect()
    _, cursor = read_all(connector)
    desk.sandbox.clear_log()
    page = connector.changes("tickets", cursor, begin=BEGIN)
    assert (page.snapshots, page.hints, page.more) == ((), (), False)
    assert desk.calls() == ["GET /api/v2/incremental/tickets/cursor.json"]
    ref = desk.request("Second")
    found, _ = read_all(connector, page.cursor)
    assert list(found) == [ref.id]


def test_a_poll_of_an_empty_account_keeps_its_start(desk: Desk) -> None:
    connector = desk.connect()
    page = connector.changes("tickets", None, begin=datetime.now(UTC))
    ref = desk.request()
    found, _ = read_all(connector, page.cursor)
    assert list(found) == [ref.id]


def test_a_page_is_settled_one_minute_before_the_sites_own_present(desk: Desk) -> None:
    desk.sandbox.world.advance(86_400)
    page = desk.connect().changes("tickets", None, begin=BEGIN)
    assert page.settled_through is not None
    behind = desk.sandbox.world.now() - page.settled_through
    assert timedelta(seconds=59) < behind < timedelta(seconds=90)


def test_deleted_and_closed_tickets_come_through_the_feed_as_such(desk: Desk) -> None:
    gone, closed = desk.request("Gone"), desk.request("Closed")
    connector = desk.connect()
    _, cursor = read_all(connector)
    desk.ask("DELETE", f"tickets/{gone.id}", "agent@acme-desk.example")
    desk.put(closed, status="closed")
    found, _ = read_all(connector, cursor)
    assert (found[gone.id].life, found[closed.id].life) == (Life.DELETED, Life.FROZEN)
    assert connector.fetch([gone], threads=True)[gone] == Gone(gone)


def test_a_malformed_row_is_hinted_at_and_the_rest_of_the_page_is_read(desk: Desk) -> None:
    broken, sound = desk.request("Broken"), desk.request("Sound")
    with desk.sandbox.world.lock:
        desk.site.data["tickets"][broken.id]["updated_at"] = "yesterday"
    page = desk.connect().changes("tickets", None, begin=BEGIN)
    assert [hint.ref for hint in page.hints] == [broken]
    assert [snapshot.ref for snapshot in page.snapshots] == [sound]


def test_a_thread_has_authors_visibility_and_no_description(desk: Desk) -> None:
    ref = desk.request()
    desk.put(ref, comment={"body": "Looks like theirs", "public": False})
    desk.put(ref, "bridge@vendor.example", comment={"html_body": "<p>We <em>look</em>.</p>", "public": True})
    desk.ask("PUT", f"requests/{ref.id}", request={"comment": {"body": "Thanks"}})
    snapshot = one(desk.connect(), ref, threads=True)
    assert snapshot.thread is not None
    assert snapshot.thread.complete
    said = [(to_plain(c.body), c.visibility.value, c.author.name, c.author.ours) for c in snapshot.thread.comments]
    assert said == [
        ("Looks like theirs", "internal", "Customer Agent", False),
        ("We look.", "public", "Vendor Support", True),
        ("Thanks", "public", "Customer User 1", False),
    ]
    assert [comment.author.staff for comment in snapshot.thread.comments] == [True, True, False]
    assert snapshot.value("description") == from_plain("It says no.")
    assert snapshot.version.tag == "4"


def test_a_long_thread_is_read_to_its_end(desk: Desk) -> None:
    ref = desk.request()
    with desk.sandbox.world.lock:
        agent, ticket = desk.site.user("agent@acme-desk.example"), desk.site.data["tickets"][ref.id]
        for number in range(250):
            desk.site.write(ticket, {"comment": {"body": f"note {number}"}}, agent)
    thread = one(desk.connect(), ref, threads=True).thread
    assert thread is not None
    assert [to_plain(comment.body) for comment in thread.comments] == [f"note {number}" for number in range(250)]


def test_a_triggers_comment_is_automatic_and_nobodys_own(desk: Desk) -> None:
    trigger = {"when": {"field": "comment", "becomes": "internal"}, "set": {"comment": {"body": "We got it"}}}
    desk.site.settings["triggers"] = [trigger]
    ref = desk.request()
    desk.put(ref, comment={"body": "x", "public": False})
    thread = one(desk.connect(), ref, threads=True).thread
    assert thread is not None
    assert [(comment.auto, comment.author.id) for comment in thread.comments][1] == (True, "-1")
    assert not thread.comments[0].auto


def test_an_automatic_mail_reply_is_told_as_such(desk: Desk) -> None:
    ref = desk.request()
    for auto in (False, True):
        with desk.sandbox.world.lock:
            desk.site.receive_mail("user@acme-desk.example", "I am away", ticket_id=int(ref.id), auto=auto)
    thread = one(desk.connect(), ref, threads=True).thread
    assert thread is not None
    assert [(comment.auto, comment.channel) for comment in thread.comments] == [(False, "email"), (True, "email")]


def test_follow_ups_and_merges_name_the_other_ticket(desk: Desk) -> None:
    first, second = desk.request("First"), desk.request("Second")
    agent = "agent@acme-desk.example"
    desk.ask("POST", f"tickets/{first.id}/merge", agent, ids=[int(second.id)])
    desk.sandbox.world.settle()
    follow = {"via_followup_source_id": int(second.id), "comment": {"body": "Again"}}
    made = desk.ask("POST", "tickets", agent, ticket=follow)["ticket"]["id"]
    connector = desk.connect()
    assert one(connector, second, threads=True).value("merged_into") == first.id
    assert one(connector, first, threads=True).value("merged_into") is None
    assert one(connector, TicketRef("acme-desk", str(made))).value("follow_up_of") == second.id


def test_attachments_name_size_and_malware_are_told(desk: Desk) -> None:
    desk.site.settings["malware"] = {"bad.exe": "malware_found"}
    ref = desk.request()
    tokens = []
    for name in ("log.txt", "bad.exe"):
        address = f"{desk.sandbox.urls['acme-desk']}/api/v2/uploads?filename={name}"
        with requests.Session() as session:
            session.trust_env = False
            auth = ("agent@acme-desk.example/token", "sandbox")
            sent = session.post(address, data=b"12345", headers={"Content-Type": "text/plain"}, auth=auth)
        tokens.append(sent.json()["upload"]["token"])
    desk.put(ref, comment={"body": "See the files", "uploads": tokens})
    thread = one(desk.connect(), ref, threads=True).thread
    assert thread is not None
    files = [(file.name, file.size, file.media_type, file.malware) for file in thread.comments[0].attachments]
    assert files == [("log.txt", 5, "text/plain", False), ("bad.exe", 5, "text/plain", True)]


def test_a_first_sync_of_fifty_tickets_with_two_comments_each_takes_five_requests(desk: Desk) -> None:
    refs = [desk.request(f"Case {number}") for number in range(50)]
    for ref in refs:
        desk.put(ref, comment={"body": "Handed over"}, assignee_email="agent@acme-desk.example")
        desk.ask("PUT", f"requests/{ref.id}", request={"comment": {"body": "Please hurry"}})
    desk.sandbox.clear_log()
    connector = desk.connect()
    found, _ = read_all(connector)
    threads = connector.fetch([snapshot.ref for snapshot in found.values()], threads=True)
    assert sorted(desk.calls()) == [
        "GET /api/v2/incremental/ticket_events.json",
        "GET /api/v2/incremental/tickets/cursor.json",
        "GET /api/v2/tickets/show_many.json",
        "GET /api/v2/users/me.json",
    ]
    assert set(threads) == set(refs)
    for snapshot in threads.values():
        assert isinstance(snapshot, Snapshot)
        assert snapshot.thread is not None
        assert [to_plain(comment.body) for comment in snapshot.thread.comments] == ["Handed over", "Please hurry"]
        assert [comment.author.name for comment in snapshot.thread.comments] == ["Customer Agent", "Customer User 1"]


def test_names_and_our_own_account_are_read_once_a_process(desk: Desk) -> None:
    desk.site.add_field("Severity", "tagger", ["S1"])
    shared = Shared()
    desk.request()
    desk.sandbox.clear_log()
    for _ in range(3):
        read_all(desk.connect("Severity", "form", shared=shared))
    metadata = [call for call in desk.calls() if "incremental" not in call]
    assert sorted(metadata) == [
        "GET /api/v2/ticket_fields.json",
        "GET /api/v2/ticket_forms.json",
        "GET /api/v2/users/me.json",
    ]


def test_a_hundred_and_one_tickets_are_two_reads(desk: Desk) -> None:
    refs = [TicketRef("acme-desk", str(number)) for number in range(1, 102)]
    made = desk.request()
    desk.sandbox.clear_log()
    found = desk.connect().fetch(refs, threads=False)
    assert desk.calls().count("GET /api/v2/tickets/show_many.json") == 2
    assert [ref for ref, snapshot in found.items() if isinstance(snapshot, Snapshot)] == [made]
    assert list(found) == refs


def test_comments_the_export_does_not_have_yet_are_read_from_the_tickets(desk: Desk) -> None:
    desk.site.settings["excluded_s"] = 60
    refs = [desk.request(f"Case {number}") for number in range(5)]
    for ref in refs:
        desk.put(ref, comment={"body": "Fresh", "public": False})
    found = desk.connect().fetch(refs, threads=True)
    for snapshot in found.values():
        assert isinstance(snapshot, Snapshot)
        assert snapshot.thread is not None
        assert [to_plain(comment.body) for comment in snapshot.thread.comments] == ["Fresh"]


def test_a_comment_made_private_later_is_never_read_as_public(desk: Desk) -> None:
    refs = [desk.request(f"Case {number}") for number in range(5)]
    said = desk.put(refs[0], comment={"body": "Oops, internal", "public": True})
    comment = said["audit"]["events"][0]["id"]
    desk.ask("PUT", f"tickets/{refs[0].id}/comments/{comment}/make_private", "agent@acme-desk.example")
    found = desk.connect().fetch(refs, threads=True)[refs[0]]
    assert isinstance(found, Snapshot)
    assert found.thread is not None
    assert [comment.visibility for comment in found.thread.comments] == [Visibility.INTERNAL]


# What is written


def test_a_created_ticket_bears_requester_marker_fields_and_label(desk: Desk) -> None:
    desk.site.add_field("Severity", "tagger", ["S1", "S2"])
    connector = desk.connect("Severity")
    desk.sandbox.clear_log()
    written = connector.create(draft(priority="urgent", group="Vendor 2nd line", Severity="S2", tags=["From Bridge"]))
    assert len(desk.writes()) == 1
    assert written.fields == {
        "priority": "urgent",
        "group": "Vendor 2nd line",
        "Severity": "S2",
        "tags": ["bridge", "from", "s2"],
    }
    assert written.comment_id
    snapshot = one(connector, written.ref, threads=True)
    assert snapshot.value("requester") == "user@acme-desk.example"
    assert snapshot.value("subject") == "Crash at start"
    assert snapshot.value("external_id") == marker("create", "").label
    assert snapshot.value("description") == from_plain("It crashes.")
    assert snapshot.marker == marker("create", "")
    assert snapshot.thread is not None
    assert snapshot.thread.comments == ()


def test_another_process_reads_the_creation_marker_from_the_tickets_own_record(desk: Desk) -> None:
    written = desk.connect().create(draft())
    found, _ = read_all(desk.connect())
    assert found[written.ref.id].marker == marker("create", "")


def test_a_label_that_someone_else_wrote_is_no_marker(desk: Desk) -> None:
    ref = desk.request()
    desk.put(ref, external_id=marker("create", "").label)
    connector = desk.connect()
    assert one(connector, ref).marker is None
    assert connector.find(Probe(OperationKind.CREATE, marker("create", ""))) == Absent()


def test_an_update_sends_only_its_fields_and_tells_what_stands_now(desk: Desk) -> None:
    desk.site.add_field("Severity", "tagger", ["S1", "S2"])
    desk.site.add_field("Affected version", "text")
    ref = desk.request()
    desk.put(ref, priority="low", type="incident")
    connector = desk.connect("Severity", "Affected version")
    version = one(connector, ref).version
    desk.sandbox.clear_log()
    fields = {"Severity": "S1", "Affected version": " 4.2 ", "priority": None, "assignee": "agent@acme-desk.example"}
    written = connector.update(TicketChange(ref, "k", fields, version=version))
    assert [entry["method"] for entry in desk.writes()] == ["PUT"]
    sent = desk.writes()[0]["body"]["ticket"]
    assert set(sent) == {"id", "priority", "assignee_id", "custom_fields", "safe_update", "updated_stamp"}
    assert sent["priority"] is None
    assert written.key == "k"
    assert written.fields is not None
    assert written.fields["priority"] is None
    assert written.fields["Severity"] == "S1"
    assert written.fields["assignee"] == "agent@acme-desk.example"
    snapshot = one(connector, ref)
    assert snapshot.value("Severity") == "S1"
    assert snapshot.value("type") == "incident"
    assert written.version is not None
    assert written.version.at == snapshot.version.at


def test_fields_and_comment_go_in_one_request(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    desk.sandbox.clear_log()
    change = TicketChange(ref, "k", {"status": "pending"}, comment=remark("Please try 4.3"))
    written = connector.update(change)
    assert len(desk.writes()) == 1
    snapshot = one(connector, ref, threads=True)
    assert snapshot.value("status") == "pending"
    assert snapshot.thread is not None
    comment = snapshot.thread.comments[0]
    assert (comment.id, to_plain(comment.body), comment.marker) == (written.comment_id, "Please try 4.3", marker())


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.INTERNAL])
def test_a_comment_reaches_exactly_the_readers_its_flag_names(desk: Desk, visibility: Visibility) -> None:
    ref = desk.request()
    written = desk.connect().comment(ref, "k", remark("Only for some", visibility=visibility))
    assert written.comment_id
    shown = desk.ask("GET", f"requests/{ref.id}/comments")["comments"]
    readable = "Only for some" in [comment["plain_body"] for comment in shown]
    assert readable is (visibility is Visibility.PUBLIC)


def test_a_restricted_comment_is_refused_before_anything_is_sent(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    desk.sandbox.clear_log()
    with pytest.raises(PermanentError):
        connector.comment(ref, "k", remark(visibility=Visibility.RESTRICTED))
    assert desk.calls() == []


def test_a_text_longer_than_a_comment_holds_is_refused_before_anything_is_sent(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    desk.sandbox.clear_log()
    with pytest.raises(PermanentError, match="longer than"):
        connector.comment(ref, "k", remark("ü" * 40_000))
    assert desk.calls() == []


def test_a_ticket_that_moved_under_us_is_not_written(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    version = one(connector, ref).version
    stale = Version(version.at - timedelta(seconds=5), version.tag)
    with pytest.raises(ChangedError):
        connector.update(TicketChange(ref, "k", {"priority": "high"}, version=stale))
    assert one(connector, ref).value("priority") is None


def test_a_closed_ticket_takes_no_write_and_says_which_field_holds_it(desk: Desk) -> None:
    ref = desk.request()
    desk.put(ref, status="closed")
    with pytest.raises(PermanentError, match="closed prevents") as refused:
        desk.connect().update(TicketChange(ref, "k", {"status": "open"}))
    assert refused.value.field == "status"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Severity", "S9"),
        ("No such field", "x"),
        ("group", "Nobody"),
        ("assignee", "x@y.example"),
        ("organization", "No"),
    ],
)
def test_a_value_the_account_does_not_know_is_refused_by_its_fields_name(desk: Desk, name: str, value: str) -> None:
    desk.site.add_field("Severity", "tagger", ["S1"])
    ref = desk.request()
    connector = desk.connect()
    with pytest.raises(PermanentError) as refused:
        connector.update(TicketChange(ref, "k", {name: value}))
    assert refused.value.field == name
    assert [entry for entry in desk.writes() if entry["method"] == "PUT"] == []


def test_a_custom_field_the_site_refuses_is_named_by_its_title(desk: Desk) -> None:
    desk.site.add_field("Build", "integer")
    ref = desk.request()
    with pytest.raises(PermanentError, match="is not a number") as refused:
        desk.connect().update(TicketChange(ref, "k", {"Build": "new"}))
    assert refused.value.field == "Build"


def test_a_description_cannot_be_changed(desk: Desk) -> None:
    with pytest.raises(PermanentError) as refused:
        desk.connect().update(TicketChange(desk.request(), "k", {"description": from_plain("Other")}))
    assert refused.value.field == "description"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "  Two\nlines \n"),
        ("subject", "x" * 300),
        ("tags", ["B c", "a", "A"]),
        ("tags", []),
        ("status", "open"),
        ("priority", None),
        ("type", "problem"),
        ("Severity", "S1"),
        ("Severity", "s1"),
        ("Affected version", "  4.2 "),
        ("assignee", "Agent@acme-desk.example"),
    ],
)
def test_what_is_read_back_is_what_normalise_said(desk: Desk, name: str, value: Any) -> None:
    desk.site.add_field("Severity", "tagger", ["S1", "S2"])
    desk.site.add_field("Affected version", "text")
    ref = desk.request()
    connector = desk.connect("Severity", "Affected version")
    written = connector.update(TicketChange(ref, "k", {name: value}))
    expected = connector.normalise(name, value)
    assert written.fields == {name: expected}
    assert one(connector, ref).value(name) == expected
    assert connector.normalise(name, expected) == expected


# Unknown outcomes


def test_a_create_whose_reply_is_lost_is_sent_once_and_found_once(desk: Desk) -> None:
    connector = desk.connect()
    desk.sandbox.faults.add(Fault(method="POST", path="/tickets", kind="drop_after", count=1))
    desk.sandbox.clear_log()
    with pytest.raises(UnknownOutcomeError):
        connector.create(draft())
    assert len(desk.writes()) == 1
    found = connector.find(Probe(OperationKind.CREATE, marker("create", "")))
    assert isinstance(found, Found)
    snapshots, _ = read_all(connector)
    assert list(snapshots) == [found.written.ref.id]
    assert snapshots[found.written.ref.id].marker == marker("create", "")


def test_a_create_sent_again_under_its_key_makes_no_second_ticket(desk: Desk) -> None:
    connector = desk.connect()
    assert connector.create(draft()).ref == connector.create(draft()).ref
    other = TicketDraft({}, "Other", from_plain("Other"), {}, marker("create", ""), marker("create", "").label)
    with pytest.raises(PermanentError, match="IdempotentRequestError"):
        connector.create(other)
    assert len(read_all(connector)[0]) == 1


def test_a_comment_whose_reply_is_lost_is_sent_once_and_found_once(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    desk.sandbox.faults.add(Fault(method="PUT", path="/tickets/", kind="drop_after", count=1))
    desk.sandbox.clear_log()
    with pytest.raises(UnknownOutcomeError):
        connector.comment(ref, "k", remark())
    assert len(desk.writes()) == 1
    found = connector.find(Probe(OperationKind.COMMENT, marker(), ref))
    assert isinstance(found, Found)
    thread = one(connector, ref, threads=True).thread
    assert thread is not None
    assert [comment.id for comment in thread.comments] == [found.written.comment_id]
    assert connector.find(Probe(OperationKind.COMMENT, marker(item="c-2"), ref)) == Absent()


def test_an_update_with_a_comment_whose_reply_is_lost_applied_both_or_neither(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    for kind, finding in (("drop_before", Absent), ("drop_after", Found)):
        desk.sandbox.faults.add(Fault(method="PUT", path="/tickets/", kind=kind, count=1))
        desk.sandbox.clear_log()
        with pytest.raises(UnknownOutcomeError):
            connector.update(TicketChange(ref, "k", {"priority": "high"}, comment=remark()))
        assert len(desk.writes()) == 1
        found = connector.find(Probe(OperationKind.COMMENT, marker(), ref))
        assert isinstance(found, finding)
        snapshot = one(connector, ref, threads=True)
        assert snapshot.thread is not None
        applied = (snapshot.value("priority"), len(snapshot.thread.comments))
        assert applied == (("high", 1) if finding is Found else (None, 0))


def test_a_marker_in_someone_elses_write_finds_nothing(desk: Desk) -> None:
    ref = desk.request()
    desk.put(ref, comment={"body": "Copied"}, metadata={"bridge": write_marker(marker())})
    assert desk.connect().find(Probe(OperationKind.COMMENT, marker(), ref)) == Absent()


def test_a_comment_on_a_missing_ticket_is_missing(desk: Desk) -> None:
    with pytest.raises(MissingError):
        desk.connect().comment(TicketRef("acme-desk", "999"), "k", remark())


def test_a_rate_limit_is_passed_on_and_not_waited_out(desk: Desk) -> None:
    ref = desk.request()
    desk.site.settings["ticket_updates_per_10_minutes"] = 1
    connector = desk.connect()
    connector.comment(ref, "k", remark())
    desk.sandbox.clear_log()
    with pytest.raises(TemporaryError) as limited:
        connector.comment(ref, "k", remark(item="c-2"))
    assert limited.value.retry_after_s is not None
    assert limited.value.retry_after_s > 500
    assert len(desk.writes()) == 1


def test_wrong_credentials_are_refused_without_telling_them(desk: Desk) -> None:
    connector = desk.connect(email="bridge@vendor.example", token="wrong-secret")
    with pytest.raises(RefusedError) as refused:
        connector.changes("tickets", None, begin=BEGIN)
    assert "wrong-secret" not in str(refused.value)


def test_a_page_that_is_not_the_feed_does_not_move_its_cursor(desk: Desk) -> None:
    connector = desk.connect()
    with responses.RequestsMock() as answers:
        answers.get(re.compile(r".*/incremental/.*"), body="<html>soon back</html>", content_type="text/html")
        with pytest.raises(TemporaryError):
            connector.changes("tickets", None, begin=BEGIN)


def test_a_server_error_on_a_write_is_of_unknown_outcome_even_with_retry_after(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    desk.sandbox.faults.add(Fault(method="PUT", kind="status", status=503, retry_after_s=3, count=1))
    with pytest.raises(UnknownOutcomeError) as unknown:
        connector.comment(ref, "k", remark())
    assert unknown.value.horizon_s == 0


def test_an_oauth_token_opens_the_account(desk: Desk) -> None:
    desk.site.settings["tokens"] = {"a-token": "bridge@vendor.example"}
    ref = desk.request()
    assert one(desk.connect(oauth_token="a-token"), ref).ref == ref


@pytest.mark.parametrize("login", [{}, {"email": "a@b.example"}, {"oauth_token": "x", "token": "y"}, {"user": "x"}])
def test_a_login_is_one_way_in_and_nothing_else(login: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ZendeskLogin.model_validate(login)


def test_a_proxys_page_in_the_sites_place_is_an_answer_that_cannot_be_read(desk: Desk) -> None:
    ref = desk.request()
    connector = desk.connect()
    with responses.RequestsMock() as answers:
        answers.put(re.compile(r".*/tickets/\d+\.json"), body="<html>moved</html>", content_type="text/html")
        with pytest.raises(UnknownOutcomeError):
            connector.comment(ref, "k", remark())


# History and webhooks


def test_history_tells_who_changed_what_from_which_value_to_which(desk: Desk) -> None:
    desk.site.add_field("Severity", "tagger", ["S1", "S2"])
    field = desk.site.custom_fields()[0]["id"]
    group = next(row["id"] for row in desk.site.data["groups"].values() if row["name"] == "Vendor 2nd line")
    ref = desk.request()
    desk.put(ref, group_id=group, custom_fields=[{"id": field, "value": "s2"}])
    desk.put(ref, custom_fields=[{"id": field, "value": "s1"}], comment={"body": "Worse", "public": False})
    connector = desk.connect("Severity")
    connector.update(TicketChange(ref, "k", {"assignee": "agent@acme-desk.example"}))
    desk.ask("DELETE", f"tickets/{ref.id}", "agent@acme-desk.example")
    page = connector.history(None, begin=BEGIN)
    told = [
        (fact.actor.name, fact.actor.ours, fact.kind, fact.field, fact.old, fact.new)
        for fact in page.facts
        if fact.field not in ("tags", "subject", "requester", "organization")
    ]
    agent = "Customer Agent"
    assert told[:3] == [
        ("Customer User 1", False, "created", "", None, None),
        ("Customer User 1", False, "comment", "", None, "public"),
        ("Customer User 1", False, "field", "status", None, "new"),
    ]
    assert (agent, False, "field", "group", None, "Vendor 2nd line") in told
    assert (agent, False, "field", "Severity", None, "S2") in told
    assert (agent, False, "field", "Severity", "S2", "S1") in told
    assert (agent, False, "comment", "", None, "internal") in told
    assert ("Vendor Support", True, "field", "assignee", None, "agent@acme-desk.example") in told
    assert ("Vendor Support", True, "field", "status", "new", "open") in told
    assert told[-1] == (agent, False, "deleted", "", None, None)
    assert len({fact.event_id for fact in page.facts}) == len(page.facts)
    assert {fact.ref for fact in page.facts} == {ref}


def test_history_goes_on_from_its_cursor_and_loses_nothing(desk: Desk) -> None:
    connector = desk.connect()
    seen: dict[str, Any] = {}
    cursor = None
    for number in range(4):
        ref = desk.request(f"Case {number}")
        page = connector.history(cursor, begin=BEGIN)
        seen |= {fact.event_id: fact for fact in page.facts}
        cursor = page.cursor
        assert ref in {fact.ref for fact in seen.values()}
        desk.sandbox.world.advance(1)
    assert len([fact for fact in seen.values() if fact.kind == "created"]) == 4
    desk.sandbox.world.advance(600)
    desk.sandbox.clear_log()
    connector.history(cursor, begin=BEGIN)
    assert desk.calls() == ["GET /api/v2/incremental/ticket_events.json"]


def test_signed_deliveries_name_the_ticket_that_changed(desk: Desk) -> None:
    kinds = ["zen:event-type:ticket.status_changed", "conditional_ticket_events"]
    hook = {"name": "bridge", "status": "active", "endpoint": "http://127.0.0.1:9/x", "http_method": "POST"}
    secrets = {}
    for kind in kinds:
        made = desk.ask(
            "POST",
            "webhooks",
            "admin@acme-desk.example",
            webhook={**hook, "request_format": "json", "subscriptions": [kind]},
        )
        ident = made["webhook"]["id"]
        secret = desk.ask("GET", f"webhooks/{ident}/signing_secret", "admin@acme-desk.example")
        secrets[ident] = secret["signing_secret"]["secret"]
    ref = desk.request()
    desk.put(ref, status="pending")
    desk.sandbox.world.settle()
    connector = desk.connect()
    deliveries = desk.sandbox.world.deliveries
    # One for the status, and the trigger's own for the creation and for the change.
    assert len(deliveries) == 3
    for delivery in deliveries:
        body = delivery["body"].encode()
        secret = secrets[delivery["headers"]["X-Zendesk-Webhook-Id"]]
        assert is_genuine(secret, delivery["headers"], body)
        assert not is_genuine(secret, delivery["headers"], body + b" ")
        hints = connector.parse_webhook(delivery["headers"], body)
        assert [hint.ref for hint in hints] == [ref]
        assert hints[0].version_at is not None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"ticket_id": "../1"}', b'{"ticket_id": true}', b'{"detail": {}}']
)
def test_a_delivery_that_names_no_ticket_is_skipped(desk: Desk, body: bytes) -> None:
    with pytest.raises(SkippableError):
        desk.connect().parse_webhook({}, body)


def test_our_own_trigger_body_is_understood(desk: Desk) -> None:
    body = json.dumps({"ticket_id": 7, "updated_at": "2026-01-02T03:04:05Z"}).encode()
    (hint,) = desk.connect().parse_webhook({}, body)
    assert hint.ref == TicketRef("acme-desk", "7")
    assert hint.version_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _said(desk: Desk, ref: TicketRef, body: Document) -> str:
    """Say something publicly as bridge; the comment's id."""
    marker = sign(KEY, Marker("acme", "vendor-jira/1", "comment", "9"))
    return (
        desk.connect()
        .comment(ref, "k", CommentDraft(body, Visibility.PUBLIC, Audience.CUSTOMER_USER, marker))
        .comment_id
    )


def test_a_reply_is_blacked_out_with_its_formatting_and_links_and_only_once(desk: Desk) -> None:
    ref = desk.request()
    link = node("link", text("the wiki"), url="https://w.example/s")
    body = doc(paragraph(node("strong", text("Secret")), text(" at "), link), paragraph(text("5 < 6 & more")))
    comment = _said(desk, ref, body)
    connector = desk.connect()
    connector.hide_comment(ref, comment, Hiding.REMOVE)
    stands = desk.ask("GET", f"tickets/{ref.id}/comments", "admin@acme-desk.example")["comments"][-1]
    assert not [word for word in ("Secret", "wiki", "w.example", "more", "6") if word in stands["html_body"]]
    desk.sandbox.clear_log()
    connector.hide_comment(ref, comment, Hiding.REMOVE)
    assert desk.writes() == []


def test_an_account_that_may_not_redact_is_told_what_to_switch_on(desk: Desk) -> None:
    ref = desk.request()
    comment = _said(desk, ref, from_plain("Oops"))
    with desk.sandbox.world.lock:
        desk.site.settings["agent_workspace"] = False
    with pytest.raises(PermanentError, match="Agent Workspace") as met:
        desk.connect().hide_comment(ref, comment, Hiding.REMOVE)
    assert not isinstance(met.value, RefusedError)


def test_words_the_customer_redacted_say_so_and_a_wholly_redacted_comment_says_nothing(desk: Desk) -> None:
    ref = desk.request()
    comments = []
    for words in ("My password is hunter2", "hunter2"):
        said = desk.put(ref, comment={"body": words, "public": True})
        comments.append(said["audit"]["events"][0]["id"])
    for comment in comments:
        path = f"tickets/{ref.id}/comments/{comment}/redact"
        desk.ask("PUT", path, "agent@acme-desk.example", text="hunter2")
    found = desk.connect().fetch([ref], threads=True)[ref]
    assert isinstance(found, Snapshot)
    assert found.thread is not None
    assert [to_plain(comment.body) for comment in found.thread.comments] == ["My password is ▇▇▇▇▇▇▇", ""]
    assert all(comment.redacted for comment in found.thread.comments)
