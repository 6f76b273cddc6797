"""The admin's files: found, read, checked, and compiled into what runs.

What belongs here: YAML with line and column (`reading`), the shape of the config (`shape`), secrets, packs, contracts
(`contract`, `calendars`), and putting routes together (`routes`). What does not: what mappings mean (`bridge.mapping`),
clocks, connections. A config is taken whole or not at all.
"""

from bridge.config.contract import pin_contract, read_contract, read_timeline
from bridge.config.describe import worked_examples
from bridge.config.loading import DEFAULT_CONNECTORS, check_config, load_config
from bridge.config.logins import read_login
from bridge.config.packs import find_pack, find_update
from bridge.config.people import known_roles, roles_of
from bridge.config.routes import RoutePlan, SidePlan, compile_routes
from bridge.config.schema import json_schema
from bridge.config.shape import (
    BeginConfig,
    Config,
    EngineConfig,
    MailConfig,
    Person,
    RouteConfig,
    SideConfig,
    SiteConfig,
    SiteLimits,
    StoreConfig,
)

__all__ = [
    "DEFAULT_CONNECTORS",
    "BeginConfig",
    "Config",
    "EngineConfig",
    "MailConfig",
    "Person",
    "RouteConfig",
    "RoutePlan",
    "SideConfig",
    "SidePlan",
    "SiteConfig",
    "SiteLimits",
    "StoreConfig",
    "check_config",
    "compile_routes",
    "find_pack",
    "find_update",
    "json_schema",
    "known_roles",
    "load_config",
    "pin_contract",
    "read_contract",
    "read_login",
    "read_timeline",
    "roles_of",
    "worked_examples",
]
