"""Bridge watches over its webhooks: registered by itself, kept right, believed only when genuine, never needed."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.bootstrap import Bridge
from bridge.cli.story.config import SITES
from bridge.cli.story.people import GitHub, Helpdesk, Jira
from bridge.cli.story.script import Opened
from bridge.console.receiver import MOST_BYTES
from bridge.engine.intake.hooks import WEBHOOK
from bridge.sandbox.server import SPARE, Sandbox
from bridge.sandbox.zendesk.hooks import sign

from .conftest import World, eventually

NOWHERE = "http://127.0.0.1:9/nowhere"
VENDORS = ("acme-desk", "vendor-jira", "vendor-github")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def registering(text: str, port: int) -> str:
    """The config in which every site's webhook is registered by bridge, and feeds are read every few hours only."""
    lines = text.replace("poll: 1s", "poll: 5h\n    webhook: {register: true}")
    return f"public_url: http://127.0.0.1:{port}\nlisten: {{port: {port}}}\n{lines}"


@pytest.fixture
def port(world: World) -> Iterator[int]:
    """A world whose bridge registers its webhooks itself, and has the right to."""
    chosen = free_port()
    world.edit = lambda text: registering(text, chosen)
    grant(world)
    yield chosen
    world.stop()


def grant(world: World) -> None:
    """Make bridge's accounts administrators."""
    with world.sandbox.world.lock:
        for desk in ("acme-desk", "globex-desk"):
            for user in world.sandbox.sites[desk].data["users"].values():
                if user["email"] == "bridge@vendor.example":
                    user["role"] = "admin"
        home = world.sandbox.sites["vendor-github"].data["repositories"]["vendor/platform"]
        home["collaborators"]["vendor-bridge"] = "admin"


def registered(world: World, site: str) -> dict[str, dict[str, Any]]:
    """A site's own record of its webhooks."""
    data = world.sandbox.sites[site].data
    kept = data["repositories"]["vendor/platform"]["hooks"] if site == "vendor-github" else data["webhooks"]
    assert isinstance(kept, dict)
    return kept


def address_of(hook: Mapping[str, Any]) -> str:
    """Where a webhook delivers to."""
    return str(hook.get("endpoint") or hook.get("url") or hook["config"]["url"])


def point(world: World, site: str, address: str) -> None:
    """Let a site's webhook deliver elsewhere."""
    with world.sandbox.world.lock:
        for hook in registered(world, site).values():
            if "config" in hook:
                hook["config"]["url"] = address
            else:
                hook["endpoint" if "endpoint" in hook else "url"] = address


def looked_after(bridge: Bridge) -> bool:
    """Whether bridge has looked at the webhook of every site."""
    with bridge.ledger.begin() as transaction:
        chores = [transaction.chores.get(site, WEBHOOK) for site in bridge.wires]
    return all(chore.begun_at is not None for chore in chores)


def hook_writes(world: World) -> list[str]:
    """What bridge wrote to any site's webhooks since the log was cleared."""
    return [line for line in world.requests(writes=True) if "hook" in line]


def test_w14_registrations_are_made_once_survive_restarts_and_are_put_right(world: World, port: int) -> None:
    opened = world.file(world.globex, "Search is slow")
    with world.running() as bridge:
        assert eventually(lambda: looked_after(bridge))
        first = {site: sorted(registered(world, site)) for site in world.sandbox.sites}
        for site in world.sandbox.sites:
            [hook] = registered(world, site).values()
            assert address_of(hook).startswith(f"http://127.0.0.1:{port}/hooks/{site}?")
    for _restart in range(2):
        world.sandbox.clear_log()
        with world.running(settled=False) as bridge:
            assert eventually(lambda bridge=bridge: bool(world.requests()) and all_read(world))
        assert hook_writes(world) == []
    with world.sandbox.world.lock:
        registered(world, "acme-desk").clear()
        for hook in registered(world, "globex-desk").values():
            hook["status"] = "inactive"
        [kept] = registered(world, "vendor-jira").values()
        registered(world, "vendor-jira")["77777"] = {**kept, "id": "77777"}
        for hook in registered(world, "vendor-github").values():
            hook["events"] = ["push"]
    point(world, "vendor-github", f"http://127.0.0.1:{port}/hooks/vendor-github/old")
    with world.running():
        assert eventually(lambda: {site: len(registered(world, site)) for site in first} == dict.fromkeys(first, 1))
        assert eventually(lambda: [one["status"] for one in registered(world, "globex-desk").values()] == ["active"])
        assert eventually(
            lambda: (
                "issues" in next(iter(registered(world, "vendor-github").values()))["events"]
                and "/old" not in address_of(next(iter(registered(world, "vendor-github").values())))
            )
        )
        # What was put right works: the answer below comes through the webhook, since feeds are read every five hours.
        world.sandbox.clear_log()
        world.github.comment(world.issue(opened).ticket, "#reply We have found it.")
        assert eventually(lambda: len(world.ticket(opened).said) == 2)
        assert not [line for line in world.requests(site="vendor-github") if line.endswith("/platform/issues")]


def all_read(world: World) -> bool:
    """Whether bridge has asked every site for its webhooks."""
    return all(any("hook" in line for line in world.requests(site=site)) for site in world.sandbox.sites)


def test_w14_a_site_that_does_not_let_bridge_register_is_polled_and_named(world: World) -> None:
    chosen = free_port()
    world.edit = lambda text: registering(text, chosen).replace("poll: 5h", "poll: 1s")
    opened = world.file(world.globex, "Search is slow")
    with world.running() as bridge:
        assert eventually(lambda: looked_after(bridge))
        world.github.comment(world.issue(opened).ticket, "#reply We have found it.")
        assert eventually(lambda: len(world.ticket(opened).said) == 2)
        with bridge.ledger.begin() as transaction:
            problems = {site: transaction.chores.get(site, WEBHOOK).problem for site in bridge.wires}
    assert problems["vendor-jira"] == ""
    assert "may not register its webhook at globex-desk" in problems["globex-desk"]
    assert "may not register its webhook at vendor-github" in problems["vendor-github"]
    assert registered(world, "globex-desk") == registered(world, "vendor-github") == {}


def test_a_bridge_that_only_observes_registers_nothing(world: World) -> None:
    chosen = free_port()
    world.edit = lambda text: registering(text, chosen).replace("mode: live", "mode: observe")
    grant(world)
    with world.running(settled=False) as bridge:
        assert bridge.daemon.settle(patience_s=30)
        bridge.daemon.readers["vendor-jira"].look_after()
        assert bridge.daemon.settle(patience_s=30)
    assert world.requests(writes=True) == []


def test_secrets_of_webhooks_are_told_nowhere(world: World, port: int, capfd: pytest.CaptureFixture[str]) -> None:
    with world.running() as bridge:
        assert eventually(lambda: looked_after(bridge))
        with bridge.ledger.begin() as transaction:
            kept = repr(transaction.chores.all())
        secrets = [
            registered(world, "acme-desk").popitem()[1]["_secret"],
            registered(world, "vendor-jira").popitem()[1]["secret"],
            registered(world, "vendor-github").popitem()[1]["config"]["secret"],
        ]
    said = "".join(capfd.readouterr()) + kept + (world.home / "data" / "ledger.sqlite3").read_bytes().decode("latin-1")
    assert all(len(secret) >= 32 and secret not in said for secret in secrets)


# Who is believed


@dataclass
class Case:
    """A change at one vendor whose delivery never came, and how to tell whether bridge knows of it."""

    world: World
    site: str
    opened: Opened

    def happen(self, words: str) -> None:
        """Something is said at the vendor's site."""
        world = self.world
        if self.site == "acme-desk":
            world.acme.reply(self.opened.ticket, words)
        elif self.site == "vendor-jira":
            world.jira.comment(world.issue(self.opened).ticket, f"#reply {words}")
        else:
            world.github.comment(world.issue(self.opened).ticket, f"#reply {words}")

    def is_known(self, words: str) -> bool:
        """Whether it stands on the other side."""
        case = self.world.issue(self.opened) if self.site == "acme-desk" else self.world.ticket(self.opened)
        return any(words in said.words for said in case.said)


def lost(world: World, case: Case, words: str) -> dict[str, Any]:
    """Let something happen whose genuine delivery is lost on the way; the delivery."""
    right = {ident: address_of(hook) for ident, hook in registered(world, case.site).items()}
    point(world, case.site, NOWHERE)
    with world.sandbox.world.lock:
        before = len(world.sandbox.world.deliveries)
    case.happen(words)
    world.sandbox.world.settle()
    sent = [one for one in world.sandbox.world.deliveries[before:] if one["url"] == NOWHERE and words in one["body"]]
    [address] = set(right.values())
    point(world, case.site, address)
    return {**sent[0], "url": address}


def post(delivery: Mapping[str, Any], **headers: str | None) -> int:
    """Deliver, with some headers changed or (None) left out; the answer's status."""
    sent = {name: value for name, value in {**delivery["headers"], **headers}.items() if value is not None}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(delivery["url"], data=delivery["body"].encode(), headers=sent, timeout=30).status_code


SIGNATURES = {
    "acme-desk": "X-Zendesk-Webhook-Signature",
    "vendor-jira": "X-Hub-Signature",
    "vendor-github": "X-Hub-Signature-256",
}
STAMP = "X-Zendesk-Webhook-Signature-Timestamp"


@pytest.mark.parametrize("site", VENDORS)
def test_forged_stale_and_repeated_deliveries_have_no_effect_and_a_genuine_one_is_mirrored_at_once(
    world: World, port: int, site: str
) -> None:
    desk = world.globex if site == "vendor-github" else world.acme
    one, other = world.file(desk, "Checkout fails"), world.file(desk, "Export fails")
    with world.running() as bridge:
        assert eventually(lambda: looked_after(bridge))
        world.sandbox.world.advance(2)  # GitHub's stamps are whole seconds
        silent, heard = Case(world, site, one), Case(world, site, other)
        delivery = lost(world, silent, "nobody heard this")
        signature = delivery["headers"][SIGNATURES[site]]
        forged = "sha256=" + "0" * 64 if signature.startswith("sha256=") else "A" * 44
        assert post(delivery, **{SIGNATURES[site]: forged}) == 401
        assert post(delivery, **{SIGNATURES[site]: None}) == 401
        assert post({**delivery, "body": delivery["body"] + " "}) == 401
        assert post({**delivery, "body": "x" * (MOST_BYTES + 1)}) == 413
        if site == "acme-desk":
            [hook] = registered(world, site).values()
            stale = "2026-01-01T00:00:00Z"
            resigned = sign(hook["_secret"], stale, delivery["body"].encode())
            assert post(delivery, **{STAMP: stale, SIGNATURES[site]: resigned}) == 401
            assert post(delivery, **{STAMP: None}) == 401
        # A genuine delivery about another ticket, heard later, was followed: so the ones before had no effect.
        world.sandbox.clear_log()
        heard.happen("this was heard")
        assert eventually(lambda: heard.is_known("this was heard"))
        assert not silent.is_known("nobody heard this")
        assert post(delivery) == 202
        assert eventually(lambda: silent.is_known("nobody heard this"))
        world.sandbox.clear_log()
        assert post(delivery) == 409
        heard.happen("and this")
        assert eventually(lambda: heard.is_known("and this"))
        assert not [line for line in world.requests() if "incremental" in line or "search/jql" in line]


def test_w11_any_hint_delivered_again_and_again_in_any_order_gives_the_same_result(world: World, port: int) -> None:
    opened = [world.file(world.acme, f"Checkout {word} fails") for word in ("one", "two", "three")]
    with world.running() as bridge:
        assert eventually(lambda: looked_after(bridge))
        for seed in range(4):
            chance = random.Random(seed)
            told: list[dict[str, Any]] = []
            for number, ticket in enumerate(opened):
                desk, tracker = Case(world, "acme-desk", ticket), Case(world, "vendor-jira", ticket)
                told.append(lost(world, desk, f"question {seed} {number}"))
                told.append(lost(world, tracker, f"answer {seed} {number}"))
            again = [one for one in told for _time in range(chance.randint(1, 5))]
            chance.shuffle(again)
            assert {post(one) for one in again} <= {202, 409}
            for one in again:
                # Past the guard against repetition too: as if another machine had heard it, or a restart forgot it.
                site = "acme-desk" if "acme-desk" in one["url"] else "vendor-jira"
                hints = bridge.daemon.connections.to(site).parse_webhook(one["headers"], one["body"].encode())
                bridge.daemon.take(site, hints)
            assert eventually(lambda seed=seed: all(is_said(world, ticket, seed) for ticket in opened))
    for number, ticket in enumerate(opened):
        questions = [said.words for said in world.issue(ticket).said if "question" in said.words]
        answers = [said.words for said in world.ticket(ticket).said if "answer" in said.words]
        assert len(questions) == len(answers) == 4
        assert all(any(f"question {seed} {number}" in said for said in questions) for seed in range(4))
        assert all(any(f"answer {seed} {number}" in said for said in answers) for seed in range(4))
    world.edit = lambda text: text
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def is_said(world: World, opened: Opened, seed: int) -> bool:
    """Whether the question and the answer of a round stand on the other side."""
    asked = any(f"question {seed} " in said.words for said in world.issue(opened).said)
    return asked and any(f"answer {seed} " in said.words for said in world.ticket(opened).said)


def test_w09_without_any_webhook_one_poll_of_each_site_brings_everything(world: World) -> None:
    world.edit = lambda text: text.replace("poll: 1s", "poll: 5h")
    first = world.file(world.acme, "Checkout fails")
    with world.running() as bridge:
        assert bridge.webhooks is None
        world.sandbox.world.advance(2)
        second = world.file(world.globex, "Search is slow")
        world.acme.reply(first.ticket, "It fails again.")
        world.jira.comment(world.issue(first).ticket, "#reply We see it.")
        polled: dict[str, Callable[[], bool]] = {}
        for site, reader in bridge.daemon.readers.items():
            wanted = reader.poke()
            polled[site] = lambda reader=reader, wanted=wanted: reader.answered >= wanted  # type: ignore[misc]
        assert all(eventually(is_polled) for is_polled in polled.values())
        assert eventually(lambda: any("It fails again." in said.words for said in world.issue(first).said))
        assert eventually(lambda: any("We see it." in said.words for said in world.ticket(first).said))
        assert eventually(lambda: [case.summary for case in world.github.cases()] == [second.summary])


def test_w14_a_data_center_is_given_an_address_nobody_can_guess(tmp_path: Path) -> None:
    with Sandbox({**SITES, "vendor-jira": "jira-datacenter"}, seed=1) as sandbox:
        urls = sandbox.urls
        world = World(
            tmp_path,
            sandbox,
            Helpdesk(urls["acme-desk"], "acme-desk"),
            Helpdesk(urls["globex-desk"], "globex-desk"),
            Jira(urls["vendor-jira"]),
            GitHub(urls["vendor-github"], "vendor/platform"),
        )
        chosen = free_port()
        world.edit = lambda text: on_data_center(registering(text, chosen))
        grant(world)
        opened = world.file(world.acme, "Checkout fails")
        try:
            with world.running() as bridge:
                assert eventually(lambda: looked_after(bridge))
                [hook] = registered(world, "vendor-jira").values()
                base, _, word = hook["url"].partition("?")[0].rpartition("/")
                assert base == f"http://127.0.0.1:{chosen}/hooks/vendor-jira"
                assert len(word) >= 32
                [issue] = sandbox.sites["vendor-jira"].data["issues"].values()
                ask = {"headers": {"Authorization": "Bearer sandbox:engineer", SPARE: "yes"}, "timeout": 30}
                with requests.Session() as session:
                    session.trust_env = False
                    body = {"issue": {"id": issue["id"]}, "webhookEvent": "comment_created"}
                    for guess in (base, f"{base}/{word[:-1]}", f"{base}/{word[:-1]}{'10'[word[-1] == '1']}"):
                        assert session.post(guess, json=body, timeout=30).status_code == 401
                    said = {"body": "#reply We have found it."}
                    url = f"{urls['vendor-jira']}/rest/api/2/issue/{issue['key']}/comment"
                    session.post(url, json=said, **ask).raise_for_status()  # type: ignore[arg-type]
                assert eventually(lambda: len(world.ticket(opened).said) == 2)
        finally:
            for person in (world.acme, world.globex, world.jira, world.github):
                person.close()


def on_data_center(text: str) -> str:
    """The config with a Jira Data Center in the place of the Cloud."""
    head, found, rest = text.partition("connector: jira\n")
    rest = rest.replace(
        "login: {email: bridge@vendor.example, token: env:SANDBOX_TOKEN}",
        "login: {deployment: datacenter, token: env:SANDBOX_TOKEN}",
        1,
    )
    return (head + found + rest).replace("mapping: jira-software", "mapping: jira-datacenter")
