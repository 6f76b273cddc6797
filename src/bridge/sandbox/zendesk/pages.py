"""How Zendesk cuts lists into pages: by cursor where `page[size]` is asked for, else by page number."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal

MOST = 100


def encode_cursor(value: str) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(value.encode()).decode()


def decode_cursor(value: str) -> str:
    """The inverse of `encode_cursor`. Raises Refusal(400)."""
    try:
        return base64.urlsafe_b64decode(value.encode()).decode()
    except ValueError as error:
        raise Refusal(400, {"error": "InvalidValue", "description": "Invalid cursor"}) from error


def read_number(request: Request, name: str, default: int) -> int:
    """A whole number of the query. Raises Refusal(400)."""
    try:
        return int(request.args.get(name, default))
    except ValueError as error:
        raise Refusal(
            400,
            {
                "error": {
                    "title": "Invalid attribute",
                    "message": f"You passed an invalid value for the {name} attribute.",
                }
            },
        ) from error


def cut_page(request: Request, items: Sequence[dict[str, Any]], key: str, base: str) -> dict[str, Any]:
    """The page of `items` (each with an `id`) that the query asks for; `base` is the site's address."""
    if "page[size]" in request.args or "page[after]" in request.args:
        return _cut_by_cursor(request, items, key, base)
    size = min(read_number(request, "per_page", MOST), MOST)
    number = max(read_number(request, "page", 1), 1)
    if number * size > 10_000:
        raise Refusal(400, {"error": "InvalidPaginationDepth", "description": "Number of pages too large"})
    start = (number - 1) * size
    more = start + size < len(items)
    return {
        key: list(items[start : start + size]),
        "next_page": _link(request, base, page=str(number + 1), per_page=str(size)) if more else None,
        "previous_page": _link(request, base, page=str(number - 1), per_page=str(size)) if number > 1 else None,
        "count": len(items),
    }


def _cut_by_cursor(request: Request, items: Sequence[dict[str, Any]], key: str, base: str) -> dict[str, Any]:
    size = read_number(request, "page[size]", MOST)
    if not 1 <= size <= MOST:
        raise Refusal(400, {"error": "InvalidPaginationParameter", "description": "page[size] must be 1 to 100"})
    start = 0
    after = request.args.get("page[after]")
    if after:
        last = decode_cursor(after)
        start = next((place + 1 for place, item in enumerate(items) if str(item["id"]) == last), 0)
    cut = list(items[start : start + size])
    more = start + size < len(items)
    cursor = encode_cursor(str(cut[-1]["id"])) if cut else None
    asked = {"page[size]": str(size), "page[after]": cursor or ""}
    return {
        key: cut,
        "meta": {
            "has_more": more,
            "after_cursor": cursor,
            "before_cursor": encode_cursor(str(cut[0]["id"])) if cut else None,
        },
        "links": {"prev": None, "next": _link(request, base, **asked) if more else None},
    }


def _link(request: Request, base: str, **changed: str) -> str:
    query = {**request.args.to_dict(), **changed}
    return f"{base}{request.path}?{urlencode(query)}"
