"""What a worker does for the page, as a Faust service: it tells of itself, and serves who looks."""

from __future__ import annotations

import asyncio
import functools
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from mode import Service
from prometheus_client import CollectorRegistry

from drift.profile import ProfileError, decode_profile
from models.errors import ModelError
from models.registry import Registry
from streams.control_records import Answer, Command
from streams.http.admin_routes import AdminRoute
from streams.http.page.files import Files
from streams.http.page.orders import Orders
from streams.http.page.reader import PageReader
from streams.http.page.routes import page_routes
from streams.kafka.client import client_config
from streams.kafka.feed import Read, feed
from streams.kafka.figures import FiguresProducer
from streams.kafka.proposals import propose
from streams.page.figures import EVERY_MS, Figures, encode_figures, readable
from streams.page.outputs import OutputReference, output_reference
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.registry import registry_of
from streams.settings import Settings
from streams.slot import Slot
from streams.telemetry.figures import Identity, take_figures
from streams.telemetry.metrics import END_TO_END_SECONDS, SCORES
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.page")

ANSWER_S = 20.0
LAST_WORD_S = 0.5
LAST_WORDS_MS = 3_600_000
MOST_REFERENCES = 64


class PageService(Service):
    """Its thread takes figures every two seconds and does nothing else; a broker that is away costs nobody anything."""

    mundane_level = "debug"

    def __init__(
        self,
        settings: Settings,
        slot: Slot,
        roles: Sequence[str],
        registry: CollectorRegistry,
        progress: Progress,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings, self._registry, self._progress = settings, registry, progress
        self._identity = Identity(secrets.token_hex(8), slot.name, slot.host, time.monotonic(), tuple(roles))
        self._own: tuple[Figures, int] = (self._take(), time.time_ns() // 1_000_000)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="figures", daemon=True)
        self._reader = PageReader(self._feed, self._new_watching, lambda: self._own)

    def routes(self) -> list[AdminRoute]:
        """For the admin web."""
        return page_routes(self._reader.watch, Orders(self._propose), Files())

    async def on_start(self) -> None:
        self._thread.start()

    async def on_stop(self) -> None:
        self._progress.stopping()
        self._stop.set()
        await self._reader.close()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, 2 * LAST_WORD_S)

    def _take(self) -> Figures:
        return take_figures(self._identity, self._registry, self._progress, time.monotonic())

    def _tell(self) -> None:
        producer = FiguresProducer(client_config(self._settings.kafka), self._settings.topics.name("figures"))
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

    def _feed(self, stop: threading.Event) -> Iterator[Read]:
        sources = self._sources()
        # The last words of who died; the charts need less.
        topics = {
            sources.figures: time.time_ns() // 1_000_000 - LAST_WORDS_MS,
            sources.alerts: None,
            sources.control: None,
        }
        return feed(client_config(self._settings.kafka), topics, stop)

    def _sources(self) -> Sources:
        topics = self._settings.topics
        return Sources(topics.name("figures"), topics.name("alerts"), topics.name("control"))

    def _new_watching(self) -> Watching:
        events = self._settings.topics.name("events")
        references = References(registry_of(self._settings.model))
        return Watching(lambda: View(events, END_TO_END_SECONDS, SCORES), self._sources(), references.of)

    async def _propose(self, model: str, command: Command, expected_revision: int | None) -> Answer | None:
        put = functools.partial(
            propose,
            client_config(self._settings.kafka),
            self._settings.topics.name("control"),
            model,
            command,
            ANSWER_S,
            expected_revision=expected_revision,
            stop=self._stop,
        )
        return (await asyncio.to_thread(put)).last


class References:
    """What answers of a model version looked like in training, read once each. For one thread."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[tuple[str, str], OutputReference | None] = {}

    def of(self, model: str, version: str) -> OutputReference | None:
        """None where there is none that can be read."""
        if (model, version) not in self._known:
            if len(self._known) >= MOST_REFERENCES:
                self._known.clear()
            try:
                found = output_reference(decode_profile(self._registry.reference(model, version)))
            except (ModelError, ProfileError, OSError):
                found = None
            self._known[model, version] = found
        return self._known[model, version]
