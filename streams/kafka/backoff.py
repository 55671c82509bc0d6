"""Waiting ever longer between tries of what fails again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_S, MOST_S, SLICE_S = 0.1, 5.0, 0.1


class Backoff:
    """From 0.1 s on, doubling up to 5 s. A stop ends the wait at once; `meanwhile` is called with each slice of it."""

    def __init__(self, stop: Callable[[], bool], meanwhile: Callable[[float], object] = time.sleep) -> None:
        self._stop, self._meanwhile = stop, meanwhile
        self._next_s = FIRST_S

    def wait(self) -> None:
        deadline = time.monotonic() + self._next_s
        self._next_s = min(MOST_S, 2 * self._next_s)
        while not self._stop() and (left := deadline - time.monotonic()) > 0:
            self._meanwhile(min(SLICE_S, left))

    def reset(self) -> None:
        """It worked: the next wait is a short one again."""
        self._next_s = FIRST_S
