"""`bridge contract`: a contract as a document that people can sign."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.config_option import DEFAULT_PATH, ConfigPath, load
from bridge.config import pin_contract, read_contract
from bridge.config.packs import contract_names, contract_path, names_pack
from bridge.errors import ConfigurationError
from bridge.mapping.source import did_you_mean
from bridge.sla.examples import worked_examples
from bridge.sla.paper import write_paper
from bridge.sla.terms import Terms

app = typer.Typer(no_args_is_help=True, help="Contracts: print one to be signed, pin its holidays.")


@app.command("print")
def print_contract(
    name: Annotated[str, typer.Argument(help="A route of the config, the path of a contract, or `standard`.")],
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON: the document, the examples, the hash.")] = False,
) -> None:
    """Print a contract as a document, with worked examples and the sha256 of its file. Exit 2 if anything is wrong."""
    for terms in _find(name, config):
        paper = write_paper(terms)
        if json:
            examples = list(worked_examples(terms))
            typer.echo(jsonlib.dumps({"document": paper, "examples": examples, "sha256": terms.digest}))
        else:
            typer.echo(paper)


@app.command()
def pin(
    name: Annotated[str, typer.Argument(help="A route of the config, or the path of a contract.")],
    config: ConfigPath = DEFAULT_PATH,
    json: Annotated[bool, typer.Option("--json", help="As JSON: what changed.")] = False,
) -> None:
    """Write a contract's holidays and zones down beside it, so that newer data moves no deadline by itself."""
    changed = [sentence for path in _paths(name, config) for sentence in pin_contract(path)]
    typer.echo(jsonlib.dumps({"changed": changed}) if json else "\n".join(changed) or "nothing changed")


def _paths(name: str, config: Path) -> list[Path]:
    if name.endswith((".yaml", ".yml")):
        return [Path(name)]
    loaded = load(config)
    names = loaded.routes[name].contract if name in loaded.routes else (name,)
    if any(names_pack(one) for one in names):
        shipped = "a contract that comes with bridge is not pinned: copy it first"
        raise ConfigurationError(shipped if names[0] in contract_names() else f"there is no route `{name}` in {config}")
    return [contract_path(one, loaded.directory)[0] for one in names]


def _find(name: str, config: Path) -> tuple[Terms, ...]:
    if name in contract_names() or name.endswith((".yaml", ".yml")):
        return (read_contract(name, Path()),)
    loaded = load(config)
    routes = {plan.name: plan for plan in loaded.routes_compiled}
    if name not in routes:
        hint = did_you_mean(name, routes) or f"routes: {', '.join(routes)}; a path ends in .yaml"
        raise ConfigurationError(f"there is no route `{name}` in {config}", suggestion=hint)
    timeline = routes[name].contract
    if timeline is None:
        raise ConfigurationError(f"the route `{name}` has no contract", suggestion="add `contract:` to the route")
    return timeline.versions
