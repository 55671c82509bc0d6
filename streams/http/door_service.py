"""The door as a Faust service: it listens at once, and answers when its models are loaded, on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeAlias

import structlog
from mode import Service
from prometheus_client import CollectorRegistry

from models.prediction import Model
from streams.decide.serving import Serving
from streams.http.admission import door_guard
from streams.http.asking import Asking
from streams.http.certificates import tls_of
from streams.http.deadlines import Deadlines
from streams.http.door import Door
from streams.http.door_models import DoorModel, DoorModels
from streams.http.gathering import Gathering
from streams.http.guard import Identify
from streams.http.predict_route import Answering
from streams.http.publishing import Publishing
from streams.http.routes import Route, description_routes, health_routes, own_routes
from streams.http.v2_routes import V2
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.http")

JOIN_S = 1.0

Followed: TypeAlias = tuple[Callable[[], Serving], Callable[[], Model | None]]
"""What answers a batch that begins now, for the thread that asks; and what answers the next one."""
OpenModels: TypeAlias = Callable[[threading.Event, ExitStack], Mapping[str, Followed]]
"""Loads the models and follows their versions until the stack is closed. Called on a thread that lives as long."""


class DoorService(Service):
    """`open_models` failing ends the worker: there is nothing to answer with. `identities` tells whose a credential
    is, once the app starts. `listening`: in place of the port of the settings."""

    mundane_level = "debug"

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        metrics: Metrics,
        progress: Progress,
        open_models: OpenModels,
        identities: Callable[[], Identify | None],
        on_error: Callable[[BaseException], None],
        publishing: Publishing,
        listening: socket.socket | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings, self._metrics, self._progress = settings, metrics, progress
        self._open_models, self._identities, self._on_error = open_models, identities, on_error
        self._listening = listening
        self._models = DoorModels()
        self._routes = door_routes(settings, self._models, registry, progress, publishing)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ask-http")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="http-models", daemon=True)
        self._door: Door | None = None

    async def on_start(self) -> None:
        http = self._settings.http
        try:
            guard = door_guard(self._settings, self._identities())
            self._door = Door(http, self._routes, guard, self._metrics)
            tls = tls_of(self._settings)
            chosen = self._settings.is_set("http.port")
            port = await self._door.start(chosen=chosen, tls=tls, listening=self._listening)
        except Exception as error:
            self._on_error(error)
            raise
        log.info("http", url=f"{'https' if tls else 'http'}://{http.host}:{port}", identifies=http.identifies)
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._running_loop = asyncio.get_running_loop()
        self._thread.start()

    def _carry(self) -> None:
        try:
            with ExitStack() as opened:
                followed = self._open_models(self._stop, opened)
                if not self._stop.is_set():
                    self._models.opened({name: self._door_model(name, *one) for name, one in followed.items()})
                    self._progress.lane("http").opened(time.monotonic())
                self._stop.wait()
        except BaseException as error:  # noqa: BLE001  # handed to the event loop, which ends the worker by it
            self._failure = error
            self._on_error(error)
        finally:
            self._running_loop.call_soon_threadsafe(self._ended.set)

    def _door_model(self, name: str, serving: Callable[[], Serving], served: Callable[[], Model | None]) -> DoorModel:
        lane, settings = self._progress.lane("http"), self._settings
        asking = Asking(
            name,
            serving,
            self._executor,
            Gathering(gather_s=settings.http.gather_ms / 1000, max_rows=settings.worker.max_batch_records),
            Deadlines(settings.http.deadline_ms / 1000),
            self._metrics,
            lambda begins: lane.asking(begins, time.monotonic()),
        )
        return DoorModel(asking, served)

    @Service.task
    async def _watch(self) -> None:
        await self._ended.wait()
        if self._failure is not None:
            await self.crash(self._failure)

    async def on_stop(self) -> None:
        self._progress.stopping()
        if self._door is not None:
            await self._door.stop()
        self._stop.set()
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, JOIN_S)


def door_routes(
    settings: Settings, models: DoorModels, registry: CollectorRegistry, progress: Progress, publishing: Publishing
) -> list[Route]:
    """All that the door serves."""
    answering = Answering(settings.http, models, publishing)
    routes = [*health_routes(progress), *own_routes(answering, registry), *V2(answering, progress).routes()]
    return [*routes, *description_routes(routes, models)]


def check_door(settings: Settings) -> None:
    """Whether the certificate can be used, before anything is started. Raises SettingsError."""
    tls_of(settings)
