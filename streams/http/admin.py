"""The admin web of a worker: its routes behind a guard, on a port of their own."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from aiohttp import web

from streams.http.admin_routes import CALLER, AdminHandle, AdminRoute
from streams.http.guard import Guard
from streams.http.keys import Scope
from streams.http.listening import CLEAN_UP_S, ListeningWeb, WebLimits
from streams.http.open_files import ADMIN_CONNECTIONS, OTHERS, room_for
from streams.http.problems import Refusal, unreadable
from streams.telemetry.audit import record_action

log = structlog.get_logger("streams.admin")

DRAIN_S = 1.0
"""A stream of the page never ends by itself."""

IDLE_S, WRITE_S, READ_S = 30.0, 5.0, 5.0
"""As of the door: for the head of the next request, for an answer to be taken, for a body to come."""

FAILED = 500

_framework_log = logging.getLogger("streams.admin.framework")


class AdminWeb:
    """Serves on the event loop that `start` is awaited on, so a loop that hangs fails its liveness probe."""

    def __init__(self, routes: Sequence[AdminRoute], guard: Guard) -> None:
        self.routes, self._guard = routes, guard
        self._web: ListeningWeb | None = None

    async def start(self, host: str, port: int, *, chosen: bool, listening: socket.socket | None = None) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken. `listening`: in
        place of host and port."""
        app = web.Application(middlewares=[self._respond])
        app.add_routes([web.route(each.method, each.path, self._guarded(each)) for each in self.routes])
        runner = web.AppRunner(app, shutdown_timeout=CLEAN_UP_S)
        connections = room_for(ADMIN_CONNECTIONS, reserved=OTHERS)
        limits = WebLimits(connections, idle_s=IDLE_S, write_s=WRITE_S, drain_s=DRAIN_S)
        self._web = ListeningWeb(runner, limits, unreadable, _framework_log)
        return await self._web.start(host, port, chosen=chosen, key="admin.port", listening=listening)

    @property
    def connections(self) -> int:
        """How many are open; those that are being refused not counted."""
        return self._web.connections if self._web else 0

    async def stop(self) -> None:
        """Close the port; without a start nothing happens."""
        if self._web is not None:
            await self._web.stop()

    def _guarded(self, route: AdminRoute) -> AdminHandle:
        if route.scope is None:
            return route.handle
        answer = functools.partial(self._answer, route, route.scope)
        return functools.partial(self._audited, answer) if route.scope is Scope.ADMIN else answer

    async def _answer(self, route: AdminRoute, scope: Scope, request: web.Request) -> web.StreamResponse:
        headers, remote = request.headers, request.remote
        try:
            request[CALLER] = caller = self._guard.identify(scope, headers=headers, remote=remote)
            self._guard.permit(caller, scope, method=request.method, headers=headers)
        except Refusal as refusal:
            self._guard.count(refusal, remote)
            raise
        with self._guard.places.one(caller), _body_in_time(request):
            return await route.handle(request)

    @web.middleware
    async def _respond(self, request: web.Request, handler: AdminHandle) -> web.StreamResponse:
        assert self._web is not None
        self._web.begins(request)
        try:
            response = await _answered(request, handler)
            await self._web.write(request, response)
            return response
        finally:
            self._web.ends(request)

    async def _audited(self, answer: AdminHandle, request: web.Request) -> web.StreamResponse:
        """With a line in the audit log, also of who was not let in."""
        status = FAILED
        try:
            response = await answer(request)
            status = response.status
            return response
        except (Refusal, web.HTTPException) as refusal:
            status = refusal.status
            raise
        finally:
            caller = request.get(CALLER)
            record_action(
                who="nobody known" if caller is None else caller.identity,
                what=f"{request.method} {request.path}",
                origin=request.remote or "unknown",
                result="done" if status < 400 else "refused" if status < 500 else "failed",
                status=status,
            )


async def _answered(request: web.Request, handler: AdminHandle) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        if refusal.late_s:
            await asyncio.sleep(refusal.late_s)
        return refusal.response(v2=False)
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return Refusal(error.status, error.reason, headers=headers).response(v2=False)
    except ConnectionError:  # nobody is there any more
        raise
    except Exception as error:  # the log is told; the caller learns nothing of our insides
        log.exception("request failed", path=request.path, why=type(error).__name__)
        return Refusal(500, "the request failed here; the log of the worker says why").response(v2=False)


@contextmanager
def _body_in_time(request: web.Request) -> Iterator[None]:
    """A caller whose body does not come is cut: it would keep its place for ever."""
    transport = request.transport
    if transport is None or request.content.is_eof():
        yield
        return
    cut = asyncio.get_running_loop().call_later(READ_S, transport.abort)
    request.content.on_eof(cut.cancel)
    try:
        yield
    finally:
        cut.cancel()
