"""The admin web of a worker: probes, metrics and status, on a port of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.http.ports import listen
from streams.http.probes import metrics, probe
from streams.telemetry.progress import Progress

SHUTDOWN_S = 1.0


class AdminWeb:
    """Serves on the event loop that `start` is awaited on, so a loop that hangs fails its liveness probe.

    `status` gives what `/status` shows beside the progress: JSON-ready, with ``group``.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        progress: Progress,
        status: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._progress, self._status, self._clock = registry, progress, status, clock
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int, *, chosen: bool) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken."""
        server = listen(host, port, chosen=chosen, key="admin.port")
        bound: int = server.getsockname()[1]
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/startupz", self._startupz),
                web.get("/metrics", self._metrics),
                web.get("/status", self._describe),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.SockSite(self._runner, server).start()
        return bound

    async def stop(self) -> None:
        """Close the port; without a start nothing happens."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return probe(self._progress.live(self._clock()))

    async def _readyz(self, _request: web.Request) -> web.Response:
        return probe(self._progress.ready())

    async def _startupz(self, _request: web.Request) -> web.Response:
        return probe(self._progress.started())

    async def _metrics(self, request: web.Request) -> web.Response:
        return metrics(request, self._registry)

    async def _describe(self, _request: web.Request) -> web.Response:
        report = {**self._status(), **self._progress.describe(self._clock())}
        return web.Response(body=msgspec.json.encode(report), content_type="application/json")
