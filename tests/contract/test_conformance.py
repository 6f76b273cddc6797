"""Every connector of this repository keeps the port's promises, against the simulated site of its vendor."""

# ruff: noqa: RUF012 - the attributes are declared as class variables by the suite.

from __future__ import annotations

from bridge.connect.port import Connector
from bridge.model.operation import Uploaded
from bridge.model.ticket import TicketRef
from bridge.sandbox.jira import JiraCloudSite
from bridge.sandbox.jira.pasting import paste
from bridge.testing.conformance import ConnectorConformance
from bridge.testing.stand import SITE, Stand
from bridge_github import KIND as GITHUB
from bridge_jira import KIND as JIRA
from bridge_zendesk import KIND as ZENDESK


class TestGitHub(ConnectorConformance):
    site_kind = "github"
    kind = GITHUB
    login = {"token": "sandbox"}
    person = {"token": "sandbox:engineer"}
    stranger = {"token": "nobody"}
    admin = {"token": "sandbox:lead"}
    scope = {"repository": "vendor/platform"}
    summary = "title"
    edit = ("labels", ["checked"])
    missing_id = "vendor/platform#404"


class TestJiraCloud(ConnectorConformance):
    site_kind = "jira-cloud"
    kind = JIRA
    login = {"email": "bridge@vendor.example", "token": "sandbox"}
    person = {"email": "engineer@vendor.example"}
    stranger = {"email": "nobody@vendor.example"}
    admin = {"email": "lead@vendor.example"}
    scope = {"project": "ACME", "type": "Bug"}
    summary = "summary"
    edit = ("labels", ["checked"])
    missing_id = "99999"

    def write_shown(self, stand: Stand, person: Connector, ref: TicketRef, made: Uploaded) -> None:
        site = stand.sandbox.sites[SITE]
        assert isinstance(site, JiraCloudSite)
        paste(site, ref.id, made.id, who="engineer")


class TestJiraDataCenter(TestJiraCloud):
    site_kind = "jira-datacenter"
    login = {"deployment": "datacenter", "token": "sandbox"}
    person = {"token": "sandbox:engineer"}
    stranger = {"token": "nobody"}
    admin = {"token": "sandbox:lead"}
    write_shown = ConnectorConformance.write_shown


class TestZendesk(ConnectorConformance):
    site_kind = "zendesk"
    kind = ZENDESK
    login = {"email": "bridge@vendor.example", "token": "sandbox"}
    person = {"email": "agent@site.example"}
    stranger = {"email": "nobody@vendor.example"}
    admin = {"email": "admin@site.example"}
    scope = {}
    summary = "subject"
    edit = ("tags", ["checked"])
    missing_id = "99999"
    lag_s = 61.0
    files_by_comment = True
    erases_comments = False
