"""`python -m bench.files`: large files both ways through a daemon in a process of its own; what memory that took."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests

from bench.ground import Ground, Plot
from bridge.cli.story.config import SITES, config_text
from bridge.cli.story.people import Helpdesk, Jira
from bridge.cli.story.scenes import SECOND_LINE
from bridge.connect.files import Body
from bridge.sandbox.server import SPARE

MB = 1024 * 1024
MOST_GROWTH_MB = 20.0
PATIENCE_S = 300.0
LOOK_S = 0.02
AGENT = ("agent@acme-desk.example/token", "sandbox")
ENGINEER = ("engineer@vendor.example", "sandbox")


@dataclass(frozen=True, slots=True)
class Passage:
    """One file's way: the daemon's resident memory before, at its highest and after, in MB, and how long it took."""

    way: str
    size_mb: float
    before_mb: float
    peak_mb: float
    after_mb: float
    took_s: float
    is_whole: bool

    @property
    def growth_mb(self) -> float:
        """How much more than before the daemon held at any time."""
        return self.peak_mb - self.before_mb

    @property
    def is_good(self) -> bool:
        """Whether the file arrived whole and was never held in memory."""
        return self.is_whole and self.growth_mb <= MOST_GROWTH_MB


class Gauge:
    """Watches a process's resident memory while a block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self.peak_mb = 0.0

    def read_mb(self) -> float:
        """Now."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.peak_mb = max(self.peak_mb, self.read_mb())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Remember the highest value met inside."""
        self._stop.clear()
        self.peak_mb = self.read_mb()
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._stop.set()
            watch.join()


def _pieces(size: int, seed: bytes) -> Iterator[bytes]:
    """That many bytes that no compression shortens, the same for the same seed."""
    block = b"".join(sha256(seed + number.to_bytes(4)).digest() for number in range(MB // 32))
    for start in range(0, size, MB):
        yield block[: min(MB, size - start)]


def _digest(size: int, seed: bytes) -> str:
    whole = sha256()
    for piece in _pieces(size, seed):
        whole.update(piece)
    return whole.hexdigest()


class People:
    """The customer and the engineer, with files of any size."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.desk = Helpdesk(urls["acme-desk"], "acme-desk")
        self.jira = Jira(urls["vendor-jira"])
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers[SPARE] = "yes"

    def ask(self, method: str, url: str, login: Any, **more: Any) -> requests.Response:
        """One request, which must succeed."""
        answer = self._session.request(method, url, auth=login, timeout=PATIENCE_S, **more)
        answer.raise_for_status()
        return answer

    def reply(self, ticket: str, name: str, size: int) -> None:
        """The customer's agent answers with a file."""
        body = Body(_pieces(size, name.encode()), size)
        url = f"{self.desk.url}/api/v2/uploads"
        headers = {"Content-Type": "application/octet-stream"}
        made = self.ask("POST", url, AGENT, data=body, params={"filename": name}, headers=headers).json()
        self.desk.change(ticket, comment={"body": "Here is the dump.", "uploads": [made["upload"]["token"]]})

    def release(self, key: str, name: str, size: int) -> None:
        """The engineer releases a comment that shows a file of the issue."""
        mark = "bench"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = Body(_pieces(size, name.encode()), size, before=head, behind=f"\r\n--{mark}--\r\n".encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "X-Atlassian-Token": "no-check"}
        root = f"{self.jira.url}/rest/api/3"
        [made] = self.ask("POST", f"{root}/issue/{key}/attachments", ENGINEER, data=body, headers=headers).json()
        sent_to = self.ask("GET", f"{root}/attachment/content/{made['id']}", ENGINEER, allow_redirects=False)
        media = sent_to.headers["Location"].split("/file/")[1].split("/")[0]
        shown = {"type": "media", "attrs": {"type": "file", "id": media, "collection": ""}}
        words = {"type": "paragraph", "content": [{"type": "text", "text": "#reply Install this build."}]}
        content = [words, {"type": "mediaGroup", "content": [shown]}]
        self.ask(
            "POST",
            f"{root}/issue/{key}/comment",
            ENGINEER,
            json={"body": {"type": "doc", "version": 1, "content": content}},
        )

    def at_jira(self, key: str, size: int) -> str:
        """The digest of the issue's file of that size, once bridge's comment names it; empty before."""
        root = f"{self.jira.url}/rest/api/3"
        fields = self.ask("GET", f"{root}/issue/{key}", ENGINEER, params={"fields": "attachment,comment"}).json()[
            "fields"
        ]
        found = [one for one in fields["attachment"] if one["size"] == size]
        is_told = "Here is the dump." in json.dumps(fields["comment"])
        return self._digest(f"{root}/attachment/content/{found[0]['id']}", ENGINEER) if found and is_told else ""

    def at_zendesk(self, ticket: str, size: int) -> str:
        """The digest of the ticket's file of that size that bridge brought; empty before."""
        page = self.ask(
            "GET",
            f"{self.desk.url}/api/v2/tickets/{ticket}/comments",
            AGENT,
            params={"include_inline_images": "true"},
        ).json()
        told = [one for one in page["comments"] if "Install this build." in one["plain_body"]]
        files = [file for one in told for file in one["attachments"] if file["size"] == size]
        return self._digest(files[0]["content_url"], AGENT) if files else ""

    def _digest(self, url: str, login: Any) -> str:
        whole = sha256()
        with self._session.get(url, auth=login, stream=True, timeout=PATIENCE_S) as answer:
            for piece in answer.iter_content(MB):
                whole.update(piece)
        return whole.hexdigest()

    def close(self) -> None:
        """Log out."""
        for one in (self.desk, self.jira, self._session):
            one.close()


def _until(ask: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        found = ask()
        if found:
            return found
        time.sleep(0.5)
    raise TimeoutError(f"{what} did not happen within {PATIENCE_S:.0f} s.")


@contextmanager
def _daemon(home: Path, urls: dict[str, str]) -> Iterator[int]:
    """`bridge run` in a process of its own; its number."""
    patient = "deadline: 30s, processing: 1s, attachment: 2 GB"
    text = config_text(urls).replace("deadline: 2s, processing: 1s", patient)
    (home / "config.yaml").write_text(text, encoding="utf-8")
    environ = {**os.environ, "SANDBOX_TOKEN": "sandbox"}
    command = [sys.executable, "-m", "bridge", "run", "--config", str(home / "config.yaml")]
    with (home / "daemon.log").open("w") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)


def measure(size: int) -> list[Passage]:
    """Send one file of `size` bytes each way. Raises TimeoutError when one does not arrive."""
    limits = {"acme-desk": {"most_bytes": size * 2}, "vendor-jira": {"upload_limit": size * 2}}
    with tempfile.TemporaryDirectory(prefix="bridge-files-") as home, Ground(Plot(SITES, limits)) as ground:
        people = People(ground.urls)
        try:
            with _daemon(Path(home), ground.urls) as pid:
                return list(_passages(people, Gauge(pid), size))
        finally:
            people.close()


def _passages(people: People, gauge: Gauge, size: int) -> Iterator[Passage]:
    ticket = people.desk.file("The service hangs", "Please help.", priority="high", group=SECOND_LINE)
    key = _until(lambda: people.jira.find("The service hangs", project="ACME"), "The issue")
    # Every part of the way is walked once before anything is measured.
    people.reply(ticket, "small.bin", 4 * MB)
    _until(lambda: people.at_jira(key, 4 * MB), "A small file's arrival")
    people.release(key, "small-fix.bin", 3 * MB)
    _until(lambda: people.at_zendesk(ticket, 3 * MB), "A small file's return")
    yield _pass(
        "Zendesk to Jira",
        gauge,
        size,
        lambda: people.reply(ticket, "dump.bin", size),
        lambda: people.at_jira(key, size),
        b"dump.bin",
    )
    yield _pass(
        "Jira to Zendesk",
        gauge,
        size + 1,
        lambda: people.release(key, "build.bin", size + 1),
        lambda: people.at_zendesk(ticket, size + 1),
        b"build.bin",
    )


def _pass(
    way: str, gauge: Gauge, size: int, send: Callable[[], None], arrived: Callable[[], str], seed: bytes
) -> Passage:
    before_mb, began = gauge.read_mb(), time.monotonic()
    with gauge.watching():
        send()
        digest = _until(arrived, f"The way from {way}")
        took_s = time.monotonic() - began
    is_whole = digest == _digest(size, seed)
    return Passage(way, size / MB, before_mb, gauge.peak_mb, gauge.read_mb(), took_s, is_whole)


def main() -> None:
    """Measure, print, and exit 1 if a file was held in memory or did not arrive whole."""
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500, help="how large the file is")
    parser.add_argument("--json", action="store_true", help="only the result, as JSON")
    chosen = parser.parse_args()
    passages = measure(chosen.megabytes * MB)
    if chosen.json:
        print(json.dumps([asdict(one) for one in passages], indent=2))
    else:
        print(f"The daemon's resident memory, {os.cpu_count()} cores, {platform.system()} {platform.machine()}:")
        for one in passages:
            print(
                f"{one.way}: {one.size_mb:.0f} MB in {one.took_s:.0f} s; before {one.before_mb:.1f} MB, "
                f"peak {one.peak_mb:.1f} MB ({one.growth_mb:+.1f}), after {one.after_mb:.1f} MB"
                f"{'' if one.is_whole else '; NOT WHOLE'}"
            )
    sys.exit(0 if all(one.is_good for one in passages) else 1)


if __name__ == "__main__":
    main()
