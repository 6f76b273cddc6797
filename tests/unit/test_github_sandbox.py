"""The simulated GitHub, asked over real HTTP in GitHub's own words."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bridge.sandbox.github import GitHubSite
from bridge.sandbox.server import Sandbox

REPO = "/repos/vendor/platform"
ISSUES = f"{REPO}/issues"


class Client:
    """One account's way to the simulated GitHub."""

    def __init__(self, url: str, token: str = "sandbox") -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **named: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=10, allow_redirects=False, **named)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    settings = {"repositories": ["vendor/platform", "vendor/other", {"full_name": "vendor/secret", "private": True}]}
    with Sandbox({"hub": "github"}, seed=3, settings={"hub": settings}) as running:
        yield running


@pytest.fixture
def bridge(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox.urls["hub"])
    with client.session:
        yield client


@pytest.fixture
def reporter(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox.urls["hub"], "sandbox:reporter")
    with client.session:
        yield client


def hub(sandbox: Sandbox) -> GitHubSite:
    site = sandbox.sites["hub"]
    assert isinstance(site, GitHubSite)
    return site


def names(issue: dict[str, Any]) -> list[str]:
    return [label["name"] for label in issue["labels"]]


def test_a_collaborator_makes_unknown_labels_by_using_them(bridge: Client) -> None:
    issue = bridge.post(ISSUES, title="One", labels=["bug", "brand new"])
    assert names(issue) == ["bug", "brand new"]
    assert "brand new" in [label["name"] for label in bridge.get(f"{REPO}/labels")]


def test_a_stranger_s_labels_and_assignees_are_silently_dropped(reporter: Client) -> None:
    issue = reporter.post(ISSUES, title="One", labels=["bug"], assignees=["engineer"])
    assert issue["labels"] == []
    assert issue["assignees"] == []
    assert issue["author_association"] == "NONE"


def test_pull_requests_share_the_numbers_and_the_list_of_issues(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="An issue")
    site = hub(sandbox)
    with sandbox.world.lock:
        repository = site.data["repositories"]["vendor/platform"]
        site.make_issue(repository, site.data["users"]["engineer"], {"title": "A change"}, pull_request=True)
    rows = bridge.get(ISSUES)
    assert [row["number"] for row in rows] == [2, 1]
    assert ["pull_request" in row for row in rows] == [True, False]


def test_closing_reopening_and_their_reasons_are_kept(bridge: Client) -> None:
    bridge.post(ISSUES, title="One")
    closed = bridge.ask("PATCH", f"{ISSUES}/1", json={"state": "closed", "state_reason": "not_planned"}).json()
    assert (closed["state"], closed["state_reason"], closed["closed_by"]["login"]) == (
        "closed",
        "not_planned",
        "vendor-bridge",
    )
    assert (
        bridge.ask("PATCH", f"{ISSUES}/1", json={"state_reason": "completed"}).json()["state_reason"] == "not_planned"
    )
    opened = bridge.ask("PATCH", f"{ISSUES}/1", json={"state": "open"}).json()
    assert (opened["state"], opened["state_reason"], opened["closed_at"]) == ("open", "reopened", None)
    assert [event["event"] for event in bridge.get(f"{ISSUES}/events")] == ["reopened", "closed"]


def test_the_list_is_filtered_sorted_and_paged_with_links(bridge: Client) -> None:
    for number in range(1, 6):
        bridge.post(ISSUES, title=f"Issue {number}", labels=["bug"] if number % 2 else [])
    answer = bridge.ask("GET", ISSUES, params={"per_page": 2, "page": 2, "direction": "asc", "state": "all"})
    assert [row["number"] for row in answer.json()] == [3, 4]
    assert set(answer.links) == {"next", "last", "prev", "first"}
    assert bridge.session.get(answer.links["next"]["url"], timeout=10).json()[0]["number"] == 5
    assert [row["number"] for row in bridge.get(ISSUES, labels="bug", direction="asc")] == [1, 3, 5]
    assert bridge.get(ISSUES, creator="engineer") == []
    assert bridge.get(ISSUES, since="2999-01-01T00:00:00Z") == []


def test_comments_and_labels_move_updated_at_in_whole_seconds(sandbox: Sandbox, bridge: Client) -> None:
    first = bridge.post(ISSUES, title="One")["updated_at"]
    sandbox.world.advance(5)
    bridge.post(f"{ISSUES}/1/comments", body="Hello")
    second = bridge.get(f"{ISSUES}/1")["updated_at"]
    sandbox.world.advance(5)
    bridge.ask("POST", f"{ISSUES}/1/labels", json={"labels": ["bug"]})
    third = bridge.get(f"{ISSUES}/1")["updated_at"]
    assert first < second < third
    assert all(len(stamp) == len("2026-01-01T00:00:00Z") for stamp in (first, second, third))
    assert [row["number"] for row in bridge.get(ISSUES, since=third)] == [1]


def test_an_unchanged_list_is_a_304_that_costs_no_limit(bridge: Client) -> None:
    bridge.post(ISSUES, title="One")
    first = bridge.ask("GET", ISSUES)
    again = bridge.ask("GET", ISSUES, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]
    bridge.post(f"{ISSUES}/1/comments", body="Hello")
    assert bridge.ask("GET", ISSUES, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_the_primary_limit_says_when_it_ends(sandbox: Sandbox, bridge: Client) -> None:
    hub(sandbox).settings["limit_per_hour"] = 1
    bridge.get(ISSUES)
    answer = bridge.ask("GET", ISSUES)
    assert answer.status_code == 403
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert int(answer.headers["X-RateLimit-Reset"]) > sandbox.world.now().timestamp()
    sandbox.world.advance(3601)
    assert bridge.ask("GET", ISSUES).status_code == 200


def test_the_secondary_limit_counts_created_content(sandbox: Sandbox, bridge: Client) -> None:
    hub(sandbox).settings["creations_per_minute"] = 2
    bridge.post(ISSUES, title="One")
    bridge.post(f"{ISSUES}/1/comments", body="Two")
    refused = bridge.ask("POST", f"{ISSUES}/1/comments", json={"body": "Three"})
    assert refused.status_code == 403
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "secondary rate limit" in refused.json()["message"]
    assert bridge.get(f"{ISSUES}/1")["comments"] == 1


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "title", "missing_field"),
        ({"title": "x" * 257}, "title", "custom"),
        ({"title": "x", "body": "y" * 65_537}, "body", "custom"),
        ({"title": "x", "milestone": 9}, "milestone", "invalid"),
        ({"title": "x", "assignees": ["nobody"]}, "assignees", "invalid"),
    ],
)
def test_what_github_refuses_is_refused_in_its_words(
    bridge: Client, body: dict[str, Any], field: str, code: str
) -> None:
    answer = bridge.ask("POST", ISSUES, json=body)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation Failed"
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert bridge.get(ISSUES) == []


def test_the_longest_body_is_still_taken(bridge: Client) -> None:
    assert len(bridge.post(ISSUES, title="x", body="y" * 65_536)["body"]) == 65_536


def test_credentials_and_private_repositories(sandbox: Sandbox, bridge: Client, reporter: Client) -> None:
    assert Client(sandbox.urls["hub"], "wrong").ask("GET", ISSUES).json()["message"] == "Bad credentials"
    assert bridge.get("/user")["login"] == "vendor-bridge"
    assert reporter.ask("GET", "/repos/vendor/secret/issues").status_code == 404
    assert bridge.get("/repos/vendor/secret/issues") == []
    assert bridge.get(f"{REPO}/collaborators/lead/permission")["permission"] == "admin"
    assert [entry["actor"] for entry in sandbox.log][-1] == "vendor-bridge"


def test_a_moved_issue_redirects_its_own_reading_and_nothing_below(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="One", labels=["bug"])
    bridge.post(f"{ISSUES}/1/comments", body="Hello")
    with sandbox.world.lock:
        assert hub(sandbox).transfer_issue("vendor/platform", 1, "vendor/other") == 1
    answer = bridge.ask("GET", f"{ISSUES}/1")
    assert answer.status_code == 301
    there = bridge.session.get(answer.headers["Location"], timeout=10).json()
    assert there["repository_url"].endswith("/repos/vendor/other")
    assert (there["comments"], names(there)) == (1, ["bug"])
    assert bridge.ask("GET", f"{ISSUES}/1/comments").status_code == 404
    assert bridge.ask("PATCH", f"{ISSUES}/1", json={"title": "x"}).status_code == 404


def test_a_deleted_issue_is_gone_for_good(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="One")
    with sandbox.world.lock:
        hub(sandbox).delete_issue("vendor/platform", 1)
    assert bridge.ask("GET", f"{ISSUES}/1").status_code == 410
    assert bridge.ask("GET", f"{ISSUES}/2").status_code == 404
    assert bridge.post(ISSUES, title="Two")["number"] == 2


def test_a_renamed_repository_redirects_with_the_query(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="One")
    with sandbox.world.lock:
        hub(sandbox).rename_repository("vendor/platform", "vendor/product")
    answer = bridge.ask("GET", ISSUES, params={"state": "all"})
    assert answer.status_code == 301
    assert bridge.session.get(answer.headers["Location"], timeout=10).json()[0]["title"] == "One"


def test_a_locked_issue_takes_comments_from_collaborators_only(bridge: Client, reporter: Client) -> None:
    bridge.post(ISSUES, title="One")
    assert bridge.ask("PUT", f"{ISSUES}/1/lock", json={"lock_reason": "resolved"}).status_code == 204
    refused = reporter.ask("POST", f"{ISSUES}/1/comments", json={"body": "But"})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Unable to create comment because issue is locked.",
    )
    bridge.post(f"{ISSUES}/1/comments", body="Last word")


def test_the_repository_s_comments_are_sorted_and_asked_since(sandbox: Sandbox, bridge: Client) -> None:
    for number in (1, 2):
        bridge.post(ISSUES, title=f"Issue {number}")
        bridge.post(f"{ISSUES}/{number}/comments", body=f"On {number}")
        sandbox.world.advance(10)
    rows = bridge.get(f"{ISSUES}/comments", sort="updated", direction="desc")
    assert [row["body"] for row in rows] == ["On 2", "On 1"]
    assert [row["body"] for row in bridge.get(f"{ISSUES}/comments", since=rows[0]["updated_at"])] == ["On 2"]


def test_the_timeline_tells_events_and_comments_in_order(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="One")
    bridge.post(f"{ISSUES}/1/comments", body="Hello")
    sandbox.world.advance(2)
    bridge.ask("PATCH", f"{ISSUES}/1", json={"title": "Two", "assignees": ["engineer"]})
    timeline = bridge.get(f"{ISSUES}/1/timeline")
    assert [row["event"] for row in timeline] == ["commented", "renamed", "assigned"]
    assert timeline[1]["rename"] == {"from": "One", "to": "Two"}


def test_the_search_knows_its_qualifiers_and_refuses_others(bridge: Client) -> None:
    bridge.post(ISSUES, title="Printer on fire", body="bridge-0a1b", labels=["bug"])
    bridge.post(ISSUES, title="Other")
    found = bridge.get("/search/issues", q="repo:vendor/platform is:issue is:open label:bug bridge-0a1b in:body")
    assert [row["number"] for row in found["items"]] == [1]
    assert bridge.get("/search/issues", q="author:vendor-bridge")["total_count"] == 2
    assert bridge.ask("GET", "/search/issues", params={"q": "assignee:lead"}).status_code == 422


def test_a_hook_is_signed_recorded_and_can_be_sent_again(sandbox: Sandbox, bridge: Client) -> None:
    # The simulated site itself is the receiver: any answer will do, and this one is 404.
    url = sandbox.urls["hub"] + "/receiver"
    assert bridge.ask("GET", f"{REPO}/hooks").status_code == 404
    hub(sandbox).data["repositories"]["vendor/platform"]["collaborators"]["vendor-bridge"] = "admin"
    hook = bridge.post(
        f"{REPO}/hooks", config={"url": url, "secret": "s3cret", "content_type": "json"}, events=["issues"]
    )
    assert hook["config"]["secret"] == "********"
    bridge.post(ISSUES, title="One")
    sandbox.world.settle()
    sent = sandbox.world.deliveries[-1]
    made = hmac.new(b"s3cret", sent["body"].encode(), hashlib.sha256).hexdigest()
    assert sent["headers"]["X-Hub-Signature-256"] == f"sha256={made}"
    assert json.loads(sent["body"])["action"] == "opened"
    rows = bridge.get(f"{REPO}/hooks/{hook['id']}/deliveries")
    assert [(row["event"], row["action"]) for row in rows] == [("issues", "opened"), ("ping", None)]
    again = bridge.ask("POST", f"{REPO}/hooks/{hook['id']}/deliveries/{rows[0]['id']}/attempts")
    assert again.status_code == 202
    sandbox.world.settle()
    guids = [one["headers"]["X-GitHub-Delivery"] for one in sandbox.world.deliveries[-2:]]
    assert guids[0] == guids[1]


def test_releases_are_drafts_until_published(bridge: Client, reporter: Client) -> None:
    draft = bridge.post(f"{REPO}/releases", tag_name="v1", draft=True)
    assert reporter.get(f"{REPO}/releases") == []
    bridge.ask("PATCH", f"{REPO}/releases/{draft['id']}", json={"draft": False})
    assert [row["tag_name"] for row in reporter.get(f"{REPO}/releases")] == ["v1"]


def test_the_state_is_plain_json(sandbox: Sandbox, bridge: Client) -> None:
    bridge.post(ISSUES, title="One", labels=["bug"])
    bridge.post(f"{REPO}/milestones", title="v1")
    data = hub(sandbox).data
    assert json.loads(json.dumps(data)) == data
