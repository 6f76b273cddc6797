"""What watches bridge asks here: does it live, is it ready, and the figures.

Only who asks directly is answered. A request that came through a proxy (which leads the outside to `/hooks/`) is told
that there is nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.console.metrics import Meter
from bridge.model.vitals import Vitals

_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def health_routes(look: Callable[[], Vitals], meter: Meter) -> list[Route]:
    """`/healthz`: 200 while workers come round, else 503: start the process anew. `/readyz`: 503 also when a site was not
    read within its budget, with a sentence each. `/metrics`: figures in Prometheus' text format."""

    # Plain functions run on threads of their own: they read the ledger, and webhooks are answered meanwhile.
    def healthz(request: Request) -> Response:
        return _answer(request, [] if look().is_working else ["No worker comes round any more."])

    def readyz(request: Request) -> Response:
        return _answer(request, look().troubles())

    def metrics(request: Request) -> Response:
        if _came_through_a_proxy(request):
            return _nothing()
        return Response(meter.write(look), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _answer(request: Request, troubles: list[str]) -> Response:
    if _came_through_a_proxy(request):
        return _nothing()
    return PlainTextResponse("\n".join(troubles) or "ok", 503 if troubles else 200)


def _came_through_a_proxy(request: Request) -> bool:
    return any(name in request.headers for name in _PROXIED)


def _nothing() -> Response:
    return PlainTextResponse("Not Found", 404)
