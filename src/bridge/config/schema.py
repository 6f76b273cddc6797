"""The config's JSON Schema, for editors that complete and check YAML while it is typed."""

from __future__ import annotations

from typing import Any

from bridge.config.shape import Config


def json_schema() -> dict[str, Any]:
    """The schema of the config file (draft 2020-12). References such as `env:NAME` are texts to it."""
    schema = Config.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "bridge config"
    return schema
