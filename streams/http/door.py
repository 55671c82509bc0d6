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

from streams.contracts import HEADER_TRACEPARENT
from streams.http.guard import Guard
from streams.http.listening import CLEAN_UP_S, ListeningWeb, WebLimits
from streams.http.open_files import ADMIN_CONNECTIONS, MOST_REFUSING, OTHERS, room_for
from streams.http.problems import CallerGone, Refusal, unreadable
from streams.http.routes import Route
from streams.http.routing import Router
from streams.settings import HttpSettings
from streams.telemetry.exemplars import trace_of
from streams.telemetry.metrics import Metrics

log = structlog.get_logger("streams.http")

DRAIN_S = 5.0
"""For requests that are here or on their way when the worker is stopped; within the 10 s that it has for all of it."""

RESERVED = ADMIN_CONNECTIONS + MOST_REFUSING + OTHERS
"""Files that are not the door's."""

OTHER = "other"
CALLER_GONE = 499
"""By custom. Nobody sees it but the metrics."""

_framework_log = logging.getLogger("streams.http.framework")


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
        self._web: ListeningWeb | None = None

    async def start(
        self, *, chosen: bool, tls: ssl.SSLContext | None = None, listening: socket.socket | None = None
    ) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken. `listening`: in
        place of the port of the settings."""
        settings = self._settings
        # The low-level server: the framework's application would find the route and refuse in ways of its own, at a
        # fifth of what a request costs.
        runner = web.ServerRunner(web.Server(self._respond), shutdown_timeout=CLEAN_UP_S)
        limits = WebLimits(
            connections=self._room(),
            idle_s=settings.idle_timeout_ms / 1000,
            write_s=settings.write_timeout_ms / 1000,
            drain_s=DRAIN_S,
        )
        self._web = ListeningWeb(runner, limits, self._unreadable, _framework_log)
        return await self._web.start(
            settings.host, settings.port, chosen=chosen, key="http.port", tls=tls, listening=listening
        )

    @property
    def connections(self) -> int:
        """How many are open; those that are being refused not counted."""
        return self._web.connections if self._web else 0

    async def stop(self) -> None:
        """Take no more connections, answer the requests that are here or on their way, and end."""
        if self._web is not None:
            await self._web.stop()

    def _room(self) -> int:
        wanted = self._settings.max_connections
        room = room_for(wanted, reserved=RESERVED)
        if room < wanted:
            log.warning(
                "fewer connections than http.max_connections: the limit on open files has no room for them",
                wanted=wanted,
                taken=room,
                fix=f"raise the hard limit on open files to {wanted + MOST_REFUSING + RESERVED}",
            )
        return room

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        began, status, path = self._clock(), CALLER_GONE, OTHER
        listening = self._web
        assert listening is not None
        listening.begins(request)
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
                if await listening.write(request, response):
                    status = response.status
            return response
        finally:
            listening.ends(request)
            trace_id = trace_of(request.headers.get(HEADER_TRACEPARENT))
            self._metrics.request_ended(path, status, self._clock() - began, trace_id)

    async def _answer(self, request: web.BaseRequest, route: Route, place: ExitStack) -> web.Response:
        if route.scope is not None:
            method, headers, remote = request.method, request.headers, request.remote
            caller = self._guard.admit(route.scope, method=method, headers=headers, remote=remote)
            place.enter_context(self._guard.places.one(caller))
            if not request.content.is_eof():
                arriving = place.enter_context(ExitStack())
                arriving.enter_context(self._guard.places.arriving(caller))
                request.content.on_eof(arriving.close)
        return await route.handle(request)

    def _refused(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        v2 = request.path == "/v2" or request.path.startswith("/v2/")
        return refusal.response(v2=v2, terse=self._settings.terse)

    def _unreadable(self, status: int) -> web.Response:
        self._metrics.request_ended(OTHER, status, 0.0)
        return unreadable(status, terse=self._settings.terse)
