"""One worker: takes due groups in hand and works on them, a turn at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import partial

from bridge.engine.batch import Batch
from bridge.engine.turns import Turns


@dataclass(frozen=True, slots=True)
class Worker:
    """Works until nothing is due. The workers of a process share its `turns`."""

    batch: Batch
    turns: Turns
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def work_off(self) -> int:
        """Reconcile due groups until none is left for this worker; how many were taken in hand."""
        taken = 0
        while number := self.work_once():
            taken += number
        return taken

    def work_once(self) -> int:
        """Take one turn; how many groups it had."""
        with self.turns.turn(self.name) as turn:
            if turn is None:
                return 0
            turn.worked = self.batch.work(turn.hands, enough=partial(self.turns.is_over, turn))
            return len(turn.hands)
