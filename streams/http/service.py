"""The admin web as a Faust service."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from mode import Service
from prometheus_client import CollectorRegistry

from streams.http.admin import AdminWeb
from streams.http.admin_routes import AdminRoute, worker_routes
from streams.http.admission import admin_guard, private_guard
from streams.http.guard import Identify
from streams.settings import Settings
from streams.telemetry.progress import Progress


class AdminService(Service):
    """Opens the admin port when the app starts, and says on which one."""

    mundane_level = "debug"

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        progress: Progress,
        status: Callable[[], Mapping[str, Any]],
        identities: Callable[[], Identify | None],
        on_error: Callable[[BaseException], None],
        further: Sequence[AdminRoute] = (),
        listening: socket.socket | None = None,
        **kwargs: Any,
    ) -> None:
        """`identities` tells whose a credential is, once the app starts; `further` routes beside the worker's own.
        `listening`: in place of the port, where whoever reaches it may do everything."""
        super().__init__(**kwargs)
        self._settings, self._progress, self._on_error = settings, progress, on_error
        self._identities, self._listening = identities, listening
        self.routes = [*worker_routes(registry, progress, status, time.monotonic), *further]
        self._web: AdminWeb | None = None

    async def on_start(self) -> None:
        admin = self._settings.admin
        try:
            if self._listening is not None:
                self._web = AdminWeb(self.routes, private_guard())
                await self._web.start(admin.host, 0, chosen=True, listening=self._listening)
                return
            self._web = AdminWeb(self.routes, admin_guard(self._settings, self._identities()))
            port = await self._web.start(admin.host, admin.port, chosen=self._settings.is_set("admin.port"))
        except Exception as error:
            self._on_error(error)
            raise
        structlog.get_logger("streams.admin").info(
            "admin web", url=f"http://{admin.host}:{port}", page=f"http://{admin.host}:{port}/page"
        )

    async def on_stop(self) -> None:
        self._progress.stopping()
        if self._web is not None:
            await self._web.stop()
