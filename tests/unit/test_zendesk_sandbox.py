"""The simulated Zendesk: as strict as the real one, in its own words, over real HTTP on loopback."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest

from bridge.connect.port import SiteSettings
from bridge.connect.wire import Wire
from bridge.model.document import from_plain
from bridge.model.marker import Marker
from bridge.model.operation import CommentDraft, OperationKind, Probe, TicketChange, TicketDraft
from bridge.model.ticket import Person
from bridge.model.words import Audience, HeldBy, Visibility
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zendesk import ZendeskSite
from bridge.text.marker import sign
from bridge_zendesk import KIND
from bridge_zendesk.config import ZendeskLogin

AGENT, ADMIN = "agent@acme-desk.example", "admin@acme-desk.example"
USER, OTHER = "user@acme-desk.example", "user2@acme-desk.example"
SPEC = Path(os.environ.get("BRIDGE_SPECS", Path(__file__).parents[3] / "shared" / "specs")) / "zendesk-support.json"


class Account:
    """A simulated account and people who use it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        site = sandbox.sites["acme-desk"]
        assert isinstance(site, ZendeskSite)
        self.site = site

    def call(self, method: str, path: str, body: Any = None, *, who: str = AGENT, **more: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.sandbox.urls['acme-desk']}/api/v2/{path}"
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, json=body, auth=more.pop("auth", (f"{who}/token", "sandbox")), **more)

    def get(self, path: str, **more: Any) -> Any:
        answer = self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **ticket: Any) -> Any:
        ticket = {"subject": "Crash", "comment": {"body": "It crashes."}, "requester": {"email": USER}, **ticket}
        answer = self.call("POST", "tickets.json", {"ticket": ticket})
        assert answer.status_code == 201, answer.text
        return answer.json()["ticket"]

    def put(self, ticket: Any, **change: Any) -> requests.Response:
        return self.call("PUT", f"tickets/{ticket['id']}.json", {"ticket": change})

    def show(self, ticket: Any) -> Any:
        return self.get(f"tickets/{ticket['id']}.json")["ticket"]

    def group(self, name: str) -> int:
        return next(row["id"] for row in self.get("groups")["groups"] if row["name"] == name)


@pytest.fixture
def account() -> Iterator[Account]:
    with Sandbox({"acme-desk": "zendesk"}, seed=1) as sandbox:
        yield Account(sandbox)


def words(answer: requests.Response) -> str:
    """The vendor's complaints in a refusal."""
    details = answer.json().get("details", {})
    return "; ".join(row["description"] for rows in details.values() for row in rows)


# Who may ask


@pytest.mark.parametrize(
    "auth", [None, (f"{AGENT}/token", "wrong"), ("nobody@x.example/token", "sandbox"), (AGENT, "sandbox")]
)
def test_strangers_are_not_let_in(account: Account, auth: Any) -> None:
    answer = account.call("GET", "tickets.json", auth=auth)
    assert (answer.status_code, answer.json()) == (401, {"error": "Couldn't authenticate you"})


def test_configured_tokens_open_the_account_as_their_user(account: Account) -> None:
    account.site.settings["tokens"] = {"s3cret": AGENT}
    shown = account.call("GET", "users/me", auth=None, headers={"Authorization": "Bearer s3cret"}).json()
    assert shown["user"]["email"] == AGENT
    assert account.call("GET", "users/me", auth=(f"{ADMIN}/token", "s3cret")).json()["user"]["email"] == ADMIN


def test_an_unknown_path_is_an_invalid_endpoint(account: Account) -> None:
    answer = account.call("GET", "no/such/thing")
    assert (answer.status_code, answer.json()["error"]) == (404, "InvalidEndpoint")


def test_end_users_see_their_own_requests_and_public_words_only(account: Account) -> None:
    ticket = account.create()
    account.put(ticket, comment={"body": "Between us", "public": False})
    assert account.call("GET", "tickets.json", who=USER).status_code == 403
    assert account.call("GET", f"requests/{ticket['id']}", who=OTHER).status_code == 404
    shown = account.get(f"requests/{ticket['id']}/comments", who=USER)["comments"]
    assert [comment["plain_body"] for comment in shown] == ["It crashes."]
    reply = {"request": {"comment": {"body": "More", "public": False}}}
    assert account.call("PUT", f"requests/{ticket['id']}", reply, who=USER).status_code == 200
    said = account.get(f"tickets/{ticket['id']}/comments")["comments"][-1]
    assert (said["public"], said["plain_body"]) == (True, "More")


def test_suspended_people_are_refused_everywhere(account: Account) -> None:
    ticket = account.create()
    assert account.call("PUT", f"tickets/{ticket['id']}/mark_as_spam").status_code == 200
    assert account.call("GET", f"tickets/{ticket['id']}").status_code == 404
    assert account.call("GET", "requests", who=USER).status_code == 403
    answer = account.call("POST", "tickets", {"ticket": {"comment": {"body": "x"}, "requester": {"email": USER}}})
    assert answer.status_code == 422
    assert "suspended" in words(answer)
    agent = account.site.user("manager@acme-desk.example")
    agent["suspended"] = True
    mine = account.create(requester={"email": OTHER})
    assert "suspended" in words(account.put(mine, assignee_id=agent["id"]))


# Creating


def test_a_ticket_is_shown_with_nulls_and_second_precision(account: Account) -> None:
    ticket = account.create()
    assert ticket["priority"] is None
    assert ticket["assignee_id"] is None
    assert ticket["tags"] == []
    assert ticket["status"] == "new"
    assert ticket["organization_id"] == account.site.user(USER)["organization_id"]
    assert ticket["created_at"] == ticket["updated_at"]
    assert len(ticket["updated_at"]) == len("2026-01-01T00:00:00Z")
    assert ticket["via"] == {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
    assert not [key for key in ticket if key.startswith("_")]


def test_an_idempotency_key_replays_the_answer_for_two_hours(account: Account) -> None:
    body = {"ticket": {"subject": "Once", "comment": {"body": "x"}}}
    first, second = (account.call("POST", "tickets", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert [answer.headers["x-idempotency-lookup"] for answer in (first, second)] == ["miss", "hit"]
    assert first.json() == second.json()
    other = {"ticket": {"subject": "Twice", "comment": {"body": "x"}}}
    refused = account.call("POST", "tickets", other, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["error"]) == (400, "IdempotentRequestError")
    account.sandbox.world.advance(7201)
    late = account.call("POST", "tickets", body, headers={"Idempotency-Key": "k"})
    assert late.headers["x-idempotency-lookup"] == "miss"
    assert account.get("tickets")["count"] == 2


@pytest.mark.parametrize(
    ("ticket", "complaint"),
    [
        ({"subject": "No text"}, "Description: cannot be blank"),
        ({"comment": {"body": "x"}, "requester": {"name": "N", "email": "not an address"}}, "not properly formatted"),
        ({"comment": {"body": "x"}, "requester": {"email": "new@x.example"}}, "Name: is too short"),
        ({"comment": {"body": "x"}, "priority": "hot"}, "Priority"),
        ({"comment": {"body": "x"}, "status": "done"}, "Status"),
        ({"comment": {"body": "x"}, "group_id": 1}, "Group: is invalid"),
        ({"comment": {"body": "x" * 70_000}}, "too long"),
        ({"comment": {"body": "x"}, "via_followup_source_id": 1}, "follow-ups to closed"),
    ],
)
def test_a_create_that_breaks_a_rule_makes_nothing(account: Account, ticket: Any, complaint: str) -> None:
    answer = account.call("POST", "tickets", {"ticket": ticket})
    assert answer.status_code == 422
    assert complaint in words(answer)
    assert account.get("tickets")["count"] == 0


def test_html_is_kept_sanitised_and_told_as_plain_text_too(account: Account) -> None:
    ticket = account.create(comment={"html_body": "<p>One<br>two</p><script>bad()</script><ul><li>a</li></ul>"})
    comment = account.get(f"tickets/{ticket['id']}/comments")["comments"][0]
    assert "script" not in comment["html_body"]
    assert comment["html_body"].startswith('<div class="zd-comment"')
    assert comment["plain_body"] == ticket["description"] == "One\ntwo\n\na"


# Changing


def test_fields_and_comment_change_together_and_leave_one_audit(account: Account) -> None:
    ticket = account.create()
    answer = account.put(
        ticket, priority="high", comment={"body": "Noted", "public": False}, metadata={"key": "value"}
    ).json()
    assert answer["ticket"]["priority"] == "high"
    audit = account.get(f"tickets/{ticket['id']}/audits?sort=-created_at")["audits"][0]
    assert audit == answer["audit"]
    assert audit["metadata"]["custom"] == {"key": "value"}
    assert audit["author_id"] == account.site.user(AGENT)["id"]
    change = next(event for event in audit["events"] if event["type"] == "Change")
    assert (change["field_name"], change["previous_value"], change["value"]) == ("priority", None, "high")
    comment = next(event for event in audit["events"] if event["type"] == "Comment")
    assert (comment["public"], comment["plain_body"]) == (False, "Noted")


def test_a_refused_write_changes_nothing(account: Account) -> None:
    ticket = account.create()
    assert account.put(ticket, priority="high", status="wrong", comment={"body": "x"}).status_code == 422
    assert account.show(ticket) == ticket
    assert len(account.get(f"tickets/{ticket['id']}/comments")["comments"]) == 1


def test_a_write_that_changes_nothing_leaves_no_trace(account: Account) -> None:
    ticket = account.create(priority="high")
    account.sandbox.world.advance(10)
    assert account.put(ticket, priority="high").json()["audit"]["events"] == []
    assert account.show(ticket)["updated_at"] == ticket["updated_at"]
    assert len(account.get(f"tickets/{ticket['id']}/audits")["audits"]) == 1


def test_safe_update_refuses_a_ticket_that_moved(account: Account) -> None:
    ticket = account.create()
    account.sandbox.world.advance(2)
    guard = {"safe_update": True, "updated_stamp": ticket["updated_at"]}
    assert account.put(ticket, priority="low", **guard).status_code == 200
    answer = account.put(ticket, priority="high", **guard)
    assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")
    assert account.put(ticket, priority="high", safe_update=True).status_code == 400
    assert account.show(ticket)["priority"] == "low"


def test_a_closed_ticket_is_immutable(account: Account) -> None:
    ticket = account.create()
    account.put(ticket, status="closed")
    answer = account.put(ticket, status="open")
    assert answer.status_code == 422
    assert "closed prevents ticket update" in words(answer)


def test_states_follow_the_accounts_rules(account: Account) -> None:
    ticket = account.create()
    agent = account.site.user(AGENT)
    assert account.put(ticket, assignee_id=agent["id"]).json()["ticket"]["status"] == "open"
    assert account.show(ticket)["group_id"] == agent["default_group_id"]
    assert account.put(ticket, status="new").status_code == 422
    other = account.create()
    solved = account.put(other, status="solved").json()["ticket"]
    assert solved["assignee_id"] == agent["id"]
    reply = {"request": {"comment": {"body": "Still broken"}}}
    assert account.call("PUT", f"requests/{other['id']}", reply, who=USER).json()["request"]["status"] == "open"


def test_custom_statuses_and_status_move_together(account: Account) -> None:
    rows = {row["status_category"]: row["id"] for row in account.get("custom_statuses")["custom_statuses"]}
    ticket = account.create()
    assert ticket["custom_status_id"] == rows["new"]
    changed = account.put(ticket, custom_status_id=rows["pending"]).json()["ticket"]
    assert (changed["status"], changed["custom_status_id"]) == ("pending", rows["pending"])
    assert account.put(ticket, status="hold").json()["ticket"]["custom_status_id"] == rows["hold"]


def test_a_dropdowns_value_is_one_of_the_tickets_tags(account: Account) -> None:
    field = account.site.add_field("Severity", "tagger", ["S1", "S2"])
    ticket = account.create(custom_fields=[{"id": field["id"], "value": "s1"}], tags=["vip"])
    assert ticket["tags"] == ["s1", "vip"]
    changed = account.put(ticket, custom_fields=[{"id": field["id"], "value": "s2"}]).json()["ticket"]
    assert changed["tags"] == ["s2", "vip"]
    cleared = account.put(ticket, tags=["Other"]).json()["ticket"]
    assert (cleared["tags"], cleared["custom_fields"]) == (["other"], [{"id": field["id"], "value": None}])
    assert account.put(ticket, custom_fields=[{"id": field["id"], "value": "s9"}]).status_code == 422


def test_tags_are_added_and_removed_without_knowing_the_rest(account: Account) -> None:
    ticket = account.create(tags=["b", "a"])
    assert account.put(ticket, additional_tags=["C d"]).json()["ticket"]["tags"] == ["a", "b", "c", "d"]
    assert account.put(ticket, remove_tags=["a", "d"]).json()["ticket"]["tags"] == ["b", "c"]
    path = f"tickets/{ticket['id']}/tags"
    assert account.call("PUT", path, {"tags": ["x"]}).json() == {"tags": ["b", "c", "x"]}
    assert account.call("DELETE", path, {"tags": ["b"]}).json() == {"tags": ["c", "x"]}
    assert account.call("POST", path, {"tags": ["only"]}).json() == {"tags": ["only"]}


def test_follow_ups_come_from_closed_tickets_and_inherit(account: Account) -> None:
    source = account.create(tags=["old"])
    account.put(source, status="closed")
    after = account.create(via_followup_source_id=source["id"], requester=None)
    assert after["via"]["source"]["rel"] == "follow_up"
    assert after["via"]["source"]["from"]["ticket_id"] == source["id"]
    assert (after["tags"], after["requester_id"]) == (["old"], source["requester_id"])
    assert account.show(source)["followup_ids"] == [after["id"]]


def test_a_merge_closes_the_sources_into_the_target(account: Account) -> None:
    target, source = account.create(subject="Target"), account.create(subject="Source")
    job = account.call("POST", f"tickets/{target['id']}/merge", {"ids": [source["id"]]}).json()["job_status"]
    assert job["status"] == "queued"
    account.sandbox.world.settle()
    assert account.get(f"job_statuses/{job['id']}")["job_status"]["status"] == "completed"
    closed = account.show(source)
    assert (closed["status"], closed["tags"]) == ("closed", ["closed_by_merge"])
    note = account.get(f"tickets/{target['id']}/comments")["comments"][-1]
    assert f"#{source['id']}" in note["plain_body"]
    assert note["public"] is False


def test_a_comment_can_be_hidden_or_redacted_afterwards(account: Account) -> None:
    ticket = account.create(comment={"body": "My password is hunter2"})
    comment = account.get(f"tickets/{ticket['id']}/comments")["comments"][0]
    path = f"tickets/{ticket['id']}/comments/{comment['id']}"
    assert account.call("PUT", f"{path}/redact", {"text": "hunter2"}).status_code == 200
    assert account.call("PUT", f"{path}/make_private").status_code == 200
    changed = account.get(f"tickets/{ticket['id']}/comments")["comments"][0]
    assert "hunter2" not in json.dumps(changed)
    assert changed["public"] is False
    assert account.get(f"requests/{ticket['id']}/comments", who=USER)["comments"] == []


def test_a_deleted_ticket_is_gone_until_it_is_restored(account: Account) -> None:
    ticket = account.create(status="open")
    assert account.call("DELETE", f"tickets/{ticket['id']}").status_code == 204
    assert account.call("GET", f"tickets/{ticket['id']}").status_code == 404
    assert [row["id"] for row in account.get("deleted_tickets")["deleted_tickets"]] == [ticket["id"]]
    assert account.call("PUT", f"deleted_tickets/{ticket['id']}/restore").status_code == 200
    assert account.show(ticket)["status"] == "open"


def test_uploads_are_used_once_and_within_the_hour(account: Account) -> None:
    sent = account.call("POST", "uploads?filename=a.log", data=b"lines", headers={"Content-Type": "text/plain"})
    upload = sent.json()["upload"]
    late = account.call("POST", "uploads?filename=b.log", data=b"late").json()["upload"]
    ticket = account.create()
    changed = account.put(ticket, comment={"body": "See file", "uploads": [upload["token"]]})
    assert changed.status_code == 200
    again = account.put(ticket, comment={"body": "Again", "uploads": [upload["token"]]})
    assert again.status_code == 422
    account.sandbox.world.advance(3601)
    assert account.put(ticket, comment={"body": "Late", "uploads": [late["token"]]}).status_code == 422
    (file,) = account.get(f"tickets/{ticket['id']}/comments")["comments"][-1]["attachments"]
    assert account.call("GET", file["content_url"]).content == b"lines"


# Many at once


def test_many_creates_and_updates_report_item_by_item(account: Account) -> None:
    items = [{"subject": "A", "comment": {"body": "a"}}, {"subject": "No text"}]
    job = account.call("POST", "tickets/create_many.json", {"tickets": items}).json()["job_status"]
    account.sandbox.world.settle()
    done = account.get(f"job_statuses/{job['id']}.json")["job_status"]
    assert (done["progress"], done["total"]) == (2, 2)
    made, refused = done["results"]
    assert "Description" in refused["details"]
    changes = [{"id": made["id"], "priority": "low"}, {"id": 999, "priority": "low"}]
    job = account.call("PUT", "tickets/update_many.json", {"tickets": changes}).json()["job_status"]
    account.sandbox.world.settle()
    results = account.get(f"job_statuses/{job['id']}")["job_status"]["results"]
    assert [row["success"] for row in results] == [True, False]
    assert account.show(made)["priority"] == "low"


def test_more_than_a_hundred_are_too_many(account: Account) -> None:
    ids = ",".join(str(number) for number in range(101))
    answer = account.call("GET", f"tickets/show_many.json?ids={ids}")
    assert (answer.status_code, answer.json()["error"]) == (400, "TooManyValues")
    many = {"tickets": [{"subject": "x", "comment": {"body": "x"}}] * 101}
    assert account.call("POST", "tickets/create_many", many).status_code == 400


def test_lists_come_by_cursor_or_by_page_number(account: Account) -> None:
    ticket = account.create()
    for number in range(4):
        account.put(ticket, comment={"body": f"note {number}"})
    path = f"tickets/{ticket['id']}/comments"
    everything = [row["id"] for row in account.get(path)["comments"]]
    first = account.get(f"{path}?page[size]=2&include=users")
    assert {user["email"] for user in first["users"]} == {AGENT}
    second = account.get(first["links"]["next"])
    assert [row["id"] for row in first["comments"] + second["comments"]] == everything[:4]
    assert (first["meta"]["has_more"], second["meta"]["has_more"]) == (True, True)
    assert account.get(second["links"]["next"])["meta"]["has_more"] is False
    numbered = account.get(f"{path}?per_page=2&page=3")
    assert ([row["id"] for row in numbered["comments"]], numbered["next_page"]) == (everything[4:], None)
    newest = account.get(f"{path}?sort=-created_at&page[size]=1")["comments"][0]
    assert newest["id"] == everything[-1]


def test_people_are_found_by_address_and_by_id(account: Account) -> None:
    (found,) = account.get(f"users/search?query=email:{USER}")["users"]
    assert account.get(f"users/show_many?ids={found['id']}")["users"][0]["email"] == USER
    assert account.get("tickets?external_id=none")["tickets"] == []
    account.create(external_id="crm-7")
    assert [row["external_id"] for row in account.get("tickets?external_id=crm-7")["tickets"]] == ["crm-7"]


# Exports


def test_the_cursor_export_shows_every_ticket_once_a_change(account: Account) -> None:
    tickets = [account.create(subject=f"T{number}") for number in range(5)]
    account.put(tickets[0], priority="high")
    account.call("DELETE", f"tickets/{tickets[1]['id']}")
    path = "incremental/tickets/cursor.json"
    page = account.get(f"{path}?start_time=1&per_page=3&include=users,groups,organizations,comment_count")
    assert page["end_of_stream"] is False
    rest = account.get(f"{path}?cursor={page['after_cursor']}&per_page=3")
    rows = page["tickets"] + rest["tickets"]
    assert [row["id"] for row in rows] == [3, 4, 5, 1, 2]
    assert rows[-1]["status"] == "deleted"
    assert page["tickets"][0]["comment_count"] == 1
    assert USER in {user["email"] for user in page["users"]}
    assert rest["end_of_stream"] is True
    again = account.get(f"{path}?cursor={rest['after_cursor']}")
    assert (again["tickets"], again["after_cursor"]) == ([], rest["after_cursor"])
    account.put(tickets[2], priority="low")
    fresh = account.get(f"{path}?cursor={rest['after_cursor']}")
    assert [row["id"] for row in fresh["tickets"]] == [3]
    kept = account.get(f"{path}?start_time=1&exclude_deleted=true")
    assert 2 not in [row["id"] for row in kept["tickets"]]


def test_the_exports_leave_out_the_last_minute_where_set(account: Account) -> None:
    account.site.settings["excluded_s"] = 60
    account.create()
    assert account.get("incremental/tickets/cursor?start_time=1")["tickets"] == []
    assert account.get("incremental/ticket_events?start_time=1")["ticket_events"] == []
    now = int(account.sandbox.world.now().timestamp())
    assert account.call("GET", f"incremental/tickets/cursor?start_time={now - 5}").status_code == 422
    account.sandbox.world.advance(61)
    assert len(account.get("incremental/tickets/cursor?start_time=1")["tickets"]) == 1
    assert len(account.get("incremental/ticket_events?start_time=1")["ticket_events"]) == 1


def test_ticket_events_tell_changes_and_comments_in_time(account: Account) -> None:
    field = account.site.add_field("Severity", "tagger", ["S1"])
    ticket = account.create()
    account.sandbox.world.advance(2)
    change = {"custom_fields": [{"id": field["id"], "value": "s1"}], "comment": {"body": "Now", "public": False}}
    account.put(ticket, **change)
    page = account.get("incremental/ticket_events?start_time=1&per_page=1&include=comment_events")
    assert (page["count"], page["end_of_stream"]) == (1, False)
    account.sandbox.world.advance(2)
    rest = account.get(page["next_page"].replace("per_page=1&", ""))["ticket_events"]
    assert rest[0]["id"] == page["ticket_events"][0]["id"]
    children = rest[-1]["child_events"]
    comment = next(child for child in children if child["event_type"] == "Comment")
    assert (comment["comment_public"], comment["plain_body"]) == (False, "Now")
    custom = next(child for child in children if "custom_ticket_fields" in child)
    assert custom["custom_ticket_fields"] == {str(field["id"]): "s1"}
    tags = next(child for child in children if "tags" in child)
    assert tags["added_tags"] == ["s1"]


# What an account does by itself


def test_triggers_act_once_a_write_as_the_system(account: Account) -> None:
    account.site.add_field("Severity", "tagger", ["S1", "S2"])
    account.site.settings["triggers"] = [
        {"when": {"field": "group", "becomes": "Vendor 2nd line"}, "set": {"Severity": "s1", "additional_tags": ["x"]}},
        {"when": {"field": "Severity"}, "set": {"priority": "urgent", "comment": {"body": "We look", "public": True}}},
        {"when": {"field": "priority"}, "set": {"Severity": "s2"}},
    ]
    ticket = account.create()
    changed = account.put(ticket, group_id=account.group("Vendor 2nd line")).json()["ticket"]
    assert (changed["priority"], changed["tags"]) == ("urgent", ["s2", "x"])
    audits = account.get(f"tickets/{ticket['id']}/audits")["audits"]
    assert [audit["author_id"] for audit in audits[2:]] == [-1, -1, -1]
    assert {audit["via"]["channel"] for audit in audits[2:]} == {"rule"}
    assert account.get(f"tickets/{ticket['id']}/comments")["comments"][-1]["author_id"] == -1


def test_webhooks_are_an_admins_business_and_say_what_they_are(account: Account) -> None:
    hook = {
        "name": "bridge",
        "status": "active",
        "endpoint": "http://127.0.0.1:9/hook",
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": ["zen:event-type:ticket.created"],
    }
    assert account.call("POST", "webhooks", {"webhook": hook}).status_code == 403
    assert account.call("POST", "webhooks", {"webhook": {"name": "x"}}, who=ADMIN).status_code == 400
    made = account.call("POST", "webhooks", {"webhook": hook}, who=ADMIN).json()["webhook"]
    account.create()
    account.sandbox.world.settle()
    (delivery,) = account.sandbox.world.deliveries
    event = json.loads(delivery["body"])
    assert event["type"] == "zen:event-type:ticket.created"
    assert event["subject"] == "zen:ticket:1"
    assert event["detail"]["status"] == "NEW"
    path = f"webhooks/{made['id']}"
    assert account.call("PATCH", path, {"webhook": {"status": "inactive"}}, who=ADMIN).status_code == 204
    account.create()
    account.sandbox.world.settle()
    assert len(account.sandbox.world.deliveries) == 1
    assert account.call("DELETE", path, who=ADMIN).status_code == 204
    assert account.get("webhooks", who=ADMIN)["webhooks"] == []


# Limits, import, state


def test_the_accounts_rate_limit_is_told_and_kept(account: Account) -> None:
    account.site.settings["rate_per_minute"] = 2
    answers = [account.call("GET", "users/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[0].headers["X-Rate-Limit"], answers[0].headers["X-Rate-Limit-Remaining"]) == ("2", "1")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 61
    account.sandbox.world.advance(61)
    assert account.call("GET", "users/me").status_code == 200


@pytest.mark.parametrize(
    ("setting", "method", "path", "wait_s"),
    [
        ("update_per_minute", "PUT", "tickets/1", 60),
        ("ticket_updates_per_10_minutes", "PUT", "tickets/1", 600),
        ("incremental_per_minute", "GET", "incremental/tickets/cursor?start_time=1", 60),
    ],
)
def test_narrower_limits_count_by_themselves(
    account: Account, setting: str, method: str, path: str, wait_s: int
) -> None:
    account.create()
    account.site.settings[setting] = 1
    body = {"ticket": {"comment": {"body": "x"}}} if method == "PUT" else None
    assert account.call(method, path, body).status_code == 200
    limited = account.call(method, path, body)
    assert limited.status_code == 429
    assert wait_s - 5 <= int(limited.headers["Retry-After"]) <= wait_s + 1
    assert account.call("GET", "users/me").status_code == 200


def test_an_exported_ticket_is_loaded_with_its_own_times(account: Account) -> None:
    exported = {
        "id": 4711,
        "subject": "Old",
        "description": "From the old account",
        "status": "solved",
        "priority": "high",
        "tags": ["legacy"],
        "created_at": "2024-01-02T03:04:05Z",
        "updated_at": "2024-01-03T03:04:05Z",
        "requester_id": 77,
        "group_id": 88,
        "custom_fields": [{"id": 1, "value": "x"}],
        "users": [{"id": 77, "name": "Former User", "email": "former@acme-desk.example"}],
        "comments": [
            {"body": "From the old account", "author_id": 77, "created_at": "2024-01-02T03:04:05Z"},
            {"body": "Done", "public": False, "created_at": "2024-01-03T03:04:05Z"},
        ],
    }
    with account.sandbox.world.lock:
        account.site.import_ticket(exported)
    shown = account.get("tickets/4711")["ticket"]
    assert (shown["created_at"], shown["updated_at"]) == ("2024-01-02T03:04:05Z", "2024-01-03T03:04:05Z")
    assert (shown["requester_id"], shown["group_id"], shown["tags"]) == (77, None, ["legacy"])
    comments = account.get("tickets/4711/comments")["comments"]
    assert [(row["plain_body"], row["public"]) for row in comments] == [("From the old account", True), ("Done", False)]
    assert account.create()["id"] == 4712


def test_all_state_is_plain_json(account: Account) -> None:
    ticket = account.create()
    account.put(ticket, comment={"body": "x"})
    copy = json.loads(json.dumps(account.site.data))
    assert copy == account.site.data
    account.site.data = copy
    assert account.show(ticket)["id"] == ticket["id"]


# The vendor's own description


def _exercise(account: Account) -> None:
    field = account.site.add_field("Severity", "tagger", ["S1"])
    ticket = account.create(external_id="x", tags=["a"], custom_fields=[{"id": field["id"], "value": "s1"}])
    body = {"html_body": "<p>x</p>", "public": False}
    account.put(ticket, status="open", comment=body, safe_update=True, updated_stamp=ticket["updated_at"])
    agent = account.site.user(AGENT)
    account.put(ticket, assignee_id=agent["id"], group_id=account.group("Support"), subject="New")
    for path in ("tickets?external_id=x", "tickets/1", "tickets/show_many?ids=1", "tickets/1/comments?include=users"):
        account.get(path)
    for path in ("tickets/1/audits", "users/me", "users/search?query=user", "ticket_fields", "brands", "ticket_forms"):
        account.get(path)
    for path in ("groups", "organizations", "custom_statuses", "tickets/1/tags", "deleted_tickets"):
        account.get(path)
    account.get("incremental/tickets/cursor?start_time=1&include=users")
    account.get("incremental/ticket_events?start_time=1")
    account.call("POST", "tickets/create_many", {"tickets": [{"subject": "s", "comment": {"body": "b"}}]})
    account.sandbox.world.settle()
    account.call("PUT", "tickets/update_many?ids=1", {"ticket": {"priority": "low"}})
    account.call("POST", "tickets/1/merge", {"ids": [2]})
    account.sandbox.world.settle()
    account.call("POST", "requests", {"request": {"subject": "s", "comment": {"body": "b"}}}, who=USER)
    account.call("DELETE", "tickets/3")
    account.call("PUT", "deleted_tickets/3/restore")


class OpenLimiter:
    """Permits everything."""

    @contextmanager
    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> Iterator[None]:
        yield

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        pass


def _connect_and_work(account: Account) -> None:
    """The same through bridge's own connector, whose requests must be as the vendor describes them too."""
    url = account.sandbox.urls["acme-desk"]
    settings = SiteSettings(
        name="acme-desk",
        url=url,
        held_by=HeldBy.CUSTOMER,
        login=ZendeskLogin.model_validate({"email": "bridge@vendor.example", "token": "sandbox"}),
        native_fields=frozenset({"Severity", "brand", "form", "custom_status"}),
        scopes=({},),
        marker_key=b"key",
    )
    wire = Wire(site="acme-desk", url=url, limiter=OpenLimiter())
    desk = KIND.connect(settings, wire, KIND.shared(settings))
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    mark = sign(b"key", Marker("acme", "vendor-jira/1", "create"))
    fields = {"Severity": "S1", "group": "Support", "organization": "acme-desk", "assignee": AGENT, "tags": ["t"]}
    person = Person("", name="New Person", email="new@acme-desk.example")
    written = desk.create(TicketDraft({}, "Made", from_plain("x"), fields, mark, mark.label, person))
    comment = CommentDraft(from_plain("y"), Visibility.INTERNAL, Audience.CUSTOMER_TEAM, mark)
    change = {"status": "pending", "type": "incident", "subject": "Changed", "requester": USER}
    desk.update(TicketChange(written.ref, "k", change, comment=comment, version=written.version))
    desk.comment(written.ref, "k", comment)
    page = desk.changes("tickets", None, begin=begin)
    desk.history(None, begin=begin)
    desk.fetch([snapshot.ref for snapshot in page.snapshots], threads=True)
    desk.find(Probe(OperationKind.CREATE, mark))
    desk.find(Probe(OperationKind.COMMENT, mark, written.ref))
    desk.close()


def _fits(spec: Any, parameter: Any, path: str) -> bool:
    if "$ref" in parameter:
        parameter = spec["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return parameter["in"] != "path" or f"{{{parameter['name']}}}" in path


def _described() -> Any:
    """The vendor's description, where it is wrong about requests mended by hand."""
    spec = json.loads(SPEC.read_text(encoding="utf-8"))
    spec.pop("security", None)
    spec["servers"] = [{"url": "http://desk.example"}]
    for path, item in spec["paths"].items():
        # Some paths ask for a parameter that does not stand in them.
        for part in (item, *(entry for entry in item.values() if isinstance(entry, dict))):
            part["parameters"] = [row for row in part.get("parameters", ()) if _fits(spec, row, path)]
    for schema in spec["components"]["schemas"].values():
        for part in (schema, *schema.get("allOf", ())):
            # It asks for the definition of a custom field where a value is sent.
            if "custom_fields" in part.get("properties", {}):
                part["properties"]["custom_fields"] = {"type": "array", "items": {"type": "object"}}
    return spec


@pytest.mark.skipif(not SPEC.exists(), reason="the vendor's API description is not here (BRIDGE_SPECS)")
def test_every_request_that_is_accepted_is_one_the_vendor_describes(account: Account) -> None:
    _exercise(account)
    _connect_and_work(account)
    # The description itself is not quite valid; what it says of requests is what counts.
    api = OpenAPI.from_dict(_described(), config=Config(spec_validator_cls=None))
    seen = set()
    for entry in account.sandbox.log:
        assert entry["status"] < 300, entry
        path = urlsplit(entry["url"])
        request = MockRequest(
            "http://desk.example",
            entry["method"].lower(),
            path.path.removesuffix(".json"),
            args=dict(parse_qsl(path.query)),
            data=None if entry["body"] is None else json.dumps(entry["body"]).encode(),
        )
        api.validate_request(request)
        seen.add((entry["method"], path.path))
    assert len(seen) > 35
