"""Webhooks end to end: the vendors' own signed deliveries, the receiver, and tickets mirrored without any poll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import pytest
import requests

from bridge.connect.registry import find_kinds
from bridge.connect.webhook import WebhookScheme
from bridge.console.door import Door
from bridge.console.receiver import make_app
from bridge.console.server import WebhookServer
from bridge.engine.clock import SystemClock
from bridge.engine.turns import Turns
from bridge.engine.worker import Worker
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge.sandbox.server import SPARE, Sandbox
from bridge.testing.stand import SITE, Stand

from .conftest import World

SECRET = "chosen-by-the-admin-0123456789abcdef"
NOWHERE = "http://127.0.0.1:9/hooks"
TICKET_EVENTS = ("created", "comment_added", "status_changed", "priority_changed", "custom_field_changed")
FEEDS = ("incremental", "/search/jql", "/repos/vendor/platform/issues?", "/version")
MOST_ROUNDS = 20


def ask(method: str, url: str, body: Any = None, **login: Any) -> Any:
    """A request of a site's administrator."""
    headers = {SPARE: "yes", **login.pop("headers", {})}
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(method, url, json=body, headers=headers, timeout=30, **login)
        response.raise_for_status()
        return response.json() if response.content else None


@dataclass
class Ears:
    """A bridge that hears webhooks and reads no feed, the hooks being registered by each site's administrator."""

    world: World
    heard: SimpleQueue[tuple[str, tuple[Hint, ...]]] = field(default_factory=SimpleQueue)
    hooks: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def listen(self) -> WebhookServer:
        """Doors for every site, and a server that is not started yet."""
        connections = self.world.converged().daemon.connections
        kinds: Mapping[str, Any] = find_kinds()
        doors = {}
        for name, settings in connections.settings.items():
            scheme: WebhookScheme = kinds[self.world.converged().config.sites[name].connector].door(settings)

            def parse(headers: Mapping[str, str], body: bytes, name: str = name) -> tuple[Hint, ...]:
                return connections.to(name).parse_webhook(headers, body)

            doors[name] = Door(name, scheme, self.secrets.get(name, SECRET).encode(), parse)
        return WebhookServer(make_app(doors, lambda site, hints: self.heard.put((site, hints)), SystemClock()))

    def register_desk(self, site: str) -> None:
        """At Zendesk, which makes the secret itself: nothing is delivered to us before `point`."""
        hook = {
            "name": "bridge",
            "status": "active",
            "endpoint": NOWHERE,
            "http_method": "POST",
            "request_format": "json",
            "subscriptions": [f"zen:event-type:ticket.{event}" for event in TICKET_EVENTS],
        }
        made = self._desk("POST", site, "", {"webhook": hook})
        self.hooks[site] = made["webhook"]["id"]
        shown = self._desk("GET", site, f"/{self.hooks[site]}/signing_secret")
        self.secrets[site] = shown["signing_secret"]["secret"]

    def point(self, site: str, url: str) -> None:
        """Let Zendesk deliver to this server."""
        self._desk("PATCH", site, f"/{self.hooks[site]}", {"webhook": {"endpoint": f"{url}/hooks/{site}"}})

    def _desk(self, method: str, site: str, path: str, body: Any = None) -> Any:
        url = f"{self.world.sandbox.urls[site]}/api/v2/webhooks{path}"
        return ask(method, url, body, auth=(f"admin@{site}.example/token", "sandbox"))

    def register_trackers(self, url: str, *, secret: str = SECRET) -> None:
        """At Jira and at GitHub, with the administrator's own secret."""
        urls = self.world.sandbox.urls
        hook: dict[str, Any] = {"name": "bridge", "url": f"{url}/hooks/vendor-jira", "secret": secret, "events": []}
        ask("POST", f"{urls['vendor-jira']}/rest/webhooks/1.0/webhook", hook, auth=("lead@vendor.example", "sandbox"))
        config = {"url": f"{url}/hooks/vendor-github", "content_type": "json", "secret": secret}
        hook = {"config": config, "events": ["issues", "issue_comment"]}
        login = {"Authorization": "Bearer sandbox:lead"}
        ask("POST", f"{urls['vendor-github']}/repos/vendor/platform/hooks", hook, headers=login)

    def act(self) -> set[str]:
        """Do what is heard until no vendor says any more; the sites that were heard. No feed is read."""
        daemon = self.world.converged().daemon
        heard: set[str] = set()
        for _ in range(MOST_ROUNDS):
            self.world.sandbox.world.settle()
            hints = self._heard()
            if not hints:
                return heard
            for site, named in hints:
                heard.add(site)
                daemon.intake.hint(site, named)
            Worker(daemon.batch, Turns(daemon.ledger, daemon.clock, workers=1, routes=2)).work_off()
        raise AssertionError("the two sides talk without end")

    def _heard(self) -> list[tuple[str, tuple[Hint, ...]]]:
        found = []
        while True:
            try:
                found.append(self.heard.get_nowait())
            except Empty:
                return found

    def statuses(self) -> set[int]:
        """What the vendors were answered, without the deliveries that were sent nowhere."""
        self.world.sandbox.world.settle()
        return {one["status"] for one in self.world.sandbox.world.deliveries if not one["url"].startswith(NOWHERE)}


@pytest.fixture
def ears(world: World) -> Ears:
    world.converge()
    made = Ears(world)
    for site in ("acme-desk", "globex-desk"):
        made.register_desk(site)
    return made


def polls(world: World) -> list[str]:
    """Which feeds bridge read since the log was cleared."""
    read = [entry["url"] for entry in world.sandbox.log if "bridge" in entry["actor"] and entry["method"] == "GET"]
    return [url for url in read if any(part in url for part in FEEDS)]


def test_signed_deliveries_alone_carry_tickets_and_answers_both_ways(world: World, ears: Ears) -> None:
    with ears.listen() as server:
        for site in ears.hooks:
            ears.point(site, server.url)
        ears.register_trackers(server.url)
        world.sandbox.clear_log()
        for_jira, for_github = world.file(world.acme, "Checkout fails"), world.file(world.globex, "Search is slow")
        assert {"acme-desk", "globex-desk"} <= ears.act()
        # GitHub's stamps are whole seconds, and a hint with the stamp that is known already asks for nothing.
        world.sandbox.world.advance(2)
        world.jira.comment(world.issue(for_jira).ticket, "#reply We are on it.")
        world.github.comment(world.issue(for_github).ticket, "#reply It is the index.")
        assert {"vendor-jira", "vendor-github"} <= ears.act()
        assert any("We are on it." in said.words for said in world.ticket(for_jira).said)
        assert any("It is the index." in said.words for said in world.ticket(for_github).said)
        assert ears.statuses() == {202}
        assert polls(world) == []
        world.sandbox.clear_log()
        world.converge()
        assert len(polls(world)) >= len(ears.hooks) + 2
        assert world.requests(writes=True) == []


def test_deliveries_under_another_secret_have_no_effect(world: World, ears: Ears) -> None:
    ears.secrets = dict.fromkeys(ears.secrets, "not-what-the-vendor-has-0123456789")
    with ears.listen() as server:
        for site in ears.hooks:
            ears.point(site, server.url)
        ears.register_trackers(server.url, secret="not-what-we-have-0123456789abcdef")
        world.file(world.acme, "Checkout fails")
        world.github.comment(_issue(world), "Words.")
        assert ears.act() == set()
        assert ears.statuses() == {401}
        assert world.jira.cases("ACME") == []
    world.converge()
    assert [case.summary for case in world.jira.cases("ACME")] == ["Checkout fails"]


def _issue(world: World) -> str:
    """An issue the engineers opened themselves."""
    url = f"{world.sandbox.urls['vendor-github']}/repos/vendor/platform/issues"
    made = ask("POST", url, {"title": "Ours"}, headers={"Authorization": "Bearer sandbox:engineer"})
    return str(made["number"])


def test_a_redelivery_asked_of_github_is_known_already(world: World, ears: Ears) -> None:
    with ears.listen() as server:
        ears.register_trackers(server.url)
        _issue(world)
        assert ears.statuses() == {202}
        base = f"{world.sandbox.urls['vendor-github']}/repos/vendor/platform/hooks"
        login = {"headers": {"Authorization": "Bearer sandbox:lead"}}
        [hook] = ask("GET", base, **login)
        sent = ask("GET", f"{base}/{hook['id']}/deliveries", **login)
        opened = next(one["id"] for one in sent if one["event"] == "issues")
        ask("POST", f"{base}/{hook['id']}/deliveries/{opened}/attempts", **login)
        assert ears.statuses() == {202, 409}


def test_a_data_center_delivers_to_an_address_nobody_can_guess() -> None:
    token = "0123456789abcdef0123456789abcdef"
    kind: Any = find_kinds()["jira"]
    login = {"token": "sandbox", "deployment": "datacenter"}
    heard: list[tuple[str, tuple[Hint, ...]]] = []
    with Sandbox({SITE: "jira-datacenter"}, seed=1) as sandbox:
        stand = Stand(sandbox, kind, login, {"project": "ACME", "type": "Bug"}, frozenset())
        connector = stand.connect()
        scheme = WebhookScheme(in_path=True)
        doors = {SITE: Door(SITE, scheme, token.encode(), connector.parse_webhook)}
        with WebhookServer(make_app(doors, lambda site, hints: heard.append((site, hints)), SystemClock())) as server:
            for part in (token, "guessed", ""):
                hook = {"name": part or "bare", "url": f"{server.url}/hooks/{SITE}/{part}".rstrip("/"), "events": []}
                headers = {"Authorization": "Bearer sandbox"}
                ask("POST", f"{sandbox.urls[SITE]}/rest/webhooks/1.0/webhook", hook, headers=headers)
            made = connector.create(stand.ticket())
            sandbox.world.settle()
            answered = sorted(one["status"] for one in sandbox.world.deliveries)
        stand.close()
    assert answered == [202, 401, 401]
    assert [(site, [hint.ref for hint in hints]) for site, hints in heard] == [(SITE, [TicketRef(SITE, made.ref.id)])]


def test_a_running_daemon_hears_the_webhooks_its_config_names(world: World) -> None:
    """Polls are an hour apart here, so what reaches the customer was heard."""
    world.variables["HOOK"] = SECRET
    world.edit = lambda text: (
        text.replace("poll: 1s", "poll: 1h").replace(
            "login: {token: env:SANDBOX_TOKEN}", "login: {token: env:SANDBOX_TOKEN}\n    webhook: {secret: env:HOOK}"
        )
        + "listen: {port: 0}\n"
    )
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    bridge = world.converged()
    assert bridge.webhooks is not None
    bridge.webhooks.start()
    running = Thread(target=bridge.daemon.run)
    running.start()
    try:
        assert bridge.daemon.settle(patience_s=30)
        Ears(world).register_trackers(bridge.webhooks.url)
        world.sandbox.clear_log()
        world.github.comment(world.issue(opened).ticket, "#reply We have found it.")
        pause = Event()
        for _look in range(400):
            if len(world.ticket(opened).said) == 2:
                break
            pause.wait(0.05)
        assert len(world.ticket(opened).said) == 2
        assert [line for line in world.requests() if line.endswith("/platform/issues")] == []
    finally:
        bridge.daemon.stop()
        running.join()
