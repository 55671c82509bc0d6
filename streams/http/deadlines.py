"""An end to each wait for an answer.

All have the same patience, so the wait that began first ends first: one timer serves them all, where `asyncio.timeout`
would cost each request its own.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlines:
    """For one event loop. Remembers the waits that go on, and no others."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waits: dict[asyncio.Future[Any], float] = {}  # in the order that they end in
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, answer: asyncio.Future[T]) -> T:
        """What the future holds. Raises TimeoutError; and what the future does, if it fails."""
        loop = answer.get_loop()
        self._waits[answer] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._end_those_due, loop)
        try:
            return await answer
        finally:
            del self._waits[answer]

    def _end_those_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        for answer, due in self._waits.items():
            if due > loop.time():
                self._timer = loop.call_at(due, self._end_those_due, loop)
                return
            if not answer.done():
                answer.set_exception(TimeoutError())

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waits)
