"""The door: the web server that answers requests with a model."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from streams.contracts import HEADER_TRACEPARENT
from streams.http.connections import capped
from streams.http.guard import Guard
from streams.http.ports import listen
from streams.http.problems import CallerGone, Refusal
from streams.http.routes import Route
from streams.http.routing import Router
from streams.http.writing import write
from streams.settings import HttpSettings
from streams.telemetry.exemplars import trace_of
from streams.telemetry.metrics import Metrics

log = structlog.get_logger("streams.http")

DRAIN_S = 5.0
"""For requests that are worked on when the worker is stopped; within the 10 s that it has for all of it."""

ARRIVE_S = 0.2

LINGER_S = 1.0
"""What is left of a body that was refused is read so long, or the caller would see a reset in place of the refusal."""

OTHER = "other"
CALLER_GONE = 499
"""By custom. Nobody sees it but the metrics."""

_framework_log = logging.getLogger("streams.http.framework")


def _is_no_strangers_mistake(record: logging.LogRecord) -> bool:
    """What is no HTTP is refused, and no reason to fill the log."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_framework_log.addFilter(_is_no_strangers_mistake)


class Door:
    """Serves on the event loop that `start` is awaited on."""

    def __init__(
        self,
        settings: HttpSettings,
        routes: Sequence[Route],
        guard: Guard,
        metrics: Metrics,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings, self._guard, self._metrics, self._clock = settings, guard, metrics, clock
        self._router = Router(routes)
        self._runner: web.ServerRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(
        self, *, chosen: bool, tls: ssl.SSLContext | None = None, listening: socket.socket | None = None
    ) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken. `listening`: in
        place of the port of the settings."""
        settings = self._settings
        server = listening or listen(settings.host, settings.port, chosen=chosen, key="http.port")
        bound: int = server.getsockname()[1]
        # The low-level server: the framework's application would find the route and refuse in ways of its own, at a
        # fifth of what a request costs.
        serves = web.Server(
            self._respond,
            access_log=None,
            # Also how long the head of a request may take: a caller that never ends it is let go.
            keepalive_timeout=settings.idle_timeout_ms / 1000,
            lingering_time=LINGER_S,
            auto_decompress=False,
            logger=_framework_log,
        )
        self._runner = web.ServerRunner(serves, shutdown_timeout=DRAIN_S)
        await self._runner.setup()
        assert self._runner.server is not None
        self._listening = await asyncio.get_running_loop().create_server(
            capped(self._runner.server, lambda: self.connections, settings.max_connections),
            sock=server,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else settings.idle_timeout_ms / 1000,
        )
        return bound

    @property
    def connections(self) -> int:
        """How many are open; those that are being refused not counted."""
        return len(self._runner.server.connections) if self._runner and self._runner.server else 0

    async def stop(self) -> None:
        """Take no more connections, answer the requests that are here or on their way, and end."""
        if self._runner is not None:
            if self._listening is not None:
                self._listening.close()
            # Who was let in a moment ago sends its request now.
            await asyncio.sleep(ARRIVE_S)
            await self._runner.cleanup()
            self._runner = None

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        began, status, path = self._clock(), CALLER_GONE, OTHER
        try:
            with ExitStack() as place:  # until the answer is written: what slow readers hold is bounded, too
                try:
                    route = self._router.find(request)
                    path = route.path
                    response = await self._answer(request, route, place)
                except Refusal as refusal:
                    if refusal.late_s:
                        await asyncio.sleep(refusal.late_s)
                    response = self._refused(request, refusal)
                except CallerGone:
                    response = web.Response(status=CALLER_GONE)
                except Exception as error:  # the log is told; the caller learns nothing of our insides
                    log.exception("request failed", route=path, why=type(error).__name__)
                    failure = Refusal(500, "the request failed here; the log of the worker says why")
                    response = self._refused(request, failure)
                if await write(request, response, self._settings.write_timeout_ms / 1000):
                    status = response.status
            return response
        finally:
            trace_id = trace_of(request.headers.get(HEADER_TRACEPARENT))
            self._metrics.request_ended(path, status, self._clock() - began, trace_id)

    async def _answer(self, request: web.BaseRequest, route: Route, place: ExitStack) -> web.Response:
        if route.scope is not None:
            self._guard.admit(route.scope, method=request.method, headers=request.headers, remote=request.remote)
            place.enter_context(self._guard.place())
        return await route.handle(request)

    def _refused(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        v2 = request.path == "/v2" or request.path.startswith("/v2/")
        return refusal.response(v2=v2, terse=self._settings.terse)
