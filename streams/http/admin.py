"""The admin web of a worker: its routes behind a guard, on a port of their own."""

from __future__ import annotations

import functools
import socket
from collections.abc import Sequence

import structlog
from aiohttp import web

from streams.http.admin_routes import CALLER, AdminHandle, AdminRoute
from streams.http.guard import Guard
from streams.http.keys import Scope
from streams.http.ports import listen
from streams.http.problems import Refusal
from streams.telemetry.audit import record_action

log = structlog.get_logger("streams.admin")

SHUTDOWN_S = 1.0
FAILED = 500


class AdminWeb:
    """Serves on the event loop that `start` is awaited on, so a loop that hangs fails its liveness probe."""

    def __init__(self, routes: Sequence[AdminRoute], guard: Guard) -> None:
        self.routes, self._guard = routes, guard
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int, *, chosen: bool) -> int:
        """Listen, and give the port. `chosen`: somebody set it, so no other will do; raises PortTaken."""
        server = listen(host, port, chosen=chosen, key="admin.port")
        bound: int = server.getsockname()[1]
        await self.serve(server)
        return bound

    async def serve(self, server: socket.socket) -> None:
        """On a socket that listens."""
        app = web.Application(middlewares=[_refused])
        app.add_routes([web.route(each.method, each.path, self._guarded(each)) for each in self.routes])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.SockSite(self._runner, server).start()

    async def stop(self) -> None:
        """Close the port; without a start nothing happens."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _guarded(self, route: AdminRoute) -> AdminHandle:
        if route.scope is None:
            return route.handle
        answer = functools.partial(self._answer, route, route.scope)
        return functools.partial(self._audited, answer) if route.scope is Scope.ADMIN else answer

    async def _answer(self, route: AdminRoute, scope: Scope, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        request[CALLER] = caller = self._guard.identify(scope, headers=headers, remote=request.remote)
        self._guard.permit(caller, scope, method=request.method, headers=headers)
        with self._guard.place():
            return await route.handle(request)

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


@web.middleware
async def _refused(request: web.Request, handler: AdminHandle) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response(v2=False)
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return Refusal(error.status, error.reason, headers=headers).response(v2=False)
    except ConnectionError:  # nobody is there any more
        raise
    except Exception as error:  # the log is told; the caller learns nothing of our insides
        log.exception("request failed", path=request.path, why=type(error).__name__)
        return Refusal(500, "the request failed here; the log of the worker says why").response(v2=False)
