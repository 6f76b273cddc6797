"""Looking after our webhook at each site: there is exactly one, and it is right, at the start and ever after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bridge.connect.hooks import HookWish, Kept
from bridge.engine.connections import Connections
from bridge.errors import MissingError, RefusedError, RemoteError
from bridge.model.ports import Clock
from bridge.store.chores import Chore
from bridge.store.ledger import Ledger

WEBHOOK = "webhook"
EVERY = timedelta(hours=1)
"""How often a webhook that was found right is looked at again."""
AGAIN = timedelta(minutes=5)
"""How soon after a look that failed."""

log = structlog.get_logger(__name__)

Learned = Callable[[str, str], None]
"""Called with a site and what it signs its deliveries with from now on."""


@dataclass(frozen=True, slots=True)
class HookKeeper:
    """Keeps the webhooks of the sites that have a wish. Without them all still works: the feeds tell everything."""

    ledger: Ledger
    connections: Connections
    wishes: Mapping[str, HookWish]
    learned: Learned
    clock: Clock
    _next_at: dict[str, datetime] = field(default_factory=dict)

    def step(self, site: str) -> None:
        """Look after a site's webhook if its time has come."""
        due_at = self._next_at.get(site)
        if site in self.wishes and (due_at is None or self.clock.now() >= due_at):
            self._next_at[site] = self.clock.now() + AGAIN
            if self.keep(site):
                self._next_at[site] = self.clock.now() + EVERY

    def keep(self, site: str) -> bool:
        """Look now. False if it could not be done; why, stands in the ledger."""
        with self.ledger.begin() as transaction:
            before = transaction.chores.get(site, WEBHOOK)
            begun_at = transaction.now
        wish = self.wishes[site]
        wish = replace(wish, renew=before.result.get("fingerprint") != wish.fingerprint)
        try:
            kept = self.connections.to(site).keep_webhook(wish)
        except RemoteError as error:
            self._failed(replace(before, begun_at=begun_at, problem=_sentence(site, error)))
            return False
        self.learned(site, kept.secret)
        self._kept(before, kept, wish, begun_at)
        return True

    def _failed(self, chore: Chore) -> None:
        log.warning("webhook.not_kept", site=chore.site, why=chore.problem)
        with self.ledger.begin() as transaction:
            transaction.chores.put(chore)

    def _kept(self, before: Chore, kept: Kept, wish: HookWish, begun_at: datetime) -> None:
        did = list(kept.did)
        with self.ledger.begin() as transaction:
            result = {"fingerprint": wish.fingerprint, "did": did or before.result.get("did", [])}
            transaction.chores.put(
                replace(before, begun_at=begun_at, ended_at=transaction.now, result=result, problem="")
            )
            if did:
                transaction.note("webhook", site=before.site, did=did)
        if did:
            log.info("webhook.kept", site=before.site, did=did)


def _sentence(site: str, error: RemoteError) -> str:
    if isinstance(error, RefusedError | MissingError):
        return (
            f"bridge may not register its webhook at {site} ({error}): give its account the right to, or register one by "
            f"hand and leave `register` out; until then {site} is only polled."
        )
    return f"The webhook at {site} could not be looked at: {error}"
