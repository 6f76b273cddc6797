"""The vendors' own API descriptions, and whether a logged request fits them.

They are looked for in the folder `BRIDGE_SPECS` names (default `../shared/specs`). What a description says wrongly of
requests that the real service takes is mended here, each with its reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest
from werkzeug.datastructures import MultiDict

FOLDER = Path(os.environ.get("BRIDGE_SPECS", "../shared/specs"))
FILES = {"zendesk": "zendesk-support.json", "jira": "jira-cloud-v3.json", "github": "github-rest.json"}
HOST = "http://site.example"


def are_here() -> bool:
    """Whether the descriptions can be read on this machine."""
    return all((FOLDER / name).is_file() for name in FILES.values())


def violations(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """One sentence for each logged request that its vendor's description does not allow."""
    described = {api: _load(api) for api in FILES}
    found = []
    for entry in entries:
        try:
            described[entry["api"]].validate_request(_request(entry))
        except OpenAPIError as error:
            cause = error.__cause__ or error
            found.append(f"{entry['api']} {entry['method']} {entry['url']} {entry['body']}: {error} ({cause})")
    return found


def _request(entry: Mapping[str, Any]) -> MockRequest:
    parts = urlsplit(entry["url"])
    path = parts.path.removesuffix(".json") if entry["api"] == "zendesk" else parts.path
    query = MultiDict(parse_qsl(parts.query, keep_blank_values=True))
    body = json.dumps(entry["body"]).encode() if entry["body"] is not None else None
    return MockRequest(HOST, entry["method"].lower(), path, args=query, data=body)


def _load(api: str) -> OpenAPI:
    spec = json.loads((FOLDER / FILES[api]).read_text(encoding="utf-8"))
    spec["servers"] = [{"url": HOST}]
    spec.pop("security", None)
    for item in spec["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    {"zendesk": _mend_zendesk, "jira": lambda _spec: None, "github": _mend_github}[api](spec)
    # Two of the descriptions are not quite valid themselves; what they say of requests is what counts.
    return OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))


def _mend_zendesk(spec: dict[str, Any]) -> None:
    # The service's own `after_url` names a cursor and no start_time, which the description requires on every page.
    feed = spec["paths"]["/api/v2/incremental/tickets/cursor"]
    for holder in (feed, feed["get"]):
        holder["parameters"] = [_resolve(spec, row) for row in holder.get("parameters", ())]
        for row in holder["parameters"]:
            if row["name"] == "start_time":
                row["required"] = False
    for path, item in spec["paths"].items():
        # Some paths ask for a parameter that does not stand in them.
        for part in (item, *(entry for entry in item.values() if isinstance(entry, dict))):
            part["parameters"] = [row for row in part.get("parameters", ()) if _stands_in(spec, row, path)]
    for schema in spec["components"]["schemas"].values():
        for part in (schema, *schema.get("allOf", ())):
            # It asks for the definition of a custom field where a value is sent.
            if "custom_fields" in part.get("properties", {}):
                part["properties"]["custom_fields"] = {"type": "array", "items": {"type": "object"}}
            # The service takes null for a field that is to be left or made empty; the description forbids every null.
            for name in ("priority", "due_at", "type", "assignee_id", "group_id"):
                if name in part.get("properties", {}):
                    part["properties"][name]["nullable"] = True
                    if "enum" in part["properties"][name]:
                        part["properties"][name]["enum"] = [*part["properties"][name]["enum"], None]


def _resolve(spec: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in parameter:
        return parameter
    return dict(spec["components"]["parameters"][parameter["$ref"].rpartition("/")[2]])


def _stands_in(spec: dict[str, Any], parameter: dict[str, Any], path: str) -> bool:
    parameter = _resolve(spec, parameter)
    return parameter["in"] != "path" or f"{{{parameter['name']}}}" in path


def _mend_github(spec: dict[str, Any]) -> None:
    # Under OpenAPI 3.0 no member of this `oneOf` lets its own `nullable` through; GitHub's text says null clears it.
    patch = spec["paths"]["/repos/{owner}/{repo}/issues/{issue_number}"]["patch"]
    milestone = patch["requestBody"]["content"]["application/json"]["schema"]["properties"]["milestone"]
    for member in milestone["oneOf"][:1]:
        member["nullable"] = True
