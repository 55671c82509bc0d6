"""Calls of librdkafka that may outlast their own time-out, made on a thread that can be left behind.

`send_offsets_to_transaction` waits without end for a group coordinator that went away (librdkafka#5456, #5511).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from queue import SimpleQueue
from typing import TypeAlias

from streams.kafka.errors import OutcomeUnknown, called
from streams.kafka.patience import SLICE_S, Patience

Task: TypeAlias = tuple[Callable[[], object], "Future[object] | None"]


class BoundedCalls:
    """One daemon thread, so that neither a lane nor the interpreter's end waits for it."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="librdkafka-calls", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def call(self, function: Callable[[], object], patience: Patience) -> None:
        """Raises what `function` raises, and OutcomeUnknown once patience is over; only `end` may follow that."""
        future: Future[object] = Future()
        self._tasks.put((function, future))
        while True:
            try:
                future.result(SLICE_S)
            except NotYet:
                if future.done():
                    raise  # the call's own
                if not patience.over():
                    continue
                raise OutcomeUnknown("the client does not return from a call") from None
            return

    def end(self, last: Callable[[], object], wait_s: float) -> None:
        """Let the thread do `last` when it is done with what it has in hand, and end; waits so long and no longer."""
        self._tasks.put((last, None))
        self._thread.join(wait_s)

    def _work(self) -> None:
        while True:
            function, future = self._tasks.get()
            try:
                result = called(function)
            except BaseException as error:  # noqa: BLE001  # it belongs to the caller
                if future is not None:
                    future.set_exception(error)
            else:
                if future is not None:
                    future.set_result(result)
            if future is None:
                return
            # What was called holds the producer, which must not live until the next call.
            del function, future
