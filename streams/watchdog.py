"""Ends a process that hangs: a thread that asks what `/livez` asks, for where nobody else asks it."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable

import structlog

from streams.telemetry.progress import Verdict

INTERVAL_S = 1.0
STRIKES = 5
"""Times in a row that the verdict must be bad. A process that was itself stopped for a while (SIGSTOP, a suspended
machine) finds every lane late at once, and needs a moment to hear from them."""


class Watchdog:
    """`live` is the verdict about the process now; `leave` ends it; `alive` is called as long as Python runs at all."""

    def __init__(
        self, live: Callable[[], Verdict], leave: Callable[[], None], alive: Callable[[], None] = lambda: None
    ) -> None:
        self._live, self._leave, self._alive = live, leave, alive
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once the process is on its way out, that has a deadline of its own; `alive` is not called any more."""
        with self._lock:
            self._stop.set()

    def _watch(self) -> None:
        strikes = 0
        while not self._stop.wait(INTERVAL_S):
            with self._lock:
                if self._stop.is_set():
                    return
                self._alive()
            verdict = self._live()
            strikes = 0 if verdict.ok else strikes + 1
            if strikes >= STRIKES:
                fix = "if the model hangs, set model.isolation = process; what every thread did follows"
                structlog.get_logger("streams.watchdog").critical("hangs; leaving", why=verdict.reason, fix=fix)
                self._leave()
                return


def leave_unless_called_within(seconds: float) -> None:
    """Exit with 1, with every thread's stack on stderr, if this is not called again in time.

    By a timer that needs no Python: a native model that hangs may hold the interpreter's lock, and then no thread of
    ours runs.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)


def leave_with_stacks() -> None:
    """Write every thread's stack to stderr, and exit with 1 at once: what hangs can hang any orderly way out."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(1)
