"""Reads for the page while somebody looks at it, on a thread of its own, and tells all viewers twice a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import structlog
from aiohttp import web

from streams.http.page.pump import Feed, Pump
from streams.http.page.viewers import Viewers
from streams.page.figures import Figures
from streams.page.watching import Message, Watching

log = structlog.get_logger("streams.http.page")

EVERY_S = 0.5
TICK_S = 0.1
PATIENCE_S = 3.0
"""So long the first reading may take; then what is known is told, and that it is not all."""
LINGER_S = 30.0
"""After the last viewer left: who comes back meanwhile need not wait for the topics to be read again."""

Own: TypeAlias = Callable[[], tuple[Figures, int]]
"""What this process told of itself last, and when (ms)."""


class PageReader:
    """`watch` and `close` on the event loop; all the rest on the thread that reads."""

    def __init__(self, feed: Feed, new_watching: Callable[[], Watching], own: Own) -> None:
        self._feed, self._new_watching, self._own = feed, new_watching, own
        self._viewers = Viewers()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """The stream of one viewer. Raises Refusal: 503."""
        viewer = self._viewers.enter()
        try:
            self._start()
            return await viewer.write_to(request)
        finally:
            self._viewers.leave(viewer)

    async def close(self) -> None:
        """Every stream ends, and the thread."""
        self._closed = True
        self._stop.set()
        self._viewers.end()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 2.0)

    def _start(self) -> None:
        if self._closed or self._thread is not None:
            return
        self._stop = threading.Event()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._carry, args=(loop, self._stop), name="page", daemon=True)
        self._thread.start()

    def _carry(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        try:
            self._read(loop, stop)
        except Exception:
            log.exception("the page is not told any more")
            stop.wait(EVERY_S)
            _call(loop, self._viewers.end)
        finally:
            _call(loop, self._ended)

    def _ended(self) -> None:
        self._thread = None
        if len(self._viewers):
            self._start()  # who came in the very moment

    def _read(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        watching = self._new_watching()
        last_viewer_at = tell_at = time.monotonic()
        waits_until: float | None = tell_at + PATIENCE_S
        with Pump(self._feed, stop) as pump:
            while not stop.is_set():
                read = pump.next(TICK_S)
                here_ms = time.time_ns() // 1_000_000
                now = time.monotonic()
                if read is not None:
                    if read.afresh is not None:
                        watching.begin(read.afresh, here_ms)
                        waits_until = now + PATIENCE_S
                        _call(loop, self._viewers.greet_again)
                    watching.stand(read.unreadable, read.behind)
                    for record in read.records:
                        watching.take(record.topic, record.key, record.value, record.timestamp, here_ms)
                    if not read.behind:
                        waits_until = None
                if len(self._viewers):
                    last_viewer_at = now
                elif now - last_viewer_at > LINGER_S:
                    return
                if now >= tell_at and (waits_until is None or now >= waits_until):
                    tell_at = now + EVERY_S
                    self._tell(loop, watching, here_ms)

    def _tell(self, loop: asyncio.AbstractEventLoop, watching: Watching, here_ms: int) -> None:
        watching.pass_time(*self._own(), here_ms)
        everything = watching.all(here_ms) if self._viewers.has_newcomers else []
        news = watching.news(here_ms)
        _call(loop, self._viewers.tell, everything, news)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: list[Message]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody looks any more
        loop.call_soon_threadsafe(what, *arguments)
