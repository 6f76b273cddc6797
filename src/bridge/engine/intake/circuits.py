"""How the sites' breakers stand, kept in the ledger, so that another process can tell people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from bridge.connect.breaker import Circuit, Standing
from bridge.store.chores import Chore
from bridge.store.ledger import Ledger

REACH = "reach"
"""The name of this duty: keeping the site in reach."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Circuits:
    """Writes down when a site falls out of reach and when it comes back."""

    ledger: Ledger
    standing: Mapping[str, Callable[[], Standing]]
    _told: dict[str, str] = field(default_factory=dict)

    def step(self, site: str) -> None:
        """Write down how the site stands, if that has changed since it was last written."""
        now = self.standing[site]()
        problem = "" if now.circuit is Circuit.CLOSED else f"{site} is out of reach: {now.why}. Its cases wait."
        if self._told.get(site) == problem:
            return
        with self.ledger.begin() as transaction:
            known = transaction.chores.get(site, REACH)
            if problem or known.problem:
                ended_at = known.ended_at if problem else transaction.now
                transaction.chores.put(Chore(site, REACH, None, now.since_at, ended_at, {}, problem))
        if problem:
            log.error("site.out_of_reach", site=site, why=now.why)
        elif self._told.get(site):
            log.warning("site.back", site=site)
        self._told[site] = problem
