"""Files that lie on a vendor's content hosts: reached without a login, by name only, never where a text says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from bridge.connect.outcome import Attempt, Call, Dialect
from bridge.connect.transport import Transport
from bridge.errors import PermanentError

if TYPE_CHECKING:
    from bridge.connect.wire import Wire


class ContentTransport(Transport):
    """The adapter of a session that goes to listed hosts themselves, as its requests are addressed."""

    def __init__(self, wire: Wire, dialect: Dialect, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts
        super().__init__(wire, dialect)

    def _addressed(self, request: requests.PreparedRequest, call: Call) -> requests.PreparedRequest:
        out = request.copy()
        asked = urlsplit(request.url or "")
        own_scheme = urlsplit(self._wire.url).scheme
        if asked.scheme not in ("https", own_scheme) or not is_listed(asked.hostname or "", self._hosts):
            raise PermanentError(
                f"{self._wire.site}: {asked.hostname or 'this address'} is not among its content hosts, so nothing is "
                "fetched there (a host that belongs to the vendor can be added under content_hosts)",
                site=self._wire.site,
            )
        # Whatever a library or a redirect put there: no login of the site leaves it.
        for name in ("Authorization", "Cookie"):
            out.headers.pop(name, None)
        out.headers.update(call.headers)
        return out

    def _check_redirect(self, request: requests.PreparedRequest, response: requests.Response, attempt: Attempt) -> None:
        """Content hosts send nobody further."""
        if 300 <= response.status_code < 400:
            raise attempt.moved(response)


def is_listed(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a host is one of these names, or stands below one written `*.name`."""
    host = host.lower().rstrip(".")
    return any(host.endswith(name[1:].lower()) if name.startswith("*.") else host == name.lower() for name in hosts)
