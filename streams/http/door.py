"""The door: the web server that answers requests with a model."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from streams.http.connections import capped
from streams.http.guard import Guard
from streams.http.ports import listen
from streams.http.problems import CallerGone, Refusal
from streams.http.routes import Route
from streams.settings import HttpSettings
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

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
        self._routes = {(route.method, route.path): route for route in routes}
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, *, chosen: bool, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken."""
        settings = self._settings
        server = listen(settings.host, settings.port, chosen=chosen, key="http.port")
        bound: int = server.getsockname()[1]
        app = web.Application(middlewares=[self._respond])
        app.add_routes([web.route(route.method, route.path, route.handle) for route in self._routes.values()])
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=DRAIN_S,
            # Also how long the head of a request may take: a caller that never ends it is let go.
            keepalive_timeout=settings.idle_timeout_ms / 1000,
            lingering_time=LINGER_S,
            auto_decompress=False,
            logger=_framework_log,
        )
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

    @web.middleware
    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:  # noqa: ARG002  # the route has it
        began, route = self._clock(), self._route_of(request)
        status = CALLER_GONE
        try:
            with ExitStack() as place:  # until the answer is written: what slow readers hold is bounded, too
                response = await self._answer(request, route, place)
                if await self._write(request, response):
                    status = response.status
            return response
        finally:
            self._metrics.request_ended(route.path if route else OTHER, status, self._clock() - began)

    async def _answer(self, request: web.Request, route: Route | None, place: ExitStack) -> web.Response:
        v2, terse = request.path == "/v2" or request.path.startswith("/v2/"), self._settings.terse
        try:
            if route is None:
                raise _unmatched(request)
            if route.scope is not None:
                self._guard.admit(route.scope, method=request.method, headers=request.headers, remote=request.remote)
                place.enter_context(self._guard.place())
            return await route.handle(request)
        except Refusal as refusal:
            if refusal.late_s:
                await asyncio.sleep(refusal.late_s)
            return refusal.response(v2=v2, terse=terse)
        except CallerGone:
            return web.Response(status=CALLER_GONE)
        except Exception as error:  # the log is told; the caller learns nothing of our insides
            log.exception("request failed", route=route.path if route else OTHER, why=type(error).__name__)
            return Refusal(500, "the request failed here; the log of the worker says why").response(v2=v2, terse=terse)

    async def _write(self, request: web.Request, response: web.Response) -> bool:
        """Here and not by the framework, which would wait for a slow reader for ever. Whether it was taken."""
        response.headers["Server"] = "weir"  # and not the framework's version
        try:
            async with asyncio.timeout(self._settings.write_timeout_ms / 1000):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            return False
        except ConnectionError:
            return False
        return True

    def _route_of(self, request: web.Request) -> Route | None:
        resource = request.match_info.route.resource
        if resource is None:
            return None
        return self._routes.get((request.method, resource.canonical))


def _unmatched(request: web.Request) -> Refusal:
    error = request.match_info.http_exception
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Refusal(405, f"this takes {allowed}", headers={"Allow": allowed}, close=request.can_read_body)
    return Refusal(404, "there is nothing here", close=request.can_read_body)
