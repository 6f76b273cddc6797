"""The `--config` option, and loading what it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bridge.config import Config, load_config
from bridge.connect.registry import find_kinds

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The config file.", envvar="BRIDGE_CONFIG")]
DEFAULT_PATH = Path("config.yaml")


def connectors() -> dict[str, dict[str, bool]]:
    """The installed connectors, with the scope keys of each."""
    return {name: dict(kind.scope_keys()) for name, kind in find_kinds().items()}


def load(path: Path) -> Config:
    """The config at `path`. Raises ConfigurationError."""
    return load_config(path, environ=os.environ, connectors=connectors())
