"""What a worker does for the page, as a Faust service: it tells of itself, and serves who looks."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog
from mode import Service
from prometheus_client import CollectorRegistry

from streams.http.admin_routes import AdminRoute
from streams.kafka.client import client_config
from streams.kafka.figures import FiguresProducer
from streams.page.figures import EVERY_MS, Figures, encode_figures, readable
from streams.page_web import PageWeb
from streams.settings import Settings
from streams.slot import Slot
from streams.telemetry.figures import Identity, take_figures
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.page")

LAST_WORD_S = 0.5


class PageService(Service):
    """Its thread takes figures every two seconds and does nothing else; a broker that is away costs nobody anything."""

    mundane_level = "debug"

    def __init__(
        self,
        settings: Settings,
        slot: Slot,
        roles: Sequence[str],
        registry: CollectorRegistry,
        metrics: Metrics,
        progress: Progress,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings, self._registry, self._metrics, self._progress = settings, registry, metrics, progress
        self._identity = Identity(secrets.token_hex(8), slot.name, slot.host, time.monotonic(), tuple(roles))
        self._own: tuple[Figures, int] = (self._take(), time.time_ns() // 1_000_000)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="figures", daemon=True)
        self._web = PageWeb(settings, lambda: self._own)

    def routes(self) -> list[AdminRoute]:
        """For the admin web."""
        return self._web.routes()

    async def on_start(self) -> None:
        self._thread.start()

    async def on_stop(self) -> None:
        self._progress.stopping()
        self._stop.set()
        await self._web.close()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, 2 * LAST_WORD_S)

    def _take(self) -> Figures:
        return take_figures(self._identity, self._registry, self._progress, time.monotonic())

    def _tell(self) -> None:
        topic = self._settings.topics.name("figures")
        producer = FiguresProducer(client_config(self._settings.kafka), topic, self._metrics.figures_dropped)
        left_out: tuple[str, ...] = ()
        going_on = True
        while going_on:
            going_on = not self._stop.wait(EVERY_MS / 1000)
            try:
                figures, out = readable(self._take())
            except Exception:
                # A metric that cannot be read now may be in two seconds; without this thread the worker would be gone.
                log.exception("figures not taken")
                continue
            if out != left_out:
                left_out = out
                log.warning("figures too large: pages do not show all of this worker", left_out=out)
            self._own = (figures, time.time_ns() // 1_000_000)
            producer.send(self._identity.process, encode_figures(figures))
        producer.close(LAST_WORD_S)
