"""What the GitHub connector reads, and with how few requests: feeds, fetching, tickets that moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from github_stand import FIELDS, REPO, REPOSITORIES, change, connect, delivery, fill, hub, paths, ref

from bridge.connect.port import Gone
from bridge.model.operation import Found, OperationKind, Probe
from bridge.model.ticket import Snapshot, TicketRef
from bridge.sandbox.server import Sandbox
from bridge.testing.stand import SITE, Stand
from bridge_github import KIND
from bridge_github.connector import GitHubConnector


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({SITE: "github"}, settings={SITE: {"repositories": REPOSITORIES}}) as running:
        yield running


@pytest.fixture
def stand(sandbox: Sandbox) -> Iterator[Stand]:
    made = Stand(sandbox, KIND, {"token": "sandbox"}, {"repository": REPO}, frozenset({"title"}))
    yield made
    made.close()


@pytest.fixture
def connector(stand: Stand) -> GitHubConnector:
    return connect(stand)


# Feeds


def test_a_poll_with_nothing_new_is_one_request_and_a_304(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 3)
    stand.sandbox.world.advance(2)
    cursors: dict[str, str] = {}
    assert len(stand.drain(connector, cursors)) == 3
    stand.sandbox.clear_log()
    assert stand.drain(connector, cursors) == {}
    assert [entry["status"] for entry in stand.sandbox.log] == [304]


def test_a_first_sync_reads_fifty_issues_with_their_comments_in_three_more_requests(
    stand: Stand, connector: GitHubConnector
) -> None:
    fill(stand, 50, comments=2)
    shown = stand.drain(connector, {})
    feed_requests = paths(stand).count(f"GET /repos/{REPO}/issues")
    assert feed_requests == 1
    found = connector.fetch(shown, threads=True)
    assert len(stand.sandbox.log) - feed_requests <= 3
    for snapshot in found.values():
        assert isinstance(snapshot, Snapshot)
        assert snapshot.thread is not None
        assert len(snapshot.thread.comments) == 2


def test_a_page_serves_one_fetch_and_then_the_site_is_asked_again(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1, comments=1)
    stand.drain(connector, {})
    stand.sandbox.clear_log()
    connector.fetch([ref(1)], threads=True)
    assert paths(stand) == [f"GET /repos/{REPO}/issues/1/comments"]
    connector.fetch([ref(1)], threads=True)
    assert paths(stand)[1:] == [f"GET /repos/{REPO}/issues/1", f"GET /repos/{REPO}/issues/1/comments"]


def test_a_webhook_makes_the_kept_page_old(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1, comments=1)
    stand.drain(connector, {})
    connect(stand, "engineer").update(change(1, title="Changed since"))
    connector.parse_webhook(*delivery("issues", action="edited", number=1))
    assert stand.read(connector, ref(1)).value("title") == "Changed since"


def test_a_ticket_without_comments_needs_no_second_reading(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    snapshot = stand.drain(connector, {})[ref(1)]
    assert snapshot is not None
    assert snapshot.thread is not None
    assert snapshot.thread.complete


def test_pull_requests_are_no_tickets(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1, pull_request=True)
    fill(stand, 1)
    assert set(stand.drain(connector, {})) == {ref(2)}
    assert isinstance(connector.fetch([ref(1)], threads=False)[ref(1)], Gone)


def test_more_issues_than_a_page_changed_in_one_second_are_all_shown_once(
    stand: Stand, connector: GitHubConnector
) -> None:
    fill(stand, 250)
    stand.sandbox.world.advance(2)
    cursors: dict[str, str] = {}
    pages: list[TicketRef] = []
    more = True
    while more:
        page = connector.changes(f"issues:{REPO}", cursors.get("issues"), begin=stand.begin)
        cursors["issues"] = page.cursor
        pages += [snapshot.ref for snapshot in page.snapshots]
        more = page.more
    assert sorted(pages) == sorted(ref(number) for number in range(1, 251))
    stand.sandbox.world.advance(120)
    feed = {f"issues:{REPO}": cursors["issues"]}
    assert stand.drain(connector, feed) == {}
    stand.sandbox.clear_log()
    assert stand.drain(connector, feed) == {}
    assert len(stand.sandbox.log) == 1


def test_issues_that_change_while_pages_are_read_push_none_out_of_sight(
    stand: Stand, connector: GitHubConnector
) -> None:
    for _ in range(6):
        fill(stand, 40)
        stand.sandbox.world.advance(2)
    feed, engineer = f"issues:{REPO}", connect(stand, "engineer")
    page = connector.changes(feed, None, begin=stand.begin)
    shown = {snapshot.ref for snapshot in page.snapshots}
    for number in range(1, 31):
        engineer.update(change(number, title=f"Moved to the end {number}"))
    while page.more:
        page = connector.changes(feed, page.cursor, begin=stand.begin)
        shown |= {snapshot.ref for snapshot in page.snapshots}
    assert shown == {ref(number) for number in range(1, 241)}


def test_a_second_change_within_the_second_of_the_last_reading_is_shown(
    stand: Stand, connector: GitHubConnector
) -> None:
    fill(stand, 1)
    cursors: dict[str, str] = {}
    stand.drain(connector, cursors)
    issue = hub(stand).data["repositories"][REPO]["issues"]["1"]
    with stand.sandbox.world.lock:
        issue["title"] = "Same stamp, other title"
    shown = stand.drain(connector, cursors)[ref(1)]
    assert shown is not None
    assert shown.value("title") == "Same stamp, other title"


@pytest.mark.parametrize("passed_s", [0, 90])
def test_what_somebody_puts_back_after_our_write_is_shown_again(
    stand: Stand, connector: GitHubConnector, passed_s: int
) -> None:
    fill(stand, 1)
    cursors: dict[str, str] = {}
    engineer = connect(stand, "engineer")
    engineer.update(change(1, labels=["theirs"]))
    stand.drain(connector, cursors)
    connector.update(change(1, labels=["ours"]))
    stand.sandbox.world.advance(passed_s)
    engineer.update(change(1, labels=["theirs"]))
    shown = stand.drain(connector, cursors)[ref(1)]
    assert shown is not None
    assert shown.value("labels") == ["theirs"]


def test_the_feed_says_up_to_when_it_was_read(stand: Stand, connector: GitHubConnector) -> None:
    page = connector.changes(f"issues:{REPO}", None, begin=stand.begin)
    again = connector.changes(f"issues:{REPO}", page.cursor, begin=stand.begin)
    for settled in (page.settled_through, again.settled_through):
        assert settled is not None
        assert timedelta(seconds=58) <= stand.sandbox.world.now() - settled <= timedelta(seconds=65)


def test_a_renamed_repository_keeps_its_name_and_the_place_reached(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 2)
    cursors: dict[str, str] = {}
    stand.drain(connector, cursors)
    with stand.sandbox.world.lock:
        hub(stand).rename_repository(REPO, "vendor/product")
    stand.sandbox.world.advance(5)
    connect(stand, "engineer").comment(ref(2), "k", stand.remark())
    shown = stand.drain(connector, cursors)
    assert ref(2) in shown
    snapshot = stand.read(connector, ref(2))
    assert snapshot.scope == {"repository": REPO}
    connector.update(change(2, title="Still reached"))
    assert stand.read(connector, ref(2)).value("title") == "Still reached"


def test_a_release_named_like_a_milestone_hints_at_its_issues(stand: Stand) -> None:
    stand.native_fields = FIELDS
    connector = connect(stand)
    fill(stand, 2)
    site = hub(stand)
    engineer = connect(stand, "engineer")
    with stand.sandbox.world.lock:
        home = site.data["repositories"][REPO]
        site.make_milestone(home, site.data["users"]["lead"], {"title": "v1.2"})
    engineer.update(change(2, milestone="v1.2"))
    stand.sandbox.world.advance(2)
    cursors: dict[str, str] = {}
    stand.drain(connector, cursors)
    planned = stand.read(connector, ref(2))
    assert planned.value("fix_versions") == [{"name": "v1.2", "released": False}]
    with stand.sandbox.world.lock:
        site.make_release(home, site.data["users"]["lead"], {"tag_name": "v1.2"})
    assert stand.drain(connector, cursors) == {ref(2): None}
    for fresh in (connector, connect(stand)):
        released = stand.read(fresh, ref(2))
        assert released.value("fix_versions") == [{"name": "v1.2", "released": True}]
        assert released.version != planned.version
    assert stand.drain(connector, cursors) == {}


# Fetching


def test_many_tickets_are_read_from_the_list_when_that_is_cheaper(stand: Stand) -> None:
    fill(stand, 150, comments=1)
    connector = connect(stand)
    found = connector.fetch([ref(number) for number in range(1, 151)], threads=True)
    assert len(found) == 150
    assert not [one for one in found.values() if isinstance(one, Gone)]
    assert len(stand.sandbox.log) == 1 + 2 + 2


def test_few_tickets_of_a_large_repository_are_read_one_by_one(stand: Stand) -> None:
    fill(stand, 700)
    connector = connect(stand)
    found = connector.fetch([ref(number) for number in (1, 2, 3, 4)], threads=True)
    assert all(isinstance(one, Snapshot) for one in found.values())
    assert len(stand.sandbox.log) == 1 + 1 + 4


def test_deleted_and_hidden_tickets_are_gone(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    fill(stand, 1, repository="vendor/secret")
    with stand.sandbox.world.lock:
        hub(stand).delete_issue(REPO, 1)
    asked = [ref(1), ref(9), TicketRef(SITE, "no such name")]
    assert all(isinstance(one, Gone) for one in connector.fetch(asked, threads=True).values())
    secret = ref(1, "vendor/secret")
    assert isinstance(connect(stand, "reporter").fetch([secret], threads=True)[secret], Gone)
    assert isinstance(connector.fetch([secret], threads=True)[secret], Snapshot)


@pytest.mark.parametrize("known", [True, False])
def test_a_transferred_issue_is_followed_by_reading_and_writing(stand: Stand, known: bool) -> None:
    fill(stand, 1, comments=1)
    fill(stand, 4, repository="vendor/other")
    with stand.sandbox.world.lock:
        assert hub(stand).transfer_issue(REPO, 1, "vendor/other") == 5
    connector = connect(stand)
    if known:
        snapshot = stand.read(connector, ref(1))
        assert snapshot.ref == ref(1)
        assert (snapshot.key, snapshot.scope) == ("other#5", {"repository": "vendor/other"})
        assert snapshot.thread is not None
        assert len(snapshot.thread.comments) == 1
    draft = stand.remark()
    connector.comment(ref(1), "k", draft)
    connector.update(change(1, title="Found again"))
    probe = Probe(OperationKind.COMMENT, draft.marker, ref=ref(1), sent_at=stand.sandbox.world.now())
    assert isinstance(connect(stand).find(probe), Found)
    moved = hub(stand).data["repositories"]["vendor/other"]["issues"]["5"]
    assert moved["title"] == "Found again"
    assert len([entry for entry in stand.sandbox.log if entry["writes"] and entry["status"] < 400]) == 2
