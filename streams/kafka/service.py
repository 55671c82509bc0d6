"""A lane as a Faust service: its thread, its start after the agents and its stop before them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from mode import Service

from streams.kafka.channel import BatchChannel, UnitOfWork
from streams.kafka.errors import LaneError
from streams.kafka.lane import Lane

STOP_DEADLINE_S = 8.0
"""Batch in flight, commit, and leaving; under the 10 s that a worker has between SIGTERM and its exit."""


class Stopping:
    """The stop of a process, which all its lanes share: services are stopped one after the other, and each lane may
    need seconds to leave when its broker is away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked = threading.Event()
        self._clock = clock
        self._deadline = 0.0

    def ask(self) -> None:
        """Tell every lane; the deadline begins with the first call."""
        if not self.asked.is_set():
            self._deadline = self._clock() + STOP_DEADLINE_S
            self.asked.set()

    def left_s(self) -> float:
        """Of the deadline, once asked."""
        return max(0.0, self._deadline - self._clock())


Submit: TypeAlias = Callable[[UnitOfWork], None]
AtEnd: TypeAlias = Callable[[Callable[[], None]], object]
MakeLane: TypeAlias = Callable[[Submit, threading.Event, AtEnd], Lane | None]
"""Called on the lane's thread, since it may wait for topics; None when it was stopped meanwhile. What it gives to the
last argument is called when the lane has ended, also when making it raised."""


class LaneService(Service):
    """Runs one lane on a thread of its own. A lane that ends by an error crashes the service, and so the worker."""

    mundane_level = "debug"

    def __init__(
        self,
        role: str,
        channel: BatchChannel,
        make_lane: MakeLane,
        on_error: Callable[[BaseException], None],
        stopping: Stopping,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._role, self._channel, self._make_lane, self._on_error = role, channel, make_lane, on_error
        self._stopping = stopping

    async def on_start(self) -> None:
        self._running_loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._carry, name=f"lane-{self._role}", daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        try:
            with contextlib.ExitStack() as stack:
                lane = self._make_lane(self._submit, self._stopping.asked, stack.callback)
                if lane is not None:
                    lane.run()
        except BaseException as error:  # noqa: BLE001  # handed to the event loop, which ends the worker by it
            self._error = error
        except:  # noqa: E722  # confluent-kafka 2.16 can raise a bare KafkaError, which is no exception
            broke = f"the Kafka client broke: {sys.exc_info()[1]}; fix: none needed, a new worker goes on where it was"
            self._error = LaneError(broke)
        # Out here, since Python cannot chain an exception to what is none.
        try:
            if self._error is not None:
                self._on_error(self._error)
        finally:
            self._running_loop.call_soon_threadsafe(self._ended.set)

    def _submit(self, unit: UnitOfWork) -> None:
        asyncio.run_coroutine_threadsafe(self._channel.put(unit), self._running_loop)

    @Service.task
    async def _watch(self) -> None:
        await self._ended.wait()
        if self._error is not None:
            await self.crash(self._error)

    async def on_stop(self) -> None:
        self._stopping.ask()
        await asyncio.to_thread(self._thread.join, self._stopping.left_s())
        if self._thread.is_alive():
            self.log.error("lane %s did not end within %s s", self._role, STOP_DEADLINE_S)
