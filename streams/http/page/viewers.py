"""Who looks at the page: streams of server-sent events, bounded in number and in what waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from aiohttp import web

from streams.http.problems import Refusal
from streams.page.watching import Message

MOST_VIEWERS = 16
MOST_WAITING = 16
"""Messages that wait for one viewer; who is further behind is let go, and comes back by itself."""
WRITE_S = 5.0
COMMENT_S, COMMENT = 1.0, b": nothing new\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # a proxy between would collect them
}


class Viewer:
    """One stream. `greeted` once it has been told all that there is."""

    def __init__(self) -> None:
        self.greeted = False
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)

    def tell(self, messages: Iterable[Message]) -> None:
        """Queue messages; where there is no room the stream ends."""
        try:
            self._queue.put_nowait(b"".join(map(_framed, messages)))
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Whatever waits is dropped."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def write_to(self, request: web.Request) -> web.StreamResponse:
        """Until the end, or until the reader is gone or too slow."""
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        with suppress(ConnectionError, TimeoutError):
            while (chunk := await self._next()) is not None:
                await asyncio.wait_for(response.write(chunk), WRITE_S)
            return response
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _next(self) -> bytes | None:
        """What waits; where nothing comes, a comment: whoever went away is noticed when it is written to."""
        try:
            return await asyncio.wait_for(self._queue.get(), COMMENT_S)
        except TimeoutError:
            return COMMENT


class Viewers:
    """All of a process. For the event loop's thread."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._viewers)

    def enter(self) -> Viewer:
        """Raises Refusal: 503."""
        if len(self._viewers) >= MOST_VIEWERS:
            raise Refusal(503, f"{MOST_VIEWERS} pages of this worker are open already", retry_after_s=10.0)
        viewer = Viewer()
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def tell(self, everything: Sequence[Message], news: Sequence[Message]) -> None:
        """Newcomers get everything, the others what is new."""
        for viewer in self._viewers:
            messages = news if viewer.greeted else everything
            if messages:
                viewer.greeted = True
                viewer.tell(messages)

    def greet_again(self) -> None:
        """What they were told is not what the next news follow on."""
        for viewer in self._viewers:
            viewer.greeted = False

    @property
    def has_newcomers(self) -> bool:
        """Also for other threads."""
        return any(not viewer.greeted for viewer in tuple(self._viewers))

    def end(self) -> None:
        for viewer in self._viewers:
            viewer.end()


def _framed(message: Message) -> bytes:
    # JSON of msgspec has no line breaks.
    return b"event: " + message.event.encode() + b"\ndata: " + message.data + b"\n\n"
