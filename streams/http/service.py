"""The admin web as a Faust service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from mode import Service
from prometheus_client import CollectorRegistry

from streams.http.admin import AdminWeb
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
        on_error: Callable[[BaseException], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings, self._progress, self._on_error = settings, progress, on_error
        self._web = AdminWeb(registry, progress, status)

    async def on_start(self) -> None:
        admin = self._settings.admin
        try:
            port = await self._web.start(admin.host, admin.port, chosen=self._settings.is_set("admin.port"))
        except Exception as error:
            self._on_error(error)
            raise
        structlog.get_logger("streams.admin").info("admin web", url=f"http://{admin.host}:{port}")

    async def on_stop(self) -> None:
        self._progress.stopping()
        await self._web.stop()
