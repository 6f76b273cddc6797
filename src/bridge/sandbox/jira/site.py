"""The two kinds of Jira, and who may speak to them."""

from __future__ import annotations

from typing import ClassVar

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import refusal
from bridge.sandbox.jira.limits import JiraLimits
from bridge.sandbox.site import Refusal

TOKEN = "sandbox"
"""The token of every account."""


class JiraSite(JiraLimits):
    """Refuses the REST version the deployment does not have, and whoever does not name an account."""

    def authenticate(self, request: Request) -> str:
        wrong = "/rest/api/2/" if self.cloud else "/rest/api/3/"
        if request.path.startswith(wrong):
            raise Refusal(404, self.not_found().body)
        ident = self._account(request)
        if ident is None or not self.data["users"][ident]["active"]:
            raise Refusal(
                401,
                refusal(401, "Client must be authenticated to access this resource.").reply.body,
                {"WWW-Authenticate": 'Basic realm="Jira"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
            )
        return ident

    def _account(self, request: Request) -> str | None:
        raise NotImplementedError

    def _by(self, name: str, value: str) -> str | None:
        return next((ident for ident, user in self.data["users"].items() if user[name].lower() == value.lower()), None)


class JiraCloudSite(JiraSite):
    """Jira Cloud: REST v3, ADF, account ids; basic authentication with mail address and token `sandbox`.

    Settings: `projects`, `users`, `workflow`, `time_zone`, `hidden_fields`, `index_lag_s`, `comments_in_issue`,
    `unfetchable`, `denied_permissions`, `service_desks` (project keys), `burst_limits`, `issue_write_limits`.
    """

    kind = "jira-cloud"
    cloud: ClassVar[bool] = True

    def _account(self, request: Request) -> str | None:
        login = request.authorization
        if login is None or login.type != "basic" or login.password != TOKEN:
            return None
        return self._by("emailAddress", login.username or "")


class JiraDataCenterSite(JiraSite):
    """Jira Data Center: REST v2, wiki text, user names; a personal access token: `sandbox:<name>`, or `sandbox` for
    bridge's own account. Settings as on Cloud."""

    kind = "jira-datacenter"
    cloud: ClassVar[bool] = False

    def _account(self, request: Request) -> str | None:
        login = request.authorization
        if login is None or login.type != "bearer":
            return None
        token, _, name = (login.token or "").partition(":")
        return self._by("name", name or "bridge") if token == TOKEN else None
