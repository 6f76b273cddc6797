"""What an HTTP answer, or the lack of one, means for the caller: judged once, here, for every vendor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from bridge.connect.patience import retry_after_s
from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    RefusedError,
    RemoteError,
    TemporaryError,
    UnknownOutcomeError,
)

_DETAIL_CHARACTERS = 300
_STRANGE = (ValueError, TypeError, LookupError, AttributeError)
"""What a dialect may stumble over when a proxy's page stands in the vendor's place."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a vendor's error answer says, for people: its message and the native field it names, if any."""

    detail: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the policy must know of a vendor's HTTP.

    `limited(response)`: seconds to wait (None if it does not say) and the vendor's reason when this answer is a rate
    limit, else None. 429 is always one. `explain(response)`: the complaint in an error answer.
    """

    limited: Callable[[requests.Response], tuple[float | None, str] | None]
    explain: Callable[[requests.Response], Complaint]


@dataclass(slots=True)
class Call:
    """What the requests of one block on one thread are. `wrote` turns true when the site accepted a write in it.

    `carries` is how many bytes a long transfer may have; `streams` leaves the body of a good answer to the caller."""

    endpoint: str = "other"
    ticket: str = ""
    writes: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    accept: tuple[int, ...] = ()
    deadline_s: float | None = None
    wrote: bool = False
    carries: int | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a call, as far as its outcome is judged. `horizon_s` counts from the moment it was sent."""

    site: str
    method: str
    call: Call
    writes: bool
    horizon_s: float

    @property
    def name(self) -> str:
        """What people call it: `PUT ticket of 35436`."""
        of = f" of {self.call.ticket}" if self.call.ticket else ""
        return f"{self.method} {self.call.endpoint}{of}"

    def unsent(self, why: str) -> TemporaryError:
        """The error for a request that never left this machine."""
        return TemporaryError(f"{self.site} could not be reached for {self.name}: {why}", site=self.site)

    def unanswered(self, why: str, *, status: int | None = None) -> RemoteError:
        """The error for a request that was sent and got no answer that can be used. `status` when one arrived."""
        said = f" after status {status}" if status else ""
        message = f"{self.site} gave no usable answer to {self.name}{said}: {why}"
        if not self.writes:
            return TemporaryError(message, site=self.site, status=status)
        horizon_s = self.horizon_s if status is None else 0.0
        text = f"{message}; it may have taken effect"
        return UnknownOutcomeError(text, horizon_s=horizon_s, site=self.site, status=status)

    def judge(self, response: requests.Response, dialect: Dialect) -> RemoteError | None:
        """The error in an answer whose body was read, None when there is none."""
        status = response.status_code
        if status in self.call.accept or status == 304:
            return None
        if status >= 400:
            return self._failed(response, dialect)
        if self.call.streams or status >= 300 or _is_whole(response):
            return None
        return self.unanswered("its JSON is broken or nests without end", status=status)

    def moved(self, response: requests.Response) -> PermanentError:
        """The error for a redirect that is not followed. The new address is not told: it may carry a token."""
        status = response.status_code
        where = "a write is not sent twice" if self.writes else "bridge speaks to the configured address only"
        message = f"{self.site} answered {self.name} with {status}, a redirect: {where}"
        return PermanentError(message, site=self.site, status=status)

    def _failed(self, response: requests.Response, dialect: Dialect) -> RemoteError:
        site, status = self.site, response.status_code
        complaint = _complaint(response, dialect)
        detail = complaint.detail
        message = f"{site} answered {self.name} with {status}" + (f": {detail}" if detail else "")
        unsure = status >= 500 or status in _UNSURE
        # A limit has certainly no effect; a failing server's Retry-After promises nothing about the write it had.
        limit = None if self.writes and unsure else limit_of(response, dialect)
        if limit is not None or status == 429:
            wait_s, reason = limit or (None, "")
            wait_s = retry_after_s(response.headers) if wait_s is None else wait_s
            return TemporaryError(message, retry_after_s=wait_s, reason=reason, site=site, status=status, detail=detail)
        if unsure:
            if self.writes:
                text = f"{message}; it may have taken effect"
                return UnknownOutcomeError(text, horizon_s=0.0, site=site, status=status, detail=detail)
            wait_s = retry_after_s(response.headers)
            return TemporaryError(message, retry_after_s=wait_s, site=site, status=status, detail=detail)
        kind = _KINDS.get(status, PermanentError)
        return kind(message, site=site, status=status, detail=detail, field=complaint.field)


_UNSURE = (408, 425)
"""Client errors that come from a server or proxy that gave up waiting, not from one that understood and refused."""
_KINDS: Mapping[int, type[PermanentError]] = {
    401: RefusedError,
    403: RefusedError,
    404: MissingError,
    409: ChangedError,
    410: MissingError,
}


def _is_whole(response: requests.Response) -> bool:
    # A body cut short under a matching length shows only when it is parsed.
    if not response.content or "json" not in response.headers.get("Content-Type", ""):
        return True
    try:
        json.loads(response.content)
    except (ValueError, RecursionError):
        return False
    return True


def limit_of(response: requests.Response, dialect: Dialect) -> tuple[float | None, str] | None:
    """The wait and the reason, where an answer says that a limit was exceeded; None where it does not."""
    try:
        return dialect.limited(response)
    except _STRANGE:
        return None


def _complaint(response: requests.Response, dialect: Dialect) -> Complaint:
    try:
        complaint = dialect.explain(response)
    except _STRANGE:
        return Complaint()
    # A site may repeat what somebody wrote there: nothing of it moves a terminal or begins a line of its own.
    detail = "".join(each for each in " ".join(complaint.detail.split()) if each.isprintable())
    if len(detail) > _DETAIL_CHARACTERS:
        detail = detail[: _DETAIL_CHARACTERS - 1] + "…"
    return Complaint(detail, complaint.field)
