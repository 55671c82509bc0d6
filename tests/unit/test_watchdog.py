"""The watchdog: it ends a process whose lanes hang, and leaves alone one that was itself stopped."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable

import pytest

from streams import watchdog
from streams.telemetry.progress import Verdict
from streams.watchdog import STRIKES, Watchdog


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "INTERVAL_S", 0.001)


def watch(verdicts: Iterable[bool]) -> tuple[threading.Event, threading.Event, Watchdog]:
    """A watchdog over the verdicts in turn; events for "it left" and "all were asked for"."""
    left, asked = threading.Event(), threading.Event()
    coming = iter(verdicts)

    def live() -> Verdict:
        try:
            return Verdict(next(coming), "as told")
        except StopIteration:
            asked.set()
            return Verdict(ok=True, reason="done")

    dog = Watchdog(live, left.set)
    dog.start()
    return left, asked, dog


def test_it_leaves_when_a_lane_stays_stuck() -> None:
    left, _, _ = watch([True, *[False] * STRIKES])
    assert left.wait(10)


def test_a_process_that_was_stopped_for_a_while_gets_time_to_be_heard_of() -> None:
    left, asked, dog = watch([*[False] * (STRIKES - 1), True] * 3)
    assert asked.wait(10)
    dog.stop()
    assert not left.is_set()


def test_it_leaves_with_the_stack_of_every_thread() -> None:
    program = (
        "import threading\nfrom streams.watchdog import leave_with_stacks\n"
        "def a_model_that_hangs():\n    threading.Event().wait()\n"
        "threading.Thread(target=a_model_that_hangs).start()\nleave_with_stacks()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "a_model_that_hangs" in ended.stderr


def test_a_process_whose_interpreter_is_held_by_a_native_call_ends() -> None:
    program = (
        "import ctypes\nfrom streams.watchdog import leave_unless_called_within\n"
        "leave_unless_called_within(0.3)\nctypes.PyDLL(None).sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr


def test_a_stop_is_not_given_more_time_by_the_watchdog() -> None:
    alive: list[None] = []
    dog = Watchdog(lambda: Verdict(ok=True, reason=""), lambda: None, lambda: alive.append(None))
    dog.start()
    dog.stop()
    before = len(alive)
    dog._thread.join(10)
    assert len(alive) == before
