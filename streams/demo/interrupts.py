"""Ctrl-C and SIGTERM: the first one ends the demo in order, the next one at once, and none disturbs the cleaning up."""

from __future__ import annotations

import signal
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
        self._patient = self._ignored = False
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

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._ignored:
            return
        if self.asked or not self._patient:
            raise Interrupted
        self.asked = True
