"""How long a transaction waits for its broker."""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.kafka.errors import CLIENT_ERRORS, called, kafka_error

TRANSACTION_TIMEOUT_S = 10.0
"""After this the broker aborts what a dead worker left open (KIP-447 advises 10 s), so nobody waits longer."""

STOP_PATIENCE_S = 3.0
"""What is left of it once a stop was asked for: the exit has its own deadline."""

SLICE_S = 0.5
"""How long one call may block: it bounds how late a stop is noticed."""


class Patience:
    """From its making on; one for all steps of a transaction."""

    def __init__(
        self,
        stop: Callable[[], bool],
        timeout_s: float = TRANSACTION_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stop, self._clock = stop, clock
        self._ends = clock() + timeout_s
        self._stopping = False

    def over(self) -> bool:
        """Whether there is nothing left of it."""
        if not self._stopping and self._stop():
            self._stopping = True
            self._ends = min(self._ends, self._clock() + STOP_PATIENCE_S)
        return self._clock() > self._ends

    def insist(self, call: Callable[[float], object]) -> None:
        """Repeat a call of librdkafka that gets a time-out and can be resumed; at least once.

        Raises the client's error where it cannot be, or patience is over.
        """
        while True:
            try:
                called(lambda: call(SLICE_S))
            except CLIENT_ERRORS as error:
                cause = kafka_error(error)
                if cause is None or not cause.retriable() or self.over():
                    raise
            else:
                return
