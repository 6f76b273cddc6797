"""What the GitHub connector writes and finds again; history, limits, webhooks, GitHub's own description."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from github_stand import FIELDS, REPO, REPOSITORIES, change, connect, delivery, fill, hub, ref
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    SkippableError,
    TemporaryError,
    UnknownOutcomeError,
)
from bridge.model.document import to_plain
from bridge.model.operation import Absent, Found, OperationKind, Probe, TicketChange
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.testing.stand import SITE, Stand, words
from bridge_github import KIND
from bridge_github.connector import GitHubConnector
from bridge_github.webhook import is_genuine


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


# Writing


def test_a_new_description_keeps_the_marker(stand: Stand, connector: GitHubConnector) -> None:
    draft = stand.ticket()
    made = connector.create(draft).ref
    connect(stand).update(TicketChange(made, "k", {"description": words("Other words")}))
    snapshot = stand.read(connect(stand), made)
    assert snapshot.marker == draft.marker
    assert to_plain(snapshot.value("description")) == "Other words"
    body = hub(stand).data["repositories"][REPO]["issues"]["1"]["body"]
    assert body.startswith("Other words\n\n<!-- bridge")


def test_a_marker_quoted_above_the_last_line_counts_for_nothing(stand: Stand, connector: GitHubConnector) -> None:
    made = connector.create(stand.ticket()).ref
    issue = hub(stand).data["repositories"][REPO]["issues"]["1"]
    with stand.sandbox.world.lock:
        issue["body"] += "\n\nAnd another thing."
    assert stand.read(connector, made).marker is None


def test_everything_a_plan_may_change_goes_in_one_request(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    site = hub(stand)
    with stand.sandbox.world.lock:
        home = site.data["repositories"][REPO]
        site.add_label(home, "Needs Care")
    stand.sandbox.clear_log()
    fields = {"title": "T", "state": "closed", "state_reason": "not_planned", "labels": ["needs care", "new"]}
    written = connector.update(change(1, **fields, assignees=["lead"]))
    assert len(stand.writes()) == 1
    assert written.fields == {
        "title": "T",
        "state": "closed",
        "state_reason": "not_planned",
        "labels": ["Needs Care", "new"],
        "assignees": ["lead"],
    }


def test_a_label_is_not_put_in_the_place_of_one_that_somebody_replaced_meanwhile(
    stand: Stand, connector: GitHubConnector
) -> None:
    fill(stand, 1)
    engineer = connect(stand)
    engineer.update(change(1, labels=["kept", "severity: major"]))
    read = stand.read(connector, ref(1)).value("labels")
    engineer.update(change(1, labels=["kept", "new", "severity: critical"]))
    stale = TicketChange(ref(1), "k", {"labels": ["kept", "severity: minor"]}, prior={"labels": read})
    with pytest.raises(ChangedError, match="severity: major"):
        connector.update(stale)
    read = stand.read(connector, ref(1)).value("labels")
    assert read == ["kept", "new", "severity: critical"]
    connector.update(TicketChange(ref(1), "k", {"labels": ["kept", "severity: minor"]}, prior={"labels": read[:]}))
    assert stand.read(connector, ref(1)).value("labels") == ["kept", "severity: minor"]


def test_a_reason_alone_closes_the_issue(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    connector.update(change(1, state_reason="completed"))
    assert stand.read(connector, ref(1)).value("state") == "closed"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [({"milestone": "v9"}, "milestone"), ({"colour": "red"}, "colour"), ({"assignees": ["nobody"]}, "assignees")],
)
def test_a_refused_field_is_named_and_nothing_changes(
    stand: Stand, connector: GitHubConnector, fields: dict[str, Any], refused: str
) -> None:
    fill(stand, 1)
    with pytest.raises(PermanentError) as met:
        connector.update(change(1, **fields, title="Not this"))
    assert met.value.field == refused
    assert stand.read(connector, ref(1)).value("title") == "Made"


def test_a_lock_is_a_permanent_refusal_of_the_comment_and_no_question_of_credentials(stand: Stand) -> None:
    fill(stand, 1)
    hub(stand).data["repositories"][REPO]["issues"]["1"]["locked"] = True
    with pytest.raises(PermanentError, match="locked") as met:
        connect(stand, "reporter").comment(ref(1), "k", stand.remark())
    assert type(met.value) is PermanentError


def test_a_write_to_a_deleted_issue_is_missing(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    with stand.sandbox.world.lock:
        hub(stand).delete_issue(REPO, 1)
    with pytest.raises(MissingError):
        connector.comment(ref(1), "k", stand.remark())


@pytest.mark.parametrize("kind", ["drop_after", "truncate"])
def test_a_write_whose_answer_is_lost_is_unknown_sent_once_and_found(
    stand: Stand, connector: GitHubConnector, kind: str
) -> None:
    fill(stand, 1)
    draft, remark = stand.ticket(), stand.remark()
    stand.read(connector, ref(1))
    stand.sandbox.clear_log()
    stand.sandbox.faults.add(Fault(kind=kind, writes_only=True))
    for act in (
        lambda: connector.create(draft),
        lambda: connector.comment(ref(1), "k", remark),
        lambda: connector.update(change(1, title="Sent once")),
    ):
        with pytest.raises(UnknownOutcomeError):
            act()
    assert len(stand.writes()) == 3
    stand.sandbox.faults.clear()
    now = stand.sandbox.world.now()
    made = connector.find(Probe(OperationKind.CREATE, draft.marker, scope={"repository": REPO}, sent_at=now))
    said = connector.find(Probe(OperationKind.COMMENT, remark.marker, ref=ref(1), sent_at=now))
    assert isinstance(made, Found)
    assert isinstance(said, Found)
    assert made.written.ref == ref(2)
    assert stand.read(connector, ref(1)).value("title") == "Sent once"


def test_what_was_never_sent_is_absent_for_certain(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1, comments=3)
    connector.create(stand.ticket("7"))
    probe = Probe(OperationKind.CREATE, stand.ticket("8").marker, scope={"repository": REPO})
    assert connector.find(probe) == Absent()
    assert connector.find(Probe(OperationKind.COMMENT, stand.remark().marker, ref=ref(1))) == Absent()


def test_normalise_is_what_github_shows(connector: GitHubConnector) -> None:
    assert connector.normalise("title", " a\n b ") == "a b"
    assert len(connector.normalise("title", "x" * 300)) == 256
    assert connector.normalise("labels", ["b", "A", "a"]) == ["A", "b"]
    assert connector.normalise("labels", []) is None
    assert connector.normalise("state_reason", "reopened") is None
    assert connector.normalise("description", words("One", "Two")) == words("One", "Two")


def test_public_repositories_are_known_as_such(connector: GitHubConnector) -> None:
    assert connector.is_public({"repository": REPO})
    assert not connector.is_public({"repository": "vendor/secret"})


# History


def test_the_history_tells_reasons_before_states_and_comments_with_their_authors(
    stand: Stand, connector: GitHubConnector
) -> None:
    fill(stand, 1)
    engineer = connect(stand, "engineer")
    engineer.update(change(1, labels=["bug"]))
    stand.sandbox.world.advance(2)
    said = engineer.comment(ref(1), "k", stand.remark())
    stand.sandbox.world.advance(2)
    connector.update(change(1, state="closed", state_reason="not_planned"))
    page = connector.history(None, begin=stand.begin)
    assert [(fact.kind, fact.field, fact.old, fact.new, fact.actor.id) for fact in page.facts] == [
        ("field", "labels", None, "bug", "engineer"),
        ("comment", "", None, said.comment_id, "engineer"),
        ("field", "state_reason", None, "not_planned", "vendor-bridge"),
        ("field", "state", "open", "closed", "vendor-bridge"),
    ]
    assert [fact.actor.ours for fact in page.facts] == [False, False, True, True]
    assert page.settled_through is not None
    stand.sandbox.clear_log()
    assert connector.history(page.cursor, begin=stand.begin).facts == ()
    assert [entry["status"] for entry in stand.sandbox.log] == [304, 304]


def test_a_long_history_is_read_to_its_beginning(stand: Stand, connector: GitHubConnector) -> None:
    fill(stand, 1)
    site = hub(stand)
    with stand.sandbox.world.lock:
        home, lead = site.data["repositories"][REPO], site.data["users"]["lead"]
        for number in range(250):
            site.note(home, home["issues"]["1"], lead, "renamed", rename={"from": str(number), "to": str(number + 1)})
    cursor, more, told = None, True, set()
    while more:
        page = connector.history(cursor, begin=stand.begin)
        told |= {(fact.old, fact.new) for fact in page.facts}
        cursor, more = page.cursor, page.more
    assert told == {(str(number), str(number + 1)) for number in range(250)}
    connect(stand, "engineer").update(change(1, title="One more"))
    later = connector.history(cursor, begin=stand.begin)
    assert "One more" in [fact.new for fact in later.facts]


# Limits


def test_the_primary_limit_is_waited_out_until_its_reset(stand: Stand, connector: GitHubConnector) -> None:
    connector.fetch([ref(1)], threads=False)
    hub(stand).settings["limit_per_hour"] = 1
    with pytest.raises(TemporaryError) as met:
        connector.fetch([ref(1)], threads=False)
    assert met.value.reason == "github-primary"
    assert met.value.retry_after_s is not None
    assert 3500 < met.value.retry_after_s <= 3601


def test_the_secondary_limit_is_waited_out_as_told_and_nothing_is_sent_again(
    stand: Stand, connector: GitHubConnector
) -> None:
    hub(stand).settings["creations_per_minute"] = 1
    connector.create(stand.ticket("1"))
    stand.sandbox.clear_log()
    with pytest.raises(TemporaryError) as met:
        connector.create(stand.ticket("2"))
    assert met.value.reason == "github-secondary"
    assert met.value.retry_after_s is not None
    assert 0 < met.value.retry_after_s <= 60
    assert len(stand.writes()) == 1


# Webhooks


def test_a_webhook_hints_at_its_issue_whatever_the_spelling_of_the_repository(connector: GitHubConnector) -> None:
    (hint,) = connector.parse_webhook(*delivery("issues", action="labeled", number=4, repository="Vendor/Platform"))
    assert (hint.ref, hint.version_at) == (ref(4), datetime(2026, 3, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize(("event", "action"), [("issues", "deleted"), ("issue_comment", "edited")])
def test_a_webhook_whose_stamp_says_nothing_always_asks_for_a_reading(
    connector: GitHubConnector, event: str, action: str
) -> None:
    (hint,) = connector.parse_webhook(*delivery(event, action=action, number=4))
    assert hint.version_at is None


def test_webhooks_about_other_things_are_skipped(connector: GitHubConnector) -> None:
    for headers, body in (
        delivery("ping", action="", number=1),
        delivery("issues", action="opened", number=1, repository="vendor/unknown"),
        delivery("issues", action="opened", number=1, pull_request={}),
    ):
        with pytest.raises(SkippableError):
            connector.parse_webhook(headers, body)


def test_the_simulated_site_s_own_deliveries_are_genuine_and_understood(
    stand: Stand, connector: GitHubConnector
) -> None:
    site = hub(stand)
    with stand.sandbox.world.lock:
        config = {"url": stand.sandbox.urls[SITE] + "/receiver", "secret": "s3cret"}
        site.make_hook(site.data["repositories"][REPO], {"config": config, "events": ["issues", "issue_comment"]})
    made = connector.create(stand.ticket()).ref
    connector.comment(made, "k", stand.remark())
    stand.sandbox.world.settle()
    sent = [(one["headers"], one["body"].encode()) for one in stand.sandbox.world.deliveries][1:]
    assert {headers["X-GitHub-Event"] for headers, _ in sent} == {"issues", "issue_comment"}
    for headers, body in sent:
        assert is_genuine(b"s3cret", headers, body)
        assert not is_genuine(b"other", headers, body)
        assert connector.parse_webhook(headers, body)[0].ref == made


# The vendor's own description


def test_every_request_the_site_accepted_is_one_github_describes(stand: Stand) -> None:
    folder = Path(os.environ.get("BRIDGE_SPECS", Path(__file__).parents[3] / "shared" / "specs"))
    if not (folder / "github-rest.json").exists():
        pytest.skip("the vendor's description is not here")
    spec = json.loads((folder / "github-rest.json").read_text())
    spec["servers"] = [{"url": "http://site.example"}]
    spec.pop("security", None)
    # Under OpenAPI 3.0 no member of this `oneOf` lets its own `nullable` through; GitHub's text says null clears it.
    patched = spec["paths"]["/repos/{owner}/{repo}/issues/{issue_number}"]["patch"]["requestBody"]["content"]
    for member in patched["application/json"]["schema"]["properties"]["milestone"]["oneOf"][:1]:
        member["nullable"] = True
    described = OpenAPI.from_dict(spec)
    stand.native_fields = FIELDS
    connector = connect(stand)
    made = connector.create(stand.ticket()).ref
    connector.update(change(1, title="T", labels=["bug"], state="closed", state_reason="completed"))
    connector.update(change(1, description=words("New"), milestone=None, assignees=["lead"], state="open"))
    connector.comment(made, "k", stand.remark())
    cursors: dict[str, str] = {}
    stand.drain(connector, cursors)
    stand.drain(connector, cursors)
    fill(stand, 5, comments=1)
    connector.fetch([ref(number) for number in range(1, 6)], threads=True)
    page = connector.history(None, begin=stand.begin)
    connector.history(page.cursor, begin=stand.begin)
    connector.find(Probe(OperationKind.CREATE, stand.ticket("8").marker, scope={"repository": REPO}))
    connector.find(Probe(OperationKind.COMMENT, stand.remark("8").marker, ref=made, sent_at=stand.begin))
    accepted = [entry for entry in stand.sandbox.log if entry["status"] < 400]
    assert len(accepted) > 12
    for entry in accepted:
        path, _, query = entry["url"].partition("?")
        body = json.dumps(entry["body"]).encode() if entry["body"] is not None else None
        asked = dict(parse_qsl(query))
        described.validate_request(
            MockRequest("http://site.example", entry["method"].lower(), path, args=asked, data=body)
        )
