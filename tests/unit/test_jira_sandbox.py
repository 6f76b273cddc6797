"""The simulated Jira: as strict as Jira, over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
import requests

from bridge.sandbox.jira.documents import is_document
from bridge.sandbox.server import Sandbox

CLOUD, CENTER = "cloud", "center"
SPECS = Path(os.environ.get("BRIDGE_SPECS", Path(__file__).parents[2] / ".." / "shared" / "specs"))


def adf(words: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": words}]}],
    }


class Caller:
    """Somebody who speaks to one of the two sites."""

    def __init__(self, sandbox: Sandbox, site: str, who: str = "bridge") -> None:
        self.cloud = site == CLOUD
        self.sandbox = sandbox
        self.base = sandbox.urls[site]
        self.session = requests.Session()
        self.session.trust_env = False
        if self.cloud:
            self.session.auth = (f"{who}@vendor.example", "sandbox")
        else:
            self.session.headers["Authorization"] = f"Bearer sandbox:{who}"

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        root = "" if path.startswith("/rest") else f"/rest/api/{3 if self.cloud else 2}"
        return self.session.request(method, self.base + root + path, json=body, **more)

    def text(self, words: str) -> Any:
        return adf(words) if self.cloud else words

    def create(self, project: str = "ACME", **fields: Any) -> str:
        given = {"project": {"key": project}, "issuetype": {"name": "Bug"}, "summary": "It fails", **fields}
        answer = self("POST", "/issue", {"fields": given})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def get(self, path: str, **params: Any) -> Any:
        answer = self("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def field(self, key: str, name: str) -> Any:
        return self.get(f"/issue/{key}")["fields"][name]

    def search(self, jql: str, **more: Any) -> list[str]:
        answer = self("POST", "/search/jql" if self.cloud else "/search", {"jql": jql, "fields": ["updated"], **more})
        assert answer.status_code == 200, answer.text
        return [issue["key"] for issue in answer.json()["issues"]]


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox({CLOUD: "jira-cloud", CENTER: "jira-datacenter"}) as sandbox:
        yield sandbox


@pytest.fixture(params=[CLOUD, CENTER])
def jira(request: pytest.FixtureRequest, world: Sandbox) -> Iterator[Caller]:
    caller = Caller(world, request.param)
    yield caller
    caller.session.close()


@pytest.fixture
def cloud(world: Sandbox) -> Iterator[Caller]:
    caller = Caller(world, CLOUD)
    yield caller
    caller.session.close()


def test_a_created_issue_has_a_key_of_its_project_and_jiras_defaults(jira: Caller) -> None:
    assert (jira.create(), jira.create(), jira.create("CORE")) == ("ACME-1", "ACME-2", "CORE-1")
    fields = jira.get("/issue/ACME-2")["fields"]
    assert (fields["status"]["name"], fields["priority"]["name"], fields["resolution"]) == ("To Do", "Medium", None)
    assert fields["creator"]["displayName"] == fields["reporter"]["displayName"] == "Vendor Bridge"
    assert fields["created"].endswith("+0000")
    assert fields["customfield_10011"] is None


@pytest.mark.parametrize(
    ("fields", "named", "message"),
    [
        ({"labels": ["two words"]}, "labels", "contains spaces"),
        ({"labels": "red"}, "labels", "not an array"),
        ({"summary": ""}, "summary", "must specify a summary"),
        ({"summary": "a" * 256}, "summary", "less than 255"),
        ({"summary": "two\nlines"}, "summary", "newline"),
        ({"priority": {"name": "Urgent"}}, "priority", "not valid"),
        ({"priority": "High"}, "priority", "Specify a valid"),
        ({"customfield_10010": {"value": "S9"}}, "customfield_10010", "not valid"),
        ({"customfield_10010": "S1"}, "customfield_10010", "Specify a valid"),
        ({"fixVersions": [{"name": "9.9"}]}, "fixVersions", "Version name '9.9' is not valid"),
        ({"status": {"name": "Done"}}, "status", "cannot be set"),
        ({"resolution": {"name": "Fixed"}}, "resolution", "cannot be set"),
        ({"customfield_99999": "x"}, "customfield_99999", "cannot be set"),
        ({"issuetype": {"name": "Epic"}}, "issuetype", "not valid"),
        ({"project": {"key": "NOPE"}}, "project", "valid project"),
        ({"description": 5}, "description", "Operation value must be"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_nothing_is_made(
    jira: Caller, fields: dict[str, Any], named: str, message: str
) -> None:
    given = {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "It fails", **fields}
    answer = jira("POST", "/issue", {"fields": given})
    assert answer.status_code == 400
    assert message in answer.json()["errors"][named]
    assert jira.search("project = ACME") == []


def test_each_deployment_takes_only_its_own_kind_of_text(jira: Caller) -> None:
    key = jira.create(description=jira.text("right"))
    wrong = "words" if jira.cloud else adf("words")
    for path, body in ((f"/issue/{key}/comment", {"body": wrong}), ("/issue", {"fields": {"description": wrong}})):
        assert jira("POST", path, body).status_code == 400
    assert jira("PUT", f"/issue/{key}", {"fields": {"customfield_10011": wrong}}).status_code == 400


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "loose"}],
        [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}],
        [{"type": "paragraph", "content": [{"type": "text", "text": "x", "marks": [{"type": "bold"}]}]}],
        [{"type": "bulletList", "content": []}],
        [{"type": "heading", "attrs": {"level": 7}, "content": []}],
        [{"type": "codeBlock", "content": [{"type": "hardBreak"}]}],
        [{"type": "paragraph", "content": [{"type": "mention", "attrs": {}}]}],
        [{"type": "panel", "attrs": {"panelType": "loud"}, "content": [{"type": "paragraph"}]}],
        [{"type": "marquee"}],
    ],
)
def test_a_broken_document_is_no_document(content: list[Any]) -> None:
    assert not is_document({"type": "doc", "version": 1, "content": content})


def test_the_create_body_takes_properties_and_update(jira: Caller) -> None:
    fields = {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "It fails"}
    body = {
        "fields": fields,
        "update": {"labels": [{"add": "red"}], "comment": [{"add": {"body": jira.text("first")}}]},
        "properties": [{"key": "bridge.marker", "value": {"a": 1}}],
    }
    key = jira("POST", "/issue", body).json()["key"]
    issue = jira.get(f"/issue/{key}", properties="bridge.marker")
    assert issue["properties"] == {"bridge.marker": {"a": 1}}
    assert issue["fields"]["labels"] == ["red"]
    assert issue["fields"]["comment"]["total"] == 1


def test_creating_in_bulk_makes_the_good_ones_and_names_the_others(jira: Caller) -> None:
    good = {"fields": {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "good"}}
    bad = {"fields": {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}}}
    answer = jira("POST", "/issue/bulk", {"issueUpdates": [good, bad, good]}).json()
    assert [issue["key"] for issue in answer["issues"]] == ["ACME-1", "ACME-2"]
    assert [error["failedElementNumber"] for error in answer["errors"]] == [1]


def test_editing_sets_adds_and_removes_and_writes_the_history(jira: Caller) -> None:
    key = jira.create(labels=["red", "blue"])
    before = jira.field(key, "updated")
    body = {
        "fields": {"customfield_10010": {"value": "S2"}, "customfield_10012": jira.text("turn it off")},
        "update": {"labels": [{"remove": "red"}, {"add": "green"}]},
    }
    assert jira("PUT", f"/issue/{key}", body).status_code == 204
    fields = jira.get(f"/issue/{key}")["fields"]
    assert (fields["labels"], fields["customfield_10010"]["value"]) == (["blue", "green"], "S2")
    assert fields["customfield_10012"] == jira.text("turn it off")
    assert fields["updated"] > before
    newest = jira.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"][0]
    told = {item["field"]: (item["fromString"], item["toString"]) for item in newest["items"]}
    assert told["Severity"] == (None, "S2")
    assert told["labels"] == ("blue red", "blue green")
    assert told["Workaround"] == (None, "turn it off")


def test_a_field_in_both_fields_and_update_is_refused(jira: Caller) -> None:
    key = jira.create()
    body = {"fields": {"labels": []}, "update": {"labels": [{"add": "x"}]}}
    assert "both" in jira("PUT", f"/issue/{key}", body).json()["errors"]["labels"]


def test_a_hidden_field_is_neither_shown_nor_taken(world: Sandbox, jira: Caller) -> None:
    key = jira.create(customfield_10010={"value": "S1"})
    for site in world.sites.values():
        site.settings["hidden_fields"] = ["customfield_10010"]
    assert "customfield_10010" not in jira.get(f"/issue/{key}")["fields"]
    refused = jira("PUT", f"/issue/{key}", {"fields": {"customfield_10010": {"value": "S2"}}})
    assert "cannot be set" in refused.json()["errors"]["customfield_10010"]


def test_a_deleted_issue_is_gone_and_its_number_is_never_used_again(jira: Caller) -> None:
    key = jira.create()
    assert jira("DELETE", f"/issue/{key}").status_code == 204
    missing = jira("GET", f"/issue/{key}")
    assert missing.status_code == 404
    assert "does not exist" in missing.json()["errorMessages"][0]
    assert jira.create() == "ACME-2"


def test_bulk_fetch_leaves_out_what_is_missing(cloud: Caller) -> None:
    keys = [cloud.create(), cloud.create()]
    body = {"issueIdsOrKeys": [*keys, "ACME-77"], "fields": ["summary"]}
    answer = cloud("POST", "/issue/bulkfetch", body).json()
    assert [issue["key"] for issue in answer["issues"]] == keys
    assert answer["issues"][0]["fields"] == {"summary": "It fails"}
    assert answer["issueErrors"] == []
    assert cloud("POST", "/issue/bulkfetch", {"issueIdsOrKeys": ["1"] * 101}).status_code == 400


def test_cloud_and_data_center_have_their_own_search(world: Sandbox) -> None:
    cloud, center = Caller(world, CLOUD), Caller(world, CENTER)
    assert cloud("GET", "/search", params={"jql": "project = ACME"}).status_code == 410
    assert cloud("POST", "/search/jql", {"jql": "ORDER BY updated"}).status_code == 400
    assert center("GET", "/search/jql", params={"jql": "project = ACME"}).status_code == 404
    assert center("POST", "/issue/bulkfetch", {"issueIdsOrKeys": ["1"]}).status_code == 405
    assert center("GET", "/search", params={"jql": ""}).status_code == 200
    assert cloud("GET", "/rest/api/2/myself").status_code == 404
    for caller in (cloud, center):
        caller.session.close()


def test_page_tokens_lead_through_a_search_and_belong_to_it(cloud: Caller) -> None:
    keys = [cloud.create() for _ in range(5)]
    jql = "project = ACME ORDER BY key ASC"
    found, token = [], None
    while True:
        page = cloud("POST", "/search/jql", {"jql": jql, "maxResults": 2, "fields": ["key"], "nextPageToken": token})
        found += [issue["key"] for issue in page.json()["issues"]]
        token = page.json().get("nextPageToken")
        if page.json()["isLast"]:
            break
    assert found == keys
    first = cloud("POST", "/search/jql", {"jql": jql, "maxResults": 2}).json()
    other = {"jql": "project = CORE", "nextPageToken": first["nextPageToken"]}
    assert cloud("POST", "/search/jql", other).status_code == 400
    assert set(first["issues"][0]) >= {"id"}
    assert "fields" not in first["issues"][0]


def test_pages_are_large_only_when_little_is_asked_for(cloud: Caller) -> None:
    for _ in range(3):
        bodies = [{"fields": {"project": {"key": "ACME"}, "issuetype": {"name": "Bug"}, "summary": "s"}}] * 40
        assert cloud("POST", "/issue/bulk", {"issueUpdates": bodies}).status_code == 201
    light = {"jql": "project = ACME", "maxResults": 5000, "fields": ["updated"]}
    assert len(cloud("POST", "/search/jql", light).json()["issues"]) == 120
    heavy = {"jql": "project = ACME", "maxResults": 5000, "fields": ["summary"]}
    assert len(cloud("POST", "/search/jql", heavy).json()["issues"]) == 100


def test_a_value_that_does_not_exist_is_refused_unless_validation_is_off(world: Sandbox) -> None:
    center = Caller(world, CENTER)
    key = center.create()
    ident = center.get(f"/issue/{key}")["id"]
    jql = f"id in ({ident}, 99999)"
    assert "99999" in center("POST", "/search", {"jql": jql}).json()["errorMessages"][0]
    assert center.search(jql, validateQuery=False) == [key]
    center.session.close()


def test_a_lagging_index_shows_issues_as_they_were(world: Sandbox, jira: Caller) -> None:
    for site in world.sites.values():
        site.settings["index_lag_s"] = 60
    key = jira.create(labels=["old"])
    assert jira.search("project = ACME") == []
    world.world.advance(61)
    assert jira.search("labels = old") == [key]
    jira("PUT", f"/issue/{key}", {"fields": {"labels": ["new"]}})
    assert (jira.search("labels = new"), jira.search("labels = old")) == ([], [key])
    if jira.cloud:
        ident = int(jira.get(f"/issue/{key}")["id"])
        assert jira.search("labels = new", reconcileIssues=[ident]) == [key]
    world.world.advance(61)
    assert jira.search("labels = new") == [key]
    jira("DELETE", f"/issue/{key}")
    assert jira.search("labels = new") == [key]
    world.world.advance(61)
    assert jira.search("labels = new") == []


def transition(jira: Caller, key: str, status: str, **fields: Any) -> requests.Response:
    offered = jira.get(f"/issue/{key}/transitions")["transitions"]
    found = next(one for one in offered if one["to"]["name"] == status)
    return jira("POST", f"/issue/{key}/transitions", {"transition": {"id": found["id"]}, "fields": fields})


def test_the_workflow_offers_only_some_ways_and_done_asks_for_a_resolution(jira: Caller) -> None:
    key = jira.create()
    offered = {one["to"]["name"] for one in jira.get(f"/issue/{key}/transitions")["transitions"]}
    assert offered == {"Selected", "In Progress"}
    assert jira("POST", f"/issue/{key}/transitions", {"transition": {"id": "71"}}).status_code == 400
    assert transition(jira, key, "In Progress").status_code == 204
    finish = next(
        one
        for one in jira.get(f"/issue/{key}/transitions", expand="transitions.fields")["transitions"]
        if one["to"]["name"] == "Done"
    )
    assert finish["fields"]["resolution"]["required"] is True
    assert "resolution" in transition(jira, key, "Done").json()["errors"]
    refused = transition(jira, key, "Done", resolution={"name": "Fixed"}, summary="not on this screen")
    assert "cannot be set" in refused.json()["errors"]["summary"]
    assert transition(jira, key, "Done", resolution={"name": "Fixed"}).status_code == 204
    assert jira.field(key, "resolution")["name"] == "Fixed"
    assert jira.field(key, "resolutiondate") is not None
    assert transition(jira, key, "In Progress").status_code == 204
    assert jira.field(key, "resolution") is None


def test_a_transition_id_may_be_a_number(jira: Caller) -> None:
    key = jira.create()
    assert jira("POST", f"/issue/{key}/transitions", {"transition": {"id": 21}}).status_code == 204
    assert jira.field(key, "status")["name"] == "In Progress"


def test_comments_keep_visibility_properties_and_order(jira: Caller) -> None:
    key = jira.create()
    before = jira.field(key, "updated")
    body = {"body": jira.text("one"), "properties": [{"key": "sd.public.comment", "value": {"internal": True}}]}
    first = jira("POST", f"/issue/{key}/comment", body)
    assert first.status_code == 201
    assert first.json().get("jsdPublic", False) is False
    restricted = {"body": jira.text("two"), "visibility": {"type": "role", "value": "Developers"}}
    second = jira("POST", f"/issue/{key}/comment", restricted).json()
    assert second["visibility"]["value"] == "Developers"
    assert jira.field(key, "updated") > before
    listed = jira.get(f"/issue/{key}/comment", orderBy="-created", maxResults=1)
    assert (listed["total"], [one["id"] for one in listed["comments"]]) == (2, [second["id"]])
    ident = first.json()["id"]
    assert jira.get(f"/comment/{ident}/properties/sd.public.comment")["value"] == {"internal": True}
    assert jira("PUT", f"/comment/{ident}/properties/mine", 5).status_code == 201
    if jira.cloud:
        shown = jira("POST", "/comment/list", {"ids": [int(ident)]}, params={"expand": "properties"}).json()["values"]
        assert {one["key"]: one["value"] for one in shown[0]["properties"]}["mine"] == 5
    edited = jira("PUT", f"/issue/{key}/comment/{ident}", {"body": jira.text("one, mended")}).json()
    assert edited["updated"] > edited["created"]
    assert jira("DELETE", f"/issue/{key}/comment/{ident}").status_code == 204
    assert jira("GET", f"/issue/{key}/comment/{ident}").status_code == 404


def test_an_empty_comment_is_refused(jira: Caller) -> None:
    key = jira.create()
    empty = {"type": "doc", "version": 1, "content": []} if jira.cloud else ""
    assert "comment" in jira("POST", f"/issue/{key}/comment", {"body": empty}).json()["errors"]


def test_a_released_version_changes_no_issue(jira: Caller) -> None:
    version = jira("POST", "/version", {"name": "1.0", "project": "ACME"}).json()
    key = jira.create(fixVersions=[{"name": "1.0"}])
    before = jira.field(key, "updated")
    assert jira("PUT", f"/version/{version['id']}", {"released": True}).json()["released"] is True
    assert jira.field(key, "updated") == before
    assert jira.field(key, "fixVersions")[0]["released"] is True
    assert jira.search(f"fixVersion in ({version['id']})") == [key]
    assert jira("POST", "/version", {"name": "1.0", "project": "ACME"}).status_code == 400
    assert [one["name"] for one in jira.get("/project/ACME/versions")] == ["1.0"]


def test_a_remote_link_of_the_same_global_id_is_replaced(jira: Caller) -> None:
    key = jira.create()
    link = {"globalId": "desk/1", "object": {"url": "https://desk.example/1", "title": "Ticket 1"}}
    assert jira("POST", f"/issue/{key}/remotelink", link).status_code == 201
    link["object"] = {"url": "https://desk.example/1", "title": "Ticket one"}
    assert jira("POST", f"/issue/{key}/remotelink", link).status_code == 200
    assert [one["object"]["title"] for one in jira.get(f"/issue/{key}/remotelink")] == ["Ticket one"]
    assert jira("DELETE", f"/issue/{key}/remotelink").status_code == 400
    assert jira("DELETE", f"/issue/{key}/remotelink?globalId=desk%2F2").status_code == 404
    assert jira("DELETE", f"/issue/{key}/remotelink?globalId=desk%2F1").status_code == 204
    assert jira.get(f"/issue/{key}/remotelink") == []


def test_remote_links_need_a_permission(jira: Caller) -> None:
    key = jira.create()
    jira.sandbox.sites[CLOUD if jira.cloud else CENTER].settings["denied_permissions"] = ["LINK_ISSUES"]
    link = {"globalId": "desk/1", "object": {"url": "https://desk.example/1", "title": "Ticket 1"}}
    assert jira("POST", f"/issue/{key}/remotelink", link).status_code == 403


def test_a_file_is_attached_only_with_the_token_header(jira: Caller) -> None:
    key = jira.create()
    path = f"/issue/{key}/attachments"
    assert jira("POST", path, files={"file": ("a.txt", b"abc")}).status_code == 403
    made = jira("POST", path, files={"file": ("a.txt", b"abc")}, headers={"X-Atlassian-Token": "no-check"})
    assert made.json()[0]["size"] == 3
    assert jira("GET", f"/attachment/content/{made.json()[0]['id']}").content == b"abc"
    assert jira.field(key, "attachment")[0]["filename"] == "a.txt"


def test_work_is_logged(jira: Caller) -> None:
    key = jira.create()
    made = jira("POST", f"/issue/{key}/worklog", {"timeSpent": "1h 30m", "comment": jira.text("looked")})
    assert made.json()["timeSpentSeconds"] == 5400
    assert jira.get(f"/issue/{key}/worklog")["total"] == 1


def test_metadata_names_the_fields_and_screens(jira: Caller) -> None:
    names = {field["id"]: field["name"] for field in jira.get("/field")}
    assert names["customfield_10010"] == "Severity"
    assert names["fixVersions"] == ("Fix versions" if jira.cloud else "Fix Version/s")
    key = jira.create()
    assert "status" not in jira.get(f"/issue/{key}/editmeta")["fields"]
    kind = next(one["id"] for one in jira.get("/issuetype") if one["name"] == "Bug")
    listed = jira.get(f"/issue/createmeta/ACME/issuetypes/{kind}", maxResults=200)
    fields = {one["fieldId"]: one for one in listed["fields" if jira.cloud else "values"]}
    assert fields["summary"]["required"] is True
    assert [one["value"] for one in fields["customfield_10010"]["allowedValues"]] == ["S1", "S2", "S3", "S4"]
    assert jira.get("/serverInfo")["deploymentType"] == ("Cloud" if jira.cloud else "Server")
    assert jira.get("/mypermissions", permissions="BROWSE_PROJECTS")["permissions"]["BROWSE_PROJECTS"]["havePermission"]
    me = jira.get("/myself")
    assert me["timeZone"] == "Europe/Berlin"
    assert ("accountId" in me) is jira.cloud
    asked = {"query" if jira.cloud else "username": "engineer@vendor.example"}
    assert [one["displayName"] for one in jira.get("/user/search", **asked)] == ["Support Engineer"]


def test_nobody_gets_in_without_a_known_account_and_token(world: Sandbox) -> None:
    for site, header in ((CLOUD, "Bearer sandbox"), (CENTER, "Basic YnJpZGdl"), (CENTER, "Bearer wrong")):
        url = f"{world.urls[site]}/rest/api/{3 if site == CLOUD else 2}/myself"
        assert requests.get(url, headers={"Authorization": header}, timeout=5).status_code == 401
    assert world.log[-1]["status"] == 401


def test_writes_to_one_issue_are_limited_when_the_settings_ask(world: Sandbox, cloud: Caller) -> None:
    key = cloud.create()
    world.sites[CLOUD].settings["issue_write_limits"] = [[2, 30]]
    for _ in range(2):
        assert cloud("PUT", f"/issue/{key}", {"fields": {"summary": "x"}}).status_code == 204
    limited = cloud("PUT", f"/issue/{key}", {"fields": {"summary": "x"}})
    assert limited.status_code == 429
    assert limited.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert int(limited.headers["Retry-After"]) >= 1
    assert cloud.create() == "ACME-2"
    world.world.advance(31)
    assert cloud("PUT", f"/issue/{key}", {"fields": {"summary": "x"}}).status_code == 204


def test_bursts_are_limited_when_the_settings_ask(world: Sandbox, cloud: Caller) -> None:
    world.sites[CLOUD].settings["burst_limits"] = {"GET": 1}
    world.world.advance(2)
    answers = [cloud("GET", "/myself") for _ in range(3)]
    assert 429 in [answer.status_code for answer in answers]
    assert any(answer.headers.get("RateLimit-Reason") == "jira-burst-based" for answer in answers)


class Inbox(BaseHTTPRequestHandler):
    """Keeps what was posted to it."""

    received: ClassVar[list[tuple[dict[str, str], bytes]]]
    arrived: ClassVar[Event]
    wanted: ClassVar[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()
        if len(self.received) >= self.wanted:
            self.arrived.set()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def inbox() -> Iterator[Callable[[int], tuple[str, type[Inbox]]]]:
    servers: list[HTTPServer] = []

    def open_inbox(wanted: int) -> tuple[str, type[Inbox]]:
        handler = type("OneInbox", (Inbox,), {"received": [], "arrived": Event(), "wanted": wanted})
        server = HTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/hook", handler

    yield open_inbox
    for server in servers:
        server.shutdown()
        server.server_close()


def test_webhooks_tell_of_issues_and_comments_signed(
    cloud: Caller, inbox: Callable[[int], tuple[str, type[Inbox]]]
) -> None:
    url, box = inbox(3)
    hook = {"name": "bridge", "url": url, "secret": "s3cret", "events": []}
    made = cloud("POST", "/rest/webhooks/1.0/webhook", hook)
    assert made.status_code == 201
    assert "secret" not in made.json()
    key = cloud.create()
    cloud("PUT", f"/issue/{key}", {"fields": {"summary": "changed"}})
    cloud("POST", f"/issue/{key}/comment", {"body": adf("hello")})
    assert box.arrived.wait(10)
    events = set()
    for headers, body in box.received:
        mac = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature"] == f"sha256={mac}"
        assert headers["X-Atlassian-Webhook-Identifier"]
        payload = json.loads(body)
        events.add(payload["webhookEvent"])
        assert payload["issue"]["key"] == key
    assert events == {"jira:issue_created", "jira:issue_updated", "comment_created"}


def test_only_an_administrator_registers_webhooks(world: Sandbox) -> None:
    engineer = Caller(world, CLOUD, "engineer")
    hook = {"name": "x", "url": "http://127.0.0.1:9/hook", "events": []}
    assert engineer("POST", "/rest/webhooks/1.0/webhook", hook).status_code == 403
    engineer.session.close()


def test_projects_users_and_workflow_can_be_given() -> None:
    settings = {
        "projects": ["SHOP"],
        "users": [{"email": "tester@vendor.example", "name": "Tester", "timeZone": "Asia/Tokyo"}],
        "workflow": {
            "statuses": {"Open": "new", "Shut": "done"},
            "transitions": [{"id": "1", "name": "Shut", "from": ["*"], "to": "Shut"}],
        },
    }
    with Sandbox({CLOUD: "jira-cloud"}, settings={CLOUD: settings}) as sandbox:
        tester = Caller(sandbox, CLOUD, "tester")
        key = tester.create("SHOP")
        assert tester.get("/myself")["timeZone"] == "Asia/Tokyo"
        assert transition(tester, key, "Shut").status_code == 204
        tester.session.close()


@pytest.mark.skipif(not (SPECS / "jira-cloud-v3.json").exists(), reason="the vendor's API description is not here")
def test_what_cloud_accepts_here_fits_atlassians_description(cloud: Caller) -> None:
    from openapi_core import Config, OpenAPI
    from openapi_core.contrib.requests import RequestsOpenAPIRequest

    raw = json.loads((SPECS / "jira-cloud-v3.json").read_text())
    raw.pop("security", None)
    for operations in raw["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    raw["servers"] = [{"url": cloud.base}]
    # The description itself has a default outside its own enum; only requests are judged here.
    described = OpenAPI.from_dict(raw, config=Config(spec_validator_cls=None))
    sent: list[requests.PreparedRequest] = []

    def check(response: requests.Response, *args: Any, **named: Any) -> None:
        if response.status_code < 400:
            described.validate_request(RequestsOpenAPIRequest(response.request))
            sent.append(response.request)

    cloud.session.hooks["response"].append(check)
    key = cloud.create(labels=["red"], description=adf("words"))
    cloud("PUT", f"/issue/{key}", {"update": {"labels": [{"add": "x"}]}})
    cloud("POST", f"/issue/{key}/comment", {"body": adf("hello"), "properties": [{"key": "a", "value": 1}]})
    cloud("POST", "/issue/bulkfetch", {"issueIdsOrKeys": [key], "fields": ["summary"], "properties": ["a"]})
    cloud("POST", "/search/jql", {"jql": "project = ACME", "fields": ["updated"], "maxResults": 10})
    cloud("POST", "/comment/list", {"ids": [10001]}, params={"expand": "properties"})
    cloud("POST", f"/issue/{key}/transitions", {"transition": {"id": "21"}})
    cloud("GET", f"/issue/{key}/transitions", params={"expand": "transitions.fields"})
    cloud("PUT", f"/issue/{key}/properties/bridge.marker", {"a": 1})
    cloud("POST", "/version", {"name": "1.0", "projectId": 10000})
    cloud("GET", "/issue/createmeta/ACME/issuetypes")
    cloud("GET", "/project/ACME/versions")
    assert len(sent) == 12
