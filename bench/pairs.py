"""The pairs of sites that are measured: how they are configured, and how people fill their helpdesk's side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.ground import Ground, Plot
from bridge.bootstrap import Bridge, build
from bridge.cli.config_option import connectors
from bridge.cli.story.people import Helpdesk
from bridge.cli.story.scenes import SECOND_LINE
from bridge.config import load_config
from bridge.sandbox.server import SPARE

TOKEN = "sandbox"
BRIDGE_EMAIL = "bridge@vendor.example"
HOUR_S = 3600.0
REPOSITORY = "acme/shop"
SEVERITIES = ("urgent", "high", "normal", "low")

SITE = """\
  {name}:
    connector: {connector}
    url: {url}
    held_by: {held_by}
    login: {login}
    limits: {{deadline: 10s, processing: 1s, index_lag: 1s, documented: false}}
"""
ROUTE = """\
people:
  engineer: {{name: Support Engineer, email: engineer@vendor.example}}
  lead: {{name: Team Lead, email: lead@vendor.example}}
routes:
  acme:
    helpdesk: {{site: {helpdesk}, {scope}}}
    tracker: {{site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}}
    mode: live
    undo: 0s
store: {{directory: data}}
engine: {{workers: {workers}}}
"""
WITH_EMAIL = f"{{email: {BRIDGE_EMAIL}, token: env:SANDBOX_TOKEN}}"
WITH_TOKEN = "{token: env:SANDBOX_TOKEN}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A helpdesk's site served from a Jira. `fill` has people open that many tickets with two comments each."""

    name: str
    helpdesk: str
    connector: str
    plot: Plot
    scope: str
    fill: Callable[[str, int], None]

    def config_text(self, urls: Mapping[str, str], *, workers: int = 4) -> str:
        """The config for sites at these addresses."""
        login = WITH_TOKEN if self.connector == "github" else WITH_EMAIL
        sites = (
            ("vendor-jira", "jira", "vendor", WITH_EMAIL),
            (self.helpdesk, self.connector, "customer", login),
        )
        text = "sites:\n"
        for name, connector, held_by, how in sites:
            text += SITE.format(name=name, connector=connector, url=urls[name], held_by=held_by, login=how)
        return text + ROUTE.format(helpdesk=self.helpdesk, scope=self.scope, workers=workers)

    def build(self, home: Path, urls: Mapping[str, str]) -> Bridge:
        """A bridge with an empty ledger in `home`."""
        path = home / "config.yaml"
        path.write_text(self.config_text(urls), encoding="utf-8")
        return build(load_config(path, environ={"SANDBOX_TOKEN": TOKEN}, connectors=connectors()))

    def seed(self, ground: Ground, number: int) -> None:
        """Fill the helpdesk's side an hour ago, and forget the requests that took."""
        ground.advance(-HOUR_S)
        self.fill(ground.urls[self.helpdesk], number)
        ground.advance(HOUR_S)
        ground.clear_log()


def _fill_github(url: str, number: int) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.headers[SPARE] = "yes"

        def post(who: str, path: str, body: Mapping[str, Any]) -> Any:
            login = {"Authorization": f"Bearer sandbox:{who}"}
            answer = session.post(f"{url}/repos/{REPOSITORY}/{path}", json=body, headers=login, timeout=30)
            answer.raise_for_status()
            return answer.json()

        for count in range(1, number + 1):
            issue = {
                "title": f"Export stops half way (case {count})",
                "body": "It began this *morning*.\n\n- one\n- two",
            }
            made = post("engineer", "issues", issue)
            for who, words in (("lead", "It happens for all branches."), ("engineer", "Here is the `log` of today.")):
                post(who, f"issues/{made['number']}/comments", {"body": words})


def _fill_zendesk(url: str, number: int) -> None:
    desk = Helpdesk(url, "acme-desk")
    try:
        for count in range(1, number + 1):
            summary, severity = f"Export stops half way (case {count})", SEVERITIES[count % len(SEVERITIES)]
            words = "It began this morning.\n\nWe need help soon."
            ticket = desk.file(summary, words, priority=severity, group=SECOND_LINE)
            desk.reply(ticket, "It happens for all branches.")
            desk.change(ticket, comment={"body": "Here is the log of today.", "public": True})
    finally:
        desk.close()


GITHUB = Pair(
    name="GitHub → Jira",
    helpdesk="acme-github",
    connector="github",
    plot=Plot(
        kinds={"acme-github": "github", "vendor-jira": "jira-cloud"},
        settings={"acme-github": {"repositories": [{"full_name": REPOSITORY, "private": True}]}},
    ),
    scope=f"mapping: {Path(__file__).with_name('github-helpdesk.yaml')}, repository: {REPOSITORY}",
    fill=_fill_github,
)
ZENDESK = Pair(
    name="Zendesk → Jira",
    helpdesk="acme-desk",
    connector="zendesk",
    # As in reality, the incremental exports leave the last minute out.
    plot=Plot(
        kinds={"acme-desk": "zendesk", "vendor-jira": "jira-cloud"},
        settings={"acme-desk": {"excluded_s": 60}},
    ),
    scope=f"mapping: zendesk-default, open_when: {{group: {SECOND_LINE}}}",
    fill=_fill_zendesk,
)
