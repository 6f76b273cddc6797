"""What watches bridge from outside: figures, readiness, and a heartbeat that stops when the work does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from bridge.bootstrap import Bridge
from bridge.engine.watch import Pulse

from .conftest import World, eventually

SECRET = "chosen-by-the-admin-0123456789abcdef"


def get(bridge: Bridge, path: str, **headers: str) -> tuple[int, str]:
    """What stands at an address of a running bridge."""
    assert bridge.webhooks is not None
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{bridge.webhooks.url}{path}", headers=headers, timeout=30)
    return answer.status_code, answer.text


def figures(bridge: Bridge) -> dict[str, float]:
    """The figures, by name and labels as they are written."""
    status, text = get(bridge, "/metrics")
    assert status == 200
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Somebody outside who waits for heartbeats: an address, and the paths that were asked for."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quietly."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/beat/a-secret-word", heard
        finally:
            server.shutdown()
            thread.join()


def test_the_figures_tell_how_bridge_is_and_no_word_of_any_ticket(world: World) -> None:
    world.variables["HOOK"] = SECRET
    world.edit = lambda text: (
        text.replace(
            "login: {token: env:SANDBOX_TOKEN}", "login: {token: env:SANDBOX_TOKEN}\n    webhook: {secret: env:HOOK}"
        )
        + "listen: {port: 0}\n"
    )
    opened = world.file(world.acme, "Checkout fails for Mrs Example")
    with world.running() as bridge:
        assert bridge.webhooks is not None
        with requests.Session() as session:
            session.trust_env = False
            forged = session.post(f"{bridge.webhooks.url}/hooks/vendor-github", data=b"{}", timeout=30)
            assert forged.status_code == 401
            assert session.post(f"{bridge.webhooks.url}/hooks/nobody", data=b"{}", timeout=30).status_code == 404
        told = figures(bridge)
        assert told['bridge_feed_lag_seconds{site="acme-desk"}'] < 300
        assert told['bridge_feed_budget_seconds{site="acme-desk"}'] == 300
        assert told['bridge_operations{state="dead"}'] == 0
        assert told['bridge_notifications{state="failed"}'] == 0
        assert told['bridge_operations{state="confirmed"}'] >= 1
        assert told["bridge_oldest_unconfirmed_seconds"] == 0
        assert told['bridge_route_lag_seconds{route="acme"}'] == 0
        assert told['bridge_webhooks_total{outcome="refused",site="vendor-github"}'] == 1
        assert told['bridge_webhooks_total{outcome="unknown",site=""}'] == 1
        assert told['bridge_requests_total{method="POST",site="vendor-jira",status="201"}'] >= 1
        assert told["bridge_ready"] == 1
        _status, text = get(bridge, "/metrics")
        for secret in (SECRET, "sandbox", "Example", "nobody", opened.ticket + ":", "bridge@vendor.example"):
            assert secret not in text


def test_what_came_through_a_proxy_finds_webhooks_only(world: World) -> None:
    world.edit = lambda text: text + "listen: {port: 0}\n"
    with world.running() as bridge:
        for path in ("/metrics", "/readyz", "/healthz"):
            assert get(bridge, path)[0] == 200
            assert get(bridge, path, **{"X-Forwarded-For": "203.0.113.7"})[0] == 404


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "drop_before"}])
def test_w17_the_heartbeat_stops_and_readiness_ends_when_a_site_is_not_read_and_both_come_back(
    world: World, fault: dict[str, Any]
) -> None:
    with listening() as (address, heard):
        world.variables["BEAT"] = address
        world.edit = lambda text: (
            text.replace("poll: 1s", "poll: 1s\n    budget: 1s")
            + "listen: {port: 0}\nheartbeat: {url: env:BEAT, every: 1s}\n"
        )
        with world.running() as bridge:
            pulse, vitals = bridge.daemon.pulse, bridge.daemon.vitals
            assert isinstance(pulse, Pulse)
            assert eventually(lambda: len(heard) >= 2)
            assert set(heard) == {"/beat/a-secret-word"}
            world.fault(site="globex-desk", **fault)
            assert eventually(lambda: get(bridge, "/readyz")[0] == 503)
            assert "globex-desk was not read" in get(bridge, "/readyz")[1]
            assert get(bridge, "/healthz")[0] == 200
            assert not pulse.beat(vitals)
            silent_since = len(heard)
            assert [pulse.beat(vitals) for _beat in range(3)] == [False] * 3
            assert len(heard) == silent_since
            world.calm()
            assert eventually(lambda: get(bridge, "/readyz")[0] == 200)
            assert eventually(lambda: len(heard) > silent_since)


def test_a_heartbeat_nobody_hears_disturbs_nothing_and_its_address_is_told_nowhere(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.variables["BEAT"] = "http://127.0.0.1:9/beat/a-secret-word"
    world.edit = lambda text: text + "heartbeat: {url: env:BEAT, every: 1s}\n"
    opened = world.file(world.globex, "Search is slow")
    with world.running() as bridge:
        assert bridge.daemon.pulse is not None
        assert not bridge.daemon.pulse.beat(bridge.daemon.vitals)
        assert world.issue(opened).summary == "Search is slow"
    said = "".join(capfd.readouterr())
    assert "heartbeat.unsent" in said
    assert "a-secret-word" not in said
