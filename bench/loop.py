"""The bare loop: the same calls as bridge sent, by `requests` alone, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from bench.pairs import BRIDGE_EMAIL, TOKEN

NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Effort:
    """What a piece of work took: CPU of this process and time on the wall, both in seconds."""

    cpu_s: float
    wall_s: float


class Stopwatch:
    """Measures this process. The sandbox, in another process, is not counted."""

    def __init__(self) -> None:
        self._cpu_s, self._wall_s = time.process_time(), time.perf_counter()

    def read(self) -> Effort:
        """The effort since this was made."""
        return Effort(time.process_time() - self._cpu_s, time.perf_counter() - self._wall_s)


@dataclass(frozen=True, slots=True)
class Looped:
    """How the bare loop went. `differing` calls were answered with another status than bridge's had been."""

    calls: int
    differing: int
    effort: Effort


def send_again(log: Iterable[Mapping[str, Any]], urls: Mapping[str, str]) -> Looped:
    """Send logged requests in their order to fresh sites, and read every answer as JSON."""
    calls = [(_session_of(entry["api"]), entry) for entry in log]
    sessions: dict[str, requests.Session] = {}
    tags: dict[str, str] = {}
    differing = 0
    watch = Stopwatch()
    for make, entry in calls:
        session = sessions.get(entry["site"]) or sessions.setdefault(entry["site"], make())
        url = urls[entry["site"]] + entry["url"]
        # The log holds no headers; an answer of 304 shows that bridge sent the tag of the answer before.
        headers = {"If-None-Match": tags[url]} if entry["status"] == NOT_MODIFIED and url in tags else {}
        answer = session.request(
            entry["method"], url, json=entry["body"], headers=headers, timeout=30, allow_redirects=False
        )
        if "ETag" in answer.headers:
            tags[url] = answer.headers["ETag"]
        if answer.content:
            answer.json()
        differing += answer.status_code != entry["status"]
    effort = watch.read()
    for session in sessions.values():
        session.close()
    return Looped(len(calls), differing, effort)


def _session_of(api: str) -> Any:
    def make() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        if api == "github":
            session.headers["Authorization"] = f"Bearer {TOKEN}"
        else:
            session.auth = (f"{BRIDGE_EMAIL}/token" if api == "zendesk" else BRIDGE_EMAIL, TOKEN)
        return session

    return make
