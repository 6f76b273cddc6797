"""Loading: read, resolve, validate, cross-check, compile. Everything wrong is found in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.config.channels import check_channels
from bridge.config.faults import note_faults
from bridge.config.packs import contract_path
from bridge.config.reading import read_yaml
from bridge.config.routes import MappingFiles, RoutePlan, compile_all
from bridge.config.secrets import References, resolve_references
from bridge.config.shape import Config, RouteConfig, SideConfig
from bridge.errors import ConfigurationError
from bridge.mapping.source import Item, Problems, describe, did_you_mean
from bridge.model.words import Side

DEFAULT_CONNECTORS: Mapping[str, Mapping[str, bool]] = {
    "zendesk": {},
    "jira": {"project": True, "type": True},
    "github": {"repository": True},
}
"""The connectors that come with bridge, and the scope keys a side of each may carry: whether each is required."""


def load_config(path: Path, *, environ: Mapping[str, str], connectors: Collection[str] = DEFAULT_CONNECTORS) -> Config:
    """The config at `path`, ready to run. Raises the first ConfigurationError.

    `environ` is where `env:` references are looked up. `connectors` are the known connectors; a mapping from each to its
    scope keys (and whether each is required) also has those checked.
    """
    config, problems = check_config(path, environ=environ, connectors=connectors)
    if config is None:
        raise problems[0]
    return config


def check_config(
    path: Path, *, environ: Mapping[str, str], connectors: Collection[str] = DEFAULT_CONNECTORS
) -> tuple[Config | None, tuple[ConfigurationError, ...]]:
    """The config, or None and everything that is wrong with it and the files it names, in the order of finding."""
    problems = Problems()
    item = read_yaml(path, shown=str(path), problems=problems)
    if item is None:
        return None, tuple(problems.found)
    if not item.is_map:
        problems.add(f"the config must be a group of keys, not {describe(item.value)}", item.place)
        return None, tuple(problems.found)
    config = _validate(item, path, environ, problems)
    if config is None:
        return None, tuple(problems.found)
    _check_references(config, item, connectors, problems)
    check_channels(config, item, problems)
    files = MappingFiles(path.parent, problems)
    plans = compile_all(config, item, files, problems)
    if problems.found:
        return None, tuple(problems.found)
    digests = [*sorted(files.digests.items()), *_file_digests(config), *_calendar_digests(plans)]
    config._path, config._source, config._routes_compiled = path, item, plans
    config._digest = sha256(repr((path.read_bytes(), digests)).encode()).hexdigest()[:16]
    return config, ()


def _validate(item: Item, path: Path, environ: Mapping[str, str], problems: Problems) -> Config | None:
    plain = resolve_references(item, References(environ, path.parent, problems))
    try:
        config = Config.model_validate(plain)
    except ValidationError as error:
        note_faults(error, item, Config, problems)
        return None
    config._path = path
    return config


def _check_references(config: Config, item: Item, connectors: Collection[str], problems: Problems) -> None:
    """Note names that nothing bears, and what a side lacks."""
    for name, site in config.sites.items():
        if site.connector not in connectors:
            place = item.find(("sites", name, "connector")).place
            hint = did_you_mean(site.connector, connectors) or f"installed: {', '.join(sorted(connectors))}"
            problems.add(f"there is no connector `{site.connector}`", place, hint)
        if site.webhook is not None and site.webhook.register_ and config.public_url is None:
            place = item.find(("sites", name, "webhook")).key_place("register")
            said = f"the webhook of site `{name}` cannot be registered without an address to send deliveries to"
            problems.add(said, place, "add `public_url: https://…`, where the outside reaches `listen`")
        if site.webhook is not None and config.listen is None:
            place = item.find(("sites", name, "webhook")).place
            problems.add(
                f"site `{name}` has a webhook, and nothing listens for it", place, "add `listen: {port: 8800}`"
            )
    for name, person in config.people.items():
        place = item.find(("people", name, "deputy")).place
        if person.deputy is not None:
            _check_name(person.deputy, config.people, ("`people`", place), problems)
        for site_name in person.accounts:
            where = item.find(("people", name, "accounts")).key_place(site_name)
            _check_name(site_name, config.sites, ("`sites`", where), problems)
    for name, route in config.routes.items():
        _check_route(route, item.find(("routes", name)), config, connectors, problems)


def _check_route(
    route: RouteConfig, item: Item, config: Config, connectors: Collection[str], problems: Problems
) -> None:
    for side in Side:
        wish: SideConfig = getattr(route, side.value)
        where = item.find((side.value,))
        if _check_name(wish.site, config.sites, ("`sites`", where.find(("site",)).place), problems):
            scopes = connectors.get(config.sites[wish.site].connector) if isinstance(connectors, Mapping) else None
            _check_scope(wish, where, scopes, problems)
    if route.helpdesk.site == route.tracker.site:
        problems.add("helpdesk and tracker of a route are two different sites", item.find(("tracker", "site")).place)


def _check_name(name: str, known: Collection[str], where: tuple[str, Any], problems: Problems) -> bool:
    if name in known:
        return True
    hint = did_you_mean(name, known) or f"known there: {', '.join(known) or 'none'}"
    problems.add(f"`{name}` is not among the {where[0]}", where[1], hint)
    return False


def _check_scope(wish: SideConfig, item: Item, scopes: Mapping[str, bool] | None, problems: Problems) -> None:
    extra = wish.model_extra or {}
    known = (*type(wish).model_fields, *(scopes or ()))
    for key, value in extra.items():
        hint = did_you_mean(key, known)
        if scopes is not None and key not in scopes:
            hint = hint or f"known here: {', '.join(known)}"
            problems.add(f"`{key}` is not a known key of this side", item.key_place(key), hint)
        elif not isinstance(value, str | int) or isinstance(value, bool):
            place = item.find((key,)).place
            problems.add(f"`{key}` must be a text, not {describe(value)}", place)
    for key, required in (scopes or {}).items():
        if required and key not in extra:
            problems.add(f"the key `{key}` is missing from this side", item.place, f"add `{key}:`")


def _file_digests(config: Config) -> list[str]:
    names = sorted({name for route in config.routes.values() for name in route.contract})
    return [sha256(contract_path(name, config.directory)[0].read_bytes()).hexdigest() for name in names]


def _calendar_digests(plans: Iterable[RoutePlan]) -> list[str]:
    """Of what calendars became: of their feeds, pins and holiday data too."""
    versions = [terms for plan in plans if plan.contract is not None for terms in plan.contract.versions]
    tables = [table for terms in versions for course in terms.calendars.values() for table in course.timetables]
    return sorted({table.digest for table in tables})
