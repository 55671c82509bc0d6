"""What a feed brings, on a thread of its own: however long Kafka keeps it, viewers are told something meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeAlias

from streams.kafka.feed import Read

MOST_WAITING = 4
PUT_S = 0.2

Feed: TypeAlias = Callable[[threading.Event], Iterator[Read]]
"""What is read, until the event is set."""


class Pump:
    """A context manager, which does not wait for the thread: a call of Kafka's client may have seconds to go."""

    def __init__(self, feed: Feed, stop: threading.Event) -> None:
        self._feed, self._stop = feed, stop
        self._reads: queue.Queue[Read] = queue.Queue(MOST_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="page-feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def next(self, patience_s: float) -> Read | None:
        """None where nothing came in time. Raises what ended the feed."""
        try:
            return self._reads.get(timeout=patience_s)
        except queue.Empty:
            if self._error is not None:
                raise self._error from None
            return None

    def _run(self) -> None:
        try:
            for read in self._feed(self._stop):
                self._put(read)
        except BaseException as error:  # noqa: BLE001  # told to whoever asks next
            self._error = error

    def _put(self, read: Read) -> None:
        while not self._stop.is_set():
            try:
                self._reads.put(read, timeout=PUT_S)
            except queue.Full:
                continue
            break
