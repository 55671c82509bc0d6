"""The page of a process: what it reads and asks of Kafka for whoever looks, behind its routes."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Iterator

from drift.profile import ProfileError, decode_profile
from models.errors import ModelError
from models.registry import Registry
from streams.control_records import Answer, Command
from streams.http.admin_routes import AdminRoute
from streams.http.page.files import Files
from streams.http.page.orders import Orders
from streams.http.page.reader import Own, PageReader
from streams.http.page.routes import page_routes
from streams.kafka.client import client_config
from streams.kafka.feed import Read, feed
from streams.kafka.proposals import propose
from streams.page.outputs import OutputReference, output_reference
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.registry import registry_of
from streams.settings import Settings
from streams.telemetry.metrics import END_TO_END_SECONDS, SCORES

ANSWER_S = 20.0
LAST_WORDS_MS = 3_600_000
MOST_REFERENCES = 64


class PageWeb:
    """Connects to Kafka only while somebody looks. `own`: what this process tells of itself, should nobody be heard."""

    def __init__(self, settings: Settings, own: Own) -> None:
        self._settings, self._stop = settings, threading.Event()
        self._reader = PageReader(self._feed, self._new_watching, own)

    def routes(self) -> list[AdminRoute]:
        """For the admin web."""
        return page_routes(self._reader.watch, Orders(self._propose), Files())

    async def close(self) -> None:
        """Every stream ends, and no order is waited for."""
        self._stop.set()
        await self._reader.close()

    def _feed(self, stop: threading.Event) -> Iterator[Read]:
        sources = self._sources()
        # The last words of who died; the charts need less.
        figures_from = time.time_ns() // 1_000_000 - LAST_WORDS_MS
        topics = {sources.figures: figures_from, sources.alerts: None, sources.control: None}
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
