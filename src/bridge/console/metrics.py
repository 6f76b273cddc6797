"""Figures for Prometheus. Labels name sites, routes, states and methods; never a ticket, a person or a word of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.model.vitals import Vitals

OUTCOMES = {202: "taken", 400: "broken", 401: "refused", 404: "unknown", 408: "late", 409: "repeated", 413: "too_long"}
"""What became of a delivery, by the status it was answered with."""


class Meter:
    """Counts what happens, and writes it down together with how bridge is. Thread-safe."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bridge_requests",
            "Requests sent to a site, by method and status (none: no answer came).",
            ("site", "method", "status"),
            registry=self._registry,
        )
        self._webhooks = Counter(
            "bridge_webhooks",
            "Webhook deliveries that came in, by what became of them.",
            ("site", "outcome"),
            registry=self._registry,
        )

    def sent(self, site: str, method: str, status: int | None) -> None:
        """A request was sent."""
        self._requests.labels(site, method, "none" if status is None else str(status)).inc()

    def heard(self, site: str, status: int) -> None:
        """A delivery was answered; `site` is "" where it named none that is known."""
        self._webhooks.labels(site, OUTCOMES.get(status, "failed")).inc()

    def write(self, look: Callable[[], Vitals]) -> bytes:
        """All figures, in Prometheus' text format."""
        vitals = look()
        fresh = CollectorRegistry()
        fresh.register(_Now(vitals))
        return generate_latest(self._registry) + generate_latest(fresh)


class _Now(Collector):
    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """The state of things as gauges."""
        yield from self._of_sites()
        yield from self._of_work()
        yield from self._of_chores()

    def _of_sites(self) -> Iterator[Metric]:
        unread = _gauge("bridge_feed_lag_seconds", "Since a page of the site's feeds was last read.", "site")
        budget = _gauge("bridge_feed_budget_seconds", "How long that may be before bridge is not ready.", "site")
        hints = _gauge("bridge_hints_waiting", "Tickets that wait for a reading because of a webhook.", "site")
        for site in self._vitals.sites:
            unread.add_metric([site.site], site.unread_s)
            budget.add_metric([site.site], site.budget_s)
            hints.add_metric([site.site], site.hints)
        yield from (unread, budget, hints)

    def _of_work(self) -> Iterator[Metric]:
        vitals = self._vitals
        lag = _gauge("bridge_route_lag_seconds", "For how long the case has waited that waits longest.", "route")
        due = _gauge("bridge_groups_due", "Cases that wait for a worker.", "route")
        for route in vitals.routes:
            lag.add_metric([route.route], route.lag_s)
            due.add_metric([route.route], route.due)
        operations = _gauge("bridge_operations", "Operations in the ledger, by state.", "state")
        for state, number in {"dead": 0, **vitals.operations}.items():
            operations.add_metric([state], number)
        told = _gauge("bridge_notifications", "What people are told of promises, by state.", "state")
        for state, number in {"failed": 0, "unknown": 0, **vitals.notifications}.items():
            told.add_metric([state], number)
        brakes = _gauge("bridge_brakes", "Brakes that are closed until a person opens them.", "route", "kind")
        for (route_name, kind), number in vitals.brakes.items():
            brakes.add_metric([route_name, kind], number)
        yield from (lag, due, operations, told, brakes)
        oldest = "Age of the oldest operation that is not over."
        yield GaugeMetricFamily("bridge_oldest_unconfirmed_seconds", oldest, vitals.unconfirmed_s)
        yield GaugeMetricFamily("bridge_conflicts", "Fields that wait for a person's decision.", vitals.conflicts)
        yield GaugeMetricFamily("bridge_groups_suspended", "Cases that rest until a person looks.", vitals.suspended)
        idle = "Since any worker last came round to look for work."
        yield GaugeMetricFamily("bridge_worker_idle_seconds", idle, vitals.idle_s)
        yield GaugeMetricFamily("bridge_ready", "Whether every site is read and work goes on.", not vitals.troubles())

    def _of_chores(self) -> Iterator[Metric]:
        age = _gauge("bridge_chore_age_seconds", "Since it was last done.", "site", "kind")
        problem = _gauge("bridge_chore_problem", "Whether something stands in its way.", "site", "kind")
        found = _gauge("bridge_sweep_found", "What the last wide sweep found.", "site", "what")
        for chore in self._vitals.chores:
            if chore.done_s is not None:
                age.add_metric([chore.site, chore.kind], chore.done_s)
            problem.add_metric([chore.site, chore.kind], chore.has_problem)
            for what, number in chore.found.items():
                found.add_metric([chore.site, what], number)
        yield from (age, problem, found)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, labels=labels)
