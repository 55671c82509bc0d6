"""A call that never returns costs its caller no more than the patience, and nobody's exit."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.bounded import BoundedCalls
from streams.kafka.errors import OutcomeUnknown
from streams.kafka.patience import Patience
from tests.unit.kafka.broken_client import raise_as_it_is


def patience(seconds: float) -> Patience:
    return Patience(lambda: False, seconds)


def time_out() -> None:
    raise TimeoutError


def test_a_call_ends_with_its_result_or_its_error() -> None:
    calls = BoundedCalls()
    done: list[int] = []
    calls.call(lambda: done.append(1), patience(10))
    with pytest.raises(ZeroDivisionError):
        calls.call(lambda: 1 // 0, patience(10))
    with pytest.raises(TimeoutError):
        calls.call(time_out, patience(10))
    with pytest.raises(KafkaException):
        calls.call(lambda: raise_as_it_is(KafkaError(KafkaError._FENCED)), patience(10))
    calls.call(lambda: done.append(2), patience(10))
    assert done == [1, 2]
    calls.end(lambda: done.append(3), 10)
    assert done == [1, 2, 3]
    assert not calls.running


def test_a_call_that_hangs_is_left_behind_and_finished_when_it_returns() -> None:
    calls, hang, last = BoundedCalls(), threading.Event(), threading.Event()
    with pytest.raises(OutcomeUnknown):
        calls.call(hang.wait, patience(0))
    calls.end(last.set, 0)
    assert calls.running
    hang.set()
    assert last.wait(10)


def test_a_call_that_hangs_for_ever_does_not_keep_the_process() -> None:
    program = (
        "import threading\nfrom streams.kafka.bounded import BoundedCalls\n"
        "from streams.kafka.patience import Patience\n"
        "try:\n    BoundedCalls().call(threading.Event().wait, Patience(lambda: False, 0))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["OutcomeUnknown"]
