"""Trackers that anybody can read: a route to one has to say so, and one that turns public is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

import structlog

from bridge.engine.connections import Connections
from bridge.engine.guards.brakes import close
from bridge.engine.route import Route
from bridge.errors import ConfigurationError, RemoteError
from bridge.model.brake import Brake, BrakeKind
from bridge.model.ports import Clock
from bridge.store.ledger import Ledger

EVERY = timedelta(minutes=5)
"""How old the answer may be to whether anybody can read a tracker."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Publicity:
    """Asks sites who can read what is written there, for every route that does not say `allow_public`."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    clock: Clock
    _private_at: dict[str, datetime] = field(default_factory=dict)
    _looked_at: dict[str, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _is_started: bool = False

    def check_start(self) -> None:
        """Ask about every route, once a process. Raises ConfigurationError for one whose tracker anybody can read and
        that does not say so.

        A site that cannot be asked now is asked again before anything is written there.
        """
        if self._is_started:
            return
        for route in self.routes.values():
            try:
                is_public = self._ask(route)
            except RemoteError as error:
                log.warning("publicity.unknown", route=route.name, error=str(error))
                continue
            if is_public:
                raise ConfigurationError(_words(route), None, "say `allow_public: true` in the route if that is meant")
        self._is_started = True

    def is_private(self, route: Route) -> bool:
        """Whether something may be written to the route's tracker: as far as was known in the last five minutes, only
        people with a login read it. Closes the route's brake otherwise. Raises RemoteError when it cannot be asked."""
        if not self._ask(route):
            return True
        with self.ledger.begin() as transaction:
            if not any(one.kind is BrakeKind.PUBLIC for one in transaction.brakes.standing(route.name, "")):
                close(transaction, Brake(route.name, BrakeKind.PUBLIC, _words(route)))
        return False

    def step(self, site: str) -> None:
        """Look after a site from time to time, whether or not anything is to be written there."""
        now = self.clock.now()
        asked_at = self._looked_at.get(site)
        if asked_at is not None and now - asked_at < EVERY:
            return
        self._looked_at[site] = now
        for route in self.routes.values():
            if route.tracker.site == site:
                try:
                    self.is_private(route)
                except RemoteError as error:
                    log.warning("publicity.unknown", route=route.name, error=str(error))

    def forget(self) -> None:
        """Ask anew before anything is written anywhere."""
        with self._lock:
            self._private_at.clear()

    def _ask(self, route: Route) -> bool:
        """Whether anybody can read the tracker of a route that does not say so."""
        if route.allow_public:
            return False
        now = self.clock.now()
        with self._lock:
            known_at = self._private_at.get(route.name)
        if known_at is not None and now - known_at < EVERY:
            return False
        is_public = self.connections.to(route.tracker.site).is_public(route.tracker.scope)
        if not is_public:
            with self._lock:
                self._private_at[route.name] = now
        return is_public


def _words(route: Route) -> str:
    where = ", ".join(route.tracker.scope.values()) or "it"
    return (
        f"Route {route.name} mirrors a customer's tickets to {where} at {route.tracker.site}, which anybody can read, and "
        "does not say that this is meant"
    )
