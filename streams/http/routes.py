"""What the door serves: every route, and the scope that it takes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version as distribution_version
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.http.description_page import POLICY, description_page
from streams.http.door_models import DoorModels
from streams.http.keys import Scope
from streams.http.open_api import open_api
from streams.http.predict_route import Answering
from streams.http.probes import metrics, probe
from streams.http.problems import Refusal
from streams.telemetry.progress import Progress, Verdict

Handle = Callable[[web.BaseRequest], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """`scope`: what a key must have for it; None, open to everybody: about health, and nothing else."""

    method: str
    path: str
    scope: Scope | None
    handle: Handle


def health_routes(progress: Progress, clock: Callable[[], float] = time.monotonic) -> list[Route]:
    """Probes by the names that the admin web has."""

    def answering(verdict: Callable[[], Verdict]) -> Handle:
        async def handle(_request: web.BaseRequest) -> web.Response:
            return probe(verdict())

        return handle

    return [
        Route("GET", "/livez", None, answering(lambda: progress.live(clock()))),
        Route("GET", "/readyz", None, answering(progress.ready)),
        Route("GET", "/startupz", None, answering(progress.started)),
    ]


def description_routes(others: Sequence[Route], models: DoorModels) -> list[Route]:
    """The OpenAPI document of these routes and its own, and the same as a page."""

    def document() -> dict[str, Any]:
        described = [(each.method, each.path, each.scope) for each in [*others, *routes]]
        return open_api(described, models.served(), distribution_version("weir-streaming"))

    async def describe(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=msgspec.json.encode(document()), content_type="application/json")

    async def show(request: web.BaseRequest) -> web.Response:
        try:
            address = str(request.url.origin())
        except ValueError:
            raise Refusal(400, "Host is no host and port") from None
        page = description_page(document(), address)
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    routes = [Route("GET", "/openapi.json", Scope.READ, describe), Route("GET", "/docs", Scope.READ, show)]
    return routes


def own_routes(answering: Answering, registry: CollectorRegistry) -> list[Route]:
    """Weir's own."""

    async def show_metrics(request: web.BaseRequest) -> web.Response:
        return metrics(request, registry)

    return [
        Route("POST", "/predict", Scope.PREDICT, answering.predict),
        Route("GET", "/metrics", Scope.READ, show_metrics),
    ]
