"""A page without workers or Kafka: what its topics say is what a test puts there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

from streams.control_records import Answer, Command
from streams.http.admin import AdminWeb
from streams.http.admission import admin_guard, identify_by
from streams.http.page.files import Files
from streams.http.page.orders import Orders
from streams.http.page.reader import PageReader
from streams.http.page.routes import page_routes
from streams.kafka.feed import Read
from streams.kafka.following import Followed
from streams.page.figures import Figures, encode_figures
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.settings import Settings
from streams.telemetry.metrics import END_TO_END_SECONDS, SCORES
from tests.waiting import until

SOURCES = Sources("figures", "alerts", "control")
EVENTS = "events"


class Stage:
    """A context manager. `worker` is told every two seconds; what is put with `say` is read once."""

    def __init__(self, worker: dict[str, Any]) -> None:
        self.worker, self.unreadable = worker, dict[str, str]()
        self.ordered: list[tuple[str, Command, int | None]] = []
        self._said: list[Followed] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until(self._ready.is_set, "the page is served")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def say(self, topic: str, key: str, value: bytes) -> None:
        """Also to whoever looks later."""
        self._said.append(Followed(topic, 0, len(self._said), value, None, key.encode(), _now_ms()))

    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/page"

    def _feed(self, stop: threading.Event) -> Iterator[Read]:
        yield Read(afresh=[topic for topic in SOURCES if topic not in self.unreadable], unreadable=self.unreadable)
        read, began, told_at = 0, time.monotonic(), 0.0
        while not stop.wait(0.02):
            records, read = self._said[read:], len(self._said)
            if time.monotonic() - told_at > 0.5:
                told_at = time.monotonic()
                told = Figures("p", "w-0", "h", int((told_at - began) * 1000), live=True, ready=True, **self.worker)
                records = [*records, Followed("figures", 0, 0, encode_figures(told), None, b"p", _now_ms())]
            yield Read([record for record in records if record.topic not in self.unreadable], None, self.unreadable)

    def _watching(self) -> Watching:
        return Watching(lambda: View(EVENTS, END_TO_END_SECONDS, SCORES), SOURCES, lambda _model, _version: None)

    async def _propose(self, model: str, command: Command, expected_revision: int | None) -> Answer | None:
        self.ordered.append((model, command, expected_revision))
        return Answer("accepted", "as ordered")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())

    async def _run(self) -> None:
        self._over = asyncio.Event()
        settings = Settings()
        reader = PageReader(self._feed, self._watching, lambda: (Figures("own", "own", "h", 0), _now_ms()))
        web = AdminWeb(
            page_routes(reader.watch, Orders(self._propose), Files()), admin_guard(settings, identify_by(settings))
        )
        self._port = await web.start("127.0.0.1", 0, chosen=True)
        self._ready.set()
        await self._over.wait()
        await reader.close()
        await web.stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
