"""The error tree, classified by what the caller must do next.

BridgeError
├── ConfigurationError      a person must mend a file: exit 2; carries file, line, column and a suggestion
├── RemoteError             a site answered, or failed to
│   ├── TemporaryError      try the same again later, not before `retry_after_s`
│   ├── PermanentError      the same request will never succeed: a dead letter, or another plan
│   │   ├── RefusedError    credentials or permissions (401, 403): tried again later, since a person has to act
│   │   ├── MissingError    404 or 410: suspect, not yet gone
│   │   └── ChangedError    the target moved under us (409): read again and plan again
│   └── UnknownOutcomeError a write was sent and may have taken effect: find it before anything else
├── SkippableError          one malformed item of a feed: record it, go on with the rest
├── LinkError               tickets cannot be linked, joined or parted as asked
├── BrakeError              a guard stopped this field or route until a person releases it
├── HorizonError            a deadline lies further ahead than calendars are compiled: a person must mend the contract
├── AudienceError           a text was about to reach readers no rule released it to: a defect, stopped before sending
└── HandLostError           another worker holds this group now: drop the work, it will be done there

Every message is one sentence that says what, where and how to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass


class BridgeError(Exception):
    """Any failure bridge has a word for. `str(error)` is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an admin's file something stands. `line` and `column` count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        where = self.file
        if self.line:
            where += f":{self.line}"
            if self.column:
                where += f":{self.column}"
        return where


class ConfigurationError(BridgeError):
    """A file an admin wrote is wrong. Shown as `file:line:column: sentence (suggestion)`; exit code 2."""

    def __init__(self, message: str, place: Place | None = None, suggestion: str = "") -> None:
        self.message = message
        self.place = place
        self.suggestion = suggestion
        text = f"{place}: {message}" if place else message
        super().__init__(f"{text} ({suggestion})" if suggestion else text)


class RemoteError(BridgeError):
    """A site's answer, or its silence, stood in the way.

    `status` is the HTTP status or None when no answer came; `site` names the site; `detail` is the vendor's own
    message, cut to what a person can read; `field` names the native field the vendor complained of, if it did.
    """

    def __init__(
        self, message: str, *, site: str = "", status: int | None = None, detail: str = "", field: str = ""
    ) -> None:
        self.site = site
        self.status = status
        self.detail = detail
        self.field = field
        super().__init__(message)


class TemporaryError(RemoteError):
    """The request certainly had no effect and may be sent again, not before `retry_after_s` seconds.

    `reason` names what was exceeded where the vendor says so (for example `jira-per-issue-on-write`).
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        reason: str = "",
        site: str = "",
        status: int | None = None,
        detail: str = "",
    ) -> None:
        self.retry_after_s = retry_after_s
        self.reason = reason
        super().__init__(message, site=site, status=status, detail=detail)


class PermanentError(RemoteError):
    """The site understood and refused: sending the same again cannot help."""


class RefusedError(PermanentError):
    """401 or 403 that is no rate limit: credentials or permissions are wrong."""


class MissingError(PermanentError):
    """404 or 410: the ticket is suspect; whether it is gone is decided by a second read later."""


class ChangedError(PermanentError):
    """The target changed between our reading and our write (409): read again, plan again."""


class UnknownOutcomeError(RemoteError):
    """A write left this machine and no answer proves what became of it.

    `horizon_s` is how long after sending the write may still take effect (0 when a 5xx answer was received):
    before that, not finding it proves nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        horizon_s: float,
        site: str = "",
        status: int | None = None,
        detail: str = "",
    ) -> None:
        self.horizon_s = horizon_s
        super().__init__(message, site=site, status=status, detail=detail)


class SkippableError(BridgeError):
    """One item of a feed cannot be read; the rest of the page can."""


class LinkError(BridgeError):
    """Tickets cannot be linked, joined or parted as asked. Nothing was changed."""


class BrakeError(BridgeError):
    """A guard holds this field or route until a person releases it."""


class AudienceError(BridgeError):
    """A write was about to go to another customer, or to readers no rule names. Nothing was sent; the case rests."""


class HorizonError(BridgeError):
    """An amount of business time is not used up within the years a calendar looks through, or lies outside of them."""


class HandLostError(BridgeError):
    """The lease on a group was lost to another worker; its fence refuses our writes."""
