"""Lists by page, as GitHub gives them: `per_page`, `page`, the Link header, `since`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from bridge.sandbox.github.refusals import invalid

MOST = 100
USUAL = 30


def stamp(at: datetime) -> str:
    """A time as GitHub writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def since(request: Request, resource: str) -> str:
    """The `since` argument as a stamp to compare with; empty if not given. Raises Refusal(422) if unreadable."""
    value = request.args.get("since", "")
    if not value:
        return ""
    try:
        read = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise invalid(resource, "since", value=value) from None
    return stamp(read if read.tzinfo else read.replace(tzinfo=UTC))


def number(request: Request, name: str, usual: int) -> int:
    """A whole number above 0 from the query; anything else counts as not given."""
    value = request.args.get(name, "")
    return int(value) if value.isdecimal() and int(value) > 0 else usual


def one_page(request: Request, base: str, rows: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """The rows of the page asked for, and the headers that lead to the other pages (none if there is one page)."""
    size = min(number(request, "per_page", USUAL), MOST)
    page = number(request, "page", 1)
    last = max(1, -(-len(rows) // size))
    links: dict[str, int] = {}
    if page < last:
        links |= {"next": page + 1, "last": last}
    if page > 1:
        links |= {"prev": min(page - 1, last), "first": 1}
    asked = {key: value for key, value in request.args.items() if key != "page"}
    parts = [f'<{base}{request.path}?{urlencode(asked | {"page": at})}>; rel="{name}"' for name, at in links.items()]
    headers = {"Link": ", ".join(parts)} if parts else {}
    return list(rows[(page - 1) * size : page * size]), headers
