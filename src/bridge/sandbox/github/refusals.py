"""GitHub's refusals in GitHub's words: status, message, errors, documentation_url."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.site import Refusal

DOCS = "https://docs.github.com/rest"


def refuse(
    status: int,
    message: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """A refusal in GitHub's shape, to be raised."""
    body: dict[str, Any] = {"message": message}
    if errors:
        body["errors"] = errors
    body |= {"documentation_url": DOCS, "status": str(status)}
    return Refusal(status, body, headers)


def not_found() -> Refusal:
    """404, also for what the account may not see: GitHub does not tell the two apart."""
    return refuse(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", *, message: str = "", value: Any = None) -> Refusal:
    """422 about one field. `code` is `missing_field`, `invalid`, `already_exists`, `unprocessable` or `custom`."""
    error: dict[str, Any] = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    if value is not None:
        error["value"] = value
    return refuse(422, "Validation Failed", [error])


def wrong_type(field: str, value: Any, wanted: str) -> Refusal:
    """422 about a value whose JSON type GitHub does not take."""
    shown = "nil" if value is None else repr(value)
    return refuse(422, f"Invalid request.\n\nFor 'properties/{field}', {shown} is not {wanted}.")


def bad_credentials() -> Refusal:
    """401 for a token nobody has."""
    return refuse(401, "Bad credentials")


def no_rights(what: str = "Must have admin rights to Repository.") -> Refusal:
    """403 for what the account may see and not change."""
    return refuse(403, what)
