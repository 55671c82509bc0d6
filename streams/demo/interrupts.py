"""Ctrl-C and SIGTERM: the first one ends the demo in order, the next one at once, and none disturbs the cleaning up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The demo was told to end before it had a result."""

    def __init__(self) -> None:
        super().__init__("the demo was stopped before it had its result; everything it started was cleaned up")


class Interrupts:
    """Handles the signals while it lasts; for the main thread. A context manager.

    Before `patient` every signal raises Interrupted; then the first one sets `asked` and a second one raises;
    after `ignore` they do nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._patient = self._ignored = self._held = self._pending = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def patient(self) -> None:
        """From now on there is something to end in order."""
        self._patient = True

    def ignore(self) -> None:
        """From now on things are being cleaned up."""
        self._ignored = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal waits until the body is done: for the start of threads and processes, which are no threads and
        processes of anybody's when an exception comes between."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        pending, self._pending = self._pending, False
        if pending:
            raise Interrupted

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._ignored:
            return
        if self._patient and not self.asked:
            self.asked = True
        elif self._held:
            self._pending = True
        else:
            raise Interrupted
