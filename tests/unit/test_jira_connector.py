"""The Jira connector against the simulated Jira, over real HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from pydantic import ValidationError

from bridge.connect.port import Connector, Gone, SiteSettings
from bridge.connect.wire import Wire
from bridge.errors import MissingError, PermanentError, SkippableError, TemporaryError, UnknownOutcomeError
from bridge.model.document import doc, from_plain, node, paragraph, text, to_plain
from bridge.model.marker import Marker
from bridge.model.operation import (
    Absent,
    CannotTell,
    CommentDraft,
    Found,
    OperationKind,
    Probe,
    TicketChange,
    TicketDraft,
    Uploaded,
)
from bridge.model.ticket import Presence, Snapshot, TicketRef
from bridge.model.words import Audience, HeldBy, Visibility
from bridge.sandbox.faults import Fault
from bridge.sandbox.jira import JiraCloudSite
from bridge.sandbox.jira.pasting import paste
from bridge.sandbox.server import Sandbox
from bridge.testing.conformance import ConnectorConformance
from bridge.testing.stand import OpenLimiter, Stand
from bridge.text.marker import sign
from bridge_jira import KIND, JiraConnector
from bridge_jira.memory import SiteMemory

SITE = "vendor-jira"
KEY = b"a key for these tests"
FIELDS = frozenset(
    {"summary", "status", "resolution", "priority", "labels", "description", "security_level", "reporter"}
) | {
    "Severity",
    "Workaround",
    "Root cause",
    "Fix versions",
    "Affects versions",
}
SCOPE = {"project": "ACME", "type": "Bug"}
SPECS = Path(os.environ.get("BRIDGE_SPECS", Path(__file__).parents[2] / ".." / "shared" / "specs"))
LOGINS: Mapping[str, Mapping[str, str]] = {
    "jira-cloud": {"email": "bridge@vendor.example", "token": "sandbox"},
    "jira-datacenter": {"token": "sandbox", "deployment": "datacenter"},
}


class TestJiraCloud(ConnectorConformance):
    site_kind = "jira-cloud"
    kind = KIND
    login = LOGINS["jira-cloud"]
    person: ClassVar[Mapping[str, Any]] = {"email": "engineer@vendor.example"}
    stranger: ClassVar[Mapping[str, Any]] = {"token": "wrong"}
    admin: ClassVar[Mapping[str, Any]] = {"email": "lead@vendor.example"}
    scope = SCOPE
    summary = "summary"
    edit = ("Severity", "S2")
    missing_id = "99999"
    quiet_requests = 2

    def write_shown(self, stand: Stand, person: Connector, ref: TicketRef, made: Uploaded) -> None:
        site = stand.sandbox.sites["site"]
        assert isinstance(site, JiraCloudSite)
        paste(site, ref.id, made.id, who="engineer")


class TestJiraDataCenter(TestJiraCloud):
    site_kind = "jira-datacenter"
    write_shown = ConnectorConformance.write_shown
    login = LOGINS["jira-datacenter"]
    person: ClassVar[Mapping[str, Any]] = {"token": "sandbox:engineer"}
    admin: ClassVar[Mapping[str, Any]] = {"token": "sandbox:lead"}


class Desk:
    """One simulated Jira with bridge's connector, and an engineer's own hands in it."""

    def __init__(self, sandbox: Sandbox, kind: str) -> None:
        self.sandbox = sandbox
        self.cloud = kind == "jira-cloud"
        self.kind = kind
        self.site = sandbox.sites[SITE]
        self.memory = SiteMemory()
        self.connector = self.connect(self.memory)
        self.engineer = requests.Session()
        self.engineer.trust_env = False
        if self.cloud:
            self.engineer.auth = ("engineer@vendor.example", "sandbox")
        else:
            self.engineer.headers["Authorization"] = "Bearer sandbox:engineer"

    def connect(self, memory: SiteMemory, **changed: Any) -> JiraConnector:
        settings = SiteSettings(
            name=SITE,
            url=self.sandbox.urls[SITE],
            held_by=HeldBy.VENDOR,
            login=KIND.login.model_validate(LOGINS[self.kind]),
            native_fields=FIELDS,
            scopes=(SCOPE, {"project": "CORE", "type": "Task"}),
            marker_key=KEY,
        )
        wire = Wire(site=SITE, url=settings.url, limiter=OpenLimiter(), deadline_s=5.0, processing_s=1.0)
        return KIND.connect(replace(settings, **changed), wire, memory)

    def warm(self) -> None:
        """Let the connector read what it reads once a process, then forget the requests so far."""
        self.connector.fetch([TicketRef(SITE, "1")], threads=True)
        self.connector._client.myself()
        self.sandbox.clear_log()

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """Something the engineer does by hand."""
        root = f"{self.sandbox.urls[SITE]}/rest/api/{3 if self.cloud else 2}"
        answer = self.engineer.request(method, root + path, json=body, timeout=10)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def body(self, words: str) -> Any:
        content = [{"type": "paragraph", "content": [{"type": "text", "text": words}]}]
        return {"type": "doc", "version": 1, "content": content} if self.cloud else words

    def make(self, **fields: Any) -> TicketRef:
        """An issue of the engineer's."""
        given = {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "By hand", **fields}
        return TicketRef(SITE, self.act("POST", "/issue", {"fields": given})["id"])

    def read(self, ref: TicketRef) -> Snapshot:
        found = self.connector.fetch([ref], threads=True)[ref]
        assert isinstance(found, Snapshot)
        return found

    def sent(self, **wanted: Any) -> list[dict[str, Any]]:
        return [entry for entry in self.sandbox.log if all(entry[name] == value for name, value in wanted.items())]

    def status(self, ref: TicketRef) -> str:
        return str(self.act("GET", f"/issue/{ref.id}")["fields"]["status"]["name"])

    def move(self, ref: TicketRef, *statuses: str) -> None:
        for status in statuses:
            offered = self.act("GET", f"/issue/{ref.id}/transitions")["transitions"]
            found = next(one for one in offered if one["to"]["name"] == status)
            fields = {"resolution": {"name": "Fixed"}} if status == "Done" else {}
            self.act("POST", f"/issue/{ref.id}/transitions", {"transition": {"id": found["id"]}, "fields": fields})


@pytest.fixture(params=["jira-cloud", "jira-datacenter"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with Sandbox({SITE: request.param}, seed=1) as sandbox:
        desk = Desk(sandbox, request.param)
        yield desk
        desk.engineer.close()
        desk.connector.close()


@pytest.fixture
def cloud() -> Iterator[Desk]:
    with Sandbox({SITE: "jira-cloud"}, seed=1) as sandbox:
        desk = Desk(sandbox, "jira-cloud")
        yield desk
        desk.engineer.close()
        desk.connector.close()


def marker(kind: str = "create", item: str = "") -> Marker:
    return sign(KEY, Marker("acme", "acme-desk/1", kind, item))


def draft(**fields: Any) -> TicketDraft:
    body = doc(paragraph(text("Literal *stars* and "), node("strong", text("weight"))))
    return TicketDraft(SCOPE, "It fails", body, fields, marker(), "key")


def remark(item: str = "c1", visibility: Visibility = Visibility.PUBLIC) -> CommentDraft:
    return CommentDraft(from_plain("A cause was found."), visibility, Audience.VENDOR, marker("comment", item))


def begin(desk: Desk) -> datetime:
    return desk.sandbox.world.now() - timedelta(hours=1)


# Logins


@pytest.mark.parametrize(
    "login",
    [
        {"token": "t"},
        {"token": "t", "email": "a@vendor.example", "deployment": "datacenter"},
        {"token": "t", "email": "a@vendor.example", "password": "p"},
        {"email": "a@vendor.example"},
    ],
)
def test_a_login_that_fits_no_deployment_is_refused(login: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        KIND.login.model_validate(login)


def test_a_login_never_shows_its_token() -> None:
    login = KIND.login.model_validate({"email": "a@vendor.example", "token": "hidden", "expires": "2027-01-31"})
    assert "hidden" not in repr(login)


# Reading


def test_fields_are_read_under_the_names_of_the_mapping(desk: Desk) -> None:
    desk.act("POST", "/version", {"name": "1.0", "project": "ACME", "released": True})
    ref = desk.make(
        customfield_10010={"value": "S2"},
        customfield_10011=desk.body("a loose cable"),
        fixVersions=[{"name": "1.0"}],
        labels=["red", "amber"],
        security={"name": "Embargo"},
    )
    seen = desk.read(ref)
    assert seen.key == "ACME-1"
    assert seen.url.endswith("/browse/ACME-1")
    assert seen.scope == {"project": "ACME"}
    assert (seen.sender.name, seen.sender.ours, seen.sender.staff) == ("Support Engineer", False, True)
    shown = {name: seen.value(name) for name in ("summary", "status", "priority", "Severity", "labels")}
    assert shown == {
        "summary": "By hand",
        "status": "To Do",
        "priority": "Medium",
        "Severity": "S2",
        "labels": ["amber", "red"],
    }
    assert seen.value("Fix versions") == [{"name": "1.0", "released": True}]
    assert seen.value("security_level") == "Embargo"
    assert seen.value("reporter") == "engineer@vendor.example"
    assert to_plain(seen.value("Root cause")) == "a loose cable"
    for name in ("Workaround", "resolution", "Affects versions", "description"):
        assert seen.fields[name].presence is Presence.EMPTY


def test_a_hidden_or_unknown_field_is_unreadable_not_empty(desk: Desk) -> None:
    ref = desk.make(customfield_10010={"value": "S2"})
    desk.site.settings["hidden_fields"] = ["customfield_10010"]
    connector = desk.connect(SiteMemory(), native_fields=FIELDS | {"No such field"})
    seen = connector.fetch([ref], threads=False)[ref]
    assert isinstance(seen, Snapshot)
    assert seen.fields["Severity"].presence is Presence.UNREADABLE
    assert seen.fields["No such field"].presence is Presence.UNREADABLE
    assert seen.thread is None
    connector.close()


def test_fifty_issues_with_comments_cost_one_request(desk: Desk) -> None:
    refs = [desk.make() for _ in range(50)]
    for ref in refs:
        desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body("seen")})
    desk.warm()
    found = desk.connector.fetch(refs, threads=True)
    assert len(desk.sandbox.log) == 1
    assert all(isinstance(one, Snapshot) and one.thread and len(one.thread.comments) == 1 for one in found.values())


def test_more_than_a_hundred_issues_are_read_in_batches(desk: Desk) -> None:
    refs = [desk.make() for _ in range(120)]
    desk.warm()
    found = desk.connector.fetch([*refs, TicketRef(SITE, "77777")], threads=False)
    assert len(desk.sandbox.log) == 2
    assert [ref for ref, one in found.items() if isinstance(one, Gone)] == [TicketRef(SITE, "77777")]


def test_comments_beyond_those_that_come_with_the_issue_are_read_too(desk: Desk) -> None:
    desk.site.settings["comments_in_issue"] = 2
    ref = desk.make()
    for number in range(5):
        desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body(str(number))})
    ours = desk.connector.comment(ref, "k", remark())
    thread = desk.read(ref).thread
    assert thread is not None
    assert [to_plain(one.body) for one in thread.comments[:5]] == ["0", "1", "2", "3", "4"]
    assert (thread.comments[5].id, thread.comments[5].marker) == (ours.comment_id, remark().marker)


def test_an_issue_the_bulk_read_could_not_load_is_read_by_itself(cloud: Desk) -> None:
    ref, other = cloud.make(), cloud.make()
    cloud.site.settings["unfetchable"] = [ref.id]
    found = cloud.connector.fetch([ref, other], threads=True)
    assert all(isinstance(one, Snapshot) for one in found.values())


def test_visibility_follows_what_the_site_says(desk: Desk) -> None:
    desk.site.settings["service_desks"] = ["ACME"]
    ref = desk.make()
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body("a"), "properties": internal})
    role = {"type": "role", "value": "Developers"}
    desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body("b"), "visibility": role})
    edited = desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body("c")})["id"]
    desk.act("PUT", f"/issue/{ref.id}/comment/{edited}", {"body": desk.body("d")})
    desk.connector.comment(ref, "k", remark(visibility=Visibility.INTERNAL))
    thread = desk.read(ref).thread
    assert thread is not None
    shown = [one.visibility for one in thread.comments]
    assert shown == [Visibility.INTERNAL, Visibility.RESTRICTED, Visibility.PUBLIC, Visibility.INTERNAL]
    assert [one.edited_at is not None for one in thread.comments] == [False, False, True, False]


def test_slots_of_our_comments_are_read_once(cloud: Desk) -> None:
    ref = cloud.make()
    cloud.connector.comment(ref, "k", remark())
    cloud.warm()
    for _ in range(2):
        assert cloud.read(ref).thread is not None
    assert [entry["url"].split("?")[0].rpartition("/")[2] for entry in cloud.sandbox.log] == [
        "bulkfetch",
        "list",
        "bulkfetch",
    ]


# Creating


def test_creating_is_one_request_with_label_and_property(desk: Desk) -> None:
    desk.warm()
    written = desk.connector.create(draft(Severity="S1", labels=["red", "two words"], priority="High"))
    assert len(desk.sandbox.log) == 1
    assert (written.key, written.fields) == ("ACME-1", None)
    raw = desk.act("GET", f"/issue/{written.ref.id}?properties=bridge.marker")
    assert raw["fields"]["labels"] == sorted(["red", "two-words", marker().label])
    assert raw["properties"]["bridge.marker"]
    seen = desk.read(written.ref)
    assert (seen.value("Severity"), seen.value("priority"), seen.marker) == ("S1", "High", marker())
    assert seen.value("labels") == ["red", "two-words"]
    assert to_plain(seen.value("description")) == "Literal *stars* and weight"


def test_status_and_resolution_wait_for_an_update(desk: Desk) -> None:
    written = desk.connector.create(draft(status="Done", resolution="Fixed"))
    assert desk.status(written.ref) == "To Do"


@pytest.mark.parametrize(("fields", "named"), [({"Severity": "S9"}, "Severity"), ({"No such": 1}, "No such")])
def test_a_refused_field_is_named_as_the_mapping_spells_it(desk: Desk, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(PermanentError) as refused:
        desk.connector.create(draft(**fields))
    assert refused.value.field == named


def test_a_field_hidden_by_the_site_is_named_when_written(desk: Desk) -> None:
    ref = desk.make()
    desk.site.settings["hidden_fields"] = ["customfield_10012"]
    with pytest.raises(PermanentError) as refused:
        desk.connector.update(TicketChange(ref, "k", {"Workaround": from_plain("wait")}))
    assert (refused.value.field, refused.value.status) == ("Workaround", 400)


def test_a_create_of_unknown_outcome_is_found_past_the_index(desk: Desk) -> None:
    before = desk.make()
    desk.site.settings["index_lag_s"] = 600
    desk.warm()
    sent_at = desk.sandbox.world.now()
    desk.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
    with pytest.raises(UnknownOutcomeError) as unknown:
        desk.connector.create(draft())
    assert unknown.value.horizon_s > 0
    assert len(desk.sent(writes=True)) == 1
    desk.make()
    probe = Probe(OperationKind.CREATE, marker(), scope=SCOPE, after_key=desk.read(before).key, sent_at=sent_at)
    found = desk.connector.find(probe)
    assert isinstance(found, Found)
    assert found.written.key == "ACME-2"
    assert len(desk.sent(writes=True, actor="bridge@vendor.example")) == 1


def test_a_create_that_never_happened_is_absent_once_the_later_keys_were_read(desk: Desk) -> None:
    desk.make()
    probe = Probe(OperationKind.CREATE, marker(), scope=SCOPE, after_key="ACME-1", sent_at=desk.sandbox.world.now())
    assert desk.connector.find(probe) == Absent()


def test_without_a_known_key_silence_proves_nothing_before_the_index_has_caught_up(desk: Desk) -> None:
    desk.make()
    probe = Probe(OperationKind.CREATE, marker(), scope=SCOPE, sent_at=desk.sandbox.world.now())
    finding = desk.connector.find(probe)
    assert isinstance(finding, CannotTell)
    assert probe.sent_at is not None
    assert finding.until == probe.sent_at + timedelta(seconds=640)
    desk.sandbox.world.advance(700)
    desk.read(desk.make())
    assert desk.connector.find(probe) == Absent()


def test_another_account_s_copy_of_the_label_is_not_ours(desk: Desk) -> None:
    desk.make()
    desk.make(labels=[marker().label])
    for sent_at in (desk.sandbox.world.now(), begin(desk)):
        probe = Probe(OperationKind.CREATE, marker(), scope=SCOPE, after_key="ACME-1", sent_at=sent_at)
        assert desk.connector.find(probe) == Absent()


def test_long_after_the_sending_the_index_alone_tells(desk: Desk) -> None:
    desk.make()
    desk.warm()
    probe = Probe(OperationKind.CREATE, marker(), scope=SCOPE, after_key="ACME-1", sent_at=begin(desk))
    assert desk.connector.find(probe) == Absent()
    assert desk.connector.find(replace(probe, sent_at=None)) == Absent()
    assert len(desk.sandbox.log) == 2


# Commenting


def test_a_comment_of_unknown_outcome_is_sent_once_and_found(desk: Desk) -> None:
    ref = desk.make()
    desk.connector.comment(ref, "k", remark("earlier"))
    desk.sandbox.clear_log()
    sent_at = desk.sandbox.world.now()
    desk.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
    with pytest.raises(UnknownOutcomeError):
        desk.connector.comment(ref, "k", remark())
    assert len(desk.sent(writes=True)) == 1
    probe = Probe(OperationKind.COMMENT, remark().marker, ref=ref, sent_at=sent_at)
    found = desk.connector.find(probe)
    assert isinstance(found, Found)
    thread = desk.read(ref).thread
    assert thread is not None
    assert [one.id for one in thread.comments if one.marker == remark().marker] == [found.written.comment_id]
    assert desk.connector.find(replace(probe, marker=marker("comment", "other"))) == Absent()


def test_a_comment_for_a_role_is_never_written(desk: Desk) -> None:
    ref = desk.make()
    with pytest.raises(PermanentError):
        desk.connector.comment(ref, "k", remark(visibility=Visibility.RESTRICTED))


def test_commenting_on_a_missing_issue_is_a_missing_ticket(desk: Desk) -> None:
    with pytest.raises(MissingError):
        desk.connector.comment(TicketRef(SITE, "77777"), "k", remark())


# Updating


def test_fields_change_in_one_request(desk: Desk) -> None:
    desk.act("POST", "/version", {"name": "1.0", "project": "ACME"})
    ref = desk.make(customfield_10010={"value": "S3"})
    desk.warm()
    fields = {
        "Severity": "S1",
        "summary": "Better\nsaid",
        "Workaround": from_plain("Turn it off."),
        "Fix versions": [{"name": "1.0", "released": False}],
        "priority": "Highest",
        "reporter": None,
    }
    desk.connector.update(TicketChange(ref, "k", fields))
    assert len(desk.sandbox.log) == 1
    seen = desk.read(ref)
    assert (seen.value("Severity"), seen.value("summary"), seen.value("priority")) == ("S1", "Better said", "Highest")
    assert to_plain(seen.value("Workaround")) == "Turn it off."
    assert seen.value("Fix versions") == [{"name": "1.0", "released": False}]


def test_a_user_is_written_by_mail_address(desk: Desk) -> None:
    ref = desk.make()
    desk.connector.update(TicketChange(ref, "k", {"reporter": "lead@vendor.example"}))
    assert desk.read(ref).value("reporter") == "lead@vendor.example"
    with pytest.raises(PermanentError):
        desk.connector.update(TicketChange(ref, "k", {"reporter": "nobody@vendor.example"}))


@pytest.mark.parametrize("with_prior", [True, False])
def test_writing_labels_keeps_the_marker_s(desk: Desk, with_prior: bool) -> None:
    ref = desk.connector.create(draft(labels=["red", "amber"])).ref
    prior = {"labels": ["amber", "red"]} if with_prior else {}
    desk.connector.update(TicketChange(ref, "k", {"labels": ["green", "red"]}, prior=prior))
    assert desk.act("GET", f"/issue/{ref.id}")["fields"]["labels"] == sorted([marker().label, "green", "red"])
    assert desk.read(ref).value("labels") == ["green", "red"]
    assert desk.read(ref).marker == marker()


def test_an_update_of_unknown_outcome_is_sent_once(desk: Desk) -> None:
    ref = desk.make()
    desk.warm()
    desk.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
    with pytest.raises(UnknownOutcomeError):
        desk.connector.update(TicketChange(ref, "k", {"summary": "New"}))
    assert len(desk.sent(writes=True)) == 1
    assert desk.read(ref).value("summary") == "New"


def test_a_status_is_reached_by_its_transition(desk: Desk) -> None:
    ref = desk.make()
    desk.warm()
    desk.connector.update(TicketChange(ref, "k", {"status": "In Progress"}))
    assert desk.status(ref) == "In Progress"
    assert len(desk.sent(actor="bridge@vendor.example")) == 2


def test_a_resolution_goes_with_the_transition_that_asks_for_it(desk: Desk) -> None:
    ref = desk.make()
    desk.move(ref, "In Progress")
    desk.connector.update(TicketChange(ref, "k", {"status": "Done", "resolution": "Fixed", "Severity": "S4"}))
    seen = desk.read(ref)
    assert (seen.value("status"), seen.value("resolution"), seen.value("Severity")) == ("Done", "Fixed", "S4")


def test_a_missing_resolution_is_named(desk: Desk) -> None:
    ref = desk.make()
    desk.move(ref, "In Progress")
    with pytest.raises(PermanentError) as refused:
        desk.connector.update(TicketChange(ref, "k", {"status": "Done"}))
    assert refused.value.field == "resolution"
    assert desk.status(ref) == "In Progress"


def test_a_status_some_hops_away_is_reached_hop_by_hop(desk: Desk) -> None:
    ref = desk.make()
    desk.connector.update(TicketChange(ref, "k", {"status": "In Test"}))
    assert desk.status(ref) == "In Test"


def test_other_issues_show_the_way_so_that_no_hop_is_tried_in_vain(desk: Desk) -> None:
    for statuses in (["Selected"], ["In Progress"], ["In Progress", "In Review"]):
        desk.move(desk.make(), *statuses)
    ref = desk.make()
    desk.sandbox.clear_log()
    desk.connector.update(TicketChange(ref, "k", {"status": "In Test"}))
    assert desk.status(ref) == "In Test"
    hops = [entry for entry in desk.sent(writes=True) if entry["url"].endswith("/transitions")]
    assert len(hops) == 3


def test_no_way_leads_through_a_status_that_finishes(desk: Desk) -> None:
    ways = (["Selected"], ["Waiting"], ["On Hold"], ["In Review"], ["In Review", "In Test"])
    for way in ways:
        other = desk.make()
        desk.move(other, *([] if way == ["Selected"] else ["In Progress"]), *way)
    desk.move(desk.make(), "In Progress")
    ref = desk.make()
    desk.sandbox.clear_log()
    with pytest.raises(PermanentError) as refused:
        desk.connector.update(TicketChange(ref, "k", {"status": "Closed", "resolution": "Fixed"}))
    assert refused.value.field == "status"
    assert "'Closed'" in str(refused.value)
    assert "In Progress, Selected" in str(refused.value)
    assert desk.status(ref) == "To Do"
    assert desk.sent(writes=True) == []


def test_a_status_the_project_lacks_is_refused_without_moving(desk: Desk) -> None:
    ref = desk.make()
    with pytest.raises(PermanentError) as refused:
        desk.connector.update(TicketChange(ref, "k", {"status": "Paused"}))
    assert refused.value.field == "status"
    assert desk.status(ref) == "To Do"


def test_a_status_already_reached_is_left_alone(desk: Desk) -> None:
    ref = desk.make()
    desk.sandbox.clear_log()
    desk.connector.update(TicketChange(ref, "k", {"status": "To Do"}))
    assert desk.sent(writes=True) == []


def test_a_limit_met_after_the_first_part_of_an_update_is_an_unknown_outcome(desk: Desk) -> None:
    ref = desk.make()
    desk.warm()
    desk.sandbox.faults.add(Fault(kind="status", status=429, path="/transitions", method="POST", count=1))
    with pytest.raises(UnknownOutcomeError):
        desk.connector.update(TicketChange(ref, "k", {"status": "In Progress", "Severity": "S1"}))
    desk.sandbox.faults.add(Fault(kind="status", status=429, path="/transitions", method="POST", count=1))
    with pytest.raises(TemporaryError):
        desk.connector.update(TicketChange(ref, "k", {"status": "In Progress"}))


def test_a_limit_on_one_issue_names_its_reason(cloud: Desk) -> None:
    ref = cloud.make()
    cloud.site.settings["issue_write_limits"] = [[1, 30]]
    cloud.connector.update(TicketChange(ref, "k", {"summary": "one"}))
    with pytest.raises(TemporaryError) as limited:
        cloud.connector.update(TicketChange(ref, "k", {"summary": "two"}))
    assert limited.value.reason == "jira-per-issue-on-write"
    assert limited.value.retry_after_s is not None


# Feeds


def poll(desk: Desk, cursor: str | None, feed: str = "issues") -> tuple[list[str], str]:
    ids, more = [], True
    while more:
        page = desk.connector.changes(feed, cursor, begin=begin(desk))
        ids += [hint.ref.id for hint in page.hints]
        cursor, more = page.cursor, page.more
    assert cursor is not None
    return ids, cursor


def test_a_poll_with_nothing_new_is_one_request_however_much_changed_lately(desk: Desk) -> None:
    refs = [desk.make() for _ in range(150)]
    ids, cursor = poll(desk, None)
    assert sorted(ids) == sorted(ref.id for ref in refs)
    desk.sandbox.clear_log()
    ids, cursor = poll(desk, cursor)
    assert (ids, len(desk.sandbox.log)) == ([], 1)
    desk.act("PUT", f"/issue/{refs[7].id}", {"fields": {"summary": "changed"}})
    desk.sandbox.clear_log()
    assert poll(desk, cursor)[0] == [refs[7].id]
    assert len(desk.sandbox.log) == 1


def test_a_hint_tells_the_version_it_saw(desk: Desk) -> None:
    ref = desk.make()
    page = desk.connector.changes("issues", None, begin=begin(desk))
    assert page.hints[0].version_at == desk.read(ref).version.at
    assert page.settled_through is not None
    assert desk.sandbox.world.now() - page.settled_through >= timedelta(minutes=10)


def test_what_the_index_shows_late_is_not_lost(desk: Desk) -> None:
    desk.site.settings["index_lag_s"] = 120
    _, cursor = poll(desk, None)
    ref = desk.make()
    ids, cursor = poll(desk, cursor)
    assert ids == []
    desk.sandbox.world.advance(121)
    assert poll(desk, cursor)[0] == [ref.id]


def test_a_site_whose_clock_leapt_ahead_loses_nothing(desk: Desk) -> None:
    _, cursor = poll(desk, None)
    ref = desk.make()
    desk.sandbox.world.advance(3 * 86400)
    assert poll(desk, cursor)[0] == [ref.id]


def test_changes_of_other_projects_are_not_shown(desk: Desk) -> None:
    narrow = desk.connect(SiteMemory(), scopes=({"project": "CORE", "type": "Bug"},))
    desk.make()
    assert narrow.changes("issues", None, begin=begin(desk)).hints == ()
    assert [feed.name for feed in narrow.feeds()] == ["issues", "versions:CORE"]
    narrow.close()


def test_an_expired_page_token_begins_the_round_anew(cloud: Desk) -> None:
    ref = cloud.make()
    _, cursor = poll(cloud, None)
    place = json.loads(cursor) | {"jql": "project = ACME AND updated >= -5m", "token": "expired", "seen": {}}
    assert poll(cloud, json.dumps(place))[0] == [ref.id]


def test_a_released_version_names_the_issues_it_fixes(desk: Desk) -> None:
    old = desk.act("POST", "/version", {"name": "0.9", "project": "ACME", "released": True})["id"]
    new = desk.act("POST", "/version", {"name": "1.0", "project": "ACME"})["id"]
    desk.make(fixVersions=[{"id": old}])
    ref = desk.make(fixVersions=[{"id": new}])
    ids, cursor = poll(desk, None, "versions:ACME")
    assert ids == []
    desk.act("PUT", f"/version/{new}", {"released": True})
    ids, cursor = poll(desk, cursor, "versions:ACME")
    assert ids == [ref.id]
    desk.sandbox.clear_log()
    assert poll(desk, cursor, "versions:ACME")[0] == []
    assert len(desk.sandbox.log) == 1


# History


def test_facts_tell_who_changed_what_and_when(desk: Desk) -> None:
    ref = desk.connector.create(draft(Severity="S3", labels=["red"])).ref
    desk.act("PUT", f"/issue/{ref.id}", {"fields": {"customfield_10010": {"value": "S1"}}})
    desk.move(ref, "In Progress", "Done")
    comment = desk.act("POST", f"/issue/{ref.id}/comment", {"body": desk.body("done")})["id"]
    page = desk.connector.history(None, begin=begin(desk))
    told = [(fact.kind, fact.field, fact.old, fact.new, fact.actor.ours) for fact in page.facts]
    assert told[0] == ("created", "", None, None, True)
    assert ("field", "Severity", "S3", "S1", False) in told
    assert ("field", "status", "To Do", "In Progress", False) in told
    assert ("field", "status", "In Progress", "Done", False) in told
    assert ("field", "resolution", None, "Fixed", False) in told
    assert told[-1] == ("comment", "", None, comment, False)
    assert [fact.at for fact in page.facts] == sorted(fact.at for fact in page.facts)
    desk.sandbox.clear_log()
    quiet = desk.connector.history(page.cursor, begin=begin(desk))
    assert (quiet.facts, quiet.more, len(desk.sandbox.log)) == ((), False, 1)


def test_a_long_history_is_read_whole(cloud: Desk) -> None:
    ref = cloud.make()
    for number in range(120):
        cloud.act("PUT", f"/issue/{ref.id}", {"fields": {"summary": f"number {number}"}})
    page = cloud.connector.history(None, begin=begin(cloud))
    assert len([fact for fact in page.facts if fact.field == "summary"]) == 120


def test_a_backlog_of_history_comes_in_pages(desk: Desk) -> None:
    refs = [desk.make() for _ in range(150)]
    page = desk.connector.history(None, begin=begin(desk))
    assert page.more
    assert page.settled_through is None
    rest = desk.connector.history(page.cursor, begin=begin(desk))
    assert not rest.more
    assert {fact.ref for fact in (*page.facts, *rest.facts)} == set(refs)


# What is sent


def test_a_login_page_in_jira_s_place_is_no_answer(cloud: Desk) -> None:
    import responses

    ref = cloud.make()
    cloud.warm()
    with responses.RequestsMock() as odd:
        page = {"body": "<html>Log in</html>", "content_type": "text/html"}
        odd.add(responses.POST, f"{cloud.sandbox.urls[SITE]}/rest/api/3/issue/bulkfetch", **page)
        odd.add(responses.POST, f"{cloud.sandbox.urls[SITE]}/rest/api/3/issue", **page)
        with pytest.raises(TemporaryError):
            cloud.connector.fetch([ref], threads=False)
        with pytest.raises(UnknownOutcomeError):
            cloud.connector.create(draft())


@pytest.mark.skipif(not (SPECS / "jira-cloud-v3.json").exists(), reason="the vendor's API description is not here")
def test_all_that_is_sent_to_cloud_fits_atlassians_description(cloud: Desk) -> None:
    from openapi_core import Config, OpenAPI
    from openapi_core.contrib.requests import RequestsOpenAPIRequest

    raw = json.loads((SPECS / "jira-cloud-v3.json").read_text())
    raw.pop("security", None)
    for operations in raw["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    raw["servers"] = [{"url": cloud.sandbox.urls[SITE]}]
    # The description itself has a default outside its own enum; only requests are judged here.
    described = OpenAPI.from_dict(raw, config=Config(spec_validator_cls=None))
    sent: list[str] = []

    def check(response: requests.Response, *args: Any, **named: Any) -> None:
        described.validate_request(RequestsOpenAPIRequest(response.request))
        sent.append(str(response.request.path_url.split("?")[0]))

    connector = cloud.connector
    connector._client.jira._session.hooks["response"].append(check)
    ref = connector.create(draft(Severity="S1", labels=["red"])).ref
    connector.update(TicketChange(ref, "k", {"labels": ["blue"], "Severity": "S2"}, prior={"labels": ["red"]}))
    connector.update(TicketChange(ref, "k", {"status": "In Test"}))
    connector.comment(ref, "k", remark(visibility=Visibility.INTERNAL))
    cloud.read(ref)
    probe = Probe(OperationKind.COMMENT, remark("x").marker, ref=ref, sent_at=begin(cloud))
    connector.find(probe)
    sent_at = cloud.sandbox.world.now()
    connector.find(Probe(OperationKind.CREATE, marker("create", "x"), scope=SCOPE, after_key="ACME-1", sent_at=sent_at))
    cursor = connector.changes("versions:ACME", None, begin=begin(cloud)).cursor
    version = cloud.act("POST", "/version", {"name": "1.0", "project": "ACME", "released": True})["id"]
    connector.changes("versions:ACME", cursor, begin=begin(cloud))
    connector.history(connector.changes("issues", None, begin=begin(cloud)).cursor, begin=begin(cloud))
    connector.update(TicketChange(ref, "k", {"reporter": "lead@vendor.example", "Fix versions": ["1.0"]}))
    assert version
    assert len(set(sent)) >= 12


# Without a network


def test_normalise_says_what_the_site_keeps(desk: Desk) -> None:
    normalise = desk.connector.normalise
    assert normalise("summary", "  two\nlines ") == "two lines"
    assert len(normalise("summary", "x" * 300)) == 255
    assert normalise("labels", ["b", "a b", "a b", marker().label]) == ["a-b", "b"]
    assert normalise("Severity", "S1") == "S1"
    assert normalise("Workaround", from_plain("")) is None
    assert to_plain(normalise("Workaround", from_plain("plain *words*"))) == "plain *words*"


def test_a_webhook_names_the_issue_and_the_newest_stamp() -> None:
    from bridge_jira.webhook import read_hints

    issue = {"id": "10001", "key": "ACME-1", "fields": {"updated": "2026-03-02T10:00:00.000+0100"}}
    body: dict[str, Any] = {"webhookEvent": "jira:issue_updated", "issue": issue}
    hint = read_hints(SITE, json.dumps(body).encode())[0]
    assert hint.ref == TicketRef(SITE, "10001")
    assert hint.version_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    body |= {"webhookEvent": "comment_created", "comment": {"updated": "2026-03-02T10:05:00.000+0100"}}
    assert read_hints(SITE, json.dumps(body).encode())[0].version_at == datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    body["webhookEvent"] = "jira:issue_deleted"
    assert read_hints(SITE, json.dumps(body).encode())[0].version_at is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"webhookEvent": "jira:version_released", "version": {}}'])
def test_a_webhook_without_an_issue_is_skipped(body: bytes) -> None:
    from bridge_jira.webhook import read_hints

    with pytest.raises(SkippableError):
        read_hints(SITE, body)
