"""How a running bridge is: what watches it from outside is told this, and nothing of any ticket's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SiteVitals:
    """`unread_s`: seconds since a page of the site's feeds was last read; `budget_s`: how long that may be. `hints` are
    tickets that wait for a reading because of a webhook."""

    site: str
    unread_s: float
    budget_s: float
    hints: int = 0

    @property
    def is_read(self) -> bool:
        """Whether the site was read within its budget."""
        return self.unread_s <= self.budget_s


@dataclass(frozen=True, slots=True)
class RouteVitals:
    """`due` groups wait for a worker; `lag_s` is for how long the one has that waits longest, 0 if none does."""

    route: str
    due: int = 0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ChoreVitals:
    """Something looked after at a site (its webhook, the wide sweep): seconds since it was last done, None if it never
    was; whether something stands in its way; what it found last, by a word for each kind of find."""

    site: str
    kind: str
    done_s: float | None
    has_problem: bool
    found: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vitals:
    """The whole. `idle_s`: seconds since any worker last came round to look for work. `operations` and `notifications` are
    counted by state, closed `brakes` by route and kind. `unconfirmed_s` is the age of the oldest operation not over, 0 if
    there is none."""

    sites: tuple[SiteVitals, ...]
    routes: tuple[RouteVitals, ...]
    operations: Mapping[str, int]
    notifications: Mapping[str, int]
    unconfirmed_s: float
    conflicts: int
    brakes: Mapping[tuple[str, str], int]
    suspended: int
    chores: tuple[ChoreVitals, ...]
    idle_s: float
    idle_budget_s: float

    @property
    def is_working(self) -> bool:
        """Whether any worker still comes round."""
        return self.idle_s <= self.idle_budget_s

    def troubles(self) -> list[str]:
        """Why bridge does not do its work, a sentence each; none while it does."""
        found = [
            f"{site.site} was not read for {site.unread_s:.0f} s, and {site.budget_s:.0f} s are allowed."
            for site in self.sites
            if not site.is_read
        ]
        if not self.is_working:
            found.append(f"No worker has come round for {self.idle_s:.0f} s.")
        return found
