"""`bridge check`: is the config right, and what does it mean?"""

from __future__ import annotations

import json as jsonlib
import os
from typing import Annotated

import typer
from rich.console import Console

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, connectors
from bridge.config import check_config, worked_examples
from bridge.connect.registry import find_kinds
from bridge.errors import ConfigurationError


def check(
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Prove the config without a network, and explain it back in sentences. Exit 2 if anything is wrong."""
    loaded, problems = check_config(config, environ=os.environ, connectors=connectors())
    public = {name for name, kind in find_kinds().items() if kind.can_be_public()}
    if json:
        examples = worked_examples(loaded, may_be_public=public) if loaded else []
        typer.echo(
            jsonlib.dumps({"ok": not problems, "problems": [_plain(one) for one in problems], "means": examples})
        )
    elif problems:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        for problem in problems:
            console.print(str(problem), markup=False)
    elif loaded is not None:
        console = Console(highlight=False, soft_wrap=True)
        for sentence in worked_examples(loaded, may_be_public=public):
            console.print(f"• {sentence}", markup=False)
        console.print(f"{config} is right.", style="green")
    if problems:
        raise typer.Exit(2)


def _plain(problem: ConfigurationError) -> dict[str, object]:
    place = problem.place
    return {
        "file": place.file if place else str(DEFAULT_PATH),
        "line": place.line if place else 0,
        "column": place.column if place else 0,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }
