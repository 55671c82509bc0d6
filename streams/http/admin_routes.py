"""What the admin web serves: every route, and the scope that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.http.keys import Caller, Scope
from streams.http.probes import metrics, probe
from streams.telemetry.progress import Progress, Verdict

AdminHandle: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""May raise Refusal."""

CALLER = web.RequestKey("caller", Caller)
"""Who asks: ``request[CALLER]``, on every route that takes a scope."""


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """`scope`: what a caller must have for it; `admin` for all that changes something. None, open to everybody: about
    health, and nothing else. A route with GET answers HEAD as well."""

    method: str
    path: str
    scope: Scope | None
    handle: AdminHandle


def worker_routes(
    registry: CollectorRegistry,
    progress: Progress,
    status: Callable[[], Mapping[str, Any]],
    clock: Callable[[], float],
) -> list[AdminRoute]:
    """Probes, metrics and status. `status`: what `/status` shows beside the progress, JSON-ready, with ``group``."""

    def probing(verdict: Callable[[], Verdict]) -> AdminHandle:
        async def handle(_request: web.Request) -> web.Response:
            return probe(verdict())

        return handle

    async def show_metrics(request: web.Request) -> web.Response:
        return metrics(request, registry)

    async def describe(_request: web.Request) -> web.Response:
        report = {**status(), **progress.describe(clock())}
        return web.Response(body=msgspec.json.encode(report), content_type="application/json")

    return [
        AdminRoute("GET", "/livez", None, probing(lambda: progress.live(clock()))),
        AdminRoute("GET", "/readyz", None, probing(progress.ready)),
        AdminRoute("GET", "/startupz", None, probing(progress.started)),
        AdminRoute("GET", "/metrics", Scope.READ, show_metrics),
        AdminRoute("GET", "/status", Scope.READ, describe),
    ]
