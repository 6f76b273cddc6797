"""One worker: takes due groups in hand and works on them, a batch at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from bridge.engine.batch import Batch
from bridge.engine.delivery import LEASE_S
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger

TAKE = 20
"""Groups a batch: enough to share reads, few enough that other workers find work too."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Works until nothing is due."""

    ledger: Ledger
    batch: Batch
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def work_off(self) -> int:
        """Reconcile due groups until none is left; how many were taken in hand."""
        taken = 0
        while hands := self._claim():
            self.batch.work(hands)
            taken += len(hands)
        return taken

    def work_once(self) -> int:
        """Take one batch; how many groups it had."""
        hands = self._claim()
        self.batch.work(hands)
        return len(hands)

    def _claim(self) -> list[Hand]:
        with self.ledger.begin() as transaction:
            return transaction.hands.claim(self.name, lease_s=LEASE_S, limit=TAKE)
