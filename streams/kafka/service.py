"""A lane as a Faust service: its thread, its start after the agents and its stop before them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from mode import Service

from streams.kafka.channel import UnitOfWork
from streams.kafka.lane import Lane

STOP_DEADLINE_S = 8.0
"""Batch in flight, commit, and leaving; under the 10 s that a worker has between SIGTERM and its exit."""


class LaneService(Service):
    """Runs one lane on a thread of its own. A lane that ends by an error crashes the service, and so the worker."""

    def __init__(self, make_lane: Any, channel: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._make_lane = make_lane
        self._channel = channel
        self._ended: asyncio.Event | None = None
        self._error: BaseException | None = None

    async def on_start(self) -> None:
        loop = asyncio.get_running_loop()
        ended = self._ended = asyncio.Event()

        def submit(unit: UnitOfWork) -> None:
            asyncio.run_coroutine_threadsafe(self._channel.put(unit), loop)

        lane: Lane = self._make_lane(submit)
        self._lane = lane

        def run() -> None:
            try:
                lane.run()
            except BaseException as error:
                self._error = error
            finally:
                loop.call_soon_threadsafe(ended.set)

        self._thread = threading.Thread(target=run, name=f"lane-{lane.decider.role}", daemon=True)
        self._thread.start()

    @Service.task
    async def _watch(self) -> None:
        assert self._ended is not None
        await self._ended.wait()
        if self._error is not None:
            await self.crash(self._error)

    async def on_stop(self) -> None:
        self._lane.stop()
        await asyncio.to_thread(self._thread.join, STOP_DEADLINE_S)
        if self._thread.is_alive():
            self.log.error("lane %s did not end within %s s", self._lane.decider.role, STOP_DEADLINE_S)
